//! The breaker: a list or limit that stops many of a trunk's good callers within a minute is taken for
//! a mistake and only observes for a while.
//!
//! An attack must not bring that about, so it is good callers who are counted, each once: a flood of
//! strangers changes nothing here, however large. `docs/breaker.md` says what is left to an attacker.

use std::collections::BTreeMap;

use ani_ebpf::abi::{number::Number, trunk::MAX_TRUNKS};
use serde::Serialize;

use self::{
    known::{Key, Known},
    minute::{MINUTE, Minute, Who},
};
use crate::{config, time::Timestamp};

/// Who was let through, and since when.
mod known;
/// The good callers of a trunk within the last minute.
mod minute;
/// What stopped a call.
mod stopper;

pub use self::{minute::MAX_GOOD, stopper::Stopper};

/// The first INVITE of a call attempt, decided. One that is repeated is not told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Index of the trunk it came over.
    pub trunk: u16,
    /// E.164; a caller without a number has no record.
    pub caller: Number,
    /// Whether he is attested A and that is believed: the signature holds, or the carrier says so
    /// whose word the trunk's profile takes. What is only claimed does not count, or a flood that
    /// claims it would.
    pub vouched: bool,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It went on.
    Passed,
    /// It did not.
    Stopped {
        /// What stopped it.
        by: Stopper,
        /// Whether that can be a mistake that stops many: prefixes, ranges, feeds and limits can; an
        /// exact number that an operator entered is what he wants.
        watched: bool,
    },
}

/// A list or limit was taken for a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Trip {
    /// Index of the trunk whose callers were stopped.
    pub trunk: u16,
    /// What stopped most of them: it has to observe, on all trunks.
    pub stopper: Stopper,
    /// When it is to stop calls again.
    pub until: Timestamp,
    /// Good callers of the trunk within the minute.
    pub good: usize,
    /// Those of them whom anything watched had stopped.
    pub stopped: usize,
    /// Those of them whom the stopper had.
    pub stopped_by_it: usize,
    /// `stopped` of `good`, whole per cent, cut.
    pub share: u8,
}

/// What the breaker has done and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Lists and limits that were taken for a mistake.
    pub trips: u64,
    /// Callers with a record.
    pub known: usize,
    /// Callers that gave way, `breaker.max_known` being reached.
    pub forgotten: u64,
    /// Good callers that were counted for less than a minute, [`MAX_GOOD`] being reached.
    pub crowded: u64,
}

/// All that is known of good callers, and what is at rest.
#[derive(Debug)]
pub struct Breaker {
    settings: config::Breaker,
    known: Known,
    /// By the trunk's index; none of one without good callers so far. At most [`MAX_TRUNKS`].
    minutes: Vec<Option<Box<Minute>>>,
    resting: BTreeMap<Stopper, Trip>,
    latest: Timestamp,
    trips: u64,
    crowded: u64,
}

impl Breaker {
    /// One that knows nobody.
    pub fn new(settings: config::Breaker) -> Self {
        Self {
            settings,
            known: Known::new(settings.max_known),
            minutes: Vec::new(),
            resting: BTreeMap::new(),
            latest: Timestamp(i64::MIN),
            trips: 0,
            crowded: 0,
        }
    }

    /// Goes on by other settings. One that is switched off knows nobody, and [`Self::due`] returns
    /// all that was at rest.
    pub fn set(&mut self, settings: config::Breaker) {
        self.settings = settings;
        self.known.limit(settings.max_known, self.latest);
        if !settings.enabled {
            self.known.clear();
            self.minutes.clear();
        }
    }

    /// Forgets the callers of some trunks, and no rest: for trunks that are gone, whose indices others
    /// may have next.
    pub fn forget_trunks(&mut self, trunks: &[u16]) {
        if trunks.is_empty() {
            return;
        }
        self.known.retain(|trunk| !trunks.contains(&trunk));
        for trunk in trunks {
            if let Some(minute) = self.minutes.get_mut(usize::from(*trunk)) {
                *minute = None;
            }
        }
    }

    /// Takes a call. Where it returns something, that must observe from now on until [`Self::due`]
    /// returns it.
    pub fn saw(&mut self, call: &Call, now: Timestamp) -> Option<Trip> {
        if !self.settings.enabled || call.caller.is_none() || u32::from(call.trunk) >= MAX_TRUNKS {
            return None;
        }
        let now = self.clock(now);
        let watched = match call.outcome {
            // The kernel has not heard yet. What a mistake did says nothing of the caller.
            Outcome::Stopped { by, .. } if self.resting.contains_key(&by) => return None,
            Outcome::Stopped { by, watched: true } => Some(by),
            _ => None,
        };
        let good = call.vouched || {
            let key = Key { trunk: call.trunk, caller: call.caller };
            match call.outcome {
                Outcome::Passed => self.known.passed(key, now),
                Outcome::Stopped { .. } => self.known.stopped(key, watched, now),
            }
        };
        let trunk = usize::from(call.trunk);
        if good && self.minutes.len() <= trunk {
            self.minutes.resize_with(trunk + 1, || None);
        }
        let minute = self.minutes.get_mut(trunk)?;
        let minute = if good {
            minute.get_or_insert_with(|| Box::new(Minute::new()))
        } else {
            minute.as_mut()?
        };
        minute.slide(now);
        let who = Who { caller: call.caller, vouched: call.vouched };
        if good {
            let crowded = minute.saw(who, now);
            self.crowded = self.crowded.saturating_add(crowded.into());
        } else if !minute.counts(&who) {
            // Nothing a stranger does changes the share or the moment it is looked at.
            return None;
        }
        if let Some(by) = watched {
            minute.stopped(who, by, now);
        }
        let trip = judge(minute, &self.settings, call.trunk, now)?;
        self.resting.insert(trip.stopper, trip);
        self.pardon(trip.stopper);
        self.trips = self.trips.saturating_add(1);
        Some(trip)
    }

    /// Those whose rest is over: they stop calls again, and may be taken for a mistake again.
    pub fn due(&mut self, now: Timestamp) -> Vec<Stopper> {
        // Never longer than is set, also where the clock was put back or the setting was.
        let latest = now.after(self.settings.rest);
        let over = |_: &Stopper, trip: &mut Trip| {
            trip.until = trip.until.min(latest);
            trip.until <= now || !self.settings.enabled
        };
        self.resting.extract_if(.., over).map(|(stopper, _)| stopper).collect()
    }

    /// Ends a rest early, and pardons: for a list or limit that is gone, whose id another one may
    /// have next, or that an operator has set to enforce again. Returns whether it was at rest.
    pub fn forget(&mut self, stopper: Stopper) -> bool {
        self.pardon(stopper);
        self.resting.remove(&stopper).is_some()
    }

    /// What is at rest, by what it was taken for a mistake and until when.
    pub fn resting(&self) -> impl Iterator<Item = &Trip> {
        self.resting.values()
    }

    /// What was done and is held.
    pub fn figures(&self) -> Figures {
        Figures {
            trips: self.trips,
            known: self.known.len(),
            forgotten: self.known.forgotten,
            crowded: self.crowded,
        }
    }

    /// Whom it stopped has the record he had.
    fn pardon(&mut self, stopper: Stopper) {
        self.known.pardon(stopper);
        self.minutes.iter_mut().flatten().for_each(|minute| minute.pardon(stopper));
    }

    /// Time that does not run backwards: calls of several queues come a little out of order. Where
    /// the clock was put back, what was seen is of no minute that could be told.
    fn clock(&mut self, now: Timestamp) -> Timestamp {
        if now < self.latest.before(MINUTE) {
            self.minutes.iter_mut().flatten().for_each(|minute| minute.clear());
            self.latest = now;
        }
        self.latest = self.latest.max(now);
        self.latest
    }
}

/// Whether a trunk's minute is that of a mistake.
fn judge(minute: &Minute, settings: &config::Breaker, trunk: u16, now: Timestamp) -> Option<Trip> {
    let (good, stopped) = (minute.good(), minute.all_stopped());
    if good < settings.callers || stopped * 100 <= usize::from(settings.share) * good {
        return None;
    }
    let stopper = minute.worst();
    Some(Trip {
        trunk,
        stopper,
        until: now.after(settings.rest),
        good,
        stopped,
        stopped_by_it: minute.stopped_by(stopper),
        // `stopped` are some of `good`.
        share: u8::try_from(stopped * 100 / good.max(1)).unwrap_or(100),
    })
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
