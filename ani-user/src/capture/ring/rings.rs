//! The rings of all CPUs, read as one: the oldest record first.
//!
//! A flow comes through one CPU as a rule, but may move to another; its frames then lie in two
//! rings. Oldest first also is fair: each ring is as far behind as the others, so that one fills
//! only by what it gets itself.

use std::{mem, os::fd::AsRawFd as _};

use ani_ebpf::abi::record::RecordHeader;
use aya::maps::{MapData, RingBuf};

/// In place of a time: nothing is known to be there.
const NOTHING: u64 = u64::MAX;

/// How long rings of a daemon before are read after the first record has come out of our own, nanoseconds:
/// by then nobody writes to them any more.
const FORMER_NS: u64 = 1_000_000_000;

/// All rings.
pub struct Rings {
    rings: Vec<Ring>,
    /// How many of them, the first, are of a daemon before.
    former: usize,
    /// When the first record of our own was seen.
    own_since_ns: Option<u64>,
    /// For the kernel, to be woken by any.
    polled: Vec<libc::pollfd>,
}

struct Ring {
    buffer: RingBuf<MapData>,
    /// When its oldest record was seen, CLOCK_MONOTONIC nanoseconds.
    oldest_ns: u64,
}

impl Rings {
    /// The rings, of which nothing has been read.
    pub fn new(buffers: Vec<RingBuf<MapData>>) -> Self {
        Self::after(Vec::new(), buffers)
    }

    /// The same behind those of a daemon before, which are given back when they are empty and ours are
    /// written to.
    pub fn after(former: Vec<RingBuf<MapData>>, buffers: Vec<RingBuf<MapData>>) -> Self {
        let count = former.len();
        let buffers: Vec<_> = former.into_iter().chain(buffers).collect();
        let polled = buffers
            .iter()
            .map(|buffer| libc::pollfd { fd: buffer.as_raw_fd(), events: libc::POLLIN, revents: 0 })
            .collect();
        let rings = buffers.into_iter().map(|buffer| Ring { buffer, oldest_ns: NOTHING }).collect();
        Self { rings, former: count, own_since_ns: None, polled }
    }

    /// Hands at most `limit` records to `take`, in the order they were seen in; how many.
    ///
    /// A ring that was empty is looked at once, at first. What was seen after `now_ns`, the
    /// CLOCK_MONOTONIC time of the call, is therefore left to the next call: something older may
    /// have come there since. Only the very first is handed on whatever its time.
    pub fn read(&mut self, now_ns: u64, limit: usize, mut take: impl FnMut(&[u8])) -> usize {
        for ring in self.rings.iter_mut().filter(|ring| ring.oldest_ns == NOTHING) {
            ring.look();
        }
        let mut count = 0;
        while count < limit {
            // A look at each time is cheap beside the copy of the record; a heap would gain little.
            let oldest = self.rings.iter_mut().enumerate().min_by_key(|(_, ring)| ring.oldest_ns);
            let Some((at, ring)) = oldest else { break };
            if ring.oldest_ns == NOTHING || (count > 0 && ring.oldest_ns > now_ns) {
                break;
            }
            if at >= self.former && self.own_since_ns.is_none() {
                self.own_since_ns = Some(ring.oldest_ns);
            }
            if let Some(record) = ring.buffer.next() {
                take(&record);
                count += 1;
            }
            ring.look();
        }
        if self.former > 0 && count == 0 {
            self.let_go(now_ns);
        }
        count
    }

    /// Gives back the rings of a daemon before, all empty by now, once nobody writes to them.
    fn let_go(&mut self, now_ns: u64) {
        let long = |since_ns| now_ns.saturating_sub(since_ns) > FORMER_NS;
        if self.own_since_ns.is_some_and(long) {
            self.rings.drain(..self.former);
            self.polled.drain(..self.former);
            self.former = 0;
        }
    }

    /// Waits until a record is there that wakes, or a signal comes, or so many milliseconds are
    /// over; whether a record is there.
    pub fn wait(&mut self, milliseconds: libc::c_int) -> bool {
        let count = self.polled.len() as libc::nfds_t;
        // SAFETY: so many pollfds, of descriptors that live as long as the rings. However it ends,
        // the caller looks at the rings.
        unsafe { libc::poll(self.polled.as_mut_ptr(), count, milliseconds) > 0 }
    }
}

impl Ring {
    /// Looks at the oldest record and leaves it there.
    fn look(&mut self) {
        self.oldest_ns = self.buffer.next().map_or(NOTHING, |record| {
            // What is no record goes first, and is counted by who takes it.
            let seen_ns = RecordHeader::read(&record).map_or(0, |(header, _)| header.seen_ns);
            // Only dropping it takes it out of the ring.
            mem::forget(record);
            seen_ns.min(NOTHING - 1)
        });
    }
}
