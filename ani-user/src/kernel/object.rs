//! The object and its ABI version.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use ani_ebpf::abi::{ABI_SECTION, ABI_VERSION, programs};
use anyhow::{Context as _, Result, bail};
use aya::{
    Ebpf, EbpfLoader,
    maps::ProgramArray,
    programs::{ProgramError, ProgramFd, Xdp},
};
use object::{Object as _, ObjectSection as _};

use super::{preflight, rings};
use crate::config::Config;

/// Name of the XDP program in the object.
pub const PROGRAM: &str = "ani_ingress";

/// The object built beside this daemon, aligned for an ELF reader.
pub static BYTES: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/ani-xdp"));

/// Reads the object, with its maps made as large as `config` says.
///
/// # Errors
///
/// When the object speaks another ABI than this daemon, or the kernel refuses a map.
pub fn open(config: &Config) -> Result<Ebpf> {
    open_with(config, &[])
}

/// The same with maps that are kept elsewhere in place of its own.
///
/// # Errors
///
/// As for [`open`].
pub(super) fn open_with(config: &Config, kept: &[(&'static str, PathBuf)]) -> Result<Ebpf> {
    let found = abi_version(BYTES)?;
    if found != ABI_VERSION {
        bail!("the XDP object speaks ABI {found}, this daemon {ABI_VERSION}: build both together");
    }
    let mut loader = EbpfLoader::new();
    for (name, entries) in sizes(config)? {
        loader.map_max_entries(name, entries);
    }
    for (name, path) in kept {
        loader.map_pin_path(name, path.as_path());
    }
    loader
        .load(BYTES)
        .map_err(|error| preflight::explain_denied(error.into()))
        .context("the kernel does not take the maps of the XDP program")
}

/// Maps whose size the daemon chooses.
fn sizes(config: &Config) -> Result<[(&'static str, u32); 3]> {
    Ok([
        ("BUCKETS", config.lists.bucket_sets()),
        ("ATTEMPTS", config.lists.attempt_sets().unwrap_or(1)),
        ("INVITES", rings::possible_cpus()?),
    ])
}

/// What a map is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// `enum bpf_map_type`.
    pub(super) kind: u32,
    /// Bytes of a key.
    pub(super) key: u32,
    /// Bytes of a value.
    pub(super) value: u32,
    /// Entries it has room for.
    pub(super) entries: u32,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, key, value, entries } = self;
        write!(f, "{entries} of {key} + {value} bytes (kind {kind})")
    }
}

/// What each map is like, by its name.
pub(super) type Shapes = BTreeMap<String, Shape>;

/// The maps of the object, as large as `config` says.
///
/// # Errors
///
/// When the object cannot be read.
pub(super) fn shapes(config: &Config) -> Result<Shapes> {
    let object = aya_obj::Object::parse(BYTES).context("cannot read the XDP object")?;
    let mut shapes: Shapes = object
        .maps
        .iter()
        .map(|(name, map)| {
            let shape = Shape {
                kind: map.map_type(),
                key: map.key_size(),
                value: map.value_size(),
                entries: map.max_entries(),
            };
            (name.clone(), shape)
        })
        .collect();
    for (name, entries) in sizes(config)? {
        if let Some(shape) = shapes.get_mut(name) {
            shape.entries = entries;
        }
    }
    Ok(shapes)
}

/// Loads the programs of an object, each where the others look for it.
///
/// # Errors
///
/// When the kernel refuses one of them.
pub fn load(ebpf: &mut Ebpf) -> Result<()> {
    for (place, name) in programs::TABLE {
        let program = load_program(ebpf, name)?;
        let map = ebpf.map_mut("PROGRAMS").context("the object has no map PROGRAMS")?;
        ProgramArray::try_from(map)?
            .set(place, &program, 0)
            .with_context(|| format!("cannot put {name} behind {PROGRAM}"))?;
    }
    load_program(ebpf, PROGRAM)?;
    Ok(())
}

/// The names of the programs that [`load`] loads.
pub(super) fn loaded() -> impl Iterator<Item = &'static str> {
    programs::TABLE.into_iter().map(|(_, name)| name).chain([PROGRAM])
}

/// Loads a program that no other goes on to.
///
/// # Errors
///
/// When the kernel refuses it.
pub fn load_program(ebpf: &mut Ebpf, name: &str) -> Result<ProgramFd> {
    let program = ebpf.program_mut(name).with_context(|| format!("the object has no {name}"))?;
    let program: &mut Xdp = program.try_into()?;
    program.load().map_err(explain).context("the kernel does not take the XDP program")?;
    Ok(program.fd()?.try_clone()?)
}

/// The version an object was built with.
///
/// # Errors
///
/// When it is no ELF object or has no section of that name.
pub fn abi_version(object: &[u8]) -> Result<u32> {
    let file = object::File::parse(object).context("the XDP object is no ELF file")?;
    let section = file
        .section_by_name(ABI_SECTION)
        .with_context(|| format!("the XDP object has no section {ABI_SECTION}"))?;
    let bytes = section.data()?.first_chunk().context("the ABI version is cut off")?;
    Ok(u32::from_ne_bytes(*bytes))
}

/// Adds to a refusal what can be told of its cause, and cuts the verifier's log to its end.
fn explain(error: ProgramError) -> anyhow::Error {
    /// The verifier says last what it did not like.
    const LOG_LINES: usize = 12;

    match error {
        ProgramError::LoadError { io_error, verifier_log } => {
            let log = verifier_log.to_string();
            let lines: Vec<_> = log.lines().filter(|line| !line.is_empty()).collect();
            let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
            let error = anyhow::Error::new(io_error);
            preflight::explain_denied(if tail.is_empty() { error } else { error.context(tail) })
        }
        other => preflight::explain_denied(other.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_object_speaks_our_abi() {
        assert_eq!(abi_version(BYTES).expect("version"), ABI_VERSION);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(abi_version(b"no ELF").is_err());
    }

    /// A panic that the compiler could not rule out links fine and is refused by the verifier only
    /// at load; its symbol shows without root.
    #[test]
    fn the_object_cannot_panic() {
        use object::ObjectSymbol as _;

        let file = object::File::parse(BYTES).expect("ELF");
        let names: Vec<_> = file.symbols().filter_map(|symbol| symbol.name().ok()).collect();
        assert!(names.contains(&PROGRAM), "the symbols are there to be looked at: {names:?}");
        let panics: Vec<_> = names.iter().filter(|name| name.contains("panic")).collect();
        assert!(panics.is_empty(), "{panics:?}");
    }
}
