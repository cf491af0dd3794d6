//! The kernel's records, from the thread that reads the ring to the worker's, and what frames they
//! are.

use std::sync::Arc;

use ani_ebpf::{
    abi::{
        counter::{Counter, TABLE},
        record::{HEADER_LEN, NO_TRUNK, RecordHeader},
        settings::RECORD_SIZES,
    },
    scan::{AniHeader, Attestation, NotPlain},
};

use crate::{
    act::release::{Release, complete_checksum},
    capture::{
        By, Content, Frame, Hold, HoldState, KernelView, LinkType, Reach,
        queue::{self, Frames, Refused},
    },
    telemetry::{Tallies, Tally},
    time::Timestamp,
};

/// Bytes the queue holds: some 6,000 INVITEs of a carrier.
const CAPACITY: usize = 8 << 20;

/// Bytes that fragments and TCP segments may fill: the rest is for whole INVITEs.
const PARTS_CAPACITY: usize = CAPACITY / 2;

/// The longest record the kernel writes, bytes.
const MAX_RECORD: usize = RECORD_SIZES[RECORD_SIZES.len() - 1];

/// Before each record in the queue: what to add to its time to make it the time of day.
const OFFSET_LEN: usize = size_of::<i64>();

/// Where the reader of the ring puts the records.
pub struct Writer {
    queue: queue::Writer,
    /// For held frames that find the queue full.
    release: Option<Arc<dyn Release>>,
    tallies: Arc<Tallies>,
}

/// An empty queue's two ends. Records that cannot be read, and those that find it full, are counted
/// in `tallies`.
pub fn queue(tallies: Arc<Tallies>) -> (Writer, Frames) {
    let (writer, reader) = queue::queue(CAPACITY, OFFSET_LEN + MAX_RECORD);
    (
        Writer { queue: writer, release: None, tallies: Arc::clone(&tallies) },
        Frames::new(reader, frame, Tally::RecordBad, tallies),
    )
}

impl Writer {
    /// The same with somebody who releases held frames.
    #[must_use]
    pub fn releasing(mut self, release: Arc<dyn Release>) -> Self {
        self.release = Some(release);
        self
    }

    /// Hands a ring record on; `offset` makes its monotonic time the time of day. Whether it is of a
    /// held INVITE, for which somebody waits.
    pub fn push(&mut self, record: &[u8], offset: i64) -> bool {
        let Some((header, record)) = used(record) else {
            self.tallies.add(Tally::RecordBad);
            return false;
        };
        let held = u32::from(header.exit) == Counter::Held as u32;
        let part = [Counter::Fragment, Counter::DropFragment, Counter::TcpSegment]
            .iter()
            .any(|exit| *exit as u32 == u32::from(header.exit));
        let pushed = if part && self.queue.waiting() >= PARTS_CAPACITY {
            Err(Refused::Full)
        } else {
            self.queue.push(&[&offset.to_ne_bytes(), record])
        };
        match pushed {
            Ok(()) => {}
            Err(Refused::Full) if part => self.tallies.add(Tally::QueueFullParts),
            Err(Refused::Full) => {
                self.tallies.add(Tally::QueueFull);
                if held {
                    self.let_go(&header, record);
                }
            }
            Err(Refused::TooLong) => self.tallies.add(Tally::RecordBad),
        }
        held
    }
}

impl Writer {
    /// Releases a held frame that the worker will not get to see.
    fn let_go(&self, header: &RecordHeader, record: &[u8]) {
        self.tallies.add(Tally::HeldQueueFull);
        let mut frame = record.get(HEADER_LEN..).unwrap_or_default().to_vec();
        complete_checksum(&mut frame, usize::from(header.sip_offset));
        let released = self.release.as_ref().map(|way| way.release(&frame, header.ifindex));
        if !matches!(released, Some(Ok(()))) {
            self.tallies.add(Tally::ReleaseFailed);
        }
    }
}

/// The part of a ring record that means something: the kernel reserves more than it fills. `None`
/// when it claims more than there is.
fn used(record: &[u8]) -> Option<(RecordHeader, &[u8])> {
    let (header, _) = RecordHeader::read(record)?;
    let len = HEADER_LEN.checked_add(header.captured_len as usize)?;
    Some((header, record.get(..len)?))
}

fn frame(entry: &[u8], number: u64) -> Option<Frame<'_>> {
    let (offset, record) = entry.split_first_chunk::<OFFSET_LEN>()?;
    let (header, bytes) = RecordHeader::read(record)?;
    let exit: Counter = TABLE.get(usize::from(header.exit))?.counter;
    let first_exit = TABLE.get(usize::from(header.first_exit))?.counter;
    let not_plain = match header.not_plain {
        0 => None,
        raw => Some(NotPlain::from_raw(raw)?),
    };
    let seen = i64::try_from(header.seen_ns).ok()?;
    Some(Frame {
        number,
        arrived: Timestamp(seen.saturating_add(i64::from_ne_bytes(*offset))),
        content: Content::Link { link: LinkType::Ethernet, bytes, wire_len: header.wire_len },
        reach: Reach::Answer,
        kernel: Some(KernelView {
            exit,
            first_exit,
            not_plain,
            ani: header.ani,
            ani_header: AniHeader::from_raw(header.ani_header),
            attestation: Attestation::from_raw(header.attestation),
            trunk: (header.trunk != NO_TRUNK).then_some(header.trunk),
            by: By {
                list: header.list,
                ranged: header.ranged != 0,
                limit: header.limit,
                observed_list: header.observed_list,
                observed_limit: header.observed_limit,
            },
            held: (exit == Counter::Held).then_some(Hold {
                number,
                payload_at: header.sip_offset,
                seen_ns: header.seen_ns,
                state: HoldState::Open,
            }),
            ifindex: header.ifindex,
        }),
    })
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::capture::Source as _;

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
        record.extend([exit as u8, 2, 3, 4, 5, 1, 0, 0, 0, 0, 0, 0]);
        record.extend(frame);
        record.extend([0xee; 9]);
        record
    }

    /// Empties a queue; what is in it is handed to `look`.
    fn drain(records: &mut Frames, limit: usize, mut look: impl FnMut(&Frame<'_>)) -> usize {
        let mut count = 0;
        let Ok(()) = records.frames(&mut |frame| {
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
        let (mut writer, mut records) = queue(Arc::default());
        assert_eq!(drain(&mut records, usize::MAX, |_| {}), 0);
        writer.push(&record(Counter::DropBlocked, b"frame"), 1_000);
        let read = drain(&mut records, usize::MAX, |frame| {
            assert_eq!((frame.number, frame.arrived), (1, Timestamp(6_000)));
            let content = Content::Link { link: LinkType::Ethernet, bytes: b"frame", wire_len: 9 };
            assert_eq!((frame.content, frame.reach), (content, Reach::Answer));
            let view = frame.kernel.expect("from the kernel");
            assert_eq!((view.exit, view.trunk), (Counter::DropBlocked, Some(3)));
            let by = By { list: 2, ranged: true, limit: 3, observed_list: 4, observed_limit: 5 };
            assert_eq!(view.by, by);
            assert_eq!((view.ani.to_string().as_str(), view.ifindex), ("14155551234", 7));
            assert_eq!(
                (view.ani_header, view.attestation),
                (Some(AniHeader::From), Attestation::A)
            );
        });
        assert_eq!(read, 1);
    }

    #[test]
    fn what_finds_the_queue_full_is_counted_and_the_rest_comes_out() {
        let tallies = Arc::new(Tallies::default());
        let (mut writer, mut records) = queue(Arc::clone(&tallies));
        let record = record(Counter::Pass, &[b'x'; 1_300]);
        let (mut pushed, mut read) = (0_u64, 0);
        for _ in 0..3 {
            let full = tallies.value(Tally::QueueFull);
            while tallies.value(Tally::QueueFull) == full {
                writer.push(&record, 0);
                pushed += 1;
            }
            // Not to the end, so that the records come to stand across the ring's end.
            read += drain(&mut records, 1_000, |frame| assert_eq!(bytes(frame), [b'x'; 1_300]));
        }
        read += drain(&mut records, usize::MAX, |frame| assert_eq!(bytes(frame), [b'x'; 1_300]));
        assert_eq!(read as u64, pushed - 3);
        assert_eq!(tallies.value(Tally::RecordBad), 0);
    }

    #[test]
    fn fragments_and_segments_leave_half_of_the_queue_to_invites() {
        let tallies = Arc::new(Tallies::default());
        let (mut writer, mut records) = queue(Arc::clone(&tallies));
        let frame = [b'x'; 1_300];
        let parts = [Counter::Fragment, Counter::TcpSegment].map(|exit| record(exit, &frame));
        for part in parts.iter().cycle().take(2 * CAPACITY / frame.len()) {
            writer.push(part, 0);
        }
        assert!(tallies.value(Tally::QueueFullParts) > 0);
        let invite = record(Counter::PassNotPlain, &frame);
        let half = CAPACITY / 2 / (invite.len() + 16);
        for _ in 0..half {
            writer.push(&invite, 0);
        }
        assert_eq!(tallies.value(Tally::QueueFull), 0);
        let read = drain(&mut records, usize::MAX, |_| {});
        assert!((2 * half - 1..=2 * half + half / 10).contains(&read), "{read} of {half} a half");
    }

    #[test]
    fn what_is_no_record_is_counted() {
        let tallies = Arc::new(Tallies::default());
        let (mut writer, mut records) = queue(Arc::clone(&tallies));
        writer.push(b"short", 0);
        let whole = record(Counter::Pass, b"frame");
        writer.push(&whole[..HEADER_LEN + 3], 0);
        writer.push(&record(Counter::Pass, &[0; MAX_RECORD]), 0);
        assert_eq!(tallies.value(Tally::RecordBad), 3);
        let mut unknown = whole;
        unknown[36 - 4] = 0xff;
        writer.push(&unknown, 0);
        assert_eq!(drain(&mut records, usize::MAX, |_| {}), 0, "an exit nobody knows");
        assert_eq!(tallies.value(Tally::RecordBad), 4);
    }
}
