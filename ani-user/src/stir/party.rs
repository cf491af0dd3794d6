//! Callers and called parties as they are compared (RFC 8224 §8.3 and §8.5).

use std::borrow::Cow;

use ani_ebpf::dial_plan::DialPlan;
use memchr::memchr;

use super::{
    call::Party,
    claims::{self, Claim, Text},
};
use crate::{
    identity::canonical,
    sip::{self, Scheme, Uri},
};

impl<'a> Party<'a> {
    /// Who a URI without a number is: scheme and host in lower case; without parameters, headers and
    /// port.
    pub fn of_uri(uri: &Uri<'_>) -> Self {
        let text = |bytes: &[u8]| sip::lossy(bytes).into_owned();
        let colon = memchr(b':', uri.raw).unwrap_or(0);
        let scheme = text(&uri.raw[..colon]).to_ascii_lowercase();
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips | Scheme::Tel) {
            let rest = uri.raw.get(colon + 1..).unwrap_or_default();
            return Self::Uri(format!("{scheme}:{}", text(rest)).into());
        }
        let host = text(uri.host).to_ascii_lowercase();
        Self::Uri(Cow::Owned(match uri.user.map(text) {
            Some(user) if host.is_empty() => format!("{scheme}:{user}"),
            Some(user) => format!("{scheme}:{user}@{host}"),
            None => format!("{scheme}:{host}"),
        }))
    }

    /// Who a number or a URI of a PASSporT is; none for a number that is none.
    pub(super) fn of_claim(claim: Text<'a>, is_uri: bool) -> Option<Self> {
        if is_uri {
            let uri = Uri::read(claim.as_bytes());
            return (uri.scheme != Scheme::None).then(|| Self::of_uri(&uri));
        }
        match claim {
            Cow::Borrowed(tn) => canonical(tn, &DialPlan::NONE).map(Self::Tn),
            Cow::Owned(tn) => {
                canonical(&tn, &DialPlan::NONE).map(|tn| Self::Tn(tn.into_owned().into()))
            }
        }
    }

    /// The number, or the URI.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tn(text) | Self::Uri(text) => text,
        }
    }
}

/// What there is of one party in `orig` or `div`.
pub(super) enum Named<'a> {
    /// Nobody, or two.
    No,
    /// Somebody who is of no type that can be compared.
    Malformed,
    /// Somebody.
    One(Party<'a>),
}

/// The one party of `orig` or `div`.
pub(super) fn one(party: Claim<claims::Party<'_>>) -> Named<'_> {
    let party = match party {
        Claim::Missing => return Named::No,
        Claim::Wrong => return Named::Malformed,
        Claim::Is(party) => party,
    };
    let (text, is_uri) = match (party.tn, party.uri) {
        (Claim::Wrong, _) | (_, Claim::Wrong) => return Named::Malformed,
        (Claim::Is(tn), Claim::Missing) => (tn, false),
        (Claim::Missing, Claim::Is(uri)) => (uri, true),
        _ => return Named::No,
    };
    if text.is_empty() {
        return Named::No;
    }
    Party::of_claim(text, is_uri).map_or(Named::Malformed, Named::One)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_bare_and_numbers_canonical() {
        for (uri, expected) in [
            ("SIP:Alice@Example.COM:5060;lr?x=y", "sip:Alice@example.com"),
            ("sips:[2001:DB8::1]:5061", "sips:[2001:db8::1]"),
            ("sip:example.com", "sip:example.com"),
            ("TEL:7042;phone-context=example.com", "tel:7042"),
            ("URN:service:sos", "urn:service:sos"),
            ("im:a@b", "im:a@b"),
        ] {
            let read = Party::of_uri(&Uri::read(uri.as_bytes()));
            assert_eq!(read, Party::Uri(expected.into()), "{uri}");
            assert_eq!(Party::of_claim(uri.into(), true), Some(read));
        }
        let tn = |text: &'static str| Party::of_claim(text.into(), false);
        assert_eq!(tn("+1 (215) 555-1212"), Some(Party::Tn("12155551212".into())));
        assert!(matches!(tn("12155551212"), Some(Party::Tn(Cow::Borrowed(_)))));
        assert_eq!(tn("Alice"), None);
        assert_eq!(Party::of_claim("Alice".into(), true), None);
    }
}
