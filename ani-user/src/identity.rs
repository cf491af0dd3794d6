//! Who is calling: candidates, the one chosen, what it is worth.
//!
//! The first header of the trunk's order that is there is the one chosen, whatever it holds: an
//! asserted identity that is anonymous is not replaced by a From that is not. Where headers are
//! missing from the capture, only the first of the order is sure: before any other, a better one may
//! be among them. The same dial plan as in the kernel makes numbers E.164.

/// Scanner and parser held against each other.
mod agreement;
/// How far the network vouches for the caller.
mod attestation;
/// Numbers as STIR compares them.
mod canonical;
/// What a user part is that may be no number.
mod form;
/// Kinds of lines.
mod line_type;
/// Region and line type of a number.
mod lookup;
/// From a URI to a telephone number.
mod number;
/// What the network says of the caller's line.
mod oli;

use std::borrow::Cow;

use ani_ebpf::{abi::number::Number, dial_plan::DialPlan, scan::AniHeader};

pub use agreement::agreement;
pub use attestation::attestation;
pub use canonical::canonical;
pub use form::{NumberForm, form};
pub use line_type::LineType;
pub use lookup::{Known, Lookup};
pub use number::e164;
pub use oli::{Oli, OliPlace, oli};

use crate::{
    invite::AniStatus,
    sip::{self, Invite, NameAddr, Uri},
};

/// User parts of a caller who withholds his number (RFC 3323 §4.1.1.3, and what is sent for it).
const ANONYMOUS_USERS: [&[u8]; 3] = [b"anonymous", b"restricted", b"private"];

/// Host of a caller who withholds his number (RFC 3323 §4.1.1.3).
const ANONYMOUS_HOST: &[u8] = b"anonymous.invalid";

/// How the callers of a trunk are read.
#[derive(Clone, Copy, Debug)]
pub struct Profile<'a> {
    /// Headers, the most trusted first.
    pub order: &'a [AniHeader],
    /// How numbers are completed.
    pub dial_plan: DialPlan,
    /// Whether the INVITE came from a configured trunk; if not, only From is read.
    pub trusted: bool,
}

impl Profile<'_> {
    /// For an INVITE from no configured trunk.
    pub const UNTRUSTED: Profile<'static> =
        Profile { order: &[AniHeader::From], dial_plan: DialPlan::NONE, trusted: false };
}

/// Who calls whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The caller, E.164 with `+`, or the user part as it came; none for a caller who is anonymous
    /// or not named.
    pub ani: Option<Cow<'a, str>>,
    /// The caller, E.164; [`Number::NONE`] when he is not.
    pub number: Number,
    /// Header he was read from.
    pub source: Option<AniHeader>,
    /// What `ani` is.
    pub status: AniStatus,
    /// Whom From displays, E.164 where it can be, else as it came.
    pub caller_id: Option<Cow<'a, str>>,
    /// Whether the two are the same; none when either is missing.
    pub caller_id_matches: Option<bool>,
    /// Who is called, E.164 where it can be, else as it came.
    pub dnis: Option<Cow<'a, str>>,
}

/// Chooses the caller.
pub fn identify<'a>(invite: &Invite<'a>, profile: &Profile<'_>) -> Identity<'a> {
    let plan = &profile.dial_plan;
    let sure = if invite.headers_cut { 1 } else { profile.order.len() };
    let chosen = profile
        .order
        .iter()
        .take(sure)
        .find_map(|header| candidate(invite, *header, plan).map(|value| (*header, value)));
    let (source, ani, number, status) = match chosen {
        None => (None, None, Number::NONE, AniStatus::Missing),
        Some((header, value)) => {
            let (ani, number, status) = caller(value, plan);
            (Some(header), ani, number, status)
        }
    };
    let status = if profile.trusted { status } else { AniStatus::Untrusted };
    let caller_id = invite.from.as_ref().and_then(|from| shown(&from.uri, plan));
    let caller_id_matches = match (&ani, &caller_id) {
        (Some(ani), Some(caller_id)) => Some(ani == caller_id),
        _ => None,
    };
    let dnis = shown(&invite.request, plan);
    Identity { ani, number, source, status, caller_id, caller_id_matches, dnis }
}

/// The value of a header that names the caller; none when the header is not there.
fn candidate<'i, 'a>(
    invite: &'i Invite<'a>,
    header: AniHeader,
    plan: &DialPlan,
) -> Option<&'i NameAddr<'a>> {
    match header {
        AniHeader::From => invite.from.as_ref(),
        AniHeader::PAssertedIdentity => asserted(&invite.p_asserted_identity, plan),
        AniHeader::RemotePartyId => invite.remote_party_id.iter().find(|value| is_calling(value)),
    }
}

/// Two values are one SIP and one tel URI of the same caller (RFC 3325 §9.1): the one that is a
/// number is preferred, a tel URI first. Further ones are looked past (RFC 5876 §4.5).
fn asserted<'i, 'a>(values: &'i [NameAddr<'a>], plan: &DialPlan) -> Option<&'i NameAddr<'a>> {
    let is_number = |value: &&NameAddr<'_>| e164(&value.uri, plan).is_some();
    values
        .iter()
        .filter(|value| value.uri.scheme == sip::Scheme::Tel)
        .find(is_number)
        .or_else(|| values.iter().find(is_number))
        .or_else(|| values.first())
}

/// `party=calling`, or no `party` (draft-ietf-sip-privacy-04 §5).
fn is_calling(value: &NameAddr<'_>) -> bool {
    value
        .parameters()
        .get(b"party")
        .is_none_or(|party| sip::unquoted(party).eq_ignore_ascii_case(b"calling"))
}

fn caller<'a>(value: &NameAddr<'a>, plan: &DialPlan) -> (Option<Cow<'a, str>>, Number, AniStatus) {
    // A number is a number, even at `anonymous.invalid`.
    if let Some(number) = e164(&value.uri, plan) {
        return (Some(with_plus(number, value.uri.user)), number, AniStatus::Ok);
    }
    if is_anonymous(&value.uri) {
        return (None, Number::NONE, AniStatus::Anonymous);
    }
    match value.uri.user.filter(|user| !user.is_empty()) {
        Some(user) => (Some(sip::lossy(user)), Number::NONE, AniStatus::NotANumber),
        None => (None, Number::NONE, AniStatus::Missing),
    }
}

/// As E.164 is written; borrowed where it came just so, as it nearly always does.
fn with_plus(number: Number, came: Option<&[u8]>) -> Cow<'_, str> {
    let (digits, len) = number.ascii();
    match came {
        Some(came @ [b'+', rest @ ..]) if digits.get(..len) == Some(rest) => sip::lossy(came),
        _ => Cow::Owned(format!("+{number}")),
    }
}

fn is_anonymous(uri: &Uri<'_>) -> bool {
    uri.host.eq_ignore_ascii_case(ANONYMOUS_HOST)
        || uri.user.is_some_and(|user| {
            ANONYMOUS_USERS.iter().any(|known| known.eq_ignore_ascii_case(user))
        })
}

fn shown<'a>(uri: &Uri<'a>, plan: &DialPlan) -> Option<Cow<'a, str>> {
    match e164(uri, plan) {
        Some(number) => Some(with_plus(number, uri.user)),
        None => uri.user.filter(|user| !user.is_empty()).map(sip::lossy),
    }
}

#[cfg(test)]
mod tests;
