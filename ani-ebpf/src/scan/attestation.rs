//! The claimed attestation out of an Identity header.

use super::{DONE, Outcome, Scratch, bytes::Name, headers};

/// What the Identity header claims, unverified. The number is also the class whose budget a call
/// spends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Attestation {
    /// No Identity header.
    None = 0,
    /// Full attestation.
    A = 1,
    /// Partial attestation.
    B = 2,
    /// Gateway attestation.
    C = 3,
    /// An Identity header that does not say so at its canonical place, or several of them.
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

/// Reads the level from the second part of the token, where the canonical claims start with it, and
/// leaves it in `scratch.attestation`.
#[inline(never)]
pub(super) fn claimed(scratch: &Scratch) -> Outcome {
    scratch.attestation.store(read(scratch) as u32);
    DONE
}

#[inline(always)]
fn read(scratch: &Scratch) -> Attestation {
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
