//! Other parsers, for the same facts of the same messages: rsip, and the C libraries that Debian
//! has, each through a program of a page that `cc` makes here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use rsip::prelude::{HeadersExt as _, ToTypedHeader as _, UntypedHeader as _};
use xtask::command;

use super::messages::{COUNT, LEN, Messages};

/// A C library.
pub(crate) struct Library {
    /// What it is called.
    pub(crate) name: &'static str,
    /// In `tests/bench/parse/peers`.
    source: &'static str,
    /// That the library is installed.
    header: &'static str,
    /// How it is compiled and linked.
    arguments: &'static [&'static str],
}

/// Those that are asked.
pub(crate) const LIBRARIES: [Library; 2] = [
    Library {
        name: "libosip2",
        source: "osip.c",
        header: "/usr/include/osipparser2/osip_parser.h",
        arguments: &["-losipparser2"],
    },
    Library {
        name: "sofia-sip",
        source: "sofia.c",
        header: "/usr/include/sofia-sip-1.12/sofia-sip/sip.h",
        arguments: &["-I/usr/include/sofia-sip-1.12", "-lsofia-sip-ua"],
    },
];

/// A program that reads the messages with a library, and the file it reads them from.
pub(crate) struct Program<'a> {
    program: PathBuf,
    file: PathBuf,
    messages: &'a Messages,
}

impl Library {
    /// Makes the program; none when the library or the compiler is not installed.
    pub(crate) fn program<'a>(
        &self,
        directory: &Path,
        messages: &'a Messages,
    ) -> Result<Option<Program<'a>>> {
        let Some(cc) = command::find("cc") else { return Ok(None) };
        if !Path::new(self.header).is_file() {
            return Ok(None);
        }
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/parse/peers");
        let (program, file) = (directory.join(self.name), directory.join("messages"));
        let mut compile = Command::new(cc);
        compile.args(["-O2", "-o"]).arg(&program).arg(sources.join(self.source));
        command::run(compile.args(self.arguments))?;
        fs::write(&file, messages.file())
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Some(Program { program, file, messages }))
    }
}

impl Program<'_> {
    /// Reads all visits so many times, in a process of its own.
    pub(crate) fn run(&self, rounds: u32) -> Result<()> {
        let mut program = Command::new(&self.program);
        program.arg(&self.file).stdin(Stdio::null());
        for number in [COUNT, LEN, self.messages.visit_count(), rounds as usize] {
            program.arg(number.to_string());
        }
        let found: usize = command::output(&mut program)?.trim().parse()?;
        ensure!(
            found == self.messages.facts() * rounds as usize,
            "{program:?} read {found} bytes of facts, not {} x {rounds}",
            self.messages.facts()
        );
        Ok(())
    }
}

/// Bytes of the facts that rsip reads.
pub(crate) fn rsip_facts(message: &[u8]) -> Result<usize> {
    let request = rsip::Request::try_from(message)?;
    let user = |uri: &rsip::Uri| uri.user().map_or(0, str::len);
    let from = request.from_header()?.typed()?;
    let to = request.to_header()?.typed()?;
    let mut found = user(&from.uri) + user(&to.uri) + request.call_id_header()?.value().len();
    for header in request.headers.iter() {
        match header {
            // No header of its own; From has its shape.
            rsip::Header::Other(name, value)
                if name.eq_ignore_ascii_case("P-Asserted-Identity") =>
            {
                found += user(&rsip::headers::From::from(value.as_str()).typed()?.uri);
            }
            rsip::Header::Other(name, value) if name.eq_ignore_ascii_case("Identity") => {
                found += value.len();
            }
            _ => {}
        }
    }
    Ok(found)
}
