//! Builds the XDP object that the daemon carries; nothing without the daemon.
//!
//! The object is a binary of another package for another target, which cargo cannot depend on; so
//! this runs cargo once more, with the one pinned compiler. `core` for the BPF target is built from
//! `rust-src`, which a stable compiler does only with `RUSTC_BOOTSTRAP`.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, bail};

/// Flags of the kernel build, each with its reason.
const RUSTFLAGS: &[&str] = &[
    // 32-bit comparisons and atomic compare-and-exchange (Linux 5.12).
    "-Ctarget-cpu=v3",
    // Source lines in the verifier's log, and BTF for the maps.
    "-Cdebuginfo=2",
    "-Clink-arg=--btf",
    // The scanner reads eight bytes at any offset; without this each read becomes eight.
    "-Clink-arg=--cpu-features=+allows-misaligned-mem-access",
];

const TARGET: &str = "bpfel-unknown-none";
const OBJECT: &str = "ani-xdp";

fn main() -> ExitCode {
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("cargo::error={error:#}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<()> {
    if env::var_os("CARGO_FEATURE_DAEMON").is_none() {
        // Said nothing, cargo would run this again, and build all again, after any change.
        println!("cargo::rerun-if-changed=build.rs");
        return Ok(());
    }
    let root = variable("CARGO_MANIFEST_DIR").map(PathBuf::from)?;
    let root = root.parent().context("the package has no parent directory")?;
    let out = variable("OUT_DIR").map(PathBuf::from)?;
    for watched in ["ani-ebpf/src", "ani-ebpf/Cargo.toml", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }

    let tools = root.join("target/tools/bin");
    println!("cargo::rerun-if-changed={}", tools.join("bpf-linker").display());
    require(&tools.join("bpf-linker"), "bpf-linker")?;
    require(&rust_src()?, "the rust-src component")?;

    // Beside cargo's own output: the outer cargo holds the lock of that one.
    let bpf = root.join("target/bpf");
    let mut path = OsString::from(&tools);
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_default());
    let output = Command::new(variable("CARGO")?)
        .current_dir(root)
        .args(["build", "--package", "ani-ebpf", "--bin", OBJECT, "--release", "--locked"])
        .args(["-Z", "build-std=core", "--target", TARGET, "--target-dir"])
        .arg(&bpf)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\u{1f}"))
        .env("PATH", path)
        // Set by the outer cargo for its own compiler, clippy's wrapper among them.
        .env_remove("RUSTC")
        .env_remove("RUSTC_WRAPPER")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_BUILD_TARGET")
        .stdin(Stdio::null())
        .output()
        .context("cannot start cargo for the XDP program")?;
    if !output.status.success() {
        bail!("the XDP program does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let built = bpf.join(TARGET).join("release").join(OBJECT);
    for target in [out.join(OBJECT), bpf.join(OBJECT)] {
        fs::copy(&built, &target)
            .with_context(|| format!("cannot copy {} to {}", built.display(), target.display()))?;
    }
    Ok(())
}

fn require(path: &Path, what: &str) -> Result<()> {
    if !path.exists() {
        bail!("{what} is missing ({}): run `cargo xtask setup` once", path.display());
    }
    Ok(())
}

/// Where the standard library's sources are, when they are installed.
fn rust_src() -> Result<PathBuf> {
    let output = Command::new(variable("RUSTC")?)
        .args(["--print", "sysroot"])
        .output()
        .context("cannot ask the compiler for its sysroot")?;
    let sysroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(Path::new(&sysroot).join("lib/rustlib/src/rust/library/core"))
}

fn variable(name: &str) -> Result<OsString> {
    env::var_os(name).with_context(|| format!("{name} is not set: this is run by cargo"))
}
