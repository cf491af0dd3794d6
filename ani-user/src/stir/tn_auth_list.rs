//! TNAuthList: the numbers that a certificate may sign for (RFC 8226 §9, ATIS-1000080 §6.4.1).
//!
//! SHAKEN certificates have one service provider code (SPC) and nothing else; RFC 8226 allows several
//! entries of each kind, and so do some authorities. A list by reference (RFC 8226 §10.1) is not
//! fetched: such a certificate counts as one without a list.

use der::{
    Choice, Decode as _, Encode as _, Sequence,
    asn1::{Ia5String, ObjectIdentifier},
};
use serde::Serialize;

/// `id-pe-TNAuthList`.
pub const OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.26");

/// Longest service provider code that is taken, bytes. An OCN has four characters.
pub const MAX_SPC: usize = 32;

/// Longest number, digits (RFC 8226 §9).
pub const MAX_DIGITS: usize = 15;

/// The numbers of a certificate: at least one entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TnAuthList(Vec<Entry>);

/// One entry, in the order of the certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// All numbers of the service provider with this code.
    Spc(String),
    /// Numbers that follow each other.
    Range {
        /// The first, digits.
        start: String,
        /// How many.
        count: u64,
    },
    /// One number, digits.
    One(String),
}

/// What is no TNAuthList.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no TNAuthList as RFC 8226 §9 has it")]
pub struct Malformed;

impl TnAuthList {
    /// Reads the value of the extension, DER.
    pub fn read(der: &[u8]) -> Result<Self, Malformed> {
        let entries = Vec::<TnEntry>::from_der(der).map_err(|_| Malformed)?;
        if entries.is_empty() {
            return Err(Malformed);
        }
        entries.into_iter().map(Entry::try_from).collect::<Result<_, _>>().map(Self)
    }

    /// The value of an extension with these entries, DER.
    pub fn write(entries: &[Entry]) -> der::Result<Vec<u8>> {
        entries.iter().map(TnEntry::try_from).collect::<der::Result<Vec<_>>>()?.to_der()
    }

    /// The entries, in the order of the certificate.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The first service provider code.
    pub fn spc(&self) -> Option<&str> {
        self.0.iter().find_map(|entry| match entry {
            Entry::Spc(code) => Some(code.as_str()),
            Entry::Range { .. } | Entry::One(_) => None,
        })
    }

    /// Whether the number, digits without a plus, is among them. A service provider code covers all:
    /// which numbers are the provider's, the certificate does not say.
    pub fn covers(&self, tn: &str) -> bool {
        self.0.iter().any(|entry| entry.covers(tn))
    }

    /// Whether all that is in `other` is in this one too (RFC 9060 §4.1). A range counts as inside
    /// when one entry has it all.
    pub fn encloses(&self, other: &Self) -> bool {
        other.0.iter().all(|inner| self.0.iter().any(|entry| entry.encloses(inner)))
    }
}

impl Entry {
    fn covers(&self, tn: &str) -> bool {
        match self {
            Self::Spc(_) => true,
            Self::One(number) => number == tn,
            Self::Range { start, count } => match (digits(start), digits(tn)) {
                (Some(first), Some(number)) => {
                    tn.len() == start.len()
                        && number.checked_sub(first).is_some_and(|offset| offset < *count)
                }
                _ => false,
            },
        }
    }

    fn encloses(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Spc(code), Self::Spc(inner)) => code == inner,
            (Self::Range { .. } | Self::One(_), Self::Spc(_)) => false,
            (entry, Self::One(number)) => entry.covers(number),
            (Self::Spc(_), Self::Range { .. }) => true,
            (Self::One(_), Self::Range { .. }) => false,
            (Self::Range { start, count }, Self::Range { start: inner, count: inner_count }) => {
                match (digits(start), digits(inner)) {
                    (Some(first), Some(inner_first)) => {
                        start.len() == inner.len()
                            && inner_first >= first
                            && inner_first.saturating_add(*inner_count)
                                <= first.saturating_add(*count)
                    }
                    _ => false,
                }
            }
        }
    }
}

/// A number as one that can be counted with; none for what has other characters than digits.
fn digits(tn: &str) -> Option<u64> {
    // Fifteen digits fit; the parser would take a plus.
    let plain = tn.len() <= MAX_DIGITS && tn.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| tn.parse().ok()).flatten()
}

/// As it stands in the certificate.
#[derive(Choice)]
enum TnEntry {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", constructed = "true")]
    Spc(Ia5String),
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", constructed = "true")]
    Range(Range),
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    One(Ia5String),
}

#[derive(Sequence)]
struct Range {
    start: Ia5String,
    count: u64,
}

impl TryFrom<TnEntry> for Entry {
    type Error = Malformed;

    fn try_from(entry: TnEntry) -> Result<Self, Malformed> {
        let number = |number: &Ia5String| {
            let is_dialled = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'#' | b'*');
            let number = number.as_str();
            let fits = (1..=MAX_DIGITS).contains(&number.len()) && number.bytes().all(is_dialled);
            fits.then(|| number.to_owned()).ok_or(Malformed)
        };
        match entry {
            TnEntry::Spc(code) => {
                let code = code.as_str();
                let fits = (1..=MAX_SPC).contains(&code.len())
                    && code.bytes().all(|byte| byte.is_ascii_graphic());
                fits.then(|| Self::Spc(code.to_owned())).ok_or(Malformed)
            }
            // The RFC asks for two or more; one that says one is clear enough.
            TnEntry::Range(Range { count: 0, .. }) => Err(Malformed),
            TnEntry::Range(Range { start, count }) => {
                Ok(Self::Range { start: number(&start)?, count })
            }
            TnEntry::One(tn) => number(&tn).map(Self::One),
        }
    }
}

impl TryFrom<&Entry> for TnEntry {
    type Error = der::Error;

    fn try_from(entry: &Entry) -> der::Result<Self> {
        Ok(match entry {
            Entry::Spc(code) => Self::Spc(Ia5String::new(code)?),
            Entry::Range { start, count } => {
                Self::Range(Range { start: Ia5String::new(start)?, count: *count })
            }
            Entry::One(number) => Self::One(Ia5String::new(number)?),
        })
    }
}

#[cfg(test)]
mod tests;
