//! One PASSporT against the call, its certificate and its signature.

use std::{fmt, sync::Arc};

use super::{
    Credentials, Settings,
    chain::Place,
    held::{Held, Token},
    stated::Stated,
};
use crate::stir::{
    Call, Class, Judged, Outcome, Remembers, Steps, call::Party, certificate::Credential, claims,
    compact, kind::Kind, passport::SIGNATURE_LEN, steps::Teller,
};

/// What PASSporTs of a call are judged by.
pub(super) struct Bench<'b, 'c> {
    pub call: &'b Call<'c>,
    pub credentials: &'b dyn Credentials,
    pub settings: &'b Settings,
    pub replays: &'b mut dyn Remembers,
    pub steps: &'b mut dyn Steps,
}

/// What was found so far: the first thing that nobody knows, while nothing has failed.
struct Unknown(Option<Outcome>);

impl Unknown {
    /// Goes on with what is unable, ends with what failed.
    fn or_end(&mut self, outcome: Outcome) -> Result<(), Outcome> {
        if outcome.class() == Class::Failed {
            return Err(outcome);
        }
        self.0 = self.0.or(Some(outcome));
        Ok(())
    }
}

impl Bench<'_, '_> {
    /// Judges one whose claims are as they must be.
    pub(super) fn judge(
        &mut self,
        at: usize,
        held: &Held<'_>,
        stated: &Stated<'_>,
        place: &Place,
        judged: &mut Judged,
    ) {
        let mut unknown = Unknown(None);
        judged.outcome = match self.find_fault(at, held, stated, place, judged, &mut unknown) {
            Err(outcome) => outcome,
            Ok(()) => unknown.0.unwrap_or(Outcome::Valid),
        };
        if matches!(judged.outcome, Outcome::Stale | Outcome::Future) {
            judged.but_for_time = self.but_for_time(held, stated, place);
        }
    }

    /// Who signed one that holds, whenever it was made; none where anything else is wrong or unknown.
    fn but_for_time(
        &self,
        held: &Held<'_>,
        stated: &Stated<'_>,
        place: &Place,
    ) -> Option<Arc<str>> {
        let is_here = stated.kind.vouches() && place.reach.is_ok() && place.measured_by.is_none();
        let is_caller = !self.settings.compare_caller
            || self.call.caller.as_ref().is_some_and(|caller| *caller == stated.orig);
        if !(is_here && is_caller) {
            return None;
        }
        let credential = self.credentials.find(stated.url).ok()?;
        let (mut untold, mut unknown) = ((), Unknown(None));
        let mut teller = Teller::new(&mut untold, 0);
        trusted(&credential, held, stated, &mut teller, &mut unknown).ok()?;
        signed(&credential, held, stated).filter(|_| unknown.0.is_none())?;
        Some(Arc::clone(credential.signer()))
    }

    /// # Errors
    ///
    /// The first thing that fails for certain.
    fn find_fault(
        &mut self,
        at: usize,
        held: &Held<'_>,
        stated: &Stated<'_>,
        place: &Place,
        judged: &mut Judged,
        unknown: &mut Unknown,
    ) -> Result<(), Outcome> {
        let mut teller = Teller::new(self.steps, at);
        let (call, settings) = (self.call, self.settings);
        fresh(stated.iat, place, call, settings, &mut teller)?;
        if settings.compare_caller {
            caller(stated, call, &mut teller, unknown)?;
        }
        match place.reach {
            Ok(()) => teller.well("called", format_args!("it is for this call")),
            Err(outcome) => {
                let called = call.called[0].as_ref().map_or("nobody", Party::as_str);
                let seen = format_args!("the call is to {called}");
                unknown.or_end(teller.found("called", outcome, seen))?;
            }
        }
        let credential = match self.credentials.find(stated.url) {
            Ok(credential) => credential,
            Err(outcome) => {
                let seen = format_args!("{}", stated.url);
                return unknown.or_end(teller.found("certificate", outcome, seen));
            }
        };
        judged.signer = Some(Arc::clone(credential.signer()));
        let signer = credential.signer();
        teller.well("certificate", format_args!("{}, of {signer}", stated.url));
        trusted(&credential, held, stated, &mut teller, unknown)?;
        let Some(signature) = signed(&credential, held, stated) else {
            let seen = format_args!("not over these bytes");
            return Err(teller.found("signature", Outcome::SignatureInvalid, seen));
        };
        teller.well("signature", format_args!("over these bytes, by {signer}"));
        // What nobody knows to hold is not remembered, or strangers would fill the memory. One that
        // comes over a diversion may come twice, with the call that is diverted and with the one it
        // becomes: there the diversion's signature tells a replay.
        if unknown.0.is_none() {
            let again = self.replays.is_replay(stated.url, signature, call.attempt);
            if again && place.measured_by.is_none() {
                let seen = format_args!("the same signature came with another call");
                return Err(teller.found("replay", Outcome::Replayed, seen));
            }
            teller.well("replay", format_args!("it came with no other call"));
        }
        Ok(())
    }
}

/// Made within [`Settings::max_age`] of now, or of the diversion behind it: who diverted the call had to
/// verify it then (RFC 8946 §4.2).
fn fresh(
    iat: i64,
    place: &Place,
    call: &Call<'_>,
    settings: &Settings,
    teller: &mut Teller<'_>,
) -> Result<(), Outcome> {
    let by = place.measured_by.unwrap_or(call.now.seconds());
    let age = i128::from(by) - i128::from(iat);
    let most = i128::from(settings.max_age.as_secs());
    let outcome = match age {
        _ if age > most => Some(Outcome::Stale),
        _ if age < -most => Some(Outcome::Future),
        _ => None,
    };
    let what = if place.measured_by.is_some() { "the diversion" } else { "now" };
    let seen: fmt::Arguments<'_> =
        format_args!("iat {iat} is {age} s before {what}, at most {most} s either way");
    match outcome {
        None => {
            teller.well("time", seen);
            Ok(())
        }
        Some(outcome) => Err(teller.found("time", outcome, seen)),
    }
}

/// `orig` is who calls.
fn caller(
    stated: &Stated<'_>,
    call: &Call<'_>,
    teller: &mut Teller<'_>,
    unknown: &mut Unknown,
) -> Result<(), Outcome> {
    let orig = stated.orig.as_str();
    match &call.caller {
        None => {
            let seen = format_args!("orig {orig}, and nobody to compare it with");
            unknown.or_end(teller.found("caller", Outcome::CallerUnknown, seen))
        }
        Some(caller) if *caller == stated.orig => {
            teller.well("caller", format_args!("orig {orig} is the caller"));
            Ok(())
        }
        Some(caller) => {
            let seen = format_args!("orig {orig}, and the caller is {}", caller.as_str());
            Err(teller.found("caller", Outcome::OrigMismatch, seen))
        }
    }
}

/// The certificate is one that may sign this.
fn trusted(
    credential: &Credential,
    held: &Held<'_>,
    stated: &Stated<'_>,
    teller: &mut Teller<'_>,
    unknown: &mut Unknown,
) -> Result<(), Outcome> {
    match credential.check(stated.iat) {
        Ok(()) => teller.well("chain", format_args!("to a trust anchor, valid at iat")),
        Err(outcome) => {
            unknown.or_end(teller.found("chain", outcome, format_args!("at {}", stated.iat)))?;
        }
    }
    // Who diverts signs for his own number (RFC 8946 §4); who grants priority for none (RFC 8443 §6).
    let number = match stated.kind {
        Kind::Rph => None,
        _ => Some(stated.div.as_ref().unwrap_or(&stated.orig)),
    };
    if let Some(number) = number {
        let number = number.as_str();
        if !credential.covers(number) {
            let seen = format_args!("{number} is not among those of the certificate");
            return Err(teller.found("numbers", Outcome::NumberNotCovered, seen));
        }
        teller.well("numbers", format_args!("the certificate may sign for {number}"));
    }
    if credential.has_constraints()
        && let Ok(Token::Full(passport)) = &held.token
    {
        let permitted = claims::map(passport.payload()).map(|map| credential.permits(&map));
        let outcome = match permitted {
            Some(true) => None,
            Some(false) => Some(Outcome::ConstraintViolated),
            None => Some(Outcome::ClaimsMalformed),
        };
        let seen = format_args!("the certificate has constraints on claims");
        if let Some(outcome) = outcome {
            return Err(teller.found("constraints", outcome, seen));
        }
        teller.well("constraints", seen);
    }
    Ok(())
}

/// The signature, where it holds.
fn signed<'h>(
    credential: &Credential,
    held: &'h Held<'_>,
    stated: &Stated<'_>,
) -> Option<&'h [u8; SIGNATURE_LEN]> {
    match held.token.as_ref().ok()? {
        Token::Full(passport) => {
            credential.verify(passport.signed(), &passport.signature).then_some(&passport.signature)
        }
        Token::Compact { signature, .. } => stated
            .dests
            .iter()
            .filter_map(|dest| compact::signed(stated.url, &stated.orig, dest, stated.iat).ok())
            .any(|signed| credential.verify(signed.as_bytes(), signature))
            .then_some(signature),
    }
}
