//! Bytes of a flow that wait for others before them.

use std::time::Duration;

use super::Arrival;
use crate::time::Timestamp;

/// Pieces between the first and the last byte that wait, in the order of the stream. None is empty
/// and none overlaps another: the bytes that came first are kept.
#[derive(Default)]
pub(super) struct Waiting {
    pieces: Vec<Piece>,
    /// Sum of the pieces' lengths.
    len: usize,
}

/// Bytes of one segment.
pub(super) struct Piece {
    pub(super) seq: u32,
    pub(super) bytes: Vec<u8>,
    /// Bytes that follow in the same segment and were not captured.
    pub(super) missing: u32,
    pub(super) arrival: Arrival,
}

impl Piece {
    fn end(&self) -> u32 {
        self.seq.wrapping_add(self.bytes.len() as u32)
    }
}

/// How far `seq` is behind `from`; negative when it is before it. Sequence numbers wrap (RFC 9293
/// §3.4).
pub(super) fn distance(from: u32, seq: u32) -> i32 {
    seq.wrapping_sub(from).cast_signed()
}

impl Waiting {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Memory held, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.len + self.pieces.capacity() * size_of::<Piece>()
    }

    /// Whether more waits than may.
    pub(super) fn over(&self, pieces: usize, bytes: usize) -> bool {
        self.pieces.len() > pieces || self.len > bytes
    }

    /// Where the first piece starts.
    pub(super) fn first(&self) -> Option<u32> {
        self.pieces.first().map(|piece| piece.seq)
    }

    /// Whether the first piece has waited for `span`.
    pub(super) fn waited(&self, span: Duration, now: Timestamp) -> bool {
        self.pieces.first().is_some_and(|piece| piece.arrival.arrived.after(span) <= now)
    }

    /// Takes what is new of a segment; whether anything is.
    pub(super) fn insert(
        &mut self,
        mut seq: u32,
        mut bytes: &[u8],
        missing: u32,
        arrival: &Arrival,
    ) -> bool {
        let before = self.len;
        let mut at = self.pieces.partition_point(|piece| distance(seq, piece.end()) <= 0);
        while !bytes.is_empty() {
            let (taken, missing) = match self.pieces.get(at) {
                None => (bytes.len(), missing),
                Some(next) => match usize::try_from(distance(seq, next.seq)) {
                    Ok(free) if free > 0 => {
                        let taken = bytes.len().min(free);
                        (taken, if taken == free { 0 } else { missing })
                    }
                    _ => {
                        let there = usize::try_from(distance(seq, next.end())).unwrap_or(0);
                        bytes = bytes.get(there..).unwrap_or_default();
                        seq = next.end();
                        at += 1;
                        continue;
                    }
                },
            };
            let (new, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            let piece = Piece { seq, bytes: new.to_vec(), missing, arrival: *arrival };
            self.pieces.insert(at, piece);
            self.len += new.len();
            at += 1;
            seq = seq.wrapping_add(new.len() as u32);
            bytes = rest;
        }
        self.len != before
    }

    /// Hands the pieces on that follow each other from `next` on; `each` says where the next byte
    /// then belongs.
    pub(super) fn drain(&mut self, mut next: u32, mut each: impl FnMut(&Piece, u32) -> u32) -> u32 {
        let mut done = 0;
        while let Some(piece) = self.pieces.get(done)
            && piece.seq == next
        {
            done += 1;
            let room = self.pieces.get(done).map_or(u32::MAX, |behind| {
                u32::try_from(distance(piece.end(), behind.seq)).unwrap_or(0)
            });
            self.len -= piece.bytes.len();
            next = each(piece, room);
        }
        self.pieces.drain(..done);
        if self.pieces.is_empty() {
            self.pieces = Vec::new();
        }
        next
    }
}
