//! Rate limit buckets: a table of sets of [`WAYS`], each way a key and a theoretical arrival time.
//!
//! A bucket whose time has passed says no more than none at all, so that it may give way; where all of
//! a set are in use, the one goes that has spent least. A flood of callers makes others forget what
//! they have spent and stops nobody. Every change is one compare and exchange, so a budget is exact
//! on however many CPUs it is spent.

use crate::{
    abi::limit::{BucketKeys, BucketSet, Limit, Spender, WAYS},
    gcra, nh, select,
};

/// How often a bucket that another CPU changed meanwhile is looked at again.
const MAX_ATTEMPTS: usize = 8;

/// How often a set is, of which another CPU took a place meanwhile.
const MAX_PLACINGS: usize = 4;

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

/// The hash, never 0, of the budget that a call spends of a limit, under keys that are drawn at each
/// start.
///
/// Where the caller or the called number counts, trunk and claimed attestation should count too: a
/// spoofer who floods with an unattested number then spends a budget of his own and not that of the
/// attested subscriber.
#[inline(always)]
pub const fn hash(call: &Spender, limit: &Limit, keys: &BucketKeys) -> u64 {
    let rest = (call.trunk & limit.trunk) as u64
        | ((call.attestation & limit.attestation) as u64) << 16
        | (limit.id as u64) << 24;
    let hash = nh::share(call.caller.0 & limit.caller, keys.0[0])
        .wrapping_add(nh::share(call.called.0 & limit.called, keys.0[1]))
        .wrapping_add(nh::share(rest, keys.0[2]));
    if hash == 0 { 1 } else { hash }
}

/// Whether a limit is for a call: whose caller counts, that caller must be known.
#[inline(always)]
pub const fn applies(call: &Spender, limit: &Limit, gray: bool) -> bool {
    limit.interval_ns != 0
        && (limit.caller == 0 || !call.caller.is_none())
        && (limit.called == 0 || !call.called.is_none())
        && (limit.gray == 0 || gray)
}

/// Which set of a table of `mask + 1` a hash belongs to.
#[inline(always)]
pub const fn set_of(hash: u64, mask: u32) -> u32 {
    (nh::mixed(hash) >> 32) as u32 & mask
}

/// Spends one call of the budget behind `hash`.
#[inline(always)]
pub fn spend(set: &mut impl Set, hash: u64, now_ns: u64, rate: &Limit) -> Spent {
    let (way, displaced) = place(set, hash, now_ns);
    if way >= WAYS as u64 {
        return Spent::Contended;
    }
    let way = way as usize;
    for _ in 0..MAX_ATTEMPTS {
        let tat = set.tat(way);
        // Who puts another key here sets the time to zero before: it is then not the one read.
        if set.key(way) != hash {
            break;
        }
        match gcra::arrive(tat, now_ns, rate.interval_ns, rate.tolerance_ns) {
            None => return Spent::Over,
            Some(next) if set.replace_tat(way, tat, next) => {
                return if displaced == 0 { Spent::Within } else { Spent::Displacing };
            }
            Some(_) => {}
        }
    }
    Spent::Contended
}

/// The way of a key, its own or that of one that gave way, and whether that one was in use: 1, else 0.
/// [`WAYS`] when others changed the set each time it was looked at.
#[inline(always)]
fn place(set: &mut impl Set, hash: u64, now_ns: u64) -> (u64, u64) {
    for _ in 0..MAX_PLACINGS {
        let (mut own, mut least, mut least_tat) = (WAYS as u64, 0, u64::MAX >> 1);
        for way in 0..WAYS {
            let tat = set.tat(way);
            own = select::either(select::equal(set.key(way), hash), way as u64, own);
            let less = select::less(tat, least_tat);
            least = select::either(less, way as u64, least);
            least_tat = select::either(less, tat, least_tat);
        }
        if own < WAYS as u64 {
            return (own, 0);
        }
        let way = least as usize;
        // Its time first: who finds his key there meanwhile has spent nothing.
        let before = set.key(way);
        if set.replace_tat(way, least_tat, 0) && set.replace_key(way, before, hash) {
            return (least, select::less(now_ns, least_tat));
        }
    }
    (WAYS as u64, 0)
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
    const RATE: Limit =
        Limit { interval_ns: 30 * SECOND, tolerance_ns: 30 * SECOND, ..Limit::NONE };

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
        let endless = Limit { tolerance_ns: u64::MAX, ..RATE };
        let mut set = Contended(BucketSet::EMPTY, u32::MAX);
        assert_eq!(spend(&mut set, 7, now, &endless), Spent::Within);
        assert_eq!(spend(&mut set, 7, now, &endless), Spent::Contended);
    }

    const KEYS: BucketKeys =
        BucketKeys([0x1234_5678_9abc_def1, 0xfedc_ba98_7654_3210, 0x0f1e_2d3c_4b5a_6978]);

    fn calls() -> [Spender; 5] {
        let call = Spender {
            caller: Number(0x1415_5551_234f_ffff),
            called: Number(0x1800_5551_234f_ffff),
            trunk: 0,
            attestation: Attestation::None as u8,
        };
        [
            call,
            Spender { caller: Number(0x1415_5551_235f_ffff), ..call },
            Spender { called: Number(0x1800_5551_235f_ffff), ..call },
            Spender { trunk: 1, ..call },
            Spender { attestation: Attestation::A as u8, ..call },
        ]
    }

    fn budgets(limit: &Limit) -> usize {
        let mut hashes = calls().map(|call| hash(&call, limit, &KEYS)).to_vec();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.len()
    }

    #[test]
    fn what_counts_has_a_budget_of_its_own() {
        let none = Limit { id: 1, ..RATE };
        assert_eq!(budgets(&none), 1);
        let whole = Limit::digits(16);
        let all =
            Limit { caller: whole, called: whole, trunk: u16::MAX, attestation: u8::MAX, ..none };
        assert_eq!(budgets(&all), 5);
        assert_eq!(budgets(&Limit { caller: whole, ..none }), 2);
        assert_eq!(budgets(&Limit { called: whole, trunk: u16::MAX, ..none }), 3);
        // +1415 555 123: both callers.
        assert_eq!(budgets(&Limit { caller: Limit::digits(10), ..none }), 1);
        let [call, ..] = calls();
        assert_ne!(hash(&call, &none, &KEYS), hash(&call, &Limit { id: 2, ..none }, &KEYS));
    }

    #[test]
    fn nobody_known_spends_nothing_as_a_caller() {
        let [call, ..] = calls();
        let nobody = Spender { caller: Number::NONE, called: Number::NONE, ..call };
        let per = |caller, called| Limit { caller, called, ..RATE };
        for (limit, known, unknown) in [
            (per(0, 0), true, true),
            (per(u64::MAX, 0), true, false),
            (per(0, u64::MAX), true, false),
            (Limit { gray: 1, ..RATE }, false, false),
            (Limit::NONE, false, false),
        ] {
            assert_eq!(applies(&call, &limit, false), known, "{limit:?}");
            assert_eq!(applies(&nobody, &limit, false), unknown, "{limit:?}");
        }
        assert!(applies(&call, &Limit { gray: 1, ..RATE }, true));
    }
}
