//! `cargo xtask conformance`: captures, messages and numbers written elsewhere against what tshark
//! reads of them and what the RFCs say; 1 when a row differs that should not, or a count changes.

use std::process::ExitCode;

use anyhow::Context as _;
use xtask::{provision, workspace};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    provision::build_tools()?;
    let mut command = workspace::cargo();
    command.args(["run", "--quiet", "--package", "ani-tests", "--bin", "conformance", "--"]);
    if options.json {
        command.arg("--json");
    }
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
