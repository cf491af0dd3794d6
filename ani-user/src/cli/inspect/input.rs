//! From a file to the bytes of a message, and what they are when they are no INVITE.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::Path,
};

use anyhow::{Context as _, bail};

use crate::{
    capture::{assembly::framing::MAX_MESSAGE, file::CaptureFile},
    cli::output,
    sip::{self, Place, Start},
};

/// A message as it was given.
pub(in crate::cli) struct Input {
    /// Its bytes; where its lines ended in LF alone, they end in CRLF.
    pub message: Vec<u8>,
    /// Bytes of the file.
    pub len: usize,
    /// Whether its lines ended in LF alone.
    pub lf_only: bool,
}

impl Input {
    /// Reads a file, or standard input for `-`.
    pub(in crate::cli) fn read(path: &Path) -> anyhow::Result<Self> {
        let name = name(path);
        let bytes = if path == Path::new("-") {
            bounded(io::stdin().lock()).context("cannot read standard input")?
        } else {
            if path.is_dir() {
                bail!("{name}: a directory; name a file with one message");
            }
            let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
            bounded(file).with_context(|| format!("cannot read {name}"))?
        };
        Self::of(bytes).with_context(|| name)
    }

    /// Takes bytes for a message.
    pub(super) fn of(bytes: Vec<u8>) -> anyhow::Result<Self> {
        if bytes.is_empty() {
            bail!("empty; it should hold one SIP message");
        }
        if CaptureFile::new(Cursor::new(bytes.clone())).is_ok() {
            bail!("a capture, not a message; `ani replay` reads those");
        }
        if bytes.len() > MAX_MESSAGE {
            bail!("more than {MAX_MESSAGE} bytes, as no SIP message has; cut one out of it");
        }
        let len = bytes.len();
        let lf_only = bytes.contains(&b'\n') && !bytes.contains(&b'\r');
        let message = if lf_only { with_crlf(&bytes) } else { bytes };
        Ok(Self { message, len, lf_only })
    }
}

/// As messages stand on the wire: otherwise every length in it would be wrong, and no line right.
fn with_crlf(bytes: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    for byte in bytes {
        if *byte == b'\n' {
            message.push(b'\r');
        }
        message.push(*byte);
    }
    message
}

/// One byte more than a message may have, to see that there is one.
fn bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(MAX_MESSAGE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What errors call a file.
pub(super) fn name(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input".to_owned();
    }
    output::plain(&path.display().to_string())
}

/// What bytes are that are no INVITE.
pub(in crate::cli) fn what(message: &[u8]) -> String {
    let start = message.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    let message = start.map_or(&[][..], |start| &message[start..]);
    let line = message.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = sip::trim(line);
    let method = line.split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
    let is_sip = sip::start(message, 0, Place::Behind) == Start::Yes;
    if is_sip && method.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/")) {
        return format!("a response, `{}`", shown(line));
    }
    if is_sip {
        return format!("a request with method {}", shown(method));
    }
    format!(
        "no SIP message: it starts with `{}`, and not with a method, a URI and SIP/2.0 in one line",
        shown(line)
    )
}

/// As much of a stranger's line as an error can bear.
fn shown(line: &[u8]) -> String {
    const MOST: usize = 60;
    let text = sip::lossy(line.get(..MOST).unwrap_or(line));
    let more = if line.len() > MOST { "…" } else { "" };
    format!("{}{more}", output::plain(&text))
}
