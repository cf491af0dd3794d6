//! INVITE, Request-URI, version.

use super::{
    DONE, NotPlain, Outcome, Scratch,
    bytes::Name,
    name_addr::{self, User},
};

/// Where a plain request line has its Request-URI: behind `INVITE `.
const URI: u32 = 7;

/// Empty lines before a request line that are looked past (RFC 3261 §7.5 tells servers to).
const MAX_LEADING_CRLF: u32 = 2;

const INVITE: Name = Name::exact(b"INVITE ");
const VERSION: Name = Name::exact(b" SIP/2.0");
const VERSION_LEN: u32 = 8;
const CRLF: Name = Name::exact(b"\r\n");
/// An emergency service (RFC 5031 §4.2); other services are calls like any other.
const URN_SERVICE_SOS: (Name, Name) = (Name::new(b"urn:serv"), Name::new(b"ice:sos"));

/// What a message is by its first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// An INVITE whose request line starts the message.
    Invite,
    /// An INVITE behind empty lines, or one whose request line does not end within the window.
    NotPlain(NotPlain),
    /// Anything else: another method, a response, no SIP.
    Other,
}

/// Recognises an INVITE: the method, then `SIP/2.0` at the line's end.
#[inline(always)]
pub fn start_line(scratch: &Scratch) -> StartLine {
    let mut at = 0;
    for _ in 0..MAX_LEADING_CRLF {
        if CRLF.starts(scratch.word(at)) {
            at += 2;
        }
    }
    if !INVITE.starts(scratch.word(at)) {
        return StartLine::Other;
    }
    // The usual line is told by its second space; only one that is something else is looked at
    // from its end.
    let (space, _) = scratch.find(at + URI, b' ');
    if at == 0
        && VERSION.starts(scratch.word(space))
        && CRLF.starts(scratch.word(space + VERSION_LEN))
    {
        scratch.line_end.store(space + VERSION_LEN);
        return StartLine::Invite;
    }
    let (end, byte) = scratch.find(at + URI, b'\r');
    if end >= scratch.len() {
        return StartLine::NotPlain(NotPlain::Window);
    }
    if end < at + URI + VERSION_LEN || !VERSION.starts(scratch.word(end - VERSION_LEN)) {
        return StartLine::Other;
    }
    if byte != b'\r' || scratch.byte(end + 1) != b'\n' {
        return StartLine::NotPlain(NotPlain::LineEnd);
    }
    if at != 0 {
        return StartLine::NotPlain(NotPlain::LeadingCrlf);
    }
    // More spaces than two: its URI cannot be told.
    StartLine::NotPlain(NotPlain::RequestUri)
}

/// Leaves in `scratch.line_end` where the first line ends.
#[inline(never)]
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
#[inline(never)]
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
