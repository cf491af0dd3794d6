//! What is remembered of packets that come in fragments.
//!
//! The first fragment has the ports and the start of the message, and says for the others what they
//! are parts of. One that overtakes it may be a part of an INVITE.

use ani_ebpf::abi::{
    counter::Counter,
    fragment::{FragmentKey, Fragmented, INVITE, LIFE_NS, OTHER, STOPPED},
};
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;

use super::{
    frame::Frame,
    link, maps,
    network::{self, Packet},
    transport::Message,
};

/// Remembers what the packet is that this first fragment starts, as far as its transport header tells.
#[inline(always)]
pub(super) fn first(packet: &Packet, message: &Result<Message, Counter>) {
    let wanted = matches!(message, Ok(_) | Err(Counter::Fragment | Counter::TcpSegment));
    remember(packet, if wanted { INVITE } else { OTHER });
}

/// Remembers that the INVITE was stopped whose first fragment this is.
#[inline(always)]
pub(super) fn stopped(frame: &Frame<'_>) {
    if let Ok(network) = link::read(frame)
        && let Ok(packet) = network::read(frame, network)
    {
        remember(&packet, STOPPED);
    }
}

#[inline(always)]
fn remember(packet: &Packet, what: u64) {
    let fragmented = Fragmented { seen_ns: now(), what };
    if maps::remember_fragmented(&key(packet), &fragmented).is_err() {
        maps::count(Counter::FragmentUntracked);
    }
}

/// The way out of a later fragment.
#[inline(always)]
pub(super) fn later(packet: &Packet) -> Counter {
    match maps::fragmented(&key(packet)) {
        Some(known) if now().wrapping_sub(known.seen_ns) < LIFE_NS => match known.what {
            OTHER => Counter::OtherFragment,
            STOPPED => Counter::DropFragment,
            _ => Counter::Fragment,
        },
        _ => Counter::Fragment,
    }
}

#[inline(always)]
fn key(packet: &Packet) -> FragmentKey {
    FragmentKey {
        source: packet.source,
        destination: packet.destination,
        id: packet.id,
        protocol: packet.id_protocol,
    }
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: the helper takes nothing and returns a number.
    unsafe { bpf_ktime_get_ns() }
}
