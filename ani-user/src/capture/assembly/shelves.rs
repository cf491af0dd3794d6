//! What is being put together, in bounded memory: so many entries and bytes in all, and for each
//! source a share of them.
//!
//! Each source has a shelf. A source over its share loses the entry of its own it used longest ago;
//! when all is full, the source that has been quiet longest does. So a flood from one source costs
//! nobody else anything, and a flood from many forged sources pushes out those first who do not
//! send anything else.

use std::net::IpAddr;

use lru::LruCache;

use crate::time::Timestamp;

/// How much there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Entries in all.
    pub entries: usize,
    /// Bytes in all, as [`Entry::bytes`] counts them.
    pub bytes: usize,
    /// What one source may have of both: one part in so many.
    pub share: usize,
}

/// What stands on a shelf.
pub trait Entry {
    /// Memory it holds, bytes; may change while it is worked on.
    fn bytes(&self) -> usize;
}

/// Why an entry gave way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evicted {
    /// Nothing happened to it for too long.
    Idle,
    /// Its source was over its share.
    Share,
    /// All was full.
    Full,
}

/// Entries by source and key.
///
/// `entries` and `bytes` are the sums over all shelves, and no shelf is empty.
pub struct Shelves<K, V> {
    bounds: Bounds,
    shelves: LruCache<IpAddr, Shelf<K, V>>,
    entries: usize,
    bytes: usize,
}

struct Shelf<K, V> {
    slots: LruCache<K, Slot<V>>,
    bytes: usize,
}

struct Slot<V> {
    value: V,
    used: Timestamp,
    bytes: usize,
}

impl<K: std::hash::Hash + Eq + Clone, V: Entry> Shelves<K, V> {
    /// Empty ones.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, shelves: LruCache::unbounded(), entries: 0, bytes: 0 }
    }

    /// Entries there are.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Memory the entries hold, bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Works on an entry, made first if it is not there. `evicted` is handed what gives way, which
    /// may be the entry itself when it alone is over the bounds.
    pub fn with<R>(
        &mut self,
        source: IpAddr,
        key: &K,
        now: Timestamp,
        make: impl FnOnce() -> V,
        work: impl FnOnce(&mut V) -> R,
        evicted: &mut dyn FnMut(V, Evicted),
    ) -> R {
        let shelf = self
            .shelves
            .get_or_insert_mut(source, || Shelf { slots: LruCache::unbounded(), bytes: 0 });
        let before = shelf.slots.len();
        let slot = shelf.slots.get_or_insert_mut(key.clone(), || Slot {
            value: make(),
            used: now,
            bytes: 0,
        });
        slot.used = now;
        let result = work(&mut slot.value);
        let bytes = slot.value.bytes();
        shelf.bytes = shelf.bytes - slot.bytes + bytes;
        self.bytes = self.bytes - slot.bytes + bytes;
        slot.bytes = bytes;
        self.entries += shelf.slots.len() - before;
        self.fit(source, evicted);
        result
    }

    /// Whether an entry is there.
    pub fn contains(&self, source: IpAddr, key: &K) -> bool {
        self.shelves.peek(&source).is_some_and(|shelf| shelf.slots.contains(key))
    }

    /// Works on every entry, which is no use of it. What is larger then, gives way only when its
    /// source is worked on again.
    pub fn each(&mut self, work: &mut dyn FnMut(&K, &mut V)) {
        for (_, shelf) in &mut self.shelves {
            for (key, slot) in &mut shelf.slots {
                work(key, &mut slot.value);
                let bytes = slot.value.bytes();
                shelf.bytes = shelf.bytes - slot.bytes + bytes;
                self.bytes = self.bytes - slot.bytes + bytes;
                slot.bytes = bytes;
            }
        }
    }

    /// Takes an entry off.
    pub fn remove(&mut self, source: IpAddr, key: &K) -> Option<V> {
        let shelf = self.shelves.get_mut(&source)?;
        let slot = shelf.slots.pop(key)?;
        shelf.bytes -= slot.bytes;
        self.bytes -= slot.bytes;
        self.entries -= 1;
        if shelf.slots.is_empty() {
            self.shelves.pop(&source);
        }
        Some(slot.value)
    }

    /// Takes off what nothing happened to since `before`. Costs as much as there is to take off,
    /// and one look at each source.
    pub fn expire(&mut self, before: Timestamp, evicted: &mut dyn FnMut(V, Evicted)) {
        let mut empty = Vec::new();
        for (source, shelf) in &mut self.shelves {
            while shelf.slots.peek_lru().is_some_and(|(_, slot)| slot.used < before)
                && let Some((_, slot)) = shelf.slots.pop_lru()
            {
                shelf.bytes -= slot.bytes;
                self.bytes -= slot.bytes;
                self.entries -= 1;
                evicted(slot.value, Evicted::Idle);
            }
            if shelf.slots.is_empty() {
                empty.push(*source);
            }
        }
        for source in empty {
            self.shelves.pop(&source);
        }
    }

    /// Takes off everything.
    pub fn clear(&mut self, evicted: &mut dyn FnMut(V, Evicted)) {
        while self.evict_one(None, Evicted::Idle, evicted) {}
    }

    fn fit(&mut self, source: IpAddr, evicted: &mut dyn FnMut(V, Evicted)) {
        let Bounds { entries, bytes, share } = self.bounds;
        while self
            .shelves
            .peek(&source)
            .is_some_and(|shelf| shelf.slots.len() > entries / share || shelf.bytes > bytes / share)
        {
            self.evict_one(Some(source), Evicted::Share, evicted);
        }
        while self.entries > entries || self.bytes > bytes {
            self.evict_one(None, Evicted::Full, evicted);
        }
    }

    /// Takes off what a source used longest ago; of the source that is quiet longest when none is
    /// named. Whether there was anything.
    fn evict_one(
        &mut self,
        source: Option<IpAddr>,
        why: Evicted,
        evicted: &mut dyn FnMut(V, Evicted),
    ) -> bool {
        let source = source.or_else(|| self.shelves.peek_lru().map(|(source, _)| *source));
        let Some(source) = source else { return false };
        let Some(shelf) = self.shelves.peek_mut(&source) else { return false };
        let slot = shelf.slots.pop_lru();
        if let Some((_, slot)) = &slot {
            shelf.bytes -= slot.bytes;
            self.bytes -= slot.bytes;
            self.entries -= 1;
        }
        if shelf.slots.is_empty() {
            self.shelves.pop(&source);
        }
        match slot {
            Some((_, slot)) => {
                evicted(slot.value, why);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    impl Entry for Vec<u8> {
        fn bytes(&self) -> usize {
            self.len()
        }
    }

    fn source(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
    }

    /// Ten entries and a hundred bytes in all, half of it for each source.
    fn shelves() -> Shelves<u32, Vec<u8>> {
        Shelves::new(Bounds { entries: 10, bytes: 100, share: 2 })
    }

    fn put(shelves: &mut Shelves<u32, Vec<u8>>, from: u8, key: u32, len: usize) -> Vec<Evicted> {
        let mut gone = Vec::new();
        shelves.with(
            source(from),
            &key,
            Timestamp(i64::from(key)),
            Vec::new,
            |entry| entry.resize(entry.len() + len, 0),
            &mut |_, why| gone.push(why),
        );
        gone
    }

    #[test]
    fn a_source_over_its_share_loses_its_own() {
        let mut shelves = shelves();
        assert!(put(&mut shelves, 1, 0, 1).is_empty());
        for key in 1..6 {
            assert!(put(&mut shelves, 2, key, 1).is_empty());
        }
        assert_eq!(put(&mut shelves, 2, 6, 1), [Evicted::Share]);
        assert_eq!((shelves.len(), shelves.bytes()), (6, 6));
        assert!(shelves.remove(source(1), &0).is_some(), "another's stays");
        assert!(shelves.remove(source(2), &1).is_none(), "the oldest gave way");
        assert_eq!(put(&mut shelves, 2, 6, 60), [Evicted::Share; 5], "by bytes, itself at last");
        assert_eq!((shelves.len(), shelves.bytes()), (0, 0));
    }

    #[test]
    fn when_all_is_full_the_quietest_source_gives_way() {
        let mut shelves = shelves();
        for key in 0..10 {
            assert!(put(&mut shelves, key as u8, key, 10).is_empty());
        }
        assert!(put(&mut shelves, 0, 0, 0).is_empty());
        assert_eq!(put(&mut shelves, 10, 10, 10), [Evicted::Full]);
        assert!(shelves.remove(source(1), &1).is_none());
        assert!(shelves.remove(source(0), &0).is_some(), "was used just now");
    }

    #[test]
    fn what_is_idle_goes_and_nothing_else() {
        let mut shelves = shelves();
        for key in 0..4 {
            put(&mut shelves, (key % 2) as u8, key, 5);
        }
        let mut gone = 0;
        shelves.expire(Timestamp(3), &mut |_, why| {
            assert_eq!(why, Evicted::Idle);
            gone += 1;
        });
        assert_eq!((gone, shelves.len(), shelves.bytes()), (3, 1, 5));
        shelves.each(&mut |key, entry| {
            assert_eq!(*key, 3);
            entry.truncate(2);
        });
        assert_eq!((shelves.len(), shelves.bytes()), (1, 2));
        assert!(shelves.contains(source(1), &3) && !shelves.contains(source(1), &1));
        shelves.clear(&mut |_, _| gone += 1);
        assert_eq!((gone, shelves.len(), shelves.bytes()), (4, 0, 0));
        assert!(shelves.is_empty());
    }
}
