//! The good callers of a trunk within the last minute, and whom of them was stopped by what. Exact:
//! each stands there with the time he was last seen.

use std::time::Duration;

use ani_ebpf::abi::number::Number;
use hashlink::LinkedHashMap;

use super::stopper::{STOPPERS, Stopper};
use crate::time::Timestamp;

/// How far back it looks.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// Good callers of a trunk and minute that are counted. Of more, the last ones are: the minute gets
/// shorter, for those who passed as for those who were stopped. So it errs towards a trip, as a share
/// that is reached for a few seconds counts then; and of so many it takes more than two thousand.
pub const MAX_GOOD: usize = 8_192;

/// A good caller. Whoever uses his number without what vouches for him is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Who {
    /// E.164.
    pub(super) caller: Number,
    /// Whether the call was vouched for.
    pub(super) vouched: bool,
}

/// One trunk's. Times are told in order.
#[derive(Debug)]
pub(super) struct Minute {
    /// When each was last seen as a good one; who was longest ago comes first.
    seen: LinkedHashMap<Who, Timestamp>,
    /// What stopped him last, and when; the same order. Each of them is in `seen`.
    stopped: LinkedHashMap<Who, (Stopper, Timestamp)>,
    /// How many stand in `stopped` for each stopper.
    by: [u16; STOPPERS],
}

const _: () = assert!(MAX_GOOD <= u16::MAX as usize);

impl Minute {
    /// Nobody.
    pub(super) fn new() -> Self {
        Self { seen: LinkedHashMap::new(), stopped: LinkedHashMap::new(), by: [0; STOPPERS] }
    }

    /// Forgets what is not within the minute before `now`.
    pub(super) fn slide(&mut self, now: Timestamp) {
        let begin = now.before(MINUTE);
        while let Some((who, at)) = self.seen.front()
            && *at <= begin
        {
            let who = *who;
            self.seen.pop_front();
            self.release(&who);
        }
        while let Some((who, (_, at))) = self.stopped.front()
            && *at <= begin
        {
            let who = *who;
            self.release(&who);
        }
    }

    /// Counts a good caller; returns whether another one had to go for him.
    pub(super) fn saw(&mut self, who: Who, now: Timestamp) -> bool {
        self.seen.insert(who, now);
        if self.seen.len() <= MAX_GOOD {
            return false;
        }
        if let Some((first, _)) = self.seen.pop_front() {
            self.release(&first);
        }
        true
    }

    /// Whether a caller counts.
    pub(super) fn counts(&self, who: &Who) -> bool {
        self.seen.contains_key(who)
    }

    /// A caller who counts was stopped.
    pub(super) fn stopped(&mut self, who: Who, by: Stopper, now: Timestamp) {
        if let Some((before, _)) = self.stopped.insert(who, (by, now)) {
            self.count(before, u16::saturating_sub);
        }
        self.count(by, u16::saturating_add);
    }

    /// As if a stopper had stopped nobody.
    pub(super) fn pardon(&mut self, stopper: Stopper) {
        if self.stopped_by(stopper) > 0 {
            self.stopped.retain(|_, (by, _)| *by != stopper);
            self.by[stopper.index()] = 0;
        }
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) {
        *self = Self::new();
    }

    /// Good callers.
    pub(super) fn good(&self) -> usize {
        self.seen.len()
    }

    /// Those of them who were stopped.
    pub(super) fn all_stopped(&self) -> usize {
        self.stopped.len()
    }

    /// Those of them who were stopped by one, and not by another since.
    pub(super) fn stopped_by(&self, stopper: Stopper) -> usize {
        self.by[stopper.index()].into()
    }

    /// Who stopped most of them; of several the first in their order.
    pub(super) fn worst(&self) -> Stopper {
        // The first of the largest: `max_by_key` takes the last.
        let most = (0..STOPPERS).rev().max_by_key(|index| self.by[*index]);
        Stopper::at(most.unwrap_or_default())
    }

    fn release(&mut self, who: &Who) {
        if let Some((by, _)) = self.stopped.remove(who) {
            self.count(by, u16::saturating_sub);
        }
    }

    fn count(&mut self, stopper: Stopper, change: fn(u16, u16) -> u16) {
        let count = &mut self.by[stopper.index()];
        *count = change(*count, 1);
    }
}
