//! How far the network vouches for the caller, as it claims itself: the Identity header (RFC 8224,
//! RFC 8588), else the `verstat` parameter (3GPP TS 24.229 §7.2A.20) that a carrier which verified
//! the call puts beside the caller. No signature is checked here.

use std::borrow::Cow;

use super::{Passport, Reading, passport::level};
use crate::{
    invite::Attestation,
    sip::{self, Invite, NameAddr},
};

/// Reads the attestation; from no configured trunk there is none, whatever the message says.
pub fn attestation<'a>(
    invite: &Invite<'a>,
    passport: Option<&Passport>,
    reading: &Reading<'_>,
) -> Attestation<'a> {
    let mut attestation = Attestation {
        level: "none",
        source: None,
        signature: "absent",
        reason: None,
        signer: None,
        verstat: None,
    };
    if !reading.trusted {
        return attestation;
    }
    if !invite.identity.is_empty() {
        attestation.signature = "unverified";
        attestation.reason = passport.and_then(|passport| passport.fault);
        if let Some(level) = passport.and_then(|passport| passport.level) {
            attestation.level = level;
            attestation.source = Some("identity");
        }
    }
    if let Some((token, level)) = verstat(invite) {
        attestation.verstat = Some(token);
        if attestation.source.is_none() {
            attestation.source = Some("verstat");
            attestation.level = level.unwrap_or("none");
        }
    }
    if invite.headers_cut && attestation.source.is_none() && attestation.reason.is_none() {
        attestation.reason = Some("cut-short");
    }
    attestation
}

/// The `verstat` token as it came and the level it stands for. Looked for in
/// P-Asserted-Identity, then in From.
///
/// The bare `TN-Validation-Passed` is A to some carriers and any level to others, so it stands for
/// none; `-A`, `-B` and `-C` behind it, or an `attest` parameter beside it, say which.
fn verstat<'a>(invite: &Invite<'a>) -> Option<(Cow<'a, str>, Option<&'static str>)> {
    invite.p_asserted_identity.iter().chain(&invite.from).find_map(|value| {
        let token = parameter(value, b"verstat")?;
        let token = sip::unquoted(token);
        let passed =
            token.get(..PASSED.len()).is_some_and(|start| start.eq_ignore_ascii_case(PASSED));
        let level = match token.get(PASSED.len()..) {
            Some([b'-', letter]) if passed => level(&[letter.to_ascii_uppercase()]),
            Some([]) if passed => parameter(value, b"attest").and_then(level),
            _ => None,
        };
        let token = match token {
            Cow::Borrowed(token) => sip::lossy(token),
            Cow::Owned(token) => Cow::Owned(sip::lossy(&token).into_owned()),
        };
        Some((token, level))
    })
}

const PASSED: &[u8] = b"TN-Validation-Passed";

/// A parameter of the user part, of the URI or of the header: carriers use all three places.
fn parameter<'a>(value: &NameAddr<'a>, name: &[u8]) -> Option<&'a [u8]> {
    value
        .uri
        .user_parameters()
        .get(name)
        .or_else(|| value.uri.parameters().get(name))
        .or_else(|| value.parameters().get(name))
}
