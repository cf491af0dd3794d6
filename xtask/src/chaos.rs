//! `cargo xtask chaos`: calls while the worst happens, and the table of what became of them.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use xtask::{
    cleanup::{self, Undo},
    lab::disturbance::{RATE, Row, SECONDS, TABLE},
    preflight, provision, workspace,
};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only what has this in its name, such as `restart`
    filter: Option<String>,
    /// Honest calls placed each second; a fifth as many of blocked callers beside them
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// How long they are placed, in each row
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// With an optimised daemon
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    preflight::network("chaos")?;
    provision::build_tools()?;
    provision::lab_packages()?;
    let path = std::env::temp_dir().join(format!("ani-chaos-{}", std::process::id()));
    let (table, _guard) = cleanup::make(|| Ok((path.clone(), Undo::RemoveFile(path))))?;

    let mut command = workspace::cargo();
    command.args(["test", "--workspace", "--test", "e2e"]);
    if options.release {
        command.arg("--release");
    }
    let filter = options.filter.as_deref().unwrap_or_default();
    command.args(["--", "--test-threads=1", "--nocapture"]).arg(format!("chaos::{filter}"));
    command
        .env(RATE, options.rate.to_string())
        .env(SECONDS, options.seconds.to_string())
        .env(TABLE, &table);
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    // A row that failed says above why, and has no line.
    let rows = std::fs::read_to_string(&table).unwrap_or_default();
    if rows.is_empty() && status.success() {
        bail!("no disturbance has `{filter}` in its name; without a name all of them are done");
    }
    println!("\n{}\n{rows}", Row::HEAD);
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
