//! What a PASSporT claims, as it is compared; that each claim is of its type.

use smallvec::SmallVec;

use super::held::{Held, Token};
use crate::stir::{
    Call, Judged, Outcome, Steps,
    call::Party,
    claims::{Claim, Claims, Parties, Text},
    kind::Kind,
    party::{self, Named},
    steps::Teller,
};

/// What one claims.
#[derive(Debug)]
pub(super) struct Stated<'h> {
    pub kind: Kind,
    /// Seconds since 1970 UTC.
    pub iat: i64,
    pub orig: Party<'h>,
    pub dests: SmallVec<[Party<'h>; 2]>,
    /// Who was called before, of a diversion.
    pub div: Option<Party<'h>>,
    /// Where its certificate is.
    pub url: &'h str,
}

impl Stated<'static> {
    /// Reads the claims; fills in what is shown of them.
    ///
    /// # Errors
    ///
    /// The first claim that is not as its RFC has it.
    pub(super) fn of<'h>(
        held: &'h Held<'_>,
        call: &Call<'_>,
        judged: &mut Judged,
        steps: &mut dyn Steps,
        at: usize,
    ) -> Result<Stated<'h>, Outcome> {
        let mut teller = Teller::new(steps, at);
        let read = match held.token.as_ref().map_err(|outcome| *outcome)? {
            Token::Full(passport) => {
                passport.claims().and_then(|claims| Stated::of_claims(held, claims, judged))
            }
            Token::Compact { .. } => Stated::of_message(held, call, judged),
        };
        match &read {
            Ok(stated) => teller.well(
                "claims",
                format_args!(
                    "orig {}, dest {}, iat {}",
                    stated.orig.as_str(),
                    stated.dests.first().map_or("nobody", Party::as_str),
                    stated.iat,
                ),
            ),
            Err(outcome) => {
                judged.outcome =
                    teller.found("claims", *outcome, format_args!("as its RFC has it"));
            }
        }
        read
    }
}

impl<'h> Stated<'h> {
    fn of_claims(
        held: &'h Held<'_>,
        claims: Claims<'h>,
        judged: &mut Judged,
    ) -> Result<Self, Outcome> {
        show(&claims, judged);
        let url = held.url.as_deref().map_err(|outcome| *outcome)?;
        let kind = held.kind.ok_or(Outcome::PptUnsupported)?;
        let iat = *claims.iat.get().ok_or(Outcome::IatMissing)?;
        let orig = one(claims.orig, Outcome::OrigMissing)?;
        let dests = dests(claims.dest)?;
        let mut div = None;
        match kind {
            Kind::Shaken => {
                let level = claims.attest.get().map(|attest| &**attest);
                if !level.is_some_and(|level| matches!(level, "A" | "B" | "C")) {
                    return Err(Outcome::AttestInvalid);
                }
                match claims.origid {
                    Claim::Missing => return Err(Outcome::OrigidMissing),
                    Claim::Wrong => return Err(Outcome::ClaimsMalformed),
                    Claim::Is(origid) if origid.is_empty() => return Err(Outcome::OrigidMissing),
                    Claim::Is(_) => {}
                }
            }
            Kind::Div | Kind::DivO => {
                div = Some(one(claims.div, Outcome::ClaimsMalformed)?);
                if kind == Kind::DivO && claims.opt.get().is_none() {
                    return Err(Outcome::ClaimsMalformed);
                }
            }
            Kind::Rph => {
                let auth = claims.rph.get().and_then(|rph| rph.auth.get());
                if auth.is_none_or(|auth| auth.is_empty()) {
                    return Err(Outcome::ClaimsMalformed);
                }
            }
            Kind::Rcd => {
                // RFC 9795 §5.1.1: a name there must be.
                if claims.rcd.get().and_then(|rcd| rcd.nam.get()).is_none() {
                    return Err(Outcome::ClaimsMalformed);
                }
            }
            Kind::Plain => {}
        }
        Ok(Self { kind, iat, orig, dests, div, url })
    }

    /// Made again from the message: who calls and who is called are those of the message.
    fn of_message(
        held: &'h Held<'_>,
        call: &Call<'_>,
        judged: &mut Judged,
    ) -> Result<Self, Outcome> {
        let date = call.date.and_then(|date| str::from_utf8(date).ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok());
        let since = date.and_then(|date| date.duration_since(std::time::UNIX_EPOCH).ok());
        let iat = since.and_then(|since| i64::try_from(since.as_secs()).ok());
        let (Some(iat), Some(orig)) = (iat, owned(call.caller.as_ref())) else {
            return Err(Outcome::CompactUnsupported);
        };
        judged.iat = Some(iat);
        judged.orig = Some(orig.as_str().into());
        // The one of To is the one signed (RFC 8224 §4.1), where no one on the way wrote it anew.
        let dests: SmallVec<_> =
            call.called.iter().rev().filter_map(|one| owned(one.as_ref())).collect();
        if dests.is_empty() {
            return Err(Outcome::CompactUnsupported);
        }
        let url = held.url.as_deref().map_err(|outcome| *outcome)?;
        Ok(Self { kind: Kind::Plain, iat, orig, dests, div: None, url })
    }

    /// Whether it is about a call to one of these.
    pub(super) fn is_to<'p>(&self, called: impl IntoIterator<Item = &'p Party<'p>>) -> bool {
        called.into_iter().any(|called| self.dests.iter().any(|dest| dest == called))
    }
}

/// What is shown of the claims, right or wrong.
fn show(claims: &Claims<'_>, judged: &mut Judged) {
    let boxed = |text: &Claim<Text<'_>>| text.get().map(|text| Box::from(&**text));
    judged.iat = claims.iat.get().copied();
    judged.attest = boxed(&claims.attest);
    judged.origid = boxed(&claims.origid);
    judged.orig = claims.orig.get().and_then(|orig| boxed(&orig.tn).or_else(|| boxed(&orig.uri)));
    judged.name = claims.rcd.get().and_then(|rcd| boxed(&rcd.nam));
    judged.call_reason = boxed(&claims.crn);
    let auth = claims.rph.get().and_then(|rph| rph.auth.get());
    judged.priority = auth.into_iter().flatten().map(|value| Box::from(&**value)).collect();
}

fn one<'h>(
    party: Claim<crate::stir::claims::Party<'h>>,
    missing: Outcome,
) -> Result<Party<'h>, Outcome> {
    match party::one(party) {
        Named::One(party) => Ok(party),
        Named::No => Err(missing),
        Named::Malformed => Err(Outcome::ClaimsMalformed),
    }
}

/// All parties of `dest`. A number that is none is nobody's.
fn dests<'h>(dest: Claim<Parties<'h>>) -> Result<SmallVec<[Party<'h>; 2]>, Outcome> {
    let parties = match dest {
        Claim::Missing => return Err(Outcome::DestMissing),
        Claim::Wrong => return Err(Outcome::ClaimsMalformed),
        Claim::Is(parties) => parties,
    };
    let mut dests = SmallVec::new();
    for (list, is_uri) in [(parties.tn, false), (parties.uri, true)] {
        match list {
            Claim::Missing => {}
            Claim::Wrong => return Err(Outcome::ClaimsMalformed),
            Claim::Is(list) => {
                dests.extend(list.into_iter().filter_map(|text| Party::of_claim(text, is_uri)));
            }
        }
    }
    if dests.is_empty() { Err(Outcome::DestMissing) } else { Ok(dests) }
}

fn owned(party: Option<&Party<'_>>) -> Option<Party<'static>> {
    Some(match party? {
        Party::Tn(tn) => Party::Tn(tn.clone().into_owned().into()),
        Party::Uri(uri) => Party::Uri(uri.clone().into_owned().into()),
    })
}
