//! `"name" <scheme:user@host;parameters>;parameters`: who is named, and whether that is sure.

use super::{
    DONE, NotPlain, Outcome, Scratch,
    bytes::{self, Name},
    headers::{self, AniHeader},
    outcome, phase,
    window::{Offset, WordCell},
};
use crate::dial_plan::Dialled;

/// Parameters of a user part that are looked at.
const MAX_USER_PARAMETERS: u32 = 6;

/// Parameters behind a value that are looked at.
const MAX_TAIL_PARAMETERS: u32 = 12;

pub(super) const SIP: Name = Name::new(b"sip:");
pub(super) const SIPS: Name = Name::new(b"sips:");
pub(super) const TEL: Name = Name::new(b"tel:");

/// What the user part of a URI is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum UserKind {
    /// There is none, or the URI is of a kind that has none.
    None = 1,
    /// `anonymous` (RFC 3323 §4.1.1.3).
    Anonymous = 2,
    /// A name: starts with a letter.
    Name = 3,
    /// Digits, with or without a `+` before them.
    Digits = 4,
}

/// The user part of a URI, as far as the walk reads it.
///
/// Not an enum with the digits inside: a payload that is there in one case only makes the compiler
/// copy registers that nobody has written, which the verifier refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// What it is.
    pub kind: UserKind,
    /// The digits of [`UserKind::Digits`]; none of any other.
    pub dialled: Dialled,
}

impl User {
    /// No user part.
    pub const NONE: Self =
        Self { kind: UserKind::None, dialled: Dialled { nibbles: 0, len: 0, plus: false } };

    /// The digits; `None` for anything else.
    #[inline(always)]
    pub const fn digits(self) -> Option<Dialled> {
        match self.kind {
            UserKind::Digits => Some(self.dialled),
            UserKind::None | UserKind::Anonymous | UserKind::Name => None,
        }
    }
}

impl Scratch {
    /// Past up to four spaces; more are left for the caller to stumble over.
    #[inline(always)]
    pub(super) fn skip_spaces(&self, mut at: u32) -> u32 {
        for _ in 0..4 {
            if self.byte(at) == b' ' {
                at += 1;
            }
        }
        at
    }
}

/// A [`User`] in memory; see [`super`] for why.
#[repr(C)]
pub(super) struct UserCell {
    kind: Offset,
    nibbles: WordCell,
    len: Offset,
    plus: Offset,
}

impl UserCell {
    pub(super) const fn new() -> Self {
        Self {
            kind: Offset::new(),
            nibbles: WordCell::new(),
            len: Offset::new(),
            plus: Offset::new(),
        }
    }

    #[inline(always)]
    pub(super) fn store(&self, user: User) {
        self.kind.store(user.kind as u32);
        self.nibbles.store(user.dialled.nibbles);
        self.len.store(user.dialled.len);
        self.plus.store(u32::from(user.dialled.plus));
    }

    #[inline(always)]
    pub(super) fn load(&self) -> User {
        let kind = match self.kind.load() {
            4 => UserKind::Digits,
            3 => UserKind::Name,
            2 => UserKind::Anonymous,
            _ => UserKind::None,
        };
        let dialled = Dialled {
            nibbles: self.nibbles.load(),
            len: self.len.load(),
            plus: self.plus.load() != 0,
        };
        User { kind, dialled }
    }
}

/// Finds the URI of the value at `at`, past the display name, and leaves it in `scratch.uri` and
/// `scratch.bracketed`.
#[inline(always)]
pub(super) fn uri(scratch: &Scratch, at: u32) -> Outcome {
    outcome(find_uri(scratch, at))
}

#[inline(always)]
fn find_uri(scratch: &Scratch, at: u32) -> Result<(), NotPlain> {
    let at = scratch.skip_spaces(at);
    let word = scratch.word(at);
    if word as u8 == b'<' {
        return found(scratch, at + 1, true);
    }
    if word as u8 == b'"' {
        let (end, byte) = scratch.find_either(at + 1, b'"', b'\\');
        if byte != b'"' {
            return Err(NotPlain::DisplayName);
        }
        let open = scratch.skip_spaces(end + 1);
        if scratch.byte(open) != b'<' {
            return Err(NotPlain::DisplayName);
        }
        return found(scratch, open + 1, true);
    }
    if SIP.starts(word) || SIPS.starts(word) || TEL.starts(word) {
        // What looks like a URI may be a display name that should have been quoted.
        if scratch.find_either(at, b'<', b'"').1 != b'\r' {
            return Err(NotPlain::DisplayName);
        }
        return found(scratch, at, false);
    }
    let (open, byte) = scratch.find(at, b'<');
    if byte != b'<' {
        return Err(NotPlain::DisplayName);
    }
    // A display name without quotes is tokens and spaces (RFC 3261 §25.1); with one of these in
    // it, the bracket may belong to something else.
    if scratch.find_either(at, b',', b'"').0 < open || scratch.find_either(at, b';', b':').0 < open
    {
        return Err(NotPlain::DisplayName);
    }
    found(scratch, open + 1, true)
}

#[inline(always)]
fn found(scratch: &Scratch, at: u32, bracketed: bool) -> Result<(), NotPlain> {
    scratch.uri.store(at);
    scratch.bracketed.store(u32::from(bracketed));
    Ok(())
}

/// Reads the user part of the URI at `at` into `cell`. `end` is the byte that ends the URI: `>`, or
/// a space in a request line, or `;` for a URI without brackets. Where reading stopped is left in
/// `scratch.user_end`.
#[inline(always)]
pub(super) fn uri_user(scratch: &Scratch, cell: &UserCell, at: u32, end: u8) -> Outcome {
    read_user(scratch, cell, at, u32::from(end))
}

#[inline(always)]
fn read_user(scratch: &Scratch, cell: &UserCell, at: u32, end: u32) -> Outcome {
    outcome(user_part(scratch, cell, at, end as u8))
}

#[inline(always)]
fn user_part(scratch: &Scratch, cell: &UserCell, at: u32, end: u8) -> Result<(), NotPlain> {
    let word = scratch.word(at);
    let (tel, at) = if SIP.starts(word) {
        (false, at + 4)
    } else if SIPS.starts(word) {
        (false, at + 5)
    } else if TEL.starts(word) {
        (true, at + 4)
    } else {
        return Err(NotPlain::Scheme);
    };

    let plus = scratch.byte(at) == b'+';
    let at = if plus { at + 1 } else { at };
    let first = scratch.word(at);
    let second = scratch.word(at + 8);
    let mut len = bytes::index(bytes::no_digit(first));
    if len == 8 {
        len += bytes::index(bytes::no_digit(second));
    }
    let nibbles = bytes::pack(first) << 32 | bytes::pack(second);
    cell.store(User { kind: UserKind::Digits, dialled: Dialled { nibbles, len, plus } });
    let behind = at + len;
    scratch.user_end.store(behind);

    if len == 0 {
        if plus || tel || !(first as u8 | 0x20).is_ascii_lowercase() {
            return Err(NotPlain::User);
        }
        let anonymous = Name::new(b"anonymou").starts(first) && Name::new(b"s@").starts(second);
        let kind = if anonymous { UserKind::Anonymous } else { UserKind::Name };
        cell.kind.store(kind as u32);
        return Ok(());
    }
    match scratch.byte(behind) {
        b'@' if !tel => Ok(()),
        byte if tel && byte == end && end != b';' => Ok(()),
        b'\r' if tel && end == b';' => Ok(()),
        // Without brackets the semicolon starts the header's own parameters (RFC 3261 §20.10), but
        // not everybody reads it so: a `phone-context` there is as doubtful.
        // And a comma starts another value, however empty the parameter before it is.
        b';' if tel && end == b';' && scratch.find(behind, b',').1 != b'\r' => Err(NotPlain::Tail),
        b';' if tel && end == b';' => phase(user_parameters(scratch, behind, 0x0d)),
        b';' if tel => phase(user_parameters(scratch, behind, u32::from(end))),
        b';' if end != b';' => phase(user_parameters(scratch, behind, 0x40)),
        _ => Err(NotPlain::User),
    }
}

/// Looks at the parameters from the semicolon at `at` on, up to the byte `end`.
#[inline(never)]
fn user_parameters(scratch: &Scratch, at: u32, end: u32) -> Outcome {
    let end = end as u8;
    // An `@` behind the bracket belongs to something else.
    let (end_at, byte) = scratch.find_either(at, end, b'>');
    if byte != end {
        return NotPlain::User as Outcome;
    }
    scratch.user_end.store(at);
    for _ in 0..MAX_USER_PARAMETERS {
        let parameter = scratch.user_end.load() + 1;
        let word = scratch.word(parameter);
        if Name::new(b"phone-co").starts(word) {
            return NotPlain::PhoneContext as Outcome;
        }
        if word as u8 == b' ' {
            return NotPlain::User as Outcome;
        }
        let (next, byte) = scratch.find(parameter, b';');
        if byte != b';' || next >= end_at {
            return DONE;
        }
        scratch.user_end.store(next);
    }
    NotPlain::User as Outcome
}

/// Reads who the value of `header`, which is there, names, into `scratch.caller`.
#[inline(always)]
pub(super) fn caller(scratch: &Scratch, header: AniHeader) -> Outcome {
    read_caller(scratch, headers::value(scratch, header), header as u32)
}

#[inline(always)]
fn read_caller(scratch: &Scratch, at: u32, header: u32) -> Outcome {
    outcome(caller_at(scratch, at, header))
}

#[inline(always)]
fn caller_at(scratch: &Scratch, at: u32, header: u32) -> Result<(), NotPlain> {
    phase(uri(scratch, at))?;
    let end = if scratch.bracketed.load() != 0 { b'>' } else { b';' };
    phase(uri_user(scratch, &scratch.caller, scratch.uri.load(), end))?;
    if header == AniHeader::From as u32 {
        // One value by its grammar; what follows it says nothing about who calls.
        return Ok(());
    }
    let tail = tail(scratch, scratch.user_end.load())?;
    if scratch.byte(tail) == b'\r' {
        return Ok(());
    }
    if scratch.find(tail, b',').1 != b'\r' {
        return Err(NotPlain::Tail);
    }
    if header == AniHeader::RemotePartyId as u32 {
        return calling(scratch, tail);
    }
    Ok(())
}

/// Whether a Remote-Party-ID speaks of the caller: `party=calling`, or no `party` at all. With
/// `party=called` it names somebody else, and the full parser tells what that means.
#[inline(always)]
fn calling(scratch: &Scratch, tail: u32) -> Result<(), NotPlain> {
    match parameter(scratch, tail, 1) {
        ABSENT => Ok(()),
        DOUBTFUL => Err(NotPlain::Tail),
        party => {
            if Name::new(b"party=ca").starts(scratch.word(party))
                && Name::new(b"lling").starts(scratch.word(party + 8))
                && matches!(scratch.byte(party + 13), b';' | b'\r')
            {
                Ok(())
            } else {
                Err(NotPlain::Tail)
            }
        }
    }
}

/// Leaves in `scratch.in_dialog` whether To carries a tag.
#[inline(always)]
pub(super) fn to_tag(scratch: &Scratch) -> Outcome {
    outcome(read_to_tag(scratch))
}

#[inline(always)]
fn read_to_tag(scratch: &Scratch) -> Result<(), NotPlain> {
    scratch.in_dialog.store(0);
    phase(uri(scratch, headers::to(scratch)))?;
    let tail = tail(scratch, scratch.uri.load())?;
    if scratch.byte(tail) == b'\r' {
        return Ok(());
    }
    match parameter(scratch, tail, 0) {
        ABSENT => Ok(()),
        DOUBTFUL => Err(NotPlain::Tail),
        _ => {
            scratch.in_dialog.store(1);
            Ok(())
        }
    }
}

/// Where the header's own parameters may start: behind the bracket, or right at `at` without one.
#[inline(always)]
fn tail(scratch: &Scratch, at: u32) -> Result<u32, NotPlain> {
    if scratch.bracketed.load() == 0 {
        return Ok(at);
    }
    match scratch.find(at, b'>') {
        (close, b'>') => Ok(close + 1),
        _ => Err(NotPlain::Tail),
    }
}

/// No such parameter.
const ABSENT: u32 = 0;

/// Parameters that cannot be told apart from something else.
const DOUBTFUL: u32 = u32::MAX;

/// The offset of the first `tag=` (`which` 0) or `party=` (1) among the parameters from `at` on.
#[inline(never)]
fn parameter(scratch: &Scratch, at: u32, which: u32) -> u32 {
    let (name, len) = if which == 0 { (Name::new(b"tag"), 3) } else { (Name::new(b"party"), 5) };
    // Within quotes or brackets, a semicolon starts no parameter.
    if scratch.find_either(at, b'"', b'<').1 != b'\r' {
        return DOUBTFUL;
    }
    scratch.user_end.store(at);
    for _ in 0..MAX_TAIL_PARAMETERS {
        let (semicolon, byte) = scratch.find(scratch.user_end.load(), b';');
        if byte == b'\r' {
            return ABSENT;
        }
        let word = scratch.word(semicolon + 1);
        if byte != b';' || matches!(word as u8, b' ' | b'\t') {
            return DOUBTFUL;
        }
        if name.starts(word) {
            match ((word >> (8 * len)) as u8, (word >> (8 * len + 8)) as u8) {
                // An empty value, which some take for no parameter at all.
                (b'=', b' ' | b'\t' | b'\r' | b';') => return DOUBTFUL,
                (b'=', _) => return semicolon + 1,
                (b' ' | b'\t' | b'\r' | b';', _) => return DOUBTFUL,
                // A longer name.
                _ => {}
            }
        }
        scratch.user_end.store(semicolon + 1);
    }
    DOUBTFUL
}
