//! The claimed attestation: that of Identity, and what `verstat` says, where the trunk's profile
//! believes them.

use super::{DONE, Outcome, Scratch, bytes::Name, headers, verstat};
use crate::{abi::trunk::Telling, select};

/// What is claimed, unverified. The number is also the class whose budget a call spends; the lower of
/// two claims is the greater number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Attestation {
    /// Nothing is claimed that is believed, or not a level.
    None = 0,
    /// Full attestation.
    A = 1,
    /// Partial attestation.
    B = 2,
    /// Gateway attestation.
    C = 3,
    /// An Identity header that does not say so at its canonical place, or several of them; `verstat` in
    /// an odd form.
    Unclear = 4,
}

impl Attestation {
    /// The class a number from a ring record stands for.
    pub const fn from_raw(raw: u8) -> Self {
        match raw {
            0 => Self::None,
            1 => Self::A,
            2 => Self::B,
            3 => Self::C,
            _ => Self::Unclear,
        }
    }

    /// `A`, `B`, `C`, `none` or `unclear`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::Unclear => "unclear",
        }
    }
}

/// `{"attest":"` in base64, which SHAKEN claims start with: RFC 8225 §9 orders the claims.
const CLAIM: (Name, Name) = (Name::exact(b"eyJhdHRl"), Name::exact(b"c3QiOiJ"));

/// Leaves what is claimed in `scratch.attestation`.
#[inline(always)]
pub(super) fn read(scratch: &Scratch, telling: Telling) {
    claimed(scratch, telling.word());
    if !telling.has(Telling::VERSTAT) {
        return;
    }
    if verstat::is_there(scratch, telling.word()) {
        verstat::find(scratch, telling.word());
        verstat::read(scratch, telling.word());
    } else {
        scratch.verstat.store(Attestation::None as u32);
    }
    both(scratch);
}

/// Reads the level from the second part of the token, where the canonical claims start with it, and
/// leaves it in `scratch.attestation`.
#[inline(always)]
fn claimed(scratch: &Scratch, telling: u64) -> Outcome {
    let believed = Telling::from_word(telling).has(Telling::IDENTITY);
    let claim = if believed { identity(scratch) } else { Attestation::None };
    scratch.attestation.store(claim as u32);
    DONE
}

/// The least of both claims: the greater number. Nobody claims a level for what the carrier found wrong.
#[inline(always)]
fn both(scratch: &Scratch) -> Outcome {
    let (claim, told) = (u64::from(scratch.attestation.load()), u64::from(scratch.verstat.load()));
    let least = select::either(select::less(claim, told), told, claim);
    let failed = select::equal(told, u64::from(Telling::FAILED));
    scratch.attestation.store(select::either(failed, Attestation::None as u64, least) as u32);
    DONE
}

#[inline(always)]
fn identity(scratch: &Scratch) -> Attestation {
    let at = match headers::only_identity(scratch) {
        Ok(at) => at,
        Err(true) => return Attestation::Unclear,
        Err(false) => return Attestation::None,
    };
    // The token ends where the header's parameters begin.
    let (dot, byte) = scratch.find_either(at, b'.', b';');
    if byte != b'.' {
        return Attestation::Unclear;
    }
    let second = scratch.word(dot + 9);
    if !CLAIM.0.starts(scratch.word(dot + 1)) || !CLAIM.1.starts(second) {
        return Attestation::Unclear;
    }
    // The quote behind the level, with the two bits of base64 that the next byte does not change.
    let quote = scratch.word(dot + 17);
    if quote as u8 != b'I' || !matches!((quote >> 8) as u8, b'g'..=b'v') {
        return Attestation::Unclear;
    }
    match (second >> 56) as u8 {
        b'B' => Attestation::A,
        b'C' => Attestation::B,
        b'D' => Attestation::C,
        _ => Attestation::Unclear,
    }
}
