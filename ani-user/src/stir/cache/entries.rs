//! The tables behind the cache's lock: what is at hand, what failed, what is under way. Nothing here
//! waits or does I/O.

use std::{collections::HashMap, num::NonZeroUsize, sync::Arc, time::Duration};

use hyper::body::Bytes;
use lru::LruCache;
use tokio::sync::oneshot;

use super::{MAX_NEGATIVE, Origin};
use crate::{
    stir::{Class, Outcome, budget::Budget, fetch::Failure, local::Stamp},
    time::Timestamp,
};

/// How long an outdated certificate is used while its host cannot be reached.
pub const MAX_STALE: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// How long what failed is not tried again, at first; it doubles with each failure.
pub const RETRY_FIRST: Duration = Duration::from_secs(60);
/// And at last.
pub const RETRY_LAST: Duration = Duration::from_secs(10 * 60);
/// Of so many that were used longest ago goes the one that was used least: a stranger who has many
/// certificates fetched drives out his own and not those of carriers.
const OLDEST: usize = 16;
/// How often the file of a local certificate is looked at.
const LOOK: Duration = Duration::from_secs(1);

pub(super) type Key = Arc<str>;
/// Who is told how a fetch ended.
pub(super) type Waiter = oneshot::Sender<Result<(), Failure>>;

pub(super) struct Entries<T> {
    pub(super) present: LruCache<Key, Entry<T>>,
    pub(super) negative: LruCache<Key, Negative>,
    /// Asked for and not come yet, with those who wait for it.
    pub(super) pending: HashMap<Key, Vec<Waiter>>,
    pub(super) budget: Budget,
    max: usize,
}

pub(super) struct Entry<T> {
    pub(super) value: Arc<T>,
    pub(super) body: Bytes,
    pub(super) origin: Origin,
    /// Of the file it is from, where it is a local one.
    pub(super) stamp: Option<Stamp>,
    pub(super) fetched: Timestamp,
    pub(super) expires: Option<Timestamp>,
    /// Of fetching it again.
    pub(super) retry: Retry,
    /// When a local file was last looked for.
    looked: Timestamp,
    pub(super) uses: u64,
}

pub(super) struct Negative {
    pub(super) outcome: Outcome,
    pub(super) detail: String,
    pub(super) retry: Retry,
    /// The local file that could not be read.
    pub(super) stamp: Option<Stamp>,
}

/// When something that failed is tried again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Retry {
    since: Timestamp,
    pub(super) until: Timestamp,
    failures: u32,
}

/// What a URL has, as far as the tables know.
pub(super) enum Known<T> {
    /// To be used.
    Present(Arc<T>),
    /// To be used, and to be fetched again.
    Stale(Arc<T>),
    /// Known to fail.
    Negative(Outcome),
    /// Under way.
    Pending,
    /// Nothing.
    Nothing,
}

impl Retry {
    fn after(self, now: Timestamp) -> Self {
        let span = RETRY_FIRST.saturating_mul(1 << self.failures.min(8)).min(RETRY_LAST);
        Self { since: now, until: now.after(span), failures: self.failures.saturating_add(1) }
    }

    /// Not while it is held back; a clock that was set back holds nothing back.
    fn due(self, now: Timestamp) -> bool {
        now < self.since || now >= self.until
    }
}

impl<T> Entry<T> {
    pub(super) fn new(
        value: Arc<T>,
        body: Bytes,
        origin: Origin,
        fetched: Timestamp,
        expires: Option<Timestamp>,
    ) -> Self {
        let (retry, looked) = (Retry::default(), fetched);
        Self { value, body, origin, stamp: None, fetched, expires, retry, looked, uses: 0 }
    }

    /// Whether it may be used, fresh or while its host cannot be reached.
    pub(super) fn usable(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires.after(MAX_STALE))
    }

    pub(super) fn fresh(&self, now: Timestamp) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl<T> Entries<T> {
    pub(super) fn new(max: NonZeroUsize) -> Self {
        Self {
            present: LruCache::unbounded(),
            negative: LruCache::new(MAX_NEGATIVE),
            pending: HashMap::new(),
            budget: Budget::new(),
            max: max.get(),
        }
    }

    /// What is to be used without a look at anything else; the way of nearly all calls.
    pub(super) fn at_hand(&mut self, key: &str, local: bool, now: Timestamp) -> Option<Arc<T>> {
        let entry = self.present.get_mut(key)?;
        let looked = now >= entry.looked && now < entry.looked.after(LOOK);
        let done = entry.origin == Origin::Added || !local || looked;
        if !done || !entry.fresh(now) {
            return None;
        }
        entry.uses += 1;
        Some(Arc::clone(&entry.value))
    }

    /// Tells the tables what stands in the local folder; whether that has to be read.
    pub(super) fn looked(&mut self, key: &str, stamp: Option<Stamp>, now: Timestamp) -> bool {
        if let Some(entry) = self.present.get_mut(key) {
            entry.looked = now;
            if entry.origin == Origin::Added || stamp.is_some() && entry.stamp == stamp {
                return false;
            }
            if entry.origin == Origin::Local {
                self.present.pop(key);
            }
        }
        let negative = self.negative.peek(key);
        if negative.is_some_and(|negative| negative.stamp.is_some() && negative.stamp != stamp) {
            self.negative.pop(key);
        } else if negative.is_some_and(|negative| negative.stamp.is_some()) {
            return false;
        }
        stamp.is_some()
    }

    pub(super) fn known(&mut self, key: &str, now: Timestamp) -> Known<T> {
        if let Some(entry) = self.present.get_mut(key)
            && entry.usable(now)
        {
            entry.uses += 1;
            let value = Arc::clone(&entry.value);
            let wanted = !entry.fresh(now) && entry.retry.due(now);
            return if wanted && !self.pending.contains_key(key) {
                Known::Stale(value)
            } else {
                Known::Present(value)
            };
        }
        if self.pending.contains_key(key) {
            return Known::Pending;
        }
        match self.negative.get(key) {
            // A local file says so until it is another one.
            Some(negative) if negative.stamp.is_some() || !negative.retry.due(now) => {
                Known::Negative(negative.outcome)
            }
            _ => Known::Nothing,
        }
    }

    /// Puts one there; returns those that had to go for it. One that an operator added goes for none.
    pub(super) fn put(&mut self, key: Key, entry: Entry<T>) -> Vec<Key> {
        self.negative.pop(&key);
        self.present.put(key, entry);
        // Never among all: the one that just came was not used yet.
        let among = OLDEST.min(self.max.div_ceil(2));
        let mut gone = Vec::new();
        while self.present.len() > self.max {
            let oldest =
                self.present.iter().rev().filter(|(_, entry)| entry.origin != Origin::Added);
            let Some((key, _)) = oldest.take(among).min_by_key(|(_, entry)| entry.uses) else {
                break;
            };
            let key = Arc::clone(key);
            self.present.pop(&key);
            gone.push(key);
        }
        gone
    }

    /// Notes that one could not be had. One that is at hand stays while its host is merely in trouble.
    pub(super) fn failed(&mut self, key: &Key, failure: &Failure, now: Timestamp) -> Failed {
        let refused = failure.gone || failure.outcome.class() == Class::Failed;
        if let Some(entry) = self.present.get_mut(key) {
            if entry.origin != Origin::Fetched {
                return Failed::Kept;
            }
            if entry.usable(now) && !refused {
                entry.retry = entry.retry.after(now);
                return Failed::Kept;
            }
        }
        let had = self.present.pop(key).is_some();
        self.refuse(key, failure.outcome, failure.detail.clone(), None, now);
        if had { Failed::Dropped } else { Failed::Nothing }
    }

    pub(super) fn refuse(
        &mut self,
        key: &Key,
        outcome: Outcome,
        detail: String,
        stamp: Option<Stamp>,
        now: Timestamp,
    ) {
        let before = self.negative.peek(key).map_or_else(Retry::default, |before| before.retry);
        let negative = Negative { outcome, detail, retry: before.after(now), stamp };
        self.negative.put(Arc::clone(key), negative);
    }

    pub(super) const fn max(&self) -> usize {
        self.max
    }

    pub(super) fn added(&self) -> usize {
        self.present.iter().filter(|(_, entry)| entry.origin == Origin::Added).count()
    }
}

/// What a failure did to a certificate at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// It is used on.
    Kept,
    /// It is not.
    Dropped,
    /// There was none.
    Nothing,
}
