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
/// Everybody who is named, and why he is the one or not.
mod candidate;
/// What a user part is that may be no number.
mod form;
/// Kinds of lines.
mod line_type;
/// Region and line type of a number.
#[cfg(feature = "daemon")]
mod lookup;
/// From a URI to a telephone number.
mod number;
/// What the network says of the caller's line.
mod oli;
/// What the PASSporT in Identity claims.
mod passport;
/// What a carrier says where, and what of it may be believed.
pub mod profile;

use std::borrow::Cow;

use ani_ebpf::{
    abi::{number::Number, trunk::AniOrder},
    dial_plan::{DialPlan, Dialled, MIN_E164_DIGITS},
    scan::AniHeader,
};

pub use agreement::agreement;
pub use attestation::{Doubt, Told, attestation, compiled};
pub use candidate::{Candidate, Line, Why, candidates, line};
pub use canonical::canonical;
pub use form::{NumberForm, form};
pub use line_type::LineType;
#[cfg(feature = "daemon")]
pub use lookup::{Known, Lookup};
pub use number::e164;
pub use oli::{Oli, OliPlace, oli};
pub use passport::Passport;
pub use profile::{Profile, Reading};

use crate::{
    invite::AniStatus,
    sip::{self, Invite, NameAddr, Uri},
};

/// User parts of a caller who withholds his number (RFC 3323 §4.1.1.3, and what is sent for it).
const ANONYMOUS_USERS: [&[u8]; 3] = [b"anonymous", b"restricted", b"private"];

/// Host of a caller who withholds his number (RFC 3323 §4.1.1.3).
const ANONYMOUS_HOST: &[u8] = b"anonymous.invalid";

/// [`Identity::form`] of a caller who withholds his number.
const ANONYMOUS: &str = "anonymous";

/// [`Identity::form`] of a caller who is not named.
const MISSING: &str = "missing";

/// Who calls whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The caller, E.164 with `+`, or the user part as it came; none for a caller who is anonymous
    /// or not named.
    pub ani: Option<Cow<'a, str>>,
    /// The caller, E.164; [`Number::NONE`] when he is not.
    pub number: Number,
    /// Header he was read from, and which of its values, from 0.
    pub chosen: Option<(AniHeader, usize)>,
    /// The headers that were looked for, the most trusted first.
    pub order: AniOrder,
    /// Whether the called number is toll-free.
    pub toll_free: bool,
    /// What `ani` is.
    pub status: AniStatus,
    /// The same, finer: [`NumberForm`]'s word, `anonymous` or `missing`; also of one who is not
    /// trusted.
    pub form: &'static str,
    /// Whom From displays, E.164 where it can be, else as it came.
    pub caller_id: Option<Cow<'a, str>>,
    /// Whether the two are the same; none when either is missing.
    pub caller_id_matches: Option<bool>,
    /// Whether the number that stands in From's display name is the caller's; none when none does,
    /// or there is no caller to compare.
    pub display_matches: Option<bool>,
    /// Who is called, E.164 where it can be, else as it came.
    pub dnis: Option<Cow<'a, str>>,
}

impl Identity<'_> {
    /// Header the caller was read from.
    pub fn source(&self) -> Option<AniHeader> {
        self.chosen.map(|(header, _)| header)
    }

    /// The URI he was read from; none where no header of the message names him by one.
    pub fn uri<'i, 'a>(&self, invite: &'i Invite<'a>) -> Option<&'i Uri<'a>> {
        let (header, value) = self.chosen?;
        let name = match header {
            AniHeader::From => invite.from.as_ref(),
            AniHeader::PAssertedIdentity => invite.p_asserted_identity.get(value),
            AniHeader::PPreferredIdentity => invite.p_preferred_identity.get(value),
            AniHeader::RemotePartyId => invite.remote_party_id.get(value),
            AniHeader::PChargeInfo => invite.p_charge_info.as_ref(),
            AniHeader::PDcsBillingInfo => {
                let info = invite.p_dcs_billing_info.as_ref()?;
                info.calling.as_ref().or(info.charge.as_ref())
            }
            AniHeader::Passport => None,
        };
        name.map(|name| &name.uri)
    }
}

/// Chooses the caller.
pub fn identify<'a>(
    invite: &Invite<'a>,
    passport: Option<&Passport>,
    reading: &Reading<'_>,
) -> Identity<'a> {
    let plan = &reading.dial_plan;
    let called = e164(&invite.request, plan);
    let dialled = called.unwrap_or(Number::NONE);
    let order = reading.orders.of(dialled);
    let toll_free = reading.orders.is_toll_free(dialled);
    let sure = if invite.headers_cut { 1 } else { usize::MAX };
    let found = order.headers().take(sure).find_map(|header| {
        let (value, named) = find(invite, passport, header, plan)?;
        Some(((header, value), named))
    });
    let Caller { ani, number, status, form } = match &found {
        None => {
            Caller { ani: None, number: Number::NONE, status: AniStatus::Missing, form: MISSING }
        }
        Some((_, Named::Uri(name))) => caller(&name.uri, plan),
        Some((_, Named::Orig(orig))) => candidate::passport_caller(orig, plan),
    };
    let status = if reading.trusted { status } else { AniStatus::Untrusted };
    let caller_id = invite.from.as_ref().and_then(|from| shown(&from.uri, plan));
    let caller_id_matches = match (&ani, &caller_id) {
        (Some(ani), Some(caller_id)) => Some(ani == caller_id),
        _ => None,
    };
    let display_matches = invite.from.as_ref().and_then(|from| display_matches(from, number, plan));
    let dnis = match called {
        Some(number) => Some(with_plus(number, invite.request.user)),
        None => as_it_came(&invite.request),
    };
    Identity {
        ani,
        number,
        chosen: found.map(|(chosen, _)| chosen),
        order,
        toll_free,
        status,
        form,
        caller_id,
        caller_id_matches,
        display_matches,
        dnis,
    }
}

/// Who names the caller.
enum Named<'i, 'a> {
    Uri(&'i NameAddr<'a>),
    Orig(&'i str),
}

/// The value of a header that names the caller, and which it is; none when the header is not there.
fn find<'i, 'a>(
    invite: &'i Invite<'a>,
    passport: Option<&'i Passport>,
    header: AniHeader,
    plan: &DialPlan,
) -> Option<(usize, Named<'i, 'a>)> {
    let (value, name) = match header {
        AniHeader::From => (0, invite.from.as_ref()?),
        AniHeader::PAssertedIdentity => asserted(&invite.p_asserted_identity, plan)?,
        AniHeader::PPreferredIdentity => asserted(&invite.p_preferred_identity, plan)?,
        AniHeader::RemotePartyId => {
            invite.remote_party_id.iter().enumerate().find(|(_, value)| is_calling(value))?
        }
        AniHeader::PChargeInfo => (0, invite.p_charge_info.as_ref()?),
        AniHeader::PDcsBillingInfo => {
            let info = invite.p_dcs_billing_info.as_ref()?;
            (0, info.calling.as_ref().or(info.charge.as_ref())?)
        }
        AniHeader::Passport => {
            return Some((0, Named::Orig(passport?.orig.as_deref()?)));
        }
    };
    Some((value, Named::Uri(name)))
}

/// Two values are one SIP and one tel URI of the same caller (RFC 3325 §9.1): the one that is a
/// number is preferred, a tel URI first. Further ones are looked past (RFC 5876 §4.5).
fn asserted<'i, 'a>(
    values: &'i [NameAddr<'a>],
    plan: &DialPlan,
) -> Option<(usize, &'i NameAddr<'a>)> {
    if let [only] = values {
        return Some((0, only));
    }
    let numbered = || values.iter().enumerate();
    let is_number = |(_, value): &(usize, &NameAddr<'_>)| e164(&value.uri, plan).is_some();
    numbered()
        .filter(|(_, value)| value.uri.scheme == sip::Scheme::Tel)
        .find(is_number)
        .or_else(|| numbered().find(is_number))
        .or_else(|| numbered().next())
}

/// `party=calling`, or no `party` (draft-ietf-sip-privacy-04 §5).
fn is_calling(value: &NameAddr<'_>) -> bool {
    value
        .parameters()
        .get(b"party")
        .is_none_or(|party| sip::unquoted(party).eq_ignore_ascii_case(b"calling"))
}

/// What a URI says of a caller.
struct Caller<'a> {
    ani: Option<Cow<'a, str>>,
    number: Number,
    status: AniStatus,
    form: &'static str,
}

fn caller<'a>(uri: &Uri<'a>, plan: &DialPlan) -> Caller<'a> {
    // A number is a number, even at `anonymous.invalid`.
    if let Some(number) = e164(uri, plan) {
        let ani = Some(with_plus(number, uri.user));
        let form = NumberForm::E164.as_str();
        return Caller { ani, number, status: AniStatus::Ok, form };
    }
    let nobody = |status, form| Caller { ani: None, number: Number::NONE, status, form };
    if is_anonymous(uri) {
        return nobody(AniStatus::Anonymous, ANONYMOUS);
    }
    match as_it_came(uri) {
        ani @ Some(_) => {
            let form = form(uri, plan).as_str();
            Caller { ani, number: Number::NONE, status: AniStatus::NotANumber, form }
        }
        None => nobody(AniStatus::Missing, MISSING),
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

/// Whether a URI is that of a caller who withholds his number.
pub(crate) fn is_anonymous(uri: &Uri<'_>) -> bool {
    uri.host.eq_ignore_ascii_case(ANONYMOUS_HOST)
        || uri.user.is_some_and(|user| {
            ANONYMOUS_USERS.iter().any(|known| known.eq_ignore_ascii_case(user))
        })
}

fn shown<'a>(uri: &Uri<'a>, plan: &DialPlan) -> Option<Cow<'a, str>> {
    match e164(uri, plan) {
        Some(number) => Some(with_plus(number, uri.user)),
        None => as_it_came(uri),
    }
}

fn as_it_came<'a>(uri: &Uri<'a>) -> Option<Cow<'a, str>> {
    uri.user.filter(|user| !user.is_empty()).map(sip::lossy)
}

/// Whether a display name that is a number is that of the caller: some callers put there a number
/// that they cannot put elsewhere.
fn display_matches(from: &NameAddr<'_>, ani: Number, plan: &DialPlan) -> Option<bool> {
    let display = from.display.filter(|name| name.iter().any(u8::is_ascii_digit))?;
    let dialled = Dialled::from_text(str::from_utf8(sip::trim(display)).ok()?)?;
    // Of something shorter nobody believes that it is a number of the public network.
    if ani.is_none() || dialled.len < MIN_E164_DIGITS {
        return None;
    }
    Some(plan.e164(dialled).unwrap_or(dialled.digits()) == ani)
}

#[cfg(test)]
mod tests;
