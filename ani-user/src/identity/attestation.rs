//! How far the network vouches for the caller, as it claims itself: the Identity header (RFC 8224,
//! RFC 8588), else the `verstat` parameter (3GPP TS 24.229 §7.2A.20) that a carrier which verified
//! the call puts beside the caller. No signature is checked here.

use std::borrow::Cow;

use memchr::memchr;
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
pub fn attestation<'a>(invite: &Invite<'a>, trusted: bool) -> Attestation<'a> {
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
            Err(reason) => attestation.reason = Some(reason),
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

/// The level that the first Identity header with `ppt=shaken` claims; none when it claims none, or
/// none is there.
fn shaken(identities: &[&[u8]]) -> Result<Option<&'static str>, &'static str> {
    let mut reason = None;
    for identity in identities {
        let end = memchr(b';', identity).unwrap_or(identity.len());
        let (token, parameters) = identity.split_at(end);
        let (header, rest) = part(sip::trim(token));
        let (payload, _) = part(rest);
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

/// Up to the first dot, and what follows it (RFC 7515 §3.1).
fn part(token: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr(b'.', token).unwrap_or(token.len());
    let (part, rest) = token.split_at(end);
    (part, rest.get(1..).unwrap_or_default())
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

/// base64url without padding (RFC 7515 §2); white space of folding left out. None for anything
/// else.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || text.len() > MAX_PASSPORT {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 2);
    // Four letters are three bytes, as long as nothing stands between them.
    let (quads, _) = text.as_chunks::<4>();
    let mut read = 0;
    for quad in quads {
        let [a, b, c, d] = quad.map(|byte| u32::from(SEXTETS[usize::from(byte)]));
        if (a | b | c | d) > 0x3f {
            break;
        }
        let [_, high, middle, low] = (a << 18 | b << 12 | c << 6 | d).to_be_bytes();
        bytes.extend_from_slice(&[high, middle, low]);
        read += quad.len();
    }
    let (mut bits, mut count) = (0u32, 0);
    for byte in text.get(read..)?.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if *byte == b'=' {
            continue;
        }
        let sextet = SEXTETS[usize::from(*byte)];
        if sextet == NO_SEXTET {
            return None;
        }
        bits = bits << 6 | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// Stands in [`SEXTETS`] for a byte that is no letter of the alphabet.
const NO_SEXTET: u8 = 0xff;

/// What a letter stands for: both alphabets of RFC 4648, since some send the standard one's `+` and
/// `/`.
const SEXTETS: [u8; 256] = sextets();

const fn sextets() -> [u8; 256] {
    let mut sextets = [NO_SEXTET; 256];
    let alphabets: [&[u8; 64]; 2] = [
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    ];
    let mut value = 0;
    while value < 64 {
        sextets[alphabets[0][value] as usize] = value as u8;
        sextets[alphabets[1][value] as usize] = value as u8;
        value += 1;
    }
    sextets
}
