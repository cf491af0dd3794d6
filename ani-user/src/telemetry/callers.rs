//! The callers, in bounded memory: those of trunks, and those of INVITEs from anywhere.
//!
//! Anybody can send an INVITE that comes from no trunk and call himself whatever he likes. Such
//! callers are counted apart, so that they add nothing to a subscriber's counters, and while memory
//! is short they keep a tenth of it: a flood of them pushes out one another.

use lru::LruCache;

use super::{caller::Caller, figures::CallerFigures};
use crate::{invite::Invite, stir::Outcome, time::Timestamp};

/// What strangers keep when memory is short: one in this many.
const STRANGERS_SHARE: usize = 10;

/// Callers by trust, the one seen last first.
#[derive(Debug)]
pub(super) struct Callers {
    known: LruCache<Caller, CallerFigures>,
    strangers: LruCache<Caller, CallerFigures>,
    max: usize,
    /// Callers that gave way.
    pub(super) evicted: u64,
}

impl Callers {
    /// Room for `max` callers, at least for one.
    pub(super) fn new(max: usize) -> Self {
        // Bounded here, together; they grow as callers come.
        Self {
            known: LruCache::unbounded(),
            strangers: LruCache::unbounded(),
            max: max.max(1),
            evicted: 0,
        }
    }

    /// Counts an INVITE.
    pub(super) fn record(&mut self, invite: &Invite<'_>) {
        let caller = Caller::of(invite);
        let callers = if invite.trunk.is_some() { &mut self.known } else { &mut self.strangers };
        if let Some(figures) = callers.get_mut(&caller) {
            figures.record(invite);
            return;
        }
        let mut figures = CallerFigures::new(invite.ts);
        figures.record(invite);
        callers.put(caller, figures);
        if self.len() > self.max {
            self.evict();
        }
    }

    /// Counts what came of verifying a call over a trunk. The threads that verify may be done before
    /// the INVITE itself is counted: then its caller begins here.
    pub(super) fn verified(&mut self, caller: &Caller, arrived: Timestamp, outcome: Outcome) {
        if let Some(figures) = self.known.peek_mut(caller) {
            figures.verified(outcome);
            return;
        }
        let mut figures = CallerFigures::new(arrived);
        figures.verified(outcome);
        self.known.put(caller.clone(), figures);
        if self.len() > self.max {
            self.evict();
        }
    }

    fn evict(&mut self) {
        let strangers_go = self.strangers.len() > self.max / STRANGERS_SHARE;
        let (first, second) = if strangers_go {
            (&mut self.strangers, &mut self.known)
        } else {
            (&mut self.known, &mut self.strangers)
        };
        if first.pop_lru().or_else(|| second.pop_lru()).is_some() {
            self.evicted = self.evicted.saturating_add(1);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len().saturating_add(self.strangers.len())
    }

    /// How many there may be.
    pub(super) const fn max(&self) -> usize {
        self.max
    }

    /// A caller over trunks.
    pub(super) fn known(&self, caller: &Caller) -> Option<&CallerFigures> {
        self.known.peek(caller)
    }

    /// Whoever calls himself so from elsewhere.
    pub(super) fn stranger(&self, caller: &Caller) -> Option<&CallerFigures> {
        self.strangers.peek(caller)
    }

    /// All, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Caller, &CallerFigures)> {
        self.known.iter().chain(self.strangers.iter())
    }
}
