//! `ani run`: the daemon.

use std::{io, path::PathBuf};

use tracing_subscriber::EnvFilter;

use super::{
    Globals,
    exit::{Code, Failure},
    load_config,
};
use crate::{
    config::DEFAULT_FILE,
    control::socket,
    kernel::preflight,
    runtime::{self, Source},
};

/// Attaches to the configured interfaces and runs in the foreground until SIGTERM or Ctrl-C
///
/// SIGHUP, as `ani reload`, reads the configuration again; one that cannot be used is refused and the old
/// one stays.
/// Logs go to standard error; RUST_LOG sets what is logged (ani_user=debug).
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration
    #[arg(long, default_value = DEFAULT_FILE, value_name = "FILE")]
    config: PathBuf,
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let source = Source { file: args.config.clone(), socket: globals.socket.clone() };
    let config = source.over(load_config(&source.file)?);
    if let Err(error) = socket::read_group(&config.control) {
        return Err(Failure::say(Code::Usage, format_args!("{}: {error}", args.config.display())));
    }
    if config.capture.is_empty() {
        return Err(Failure::say(
            Code::Usage,
            format_args!(
                "{}: capture.interfaces is empty: name the interface the trunks come in on, such \
                 as interfaces = [\"eth0\"], or set capture.hep to observe what an SBC mirrors",
                args.config.display()
            ),
        ));
    }
    let filter =
        EnvFilter::builder().with_default_directive(tracing::Level::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
        .init();
    preflight::kernel()?;
    preflight::privileges().map_err(|error| Failure::new(Code::NotPermitted, error))?;
    runtime::run(source, config)
}
