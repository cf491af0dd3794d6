//! The command line: one file per subcommand. Parsing touches no system; a command that runs ends
//! with one of the `exit::Code`s.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{CommandFactory, Parser, Subcommand};

use self::exit::{Code, Failure};
use crate::config::Config;

/// Exit codes and the errors that carry them.
pub mod exit;
/// HTTP over the unix socket.
mod client;
/// What is printed: tables, JSON, a pipe that breaks.
mod output;
/// `ani run`
mod run;
/// `ani reload`
mod reload;
/// `ani status`
mod status;
/// `ani top`
mod top;
/// `ani caller`
mod caller;
/// `ani number`
mod number;
/// `ani block`, `ani allow`, `ani gray`, `ani list`
mod list;
/// `ani limit`
mod limit;
/// `ani breaker`
mod breaker;
/// `ani cert`
mod cert;
/// `ani replay`
pub mod replay;
/// `ani inspect`
pub mod inspect;
/// `ani verify`
mod verify;
/// `ani trunk`
mod trunk;
/// `ani check-config`
mod check_config;
/// `ani detach`
mod detach;
/// `ani doctor`
mod doctor;
/// `ani completions`
mod completions;

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 daemon not reachable,
4 not permitted, 5 not to be found out (`verify`).

Numbers are written with + and country code, such as +14155551234; with --country they may be
written as they are dialled in that country.";

/// Reads every SIP INVITE at the NIC, knows who calls, and stops blocked and over-limit callers.
#[derive(Debug, Parser)]
#[command(name = "ani", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Globals {
    /// The daemon's socket [default: /run/ani/ani.sock, for `run` what the configuration says]
    #[arg(long, global = true, value_name = "PATH", help_heading = "For every command")]
    pub socket: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true, help_heading = "For every command")]
    pub json: bool,
}

impl Globals {
    /// Where the daemon is talked to.
    pub fn socket_path(&self) -> PathBuf {
        self.socket.clone().unwrap_or_else(|| Config::default().control.socket)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon: attach to the interfaces, decide, count, answer
    Run(run::Args),
    /// Have the daemon read its configuration again, and say what that changed
    ///
    /// One that cannot be used is refused, and the old one stays: ends with 2. What only a restart takes
    /// is marked, and stays as it is.
    Reload(reload::Args),
    /// What the daemon listens on, what it counted, what is in force
    Status(status::Args),
    /// The callers or trunks with the most calls
    #[command(subcommand)]
    Top(top::Command),
    /// All that is known of one caller
    Caller(caller::Args),
    /// What is known of a number, and each step from the digits to it
    ///
    /// Works without the daemon. Ends with 1 when any of them is no number.
    Number(number::Args),
    /// Show and change the block list
    #[command(subcommand)]
    Block(list::Command),
    /// Show and change the list of those whose calls pass whatever other rules say
    #[command(subcommand)]
    Allow(list::Command),
    /// Show and change the gray list: its callers are marked, and limits may be for them alone
    #[command(subcommand)]
    Gray(list::Command),
    /// Show all lists, say what they do, show and change named ones
    List(list::Lists),
    /// Show and change how many calls there may be
    #[command(subcommand)]
    Limit(limit::Command),
    /// Lists and limits at rest: taken for a mistake, since they stopped too many good callers
    Breaker(breaker::Args),
    /// Show, fetch and change the certificates that signatures are verified with
    #[command(subcommand)]
    Cert(cert::Command),
    /// Run capture files through the daemon's pipeline, without root
    ///
    /// pcap and pcapng. INVITEs to any port are read. IP fragments are put together and TCP is
    /// followed, from one file to the next; IP-in-IP, GRE and GTP-U tunnels are looked into, and the
    /// addresses shown are those within.
    Replay(replay::Args),
    /// Read one SIP message: who is named, each step to the ANI, all that is malformed
    ///
    /// Ends with 1 when the message is no INVITE or cannot be read, whatever is malformed in one
    /// that can.
    Inspect(inspect::Args),
    /// Verify the signatures of one message, or of one PASSporT, step by step and offline
    ///
    /// Ends with 0 when they hold, with 1 when they do not, and with 5 when it could not be found out,
    /// as without trust anchors or the certificate.
    Verify(verify::Args),
    /// Learn what a trunk sends, and see the profiles there are
    #[command(subcommand)]
    Trunk(trunk::Command),
    /// Read a configuration file and say what is wrong with it
    CheckConfig(check_config::Args),
    /// Take off the interfaces what a daemon that has ended left there
    Detach(detach::Args),
    /// Check what this machine needs to run the daemon, and say what to do
    Doctor(doctor::Args),
    /// Print a completion script for a shell
    Completions(completions::Args),
}

/// Parses the command line, runs the command, prints its error.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too; whoever closed the pipe has seen enough.
            let _ = error.print();
            return if error.use_stderr() { Code::Usage.into() } else { Code::Done.into() };
        }
    };
    match dispatch(&cli) {
        Ok(()) => Code::Done.into(),
        Err(error) if exit::is_broken_pipe(&error) => Code::Done.into(),
        Err(error) => {
            exit::complain(&error);
            exit::code(&error).into()
        }
    }
}

fn dispatch(Cli { globals, command }: &Cli) -> anyhow::Result<()> {
    match command {
        Command::Run(args) => run::run(args, globals),
        Command::Reload(args) => reload::run(args, globals),
        Command::Status(args) => status::run(args, globals),
        Command::Top(command) => top::run(command, globals),
        Command::Caller(args) => caller::run(args, globals),
        Command::Number(args) => number::run(args, globals),
        Command::Block(command) => list::run("block", command, globals),
        Command::Allow(command) => list::run("allow", command, globals),
        Command::Gray(command) => list::run("gray", command, globals),
        Command::List(args) => list::run_lists(args, globals),
        Command::Limit(command) => limit::run(command, globals),
        Command::Breaker(args) => breaker::run(args, globals),
        Command::Cert(command) => cert::run(command, globals),
        Command::Replay(args) => replay::run(args, globals.json),
        Command::Inspect(args) => inspect::run(args, globals.json),
        Command::Verify(args) => verify::run(args, globals.json),
        Command::Trunk(command) => trunk::run(command, globals),
        Command::CheckConfig(args) => check_config::run(args, globals),
        Command::Detach(args) => detach::run(args, globals),
        Command::Doctor(args) => doctor::run(args, globals),
        Command::Completions(args) => completions::run(args, &mut Cli::command()),
    }
}

/// The configuration of a file; an error is one of usage, or of permission.
pub fn load_config(path: &Path) -> anyhow::Result<Config> {
    let readable = std::fs::File::open(path);
    Config::load(path).map_err(|error| {
        let denied =
            readable.is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied);
        let code = if denied { Code::NotPermitted } else { Code::Usage };
        Failure::new(code, error).into()
    })
}

#[cfg(test)]
mod tests;
