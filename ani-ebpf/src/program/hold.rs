//! Whether an INVITE can be held: dropped here, decided by the daemon, and released by it. Where that is
//! not sure to go well, it passes.

use ani_ebpf::abi::{
    counter::Counter,
    settings::{HEARTBEAT_NS, MAX_HELD, Settings},
};

use super::{decision::Decision, frame::Frame, maps};

/// Whether the daemon lives, keeps up, and gets all of the frame.
#[inline(always)]
pub(super) fn is_possible(frame: &Frame<'_>, decision: &Decision, settings: &Settings) -> bool {
    // The younger of the two may be the heartbeat, of another CPU.
    let age = decision.now().wrapping_sub(maps::heartbeat()) as i64;
    if settings.capture == 0 || age >= HEARTBEAT_NS as i64 {
        maps::count(Counter::HoldStale);
        return false;
    }
    let len = frame.len();
    if len > MAX_HELD as u64 || len > u64::from(settings.window) {
        maps::count(Counter::HoldTooLong);
        return false;
    }
    let keeps_up = maps::ring().is_some_and(|ring| maps::waiting_bytes(ring) < settings.parts_room);
    if !keeps_up {
        maps::count(Counter::HoldBehind);
    }
    keeps_up
}
