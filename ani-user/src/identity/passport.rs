//! What the PASSporT in an Identity header claims (RFC 8224 §4, RFC 8225 §5, RFC 8588 §3). No
//! signature is checked here.

use memchr::memchr;

use crate::{
    sip::{self, Invite, Parameters},
    stir::{
        base64url::{self, MAX_ENCODED},
        claims::{Claims, Header, Party},
    },
};

/// Longest PASSporT that is looked into, bytes. SHAKEN's are below 1,000; ones with rich call data
/// carry links and names.
const MAX_PASSPORT: usize = MAX_ENCODED;

/// The claims of the first PASSporT with `ppt=shaken`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passport {
    /// `attest`: `A`, `B` or `C`.
    pub level: Option<&'static str>,
    /// `attest` where it is none of these.
    pub odd_level: Option<Box<str>>,
    /// `orig.tn`, or `orig.uri`: whom the signer says is calling.
    pub orig: Option<Box<str>>,
    /// `origid`: where the signer says the call began.
    pub origid: Option<Box<str>>,
    /// Why nothing could be read of it.
    pub fault: Option<&'static str>,
}

impl Passport {
    /// Reads the first one that is SHAKEN's and can be read; none when there is none.
    pub fn read(invite: &Invite<'_>) -> Option<Self> {
        let mut unreadable = None;
        for identity in &invite.identity {
            let end = memchr(b';', identity).unwrap_or(identity.len());
            let (token, parameters) = identity.split_at(end);
            let (header, rest) = part(sip::trim(token));
            let (payload, _) = part(rest);
            if !is_shaken(header, parameters) {
                continue;
            }
            let fault = |fault| Some(Self { fault: Some(fault), ..Self::default() });
            if token.len() > MAX_PASSPORT {
                unreadable = unreadable.or_else(|| fault("passport too long"));
                continue;
            }
            let Some(json) = base64url::lenient(payload) else {
                unreadable = unreadable.or_else(|| fault("passport payload is not base64url"));
                continue;
            };
            return Claims::read(&json)
                .and_then(Self::from_claims)
                .or_else(|| fault("passport payload is not a JSON object of claims"));
        }
        unreadable
    }

    /// None when one of them is not of its type.
    fn from_claims(claims: Claims<'_>) -> Option<Self> {
        let no_type = |party: &Party<'_>| party.tn.is_wrong() || party.uri.is_wrong();
        if claims.attest.is_wrong()
            || claims.origid.is_wrong()
            || claims.orig.is_wrong()
            || claims.orig.get().is_some_and(no_type)
        {
            return None;
        }
        let orig = claims.orig.into_option();
        let orig = orig.and_then(|orig| orig.tn.into_option().or(orig.uri.into_option()));
        let attest = claims.attest.into_option();
        let level = attest.as_deref().and_then(level);
        let odd_level = attest.filter(|_| level.is_none());
        Some(Self {
            level,
            odd_level: odd_level.map(|attest| attest.into_owned().into_boxed_str()),
            orig: orig.map(|orig| orig.into_owned().into_boxed_str()),
            origid: claims.origid.into_option().map(|origid| origid.into_owned().into_boxed_str()),
            fault: None,
        })
    }
}

/// By the `ppt` of the header field, else by that of the token.
fn is_shaken(header: &[u8], parameters: &[u8]) -> bool {
    match Parameters::new(parameters).get(b"ppt") {
        Some(ppt) => sip::unquoted(ppt).eq_ignore_ascii_case(b"shaken"),
        None => base64url::lenient(header).is_some_and(|json| {
            Header::read(&json)
                .and_then(|header| header.ppt.into_option())
                .is_some_and(|ppt| ppt == "shaken")
        }),
    }
}

/// Up to the first dot, and what follows it (RFC 7515 §3.1).
fn part(token: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr(b'.', token).unwrap_or(token.len());
    let (part, rest) = token.split_at(end);
    (part, rest.get(1..).unwrap_or_default())
}

/// A level as it is written (RFC 8588 §4).
fn level(text: &str) -> Option<&'static str> {
    match text {
        "A" => Some("A"),
        "B" => Some("B"),
        "C" => Some("C"),
        _ => None,
    }
}
