//! How many certificates are fetched, of one host and in all: URLs are strangers' to choose, and
//! nobody shall make this host ask another one faster than this.

use std::{num::NonZeroUsize, time::Duration};

use lru::LruCache;

use crate::time::Timestamp;

/// Of one host: so many at once, then one in so long.
pub const HOST: Rate = Rate { burst: 10, period: Duration::from_secs(2) };
/// Of all hosts together.
pub const ALL: Rate = Rate { burst: 100, period: Duration::from_millis(100) };
/// Hosts that are remembered. One that is forgotten starts afresh, which [`ALL`] bounds.
pub const MAX_HOSTS: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// Threads do not agree on the time to the microsecond; by as much as this it was set.
const SET_BACK: Duration = Duration::from_secs(60);

/// So many at once, then one in so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At once.
    pub burst: u32,
    /// Until there is one more.
    pub period: Duration,
}

/// What was spent.
#[derive(Debug)]
pub struct Budget {
    all: Bucket,
    hosts: LruCache<Box<str>, Bucket>,
}

/// The time at which it is full again (the generic cell rate algorithm's theoretical arrival time).
#[derive(Clone, Copy, Debug)]
struct Bucket(Timestamp);

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

impl Budget {
    /// Nothing is spent yet.
    pub fn new() -> Self {
        Self { all: Bucket::FULL, hosts: LruCache::new(MAX_HOSTS) }
    }

    /// Takes one fetch of a host; false when there is none left, of the host or in all. Nothing is
    /// spent then, so that one host's flood costs no other host anything.
    pub fn take(&mut self, host: &str, now: Timestamp) -> bool {
        let Some(all) = self.all.less(ALL, now) else { return false };
        let bucket = self.hosts.get(host).copied().unwrap_or(Bucket::FULL);
        let Some(bucket) = bucket.less(HOST, now) else { return false };
        self.all = all;
        self.hosts.put(host.into(), bucket);
        true
    }

    #[cfg(test)]
    fn hosts(&self) -> usize {
        self.hosts.len()
    }
}

impl Bucket {
    const FULL: Self = Self(Timestamp(i64::MIN));

    /// One less, or none where it is empty.
    fn less(self, rate: Rate, now: Timestamp) -> Option<Self> {
        let empty = now.after(rate.period * rate.burst);
        // Later than it could ever be: the clock was set back.
        let spent = if self.0 > empty.after(SET_BACK) { now } else { self.0.max(now) };
        let full = spent.after(rate.period);
        (full <= empty).then_some(Self(full))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::new(1_700_000_000, 0);

    #[test]
    fn a_host_has_ten_at_once_then_one_in_two_seconds() {
        let mut budget = Budget::new();
        let taken = |budget: &mut Budget, now| (0..100).filter(|_| budget.take("a", now)).count();
        assert_eq!(taken(&mut budget, NOW), 10);
        assert_eq!(taken(&mut budget, NOW.after(Duration::from_millis(1999))), 0);
        assert_eq!(taken(&mut budget, NOW.after(Duration::from_secs(2))), 1);
        assert_eq!(taken(&mut budget, NOW.after(Duration::from_secs(9))), 3);
        assert_eq!(taken(&mut budget, NOW.after(Duration::from_secs(600))), 10);
        assert!(budget.take("b", NOW.after(Duration::from_secs(600))));
    }

    #[test]
    fn a_flood_of_one_host_leaves_the_others_theirs() {
        let mut budget = Budget::new();
        assert_eq!((0..10_000).filter(|_| budget.take("a", NOW)).count(), 10);
        assert_eq!((0..10_000).filter(|_| budget.take("b", NOW)).count(), 10);
    }

    #[test]
    fn invented_hosts_are_bounded_in_all_and_in_memory() {
        let mut budget = Budget::new();
        let mut taken = 0;
        for at in 0..100_000_i64 {
            // A thousand a second for 100 seconds.
            let now = Timestamp(NOW.0 + at * 1_000_000);
            taken += usize::from(budget.take(&format!("host-{at}"), now));
        }
        assert_eq!(taken, 100 + 999);
        assert!(budget.hosts() <= MAX_HOSTS.get());
    }

    #[test]
    fn a_clock_that_is_set_back_closes_nothing_for_long() {
        let mut budget = Budget::new();
        assert!(budget.take("a", NOW));
        let past = NOW.before(Duration::from_secs(1_000_000));
        assert_eq!((0..100).filter(|_| budget.take("a", past)).count(), 10);
        // A thread that is a little late is no clock that was set back.
        let late = past.before(Duration::from_millis(1));
        assert!(!budget.take("a", late));
    }
}
