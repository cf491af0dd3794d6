//! From a thread or task that takes something off the network to the worker's thread: one ring of
//! bytes, one writer, one reader, no allocation and no lock. An entry that finds no room is refused,
//! never waited for.

use std::{convert::Infallible, ops::ControlFlow, sync::Arc};

use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer as _, Observer as _, Producer as _, Split as _},
};

use super::{Frame, Source};
use crate::telemetry::{Tallies, Tally};

/// Before each entry: its length in bytes, in the byte order of the machine.
const PREFIX_LEN: usize = size_of::<u32>();

/// The writing end.
pub struct Writer {
    bytes: HeapProd<u8>,
    max_entry: usize,
}

/// The reading end.
pub struct Reader {
    bytes: HeapCons<u8>,
    /// The entry that was read last; as long as the longest there is.
    entry: Box<[u8]>,
}

/// Why an entry was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The worker is behind.
    Full,
    /// It is longer than the longest there is.
    TooLong,
}

/// An empty queue's two ends. It holds `capacity` bytes, lengths included, and entries of at most
/// `max_entry` bytes each.
pub fn queue(capacity: usize, max_entry: usize) -> (Writer, Reader) {
    let (writer, reader) = HeapRb::new(capacity).split();
    (
        Writer { bytes: writer, max_entry },
        Reader { bytes: reader, entry: vec![0; max_entry].into_boxed_slice() },
    )
}

impl Writer {
    /// Bytes that have not been read.
    pub fn waiting(&self) -> usize {
        self.bytes.occupied_len()
    }

    /// Puts an entry in that is made of `parts`, one behind the other: all of it or nothing.
    ///
    /// # Errors
    ///
    /// When there is no room for it.
    pub fn push(&mut self, parts: &[&[u8]]) -> Result<(), Refused> {
        let len = parts.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        let Some(prefix) = u32::try_from(len).ok().filter(|_| len <= self.max_entry) else {
            return Err(Refused::TooLong);
        };
        if self.bytes.vacant_len() < PREFIX_LEN + len {
            return Err(Refused::Full);
        }
        // One piece after the other: the reader takes an entry only when all of it is there.
        self.bytes.push_slice(&prefix.to_ne_bytes());
        for part in parts {
            self.bytes.push_slice(part);
        }
        Ok(())
    }
}

impl Reader {
    /// Takes the next entry if a whole one is there.
    pub fn pop(&mut self) -> Option<&[u8]> {
        let mut prefix = [0; PREFIX_LEN];
        if self.bytes.peek_slice(&mut prefix) < PREFIX_LEN {
            return None;
        }
        let len = (u32::from_ne_bytes(prefix) as usize).min(self.entry.len());
        if self.bytes.occupied_len() < PREFIX_LEN + len {
            return None;
        }
        let entry = self.entry.get_mut(..len)?;
        self.bytes.skip(PREFIX_LEN);
        self.bytes.pop_slice(entry);
        Some(entry)
    }
}

/// What an entry says as a frame of this number; none when it says nothing.
type Read = for<'a> fn(&'a [u8], u64) -> Option<Frame<'a>>;

/// The frames in a queue's entries, on the worker's side.
pub struct Frames {
    queue: Reader,
    /// Entries read so far.
    number: u64,
    read: Read,
    unreadable: Tally,
    tallies: Arc<Tallies>,
}

impl Frames {
    /// `read` makes frames of entries; those it makes none of are counted in `tallies` as
    /// `unreadable`.
    pub(super) fn new(queue: Reader, read: Read, unreadable: Tally, tallies: Arc<Tallies>) -> Self {
        Self { queue, number: 0, read, unreadable, tallies }
    }
}

impl Source for Frames {
    type Error = Infallible;

    fn frames(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), Infallible> {
        while let Some(entry) = self.queue.pop() {
            self.number += 1;
            let flow = match (self.read)(entry, self.number) {
                Some(frame) => each(&frame),
                None => {
                    self.tallies.add(self.unreadable);
                    ControlFlow::Continue(())
                }
            };
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_comes_out_as_its_parts_went_in() {
        let (mut writer, mut reader) = queue(64, 16);
        assert_eq!(reader.pop(), None);
        writer.push(&[b"one", b"", b" and two"]).expect("room");
        writer.push(&[]).expect("room");
        assert_eq!(reader.pop(), Some(&b"one and two"[..]));
        assert_eq!(reader.pop(), Some(&b""[..]));
        assert_eq!(reader.pop(), None);
    }

    #[test]
    fn what_is_longer_than_the_longest_is_refused_whole() {
        let (mut writer, mut reader) = queue(64, 16);
        assert_eq!(writer.push(&[&[0; 10], &[0; 7]]), Err(Refused::TooLong));
        writer.push(&[&[1; 10], &[1; 6]]).expect("room");
        assert_eq!(reader.pop(), Some(&[1; 16][..]));
    }

    #[test]
    fn a_full_queue_refuses_and_loses_nothing_it_took() {
        let (mut writer, mut reader) = queue(1_000, 100);
        let mut next_in = 0_u8;
        let mut next_out = 0_u8;
        // Entries of a length that comes to stand across the ring's end sooner or later.
        for take in (0..50).map(|round| round % 7) {
            while writer.push(&[&[next_in], &[0xee; 80]]).is_ok() {
                next_in = next_in.wrapping_add(1);
            }
            assert_eq!(writer.push(&[&[0; 81]]), Err(Refused::Full));
            for _ in 0..take {
                let entry = reader.pop().expect("the queue is full");
                assert_eq!((entry.len(), entry[0]), (81, next_out));
                next_out = next_out.wrapping_add(1);
            }
        }
        while let Some(entry) = reader.pop() {
            assert_eq!(entry[0], next_out);
            next_out = next_out.wrapping_add(1);
        }
        assert_eq!(next_in, next_out);
    }
}
