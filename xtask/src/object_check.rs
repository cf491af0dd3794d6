//! `cargo xtask object-check`: the compiled XDP object cannot panic.
//!
//! An indexing the compiler cannot prove in bounds links fine and is refused by the kernel; the
//! panic it would call is visible in the object, so this finds it without root.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use object::{Object as _, ObjectSymbol as _};
use xtask::{command, provision, workspace};

/// Part of the mangled name of everything in `core::panicking`.
const PANIC: &str = "panicking";

/// The program, without which the object is not the one meant.
const PROGRAM: &str = "ani_ingress";

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    provision::build_tools()?;
    command::run(workspace::cargo().args(["build", "--quiet", "--package", "ani-user"]))?;
    let path = workspace::bpf_object();
    let bytes = std::fs::read(&path)
        .with_context(|| format!("cannot read the XDP object {}", path.display()))?;
    let names = symbols(&bytes).with_context(|| format!("cannot parse {}", path.display()))?;
    if !names.iter().any(|name| name == PROGRAM) {
        bail!("{} has no program `{PROGRAM}`", path.display());
    }
    let panics: Vec<&String> = names.iter().filter(|name| name.contains(PANIC)).collect();
    if !panics.is_empty() {
        bail!(
            "the XDP object can panic, which the kernel refuses to load: {panics:?}; look for an \
             indexing or an arithmetic the compiler cannot prove"
        );
    }
    println!(
        "object-check: no panic among {} symbols of {}",
        names.len(),
        path.display()
    );
    Ok(ExitCode::SUCCESS)
}

fn symbols(bytes: &[u8]) -> anyhow::Result<Vec<String>> {
    let file = object::File::parse(bytes)?;
    file.symbols()
        .map(|symbol| Ok(symbol.name()?.to_owned()))
        .collect()
}
