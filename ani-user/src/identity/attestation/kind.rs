//! What a header of a carrier's own says, or a parameter beside the token: by the trunk's profile,
//! else by what is usual, so that it can be shown.

use std::borrow::Cow;

use crate::{identity::profile::Telling, sip};

/// In this order headers are read: whether a level counts depends on the status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A token, as `verstat` has.
    Status,
    /// `A`, `B` or `C`.
    Level,
    /// An identifier of the origin.
    Origination,
    /// By whose leave the call is not signed.
    Bypass,
}

/// Headers of [`sip::Name::Vouching`], as the carriers mean them that send them.
const HEADERS: [(&str, Kind); 7] = [
    ("x-twilio-verstat", Kind::Status),
    ("p-attestation-indicator", Kind::Level),
    ("p-attestation-info", Kind::Level),
    ("attestation-info", Kind::Level),
    ("p-origination-id", Kind::Origination),
    ("origination-id", Kind::Origination),
    ("p-identity-bypass", Kind::Bypass),
];

/// Parameters beside `verstat` (Oracle); some print those headers there.
const PARAMETERS: [(&str, Kind); 2] = [("attest", Kind::Level), ("origid", Kind::Origination)];

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Status, Self::Level, Self::Origination, Self::Bypass];

    /// The profile's names of such headers.
    pub(super) fn headers(self, telling: &Telling) -> &[String] {
        match self {
            Self::Status => &telling.status_headers,
            Self::Level => &telling.level_headers,
            Self::Origination => &telling.origination_headers,
            Self::Bypass => &telling.bypass_headers,
        }
    }

    fn parameters(self, telling: &Telling) -> &[String] {
        match self {
            Self::Level => &telling.level_parameters,
            Self::Origination => &telling.origination_parameters,
            Self::Status | Self::Bypass => &[],
        }
    }

    /// What a header says, and whether the profile names it.
    pub(super) fn of_header(name: &[u8], telling: &Telling) -> Option<(Self, bool)> {
        let named = Self::ALL.into_iter().find(|kind| is_in(kind.headers(telling), name));
        named.map(|kind| (kind, true)).or_else(|| Some((usual(&HEADERS, name)?.1, false)))
    }

    /// The same for a parameter beside the token.
    pub(super) fn of_parameter(name: &[u8], telling: &Telling) -> Option<(Self, bool)> {
        let named = Self::ALL.into_iter().find(|kind| is_in(kind.parameters(telling), name));
        let known = || usual(&PARAMETERS, name).or_else(|| usual(&HEADERS, name));
        named.map(|kind| (kind, true)).or_else(|| Some((known()?.1, false)))
    }
}

/// Whether the parser keeps headers of that name, which is in lower case.
pub(super) fn is_kept(name: &str) -> bool {
    // Nearly always one of these, and not asked of the parser for each INVITE.
    HEADERS.iter().any(|(known, _)| *known == name)
        || sip::Name::read(name.as_bytes()) == sip::Name::Vouching
}

/// A header's name in lower case; nearly always one of those that are known.
pub(super) fn lower_case(name: &[u8]) -> Cow<'static, str> {
    match usual(&HEADERS, name) {
        Some((known, _)) => Cow::Borrowed(known),
        None => Cow::Owned(sip::lossy(name).to_ascii_lowercase()),
    }
}

fn is_in(names: &[String], name: &[u8]) -> bool {
    names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

fn usual(table: &[(&'static str, Kind)], name: &[u8]) -> Option<(&'static str, Kind)> {
    table.iter().find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_keeps_what_is_usual() {
        for (name, _) in HEADERS {
            assert_eq!(sip::Name::read(name.as_bytes()), sip::Name::Vouching, "{name}");
        }
    }
}
