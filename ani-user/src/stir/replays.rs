//! Which signatures came before, and with which call: a PASSporT is for one call, and a stranger who
//! saw one can send it again as long as it is fresh (RFC 8224 §12.1).

use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Mutex, PoisonError},
};

use super::passport::SIGNATURE_LEN;

/// Signatures that are remembered; the oldest gives way. At 800 calls a second those of the two
/// minutes in which a PASSporT is fresh. When full they take 8 MB.
pub const MAX_REPLAYS: usize = 100_000;

/// Whoever remembers signatures.
pub trait Remembers {
    /// As [`Replays::is_replay`].
    fn is_replay(&mut self, url: &str, signature: &[u8; SIGNATURE_LEN], attempt: u64) -> bool;
}

impl Remembers for Replays {
    fn is_replay(&mut self, url: &str, signature: &[u8; SIGNATURE_LEN], attempt: u64) -> bool {
        Self::is_replay(self, url, signature, attempt)
    }
}

/// One memory for several threads: held for the one question, and not while they verify.
impl Remembers for &Mutex<Replays> {
    fn is_replay(&mut self, url: &str, signature: &[u8; SIGNATURE_LEN], attempt: u64) -> bool {
        let mut replays = self.lock().unwrap_or_else(PoisonError::into_inner);
        replays.is_replay(url, signature, attempt)
    }
}

/// Bounded memory of signatures, as keyed hashes: a stranger cannot make two of them equal.
#[derive(Debug)]
pub struct Replays {
    keys: [RandomState; 2],
    attempts: HashMap<u128, u64>,
    order: VecDeque<u128>,
    most: usize,
}

impl Default for Replays {
    fn default() -> Self {
        Self::with_room_for(MAX_REPLAYS)
    }
}

impl Replays {
    /// One that remembers so many.
    pub fn with_room_for(most: usize) -> Self {
        Self {
            keys: [RandomState::new(), RandomState::new()],
            attempts: HashMap::new(),
            order: VecDeque::new(),
            most: most.max(1),
        }
    }

    /// Whether the signature came with another call attempt before; with this one from now on. Only
    /// for signatures that hold: others are endless.
    ///
    /// Of the signature r counts alone: of one (r, s) anybody makes the other, (r, n − s), which holds
    /// as well.
    pub fn is_replay(&mut self, url: &str, signature: &[u8; SIGNATURE_LEN], attempt: u64) -> bool {
        let r = signature.split_at(SIGNATURE_LEN / 2).0;
        let half = |keys: &RandomState| u128::from(keys.hash_one((url, r)));
        let [high, low] = [half(&self.keys[0]), half(&self.keys[1])];
        let key = high << 64 | low;
        if let Some(known) = self.attempts.get(&key) {
            return *known != attempt;
        }
        if self.order.len() == self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.attempts.remove(&oldest);
        }
        self.attempts.insert(key, attempt);
        self.order.push_back(key);
        false
    }

    /// Signatures that are remembered.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(number: u32) -> [u8; SIGNATURE_LEN] {
        let mut signature = [1; SIGNATURE_LEN];
        signature[..4].copy_from_slice(&number.to_be_bytes());
        signature
    }

    #[test]
    fn another_call_with_the_same_signature_is_a_replay() {
        let mut replays = Replays::default();
        assert!(!replays.is_replay("u", &signature(1), 7));
        assert!(!replays.is_replay("u", &signature(1), 7), "a retransmission");
        assert!(replays.is_replay("u", &signature(1), 8));
        assert!(!replays.is_replay("u", &signature(1), 7), "the first call's own");
        let mut other_s = signature(1);
        other_s[40] ^= 0xff;
        assert!(replays.is_replay("u", &other_s, 8), "the other signature of the two");
        assert!(!replays.is_replay("v", &signature(1), 8), "another signer's");
        assert!(!replays.is_replay("u", &signature(2), 8));
        assert_eq!(replays.len(), 3);
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut replays = Replays::with_room_for(100);
        for number in 0..1_000 {
            assert!(!replays.is_replay("u", &signature(number), 1));
            assert!(replays.len() <= 100 && replays.attempts.len() == replays.len());
        }
        assert!(replays.is_replay("u", &signature(900), 2));
        assert!(!replays.is_replay("u", &signature(899), 2));
    }

    #[test]
    fn memory_is_as_much_as_is_said() {
        let mut replays = Replays::default();
        let taken = allocation_counter::measure(|| {
            for number in 0..MAX_REPLAYS as u32 + 10 {
                replays.is_replay("u", &signature(number), 1);
            }
        });
        assert!(taken.bytes_current < 8 << 20, "{} bytes", taken.bytes_current);
        assert_eq!(replays.len(), MAX_REPLAYS);
    }
}
