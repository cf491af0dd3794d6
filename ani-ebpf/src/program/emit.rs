//! Writes an INVITE and its verdict, or a part of what may be one, to the ring buffer of its CPU.

use core::mem::MaybeUninit;

use ani_ebpf::{
    abi::{
        counter::Counter,
        record::{HEADER_LEN, RecordHeader},
        settings::{MAX_SEGMENT, RECORD_SIZES, Settings},
    },
    select,
};
use aya_ebpf::bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP};

use super::{
    decision::Decision,
    frame::Frame,
    maps::{self, Ring},
    notice,
    reading::Reading,
};

/// Bytes of a frame in a record of each size.
const FRAME_BYTES: [usize; RECORD_SIZES.len()] = {
    let mut bytes = RECORD_SIZES;
    let mut index = 0;
    while index < bytes.len() {
        bytes[index] -= HEADER_LEN;
        index += 1;
    }
    bytes
};

/// A ring record of a fixed size: the verifier takes no other.
#[repr(C, align(8))]
struct Record<const FRAME: usize> {
    header: RecordHeader,
    frame: [u8; FRAME],
}

/// Hands an INVITE's frame to the daemon; whether it could. A full ring is counted.
#[inline(always)]
pub(super) fn invite(frame: &Frame<'_>, reading: &Reading, decision: &Decision) -> bool {
    let Some(settings) = capturing() else {
        return false;
    };
    let written =
        maps::ring().is_some_and(|ring| record(ring, frame, reading, decision, settings.window));
    if written {
        maps::count(Counter::Captured);
    } else {
        maps::count(Counter::Lost);
        notice::ring_full(frame);
    }
    written
}

/// Hands a fragment or a TCP segment to the daemon, as long as INVITEs have room.
#[inline(always)]
pub(super) fn part(frame: &Frame<'_>, exit: Counter) {
    let (Some(settings), Some(decision)) = (capturing(), maps::decision()) else {
        return;
    };
    decision.start(exit);
    // A hole in a stream costs the messages behind it too.
    let window =
        if matches!(exit, Counter::TcpSegment) { MAX_SEGMENT as u32 } else { settings.window };
    let written = maps::ring().is_some_and(|ring| {
        maps::waiting_bytes(ring) < settings.parts_room
            && record(ring, frame, &Reading::NONE, decision, window)
    });
    if written {
        maps::count(Counter::CapturedParts);
    } else {
        maps::count(Counter::LostParts);
    }
}

#[inline(always)]
fn capturing() -> Option<&'static Settings> {
    maps::settings().filter(|settings| settings.capture != 0)
}

/// Writes a record of the smallest size that holds the frame, or as much of it as `window` says.
#[inline(always)]
fn record(
    ring: &'static Ring,
    frame: &Frame<'_>,
    reading: &Reading,
    decision: &Decision,
    window: u32,
) -> bool {
    let wire_len = frame.len();
    let len = if wire_len > u64::from(window) { u64::from(window) } else { wire_len };
    let written = if len < FRAME_BYTES[0] as u64 {
        write::<{ FRAME_BYTES[0] }>(ring, frame, reading, decision, len, wire_len)
    } else if len < FRAME_BYTES[1] as u64 {
        write::<{ FRAME_BYTES[1] }>(ring, frame, reading, decision, len, wire_len)
    } else if len < FRAME_BYTES[2] as u64 {
        write::<{ FRAME_BYTES[2] }>(ring, frame, reading, decision, len, wire_len)
    } else if len < FRAME_BYTES[3] as u64 {
        write::<{ FRAME_BYTES[3] }>(ring, frame, reading, decision, len, wire_len)
    } else if len < FRAME_BYTES[4] as u64 {
        write::<{ FRAME_BYTES[4] }>(ring, frame, reading, decision, len, wire_len)
    } else {
        write::<{ FRAME_BYTES[5] }>(ring, frame, reading, decision, len, wire_len)
    };
    if written && len < wire_len {
        maps::count(Counter::CaptureCut);
    }
    written
}

#[inline(always)]
fn write<const FRAME: usize>(
    ring: &'static Ring,
    frame: &Frame<'_>,
    reading: &Reading,
    decision: &Decision,
    len: u64,
    wire_len: u64,
) -> bool {
    let Some(mut entry) = ring.reserve_untyped::<Record<FRAME>>(0) else {
        return false;
    };
    let record: &mut MaybeUninit<Record<FRAME>> = &mut entry;
    let Some(captured_len) = load(frame, len, record) else {
        entry.discard(u64::from(BPF_RB_NO_WAKEUP));
        return false;
    };
    let header = RecordHeader {
        seen_ns: decision.now(),
        ani: reading.ani,
        ifindex: frame.ifindex(),
        wire_len: wire_len as u32,
        captured_len,
        trunk: reading.trunk,
        sip_offset: reading.at as u16,
        exit: decision.exit(),
        not_plain: reading.not_plain,
        attestation: reading.attestation,
        ani_header: reading.ani_header,
        first_exit: decision.first_exit(),
        list: decision.list(),
        limit: decision.limit(),
        observed_list: decision.observed_list(),
        observed_limit: decision.observed_limit(),
        ranged: decision.ranged(),
        reserved: zeros(),
    };
    // SAFETY: the entry is one Record<FRAME> of ring memory; its first field is written whole.
    unsafe { (&raw mut (*record.as_mut_ptr()).header).write(header) };
    let wakeup = if maps::reader_wants_wakeup() { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP };
    entry.submit(u64::from(wakeup));
    true
}

#[inline(always)]
fn zeros() -> [u8; 6] {
    let [zeros @ .., _, _] = select::zero().to_ne_bytes();
    zeros
}

#[inline(always)]
fn load<const FRAME: usize>(
    frame: &Frame<'_>,
    len: u64,
    record: &mut MaybeUninit<Record<FRAME>>,
) -> Option<u32> {
    // SAFETY: the frame's bytes are within the entry; bytes have no invalid value, and they are
    // written before anybody reads them.
    let room = unsafe { &mut (*record.as_mut_ptr()).frame };
    frame.load(0, len, room)
}
