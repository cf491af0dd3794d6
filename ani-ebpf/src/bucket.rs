//! Rate limit buckets: a table of sets of [`WAYS`], each way a key and a theoretical arrival time.
//!
//! A bucket whose time has passed says no more than none at all, so that it may give way; where all of
//! a set are in use, the one goes that has spent least. A flood of callers makes others forget what
//! they have spent and stops nobody. Every change is one compare and exchange, so a budget is exact
//! on however many CPUs it is spent.

use crate::{
    abi::limit::{BucketKey, BucketKeys, BucketSet, WAYS},
    gcra, nh, select,
};

/// How often a bucket that another CPU changed meanwhile is looked at again.
const MAX_ATTEMPTS: usize = 8;

/// A set of the table, wherever it is.
pub trait Set {
    /// The key in a way; 0 for an empty one.
    fn key(&self, way: usize) -> u64;
    /// Its theoretical arrival time.
    fn tat(&self, way: usize) -> u64;
    /// Puts another key in its place, if it still is `expected`.
    fn replace_key(&mut self, way: usize, expected: u64, key: u64) -> bool;
    /// Sets its time, if it still is `expected`.
    fn replace_tat(&mut self, way: usize, expected: u64, tat: u64) -> bool;
}

/// A rate, as the arithmetic has it (see [`gcra`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds between two calls at the steady rate.
    pub interval_ns: u64,
    /// How far ahead of time a burst may run, nanoseconds.
    pub tolerance_ns: u64,
}

/// What came of spending a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It is within the budget.
    Within,
    /// It is, and another's bucket that was in use had to go for it.
    Displacing,
    /// It is over the budget.
    Over,
    /// Others changed the set each time it was looked at.
    Contended,
}

/// A key's hash, never 0, under keys that are drawn at each start.
#[inline(always)]
pub const fn hash(key: &BucketKey, keys: &BucketKeys) -> u64 {
    let rest = key.trunk as u64 | (key.limit as u64) << 16 | (key.attestation as u64) << 32;
    let hash = nh::share(key.caller.0, keys.0[0]).wrapping_add(nh::share(rest, keys.0[1]));
    if hash == 0 { 1 } else { hash }
}

/// Which set of a table of `mask + 1` a hash belongs to.
#[inline(always)]
pub const fn set_of(hash: u64, mask: u32) -> u32 {
    (nh::mixed(hash) >> 32) as u32 & mask
}

/// Spends one call of the budget behind `hash`.
#[inline(always)]
pub fn spend(set: &mut impl Set, hash: u64, now_ns: u64, rate: &Rate) -> Spent {
    let mut spent = Spent::Within;
    for _ in 0..MAX_ATTEMPTS {
        let (mut own, mut least, mut least_tat) = (WAYS as u64, 0, u64::MAX >> 1);
        for way in 0..WAYS {
            let tat = set.tat(way);
            own = select::either(select::equal(set.key(way), hash), way as u64, own);
            let less = select::less(tat, least_tat);
            least = select::either(less, way as u64, least);
            least_tat = select::either(less, tat, least_tat);
        }
        let (own, least) = (own as usize, least as usize);
        if own < WAYS {
            let tat = set.tat(own);
            match gcra::arrive(tat, now_ns, rate.interval_ns, rate.tolerance_ns) {
                None => return Spent::Over,
                Some(next) if set.replace_tat(own, tat, next) => return spent,
                Some(_) => continue,
            }
        }
        // Its time first: who finds his key there meanwhile has spent nothing.
        let before = set.key(least);
        let taken = set.replace_tat(least, least_tat, 0) && set.replace_key(least, before, hash);
        if taken && least_tat > now_ns {
            spent = Spent::Displacing;
        }
    }
    Spent::Contended
}

impl Set for BucketSet {
    fn key(&self, way: usize) -> u64 {
        self.ways[way][0]
    }

    fn tat(&self, way: usize) -> u64 {
        self.ways[way][1]
    }

    fn replace_key(&mut self, way: usize, expected: u64, key: u64) -> bool {
        replace(&mut self.ways[way][0], expected, key)
    }

    fn replace_tat(&mut self, way: usize, expected: u64, tat: u64) -> bool {
        replace(&mut self.ways[way][1], expected, tat)
    }
}

fn replace(place: &mut u64, expected: u64, next: u64) -> bool {
    let same = *place == expected;
    if same {
        *place = next;
    }
    same
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{abi::number::Number, scan::Attestation};

    const SECOND: u64 = 1_000_000_000;

    /// Two calls a minute.
    const RATE: Rate = Rate { interval_ns: 30 * SECOND, tolerance_ns: 30 * SECOND };

    #[test]
    fn a_budget_is_spent_and_comes_back() {
        let mut set = BucketSet::EMPTY;
        for now in [100 * SECOND, 200 * SECOND] {
            assert_eq!(spend(&mut set, 7, now, &RATE), Spent::Within);
            assert_eq!(spend(&mut set, 7, now, &RATE), Spent::Within);
            assert_eq!(spend(&mut set, 7, now, &RATE), Spent::Over);
            assert_eq!(spend(&mut set, 7, now + 30 * SECOND, &RATE), Spent::Within);
        }
    }

    #[test]
    fn who_has_spent_least_gives_way() {
        let now = 100 * SECOND;
        let mut set = BucketSet::EMPTY;
        for hash in 1..=4 {
            assert_eq!(spend(&mut set, hash, now, &RATE), Spent::Within);
        }
        for hash in [1, 2, 4] {
            assert_eq!(spend(&mut set, hash, now, &RATE), Spent::Within);
        }
        // The third has spent one call, the others two.
        assert_eq!(spend(&mut set, 5, now, &RATE), Spent::Displacing);
        for hash in [1, 2, 4] {
            assert_eq!(spend(&mut set, hash, now, &RATE), Spent::Over, "{hash}");
        }
        // Where time has passed, nobody is missed.
        assert_eq!(spend(&mut set, 6, now + 100 * SECOND, &RATE), Spent::Within);
    }

    #[test]
    fn a_flood_stops_nobody() {
        let now = 100 * SECOND;
        let mut set = BucketSet::EMPTY;
        for hash in 1..10_000 {
            assert_ne!(spend(&mut set, hash, now, &RATE), Spent::Over, "{hash}");
        }
    }

    /// Another CPU's changes come between: each is seen.
    struct Contended(BucketSet, u32);

    impl Set for Contended {
        fn key(&self, way: usize) -> u64 {
            self.0.key(way)
        }

        fn tat(&self, way: usize) -> u64 {
            self.0.tat(way)
        }

        fn replace_key(&mut self, way: usize, expected: u64, key: u64) -> bool {
            self.0.replace_key(way, expected, key)
        }

        fn replace_tat(&mut self, way: usize, expected: u64, tat: u64) -> bool {
            if self.1 > 0 && expected != 0 {
                self.1 -= 1;
                self.0.ways[way][1] += RATE.interval_ns;
            }
            self.0.replace_tat(way, expected, tat)
        }
    }

    #[test]
    fn what_another_cpu_spends_meanwhile_counts() {
        let now = 100 * SECOND;
        let mut set = Contended(BucketSet::EMPTY, 1);
        assert_eq!(spend(&mut set, 7, now, &RATE), Spent::Within);
        // The second call of two is spent by the other.
        assert_eq!(spend(&mut set, 7, now, &RATE), Spent::Over);
        let endless = Rate { tolerance_ns: u64::MAX, ..RATE };
        let mut set = Contended(BucketSet::EMPTY, u32::MAX);
        assert_eq!(spend(&mut set, 7, now, &endless), Spent::Within);
        assert_eq!(spend(&mut set, 7, now, &endless), Spent::Contended);
    }

    #[test]
    fn each_part_of_a_key_tells() {
        let keys = BucketKeys([0x1234_5678_9abc_def1, 0xfedc_ba98_7654_3210]);
        let key = BucketKey {
            caller: Number(0x1415_5551_234f_ffff),
            trunk: 0,
            limit: 0,
            attestation: Attestation::None as u32,
        };
        let others = [
            key,
            BucketKey { caller: Number(0x1415_5551_235f_ffff), ..key },
            BucketKey { trunk: 1, ..key },
            BucketKey { limit: 1, ..key },
            BucketKey { attestation: Attestation::A as u32, ..key },
        ];
        let mut hashes = others.map(|key| hash(&key, &keys));
        hashes.sort_unstable();
        assert!(hashes.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
