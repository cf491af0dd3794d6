//! One thing that an INVITE tells of its caller, and whether it is believed.

use std::borrow::Cow;

use serde::Serialize;

/// A word that vouches for the caller, or does not, as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Told<'a> {
    /// The word: a token, a level, an identifier of the origin. Quotes removed.
    pub token: Cow<'a, str>,
    /// The header it stands in, in lower case.
    pub header: Cow<'static, str>,
    /// Where in it: `user` in the user part of the URI, `uri` behind its host, `header` behind the
    /// bracket; `value` for what is the header's value itself.
    pub place: &'static str,
    /// Whose word it is: `carrier`, or `signer` for what the PASSporT claims.
    pub by: &'static str,
    /// Whether it counts.
    pub believed: bool,
    /// Why not.
    pub why: Option<Doubt>,
    /// What it says of the verification by the trunk's profile: `passed`, `failed`, `none`,
    /// `unknown`; a level or an identifier alone says nothing of it.
    pub outcome: &'static str,
    /// `A`, `B` or `C`; none when it does not say.
    pub level: Option<&'static str>,
}

/// Why something that is told is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Doubt {
    /// The INVITE came from no configured trunk.
    Untrusted,
    /// The message holds more than is read of it: what the carrier says may be in the rest.
    TooMany,
    /// The profile's `attestation` does not name this kind of source.
    NotASource,
    /// The profile does not name the header.
    OtherHeader,
    /// The profile does not name this place in the header, or this parameter.
    OtherPlace,
    /// A header that the profile names before this one names the caller.
    AfterAnother,
    /// A level or a claim beside a verification that did not pass.
    NotPassed,
}

impl Doubt {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Untrusted,
        Self::TooMany,
        Self::NotASource,
        Self::OtherHeader,
        Self::OtherPlace,
        Self::AfterAnother,
        Self::NotPassed,
    ];

    /// Stable word for JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Untrusted => "untrusted",
            Self::TooMany => "too-many",
            Self::NotASource => "not-a-source",
            Self::OtherHeader => "other-header",
            Self::OtherPlace => "other-place",
            Self::AfterAnother => "after-another",
            Self::NotPassed => "not-passed",
        }
    }

    /// The same for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Untrusted => "from no configured trunk: attestation is ignored",
            Self::TooMany => "the message holds more than is read of it",
            Self::NotASource => "the profile does not take attestation from there",
            Self::OtherHeader => "the carrier does not tell it in this header",
            Self::OtherPlace => "the carrier does not tell it in this place of the header",
            Self::AfterAnother => "another header names the caller, and the carrier tells it there",
            Self::NotPassed => "the verification it stands beside did not pass",
        }
    }
}
