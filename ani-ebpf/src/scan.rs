//! The header walk that the kernel decides on and that the daemon repeats.
//!
//! The walk reads a message of at most [`WINDOW`] bytes and answers one question: *could the
//! caller be read in two ways?* If not, the message is **plain** and the answer carries the caller,
//! the called number and the claimed attestation. If so, it says why ([`NotPlain`]) and nothing
//! else; the full parser decides. Plain is narrow on purpose:
//!
//! | plain | not plain |
//! |---|---|
//! | `INVITE uri SP SIP/2.0 CRLF`, one space each | white space before it, other or more white space in it |
//! | every header line ends in CRLF, none is folded | bare CR or LF, control characters, folding |
//! | From, To, Call-ID there, once | missing, doubled |
//! | at most one of each header a caller is read from | doubled headers, a list of values |
//! | the caller in a header that is a name and a URI | in P-DCS-Billing-Info or a PASSporT |
//! | header name, then the colon | white space before the colon |
//! | `"name" <uri>`, `name <uri>`, `<uri>`, `uri` | escapes in the quoted name, anything else |
//! | `;tag=token`, `;party=token` behind them | quotes or brackets there, an empty value, a space before `=` |
//! | `sip:`, `sips:`, `tel:`, then digits or a name | `%`, separators, a password, other schemes |
//! | user parameters other than `phone-context` | `phone-context` |
//! | the blank line within the window and the step limit | later |
//!
//! The verifier shapes the code. A scan whose state lives in registers or on the stack makes each
//! step a new state to verify, over a million instructions in all. The state here is in the map
//! value that also holds the window, behind relaxed atomics, so each step reads back a number the
//! verifier knows nothing about and all steps look alike to it. For the same reason each phase of
//! the walk leaves what it found in that memory and returns one number: however it got there, the
//! next phase starts from one state. Every loop has a named bound.
//!
//! Nearly all of it is inlined: where a return is guarded against speculation (AMD's SRSO), it costs
//! 8 ns in a program too. What stays a function is rarely called, or has so many ways through it that
//! they have to meet before the next phase.

/// Which call attempt a request belongs to.
mod attempt;
/// The claimed attestation: what Identity and `verstat` come to.
mod attestation;
/// Bytes, eight at a time.
mod bytes;
/// The header lines, one after the other.
mod headers;
/// `"name" <scheme:user@host;parameters>;parameters`.
mod name_addr;
/// INVITE, Request-URI, version.
mod start_line;
/// The `verstat` parameter on the header that names the caller.
mod verstat;
/// The message and the walk's state.
mod window;

pub use attestation::Attestation;
pub use headers::AniHeader;
pub use name_addr::{User, UserKind};
pub use start_line::{StartLine, start_line};
pub use window::{Scratch, WINDOW};

use self::{name_addr::UserCell, window::WordCell};

use crate::{
    abi::{
        attempt::AttemptKeys,
        number::Number,
        trunk::{Orders, Telling},
    },
    dial_plan::DialPlan,
};

/// Payload shorter than this, bytes, is a keep-alive: a CRLF or two (RFC 5626 §3.5.1), a NUL, a
/// space. No request line is as short. Looked at before the walk.
pub const MIN_MESSAGE_LEN: u32 = 16;

/// Why a message is left to the full parser. Zero is kept for "plain".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum NotPlain {
    /// White space or line ends before the request line.
    LeadingCrlf = 1,
    /// The Request-URI holds a space or is not one of `sip:`, `sips:`, `tel:`, `urn:service:sos`.
    RequestUri = 2,
    /// A header line starts with white space: it continues the one before.
    Folded = 3,
    /// A bare CR, a bare LF or another control character within the headers.
    LineEnd = 4,
    /// White space between a header's name and its colon.
    SpaceBeforeColon = 5,
    /// A header that stands once stands twice.
    Doubled = 6,
    /// From, To or Call-ID is missing.
    Missing = 7,
    /// The headers do not end within the window.
    Window = 8,
    /// The headers do not end within the steps the walk may take.
    Steps = 9,
    /// A display name that is escaped, unterminated or too long.
    DisplayName = 10,
    /// A URI of another scheme, or none.
    Scheme = 11,
    /// A user part with escapes, separators, a password, or neither number nor name.
    User = 12,
    /// `phone-context` changes what the digits mean.
    PhoneContext = 13,
    /// More than one value, or something behind the value that is not understood.
    Tail = 14,
    /// The caller stands in a header that only the full parser reads.
    CallerHeader = 15,
    /// A request line with other white space than one space each, the method or `SIP/2.0` in another
    /// case, or something behind the version.
    RequestLine = 16,
}

impl NotPlain {
    /// Stable word for logs, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeadingCrlf => "leading-crlf",
            Self::RequestUri => "request-uri",
            Self::Folded => "folded",
            Self::LineEnd => "line-end",
            Self::SpaceBeforeColon => "space-before-colon",
            Self::Doubled => "doubled-header",
            Self::Missing => "missing-header",
            Self::Window => "beyond-window",
            Self::Steps => "too-many-lines",
            Self::DisplayName => "display-name",
            Self::Scheme => "scheme",
            Self::User => "user-part",
            Self::PhoneContext => "phone-context",
            Self::Tail => "several-values",
            Self::CallerHeader => "caller-header",
            Self::RequestLine => "request-line",
        }
    }

    /// The reason a number from a ring record stands for.
    pub const fn from_raw(raw: u8) -> Option<Self> {
        Some(match raw {
            1 => Self::LeadingCrlf,
            2 => Self::RequestUri,
            3 => Self::Folded,
            4 => Self::LineEnd,
            5 => Self::SpaceBeforeColon,
            6 => Self::Doubled,
            7 => Self::Missing,
            8 => Self::Window,
            9 => Self::Steps,
            10 => Self::DisplayName,
            11 => Self::Scheme,
            12 => Self::User,
            13 => Self::PhoneContext,
            14 => Self::Tail,
            15 => Self::CallerHeader,
            16 => Self::RequestLine,
            _ => return None,
        })
    }
}

/// What a plain INVITE says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plain {
    /// The header the caller was read from: the first of the trunk's order that is there.
    pub ani_header: Option<AniHeader>,
    /// The caller in that header.
    pub caller: User,
    /// The caller's number, E.164; [`Number::NONE`] where the digits are none.
    pub ani: Number,
    /// The user of the Request-URI.
    pub called: User,
    /// Whether the call is one that no rule may stop: `urn:service:sos` or Resource-Priority with
    /// an `esnet`, `ets` or `wps` namespace. Emergency numbers are the caller's to compare.
    pub priority: bool,
    /// Whether To carries a tag: a request within a dialog.
    pub in_dialog: bool,
    /// The level that is claimed where the trunk's profile believes it, unverified.
    pub attestation: Attestation,
}

/// Walks the INVITE in `scratch`, whose request line [`start_line`] has recognised; [`plain`] tells
/// then what it says.
///
/// `orders` say which headers the caller may be read from, by who is called; `plan` completes
/// both numbers; `telling` says where the attestation is told.
#[inline(always)]
pub fn invite(
    scratch: &Scratch,
    orders: &Orders,
    plan: &DialPlan,
    telling: Telling,
) -> Result<(), NotPlain> {
    phase(start_line::called(scratch))?;
    phase(headers::walk(scratch))?;
    phase(name_addr::to_tag(scratch))?;
    phase(headers::priority(scratch))?;
    attestation::read(scratch, telling);
    if orders.differ() {
        e164(&scratch.called, &scratch.called_number, plan);
        headers::choose(scratch, order_of(orders, Number(scratch.called_number.load())));
    } else {
        headers::choose(scratch, orders.usual.0);
    }
    match ani_header(scratch) {
        Some(header) if !header.is_name_addr() => return Err(NotPlain::CallerHeader),
        Some(header) => phase(name_addr::caller(scratch, header))?,
        None => scratch.caller.store(User::NONE),
    }
    e164(&scratch.caller, &scratch.caller_number, plan);
    Ok(())
}

/// What an INVITE says that [`invite`] found to be plain.
#[inline(always)]
pub fn plain(scratch: &Scratch) -> Plain {
    Plain {
        ani_header: ani_header(scratch),
        caller: scratch.caller.load(),
        ani: Number(scratch.caller_number.load()),
        called: scratch.called.load(),
        priority: scratch.priority.load() != 0,
        in_dialog: scratch.in_dialog.load() != 0,
        attestation: Attestation::from_raw(scratch.attestation.load() as u8),
    }
}

/// Whether an INVITE that [`invite`] found to be plain has an Identity header.
#[inline(always)]
pub fn is_signed(scratch: &Scratch) -> bool {
    headers::is_signed(scratch)
}

#[inline(always)]
fn ani_header(scratch: &Scratch) -> Option<AniHeader> {
    AniHeader::from_raw(scratch.chosen.load() as u8)
}

/// Walks a request of any method: afterwards [`attempt`] tells what it belongs to.
#[inline(always)]
pub fn request(scratch: &Scratch) -> Result<(), NotPlain> {
    phase(start_line::end(scratch))?;
    phase(headers::walk(scratch))
}

/// The hash of Call-ID and From tag of a request that was walked through; none when one of them is
/// over 128 bytes.
#[inline(always)]
pub fn attempt(scratch: &Scratch, keys: &AttemptKeys) -> Option<u64> {
    match attempt::hash(scratch, keys) {
        DONE => Some(scratch.attempt.load()),
        _ => None,
    }
}

/// Leaves the E.164 number of `user` in `number`: [`Number::NONE`] where it is none.
#[inline(never)]
fn e164(user: &UserCell, number: &WordCell, plan: &DialPlan) -> Outcome {
    let found = user.load().digits().and_then(|dialled| plan.e164(dialled));
    number.store(found.unwrap_or(Number::NONE).0);
    DONE
}

/// The order of headers for a called number. A phase too, though it has nothing to leave behind.
#[inline(never)]
fn order_of(orders: &Orders, called: Number) -> u64 {
    orders.of(called).0
}

/// What a phase returns: 0, or a [`NotPlain`] as a number.
type Outcome = u32;

/// [`Outcome`] of a phase that went through.
const DONE: Outcome = 0;

#[inline(always)]
fn phase(outcome: Outcome) -> Result<(), NotPlain> {
    match NotPlain::from_raw(outcome as u8) {
        None => Ok(()),
        Some(why) => Err(why),
    }
}

#[inline(always)]
fn outcome(result: Result<(), NotPlain>) -> Outcome {
    match result {
        Ok(()) => DONE,
        Err(why) => why as Outcome,
    }
}
