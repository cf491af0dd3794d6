//! What is wrong with a message, as stable words.

macro_rules! faults {
    ($($variant:ident = $word:literal, $doc:literal;)+) => {
        /// Something wrong with a message.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Fault {
            $(#[doc = $doc] $variant,)+
        }

        const WORDS: &[&str] = &[$($word,)+];

        const SENTENCES: &[&str] = &[$($doc,)+];

        impl Fault {
            /// All of them, in alphabetical order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
        }
    };
}

faults! {
    BareCr = "bare-cr", "A CR without LF within the headers (RFC 3261 §7).";
    BareLf = "bare-lf", "A line that ends in LF alone (RFC 3261 §7).";
    BodyShort = "body-short", "Content-Length says more than there is (RFC 3261 §18.3).";
    CSeq = "cseq", "CSeq has no number below 2^31 (RFC 3261 §20.16).";
    CSeqMethod = "cseq-method", "CSeq names another method (RFC 3261 §8.1.1.5).";
    CallId = "call-id", "Call-ID is empty or has white space in it (RFC 3261 §20.8).";
    Contact = "contact", "Contact cannot be read (RFC 3261 §20.10).";
    ContentLength = "content-length", "Content-Length is no number (RFC 3261 §20.14).";
    ControlCharacter = "control-character", "A control character within the headers.";
    Cut = "cut-short", "The end of the message is missing.";
    Diversion = "diversion", "Diversion cannot be read (RFC 5806).";
    DoubledCSeq = "doubled-cseq", "Two CSeq headers.";
    DoubledCallId = "doubled-call-id", "Two Call-ID headers.";
    DoubledContentLength = "doubled-content-length", "Two Content-Length headers.";
    DoubledFrom = "doubled-from", "Two From headers.";
    DoubledMaxForwards = "doubled-max-forwards", "Two Max-Forwards headers.";
    DoubledPChargeInfo = "doubled-p-charge-info", "Two P-Charge-Info headers.";
    DoubledPDcsBillingInfo = "doubled-p-dcs-billing-info", "Two P-DCS-Billing-Info headers.";
    DoubledTo = "doubled-to", "Two To headers.";
    From = "from", "From cannot be read for sure (RFC 3261 §20.20).";
    HeaderLine = "header-line", "A header line without a name or a colon (RFC 3261 §7.3.1).";
    HeadersEnd = "headers-unterminated", "No empty line ends the headers (RFC 3261 §7).";
    HistoryInfo = "history-info", "History-Info cannot be read for sure (RFC 7044 §5).";
    MaxForwards = "max-forwards", "Max-Forwards is no number from 0 to 255 (RFC 3261 §20.22).";
    MissingCSeq = "missing-cseq", "No CSeq (RFC 3261 §8.1.1).";
    MissingCallId = "missing-call-id", "No Call-ID (RFC 3261 §8.1.1).";
    MissingFrom = "missing-from", "No From (RFC 3261 §8.1.1).";
    MissingTo = "missing-to", "No To (RFC 3261 §8.1.1).";
    MissingVia = "missing-via", "No Via (RFC 3261 §8.1.1).";
    PAssertedIdentity = "p-asserted-identity", "P-Asserted-Identity cannot be read for sure (RFC 3325 §9.1).";
    PChargeInfo = "p-charge-info", "P-Charge-Info cannot be read for sure (RFC 8496).";
    PDcsBillingInfo = "p-dcs-billing-info", "P-DCS-Billing-Info cannot be read for sure (RFC 5503 §7).";
    PPreferredIdentity = "p-preferred-identity", "P-Preferred-Identity cannot be read for sure (RFC 3325 §9.2).";
    RemotePartyId = "remote-party-id", "Remote-Party-ID cannot be read for sure (draft-ietf-sip-privacy-04).";
    RequestLine = "request-line", "White space around the words of the request line, or its version in another case or with more behind it (RFC 3261 §7.1).";
    RequestUri = "request-uri", "The Request-URI is no URI (RFC 3261 §19.1.1).";
    RequestUriHeaders = "request-uri-headers", "The Request-URI has headers (RFC 3261 §19.1.1).";
    To = "to", "To cannot be read for sure (RFC 3261 §20.39).";
    TooManyHeaders = "too-many-headers", "More header lines than are read.";
    TooManyValues = "too-many-values", "More values of a header than are read.";
    UdpLength = "udp-length", "UDP claims more bytes than IP leaves for it.";
    Via = "via", "Via cannot be read (RFC 3261 §20.42).";
}

const _: () = assert!(WORDS.len() <= u64::BITS as usize);

impl Fault {
    /// Stable word for JSON.
    pub const fn as_str(self) -> &'static str {
        WORDS[self as usize]
    }

    /// The same for people.
    pub const fn sentence(self) -> &'static str {
        SENTENCES[self as usize]
    }
}

/// A set of [`Fault`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults(u64);

impl Faults {
    /// None.
    pub const NONE: Self = Self(0);

    /// Adds one.
    pub const fn add(&mut self, fault: Fault) {
        self.0 |= 1 << fault as u32;
    }

    /// Adds one when `there` is true.
    pub const fn add_if(&mut self, there: bool, fault: Fault) {
        self.0 |= (there as u64) << fault as u32;
    }

    /// Adds all of another set.
    pub const fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether one is there.
    pub const fn contains(self, fault: Fault) -> bool {
        self.0 >> fault as u32 & 1 != 0
    }

    /// Their words, in alphabetical order of the variants.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        WORDS.iter().enumerate().filter(move |(at, _)| self.0 >> at & 1 != 0).map(|(_, word)| *word)
    }
}
