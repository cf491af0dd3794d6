//! One INVITE with all that is known of it, as others read it: a line of `ani replay --json`, an
//! event, a row of telemetry. Fields may be added, not renamed.
//!
//! It borrows from the message and the configuration: of hundreds of thousands a second, few are
//! kept, and of those not all.

/// As JSON, fast.
mod json;
/// What came of each signature.
mod passports;

use std::{borrow::Cow, net::SocketAddr};

use serde::Serialize;

pub use self::passports::Passports;
use crate::{
    answer::Reply,
    capture::{Hold, Reach, Transport},
    identity::{Candidate, Line, Told},
    policy::{Verdict, breaker},
    stir::Outcome,
    telemetry::habits::Habits,
    time::Timestamp,
};

/// One INVITE. Text is as it came, invalid UTF-8 replaced.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Invite<'a> {
    /// Number of the capture record in which it became whole.
    pub frame: u64,
    /// When that arrived.
    pub ts: Timestamp,
    /// Who sent it.
    pub src: SocketAddr,
    /// Whom it was sent to.
    pub dst: SocketAddr,
    /// What it came over.
    pub transport: Transport,
    /// The most that could be done about it; a call that is only observed is never stopped.
    pub reach: Reach,
    /// VLAN identifiers, outermost first.
    pub vlan: Vec<u16>,
    /// IP fragments it came in.
    pub fragments: u32,
    /// Name of the trunk; none for an INVITE from no configured trunk.
    pub trunk: Option<Cow<'a, str>>,
    /// Call-ID.
    pub call_id: Option<Cow<'a, str>>,
    /// Number of CSeq.
    pub cseq: Option<u32>,
    /// Tag of From.
    pub from_tag: Option<Cow<'a, str>>,
    /// Tag of To; there is one within a dialog.
    pub to_tag: Option<Cow<'a, str>>,
    /// Whether the same INVITE (branch, Call-ID, CSeq) was seen before.
    pub retransmission: bool,
    /// Request-URI.
    pub request_uri: Cow<'a, str>,
    /// Its user part, without parameters.
    pub request_user: Option<Cow<'a, str>>,
    /// User part of From.
    pub from_user: Option<Cow<'a, str>>,
    /// Display name of From, quotes and escapes removed.
    pub from_display: Option<Cow<'a, str>>,
    /// User part of To.
    pub to_user: Option<Cow<'a, str>>,
    /// URIs of P-Asserted-Identity.
    pub p_asserted_identity: Vec<Cow<'a, str>>,
    /// URIs of Remote-Party-ID.
    pub remote_party_id: Vec<Cow<'a, str>>,
    /// URI of P-Charge-Info.
    pub p_charge_info: Option<Cow<'a, str>>,
    /// URIs of Diversion.
    pub diversion: Vec<Cow<'a, str>>,
    /// Values of Privacy.
    pub privacy: Vec<Cow<'a, str>>,
    /// Who is calling: E.164 with `+`, or the user part as it came.
    pub ani: Option<Cow<'a, str>>,
    /// Header he was read from.
    pub ani_source: Option<&'static str>,
    /// What `ani` is.
    pub ani_status: AniStatus,
    /// The same, finer, also of an untrusted one: `e164`, `anonymous`, `missing`, `alphabetic`,
    /// `short`, `national` or `impossible`.
    pub ani_form: &'static str,
    /// What the network says of the caller's line; none when it says nothing, or is not trusted.
    pub oli: Option<Line<'a>>,
    /// Whom From displays, made E.164 where it can be.
    pub caller_id: Option<Cow<'a, str>>,
    /// Whether the two are the same; none when there is no caller to compare.
    pub caller_id_matches: Option<bool>,
    /// Whether a number in From's display name is the caller's; none when none stands there.
    pub display_matches: Option<bool>,
    /// The called number, made E.164 where it can be.
    pub dnis: Option<Cow<'a, str>>,
    /// Whether that is a toll-free number; a trunk can have an order of headers of its own for those.
    pub toll_free: bool,
    /// Everybody the INVITE names, in the trunk's order, and why he is the caller or not.
    pub candidates: Vec<Candidate<'a>>,
    /// How far the network vouches.
    pub attestation: Attestation<'a>,
    /// What the kernel's scanner made of it.
    pub kernel: Kernel<'a>,
    /// How it was held until the daemon had decided, or in a capture would have been; none for one that
    /// was not.
    pub held: Option<HeldAs>,
    /// The frame that was; none in a capture.
    #[serde(skip)]
    pub hold: Option<Hold>,
    /// What happened to it.
    pub verdict: Verdict,
    /// SIP code of the answer; none where none is given.
    pub answer: Option<u16>,
    /// The rule that decided: `list:NAME` or `limit:NAME`, built-in ones `list:allow`, `list:block`,
    /// `list:gray` and `limit:per-caller`; `list:#7` where there is none of that id any more, `list:?` of
    /// a repeated INVITE whose first was not seen; `stir:stale` and the like, with the word of an
    /// [`Outcome`], for what its trunk refuses; `priority` and `in-dialog` for what no rule stops.
    pub rule: Option<&'a str>,
    /// What would have decided otherwise, were it not only observed: the strongest list, the last limit,
    /// what its trunk refuses.
    pub observed: Vec<&'a str>,
    /// What is wrong with the message.
    pub malformed: Vec<&'static str>,
    /// What it shows of its sender's habits.
    #[serde(skip)]
    pub habits: Habits<'a>,
    /// The same for the breaker; none for what it is not told of: what the kernel did not decide, or
    /// not first here, and what it is told of later, when a signature that may vouch was looked at.
    #[serde(skip)]
    pub attempt: Option<breaker::Call>,
    /// The answer.
    #[serde(skip)]
    pub reply: Option<Box<Reply>>,
}

/// What came of holding an INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HeldAs {
    /// It was decided.
    Decided,
    /// It passed undecided: it took too long to come to it, or to verify its signature.
    Late,
    /// It passed undecided: too many were held.
    Full,
    /// It was let die: so late that its caller has sent it again.
    Old,
    /// It was let die: the same INVITE is held already, and what becomes of that one becomes of the
    /// call.
    Repeated,
    /// It passed undecided: nobody could decide.
    Failed,
}

/// What the ANI is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AniStatus {
    /// The caller withholds his number.
    Anonymous,
    /// No header names a caller.
    Missing,
    /// The user part is no telephone number, or cannot be made E.164.
    NotANumber,
    /// An E.164 number out of a header the trunk's order names.
    Ok,
    /// The INVITE came from no configured trunk; only From was read.
    Untrusted,
}

/// How far the network vouches for the caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attestation<'a> {
    /// `A`, `B`, `C` or `none`: the least of what is believed. That is what is claimed, whatever the
    /// signature is worth.
    pub level: &'static str,
    /// Where it was read, the first of the profile's sources: `identity`, `verstat`, `header`. Without
    /// a level, `verstat` where that says what became of the verification; none for no attestation.
    pub source: Option<&'static str>,
    /// `valid`, `invalid` or `unverified` for an Identity header, `absent` without one.
    pub signature: &'static str,
    /// Why a signature is not valid, or nothing is known of one: the word of an [`Outcome`].
    pub reason: Option<&'static str>,
    /// Who signed.
    pub signer: Option<Cow<'a, str>>,
    /// What came of each PASSporT, in the order of the message; of those that were looked at.
    pub passports: Passports,
    /// What came of verifying it, where that is the end of it and counts with this INVITE; none
    /// without an Identity header, and where it is counted elsewhere.
    #[serde(skip)]
    pub verification: Option<Outcome>,
    /// The token that is believed, as it came: the `verstat` parameter, or the value of a header such
    /// as X-Twilio-VerStat.
    pub verstat: Option<Cow<'a, str>>,
    /// What the carrier says became of the verification: `passed`, `failed`, `none` for nothing to
    /// verify, `unknown`.
    pub outcome: &'static str,
    /// Where the call began, for tracing it back: an opaque identifier.
    pub origination_id: Option<Cow<'a, str>>,
    /// Who says so: `header` for one of its own, `verstat` for `origid` beside the token, `identity`
    /// for the PASSporT.
    pub origination_source: Option<&'static str>,
    /// By whose leave a call is not signed: P-Identity-Bypass where the profile names it.
    pub identity_bypass: Option<Cow<'a, str>>,
    /// All that is told anywhere, believed or not.
    pub told: Vec<Told<'a>>,
    /// How much more is told than is kept in `told`.
    pub told_left_out: u32,
}

impl Attestation<'_> {
    /// Nothing is told.
    pub const NONE: Attestation<'static> = Attestation {
        level: "none",
        source: None,
        signature: "absent",
        reason: None,
        signer: None,
        passports: Passports::NONE,
        verification: None,
        verstat: None,
        outcome: "unknown",
        origination_id: None,
        origination_source: None,
        identity_bypass: None,
        told: Vec::new(),
        told_left_out: 0,
    };
}

/// What the kernel's scanner makes of the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kernel<'a> {
    /// Whether it could decide.
    pub plain: bool,
    /// Why not.
    pub not_plain: Option<&'static str>,
    /// The caller, E.164 with `+`.
    pub ani: Option<Cow<'a, str>>,
    /// What the Identity header claims.
    pub attestation: &'static str,
    /// Where it left the INVITE undecided: what lists say of the caller that the full parser reads,
    /// `allow`, `block` or `gray`. The call passed all the same.
    pub lists: Option<&'static str>,
    /// The list that says so, as in [`Invite::rule`].
    pub rule: Option<&'a str>,
}
