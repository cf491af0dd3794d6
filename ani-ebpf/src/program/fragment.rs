//! What is remembered of packets that come in fragments.
//!
//! The first fragment has the ports and the start of the message, and says for the others whether
//! they are wanted. One that overtakes it is wanted until then.

use ani_ebpf::abi::{
    counter::Counter,
    fragment::{FragmentKey, Fragmented, LIFE_NS},
};
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;

use super::{maps, network::Packet};

/// Remembers whether the packet that this first fragment starts is wanted.
#[inline(always)]
pub(super) fn first(packet: &Packet, wanted: bool) {
    let fragmented = Fragmented { seen_ns: now(), wanted: u64::from(wanted) };
    if maps::remember_fragmented(&key(packet), &fragmented).is_err() {
        maps::count(Counter::FragmentUntracked);
    }
}

/// The way out of a later fragment.
#[inline(always)]
pub(super) fn later(packet: &Packet) -> Counter {
    match maps::fragmented(&key(packet)) {
        Some(known) if known.wanted == 0 && now().wrapping_sub(known.seen_ns) < LIFE_NS => {
            Counter::OtherFragment
        }
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
