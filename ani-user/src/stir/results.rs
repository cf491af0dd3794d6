//! What came of the calls of the last seconds, so that an INVITE that is sent again is not verified
//! again.

use std::{
    hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use lru::LruCache;

use super::{Call, Judgement, call::Party};
use crate::time::Timestamp;

/// Calls that are remembered; the one asked for longest ago gives way. At 1,000 calls a second those
/// of the last half minute.
pub const MAX_RESULTS: usize = 32_768;

/// How long a result stands: as long as a client sends an INVITE again (RFC 3261 §17.1.1.2, timer B:
/// 32 s). What comes later is verified anew, and is too old by its `iat` then.
pub const LIFETIME: Duration = Duration::from_secs(32);

/// A call as its key: a keyed hash over all that its verification depends on, so that nobody can make
/// two of them equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64);

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0);
    }
}

/// Bounded memory of results.
pub struct Results {
    keys: RandomState,
    known: LruCache<Key, Known, BuildHasherDefault<Itself>>,
}

struct Known {
    judgement: Arc<Judgement>,
    until: Timestamp,
}

impl Results {
    /// Empty; its keys are like no other's.
    pub fn new() -> Self {
        // Bounded in `put`: it grows as calls come.
        let known = LruCache::unbounded_with_hasher(BuildHasherDefault::default());
        Self { keys: RandomState::new(), known }
    }

    /// What makes keys, for others who are to make the same.
    pub fn keys(&self) -> RandomState {
        self.keys.clone()
    }

    /// What came of a call, or that it is being verified; none when that is not known, or was too long
    /// ago.
    pub fn find(&mut self, key: Key, now: Timestamp) -> Option<Arc<Judgement>> {
        let known = self.known.get(&key)?;
        if known.until < now {
            self.known.pop(&key);
            return None;
        }
        Some(Arc::clone(&known.judgement))
    }

    /// Remembers what came of a call.
    pub fn put(&mut self, key: Key, judgement: Arc<Judgement>, now: Timestamp) {
        self.known.put(key, Known { judgement, until: now.after(LIFETIME) });
        if self.known.len() > MAX_RESULTS {
            self.known.pop_lru();
        }
    }

    /// Forgets a call that was not verified after all.
    pub fn forget(&mut self, key: Key) {
        self.known.pop(&key);
    }

    /// How many are remembered.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.len() == 0
    }
}

impl Default for Results {
    fn default() -> Self {
        Self::new()
    }
}

/// The key of a call.
pub fn key(keys: &RandomState, call: &Call<'_>) -> Key {
    let mut hasher = keys.build_hasher();
    call.attempt.hash(&mut hasher);
    party(call.caller.as_ref(), &mut hasher);
    for called in &call.called {
        party(called.as_ref(), &mut hasher);
    }
    call.date.hash(&mut hasher);
    call.resource_priority.hash(&mut hasher);
    call.cut.hash(&mut hasher);
    call.identity.hash(&mut hasher);
    Key(hasher.finish())
}

fn party(party: Option<&Party<'_>>, hasher: &mut impl Hasher) {
    match party {
        None => 0_u8.hash(hasher),
        Some(Party::Tn(tn)) => (1_u8, tn).hash(hasher),
        Some(Party::Uri(uri)) => (2_u8, uri).hash(hasher),
    }
}

/// A key is a hash already.
#[derive(Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stir::Outcome;

    fn judgement(outcome: Outcome) -> Arc<Judgement> {
        Arc::new(Judgement::of(outcome))
    }

    fn call<'a>(identity: &'a [&'a [u8]]) -> Call<'a> {
        Call {
            identity,
            cut: false,
            caller: Some(Party::Tn("12155551212".into())),
            called: [Some(Party::Tn("12155551213".into())), None],
            date: None,
            resource_priority: None,
            attempt: 7,
            now: Timestamp::new(100, 0),
        }
    }

    #[test]
    fn only_the_same_call_is_the_same() {
        let results = Results::new();
        let keys = results.keys();
        let (one, other): (&[&[u8]], &[&[u8]]) = (&[b"a.b.c;info=<x>"], &[b"a.b.d;info=<x>"]);
        let first = key(&keys, &call(one));
        assert_eq!(first, key(&keys, &Call { now: Timestamp::new(900, 0), ..call(one) }));
        for else_ in [
            call(other),
            call(&[]),
            call(&[b"a.b.c;info=<x>", b"a.b.c;info=<x>"]),
            call(&[b"a.b.c", b";info=<x>"]),
            Call { attempt: 8, ..call(one) },
            Call { cut: true, ..call(one) },
            Call { date: Some(b"now"), ..call(one) },
            Call { resource_priority: Some(b"ets.0"[..].into()), ..call(one) },
            Call { caller: None, ..call(one) },
            Call { caller: Some(Party::Uri("12155551212".into())), ..call(one) },
            Call { called: [None, Some(Party::Tn("12155551213".into()))], ..call(one) },
        ] {
            assert_ne!(first, key(&keys, &else_), "{else_:?}");
        }
        assert_ne!(first, key(&Results::new().keys(), &call(one)), "another daemon");
    }

    #[test]
    fn a_result_stands_as_long_as_an_invite_is_sent_again() {
        let mut results = Results::new();
        let key = key(&results.keys(), &call(&[b"t"]));
        let start = Timestamp::new(100, 0);
        results.put(key, judgement(Outcome::Pending), start);
        results.put(key, judgement(Outcome::Valid), start);
        let at = |seconds| Timestamp::new(seconds, 0);
        let found = |results: &mut Results, now| results.find(key, now).map(|found| found.outcome);
        assert_eq!(found(&mut results, at(132)), Some(Outcome::Valid));
        assert_eq!(found(&mut results, at(133)), None);
        assert!(results.is_empty());
        results.put(key, judgement(Outcome::Pending), start);
        results.forget(key);
        assert_eq!(found(&mut results, start), None);
    }

    #[test]
    fn there_is_a_bound_and_who_was_asked_for_last_stays() {
        let mut results = Results::new();
        let now = Timestamp::new(100, 0);
        let judgement = judgement(Outcome::Valid);
        for number in 0..MAX_RESULTS as u64 {
            results.put(Key(number), Arc::clone(&judgement), now);
        }
        assert!(results.find(Key(0), now).is_some());
        results.put(Key(u64::MAX), Arc::clone(&judgement), now);
        assert_eq!(results.len(), MAX_RESULTS);
        assert!(results.find(Key(0), now).is_some());
        assert!(results.find(Key(1), now).is_none(), "gave way");
    }
}
