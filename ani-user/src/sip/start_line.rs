//! The request line: `INVITE SP Request-URI SP SIP/2.0 CRLF` (RFC 3261 §7.1).

use super::{
    fault::{Fault, Faults},
    header,
};

const METHOD: &[u8] = b"INVITE";
const VERSION: &[u8] = b"SIP/2.0";

/// The request line of an INVITE, and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'a> {
    /// Request-URI as it came.
    pub uri: &'a [u8],
    /// From the first header line on.
    pub rest: &'a [u8],
    /// What is wrong with the line.
    pub faults: Faults,
}

/// Whether a payload may be an INVITE: a look at its first bytes, for the common case that it is
/// something else.
pub fn may_be_invite(message: &[u8]) -> bool {
    after_empty_lines(message).starts_with(METHOD)
}

/// Empty lines before a request line are looked past (RFC 3261 §7.5).
fn after_empty_lines(message: &[u8]) -> &[u8] {
    let start = message.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
    start.map_or(&[], |start| &message[start..])
}

/// Recognises an INVITE: the method token exactly, then `SIP/2.0` at the line's end.
pub(super) fn invite(message: &[u8]) -> Option<RequestLine<'_>> {
    let message = after_empty_lines(message);
    let after_method = message.strip_prefix(METHOD)?;
    if !matches!(after_method.first(), Some(b' ' | b'\t')) {
        return None;
    }
    let mut faults = Faults::NONE;
    let (line, rest) = header::line(after_method, &mut faults);
    let line = &line[1..];

    let trimmed = line.trim_ascii_end();
    let (before, version) = trimmed.split_at_checked(trimmed.len().wrapping_sub(VERSION.len()))?;
    if !version.eq_ignore_ascii_case(VERSION) || !matches!(before.last(), Some(b' ' | b'\t')) {
        return None;
    }
    let uri = before.trim_ascii();
    // One space on either side; the version in upper case, though it compares in any (§7.1).
    let exact = after_method.first() == Some(&b' ')
        && trimmed.len() == line.len()
        && version == VERSION
        && before.len() == uri.len() + 1
        && before.starts_with(uri);
    faults.add_if(!exact, Fault::RequestLine);
    faults.add_if(uri.is_empty(), Fault::RequestUri);
    Some(RequestLine { uri, rest, faults })
}
