//! `cargo xtask object-check`: the compiled XDP object cannot panic.
//!
//! An indexing the compiler cannot prove in bounds links fine and is refused by the kernel; the
//! panic it would call is visible in the object, so this finds it without root.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use object::{Object as _, ObjectSymbol as _};
use xtask::{
    provision,
    workspace::{self, Profile},
};

/// Part of the mangled name of everything in `core::panicking`.
const PANIC: &str = "panicking";

/// The program, without which the object is not the one meant.
const PROGRAM: &str = "ani_ingress";

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    provision::build_tools()?;
    workspace::build_ani(Profile::Dev)?;
    let path = workspace::bpf_object();
    let bytes = std::fs::read(&path)
        .with_context(|| format!("cannot read the XDP object {}", path.display()))?;
    let symbols = inspect(&bytes).with_context(|| path.display().to_string())?;
    println!("object-check: no panic among {symbols} symbols of {}", path.display());
    Ok(ExitCode::SUCCESS)
}

/// How many symbols the object has, none of them a panic.
fn inspect(bytes: &[u8]) -> anyhow::Result<usize> {
    let names = symbols(bytes)?;
    if !names.iter().any(|name| name == PROGRAM) {
        bail!("no program `{PROGRAM}`");
    }
    let panics: Vec<&String> = names.iter().filter(|name| name.contains(PANIC)).collect();
    if !panics.is_empty() {
        bail!(
            "can panic, which the kernel refuses to load: {panics:?}; look for an indexing or an \
             arithmetic the compiler cannot prove"
        );
    }
    Ok(names.len())
}

fn symbols(bytes: &[u8]) -> anyhow::Result<Vec<String>> {
    let file = object::File::parse(bytes)?;
    file.symbols().map(|symbol| Ok(symbol.name()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use object::{
        Architecture, BinaryFormat, Endianness, SymbolFlags, SymbolKind, SymbolScope,
        write::{Object, Symbol, SymbolSection},
    };

    use super::*;

    fn object(names: &[&str]) -> Vec<u8> {
        let mut object = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
        for name in names {
            object.add_symbol(Symbol {
                name: name.as_bytes().to_vec(),
                value: 0,
                size: 0,
                kind: SymbolKind::Text,
                scope: SymbolScope::Dynamic,
                weak: false,
                section: SymbolSection::Absolute,
                flags: SymbolFlags::None,
            });
        }
        object.write().expect("an ELF file")
    }

    #[test]
    fn a_panic_is_found() {
        let panic = "_ZN4core9panicking18panic_bounds_check17h0123456789abcdefE";
        let found = inspect(&object(&[PROGRAM, panic])).expect_err("a panic").to_string();
        assert!(found.contains(panic), "{found}");
        assert!(inspect(&object(&[PROGRAM])).is_ok());
    }

    #[test]
    fn what_is_not_the_program_is_refused() {
        for bytes in [object(&["other"]), Vec::new(), b"no ELF".to_vec()] {
            assert!(inspect(&bytes).is_err());
        }
    }
}
