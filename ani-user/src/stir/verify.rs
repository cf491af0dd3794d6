//! Verification of a call's PASSporTs as RFC 8224 §6.2 has it: header, token and claims first, then
//! the certificate, then the signature.
//!
//! What fails for certain is told before anything is asked for: that a certificate is not at hand
//! never hides it, and never looks like it. Of a PASSporT that fails for its time the rest is looked at
//! too, and changes nothing of what is told: when most hold but for that, this host's clock is wrong
//! (`wrong_clock`).

/// Values of Identity and what is within them, taken apart.
mod held;
/// What is claimed, as it is compared.
mod stated;
/// From a PASSporT over diversions to the one who is called.
mod chain;
/// What priority is asked for, against what is granted.
mod priority;
/// One PASSporT against the call, its certificate and its signature.
mod one;

use std::{sync::Arc, time::Duration};

use self::{chain::Chains, held::Held, stated::Stated};
use super::{
    Call, Class, Judged, Judgement, Outcome, Remembers, Steps, certificate::Credential, kind::Kind,
};

/// PASSporTs of one call that are looked at, those within others among them: as many values of
/// Identity as are read of a message.
pub const MAX_PASSPORTS: usize = crate::sip::MAX_VALUES;

/// Diversions between a PASSporT and the one who is called.
pub const MAX_DIVERSIONS: usize = 5;

/// Where certificates come from.
pub trait Credentials {
    /// The one behind a URL; never waits.
    ///
    /// # Errors
    ///
    /// Why it is not at hand, or that the URL is none of those that are asked.
    fn find(&self, url: &str) -> Result<Arc<Credential>, Outcome>;
}

/// How a call is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How far from now a PASSporT may be made, in both directions.
    pub max_age: Duration,
    /// Whether `orig` must be the caller. Not so only for a token without its message.
    pub compare_caller: bool,
    /// Whether `dest` must have the one who is called. Not so only for a token without its message.
    pub compare_called: bool,
}

/// A minute (RFC 8224 §12.1), and all is compared.
impl Default for Settings {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(60), compare_caller: true, compare_called: true }
    }
}

/// Verifies all PASSporTs of a call. `replays` remembers the signatures that hold; `steps` is told what
/// is done.
pub fn verify(
    call: &Call<'_>,
    credentials: &dyn Credentials,
    settings: &Settings,
    replays: &mut dyn Remembers,
    steps: &mut dyn Steps,
) -> Judgement {
    if call.identity.is_empty() {
        return Judgement::of(if call.cut { Outcome::CutShort } else { Outcome::NoIdentity });
    }
    let held = held::all(call, steps);
    let mut passports: Vec<_> = held.iter().map(Held::judged).collect();
    let stated: Vec<_> = held
        .iter()
        .enumerate()
        .map(|(at, held)| Stated::of(held, call, &mut passports[at], steps, at))
        .collect();
    let chains = Chains::find(&held, &stated, call, settings);
    let mut bench = one::Bench { call, credentials, settings, replays, steps };
    // Diversions first, the last one before the others: each is measured by the one behind it.
    for at in chains.order() {
        if let Ok(stated) = &stated[at] {
            let place = chains.place(at, &passports);
            bench.judge(at, &held[at], stated, &place, &mut passports[at]);
        }
    }
    priority::compare(call, &held, &mut passports, bench.steps);
    for (held, judged) in held.iter().zip(&mut passports) {
        if judged.outcome != Outcome::Valid {
            judged.ppi = held.letters().map(Into::into);
        }
    }
    overall(&held, passports)
}

/// What the PASSporTs come to: one that vouches for the caller and is valid, SHAKEN's before others;
/// else the first that failed; else the first of which nothing is known.
fn overall(held: &[Held<'_>], passports: Vec<Judged>) -> Judgement {
    let find = |of: &dyn Fn(&Held<'_>) -> bool, class: Class| {
        held.iter().zip(&passports).find_map(|(held, judged)| {
            let counts = of(held) && judged.outcome.class() == class;
            counts.then_some((judged.outcome, judged.signer.clone()))
        })
    };
    let shaken = |held: &Held<'_>| held.kind == Some(Kind::Shaken);
    let others = |held: &Held<'_>| held.kind.is_some_and(|kind| kind.vouches());
    let unread = |held: &Held<'_>| held.kind.is_none() && !held.is_ignored();
    let diverts = |held: &Held<'_>| held.kind.is_some_and(Kind::diverts);
    let (outcome, signer) = find(&shaken, Class::Passed)
        .or_else(|| find(&others, Class::Passed))
        .or_else(|| {
            [&shaken as &dyn Fn(&Held<'_>) -> bool, &others, &unread, &diverts]
                .into_iter()
                .find_map(|of| find(of, Class::Failed).or_else(|| find(of, Class::Unable)))
        })
        .unwrap_or_else(|| {
            let ignored = held.iter().all(Held::is_ignored);
            (if ignored { Outcome::PptUnsupported } else { Outcome::NoIdentity }, None)
        });
    let priority = held
        .iter()
        .zip(&passports)
        .any(|(held, judged)| held.kind == Some(Kind::Rph) && judged.outcome == Outcome::Valid);
    Judgement { outcome, signer, priority, passports }
}

#[cfg(test)]
mod tests;
