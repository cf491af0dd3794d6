//! What the PASSporT in an Identity header claims (RFC 8224 §4, RFC 8225 §5, RFC 8588 §3). No
//! signature is checked here.

use std::borrow::Cow;

use memchr::memchr;
use serde::Deserialize;

use crate::sip::{self, Invite, Parameters};

/// Longest PASSporT that is looked into, bytes. SHAKEN's are below 1,000; ones with rich call data
/// carry links and names.
const MAX_PASSPORT: usize = 16 * 1_024;

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

/// The claims that are read; they may come in any order.
#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow)]
    attest: Option<Cow<'a, str>>,
    #[serde(borrow)]
    orig: Option<Orig<'a>>,
    #[serde(borrow)]
    origid: Option<Cow<'a, str>>,
}

/// One of the two (RFC 8225 §5.2.1).
#[derive(Deserialize)]
struct Orig<'a> {
    #[serde(borrow)]
    tn: Option<Cow<'a, str>>,
    #[serde(borrow)]
    uri: Option<Cow<'a, str>>,
}

/// The header of a PASSporT.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    ppt: Option<Cow<'a, str>>,
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
            let Some(json) = decoded(payload) else {
                unreadable = unreadable.or_else(|| fault("passport payload is not base64url"));
                continue;
            };
            return match serde_json::from_slice::<Claims<'_>>(&json) {
                Ok(claims) => Some(Self::from_claims(claims)),
                Err(_) => fault("passport payload is not a JSON object of claims"),
            };
        }
        unreadable
    }

    fn from_claims(claims: Claims<'_>) -> Self {
        let orig = claims.orig.and_then(|orig| orig.tn.or(orig.uri));
        let level = claims.attest.as_deref().and_then(level);
        let odd_level = claims.attest.filter(|_| level.is_none());
        Self {
            level,
            odd_level: odd_level.map(|attest| attest.into_owned().into_boxed_str()),
            orig: orig.map(|orig| orig.into_owned().into_boxed_str()),
            origid: claims.origid.map(|origid| origid.into_owned().into_boxed_str()),
            fault: None,
        }
    }
}

/// By the `ppt` of the header field, else by that of the token.
fn is_shaken(header: &[u8], parameters: &[u8]) -> bool {
    match Parameters::new(parameters).get(b"ppt") {
        Some(ppt) => sip::unquoted(ppt).eq_ignore_ascii_case(b"shaken"),
        None => decoded(header)
            .and_then(|json| {
                let header = serde_json::from_slice::<Header<'_>>(&json).ok()?;
                header.ppt.map(|ppt| ppt == "shaken")
            })
            .unwrap_or(false),
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
