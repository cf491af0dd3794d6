//! `cargo xtask build`: what is installed.

use std::process::ExitCode;

use xtask::{
    provision,
    workspace::{self, Profile},
};

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    provision::build_tools()?;
    println!("build: compiling ani (a minute or two the first time)");
    let binary = workspace::build_ani(Profile::Release)?;
    println!("build: {}", binary.display());
    Ok(ExitCode::SUCCESS)
}
