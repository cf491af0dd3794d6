//! What is kept per caller and per trunk, in bounded memory: the caller seen longest ago gives way,
//! and that is counted.
//!
//! Knows no clock: time comes with the INVITE. The lock is held for one INVITE, or while the
//! counters of all callers are looked through once (a few milliseconds for 100,000); nothing is
//! formatted under it.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use self::{callers::Callers, signatures::Signatures};
use crate::{
    config::NO_TRUNK_NAME,
    invite::{AniStatus, Invite},
    stir::{Judgement, skew, wrong_clock},
    time::Timestamp,
};

/// Who a caller is, as a key.
mod caller;
/// The callers in bounded memory.
mod callers;
/// What is counted for a caller and for a trunk.
mod figures;
/// What a sender's INVITEs are like.
pub mod habits;
/// What came of verifying signatures.
mod signatures;
/// How often each list and limit decided.
pub mod spoken;
/// What the daemon itself counts.
mod tally;

pub use self::{
    caller::{Caller, MAX_TEXT},
    figures::{CallerFigures, LEVELS, SIGNATURES, STATUSES, TrunkFigures},
    signatures::{MAX_SIGNERS, Signer, Verifications},
    tally::{Definition, Sort, TALLIES, Tallies, Tally},
};

/// Trunks with counters of their own: twice what a configuration may have, since those of trunks
/// that a reload took away stay.
pub const MAX_TRUNK_FIGURES: usize = 2 * ani_ebpf::abi::trunk::MAX_TRUNKS as usize;

/// What the callers are put in order by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(feature = "daemon", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Calls: INVITEs that start one, repetitions not counted.
    #[default]
    Calls,
    /// INVITEs stopped.
    Dropped,
    /// All INVITEs.
    Invites,
}

/// Counters per caller and per trunk.
#[derive(Debug)]
pub struct Telemetry {
    state: Mutex<State>,
    /// What each trunk's INVITEs are like.
    pub habits: habits::Book,
}

#[derive(Debug)]
struct State {
    callers: Callers,
    trunks: BTreeMap<String, TrunkFigures>,
    trunks_overflowed: u64,
    signatures: Signatures,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Callers with counters of their own.
    pub callers: usize,
    /// How many there may be.
    pub max_callers: usize,
    /// Callers that gave way to others.
    pub callers_evicted: u64,
    /// INVITEs of trunks beyond [`MAX_TRUNK_FIGURES`], counted under no trunk.
    pub trunks_overflowed: u64,
}

impl Telemetry {
    /// Keeps counters for at most `max_callers`; at least for one.
    pub fn new(max_callers: usize) -> Self {
        let state = State {
            callers: Callers::new(max_callers),
            trunks: BTreeMap::new(),
            trunks_overflowed: 0,
            signatures: Signatures::new(),
        };
        Self { state: Mutex::new(state), habits: habits::Book::default() }
    }

    /// Counts an INVITE.
    pub fn record(&self, invite: &Invite<'_>) {
        let mut state = self.state();
        state.trunk(invite.trunk.as_deref()).record(invite);
        state.callers.record(invite);
        if let Some(outcome) = invite.attestation.verification.filter(|_| is_call(invite)) {
            state.signatures.count(outcome);
        }
        drop(state);
        self.habits.record(invite);
    }

    /// Counts what came of verifying a call over a trunk, where that took longer than the call: when
    /// it arrived, and what came of it.
    pub fn verified(
        &self,
        trunk: &str,
        caller: &Caller,
        arrived: Timestamp,
        judgement: &Judgement,
    ) {
        let mut state = self.state();
        state.trunk(Some(trunk)).signed(judgement.outcome.class().signature());
        state.callers.verified(caller, arrived, judgement.outcome);
        state.signatures.add(arrived, judgement);
    }

    /// What came of verifying all calls, with at most so many signers.
    pub fn verifications(&self, signers: usize) -> Verifications {
        self.state().signatures.all(signers)
    }

    /// Whether signers agree with this host's time: one did since it was last set, and most do.
    pub fn clock_is_right(&self) -> bool {
        self.state().signatures.clock_is_right()
    }

    /// This host's time was set: whether it is right now, nobody knows.
    pub fn clock_was_set(&self) {
        self.state().signatures.clock_was_set();
    }

    /// What somebody should be told of the clock now: by valid calls, and by those that it fails.
    pub fn clock_notices(
        &self,
        now: Timestamp,
    ) -> (Option<skew::Notice>, Option<wrong_clock::Notice>) {
        self.state().signatures.notices(now)
    }

    /// The `count` callers with the most, the one with the most first; of equals the one seen last.
    /// A number that called over a trunk and from elsewhere stands there twice.
    pub fn top(&self, count: usize, by: By) -> Vec<(Caller, CallerFigures)> {
        let state = self.state();
        let mut best = BinaryHeap::with_capacity(count.min(state.callers.len()).saturating_add(1));
        for (index, (caller, figures)) in state.callers.iter().enumerate() {
            let rank = Reverse((figures.figures.by(by), figures.last_seen, Reverse(index)));
            best.push(Ranked { rank, caller, figures });
            if best.len() > count {
                best.pop();
            }
        }
        best.into_sorted_vec()
            .into_iter()
            .map(|ranked| (ranked.caller.clone(), ranked.figures.clone()))
            .collect()
    }

    /// The counters of a caller over trunks; does not make him seen.
    pub fn caller(&self, caller: &Caller) -> Option<CallerFigures> {
        self.state().callers.known(caller).cloned()
    }

    /// The counters of INVITEs that name this caller but came from no trunk.
    pub fn stranger(&self, caller: &Caller) -> Option<CallerFigures> {
        self.state().callers.stranger(caller).cloned()
    }

    /// The counters of each trunk in the order of their names; [`NO_TRUNK_NAME`] for INVITEs from
    /// none.
    pub fn trunks(&self) -> Vec<(String, TrunkFigures)> {
        let state = self.state();
        state.trunks.iter().map(|(name, figures)| (name.clone(), figures.clone())).collect()
    }

    /// How much is kept.
    pub fn sizes(&self) -> Sizes {
        let state = self.state();
        Sizes {
            callers: state.callers.len(),
            max_callers: state.callers.max(),
            callers_evicted: state.callers.evicted,
            trunks_overflowed: state.trunks_overflowed,
        }
    }

    /// Counters stay usable whatever thread panicked while it counted.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn trunk(&mut self, name: Option<&str>) -> &mut TrunkFigures {
        let mut name = name.unwrap_or(NO_TRUNK_NAME);
        let known = self.trunks.contains_key(name);
        // The row for no trunk always has its place.
        if !known && name != NO_TRUNK_NAME && self.trunks.len() >= MAX_TRUNK_FIGURES {
            self.trunks_overflowed = self.trunks_overflowed.saturating_add(1);
            name = NO_TRUNK_NAME;
        }
        self.trunks.entry(name.to_owned()).or_default()
    }
}

/// A caller by his rank alone.
struct Ranked<'a, R> {
    rank: R,
    caller: &'a Caller,
    figures: &'a CallerFigures,
}

impl<R: Ord> Ord for Ranked<'_, R> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl<R: Ord> PartialOrd for Ranked<'_, R> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<R: Ord> PartialEq for Ranked<'_, R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<R: Ord> Eq for Ranked<'_, R> {}

/// Whether the INVITE starts a call: not within a dialog, and not seen before.
pub(crate) const fn is_call(invite: &Invite<'_>) -> bool {
    invite.to_tag.is_none() && !invite.retransmission
}

/// Place of a status in [`STATUSES`].
fn status_index(status: AniStatus) -> usize {
    STATUSES.iter().position(|known| *known == status).unwrap_or(0)
}

#[cfg(test)]
mod tests;
