//! What the operator should know and no counter explains: said once a second at most, and only on
//! ways that should not be taken.

use aya_ebpf::helpers::generated::bpf_ktime_get_ns;
use aya_log_ebpf::warn;

use super::{frame::Frame, maps};

/// Time between two notices of one CPU.
const PERIOD_NS: u64 = 1_000_000_000;

/// A caller's bucket could not be read or made.
#[inline(never)]
pub(super) fn limit_full(frame: &Frame<'_>) {
    if due() {
        warn!(frame.context(), "limit: no bucket for a caller, calls pass unlimited");
    }
}

/// The daemon does not keep up with the ring buffer.
#[inline(never)]
pub(super) fn ring_full(frame: &Frame<'_>) {
    if due() {
        warn!(
            frame.context(),
            "ring buffer full: INVITEs are decided but not handed to the daemon"
        );
    }
}

fn due() -> bool {
    // SAFETY: the helper takes nothing and returns a number.
    let now = unsafe { bpf_ktime_get_ns() };
    maps::notice_due(now, PERIOD_NS)
}
