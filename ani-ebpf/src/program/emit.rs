//! Writes an INVITE and its verdict to the ring buffer.

use core::mem::MaybeUninit;

use ani_ebpf::abi::{
    counter::Counter,
    record::{HEADER_LEN, NO_TRUNK, RecordHeader},
    settings::RECORD_SIZES,
};
use aya_ebpf::{
    bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::generated::bpf_ktime_get_ns,
};

use super::{decide::Decision, maps, notice, packet::Packet, transport::Message};

/// A ring record of a fixed size: the verifier takes no other.
#[repr(C, align(8))]
struct Record<const FRAME: usize> {
    header: RecordHeader,
    frame: [u8; FRAME],
}

const SMALL: usize = RECORD_SIZES[0] - HEADER_LEN;
const LARGE: usize = RECORD_SIZES[1] - HEADER_LEN;

/// Hands the frame to the daemon. A full ring is counted and changes nothing else.
#[inline(always)]
pub(super) fn record(packet: &Packet<'_>, message: &Message, decision: &Decision) {
    if !maps::settings().is_some_and(|settings| settings.capture != 0) {
        return;
    }
    let len = packet.len();
    let written = if len < SMALL as u64 {
        write::<SMALL>(packet, message, decision, len)
    } else {
        write::<LARGE>(packet, message, decision, len)
    };
    if written {
        maps::count(Counter::Captured);
    } else {
        maps::count(Counter::Lost);
        notice::ring_full(packet);
    }
}

#[inline(always)]
fn write<const FRAME: usize>(
    packet: &Packet<'_>,
    message: &Message,
    decision: &Decision,
    wire_len: u64,
) -> bool {
    let Some(mut entry) = maps::INVITES.reserve::<Record<FRAME>>(0) else {
        return false;
    };
    let record: &mut MaybeUninit<Record<FRAME>> = &mut entry;
    let Some(captured_len) = load(packet, wire_len, record) else {
        entry.discard(u64::from(BPF_RB_NO_WAKEUP));
        return false;
    };
    if u64::from(captured_len) < wire_len {
        maps::count(Counter::CaptureCut);
    }
    let seen_ns = match decision.now_ns {
        // SAFETY: the helper takes nothing and returns a number.
        0 => unsafe { bpf_ktime_get_ns() },
        now => now,
    };
    let header = RecordHeader {
        seen_ns,
        ani: decision.ani,
        ifindex: packet.ifindex(),
        wire_len: wire_len as u32,
        captured_len,
        trunk: decision.trunk.unwrap_or(NO_TRUNK),
        sip_offset: message.at as u16,
        exit: decision.exit as u8,
        not_plain: decision.not_plain.map_or(0, |why| why as u8),
        attestation: decision.attestation as u8,
        ani_header: decision.ani_header.map_or(0, |header| header as u8),
        reserved: 0,
    };
    // SAFETY: the entry is one Record<FRAME> of ring memory; its first field is written whole.
    unsafe { (&raw mut (*record.as_mut_ptr()).header).write(header) };
    let wakeup = if maps::reader_wants_wakeup() { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP };
    entry.submit(u64::from(wakeup));
    true
}

#[inline(always)]
fn load<const FRAME: usize>(
    packet: &Packet<'_>,
    wire_len: u64,
    record: &mut MaybeUninit<Record<FRAME>>,
) -> Option<u32> {
    // SAFETY: the frame's bytes are within the entry; bytes have no invalid value, and they are
    // written before anybody reads them.
    let frame = unsafe { &mut (*record.as_mut_ptr()).frame };
    packet.load(0, wire_len, frame)
}
