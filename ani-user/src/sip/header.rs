//! Header lines: names, folding, the end of the headers (RFC 3261 §7.3).

use memchr::memchr;

use super::{
    class,
    fault::{Fault, Faults},
    stops::LineEnds,
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

impl Name {
    /// From a header line that starts with a name of a plain INVITE, as it is nearly always written,
    /// and a colon; the name and its length. None for any other, which [`Name::read`] is for.
    fn usual(line: &[u8]) -> Option<(Self, usize)> {
        // One comparison of whole words each.
        fn starts<const N: usize>(line: &[u8], name: &[u8; N]) -> Option<usize> {
            (line.first_chunk() == Some(name)).then_some(N - 1)
        }
        let of = |name, len: Option<usize>| len.map(|len| (name, len));
        match line.first()? {
            b'A' => of(Self::Other, starts(line, b"Allow:")),
            b'C' => match line.get(1)? {
                b'S' => of(Self::CSeq, starts(line, b"CSeq:")),
                b'a' => of(Self::CallId, starts(line, b"Call-ID:")),
                _ => of(Self::Contact, starts(line, b"Contact:"))
                    .or_else(|| of(Self::ContentLength, starts(line, b"Content-Length:")))
                    .or_else(|| of(Self::Other, starts(line, b"Content-Type:"))),
            },
            b'F' => of(Self::From, starts(line, b"From:")),
            b'I' => of(Self::Identity, starts(line, b"Identity:")),
            b'M' => of(Self::MaxForwards, starts(line, b"Max-Forwards:")),
            b'P' => of(Self::PAssertedIdentity, starts(line, b"P-Asserted-Identity:")),
            b'R' => of(Self::Other, starts(line, b"Record-Route:")),
            b'S' => of(Self::Other, starts(line, b"Supported:")),
            b'T' => of(Self::To, starts(line, b"To:")),
            b'U' => of(Self::Other, starts(line, b"User-Agent:")),
            b'V' => of(Self::Via, starts(line, b"Via:")),
            _ => None,
        }
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
    head: &'a [u8],
    cut: bool,
    /// Where lines end, from `next` on.
    ends: LineEnds<'a>,
    next: usize,
    faults: Faults,
    /// Where the last header or the empty line ended that was read.
    read: usize,
    body: Option<&'a [u8]>,
    count: usize,
}

impl<'a> Headers<'a> {
    /// From what follows the start line. `cut` says that the end is missing: a header that goes up
    /// to the cut is then left out, since more of it could have followed, in its line or folded.
    pub fn new(rest: &'a [u8], cut: bool) -> Self {
        Self {
            head: rest,
            cut,
            ends: LineEnds::new(rest),
            next: 0,
            faults: Faults::NONE,
            read: 0,
            body: None,
            count: 0,
        }
    }

    /// What was wrong with the lines read so far.
    pub fn faults(&self) -> Faults {
        let mut faults = self.faults;
        // Hardly a message has any: where there may be one, it is looked for again.
        if self.ends.is_odd(self.read) || faults.contains(Fault::BareLf) {
            add_controls(&self.head[..self.read], &mut faults);
        }
        faults
    }

    /// What follows the empty line; none when it has not come (yet).
    pub fn body(&self) -> Option<&'a [u8]> {
        self.body
    }

    /// Where the text of the next line ends, and whether LF alone ends it. The last one may have no
    /// end.
    fn line(&mut self) -> (usize, bool) {
        let start = self.next;
        let Some(lf) = self.ends.next() else {
            self.next = self.head.len();
            return (self.next, false);
        };
        self.next = lf + 1;
        match self.head.get(start..lf) {
            Some([.., b'\r']) => (lf - 1, false),
            _ => (lf, true),
        }
    }

    /// What is not just a line with a header before another line: one that is folded, the end, and
    /// what is wrong. The text of the header from `start` on, whose line ends at `end`; none when it
    /// is none.
    #[cold]
    fn unusual(&mut self, start: usize, mut end: usize, mut bare: bool) -> Option<&'a [u8]> {
        if end == start {
            self.body = Some(&self.head[self.next..]);
        }
        // A line that starts with white space continues the one before (§7.3.1).
        while let Some(b' ' | b'\t') = self.head.get(self.next)
            && self.body.is_none()
        {
            let (more_end, more_bare) = self.line();
            (end, bare) = (more_end, bare | more_bare);
        }
        if self.cut && self.next == self.head.len() && self.body.is_none() {
            return None;
        }
        self.faults.add_if(bare, Fault::BareLf);
        self.read = self.next;
        if self.body.is_some() {
            return None;
        }
        if self.count == MAX_HEADERS {
            self.faults.add(Fault::TooManyHeaders);
            return None;
        }
        Some(&self.head[start..end])
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    #[inline]
    fn next(&mut self) -> Option<Header<'a>> {
        while self.body.is_none() && self.next < self.head.len() {
            let start = self.next;
            let (end, bare) = self.line();
            let text = match self.head.get(self.next) {
                Some(behind)
                    if *behind > b' ' && !bare && self.count < MAX_HEADERS && end > start =>
                {
                    self.read = self.next;
                    &self.head[start..end]
                }
                _ => match self.unusual(start, end, bare) {
                    Some(text) => text,
                    None => continue,
                },
            };
            self.count += 1;
            if let Some(header) = header(text) {
                return Some(header);
            }
            self.faults.add(Fault::HeaderLine);
        }
        None
    }
}

#[inline]
fn header(text: &[u8]) -> Option<Header<'_>> {
    if let Some((name, len)) = Name::usual(text) {
        return Some(Header { name, raw_name: &text[..len], value: trim(&text[len + 1..]) });
    }
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
        Some(lf) => {
            let line = &bytes[..lf];
            let text = line.strip_suffix(b"\r");
            faults.add_if(text.is_none(), Fault::BareLf);
            (text.unwrap_or(line), &bytes[lf + 1..])
        }
        None => (bytes, &bytes[bytes.len()..]),
    };
    // Hardly a line has any, and without a branch the compiler looks at many bytes at once.
    if line.iter().fold(false, |seen, byte| seen | byte.is_ascii_control()) {
        add_controls(line, faults);
    }
    (line, rest)
}

/// Names the control characters among whole lines that do not end one.
#[cold]
fn add_controls(lines: &[u8], faults: &mut Faults) {
    for (at, byte) in lines.iter().enumerate() {
        match byte {
            b'\r' => faults.add_if(lines.get(at + 1) != Some(&b'\n'), Fault::BareCr),
            b'\t' | b'\n' => {}
            0..=31 | 127 => faults.add(Fault::ControlCharacter),
            _ => {}
        }
    }
}
