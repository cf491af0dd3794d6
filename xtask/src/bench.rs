//! `cargo xtask bench`: the benchmarks of the package ani-tests; 1 when a target is missed.

use std::process::ExitCode;

use anyhow::Context as _;
use xtask::{preflight, provision, workspace};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure this group only
    group: Option<String>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    preflight::network("bench")?;
    provision::build_tools()?;
    // Standard output is for the figures alone.
    eprintln!("bench: building (a minute or two the first time)");
    let mut command = workspace::cargo();
    command.args(["bench", "--quiet", "--package", "ani-tests", "--bench", "kernel", "--"]);
    command.args(&options.group);
    if options.json {
        command.arg("--json");
    }
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
