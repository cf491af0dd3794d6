//! The message: a full parser over borrowed bytes, for the messages the kernel's scanner leaves
//! alone as well as for those it decides.
//!
//! No bytes make it panic. What is wrong is named in [`Faults`] and the rest is still read: a
//! caller who sends a broken message is not invisible for it. Where the scanner calls a message
//! plain, this parser reads the same caller, called number and Call-ID; a property test holds it to
//! that. Sources: RFC 3261 §7 and §25, RFC 4475.

/// Where a byte may stand.
mod class;
/// P-DCS-Billing-Info.
mod billing;
/// What is wrong with a message, as stable words.
mod fault;
/// Header lines: names, folding, the end of the headers.
mod header;
/// Values between commas, parameters between semicolons.
mod list;
/// `"name" <uri>;parameters`.
mod name_addr;
/// Calls that ask for priority.
mod priority;
/// Where bytes stand that mean something, found sixteen at a time.
mod stops;
/// The start line, and where one is in a stream.
mod start_line;
/// From bytes as they came to text: quotes, escapes, folding.
mod text;
/// `scheme:user;parameters:password@host:port;parameters?headers`.
mod uri;
/// `SIP/2.0/transport sent-by;parameters`.
mod via;

use smallvec::{Array, SmallVec};

pub use billing::BillingInfo;
pub use fault::{Fault, Faults};
pub use header::{Header, Headers, Name};
pub use list::{Parameter, Parameters, Values};
pub use name_addr::NameAddr;
pub use priority::asks_priority;
pub use start_line::{Place, RequestLine, Start, may_be_invite, start};
pub use text::{display, lossy, percent_decoded, trim, unquoted};
pub use uri::{Scheme, Uri};

/// Values kept of a header that may stand more than once or hold a list.
pub const MAX_VALUES: usize = 16;

/// An INVITE request, borrowed.
#[derive(Clone, Debug)]
pub struct Invite<'a> {
    /// Request-URI as it came.
    pub request_uri: &'a [u8],
    /// What could be read of it.
    pub request: Uri<'a>,
    /// From; the first one when there are several.
    pub from: Option<NameAddr<'a>>,
    /// To; the first one when there are several.
    pub to: Option<NameAddr<'a>>,
    /// Call-ID.
    pub call_id: Option<&'a [u8]>,
    /// Number of CSeq.
    pub cseq: Option<u32>,
    /// `branch` of the topmost Via.
    pub branch: Option<&'a [u8]>,
    /// Values of P-Asserted-Identity.
    pub p_asserted_identity: SmallVec<[NameAddr<'a>; 2]>,
    /// Values of P-Preferred-Identity.
    pub p_preferred_identity: SmallVec<[NameAddr<'a>; 1]>,
    /// Values of Remote-Party-ID.
    pub remote_party_id: SmallVec<[NameAddr<'a>; 1]>,
    /// P-Charge-Info; the first one when there are several.
    pub p_charge_info: Option<NameAddr<'a>>,
    /// P-DCS-Billing-Info; the first one when there are several.
    pub p_dcs_billing_info: Option<BillingInfo<'a>>,
    /// Values of Diversion, the one who forwarded last first.
    pub diversion: SmallVec<[NameAddr<'a>; 1]>,
    /// Values of History-Info, the first target of the call first.
    pub history_info: SmallVec<[NameAddr<'a>; 1]>,
    /// Values of Privacy.
    pub privacy: SmallVec<[&'a [u8]; 2]>,
    /// Values of Identity, parameters and all.
    pub identity: SmallVec<[&'a [u8]; 2]>,
    /// Headers of [`Name::Vouching`], in the order of the message.
    pub vouching: SmallVec<[Header<'a>; 2]>,
    /// The headers, from behind the start line on; see [`Invite::header`].
    pub head: &'a [u8],
    /// Whether there are more headers than were captured.
    pub headers_cut: bool,
    /// The body: as long as Content-Length says, or what is there of it.
    pub body: &'a [u8],
    /// What is wrong.
    pub faults: Faults,
}

/// Reads an INVITE; `None` for anything else: another method, a response, no SIP.
///
/// `cut` says that the end of the message was not captured. What is missing is then no fault of the
/// sender's, and what the cut goes through is not read: a number without its last digits would be
/// another number.
pub fn invite(message: &[u8], cut: bool) -> Option<Invite<'_>> {
    // One place for it from the start: with the room for values in it, moving it costs a tenth of
    // the time that it takes to read.
    let mut invite = start_line::invite(message, cut).map(|line| Invite {
        request_uri: line.uri,
        request: Uri::NONE,
        from: None,
        to: None,
        call_id: None,
        cseq: None,
        branch: None,
        p_asserted_identity: SmallVec::new(),
        p_preferred_identity: SmallVec::new(),
        remote_party_id: SmallVec::new(),
        p_charge_info: None,
        p_dcs_billing_info: None,
        diversion: SmallVec::new(),
        history_info: SmallVec::new(),
        privacy: SmallVec::new(),
        identity: SmallVec::new(),
        vouching: SmallVec::new(),
        head: line.rest,
        headers_cut: false,
        body: &[],
        faults: line.faults,
    });
    if let Some(invite) = &mut invite {
        invite.read(cut);
    }
    invite
}

/// A Request-URI in angle brackets or with white space is an error of the sender's (RFC 4475
/// §3.1.2.7 and §3.1.2.8), but it is plain what he means.
fn request_uri<'a>(raw: &'a [u8], faults: &mut Faults) -> (Uri<'a>, bool) {
    let bare = raw
        .strip_prefix(b"<")
        .map(|inner| inner.strip_suffix(b">").unwrap_or(inner))
        .unwrap_or(raw);
    let uri = Uri::read(bare);
    // RFC 3261 §19.1.1, table 1: no headers in a Request-URI.
    faults.add_if(!uri.headers.is_empty(), Fault::RequestUriHeaders);
    (uri, bare.len() != raw.len() || uri.faulty)
}

/// Which headers that stand once were there, and what Content-Length said.
#[derive(Default)]
struct Once {
    from: bool,
    to: bool,
    call_id: bool,
    cseq: bool,
    via: bool,
    max_forwards: bool,
    charge: bool,
    billing: bool,
    content_length: Option<usize>,
    content_length_seen: bool,
}

impl Once {
    /// Names those that must be there and are not.
    fn missing(&self, faults: &mut Faults) {
        faults.add_if(!self.from, Fault::MissingFrom);
        faults.add_if(!self.to, Fault::MissingTo);
        faults.add_if(!self.call_id, Fault::MissingCallId);
        faults.add_if(!self.cseq, Fault::MissingCSeq);
        faults.add_if(!self.via, Fault::MissingVia);
    }
}

impl<'a> Invite<'a> {
    /// Values of a header that is read by nobody else, in the order of the message, by its name in any
    /// case. Walks through the headers once more: for names out of a configuration.
    pub fn header(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        Headers::new(self.head, self.headers_cut)
            .filter(move |header| header.raw_name.eq_ignore_ascii_case(name))
            .map(|header| trim(header.value))
    }

    fn read(&mut self, cut: bool) {
        let (request, uri_faulty) = request_uri(self.request_uri, &mut self.faults);
        self.request = request;
        self.faults.add_if(uri_faulty, Fault::RequestUri);
        let mut once = Once::default();
        let mut headers = Headers::new(self.head, cut);
        for header in headers.by_ref() {
            self.take(header, &mut once);
        }
        self.faults.extend(headers.faults());
        if cut {
            self.faults.add(Fault::Cut);
        } else if headers.body().is_none() {
            self.faults.add(Fault::HeadersEnd);
        }
        if !cut || headers.body().is_some() {
            once.missing(&mut self.faults);
        }
        self.headers_cut = cut && headers.body().is_none();
        let behind = headers.body().unwrap_or_default();
        self.head = self.head.get(..self.head.len() - behind.len()).unwrap_or_default();
        self.finish(behind, &once, cut);
    }

    #[inline]
    fn take(&mut self, header: Header<'a>, once: &mut Once) {
        let value = header.value;
        let faults = &mut self.faults;
        match header.name {
            Name::From if first(&mut once.from, faults, Fault::DoubledFrom) => {
                self.from = named(value, faults, Fault::From);
            }
            Name::To if first(&mut once.to, faults, Fault::DoubledTo) => {
                self.to = named(value, faults, Fault::To);
            }
            Name::CallId if first(&mut once.call_id, faults, Fault::DoubledCallId) => {
                faults.add_if(!is_call_id(value), Fault::CallId);
                self.call_id = (!value.is_empty()).then_some(value);
            }
            Name::CSeq if first(&mut once.cseq, faults, Fault::DoubledCSeq) => {
                self.cseq = cseq(value, faults);
            }
            Name::Via => {
                if let Some(branch) = via::branch(value, faults)
                    && !std::mem::replace(&mut once.via, true)
                {
                    self.branch = branch;
                }
            }
            Name::MaxForwards
                if first(&mut once.max_forwards, faults, Fault::DoubledMaxForwards) =>
            {
                // RFC 3261 §20.22: 0 to 255.
                let fits = number(value).is_some_and(|hops| hops <= 255);
                faults.add_if(!fits, Fault::MaxForwards);
            }
            Name::ContentLength => {
                let length = number(value).and_then(|length| usize::try_from(length).ok());
                faults.add_if(length.is_none(), Fault::ContentLength);
                faults.add_if(once.content_length_seen, Fault::DoubledContentLength);
                once.content_length_seen = true;
                once.content_length = once.content_length.or(length);
            }
            Name::Contact if NameAddr::plain(value).is_none() => {
                // `*` is for REGISTER only (RFC 3261 §10.2.2).
                let faulty = Values::new(value).any(|contact| NameAddr::read(contact).faulty);
                faults.add_if(faulty, Fault::Contact);
            }
            Name::PAssertedIdentity => {
                collect(value, &mut self.p_asserted_identity, faults, Fault::PAssertedIdentity);
            }
            Name::PPreferredIdentity => {
                collect(value, &mut self.p_preferred_identity, faults, Fault::PPreferredIdentity);
            }
            Name::RemotePartyId => {
                collect(value, &mut self.remote_party_id, faults, Fault::RemotePartyId);
            }
            Name::Diversion => collect(value, &mut self.diversion, faults, Fault::Diversion),
            Name::HistoryInfo => collect(value, &mut self.history_info, faults, Fault::HistoryInfo),
            Name::PDcsBillingInfo
                if first(&mut once.billing, faults, Fault::DoubledPDcsBillingInfo) =>
            {
                let read = BillingInfo::read(value);
                faults.add_if(read.faulty, Fault::PDcsBillingInfo);
                self.p_dcs_billing_info = Some(read);
            }
            Name::Vouching => push(&mut self.vouching, header, faults),
            Name::PChargeInfo if first(&mut once.charge, faults, Fault::DoubledPChargeInfo) => {
                self.p_charge_info = named(value, faults, Fault::PChargeInfo);
            }
            Name::Privacy => {
                for word in list::split(value, b';').map(trim).filter(|word| !word.is_empty()) {
                    push(&mut self.privacy, word, faults);
                }
            }
            Name::Identity => {
                for token in Values::new(value) {
                    push(&mut self.identity, token, faults);
                }
            }
            // The second of a header that stands once, or one that says nothing about the caller.
            _ => {}
        }
    }

    fn finish(&mut self, rest: &'a [u8], once: &Once, cut: bool) {
        // RFC 3261 §18.3: what follows the body in a datagram is discarded; a body that is shorter
        // than it says is an error.
        self.body = match once.content_length {
            Some(length) if length <= rest.len() => &rest[..length],
            Some(_) => {
                self.faults.add_if(!cut, Fault::BodyShort);
                rest
            }
            None => rest,
        };
    }
}

/// Whether a header that stands once is seen for the first time.
fn first(seen: &mut bool, faults: &mut Faults, doubled: Fault) -> bool {
    faults.add_if(*seen, doubled);
    !std::mem::replace(seen, true)
}

fn named<'a>(value: &'a [u8], faults: &mut Faults, fault: Fault) -> Option<NameAddr<'a>> {
    let read = NameAddr::read(value);
    faults.add_if(read.faulty, fault);
    Some(read)
}

fn collect<'a, A: Array<Item = NameAddr<'a>>>(
    value: &'a [u8],
    into: &mut SmallVec<A>,
    faults: &mut Faults,
    fault: Fault,
) {
    if let Some(one) = NameAddr::plain(value) {
        return push(into, one, faults);
    }
    for one in Values::new(value) {
        let read = NameAddr::read(one);
        faults.add_if(read.faulty, fault);
        push(into, read, faults);
    }
}

fn push<A: Array>(into: &mut SmallVec<A>, value: A::Item, faults: &mut Faults) {
    if into.len() < MAX_VALUES {
        into.push(value);
    } else {
        faults.add(Fault::TooManyValues);
    }
}

/// `word ["@" word]` (RFC 3261 §25.1): in practice, anything without white space.
fn is_call_id(value: &[u8]) -> bool {
    let space = |byte: &u8| *byte <= b' ' || *byte == 127;
    !value.is_empty() && !value.iter().fold(false, |found, byte| found | space(byte))
}

/// Digits and nothing else.
pub(crate) fn number(value: &[u8]) -> Option<u32> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u32, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit <= 9).then(|| number.checked_mul(10)?.checked_add(digit.into())).flatten()
    })
}

/// `1*DIGIT LWS Method` (RFC 3261 §20.16): the number is below 2^31, the method that of the request.
fn cseq(value: &[u8], faults: &mut Faults) -> Option<u32> {
    let end = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    let (digits, method) = value.split_at(end);
    let number = number(digits).filter(|number| *number < 1 << 31);
    faults.add_if(number.is_none(), Fault::CSeq);
    faults.add_if(trim(method) != b"INVITE", Fault::CSeqMethod);
    number
}

#[cfg(test)]
mod tests;
