//! The header lines, one after the other: where the values of interest stand.

use super::{
    DONE, NotPlain, Outcome, Scratch,
    bytes::{self, Name},
    outcome, phase,
    window::STEP,
};
use crate::abi::trunk::MAX_ANI_HEADERS;

/// Steps the walk may take: each goes on by a line or by [`STEP`] bytes. A message that fills the
/// window with lines of 40 bytes takes 51; a signed INVITE of a carrier about 30.
const STEPS: u32 = 160;

/// A header a caller can be read from. Zero is kept for "none".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AniHeader {
    /// P-Asserted-Identity (RFC 3325 §9.1).
    PAssertedIdentity = 1,
    /// Remote-Party-ID (draft-ietf-sip-privacy-04).
    RemotePartyId = 2,
    /// From (RFC 3261 §20.20).
    From = 3,
    /// P-Charge-Info (RFC 8496).
    PChargeInfo = 4,
    /// P-Preferred-Identity (RFC 3325 §9.2).
    PPreferredIdentity = 5,
    /// P-DCS-Billing-Info (RFC 5503 §7). Only the full parser reads it.
    PDcsBillingInfo = 6,
    /// `orig` of the PASSporT in Identity (RFC 8225 §5.2.1). Only the full parser reads it.
    Passport = 7,
}

impl AniHeader {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::PAssertedIdentity,
        Self::RemotePartyId,
        Self::From,
        Self::PChargeInfo,
        Self::PPreferredIdentity,
        Self::PDcsBillingInfo,
        Self::Passport,
    ];

    /// The header a number from a ring record or a trunk's order stands for.
    #[inline(always)]
    pub const fn from_raw(raw: u8) -> Option<Self> {
        match raw {
            1 => Some(Self::PAssertedIdentity),
            2 => Some(Self::RemotePartyId),
            3 => Some(Self::From),
            4 => Some(Self::PChargeInfo),
            5 => Some(Self::PPreferredIdentity),
            6 => Some(Self::PDcsBillingInfo),
            7 => Some(Self::Passport),
            _ => None,
        }
    }

    /// Its name in lower case, as in configuration and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PAssertedIdentity => "p-asserted-identity",
            Self::RemotePartyId => "remote-party-id",
            Self::From => "from",
            Self::PChargeInfo => "p-charge-info",
            Self::PPreferredIdentity => "p-preferred-identity",
            Self::PDcsBillingInfo => "p-dcs-billing-info",
            Self::Passport => "passport",
        }
    }

    /// Whether its value can be read here: the others are the full parser's.
    #[inline(always)]
    pub(super) const fn is_name_addr(self) -> bool {
        !matches!(self, Self::PDcsBillingInfo | Self::Passport)
    }
}

// The headers a caller can be read from have the places of their numbers, less one.
const P_ASSERTED_IDENTITY: usize = AniHeader::PAssertedIdentity as usize - 1;
const REMOTE_PARTY_ID: usize = AniHeader::RemotePartyId as usize - 1;
const FROM: usize = AniHeader::From as usize - 1;
const P_CHARGE_INFO: usize = AniHeader::PChargeInfo as usize - 1;
const P_PREFERRED_IDENTITY: usize = AniHeader::PPreferredIdentity as usize - 1;
const P_DCS_BILLING_INFO: usize = AniHeader::PDcsBillingInfo as usize - 1;
const IDENTITY: usize = AniHeader::Passport as usize - 1;
const TO: usize = 7;
const CALL_ID: usize = 8;
const RESOURCE_PRIORITY: usize = 9;

/// Places for header kinds that the walk remembers the place of; a power of two, so that the number
/// of a header can be masked to one.
pub(super) const KINDS: usize = 16;

/// Walks from the end of the request line to the blank line and notes where the values of the
/// headers of interest start.
#[inline(always)]
pub(super) fn walk(scratch: &Scratch) -> Outcome {
    outcome(lines(scratch))
}

#[inline(always)]
fn lines(scratch: &Scratch) -> Result<(), NotPlain> {
    scratch.at.store(scratch.line_end.load());
    for _ in 0..STEPS {
        let at = scratch.at.load();
        let Some(end) = scratch.step(at, &bytes::control) else {
            scratch.at.store(at + STEP);
            continue;
        };
        let word = scratch.word(end);
        if word as u16 != CRLF {
            if end >= scratch.len() {
                return Err(NotPlain::Window);
            }
            // A tab is white space like any other, within a line.
            if word as u8 != b'\t' {
                return Err(NotPlain::LineEnd);
            }
            scratch.at.store(end + 1);
            continue;
        }
        let line = end + 2;
        let start = scratch.word(line);
        if start as u16 == CRLF {
            return required(scratch);
        }
        if may_be_of_interest(start) {
            phase(note(scratch, line))?;
        }
        scratch.at.store(line);
    }
    Err(NotPlain::Steps)
}

/// CR LF as the low half of a word.
const CRLF: u16 = u16::from_le_bytes(*b"\r\n");

#[inline(always)]
fn required(scratch: &Scratch) -> Result<(), NotPlain> {
    let there = |slot: usize| scratch.headers[slot].load() != 0;
    if there(FROM) && there(TO) && there(CALL_ID) { Ok(()) } else { Err(NotPlain::Missing) }
}

/// Whether a line that starts with `start` is one [`note`] has to look at: by the low five bits of
/// its first byte, which letters share with their other case and a space with a NUL.
#[inline(always)]
fn may_be_of_interest(start: u64) -> bool {
    const fn bit(byte: u8) -> u32 {
        1 << (byte & 0x1f)
    }
    const FIRST: u32 = bit(b' ')
        | bit(b'\t')
        | bit(b'f')
        | bit(b't')
        | bit(b'i')
        | bit(b'y')
        | bit(b'c')
        | bit(b'p')
        | bit(b'r');
    // Of the many headers that start with a C only one counts.
    let c_not_ca = start & 0x1f == 3 && start >> 8 & 0xdf != b'A' as u64;
    FIRST >> (start & 0x1f) & 1 != 0 && !c_not_ca
}

/// Looks at the name of the header line at `line`.
#[inline(always)]
fn note(scratch: &Scratch, line: u32) -> Outcome {
    outcome(name(scratch, line, scratch.word(line)))
}

#[inline(always)]
fn name(scratch: &Scratch, line: u32, start: u64) -> Result<(), NotPlain> {
    const TAB: u8 = b'\t';
    match start as u8 {
        b' ' | TAB => Err(NotPlain::Folded),
        b'f' | b'F' => {
            one(scratch, FROM, line, start, Name::new(b"f"), 1)?;
            one(scratch, FROM, line, start, Name::new(b"from"), 4)
        }
        b't' | b'T' => {
            one(scratch, TO, line, start, Name::new(b"t"), 1)?;
            one(scratch, TO, line, start, Name::new(b"to"), 2)
        }
        b'i' | b'I' => {
            one(scratch, CALL_ID, line, start, Name::new(b"i"), 1)?;
            if !Name::new(b"identity").starts(start) {
                return Ok(());
            }
            identity(scratch, line, 8)
        }
        b'y' | b'Y' => {
            if !matches!((start >> 8) as u8, b':' | b' ' | TAB) {
                return Ok(());
            }
            identity(scratch, line, 1)
        }
        b'c' | b'C' => one(scratch, CALL_ID, line, start, Name::new(b"call-id"), 7),
        b'p' | b'P' => p_header(scratch, line, start),
        b'r' | b'R' => {
            if Name::new(b"remote-p").starts(start) {
                let rest = scratch.word(line + 8);
                return one(scratch, REMOTE_PARTY_ID, line + 8, rest, Name::new(b"arty-id"), 7);
            }
            if Name::new(b"resource").starts(start)
                && Name::new(b"-priorit").starts(scratch.word(line + 8))
            {
                let rest = scratch.word(line + 16);
                return one(scratch, RESOURCE_PRIORITY, line + 16, rest, Name::new(b"y"), 1);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The headers whose names begin with `P-`.
#[inline(always)]
fn p_header(scratch: &Scratch, line: u32, start: u64) -> Result<(), NotPlain> {
    let at = line + 8;
    if Name::new(b"p-assert").starts(start) {
        if !Name::new(b"ed-ident").starts(scratch.word(at)) {
            return Ok(());
        }
        let rest = scratch.word(at + 8);
        return one(scratch, P_ASSERTED_IDENTITY, at + 8, rest, Name::new(b"ity"), 3);
    }
    if Name::new(b"p-charge").starts(start) {
        return one(scratch, P_CHARGE_INFO, at, scratch.word(at), Name::new(b"-info"), 5);
    }
    if Name::new(b"p-prefer").starts(start) {
        if !Name::new(b"red-iden").starts(scratch.word(at)) {
            return Ok(());
        }
        let rest = scratch.word(at + 8);
        return one(scratch, P_PREFERRED_IDENTITY, at + 8, rest, Name::new(b"tity"), 4);
    }
    if Name::new(b"p-dcs-bi").starts(start) {
        if !Name::new(b"lling-in").starts(scratch.word(at)) {
            return Ok(());
        }
        let rest = scratch.word(at + 8);
        return one(scratch, P_DCS_BILLING_INFO, at + 8, rest, Name::new(b"fo"), 2);
    }
    Ok(())
}

/// Notes the header in `slot` when `word`, at `at`, starts with `name` of `len` bytes and a colon.
#[inline(always)]
fn one(
    scratch: &Scratch,
    slot: usize,
    at: u32,
    word: u64,
    name: Name,
    len: u32,
) -> Result<(), NotPlain> {
    if !name.starts(word) {
        return Ok(());
    }
    match (word >> (8 * len)) as u8 {
        b':' => {}
        b' ' | b'\t' => return Err(NotPlain::SpaceBeforeColon),
        _ => return Ok(()),
    }
    if scratch.headers[slot].load() != 0 {
        return Err(NotPlain::Doubled);
    }
    scratch.headers[slot].store(at + len + 1);
    Ok(())
}

/// Notes an Identity header; several are in order (RFC 8224 §4.1), but then none is the one.
#[inline(always)]
fn identity(scratch: &Scratch, line: u32, len: u32) -> Result<(), NotPlain> {
    match scratch.byte(line + len) {
        b':' => {}
        b' ' | b'\t' => return Err(NotPlain::SpaceBeforeColon),
        _ => return Ok(()),
    }
    if scratch.headers[IDENTITY].load() != 0 {
        scratch.more_identities.store(1);
    } else {
        scratch.headers[IDENTITY].store(line + len + 1);
    }
    Ok(())
}

/// Where the value of To starts.
#[inline(always)]
pub(super) fn to(scratch: &Scratch) -> u32 {
    scratch.headers[TO].load()
}

/// Where the value of Call-ID starts.
#[inline(always)]
pub(super) fn call_id(scratch: &Scratch) -> u32 {
    scratch.headers[CALL_ID].load()
}

/// Where the value of From starts.
#[inline(always)]
pub(super) fn from(scratch: &Scratch) -> u32 {
    scratch.headers[FROM].load()
}

/// Where the value of the only Identity header starts; `Err(true)` for several, `Err(false)` for
/// none.
#[inline(always)]
pub(super) fn only_identity(scratch: &Scratch) -> Result<u32, bool> {
    let at = scratch.headers[IDENTITY].load();
    if at == 0 {
        Err(false)
    } else if scratch.more_identities.load() != 0 {
        Err(true)
    } else {
        Ok(at)
    }
}

/// Whether there is an Identity header.
#[inline(always)]
pub(super) fn is_signed(scratch: &Scratch) -> bool {
    scratch.headers[IDENTITY].load() != 0
}

/// Where the value of `header` starts.
#[inline(always)]
pub(super) fn value(scratch: &Scratch, header: AniHeader) -> u32 {
    scratch.headers[(header as usize - 1) & (KINDS - 1)].load()
}

/// Where the value of the header of this number starts; 0 for one that is not there, and for 0.
#[inline(always)]
pub(super) fn place(scratch: &Scratch, raw: u64) -> u32 {
    // No header has the place before the first.
    scratch.headers[(raw as usize).wrapping_sub(1) & (KINDS - 1)].load()
}

/// Leaves the number of the first header of `order` that is there in `scratch.chosen`, 0 for none.
/// From the last to the first, each that is there taking the place of those behind it: without a branch, of which each would be two states more to verify.
#[inline(always)]
pub(super) fn choose(scratch: &Scratch, order: u64) -> Outcome {
    let mut first = 0;
    for at in (0..MAX_ANI_HEADERS).rev() {
        let raw = order >> (8 * at) & 0xff;
        // Behind the end of the order, this is a place that no header has.
        let place = place(scratch, raw);
        let there = u64::from(place).wrapping_neg() >> 63;
        let mask = there.wrapping_neg();
        first = first & !mask | raw & mask;
    }
    scratch.chosen.store(first as u32);
    DONE
}

/// Whether Resource-Priority (RFC 4412 §3.1) names a namespace that no rule may stop; adds to what
/// `scratch.priority` says already.
#[inline(always)]
pub(super) fn priority(scratch: &Scratch) -> Outcome {
    let at = scratch.headers[RESOURCE_PRIORITY].load();
    if at == 0 {
        return DONE;
    }
    let at = scratch.skip_spaces(at);
    let word = scratch.word(at);
    if Name::new(b"ets.").starts(word)
        || Name::new(b"wps.").starts(word)
        || Name::new(b"esnet.").starts(word)
    {
        scratch.priority.store(1);
        return DONE;
    }
    // One of the three may stand further back in the list, or behind more spaces.
    match scratch.find(at, b',').1 {
        b'\r' if word as u8 != b' ' => DONE,
        _ => NotPlain::Tail as Outcome,
    }
}
