//! How far the network vouches for the caller, as it says itself: the claim in Identity (RFC 8224,
//! RFC 8588), the `verstat` parameter (3GPP TS 24.229 §7.2A.20), carriers' own headers. No signature
//! is checked here.
//!
//! The trunk's profile says where its carrier tells it and what its words mean; what stands anywhere
//! else a caller can have written, and is shown but not believed. Where several that are believed
//! contradict each other, the least counts: nobody can add to a message what makes it worth more than
//! the carrier says.

/// What of it the kernel reads.
mod compiled;
/// All that a message tells.
mod hearing;
/// What headers and parameters say.
mod kind;
/// What a word means.
mod token;
/// One thing that is told, and whether it is believed.
mod told;

pub use compiled::compiled;
pub use told::{Doubt, Told};

use self::{hearing::Hearing, kind::Kind, token::least};
use super::{
    Passport, Reading,
    profile::{Outcome, Source},
};
use crate::{
    invite::{Attestation, Passports},
    sip::{Fault, Invite, MAX_VALUES},
};

/// Reads the attestation; from no configured trunk there is none, whatever the message says.
pub fn attestation<'a>(
    invite: &Invite<'a>,
    passport: Option<&Passport>,
    reading: &Reading<'_>,
) -> Attestation<'a> {
    let telling = &reading.profile.telling;
    let mut hearing = Hearing::new(invite, telling, doubt(invite, reading));
    hearing.parameters();
    for kind in Kind::ALL {
        hearing.headers(kind);
    }
    if let Some(passport) = passport {
        hearing.passport(passport);
    }
    result(hearing, passport, reading.trusted)
}

/// Why nothing of a message is believed.
fn doubt(invite: &Invite<'_>, reading: &Reading<'_>) -> Option<Doubt> {
    if !reading.trusted {
        return Some(Doubt::Untrusted);
    }
    let full = |len| len >= MAX_VALUES && invite.faults.contains(Fault::TooManyValues);
    let left_out = invite.faults.contains(Fault::TooManyHeaders)
        || full(invite.vouching.len())
        || full(invite.p_asserted_identity.len());
    left_out.then_some(Doubt::TooMany)
}

/// What it all comes to.
fn result<'a>(
    hearing: Hearing<'_, 'a>,
    passport: Option<&Passport>,
    trusted: bool,
) -> Attestation<'a> {
    let invite = hearing.invite;
    let verdict = hearing.verstat.as_ref().map(|(verdict, _)| *verdict);
    // A token without a level leaves it to the others to say one, though not above another token's.
    let tokens = match least(hearing.identity, hearing.header) {
        Some(_) => hearing.lowest,
        None => verdict.and_then(|verdict| verdict.level).and(hearing.lowest),
    };
    let of = |source: Source| match source {
        Source::Identity => hearing.identity,
        Source::Verstat => tokens,
        Source::Header => hearing.header,
    };
    let level = Source::ALL.into_iter().map(of).fold(None, least);
    let is_told = |source: &Source| match level {
        Some(_) => of(*source) == level,
        None => {
            *source == Source::Verstat
                && verdict.is_some_and(|verdict| verdict.outcome != Outcome::Unknown)
        }
    };
    let source = hearing.telling.sources.iter().copied().find(is_told);
    let silent = trusted && invite.identity.is_empty() && hearing.header.is_none();
    let outcome = match verdict {
        Some(verdict) => verdict.outcome,
        None if silent && !invite.headers_cut && hearing.doubt.is_none() => hearing.telling.absent,
        None => Outcome::Unknown,
    };
    let signed = trusted && !invite.identity.is_empty();
    let fault = passport.and_then(|passport| passport.fault).filter(|_| signed);
    let cut = (trusted && invite.headers_cut && source.is_none()).then_some("cut-short");
    Attestation {
        level: level.unwrap_or("none"),
        source: source.map(Source::as_str),
        signature: if signed { "unverified" } else { "absent" },
        reason: fault.or(cut),
        signer: None,
        passports: Passports::NONE,
        verification: None,
        verstat: hearing.verstat.map(|(_, token)| token),
        outcome: outcome.as_str(),
        origination_source: hearing.origination.as_ref().map(|(_, source)| source.as_str()),
        origination_id: hearing.origination.map(|(id, _)| id),
        identity_bypass: hearing.bypass,
        told: hearing.told,
        told_left_out: hearing.left_out,
    }
}

#[cfg(test)]
mod tests;
