//! What the signatures of an INVITE are worth: the facts they are about, put before whoever verifies.

use std::{
    borrow::Cow,
    hash::{BuildHasher, RandomState},
    sync::Arc,
};

use ani_ebpf::{dial_plan::DialPlan, scan::AniHeader};

use crate::{
    config::{self, Refuse},
    identity::{self, Identity, Reading},
    invite::{AniStatus, Attestation, Passports},
    policy::breaker,
    sip::{self, Invite, Scheme, Uri},
    stir::{
        Call, Judgement, Outcome,
        call::{CALLED, Party},
        results::{self, Key},
    },
    time::Timestamp,
};

/// Verifies calls; on the way of the calls, so it must not wait.
pub trait Verifier: Send {
    /// What is known of a call now, and whose call it is for when more is known.
    fn verify(&mut self, call: &Call<'_>, whose: &Whose<'_>) -> Answer;
}

/// Whose call it is.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// Name of the trunk.
    pub trunk: &'a str,
    /// The ANI, as the record has it.
    pub ani: Option<&'a str>,
    /// What that is.
    pub status: AniStatus,
    /// Whether the INVITE starts a call: neither repeated nor within a dialog.
    pub starts: bool,
    /// What the breaker is to be told when it ends, with whether the signatures hold; none where it
    /// is told now or not at all.
    pub attempt: Option<breaker::Call>,
    /// By what the pipeline is told that it ends; none where nothing depends on it.
    pub key: Option<Key>,
    /// What such calls would be refused for, to be counted when it ends; none where that is known, or
    /// nothing.
    pub refuse: Option<Refuse>,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What is known now.
    pub judgement: Arc<Judgement>,
    /// Whether that is the end of it, to be counted with the call; else whoever verifies counts it
    /// when it ends, or has done so.
    pub counts: bool,
}

/// What the stages behind need of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    /// What came of the call.
    pub(super) outcome: Option<Outcome>,
    /// The same, finer; none where nobody was asked.
    pub(super) judgement: Option<Arc<Judgement>>,
    /// Whether that is not known yet.
    pub(super) open: bool,
    /// By what it will be told, where it is not and something depends on it.
    pub(super) pending: Option<Key>,
}

impl Judged {
    /// Nobody was asked.
    fn alone(outcome: Outcome) -> Self {
        Self { outcome: Some(outcome), ..Self::default() }
    }
}

/// The stage's own state.
pub(super) struct Verification {
    /// Tells call attempts apart; nobody can make two of them equal.
    keys: RandomState,
    verifier: Option<Box<dyn Verifier>>,
}

impl Verification {
    pub(super) fn new() -> Self {
        Self { keys: RandomState::new(), verifier: None }
    }

    pub(super) fn set(&mut self, verifier: Box<dyn Verifier>) {
        self.verifier = Some(verifier);
    }

    /// Puts into `attestation` what the signatures are worth.
    pub(super) fn judge<'a>(
        &mut self,
        parsed: &Invite<'a>,
        of: &Of<'_, 'a>,
        attestation: &mut Attestation<'_>,
    ) -> Judged {
        if parsed.identity.is_empty() {
            // By somebody's leave.
            let excused = attestation.identity_bypass.is_some();
            let outcome = (!excused).then_some(Outcome::NoIdentity);
            return Judged { outcome, ..Judged::default() };
        }
        let settings = of.settings;
        let (trunk, verifier) = match (of.trunk, &mut self.verifier) {
            (Some(trunk), Some(verifier)) if settings.verify && settings.anchors.is_some() => {
                (trunk, verifier)
            }
            (Some(_), _) if settings.verify => {
                stands(Outcome::NoAnchors, attestation);
                return Judged::alone(Outcome::NoAnchors);
            }
            _ => {
                stands(Outcome::Off, attestation);
                return Judged::alone(Outcome::Off);
            }
        };
        let call = Call {
            identity: &parsed.identity,
            cut: parsed.headers_cut,
            caller: caller(parsed, of.identity, of.reading),
            called: called(parsed, &of.reading.dial_plan),
            date: date(parsed),
            resource_priority: resource_priority(parsed),
            attempt: self
                .keys
                .hash_one((parsed.call_id, parsed.from.as_ref().map(|from| from.tag()))),
            now: of.now,
        };
        let awaited = of.refuse.is_some_and(Refuse::waits);
        let key = awaited.then(|| results::key(&self.keys, &call));
        let whose = Whose {
            trunk,
            ani: of.identity.ani.as_deref(),
            status: of.identity.status,
            starts: of.starts,
            attempt: of.attempt,
            key,
            refuse: of.refuse.filter(|refuse| refuse.observed),
        };
        let Answer { judgement, counts } = verifier.verify(&call, &whose);
        let outcome = judgement.outcome;
        attestation.verification = counts.then_some(outcome);
        let open = !counts && matches!(outcome, Outcome::Pending | Outcome::CertificatePending);
        let pending = key.filter(|_| open);
        Judged { open, pending, ..known(judgement, attestation) }
    }
}

/// Puts into `attestation` what came of a call, which is counted elsewhere.
pub(super) fn known(judgement: Arc<Judgement>, attestation: &mut Attestation<'_>) -> Judged {
    let outcome = judgement.outcome;
    attestation.signature = outcome.class().signature();
    attestation.reason = (outcome != Outcome::Valid).then(|| outcome.as_str());
    attestation.signer = judgement.signer.as_deref().map(|name| Cow::Owned(name.to_owned()));
    attestation.passports = Passports::of(Arc::clone(&judgement));
    Judged { judgement: Some(judgement), ..Judged::alone(outcome) }
}

/// The INVITE as the stages before know it.
pub(super) struct Of<'i, 'a> {
    pub(super) settings: &'i config::Stir,
    pub(super) trunk: Option<&'i str>,
    pub(super) identity: &'i Identity<'a>,
    pub(super) reading: &'i Reading<'i>,
    pub(super) starts: bool,
    pub(super) attempt: Option<breaker::Call>,
    /// What calls of the trunk are refused for; none for nothing.
    pub(super) refuse: Option<Refuse>,
    pub(super) now: Timestamp,
}

/// Without asking anybody. Why nothing could be read of a PASSporT says more, and stays.
fn stands(outcome: Outcome, attestation: &mut Attestation<'_>) {
    attestation.signature = outcome.class().signature();
    attestation.reason = attestation.reason.or(Some(outcome.as_str()));
    attestation.verification = Some(outcome);
}

/// Whom the trunk names. Where that is `orig` itself, a comparison with it would say nothing: then the
/// next header of the order.
fn caller<'a>(
    parsed: &Invite<'a>,
    identity: &Identity<'a>,
    reading: &Reading<'_>,
) -> Option<Party<'a>> {
    if identity.source() == Some(AniHeader::Passport) {
        let named = identity::identify(parsed, None, reading);
        return chosen(parsed, &named, &reading.dial_plan);
    }
    chosen(parsed, identity, &reading.dial_plan)
}

fn chosen<'a>(parsed: &Invite<'a>, identity: &Identity<'a>, plan: &DialPlan) -> Option<Party<'a>> {
    let ani = identity.ani.clone()?;
    match number(ani, plan) {
        Ok(party) => Some(party),
        Err(_) => identity.uri(parsed).map(Party::of_uri),
    }
}

/// Request-URI and To; To only where it is another.
fn called<'a>(parsed: &Invite<'a>, plan: &DialPlan) -> [Option<Party<'a>>; CALLED] {
    let request = party(&parsed.request, plan);
    let to = parsed
        .to
        .as_ref()
        .and_then(|to| party(&to.uri, plan))
        .filter(|to| request.as_ref() != Some(to));
    [request, to]
}

fn party<'a>(named: &Uri<'a>, plan: &DialPlan) -> Option<Party<'a>> {
    if let Some(e164) = identity::e164(named, plan) {
        let (digits, len) = e164.ascii();
        let came = named.user.map(|user| user.strip_prefix(b"+").unwrap_or(user));
        return Some(Party::Tn(match came {
            Some(came) if digits.get(..len) == Some(came) => sip::lossy(came),
            _ => Cow::Owned(e164.to_string()),
        }));
    }
    let user = named.user.filter(|user| !user.is_empty());
    match user.map(|user| number(sip::lossy(user), plan)) {
        Some(Ok(party)) => Some(party),
        _ => (!named.host.is_empty() || named.scheme == Scheme::Urn).then(|| Party::of_uri(named)),
    }
}

/// The text as a number, or the text again.
fn number<'a>(text: Cow<'a, str>, plan: &DialPlan) -> Result<Party<'a>, Cow<'a, str>> {
    match text {
        Cow::Borrowed(text) => {
            identity::canonical(text, plan).map(Party::Tn).ok_or(Cow::Borrowed(text))
        }
        Cow::Owned(text) => match identity::canonical(&text, plan) {
            Some(tn) => Ok(Party::Tn(Cow::Owned(tn.into_owned()))),
            None => Err(Cow::Owned(text)),
        },
    }
}

/// Date, which only the compact form is in need of (RFC 8224 §4.1): to find it, all headers are
/// walked through.
fn date<'a>(parsed: &Invite<'a>) -> Option<&'a [u8]> {
    let compact = parsed.identity.iter().any(|value| sip::trim(value).starts_with(b".."));
    compact.then(|| parsed.header(b"date").next()).flatten()
}

/// Resource-Priority (RFC 4412 §3.1), which only a PASSporT that grants priority is about: to find it,
/// all headers are walked through. Several lines are one list (RFC 3261 §7.3.1).
fn resource_priority<'a>(parsed: &Invite<'a>) -> Option<Cow<'a, [u8]>> {
    if !parsed.identity.iter().any(|value| may_grant_priority(value)) {
        return None;
    }
    let mut lines = parsed.header(b"resource-priority");
    let first = lines.next()?;
    Some(lines.fold(Cow::Borrowed(first), |all, line| [&*all, line].join(&b","[..]).into()))
}

/// By its parameters, where the kind must stand; of one that has others within it, nothing is known.
fn may_grant_priority(identity: &[u8]) -> bool {
    let parameters = memchr::memchr(b';', identity).map_or(&[][..], |at| &identity[at..]);
    let has = |kind: &[u8]| {
        parameters.windows(kind.len()).any(|window| window.eq_ignore_ascii_case(kind))
    };
    has(b"rph") || has(b"div-o")
}

#[cfg(test)]
mod tests;
