//! Held calls whose signatures are being verified, and what is known of them until then.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use smallvec::SmallVec;

use super::Taken;
use crate::{
    capture::{Hold, Message, kept::Kept},
    stir::{Judgement, results::Key},
};

/// A call that waits.
pub(super) struct Waiting {
    pub(super) message: Kept,
    pub(super) taken: Taken,
    /// What is known so far.
    pub(super) judgement: Arc<Judgement>,
}

/// Those that do, by the numbers of their held frames. What nobody can make equal, the facts that were
/// put before whoever verifies, tells one from another; the branches of a fork are alike in them.
#[derive(Default)]
pub(super) struct Queue {
    calls: HashMap<u64, (Key, Waiting)>,
    numbers: HashMap<Key, SmallVec<[u64; 1]>>,
    /// Frames of those that began to wait since they were asked for last.
    begun: Vec<Hold>,
}

/// Why a call does not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The same INVITE does: what becomes of that one becomes of the call.
    Repeated,
    /// Too many do.
    Full,
}

impl Queue {
    /// Whether a call could wait; `again` says that its INVITE has come before.
    pub(super) fn admits(&self, key: Key, again: bool, max: usize) -> Result<(), Refused> {
        if again && self.numbers.contains_key(&key) {
            return Err(Refused::Repeated);
        }
        if self.calls.len() >= max { Err(Refused::Full) } else { Ok(()) }
    }

    /// Lets a call wait that was admitted.
    pub(super) fn put(
        &mut self,
        key: Key,
        hold: Hold,
        message: &Message<'_>,
        taken: Taken,
        judgement: Arc<Judgement>,
    ) {
        if let Entry::Vacant(place) = self.calls.entry(hold.number) {
            place.insert((key, Waiting { message: Kept::of(message), taken, judgement }));
            self.numbers.entry(key).or_default().push(hold.number);
            self.begun.push(hold);
        }
    }

    /// Frames of those that began to wait since this was asked last.
    pub(super) fn begun(&mut self) -> Vec<Hold> {
        std::mem::take(&mut self.begun)
    }

    /// Those whose signature was verified, the first first; none where they wait no longer.
    pub(super) fn judged(&mut self, key: Key) -> SmallVec<[Waiting; 1]> {
        let numbers = self.numbers.remove(&key).unwrap_or_default();
        numbers.iter().filter_map(|number| Some(self.calls.remove(number)?.1)).collect()
    }

    /// The one whose frame can wait no longer.
    pub(super) fn late(&mut self, number: u64) -> Option<Waiting> {
        let (key, waiting) = self.calls.remove(&number)?;
        if let Entry::Occupied(mut others) = self.numbers.entry(key) {
            others.get_mut().retain(|other| *other != number);
            if others.get().is_empty() {
                others.remove();
            }
        }
        Some(waiting)
    }

    /// All that wait, the first first.
    pub(super) fn numbers(&self) -> Vec<u64> {
        let mut numbers: Vec<_> = self.calls.keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }
}
