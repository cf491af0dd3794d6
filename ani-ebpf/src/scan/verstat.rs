//! The `verstat` parameter (3GPP TS 24.229 §7.2A.20) on the header that names the caller.
//!
//! Read where it stands as nearly all print it: once, with one of six tokens behind the equals sign, in
//! quotes or not, and nothing beside it that could be read in two ways. Anything else of the kind is
//! [`Attestation::Unclear`], which is never more than the full parser makes of it.

use super::{
    Attestation, DONE, Outcome, Scratch,
    bytes::Name,
    headers,
    name_addr::{self, SIP, SIPS, TEL},
};
use crate::abi::trunk::{MAX_VERSTAT_HEADERS, Telling, Token};

/// Parameters and `@` of a value that are looked at.
const MAX_STOPS: u32 = 9;

/// Letters of a value that are looked at because the word begins with them.
const MAX_INITIALS: u32 = 6;

/// Longest name of a parameter that is told from others by its first bytes, and the equals sign.
const NAME: u32 = 8;

const VERSTAT: Name = Name::new(b"verstat");

/// Beginnings of the parameters beside it that hold a level, as a profile may name them.
const LEVELS: [Name; 2] = [Name::new(b"attest"), Name::new(b"p-attest")];

/// What makes a value doubtful whether it has a `verstat` that can be read or not.
const ODD: u32 = 1;

/// What makes it doubtful if it has one.
const LEVEL_BESIDE: u32 = 2;

/// The value names the caller, and what it says counts.
const HIS: Outcome = DONE;

/// The value may be of one who withholds his number: the next header's may count.
const NEXT: Outcome = 1;

/// A token was found that counts; what it is, is still to be read.
const FOUND: u32 = u32::MAX;

/// Whether the word stands anywhere on the headers it may stand on. Nearly never,
/// and then all else about them can be left alone.
#[inline(always)]
pub(super) fn is_there(scratch: &Scratch, telling: u64) -> bool {
    let telling = Telling::from_word(telling);
    scratch.odd.store(u32::from(telling.has(Telling::MORE)));
    for at in 0..MAX_VERSTAT_HEADERS {
        let place = headers::place(scratch, telling.header(at));
        if place != 0 {
            stands(scratch, place);
        }
    }
    scratch.odd.load() != 0
}

/// Leaves in `scratch.odd` whether it stands in one header's value.
#[inline(always)]
fn stands(scratch: &Scratch, at: u32) {
    scratch.user_end.store(at);
    for _ in 0..MAX_INITIALS {
        let (initial, byte) = scratch.find_either(scratch.user_end.load(), b'v', b'V');
        if byte == b'\r' {
            return;
        }
        if VERSTAT.starts(scratch.word(initial)) {
            break;
        }
        scratch.user_end.store(initial + 1);
    }
    scratch.odd.store(1);
}

/// Looks for the token that counts: leaves [`FOUND`] in `scratch.verstat`, or an [`Attestation`].
#[inline(never)]
pub(super) fn find(scratch: &Scratch, telling: u64) -> Outcome {
    scratch.verstat.store(Attestation::None as u32);
    scratch.anonymous.store(0);
    for at in 0..MAX_VERSTAT_HEADERS {
        let place = headers::place(scratch, Telling::from_word(telling).header(at));
        if place != 0 && value(scratch, place, telling) == HIS {
            return DONE;
        }
    }
    if Telling::from_word(telling).has(Telling::MORE) {
        scratch.verstat.store(Attestation::Unclear as u32);
    }
    DONE
}

/// Reads a token that was found: leaves what it means in `scratch.verstat`, an [`Attestation`] or
/// [`Telling::FAILED`].
#[inline(never)]
pub(super) fn read(scratch: &Scratch, telling: u64) -> Outcome {
    if scratch.verstat.load() != FOUND {
        return DONE;
    }
    let at = scratch.verstat_at.load();
    let place = place(scratch, at);
    scratch.verstat.store(Attestation::Unclear as u32);
    if is_doubtful(scratch, at, place) == DONE {
        let token = token(scratch, at, place);
        scratch.verstat.store(Telling::from_word(telling).meaning(token));
    }
    DONE
}

/// Looks for it in one header's value.
#[inline(never)]
fn value(scratch: &Scratch, at: u32, telling: u64) -> Outcome {
    if stops(scratch, at) != DONE || scratch.odd.load() & ODD != 0 {
        scratch.verstat.store(Attestation::Unclear as u32);
        return HIS;
    }
    let token = scratch.verstat_at.load();
    let telling = Telling::from_word(telling);
    if token == 0 || !telling.has(place(scratch, token)) {
        if is_named(scratch) {
            return HIS;
        }
        scratch.anonymous.store(1);
        return NEXT;
    }
    let doubt = scratch.odd.load() | scratch.anonymous.load();
    let clear = doubt == 0 && !telling.has(Telling::ODD);
    scratch.verstat.store(if clear { FOUND } else { Attestation::Unclear as u32 });
    HIS
}

/// Goes over the value: leaves where the URI ends in `scratch.uri_end`, where its first `@` stands in
/// `scratch.at_sign`, where the token starts in `scratch.verstat_at`, what is doubtful in `scratch.odd`;
/// zero for what is not there.
#[inline(never)]
fn stops(scratch: &Scratch, at: u32) -> Outcome {
    if name_addr::uri(scratch, at) != DONE {
        return NEXT;
    }
    let uri = scratch.uri.load();
    scratch.at_sign.store(0);
    scratch.verstat_at.store(0);
    scratch.odd.store(0);
    // Without brackets, semicolons start the header's own parameters (RFC 3261 §20.10).
    scratch.uri_end.store(uri);
    if scratch.bracketed.load() != 0 {
        let (close, byte) = scratch.find(uri, b'>');
        if byte != b'>' {
            return NEXT;
        }
        scratch.uri_end.store(close);
    }
    scratch.user_end.store(uri);
    for _ in 0..MAX_STOPS {
        let (stop, byte) = scratch.find_either(scratch.user_end.load(), b';', b'@');
        scratch.user_end.store(stop + 1);
        match byte {
            b'\r' => return DONE,
            b'@' if scratch.at_sign.load() == 0 => scratch.at_sign.store(stop),
            b'@' => {}
            b';' => {
                parameter(scratch, stop + 1);
            }
            _ => return NEXT,
        }
    }
    NEXT
}

/// Looks at the parameter at `at`.
#[inline(never)]
fn parameter(scratch: &Scratch, at: u32) -> Outcome {
    let at = at + u32::from(scratch.byte(at) == b' ');
    let word = scratch.word(at);
    let mut odd = scratch.odd.load();
    if LEVELS[0].starts(word) || LEVELS[1].starts(word) {
        odd |= LEVEL_BESIDE;
    }
    if word as u8 == b' ' {
        odd |= ODD;
    }
    if VERSTAT.starts(word) {
        match (word >> 56) as u8 {
            // A second one.
            b'=' if scratch.verstat_at.load() != 0 => odd |= ODD,
            b'=' => scratch.verstat_at.store(at + NAME),
            // Without a value, or with white space before it.
            b' ' | b';' | b'>' | b'@' | b':' | b'?' | b',' | b'\r' => odd |= ODD,
            // A longer name.
            _ => {}
        }
    }
    scratch.odd.store(odd);
    DONE
}

/// The place of what stands at `at`, as a bit of [`Telling`].
#[inline(always)]
fn place(scratch: &Scratch, at: u32) -> u64 {
    let in_user = at < scratch.at_sign.load() || TEL.starts(scratch.word(scratch.uri.load()));
    if at > scratch.uri_end.load() {
        Telling::HEADER
    } else if in_user {
        Telling::USER
    } else {
        Telling::URI
    }
}

/// Where the user part starts; 0 for a URI that has none.
#[inline(always)]
fn user(scratch: &Scratch) -> u32 {
    let uri = scratch.uri.load();
    let word = scratch.word(uri);
    if SIP.starts(word) || TEL.starts(word) {
        uri + 4
    } else if SIPS.starts(word) {
        uri + 5
    } else {
        0
    }
}

/// Whether the value surely names somebody: by a number, and not at `anonymous.invalid` (RFC 3323
/// §4.1.1.3).
#[inline(always)]
fn is_named(scratch: &Scratch) -> bool {
    let user = user(scratch);
    let digit = matches!(scratch.byte(user), b'+' | b'0'..=b'9');
    let host = scratch.word(scratch.at_sign.load() + 1);
    user != 0 && digit && !Name::new(b"anonymou").starts(host)
}

/// [`DONE`] where nothing about the value makes it doubtful whose the token at `at` is.
#[inline(never)]
fn is_doubtful(scratch: &Scratch, at: u32, place: u64) -> Outcome {
    let (uri, end, user) = (scratch.uri.load(), scratch.uri_end.load(), user(scratch));
    if user == 0 {
        return NEXT;
    }
    // A list of values, or a bracket that belongs to something else.
    if scratch.find_either(uri, b',', b'<').1 != b'\r' || scratch.find(end + 1, b'>').1 != b'\r' {
        return NEXT;
    }
    // A password holds no parameters.
    if place == Telling::USER && scratch.find(user, b':').0 < at {
        return NEXT;
    }
    // Quotes hold together what is in them; those around the token only are its own.
    let (quote, byte) = scratch.find_either(uri, b'"', b'?');
    if byte == b'\r' {
        return DONE;
    }
    if quote != at || scratch.byte(at) != b'"' {
        return NEXT;
    }
    let (close, byte) = scratch.find(at + 1, b'"');
    if byte != b'"' || scratch.find_either(close + 1, b'"', b'?').1 != b'\r' {
        return NEXT;
    }
    DONE
}

/// The token at `at`: a [`Token`] as a number.
#[inline(always)]
fn token(scratch: &Scratch, at: u32, place: u64) -> u32 {
    let quoted = u32::from(scratch.byte(at) == b'"');
    let at = at + quoted;
    let (first, second, third) = (scratch.word(at), scratch.word(at + 8), scratch.word(at + 16));
    let (token, len) = if Name::new(b"No-TN-Va").starts(first) {
        (Token::Nothing, if Name::new(b"lidation").starts(second) { 16 } else { 0 })
    } else if !Name::new(b"TN-Valid").starts(first) {
        (Token::Unknown, 0)
    } else if Name::new(b"ation-Fa").starts(second) && Name::new(b"iled").starts(third) {
        (Token::Failed, 20)
    } else if Name::new(b"ation-Pa").starts(second) && Name::new(b"ssed").starts(third) {
        match ((third >> 32) as u8, (third >> 40) as u8 | 0x20) {
            (b'-', b'a') => (Token::PassedA, 22),
            (b'-', b'b') => (Token::PassedB, 22),
            (b'-', b'c') => (Token::PassedC, 22),
            _ => (Token::Passed, 20),
        }
    } else {
        (Token::Unknown, 0)
    };
    let end = at + len;
    let closed = quoted == 0 || scratch.byte(end) == b'"';
    let ends = match scratch.byte(end + quoted) {
        b';' | b'>' | b'\r' => true,
        b'@' => place == Telling::USER,
        _ => false,
    };
    if len != 0 && closed && ends { token as u32 } else { Token::Unknown as u32 }
}
