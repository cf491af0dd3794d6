//! INVITE, Request-URI, version.

use super::{
    DONE, NotPlain, Outcome, Scratch,
    bytes::Name,
    name_addr::{self, User},
    window::SEARCHED,
};

/// Where a plain request line has its Request-URI: behind `INVITE `.
const URI: u32 = 7;

/// Words of an odd request line that are looked at.
const MAX_WORDS: u32 = 8;

const INVITE: Name = Name::exact(b"INVITE ");
const METHOD: Name = Name::exact(b"INVITE");
/// Methods are what their case says they are (RFC 3261 §7.1), but not to every receiver.
const ANY_METHOD: Name = Name::new(b"INVITE");
const METHOD_LEN: u32 = 6;
const VERSION: Name = Name::exact(b" SIP/2.0");
/// As versions compare (RFC 3261 §7.1).
const ANY_VERSION: Name = Name::new(b"SIP/2.0");
const VERSION_LEN: u32 = 8;
const CRLF: Name = Name::exact(b"\r\n");
/// An emergency service (RFC 5031 §4.2); other services are calls like any other.
const URN_SERVICE_SOS: (Name, Name) = (Name::new(b"urn:serv"), Name::new(b"ice:sos"));

/// What a message is by its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// An INVITE whose request line starts the message.
    Invite,
    /// What a lenient receiver takes for an INVITE, or a line that does not end within the window.
    NotPlain(NotPlain),
    /// Anything else: another method, a response, no SIP.
    Other,
}

/// Recognises an INVITE: the method, then `SIP/2.0` at the line's end. One that only a lenient
/// receiver takes for one is not plain.
#[inline(always)]
pub fn start_line(scratch: &Scratch) -> StartLine {
    if INVITE.starts(scratch.word(0)) {
        // The usual line is told by its second space; only one that is something else is looked at
        // from its end.
        let (space, _) = scratch.find(URI, b' ');
        if VERSION.starts(scratch.word(space)) && CRLF.starts(scratch.word(space + VERSION_LEN)) {
            scratch.line_end.store(space + VERSION_LEN);
            return StartLine::Invite;
        }
    }
    match odd(scratch) {
        OTHER => StartLine::Other,
        why => match NotPlain::from_raw(why as u8) {
            Some(why) => StartLine::NotPlain(why),
            None => StartLine::Other,
        },
    }
}

/// What [`odd`] returns for a line that is nobody's INVITE.
const OTHER: Outcome = 0;

/// Looks at a line that is not the usual one: why it may be an INVITE all the same.
///
/// Receivers look past white space before the request line, more of it than one space within, and
/// the case of method and version; the full parser reads what they do.
#[inline(never)]
fn odd(scratch: &Scratch) -> Outcome {
    let at = scratch.first_graphic();
    if at >= scratch.len() {
        return if scratch.len() > SEARCHED { NotPlain::Window as Outcome } else { OTHER };
    }
    let start = scratch.word(at);
    if !ANY_METHOD.starts(start) || !matches!((start >> (8 * METHOD_LEN)) as u8, b' ' | b'\t') {
        return OTHER;
    }
    scratch.line_end.store(at + METHOD_LEN);
    let (end, byte) = scratch.find(at + URI, b'\r');
    if end >= scratch.len() {
        return NotPlain::Window as Outcome;
    }
    if end < at + URI + VERSION_LEN || !VERSION.starts(scratch.word(end - VERSION_LEN)) {
        return odd_words(scratch);
    }
    if byte != b'\r' || scratch.byte(end + 1) != b'\n' {
        return NotPlain::LineEnd as Outcome;
    }
    if at != 0 {
        return NotPlain::LeadingCrlf as Outcome;
    }
    if !METHOD.starts(start) {
        return NotPlain::RequestLine as Outcome;
    }
    // More spaces than two: its URI cannot be told.
    NotPlain::RequestUri as Outcome
}

/// Looks at the words behind the method, which ends at `scratch.line_end`: whether the last one is a
/// version.
#[inline(never)]
fn odd_words(scratch: &Scratch) -> Outcome {
    // Whether the last word is one, a number in memory like all else.
    scratch.uri.store(0);
    for _ in 0..MAX_WORDS {
        let (end, byte) = scratch.find(scratch.line_end.load(), b' ');
        if end >= scratch.len() {
            return NotPlain::Window as Outcome;
        }
        let behind = scratch.word(end + 1);
        if byte == b'\n' || byte == b'\r' && behind as u8 == b'\n' {
            return if scratch.uri.load() != 0 { NotPlain::RequestLine as Outcome } else { OTHER };
        }
        // Of several spaces, or of those before the line's end, none starts a word.
        if matches!(byte, b' ' | b'\t') && !matches!(behind as u8, 0..=b' ') {
            scratch.uri.store(u32::from(ANY_VERSION.starts(behind)));
        }
        scratch.line_end.store(end + 1);
    }
    NotPlain::RequestLine as Outcome
}

/// Leaves in `scratch.line_end` where the first line ends.
#[inline(always)]
pub(super) fn end(scratch: &Scratch) -> Outcome {
    match scratch.find(0, b'\r') {
        (end, b'\r') => {
            scratch.line_end.store(end);
            DONE
        }
        _ => NotPlain::LineEnd as Outcome,
    }
}

/// Reads the Request-URI of a line that [`start_line`] found to be an INVITE: leaves the user in
/// `scratch.called`, and in `scratch.priority` whether it is a `urn:service:sos`.
#[inline(always)]
pub(super) fn called(scratch: &Scratch) -> Outcome {
    scratch.called.store(User::NONE);
    scratch.priority.store(0);
    let service = scratch.word(URI + 8);
    if URN_SERVICE_SOS.0.starts(scratch.word(URI))
        && URN_SERVICE_SOS.1.starts(service)
        && matches!((service >> 56) as u8, b' ' | b'.')
    {
        scratch.priority.store(1);
        return DONE;
    }
    match name_addr::uri_user(scratch, &scratch.called, URI, b' ') {
        DONE => DONE,
        _ => NotPlain::RequestUri as Outcome,
    }
}
