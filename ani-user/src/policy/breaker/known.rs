//! Who was let through, and since when: the records of callers nobody vouches for, in bounded memory.
//!
//! Only a call that passes makes a record, so that a flood which is stopped adds none. One that passes
//! fills the table; then the callers without a record of an hour give way, down to a quarter of the
//! table that is kept for them so that newcomers can earn one. Of those beside each other, the one
//! seen longest ago goes; to have had one's hour counts as being seen.

use std::time::Duration;

use ani_ebpf::abi::number::Number;
use hashlink::{LinkedHashMap, linked_hash_map::Entry};

use super::stopper::{STOPPERS, Stopper};
use crate::time::Timestamp;

/// How long ago a caller must have been let through.
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// What is kept for callers without a record of an hour: one in this many.
const NEW_SHARE: usize = 4;

/// Callers who have had their hour meanwhile that are looked for with each newcomer. More than one, so
/// that they are found faster than the table fills; not all, so that no call waits for them.
const LOOKED_FOR: usize = 4;

/// A caller of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Index of the trunk.
    pub(super) trunk: u16,
    /// E.164.
    pub(super) caller: Number,
}

/// A caller's record.
#[derive(Clone, Copy, Debug)]
struct Record {
    /// First of the calls that passed, none of them followed by a stop other than `held`.
    since: Timestamp,
    held: Option<Held>,
}

/// By what a caller was stopped. One only: where another one stops him, what was before the first is
/// gone for good.
#[derive(Clone, Copy, Debug)]
struct Held {
    by: Stopper,
    /// How often it had been pardoned.
    pardons: u32,
    /// First call that passed after it.
    since: Option<Timestamp>,
}

type Records = LinkedHashMap<Key, Record>;

/// Everybody's records, the one seen longest ago first.
#[derive(Debug)]
pub(super) struct Known {
    /// Of an hour.
    long: Records,
    /// Of less, when they were last seen.
    new: Records,
    max: usize,
    /// How often each stopper was pardoned.
    pardons: Box<[u32; STOPPERS]>,
    /// Callers that gave way.
    pub(super) forgotten: u64,
}

impl Known {
    /// Room for so many, at least for one.
    pub(super) fn new(max: usize) -> Self {
        Self {
            long: Records::new(),
            new: Records::new(),
            max: max.max(1),
            pardons: Box::new([0; STOPPERS]),
            forgotten: 0,
        }
    }

    /// A caller's call passes; returns whether his record was a good one.
    pub(super) fn passed(&mut self, key: Key, now: Timestamp) -> bool {
        let (record, long) = if let Some(record) = self.long.to_back(&key) {
            (record, true)
        } else {
            match self.new.entry(key) {
                Entry::Occupied(mut entry) => {
                    entry.to_back();
                    (entry.into_mut(), false)
                }
                Entry::Vacant(entry) => {
                    entry.insert(Record { since: now, held: None });
                    self.make_room(now);
                    return false;
                }
            }
        };
        record.pardon(&self.pardons);
        let good = record.is_good(now);
        record.pass(now);
        let record = *record;
        self.put_right(key, record, long, now);
        good
    }

    /// A caller's call is stopped, by what may be pardoned or for good; returns whether his record
    /// was a good one.
    pub(super) fn stopped(&mut self, key: Key, by: Option<Stopper>, now: Timestamp) -> bool {
        let (record, long) = if let Some(record) = self.long.get_mut(&key) {
            (record, true)
        } else if let Some(record) = self.new.get_mut(&key) {
            (record, false)
        } else {
            return false;
        };
        record.pardon(&self.pardons);
        let good = record.is_good(now);
        match by.and_then(|by| record.stop(by, self.pardons[by.index()])) {
            Some(held) => {
                *record = held;
                self.put_right(key, held, long, now);
            }
            None => {
                if long { &mut self.long } else { &mut self.new }.remove(&key);
            }
        }
        good
    }

    /// As if a stopper had stopped nobody.
    pub(super) fn pardon(&mut self, stopper: Stopper) {
        let pardons = &mut self.pardons[stopper.index()];
        *pardons = pardons.wrapping_add(1);
    }

    /// Keeps so many from now on, at least one.
    pub(super) fn limit(&mut self, max: usize, now: Timestamp) {
        self.max = max.max(1);
        self.make_room(now);
    }

    /// Forgets the callers of trunks that are not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(u16) -> bool) {
        for records in [&mut self.long, &mut self.new] {
            records.retain(|key, _| keep(key.trunk));
        }
    }

    /// Forgets everybody.
    pub(super) fn clear(&mut self) {
        self.long = Records::new();
        self.new = Records::new();
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.long.len() + self.new.len()
    }

    /// Moves a record where it no longer belongs among those of an hour, or belongs there now.
    fn put_right(&mut self, key: Key, record: Record, long: bool, now: Timestamp) {
        if is_over_an_hour(record.since, now) != long {
            let (from, to) = if long {
                (&mut self.long, &mut self.new)
            } else {
                (&mut self.new, &mut self.long)
            };
            from.remove(&key);
            to.insert(key, record);
        }
    }

    /// Finds those who have had their hour since they were last seen. Before one gives way, and more
    /// of them each time, so that it is not one of them.
    fn find_long(&mut self, now: Timestamp) {
        for _ in 0..LOOKED_FOR {
            match self.new.front() {
                Some((_, record)) if is_over_an_hour(record.since, now) => {}
                _ => break,
            }
            if let Some((key, record)) = self.new.pop_front() {
                self.long.insert(key, record);
            }
        }
    }

    fn make_room(&mut self, now: Timestamp) {
        self.find_long(now);
        while self.len() > self.max {
            let new_go = self.new.len() > self.max / NEW_SHARE;
            if new_go { &mut self.new } else { &mut self.long }.pop_front();
            self.forgotten = self.forgotten.saturating_add(1);
            self.find_long(now);
        }
    }
}

impl Record {
    fn pardon(&mut self, pardons: &[u32; STOPPERS]) {
        if self.held.is_some_and(|held| held.pardons != pardons[held.by.index()]) {
            self.held = None;
        }
    }

    /// Since when his calls have passed.
    fn is_good(&self, now: Timestamp) -> bool {
        let since = self.held.map_or(Some(self.since), |held| held.since);
        since.is_some_and(|since| is_over_an_hour(since, now))
    }

    fn pass(&mut self, now: Timestamp) {
        // A clock that was put back would else keep him waiting until it has caught up.
        self.since = self.since.min(now);
        if let Some(held) = &mut self.held {
            held.since = Some(held.since.map_or(now, |since| since.min(now)));
        }
    }

    /// What is left of it.
    fn stop(&self, by: Stopper, pardons: u32) -> Option<Self> {
        let since = match self.held {
            Some(held) if held.by != by => held.since?,
            _ => self.since,
        };
        Some(Self { since, held: Some(Held { by, pardons, since: None }) })
    }
}

fn is_over_an_hour(since: Timestamp, now: Timestamp) -> bool {
    since < now.before(HOUR)
}
