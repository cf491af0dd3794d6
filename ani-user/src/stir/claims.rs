//! What a PASSporT says: the JSON of its header and of its claims (RFC 8225 §4 and §5).
//!
//! A claim of the wrong type is named and the rest is still read. A claim that stands twice is of no
//! type: two readers could each believe another of the two (RFC 7519 §4).

/// From JSON to claims.
mod reader;

use std::borrow::Cow;

use serde_json::{Map, Value};
use smallvec::SmallVec;

/// A claim: not there, not of the type it must have, or what it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Claim<T> {
    /// Not there.
    #[default]
    Missing,
    /// Of another type, or there twice.
    Wrong,
    /// What it says.
    Is(T),
}

impl<T> Claim<T> {
    /// What it says; none when it says nothing that can be read.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Missing | Self::Wrong => None,
        }
    }

    /// The same, by value.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Missing | Self::Wrong => None,
        }
    }

    /// Whether it is there and says nothing that can be read.
    pub fn is_wrong(&self) -> bool {
        matches!(self, Self::Wrong)
    }

    fn set(&mut self, value: Self) {
        *self = if matches!(self, Self::Missing) { value } else { Self::Wrong };
    }
}

/// Text of a claim; borrowed where it has no escapes.
pub type Text<'a> = Cow<'a, str>;

/// The header of a PASSporT (RFC 8225 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header<'a> {
    /// `alg`: how it is signed.
    pub alg: Claim<Text<'a>>,
    /// `ppt`: its kind.
    pub ppt: Claim<Text<'a>>,
    /// `typ`: that it is a PASSporT.
    pub typ: Claim<Text<'a>>,
    /// `x5u`: where the certificate is.
    pub x5u: Claim<Text<'a>>,
}

/// One party: of `orig` and `div`. One of the two must be there (RFC 8225 §5.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Party<'a> {
    /// `tn`: a number.
    pub tn: Claim<Text<'a>>,
    /// `uri`
    pub uri: Claim<Text<'a>>,
}

/// Parties: of `dest` (RFC 8225 §5.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parties<'a> {
    /// `tn`: numbers.
    pub tn: Claim<SmallVec<[Text<'a>; 1]>>,
    /// `uri`
    pub uri: Claim<SmallVec<[Text<'a>; 1]>>,
}

/// `rph` (RFC 8443 §4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rph<'a> {
    /// `auth`: values of Resource-Priority, `namespace.priority`.
    pub auth: Claim<SmallVec<[Text<'a>; 1]>>,
}

/// `rcd` (RFC 9795 §5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rcd<'a> {
    /// `nam`: the caller's name.
    pub nam: Claim<Text<'a>>,
}

/// The claims that are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims<'a> {
    /// `attest`: how far the signer vouches (RFC 8588 §4).
    pub attest: Claim<Text<'a>>,
    /// `crn`: why the caller calls (RFC 9795 §6).
    pub crn: Claim<Text<'a>>,
    /// `dest`: who is called.
    pub dest: Claim<Parties<'a>>,
    /// `div`: who was called before (RFC 8946 §3).
    pub div: Claim<Party<'a>>,
    /// `iat`: when it was made, seconds since 1970 UTC, cut.
    pub iat: Claim<i64>,
    /// `opt`: the PASSporT before it (RFC 8946 §5).
    pub opt: Claim<Text<'a>>,
    /// `orig`: who calls.
    pub orig: Claim<Party<'a>>,
    /// `origid`: where the signer says the call began (RFC 8588 §5).
    pub origid: Claim<Text<'a>>,
    /// `rcd`: the caller's name and more.
    pub rcd: Claim<Rcd<'a>>,
    /// Whether `rcdi` is there: digests of what is behind the links of `rcd` (RFC 9795 §7).
    pub rcdi: bool,
    /// `rph`: what priority the call may have.
    pub rph: Claim<Rph<'a>>,
}

impl<'a> Header<'a> {
    /// Reads a JSON object; none for anything else.
    pub fn read(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

impl<'a> Claims<'a> {
    /// Reads a JSON object; none for anything else.
    pub fn read(json: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }
}

/// All claims, for a certificate that constrains them; none where one stands twice, or is nested
/// deeper than the library goes.
pub fn map(json: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice::<reader::Unique>(json).ok().map(|reader::Unique(map)| map)
}

#[cfg(test)]
mod tests;
