//! Where things lie in the working tree, and what cargo made.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

/// The version every task installs and looks for.
pub const BPF_LINKER_VERSION: &str = "0.10.3";

/// The version `cargo xtask fuzz` installs and looks for.
pub const CARGO_FUZZ_VERSION: &str = "0.13.2";

/// How a binary is optimised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// `target/debug`
    Dev,
    /// `target/release`
    Release,
}

/// Directory of the workspace's Cargo.toml.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_path_buf()
}

/// Where the tools are installed that are not cargo's. Beside Cargo.toml, also when
/// `CARGO_TARGET_DIR` says otherwise: the build script looks for them there.
pub fn tools() -> PathBuf {
    root().join("target/tools")
}

/// What is searched for programs, the tools first.
pub fn path_with_tools() -> OsString {
    let mut path = tools().join("bin").into_os_string();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}

/// The XDP object, once the daemon was built.
pub fn bpf_object() -> PathBuf {
    root().join("target/bpf/ani-xdp")
}

/// `cargo`, run in the workspace.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Builds `ani` and says where it lies.
///
/// # Errors
///
/// When cargo fails, or reports no executable.
pub fn build_ani(profile: Profile) -> anyhow::Result<PathBuf> {
    let mut command = cargo();
    match profile {
        Profile::Release => command.args(["build", "--release", "--package", "ani-user"]),
        // As a part of a test build: with the tests' features everything is built already.
        Profile::Dev => command.args(["test", "--no-run", "--workspace", "--test", "control"]),
    };
    command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("building ani failed ({})", output.status);
    }
    // Asked for and not guessed: the target directory can be anywhere.
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "ani")
        .filter(|message| message["profile"]["test"] == false)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .context("cargo built ani, but named no executable")
}
