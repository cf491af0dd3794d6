//! Entries of lists as they are kept: whose calls, which of them, until when, and why.

use std::fmt;

use ani_ebpf::abi::{list, number::Number};

use super::{Listing, lists::Span};
use crate::{answer::Answer, time::Timestamp};

/// Claimed attestations by their bits, and what they are called.
const ATTESTATIONS: [(u8, &str); 4] = [(1, "none"), (2, "A"), (4, "B"), (8, "C")];

/// What tells an entry from the others of its list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// Whose calls.
    pub span: Span,
    /// Only those over the trunk of this name; over any for none.
    pub trunk: Option<String>,
    /// Only those of these claimed attestations.
    pub attestations: Attestations,
}

impl Subject {
    /// All calls of a number.
    pub const fn number(number: Number) -> Self {
        Self { span: Span::Number(number), trunk: None, attestations: Attestations::ANY }
    }

    /// Whether it is for some calls only.
    pub fn is_scoped(&self) -> bool {
        self.trunk.is_some() || self.attestations != Attestations::ANY
    }

    /// As listings have it; none where `trunk` does not know the trunk.
    pub fn listing(
        &self,
        list: u8,
        expires: Option<Timestamp>,
        trunk: impl Fn(&str) -> Option<u16>,
    ) -> Option<Listing> {
        let trunk = match &self.trunk {
            Some(name) => Some(trunk(name)?),
            None => None,
        };
        Some(Listing { list, span: self.span, trunk, attestations: self.attestations.0, expires })
    }
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Whose calls, and which of them.
    pub subject: Subject,
    /// When it ends; never for none.
    pub expires: Option<Timestamp>,
    /// Why it was made; may be empty.
    pub reason: String,
    /// When it was made.
    pub added: Timestamp,
    /// What calls are told that it stops; what its list says for none.
    pub answer: Option<Answer>,
}

/// Some claimed attestations: one bit each, by their number in the kernel's scan; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Attestations(u8);

impl Attestations {
    /// Whatever is claimed.
    pub const ANY: Self = Self(list::Entry::ANY_ATTESTATION);

    /// From its bits; none where there is no bit or an unknown one.
    pub const fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            1..=list::Entry::ANY_ATTESTATION => Some(Self(bits)),
            _ => None,
        }
    }

    /// Its bits.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// From words such as `A` or `B|C|none`.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut bits = 0;
        for word in text.split('|').map(str::trim) {
            let known = ATTESTATIONS.iter().find(|(_, name)| name.eq_ignore_ascii_case(word));
            bits |= known?.0;
        }
        Self::from_bits(bits)
    }
}

/// `B|C`; nothing for [`Attestations::ANY`].
impl fmt::Display for Attestations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ANY {
            return Ok(());
        }
        // None last: it is no level.
        let levels = ATTESTATIONS[1..].iter().chain(&ATTESTATIONS[..1]);
        let mut between = "";
        for (_, name) in levels.filter(|(bit, _)| self.0 & bit != 0) {
            write!(f, "{between}{name}")?;
            between = "|";
        }
        Ok(())
    }
}

/// `+14155551234`, `+1415555*` or `+14155550000-+14155550999`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "+{number}"),
            Self::Prefix(digits) => write!(f, "+{digits}*"),
            Self::Range(first, last) => write!(f, "+{first}-+{last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attestations_are_read_as_they_are_shown() {
        for bits in 1..list::Entry::ANY_ATTESTATION {
            let some = Attestations::from_bits(bits).expect("bits");
            assert_eq!(Attestations::from_text(&some.to_string()), Some(some));
        }
        let shown = |text| Attestations::from_text(text).map(|some| some.to_string());
        assert_eq!(shown("none | c|B").as_deref(), Some("B|C|none"));
        assert_eq!(shown("A|B|C|none").as_deref(), Some(""));
        for text in ["", "A|", "D", "A,B"] {
            assert_eq!(Attestations::from_text(text), None, "{text}");
        }
        assert_eq!(Attestations::from_bits(0).or(Attestations::from_bits(16)), None);
    }
}
