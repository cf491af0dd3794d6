//! `cargo xtask setup`: installs what a build needs.

use std::process::ExitCode;

use xtask::provision;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Install the Debian packages of the demo and the end-to-end tests too
    #[arg(long)]
    packages: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    provision::build_tools()?;
    if options.packages {
        provision::lab_packages()?;
    }
    Ok(ExitCode::SUCCESS)
}
