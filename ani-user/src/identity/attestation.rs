//! How far the network vouches for the caller, as it claims itself: the Identity header (RFC 8224,
//! RFC 8588), else the `verstat` parameter (3GPP TS 24.229 §7.2A.20) that a carrier which verified
//! the call puts beside the caller. No signature is checked here.

use std::borrow::Cow;

use serde::Deserialize;

use crate::{
    invite::Attestation,
    sip::{self, Invite, NameAddr, Parameters},
};

/// Longest PASSporT that is looked into, bytes. SHAKEN's are below 1,000; ones with rich call data
/// carry links and names.
const MAX_PASSPORT: usize = 16 * 1_024;

/// The claims of a PASSporT that are read; they may come in any order.
#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    attest: Option<Cow<'a, str>>,
}

/// The header of a PASSporT.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    ppt: Option<Cow<'a, str>>,
}

/// Reads the attestation; with `trusted` false there is none, whatever the message says.
pub fn attestation(invite: &Invite<'_>, trusted: bool) -> Attestation {
    let mut attestation = Attestation {
        level: "none",
        source: None,
        signature: "absent",
        reason: None,
        signer: None,
        verstat: None,
    };
    if !trusted {
        return attestation;
    }
    if !invite.identity.is_empty() {
        attestation.signature = "unverified";
        match shaken(&invite.identity) {
            Ok(Some(level)) => {
                attestation.level = level;
                attestation.source = Some("identity");
            }
            Ok(None) => {}
            Err(reason) => attestation.reason = Some(reason.to_owned()),
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
        attestation.reason = Some("cut-short".to_owned());
    }
    attestation
}

/// The level that the first Identity header with `ppt=shaken` claims; none when it claims none, or
/// none is there.
fn shaken(identities: &[&[u8]]) -> Result<Option<&'static str>, &'static str> {
    let mut reason = None;
    for identity in identities {
        let end = identity.iter().position(|byte| *byte == b';').unwrap_or(identity.len());
        let (token, parameters) = identity.split_at(end);
        let mut parts = sip::trim(token).splitn(3, |byte| *byte == b'.');
        let header = parts.next().unwrap_or_default();
        let payload = parts.next().unwrap_or_default();
        let is_shaken = match Parameters::new(parameters).get(b"ppt") {
            Some(ppt) => sip::unquoted(ppt).eq_ignore_ascii_case(b"shaken"),
            None => decoded(header)
                .and_then(|json| {
                    let header = serde_json::from_slice::<Header<'_>>(&json).ok()?;
                    header.ppt.map(|ppt| ppt == "shaken")
                })
                .unwrap_or(false),
        };
        if !is_shaken {
            continue;
        }
        if token.len() > MAX_PASSPORT {
            reason = reason.or(Some("passport too long"));
            continue;
        }
        let Some(json) = decoded(payload) else {
            reason = reason.or(Some("passport payload is not base64url"));
            continue;
        };
        return match serde_json::from_slice::<Claims<'_>>(&json) {
            Ok(claims) => Ok(claims.attest.and_then(|attest| level(attest.as_bytes()))),
            Err(_) => Err("passport payload is not a JSON object of claims"),
        };
    }
    reason.map_or(Ok(None), Err)
}

fn level(text: &[u8]) -> Option<&'static str> {
    match text {
        b"A" => Some("A"),
        b"B" => Some("B"),
        b"C" => Some("C"),
        _ => None,
    }
}

/// The `verstat` token as it came and the level it stands for. Looked for in
/// P-Asserted-Identity, then in From.
///
/// The bare `TN-Validation-Passed` is A to some carriers and any level to others, so it stands for
/// none; `-A`, `-B` and `-C` behind it, or an `attest` parameter beside it, say which.
fn verstat(invite: &Invite<'_>) -> Option<(String, Option<&'static str>)> {
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
        Some((sip::lossy(&token), level))
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

/// base64url without padding (RFC 7515 §2); white space of folding left out. None for anything
/// else.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() > MAX_PASSPORT {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            // The standard alphabet's two are sent by some (RFC 4648 §4).
            b'-' | b'+' => 62,
            b'_' | b'/' => 63,
            b'=' => continue,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}
