//! What is counted for a caller and for a trunk.

use ani_ebpf::scan::AniHeader;
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{By, is_call, status_index};
use crate::{
    capture::{Reach, Transport},
    invite::{AniStatus, Invite},
    policy::Verdict,
    stir::Outcome,
    telemetry::caller::{Caller, MAX_TEXT},
    time::Timestamp,
};

/// Attestation levels, in the order they are counted and shown.
pub const LEVELS: [&str; 4] = ["A", "B", "C", "none"];

/// What a signature can be worth, in the order it is counted and shown.
pub const SIGNATURES: [&str; 4] = ["valid", "invalid", "unverified", "absent"];

/// What an ANI can be, in the order it is counted and shown.
pub const STATUSES: [AniStatus; 5] = [
    AniStatus::Ok,
    AniStatus::Anonymous,
    AniStatus::Missing,
    AniStatus::NotANumber,
    AniStatus::Untrusted,
];

/// The one of [`SIGNATURES`] for a call without an Identity header.
const ABSENT: &str = "absent";

/// Names of [`STATUSES`], as they are shown.
const STATUS_NAMES: [&str; 5] = ["ok", "anonymous", "missing", "not-a-number", "untrusted"];

/// INVITEs and the calls among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrunkFigures {
    /// INVITEs that start a call: neither repeated nor within a dialog.
    pub calls: u64,
    /// All INVITEs.
    pub invites: u64,
    /// INVITEs that went on to the SBC.
    pub passed: u64,
    /// INVITEs that ended at the NIC.
    pub dropped: u64,
    /// Of those that went on, INVITEs that no rule could have stopped: mirrored, or in a stream.
    pub observed: u64,
    /// Calls at each of [`LEVELS`].
    #[serde(serialize_with = "by_level")]
    pub attestation: [u64; LEVELS.len()],
    /// Calls with each of [`SIGNATURES`]; those that are still being verified are not among them.
    #[serde(serialize_with = "by_signature")]
    pub signature: [u64; SIGNATURES.len()],
    /// Calls with each of [`STATUSES`].
    #[serde(serialize_with = "by_status")]
    pub ani_status: [u64; STATUSES.len()],
    /// Calls whose caller was read from each of [`AniHeader::ALL`].
    #[serde(serialize_with = "by_source")]
    pub ani_source: [u64; AniHeader::ALL.len()],
    /// Calls that display another number than the caller's, in From or in its display name.
    pub caller_id_mismatches: u64,
}

impl TrunkFigures {
    /// The counter an order goes by.
    pub const fn by(&self, by: By) -> u64 {
        match by {
            By::Calls => self.calls,
            By::Dropped => self.dropped,
            By::Invites => self.invites,
        }
    }

    /// Counts an INVITE.
    pub(super) fn record(&mut self, invite: &Invite<'_>) {
        let add = |counter: &mut u64| *counter = counter.saturating_add(1);
        add(&mut self.invites);
        match invite.verdict {
            Verdict::Pass => add(&mut self.passed),
            Verdict::Answer | Verdict::Drop => add(&mut self.dropped),
        }
        if invite.reach == Reach::Observe {
            add(&mut self.observed);
        }
        if is_call(invite) {
            add(&mut self.calls);
            // What is no known level is none: a signature that cannot be read vouches for nothing.
            let level = LEVELS.iter().position(|level| *level == invite.attestation.level);
            if let Some(counter) = self.attestation.get_mut(level.unwrap_or(LEVELS.len() - 1)) {
                add(counter);
            }
            if let Some(counter) = self.ani_status.get_mut(status_index(invite.ani_status)) {
                add(counter);
            }
            let source =
                |source| AniHeader::ALL.iter().position(|header| header.as_str() == source);
            if let Some(counter) =
                invite.ani_source.and_then(source).and_then(|at| self.ani_source.get_mut(at))
            {
                add(counter);
            }
            if [invite.caller_id_matches, invite.display_matches].contains(&Some(false)) {
                add(&mut self.caller_id_mismatches);
            }
            if invite.attestation.verification.is_some() || invite.attestation.signature == ABSENT {
                self.signed(invite.attestation.signature);
            }
        }
    }

    /// Counts what the signature of a call is worth.
    pub(super) fn signed(&mut self, signature: &str) {
        let place = SIGNATURES.iter().position(|known| *known == signature);
        if let Some(counter) = place.and_then(|at| self.signature.get_mut(at)) {
            *counter = counter.saturating_add(1);
        }
    }
}

/// What is known of a caller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallerFigures {
    /// His INVITEs and calls.
    #[serde(flatten)]
    pub figures: TrunkFigures,
    /// First INVITE since he was last forgotten.
    pub first_seen: Timestamp,
    /// Last INVITE.
    pub last_seen: Timestamp,
    /// Whom he called last; a number, or at most as much text as is kept of a caller.
    pub last_dnis: Option<String>,
    /// The trunk he came over last.
    pub last_trunk: Option<String>,
    /// What his last INVITE came over.
    pub last_transport: Option<Transport>,
    /// What happened to it.
    pub last_verdict: Verdict,
    /// The rule that decided it.
    pub last_rule: Option<String>,
    /// What came of verifying the last call of his that had a signature and was verified to the end.
    pub last_verification: Option<&'static str>,
}

impl CallerFigures {
    /// Nothing yet.
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            figures: TrunkFigures::default(),
            first_seen: now,
            last_seen: now,
            last_dnis: None,
            last_trunk: None,
            last_transport: None,
            last_verdict: Verdict::Pass,
            last_rule: None,
            last_verification: None,
        }
    }

    /// Counts an INVITE.
    pub(super) fn record(&mut self, invite: &Invite<'_>) {
        self.figures.record(invite);
        // Frames of several CPUs may come out of order.
        self.first_seen = self.first_seen.min(invite.ts);
        self.last_seen = self.last_seen.max(invite.ts);
        self.last_dnis = invite.dnis.as_deref().map(bounded);
        keep(&mut self.last_trunk, invite.trunk.as_deref());
        self.last_transport = Some(invite.transport);
        self.last_verdict = invite.verdict;
        keep(&mut self.last_rule, invite.rule);
        if let Some(outcome) = invite.attestation.verification.filter(|_| is_call(invite)) {
            self.last_verification = Some(outcome.as_str());
        }
    }

    /// Counts what came of verifying one of his calls.
    pub(super) fn verified(&mut self, outcome: Outcome) {
        self.figures.signed(outcome.class().signature());
        self.last_verification = Some(outcome.as_str());
    }
}

/// Copies only what is another than last time.
fn keep(kept: &mut Option<String>, text: Option<&str>) {
    if kept.as_deref() != text {
        *kept = text.map(str::to_owned);
    }
}

fn bounded(text: &str) -> String {
    if text.len() <= MAX_TEXT { text.to_owned() } else { Caller::from_text(text).to_string() }
}

fn by_level<S: Serializer>(counts: &[u64; LEVELS.len()], serializer: S) -> Result<S::Ok, S::Error> {
    named(&LEVELS, counts, serializer)
}

fn by_signature<S: Serializer>(
    counts: &[u64; SIGNATURES.len()],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    named(&SIGNATURES, counts, serializer)
}

fn by_status<S: Serializer>(
    counts: &[u64; STATUSES.len()],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    named(&STATUS_NAMES, counts, serializer)
}

fn by_source<S: Serializer>(
    counts: &[u64; AniHeader::ALL.len()],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    named(&AniHeader::ALL.map(AniHeader::as_str), counts, serializer)
}

fn named<S: Serializer>(names: &[&str], counts: &[u64], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(names.len()))?;
    for (name, count) in names.iter().zip(counts) {
        map.serialize_entry(name, count)?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invite::Attestation;

    #[test]
    fn signatures_are_named_as_they_are_elsewhere() {
        for outcome in Outcome::ALL {
            assert!(SIGNATURES.contains(&outcome.class().signature()), "{}", outcome.as_str());
        }
        assert_eq!(Attestation::NONE.signature, ABSENT);
        assert!(SIGNATURES.contains(&ABSENT));
    }

    #[test]
    fn statuses_are_named_as_they_are_elsewhere() {
        for (status, name) in STATUSES.into_iter().zip(STATUS_NAMES) {
            assert_eq!(serde_json::to_value(status).expect("json"), name);
        }
    }
}
