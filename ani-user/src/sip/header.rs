//! Header lines: names, folding, the end of the headers (RFC 3261 §7.3).

use memchr::memchr;

use super::{
    class,
    fault::{Fault, Faults},
    text::trim,
};

/// Header lines that are read; a datagram of 64 KB can hold 16,000 of four bytes.
pub(super) const MAX_HEADERS: usize = 512;

/// A header that is read for what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Call-ID, `i`
    CallId,
    /// Contact, `m`
    Contact,
    /// Content-Length, `l`
    ContentLength,
    /// CSeq
    CSeq,
    /// Diversion
    Diversion,
    /// From, `f`
    From,
    /// History-Info
    HistoryInfo,
    /// Identity, `y`
    Identity,
    /// Max-Forwards
    MaxForwards,
    /// P-Asserted-Identity
    PAssertedIdentity,
    /// P-Charge-Info
    PChargeInfo,
    /// P-DCS-Billing-Info
    PDcsBillingInfo,
    /// P-Preferred-Identity
    PPreferredIdentity,
    /// Privacy
    Privacy,
    /// Remote-Party-ID
    RemotePartyId,
    /// To, `t`
    To,
    /// Via, `v`
    Via,
    /// One of those in which carriers tell what they know of the caller: P-Attestation-Indicator,
    /// P-Attestation-Info, Attestation-Info, P-Origination-ID, Origination-ID, P-Identity-Bypass,
    /// X-Twilio-VerStat.
    Vouching,
    /// Any other.
    Other,
}

impl Name {
    /// From the name as it came, in any case and in its compact form (RFC 3261 §7.3.3; `y` is
    /// RFC 8224 §4). The compact forms of headers that say nothing here are [`Name::Other`].
    pub fn read(name: &[u8]) -> Self {
        if let [letter] = name {
            return match letter.to_ascii_lowercase() {
                b'f' => Self::From,
                b'i' => Self::CallId,
                b'l' => Self::ContentLength,
                b'm' => Self::Contact,
                b't' => Self::To,
                b'v' => Self::Via,
                b'y' => Self::Identity,
                _ => Self::Other,
            };
        }
        let known: &[(&[u8], Self)] = match name.len() {
            2 => &[(b"to", Self::To)],
            3 => &[(b"via", Self::Via)],
            4 => &[(b"from", Self::From), (b"cseq", Self::CSeq)],
            7 => &[
                (b"call-id", Self::CallId),
                (b"contact", Self::Contact),
                (b"privacy", Self::Privacy),
            ],
            8 => &[(b"identity", Self::Identity)],
            9 => &[(b"diversion", Self::Diversion)],
            12 => &[(b"max-forwards", Self::MaxForwards), (b"history-info", Self::HistoryInfo)],
            13 => &[(b"p-charge-info", Self::PChargeInfo)],
            14 => &[(b"content-length", Self::ContentLength), (b"origination-id", Self::Vouching)],
            15 => &[(b"remote-party-id", Self::RemotePartyId)],
            16 => &[
                (b"attestation-info", Self::Vouching),
                (b"p-origination-id", Self::Vouching),
                (b"x-twilio-verstat", Self::Vouching),
            ],
            17 => &[(b"p-identity-bypass", Self::Vouching)],
            18 => &[
                (b"p-dcs-billing-info", Self::PDcsBillingInfo),
                (b"p-attestation-info", Self::Vouching),
            ],
            19 => &[(b"p-asserted-identity", Self::PAssertedIdentity)],
            20 => &[(b"p-preferred-identity", Self::PPreferredIdentity)],
            23 => &[(b"p-attestation-indicator", Self::Vouching)],
            _ => &[],
        };
        let found = known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(Self::Other, |(_, name)| *name)
    }
}

/// One header.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// Which.
    pub name: Name,
    /// Its name as it came.
    pub raw_name: &'a [u8],
    /// Its value as it came: line ends and all where it is folded, which everything that reads
    /// values takes for white space.
    pub value: &'a [u8],
}

/// The headers of a message, one after the other.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
    cut: bool,
    faults: Faults,
    body: Option<&'a [u8]>,
    read: usize,
}

impl<'a> Headers<'a> {
    /// From what follows the start line. `cut` says that the end is missing: a header that goes up
    /// to the cut is then left out, since more of it could have followed, in its line or folded.
    pub fn new(rest: &'a [u8], cut: bool) -> Self {
        Self { rest, cut, faults: Faults::NONE, body: None, read: 0 }
    }

    /// What was wrong with the lines read so far.
    pub fn faults(&self) -> Faults {
        self.faults
    }

    /// What follows the empty line; none when it has not come (yet).
    pub fn body(&self) -> Option<&'a [u8]> {
        self.body
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        while self.body.is_none() && !self.rest.is_empty() {
            let start = self.rest;
            let faults = self.faults;
            let (mut text, rest) = line(start, &mut self.faults);
            self.rest = rest;
            if text.is_empty() {
                self.body = Some(rest);
                return None;
            }
            // A line that starts with white space continues the one before (§7.3.1).
            while let [b' ' | b'\t', ..] = self.rest {
                let (more, rest) = line(self.rest, &mut self.faults);
                let end = start.len() - self.rest.len() + more.len();
                text = &start[..end];
                self.rest = rest;
            }
            if self.cut && self.rest.is_empty() {
                self.faults = faults;
                return None;
            }
            if self.read == MAX_HEADERS {
                self.faults.add(Fault::TooManyHeaders);
                continue;
            }
            self.read += 1;
            if let Some(header) = header(text) {
                return Some(header);
            }
            self.faults.add(Fault::HeaderLine);
        }
        None
    }
}

fn header(text: &[u8]) -> Option<Header<'_>> {
    let colon = memchr(b':', text)?;
    let raw_name = text[..colon].trim_ascii_end();
    let name = Name::read(raw_name);
    // The names that are known are tokens.
    if name == Name::Other && (raw_name.is_empty() || !class::all(raw_name, class::TOKEN)) {
        return None;
    }
    Some(Header { name, raw_name, value: trim(&text[colon + 1..]) })
}

/// The line at the start of `bytes`, without its end, and what follows it. The last line may have
/// no end.
pub(super) fn line<'a>(bytes: &'a [u8], faults: &mut Faults) -> (&'a [u8], &'a [u8]) {
    let (line, rest) = match memchr(b'\n', bytes) {
        Some(end) => {
            let line = match bytes[..end].strip_suffix(b"\r") {
                Some(line) => line,
                None => {
                    faults.add(Fault::BareLf);
                    &bytes[..end]
                }
            };
            (line, &bytes[end + 1..])
        }
        None => (bytes, &bytes[bytes.len()..]),
    };
    // Hardly a line has any, and without a branch the compiler looks at many bytes at once.
    if line.iter().fold(false, |seen, byte| seen | byte.is_ascii_control()) {
        for byte in line {
            match byte {
                b'\r' => faults.add(Fault::BareCr),
                0..=8 | 10..=31 | 127 => faults.add(Fault::ControlCharacter),
                _ => {}
            }
        }
    }
    (line, rest)
}
