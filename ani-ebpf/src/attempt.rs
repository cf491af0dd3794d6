//! Which call attempts were decided, and how: one verdict for each, through retransmissions, forks
//! and re-sends with credentials.
//!
//! An attempt is a trunk, a Call-ID and a From tag, hashed under keys that are drawn at each start.
//! Who places another call under the same three (another caller or called number, or more often than
//! an attempt repeats itself) gets a decision of its own: a verdict once passed is no ticket.
//!
//! The table is an array of sets of [`WAYS`]; within a set, the attempt decided longest ago gives
//! way. Two CPUs may write a way at once: the worst is one attempt that is decided twice.

use crate::{
    abi::{
        attempt::{AttemptKeys, AttemptSet, CHECK_KEYS, TRUNK_KEY, WAYS},
        counter::{Counter, Kind, TABLE},
        number::Number,
    },
    nh, select,
};

/// How long a verdict holds, counted from the first INVITE: a client repeats one for 32 s (RFC 3261
/// §17.1.1.2, timer B), and once more with credentials.
pub const LIFE_NS: u64 = 64_000_000_000;

/// How often an INVITE that passed may come again in its name: seven times (§17.1.1.2, timer A), the
/// same with credentials, and a fork or two.
pub const MAX_REPEATS: u8 = 16;

/// Time is kept in units of 2^20 ns, about a millisecond; 32 bits of it are 52 days.
const TICK_BITS: u32 = 20;

/// What is remembered of an attempt.
///
/// From the highest bit: when it was decided (32 bits of [`TICK_BITS`]), a check of caller and called
/// number (16), how often it came again (8), its way out (8, a [`crate::abi::counter::Counter`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told(pub u64);

impl Told {
    /// Of one that was decided at `now_ns`.
    #[inline(always)]
    pub const fn new(now_ns: u64, check: u16, exit: u8) -> Self {
        Self(ticks(now_ns) << 32 | (check as u64) << 16 | exit as u64)
    }

    /// The way out it was given.
    #[inline(always)]
    pub const fn exit(self) -> u8 {
        self.0 as u8
    }

    /// How often it came again; of one that was stopped, over 0 where one under its name had passed.
    #[inline(always)]
    pub const fn repeats(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// The check of caller and called number.
    #[inline(always)]
    pub const fn check(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Whether it still holds.
    #[inline(always)]
    pub const fn holds(self, now_ns: u64) -> bool {
        self.age(now_ns) < LIFE_NS >> TICK_BITS
    }

    /// The same, come again once more.
    #[inline(always)]
    pub const fn again(self) -> Self {
        if self.repeats() == u8::MAX { self } else { Self(self.0 + (1 << 8)) }
    }

    /// Ticks since it was decided.
    #[inline(always)]
    const fn age(self, now_ns: u64) -> u64 {
        ticks(now_ns).wrapping_sub(self.0 >> 32) & 0xffff_ffff
    }
}

#[inline(always)]
const fn ticks(now_ns: u64) -> u64 {
    now_ns >> TICK_BITS & 0xffff_ffff
}

/// A set of the table, wherever it is.
pub trait Set {
    /// The attempt's key in a way; 0 for an empty one.
    fn key(&self, way: usize) -> u64;
    /// What is remembered of it.
    fn told(&self, way: usize) -> Told;
    /// Puts another in its place.
    fn put(&mut self, way: usize, key: u64, told: Told);
}

impl Set for AttemptSet {
    fn key(&self, way: usize) -> u64 {
        self.ways[way][0]
    }

    fn told(&self, way: usize) -> Told {
        Told(self.ways[way][1])
    }

    fn put(&mut self, way: usize, key: u64, told: Told) {
        self.ways[way] = [key, told.0];
    }
}

/// Which set of a table of `mask + 1` an attempt belongs to.
#[inline(always)]
pub const fn set_of(key: u64, mask: u32) -> u32 {
    (nh::mixed(key) >> 32) as u32 & mask
}

/// The way out that an INVITE's attempt was given before, where it still holds for it.
#[inline(always)]
pub fn again(set: &mut impl Set, key: u64, check: u16, now_ns: u64) -> Option<u8> {
    let (way, told) = find(set, key, now_ns);
    if way >= WAYS || told.check() != check {
        return None;
    }
    let exit = told.exit();
    if !is_stop(exit) {
        if told.repeats() >= MAX_REPEATS {
            return None;
        }
        set.put(way, key, told.again());
    }
    Some(exit)
}

/// Whether the attempt, whoever calls, was stopped, and no call under its name had passed before: what
/// follows may belong to that one, as when another branch of a fork is over a limit.
#[inline(always)]
pub fn is_stopped(set: &impl Set, key: u64, now_ns: u64) -> bool {
    let (way, told) = find(set, key, now_ns);
    way < WAYS && is_stop(told.exit()) && told.repeats() == 0
}

/// Whether a way out is one on which a call attempt is stopped. One that was held is remembered when the
/// daemon has stopped it.
#[inline(always)]
pub const fn is_stop(exit: u8) -> bool {
    exit == Counter::DropBlocked as u8
        || exit == Counter::DropLimited as u8
        || exit == Counter::Held as u8
}

// Held to the table.
const _: () = {
    let mut at = 0;
    while at < TABLE.len() {
        let row = &TABLE[at];
        let follows = matches!(
            row.counter,
            Counter::DropFragment | Counter::DropFollowUp | Counter::DropRepeated
        );
        let stops = matches!(row.kind, Kind::Dropped | Kind::Held) && !follows;
        assert!(stops == is_stop(row.counter as u8));
        at += 1;
    }
};

/// What is remembered of an attempt that still holds; [`WAYS`] and anything for none.
#[inline(always)]
fn find(set: &impl Set, key: u64, now_ns: u64) -> (usize, Told) {
    let mut found = WAYS as u64;
    for way in 0..WAYS {
        found = select::either(select::equal(set.key(way), key), way as u64, found);
    }
    let found = found as usize;
    if found >= WAYS {
        return (WAYS, Told(0));
    }
    let told = set.told(found);
    (if told.holds(now_ns) { found } else { WAYS }, told)
}

/// Puts an attempt into its set: into its own place, else into the oldest one's. Whether another had
/// to go that still held.
#[inline(always)]
pub fn remember(set: &mut impl Set, key: u64, told: Told, now_ns: u64) -> bool {
    // Above any age.
    const EMPTY: u64 = 1 << 32;
    const SAME: u64 = 1 << 33;
    let (mut place, mut oldest) = (0, 0);
    for way in 0..WAYS {
        let there = set.key(way);
        let age = set.told(way).age(now_ns)
            | select::either(select::equal(there, 0), EMPTY, 0)
            | select::either(select::equal(there, key), SAME, 0);
        let older = select::less(oldest, age + 1);
        place = select::either(older, way as u64, place);
        oldest = select::either(older, age, oldest);
    }
    let place = place as usize;
    let mut told = told;
    if oldest >= SAME && is_stop(told.exit()) {
        let before = set.told(place);
        if before.holds(now_ns) && (!is_stop(before.exit()) || before.repeats() > 0) {
            told = told.again();
        }
    }
    set.put(place, key, told);
    oldest < LIFE_NS >> TICK_BITS
}

/// The key of an attempt from the hash of its Call-ID and From tag; never 0.
#[inline(always)]
pub const fn key(hash: u64, trunk: u16, keys: &AttemptKeys) -> u64 {
    let key = hash.wrapping_add(nh::share(trunk as u64, keys.0[TRUNK_KEY]));
    if key == 0 { 1 } else { key }
}

/// What tells calls of one attempt apart: who calls, and the digits that were dialled.
#[inline(always)]
pub const fn check(caller: Number, called: Number, keys: &AttemptKeys) -> u16 {
    let hash = nh::share(caller.0, keys.0[CHECK_KEYS])
        .wrapping_add(nh::share(called.0, keys.0[CHECK_KEYS + 1]));
    (nh::mixed(hash) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn what_is_told_is_kept() {
        let told = Told::new(5 * SECOND, 0xabcd, 20);
        assert_eq!((told.exit(), told.repeats(), told.check()), (20, 0, 0xabcd));
        let again = told.again();
        assert_eq!((again.exit(), again.repeats(), again.check()), (20, 1, 0xabcd));
        let often = (0..1_000).fold(told, |told, _| told.again());
        assert_eq!((often.exit(), often.repeats(), often.check()), (20, u8::MAX, 0xabcd));
    }

    #[test]
    fn a_verdict_holds_for_its_life() {
        // Also where the clock's 32 bits come round.
        for at in [1, 5 * SECOND, u64::from(u32::MAX) << TICK_BITS] {
            let told = Told::new(at, 1, 1);
            assert!(told.holds(at) && told.holds(at + LIFE_NS - 2 * (1 << TICK_BITS)));
            assert!(!told.holds(at + LIFE_NS + (1 << TICK_BITS)));
        }
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut set = AttemptSet::EMPTY;
        for key in 1..=4 {
            assert!(!remember(&mut set, key, Told::new(key * SECOND, 0, 0), key * SECOND));
        }
        let now = 5 * SECOND;
        assert!((1..=4).all(|key| find(&set, key, now).0 < WAYS));
        assert!(remember(&mut set, 5, Told::new(now, 0, 0), now), "one that held went");
        assert_eq!(find(&set, 1, now).0, WAYS);
        assert!((2..=5).all(|key| find(&set, key, now).0 < WAYS));
        // One's own place first, whatever its age.
        assert!(!remember(&mut set, 5, Told::new(now, 7, 0), now));
        assert_eq!(find(&set, 5, now).1.check(), 7);
        assert!((2..=5).all(|key| find(&set, key, now).0 < WAYS));
        // Later, nobody is missed.
        let later = now + 2 * LIFE_NS;
        assert_eq!(find(&set, 5, later).0, WAYS);
        assert!(!remember(&mut set, 6, Told::new(later, 0, 0), later));
    }

    #[test]
    fn a_verdict_once_passed_is_no_ticket() {
        let mut set = AttemptSet::EMPTY;
        let (pass, stop) = (Counter::Pass as u8, Counter::DropBlocked as u8);
        assert_eq!(again(&mut set, 9, 1, SECOND), None);
        remember(&mut set, 9, Told::new(SECOND, 1, pass), SECOND);
        assert_eq!(again(&mut set, 9, 2, SECOND), None, "another caller or called number");
        for _ in 0..MAX_REPEATS {
            assert_eq!(again(&mut set, 9, 1, SECOND), Some(pass));
        }
        assert_eq!(
            again(&mut set, 9, 1, SECOND),
            None,
            "more often than an attempt repeats itself"
        );
        // What was stopped stays so.
        remember(&mut set, 9, Told::new(SECOND, 1, stop), SECOND);
        for _ in 0..1_000 {
            assert_eq!(again(&mut set, 9, 1, SECOND), Some(stop));
        }
        assert!(!is_stopped(&set, 9, SECOND), "what follows may be of the one that passed");
        remember(&mut set, 9, Told::new(SECOND, 3, stop), SECOND);
        assert!(!is_stopped(&set, 9, SECOND), "for as long as that holds");
        remember(&mut set, 8, Told::new(SECOND, 1, stop), SECOND);
        assert!(is_stopped(&set, 8, SECOND) && !is_stopped(&set, 7, SECOND));
        assert_eq!(again(&mut set, 9, 1, SECOND + 2 * LIFE_NS), None);
    }

    #[test]
    fn keys_and_checks_differ_by_what_they_are_of() {
        let key_of = |at: usize| (at as u64 + 1).wrapping_mul(0x1234_5678_9abc_def1);
        let keys = AttemptKeys(core::array::from_fn(key_of));
        assert_ne!(key(1, 0, &keys), key(1, 1, &keys));
        assert_ne!(key(1, 0, &keys), key(2, 0, &keys));
        let numbers = [Number(0x1201_5550_101f_ffff), Number(0x1201_5550_102f_ffff), Number::NONE];
        let mut checks: Vec<_> = numbers
            .iter()
            .flat_map(|caller| numbers.iter().map(|called| check(*caller, *called, &keys)))
            .collect();
        checks.sort_unstable();
        checks.dedup();
        assert_eq!(checks.len(), 9);
    }
}
