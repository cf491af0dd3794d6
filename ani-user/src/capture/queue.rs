//! From the reader's thread to the worker's: one ring of bytes, one writer, one reader, no
//! allocation and no lock. A frame that finds no room is refused, never waited for.

use std::{convert::Infallible, ops::ControlFlow, sync::Arc};

use ani_ebpf::{
    abi::{
        counter::{Counter, TABLE},
        record::{HEADER_LEN, NO_TRUNK, RecordHeader},
        settings::RECORD_SIZES,
    },
    scan::{AniHeader, Attestation, NotPlain},
};
use ringbuf::{
    HeapCons, HeapProd, HeapRb,
    traits::{Consumer as _, Observer as _, Producer as _, Split as _},
};

use super::{Content, Frame, KernelView, LinkType, Reach, Source};
use crate::{
    telemetry::{Tallies, Tally},
    time::Timestamp,
};

/// Bytes the queue holds: some 6,000 INVITEs of a carrier.
const CAPACITY: usize = 8 << 20;

/// Before each record: its length, and what to add to its time to make it the time of day.
const PREFIX_LEN: usize = size_of::<u32>() + size_of::<i64>();

/// The longest record the kernel writes, bytes.
const MAX_RECORD: usize = RECORD_SIZES[RECORD_SIZES.len() - 1];

/// The writing end.
pub struct Writer(HeapProd<u8>);

/// The reading end.
pub struct Reader {
    bytes: HeapCons<u8>,
    record: Box<[u8; MAX_RECORD]>,
    /// Records read so far.
    number: u64,
    tallies: Arc<Tallies>,
}

/// An empty queue's two ends. Records whose numbers mean nothing to this daemon are counted in
/// `tallies`.
pub fn queue(tallies: Arc<Tallies>) -> (Writer, Reader) {
    let (writer, bytes) = HeapRb::new(CAPACITY).split();
    (Writer(writer), Reader { bytes, record: Box::new([0; MAX_RECORD]), number: 0, tallies })
}

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no record: too short, too long, or of another version.
    Bad,
    /// The worker is behind.
    Full,
}

impl Writer {
    /// Puts a ring record in; `offset` makes its monotonic time the time of day.
    pub fn push(&mut self, record: &[u8], offset: i64) -> Result<(), Refused> {
        let (header, _) = RecordHeader::read(record).ok_or(Refused::Bad)?;
        let len = HEADER_LEN + header.captured_len as usize;
        if len > MAX_RECORD {
            return Err(Refused::Bad);
        }
        let record = record.get(..len).ok_or(Refused::Bad)?;
        if self.0.vacant_len() < PREFIX_LEN + len {
            return Err(Refused::Full);
        }
        let mut prefix = [0; PREFIX_LEN];
        let (length, time) = prefix.split_at_mut(size_of::<u32>());
        length.copy_from_slice(&(len as u32).to_ne_bytes());
        time.copy_from_slice(&offset.to_ne_bytes());
        // One piece after the other: the reader looks only for a prefix whose record is there.
        self.0.push_slice(&prefix);
        self.0.push_slice(record);
        Ok(())
    }
}

impl Source for Reader {
    type Error = Infallible;

    fn frames(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), Infallible> {
        while let Some((len, offset)) = self.pop() {
            let flow = match frame(&self.record[..len], self.number, offset) {
                Some(frame) => each(&frame),
                None => {
                    self.tallies.add(Tally::RecordBad);
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

impl Reader {
    /// Takes the next record if a whole one is there: its length, and what makes its time the time
    /// of day.
    fn pop(&mut self) -> Option<(usize, i64)> {
        let mut prefix = [0; PREFIX_LEN];
        if self.bytes.peek_slice(&mut prefix) < PREFIX_LEN {
            return None;
        }
        let (length, offset) = prefix.split_first_chunk::<4>()?;
        let len = (u32::from_ne_bytes(*length) as usize).min(MAX_RECORD);
        if self.bytes.occupied_len() < PREFIX_LEN + len {
            return None;
        }
        self.bytes.skip(PREFIX_LEN);
        self.bytes.pop_slice(&mut self.record[..len]);
        self.number += 1;
        Some((len, i64::from_ne_bytes(*offset.first_chunk()?)))
    }
}

fn frame(record: &[u8], number: u64, offset: i64) -> Option<Frame<'_>> {
    let (header, bytes) = RecordHeader::read(record)?;
    let exit: Counter = TABLE.get(usize::from(header.exit))?.counter;
    let not_plain = match header.not_plain {
        0 => None,
        raw => Some(NotPlain::from_raw(raw)?),
    };
    Some(Frame {
        number,
        arrived: Timestamp(i64::try_from(header.seen_ns).ok()?.saturating_add(offset)),
        content: Content::Link { link: LinkType::Ethernet, bytes, wire_len: header.wire_len },
        reach: Reach::Answer,
        kernel: Some(KernelView {
            exit,
            not_plain,
            ani: header.ani,
            ani_header: AniHeader::from_raw(header.ani_header),
            attestation: Attestation::from_raw(header.attestation),
            trunk: (header.trunk != NO_TRUNK).then_some(header.trunk),
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(exit: Counter, frame: &[u8]) -> Vec<u8> {
        let mut record = Vec::new();
        record.extend(5_000_u64.to_ne_bytes());
        record.extend(0x1415_5551_234f_ffff_u64.to_ne_bytes());
        record.extend(7_u32.to_ne_bytes());
        record.extend((frame.len() as u32 + 4).to_ne_bytes());
        record.extend((frame.len() as u32).to_ne_bytes());
        record.extend(3_u16.to_ne_bytes());
        record.extend(42_u16.to_ne_bytes());
        record.extend([exit as u8, 0, Attestation::A as u8, AniHeader::From as u8]);
        record.extend(0_u32.to_ne_bytes());
        record.extend(frame);
        record.extend([0xee; 9]);
        record
    }

    /// Empties a queue; what is in it is handed to `look`.
    fn drain(reader: &mut Reader, limit: usize, mut look: impl FnMut(&Frame<'_>)) -> usize {
        let mut count = 0;
        let Ok(()) = reader.frames(&mut |frame| {
            look(frame);
            count += 1;
            if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        count
    }

    fn bytes<'a>(frame: &Frame<'a>) -> &'a [u8] {
        match frame.content {
            Content::Link { bytes, .. } | Content::Message { bytes, .. } => bytes,
        }
    }

    #[test]
    fn a_record_comes_out_as_it_went_in() {
        let (mut writer, mut reader) = queue(Arc::default());
        assert_eq!(drain(&mut reader, usize::MAX, |_| {}), 0);
        writer.push(&record(Counter::DropBlocked, b"frame"), 1_000).expect("room");
        let read = drain(&mut reader, usize::MAX, |frame| {
            assert_eq!((frame.number, frame.arrived), (1, Timestamp(6_000)));
            let content = Content::Link { link: LinkType::Ethernet, bytes: b"frame", wire_len: 9 };
            assert_eq!((frame.content, frame.reach), (content, Reach::Answer));
            let view = frame.kernel.expect("from the kernel");
            assert_eq!((view.exit, view.trunk), (Counter::DropBlocked, Some(3)));
            assert_eq!(view.ani.to_string(), "14155551234");
            assert_eq!(
                (view.ani_header, view.attestation),
                (Some(AniHeader::From), Attestation::A)
            );
        });
        assert_eq!(read, 1);
    }

    #[test]
    fn a_full_queue_refuses_and_loses_nothing_it_took() {
        let (mut writer, mut reader) = queue(Arc::default());
        let record = record(Counter::Pass, &[b'x'; 1_300]);
        let mut taken = 0;
        for round in 0..3 {
            while writer.push(&record, 0).is_ok() {
                taken += 1;
            }
            assert_eq!(writer.push(&record, 0), Err(Refused::Full));
            // Not to the end, so that the records come to stand across the ring's end.
            taken -= drain(&mut reader, taken / (3 - round), |frame| {
                assert_eq!(bytes(frame).len(), 1_300);
            });
        }
        taken -= drain(&mut reader, usize::MAX, |frame| assert_eq!(bytes(frame), [b'x'; 1_300]));
        assert_eq!(taken, 0);
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let tallies = Arc::new(Tallies::default());
        let (mut writer, mut reader) = queue(Arc::clone(&tallies));
        assert_eq!(writer.push(b"short", 0), Err(Refused::Bad));
        let whole = record(Counter::Pass, b"frame");
        assert_eq!(writer.push(&whole[..HEADER_LEN + 3], 0), Err(Refused::Bad));
        let mut unknown = whole;
        unknown[36 - 4] = 0xff;
        writer.push(&unknown, 0).expect("its length is right");
        assert_eq!(drain(&mut reader, usize::MAX, |_| {}), 0, "an exit nobody knows");
        assert_eq!(tallies.value(Tally::RecordBad), 1);
    }
}
