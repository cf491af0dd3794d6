//! Calls that a trunk refuses for what their signatures are worth.

use std::sync::Arc;

use ani_ebpf::abi::counter::Counter;

use super::{
    Analysis,
    decision::{Facts, Taken, lets_through},
    reach,
    verification::Judged,
    waiting,
};
use crate::{
    capture::{KernelView, Reach},
    config::Refuse,
    invite::HeldAs,
    policy::settle::Decided,
    stir::Outcome,
    telemetry::{Tally, Telemetry, spoken::Did},
};

/// Whoever knows whether this host's time is right.
pub trait Time: Send {
    /// Whether signers agree with it.
    fn is_right(&self) -> bool;
}

impl Time for Arc<Telemetry> {
    fn is_right(&self) -> bool {
        self.clock_is_right()
    }
}

impl Analysis {
    /// Whether the call waits for its signature, and no record of it is made yet; else it is decided.
    pub(super) fn waits(
        &mut self,
        taken: &mut Taken,
        facts: &Facts<'_, '_>,
        refuse: Option<Refuse>,
        judged: &Judged,
    ) -> bool {
        if let Some(refuse) = refuse {
            self.weigh(taken, facts, refuse, judged.outcome);
            if taken.open
                && refuse.waits()
                && let (Some(key), Some(judgement)) = (judged.pending, &judged.judgement)
                && let Some(hold) = facts.message.kernel.and_then(|view| view.held)
            {
                match self.waiting.admits(key, taken.retransmission, self.config.hold.max) {
                    Ok(()) => {
                        let judgement = Arc::clone(judgement);
                        self.waiting.put(key, hold, facts.message, *taken, judgement);
                        return true;
                    }
                    Err(waiting::Refused::Repeated) => {
                        taken.view.exit = Counter::Held;
                        taken.held = Some(HeldAs::Repeated);
                        taken.open = false;
                    }
                    Err(waiting::Refused::Full) => taken.held = Some(HeldAs::Full),
                }
            }
        }
        if taken.open {
            self.pass(&taken.view, facts);
            taken.open = false;
        }
        false
    }

    fn count(&self, taken: &Taken, outcome: Outcome, did: Did) {
        if !taken.retransmission {
            self.tallies.spoken.refusal(outcome, did);
        }
    }

    /// Stops it for its signature, where that is known to be what calls are refused for.
    fn weigh(
        &self,
        taken: &mut Taken,
        facts: &Facts<'_, '_>,
        refuse: Refuse,
        outcome: Option<Outcome>,
    ) {
        let Some(outcome) = outcome.filter(|outcome| refuse.is_for(*outcome)) else { return };
        let KernelView { exit, first_exit, .. } = taken.view;
        if (exit, first_exit) == (Counter::DropRepeated, Counter::Held) {
            taken.refused = Some(outcome);
            return;
        }
        if facts.in_dialog() || !lets_through(exit) {
            return;
        }
        if refuse.observed {
            taken.would_refuse = Some(outcome);
            self.count(taken, outcome, Did::WouldHave);
            return;
        }
        let may_stop = reach(facts.message, taken.view.trunk) >= Reach::Stop;
        if outcome.is_of_time() && self.time.as_ref().is_some_and(|time| !time.is_right()) {
            self.tallies.add(Tally::RefuseClock);
        } else if taken.open || may_stop && facts.message.kernel.is_none() {
            match self.settle(&taken.view, facts, Decided::Stop) {
                Ok(settled) => {
                    (taken.view.exit, taken.view.first_exit) = (settled.exit, settled.first_exit);
                    taken.refused = Some(outcome);
                    taken.open = false;
                    self.count(taken, outcome, Did::Decided);
                }
                Err(error) => {
                    tracing::debug!("a call that is to be refused passes: {error:#}");
                    self.tallies.add(Tally::RefuseMissed);
                    taken.held = taken.held.map(|_| HeldAs::Failed);
                }
            }
        } else if may_stop {
            self.tallies.add(Tally::RefuseMissed);
        }
    }
}

#[cfg(test)]
mod tests;
