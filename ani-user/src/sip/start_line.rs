//! The start line: `INVITE SP Request-URI SP SIP/2.0 CRLF` (RFC 3261 §7.1), and how one is told from
//! any other line of a stream.

use super::{
    class,
    fault::{Fault, Faults},
    header,
};

const METHOD: &[u8] = b"INVITE";
const VERSION: &[u8] = b"SIP/2.0";

/// The methods registered for SIP (IANA, SIP Parameters).
const METHODS: [&[u8]; 14] = [
    b"ACK",
    b"BYE",
    b"CANCEL",
    b"INFO",
    b"INVITE",
    b"MESSAGE",
    b"NOTIFY",
    b"OPTIONS",
    b"PRACK",
    b"PUBLISH",
    b"REFER",
    b"REGISTER",
    b"SUBSCRIBE",
    b"UPDATE",
];

/// Longest method that is taken for one; none that is registered has half of it.
const MAX_METHOD_LEN: usize = 32;

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
    after_method(after_space(message).1).is_some()
}

/// What follows the method INVITE, and whether that is in upper case: another case is another method
/// (RFC 3261 §7.1), but not to every receiver.
fn after_method(message: &[u8]) -> Option<(&[u8], bool)> {
    let (method, behind) = message.split_at_checked(METHOD.len())?;
    method.eq_ignore_ascii_case(METHOD).then_some((behind, method == METHOD))
}

/// Empty lines before a request line are looked past (RFC 3261 §7.5), and so is by receivers what
/// else is no text; what was, and what follows it.
fn after_space(message: &[u8]) -> (&[u8], &[u8]) {
    let start = message.iter().position(|byte| *byte > b' ');
    message.split_at(start.unwrap_or(message.len()))
}

/// Recognises an INVITE: the method token in any case, then `SIP/2.0` as the line's last word. A line that is
/// `cut` off before its end is none: what is missing could make another of it.
pub(super) fn invite(message: &[u8], cut: bool) -> Option<RequestLine<'_>> {
    let (space, message) = after_space(message);
    let (after_method, upper_case) = after_method(message)?;
    let mut faults = Faults::NONE;
    let empty_lines = space.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
    faults.add_if(!empty_lines || !upper_case, Fault::RequestLine);
    let (line, rest) = header::line(after_method, &mut faults);
    if cut && line.len() == after_method.len() {
        return None;
    }
    let (uri, exact) = uri_and_version(line)?;
    faults.add_if(!exact, Fault::RequestLine);
    faults.add_if(uri.is_empty(), Fault::RequestUri);
    Some(RequestLine { uri, rest, faults })
}

/// Of what follows the method, the Request-URI, and whether all around it is as it should be.
fn uri_and_version(after_method: &[u8]) -> Option<(&[u8], bool)> {
    let (space, line) = after_method.split_first()?;
    if !matches!(space, b' ' | b'\t') {
        return None;
    }
    let trimmed = line.trim_ascii_end();
    let word = trimmed.iter().rposition(|byte| matches!(byte, b' ' | b'\t'))?;
    let (before, version) = trimmed.split_at(word + 1);
    // Some receivers do not look at what follows it; more digits still make a version (§25.1).
    let (known, digits) = version.split_at_checked(VERSION.len())?;
    if !known.eq_ignore_ascii_case(VERSION) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let uri = before.trim_ascii();
    // One space on either side; the version alone and in upper case, though it compares in any (§7.1).
    let exact = *space == b' '
        && trimmed.len() == line.len()
        && version == VERSION
        && before.len() == uri.len() + 1
        && before.starts_with(uri);
    Some((uri, exact))
}

/// Where in a stream a line stands that may be a start line: the less is known of what came before,
/// the more is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Right behind a message: any method, and a line as bad as [`invite`](super::invite) reads it.
    Behind,
    /// First in a flow: a registered method.
    First,
    /// Somewhere: a registered method, and each space where it belongs.
    Somewhere,
}

/// Whether some bytes start with a start line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// They do.
    Yes,
    /// They could, when more of them come.
    Open,
    /// They do not, whatever comes.
    No,
}

/// Whether `bytes` start with a request line or a status line (RFC 3261 §7.1 and §7.2). The first
/// `seen` of them are known to hold no line end.
pub fn start(bytes: &[u8], seen: usize, place: Place) -> Start {
    if let Some(start) = status_line(bytes, place) {
        return start;
    }
    let method_len =
        bytes.iter().take(MAX_METHOD_LEN + 1).position(|b| !class::is(*b, class::TOKEN));
    let Some((method, behind)) = method_len.and_then(|len| bytes.split_at_checked(len)) else {
        let open = match place {
            Place::Behind => bytes.len() <= MAX_METHOD_LEN,
            _ => METHODS.iter().any(|method| method.starts_with(bytes)),
        };
        return if open { Start::Open } else { Start::No };
    };
    let known = match place {
        Place::Behind => !method.is_empty(),
        _ => METHODS.contains(&method),
    };
    if !known || !matches!(behind.first(), Some(b' ' | b'\t')) {
        return Start::No;
    }
    let unseen = seen.max(method.len());
    let Some(end) = bytes.get(unseen..).and_then(|unseen| memchr::memchr(b'\n', unseen)) else {
        return Start::Open;
    };
    let line = behind.get(..unseen + end - method.len()).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let is_one = uri_and_version(line).is_some_and(|(uri, exact)| {
        place != Place::Somewhere || exact && uri.contains(&b':') && uri.iter().all(graphic)
    });
    if is_one { Start::Yes } else { Start::No }
}

/// Whether `bytes` start with `SIP/2.0 SP 3DIGIT`; none when they are no part of a status line.
fn status_line(bytes: &[u8], place: Place) -> Option<Start> {
    let (version, behind) = bytes.split_at_checked(VERSION.len()).unwrap_or((bytes, &[]));
    let same = |expected: &[u8]| match place {
        Place::Behind => version.eq_ignore_ascii_case(expected),
        _ => version == expected,
    };
    if !VERSION.get(..version.len()).is_some_and(same) {
        return None;
    }
    if behind.is_empty() {
        // `S` may become a method as well.
        return Some(Start::Open);
    }
    let code = behind.get(1..behind.len().min(4)).unwrap_or_default();
    Some(match behind {
        [b' ', ..] if !code.iter().all(u8::is_ascii_digit) => Start::No,
        [b' ', _, _, _, b' ' | b'\r' | b'\n', ..] => Start::Yes,
        [b' ', _, _, _, _, ..] => Start::No,
        [b' ', ..] => Start::Open,
        _ => Start::No,
    })
}

fn graphic(byte: &u8) -> bool {
    byte.is_ascii_graphic() || *byte >= 0x80
}
