//! What is installed before anything is built or run. Every step looks first and does nothing twice.

use std::{
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    cleanup::{self, Guard, Undo},
    command, preflight, workspace,
};

/// A Debian package, and what it is needed for.
struct Package {
    name: &'static str,
    needed: Needed,
}

/// What a package brings.
enum Needed {
    Program(&'static str),
    /// A module of kamailio.
    Module(&'static str),
    /// A library, in [`faketime`].
    Faketime,
}

/// libfuzzer is C++.
const CXX: Package = Package { name: "g++", needed: Needed::Program("c++") };

const TSHARK: Package = Package { name: "tshark", needed: Needed::Program("tshark") };

const LAB: &[Package] = &[
    Package { name: "iproute2", needed: Needed::Program("ip") },
    Package { name: "libfaketime", needed: Needed::Faketime },
    Package { name: "kamailio", needed: Needed::Program("kamailio") },
    Package { name: "kamailio-tls-modules", needed: Needed::Module("tls.so") },
    Package { name: "openssl", needed: Needed::Program("openssl") },
    Package { name: "sip-tester", needed: Needed::Program("sipp") },
    // What it says of the unit; nothing of it runs.
    Package { name: "systemd", needed: Needed::Program("systemd-analyze") },
    Package { name: "util-linux", needed: Needed::Program("setpriv") },
];

/// Asked by Debian's maintainer scripts before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Exit code 101 of [`POLICY`] forbids the start.
const POLICY_SCRIPT: &str = "#!/bin/sh\nexit 101\n";

/// What a build needs: the source of `core` and the BPF linker.
///
/// # Errors
///
/// When a step fails; the text names it.
pub fn build_tools() -> anyhow::Result<()> {
    rust_src()?;
    tool("bpf-linker", workspace::BPF_LINKER_VERSION)
}

fn rust_src() -> anyhow::Result<()> {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(workspace::root()).args(["--print", "sysroot"]);
    let sysroot = command::output(&mut rustc)?;
    if Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library").is_dir() {
        return Ok(());
    }
    println!("setup: adding the rust-src component, from which `core` is built for BPF");
    // In the workspace, so that rustup takes the toolchain that rust-toolchain.toml pins.
    let mut rustup = Command::new("rustup");
    rustup.current_dir(workspace::root()).args(["component", "add", "rust-src"]);
    command::run(&mut rustup)
        .context("cannot add rust-src: install it beside this compiler, or use rustup")
}

/// What fuzzing needs beside what a build does.
///
/// # Errors
///
/// When it cannot be installed.
pub fn cargo_fuzz() -> anyhow::Result<()> {
    install(&[CXX])?;
    tool("cargo-fuzz", workspace::CARGO_FUZZ_VERSION)
}

/// Installs a tool into `target/tools`, unless this version of it is there.
fn tool(name: &str, version: &str) -> anyhow::Result<()> {
    let tools = workspace::tools();
    let mut installed = Command::new(tools.join("bin").join(name));
    installed.arg("--version");
    if command::output(&mut installed).is_ok_and(|said| is_version(&said, version)) {
        return Ok(());
    }
    println!("setup: installing {name} {version} into target/tools (about a minute)");
    let mut install = workspace::cargo();
    install
        .args(["install", "--locked", "--force", name, "--version", version, "--root"])
        .arg(&tools);
    command::run(&mut install).with_context(|| format!("cannot install {name} {version}"))
}

/// Whether what a tool says of its version is this one.
fn is_version(said: &str, version: &str) -> bool {
    said.split_whitespace().any(|word| word == version)
}

/// What the call lab needs: ip, kamailio, openssl, sipp and what sets a process's clock.
///
/// # Errors
///
/// When a package is missing and cannot be installed; the text names the command to run.
pub fn lab_packages() -> anyhow::Result<()> {
    install(LAB)
}

/// What a bench is compared with. Without the right to install it nothing is done: the bench says
/// that it is not there.
///
/// # Errors
///
/// When it is missing and its installation fails.
pub fn tshark() -> anyhow::Result<()> {
    if preflight::is_root() { install(&[TSHARK]) } else { Ok(()) }
}

fn install(packages: &[Package]) -> anyhow::Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|package| match package.needed {
            Needed::Program(program) => command::find(program).is_none(),
            Needed::Module(module) => !has_module(module),
            Needed::Faketime => faketime().is_none(),
        })
        .map(|package| package.name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let Some(apt) = command::find("apt-get") else {
        bail!("{list} missing, and there is no apt-get: install them with this system's packages");
    };
    if !preflight::is_root() && command::find("sudo").is_none() {
        bail!("{list} missing: run `apt-get install {list}` as root");
    }
    println!("setup: installing the Debian packages {list}");
    let _policy = forbid_services(&missing)?;
    apt_get(&apt, &["update", "-qq"])?;
    let mut install =
        vec!["install", "--yes", "-qq", "--option=Dpkg::Use-Pty=0", "--no-install-recommends"];
    install.extend(&missing);
    apt_get(&apt, &install)?;
    if missing.contains(&"kamailio") {
        disable_kamailio()?;
    }
    Ok(())
}

/// Whether kamailio has a module; its directory is named for the architecture.
fn has_module(name: &str) -> bool {
    let directories = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    directories
        .map(|entry| entry.path())
        .chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64")])
        .any(|directory| directory.join("kamailio/modules").join(name).is_file())
}

/// What tells the process it is preloaded into another time of day; in a directory named for the
/// architecture.
pub fn faketime() -> Option<PathBuf> {
    let directories = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    directories
        .map(|entry| entry.path())
        .chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64")])
        .map(|directory| directory.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file())
}

fn apt_get(apt: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let mut command = as_root("env");
    command.arg("DEBIAN_FRONTEND=noninteractive").arg(apt).args(arguments);
    command::run(&mut command)
}

/// The program itself, or through sudo.
fn as_root(program: &str) -> Command {
    if preflight::is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg(program);
    command
}

/// Keeps the packages' services from starting while they are installed: a kamailio of the system
/// would sit on port 5060.
fn forbid_services(missing: &[&str]) -> anyhow::Result<Option<Guard>> {
    let policy = PathBuf::from(POLICY);
    // One that is there speaks for its owner.
    if !missing.contains(&"kamailio") || policy.exists() || !preflight::is_root() {
        return Ok(None);
    }
    let ((), guard) = cleanup::make(|| {
        std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o755)
            .open(&policy)
            .and_then(|mut file| file.write_all(POLICY_SCRIPT.as_bytes()))
            .with_context(|| format!("cannot write {POLICY}"))?;
        Ok(((), Undo::RemoveFile(policy.clone())))
    })?;
    Ok(Some(guard))
}

/// The lab starts its own; the package's would start with the machine.
fn disable_kamailio() -> anyhow::Result<()> {
    if !Path::new("/run/systemd/system").is_dir() {
        return Ok(());
    }
    println!(
        "setup: the kamailio service stays off (`systemctl enable --now kamailio` turns it on)"
    );
    let mut disable = as_root("systemctl");
    disable.args(["disable", "--now", "--quiet", "kamailio"]);
    command::run(&mut disable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_compared_whole() {
        assert!(is_version("bpf-linker 0.10.3\n", "0.10.3"));
        assert!(!is_version("bpf-linker 0.10.30\n", "0.10.3"));
        assert!(!is_version("", "0.10.3"));
    }
}
