//! The messages that the parser is timed with: INVITEs of a carrier, no two alike, the same in each
//! run.

use std::fmt::Write as _;

use ani_tests::random::Random;
use anyhow::{Context as _, Result, ensure};
use xtask::lab::passport;

/// Bytes of each.
pub(crate) const LEN: usize = 1_366;

/// How many there are: one byte says which.
pub(crate) const COUNT: usize = 256;

/// Visits until the order repeats. In a short one a processor learns each branch by heart, which no
/// traffic lets it do.
const VISITS: usize = 32 * COUNT;

/// What those who call are named, in lengths as they come.
const NAMES: &[&str] = &["ACME", "J Doe", "WIRELESS CALLER", "Dr. Müller", "TOLL FREE CALL", "B"];

/// The messages and the order in which they are read.
pub(crate) struct Messages {
    bytes: Vec<u8>,
    order: Vec<u8>,
    facts: usize,
}

impl Messages {
    /// Writes them.
    pub(crate) fn write() -> Result<Self> {
        let mut random = Random::new(4_475);
        let (mut bytes, mut facts) = (Vec::with_capacity(COUNT * LEN), Vec::with_capacity(COUNT));
        for _ in 0..COUNT {
            let (message, count) = message(&mut random)?;
            bytes.extend(message);
            facts.push(count);
        }
        let mut order = Vec::with_capacity(VISITS);
        while order.len() < VISITS {
            let mut round: Vec<u8> = (0..=u8::MAX).collect();
            for last in (1..round.len()).rev() {
                round.swap(last, random.below(last + 1));
            }
            order.extend(round);
        }
        // In each round, each of them is read once.
        Ok(Self { bytes, order, facts: facts.iter().sum::<usize>() * (VISITS / COUNT) })
    }

    /// Them, `VISITS` times one.
    pub(crate) fn visits(&self) -> impl Iterator<Item = &[u8]> {
        self.order.iter().filter_map(|at| self.bytes.chunks_exact(LEN).nth(usize::from(*at)))
    }

    /// How many [`Messages::visits`] has.
    pub(crate) fn visit_count(&self) -> usize {
        self.order.len()
    }

    /// Bytes of the facts in all visits, whoever reads them: users of From, To and
    /// P-Asserted-Identity, Call-ID and Identity.
    pub(crate) fn facts(&self) -> usize {
        self.facts
    }

    /// For a program in another language: the messages, then the order.
    pub(crate) fn file(&self) -> Vec<u8> {
        [self.bytes.as_slice(), &self.order].concat()
    }
}

/// One message, and the bytes of its facts.
fn message(random: &mut Random) -> Result<(Vec<u8>, usize)> {
    // No area and no exchange of North America begins with 0 or 1.
    let number = |random: &mut Random| {
        let (area, exchange) = (201 + random.below(799), 200 + random.below(800));
        format!("1{area}{exchange}{:04}", random.below(10_000))
    };
    let hex = |random: &mut Random, least: usize, most: usize| -> String {
        let len = least + random.below(most - least + 1);
        (0..len).map(|_| char::from(*random.of(b"0123456789abcdef"))).collect()
    };
    let (caller, called) = (number(random), number(random));
    let name = *random.of(NAMES);
    let call_id = format!("{}@203.0.113.{}", hex(random, 16, 32), random.below(256));
    let (sbc, media) = (random.below(256), 10_000 + random.below(50_000));
    let issued = 1_714_557_600 + random.below(86_400) as u64;
    let identity = format!(
        "{};info=<https://certs.example.org/{}.pem>;alg=ES256;ppt=shaken",
        passport::compact('A', &caller, &called, issued),
        hex(random, 4, 8),
    );
    let mut text = format!(
        "INVITE sip:+{called}@198.51.100.20:5060;user=phone SIP/2.0\r\n\
         Record-Route: <sip:203.0.113.{sbc};lr;ftag={}>\r\n\
         Via: SIP/2.0/UDP 203.0.113.{sbc}:5060;branch=z9hG4bK{}\r\n\
         Via: SIP/2.0/UDP 192.0.2.17:5060;received=192.0.2.17;branch=z9hG4bK-{};rport=5060\r\n\
         From: \"{name}\" <sip:+{caller}@203.0.113.9;user=phone>;tag={}\r\n\
         To: <sip:+{called}@198.51.100.20;user=phone>\r\n\
         Call-ID: {call_id}\r\n\
         CSeq: {} INVITE\r\n\
         Max-Forwards: {}\r\n\
         Contact: <sip:+{caller}@192.0.2.17:5060;transport=udp>\r\n\
         P-Asserted-Identity: \"{name}\" <sip:+{caller}@203.0.113.9;user=phone>\r\n\
         Identity: {identity}\r\n\
         Allow: INVITE, ACK, CANCEL, OPTIONS, BYE\r\n\
         Content-Type: application/sdp\r\n",
        hex(random, 8, 16),
        hex(random, 8, 24),
        hex(random, 8, 24),
        hex(random, 6, 14),
        1 + random.below(999_999),
        60 + random.below(11),
    );
    // The body fills it up; its length is written before it.
    let body = LEN
        .checked_sub(text.len() + "Content-Length: 000\r\n\r\n".len())
        .context("an INVITE of the bench has no room for a body")?;
    let _ = write!(text, "Content-Length: {body:03}\r\n\r\n");
    let _ = write!(
        text,
        "v=0\r\no=- {issued} 1 IN IP4 192.0.2.17\r\ns=-\r\nc=IN IP4 192.0.2.17\r\nt=0 0\r\n\
         m=audio {media} RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
    );
    while text.len() < LEN {
        text.push_str("a=sendrecv\r\n");
    }
    text.truncate(LEN);
    ensure!(body >= 64, "an INVITE of the bench has no room for SDP: {body} bytes");
    let users = 2 * (caller.len() + 1) + called.len() + 1;
    Ok((text.into_bytes(), users + call_id.len() + identity.len()))
}
