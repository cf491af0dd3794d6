//! One verdict for each call attempt.

use ani_ebpf::{
    abi::{counter::Counter, settings::Settings},
    attempt::{self, LIFE_NS, Told},
    scan::{self, Scratch},
};
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;

use super::maps::{self, Attempts};

/// An attempt and its place in the table.
pub(super) struct Attempt {
    set: Attempts,
    key: u64,
    check: u16,
}

impl Attempt {
    /// The attempt of an INVITE that was walked through.
    #[inline(always)]
    pub(super) fn of(
        scratch: &Scratch,
        settings: &Settings,
        trunk: u16,
        check: u16,
    ) -> Option<Self> {
        if settings.attempts_mask == u32::MAX {
            return None;
        }
        let Some(hash) = scan::attempt(scratch, &settings.attempt_keys) else {
            maps::count(Counter::AttemptTooLong);
            return None;
        };
        let key = attempt::key(hash, trunk, &settings.attempt_keys);
        let set = maps::attempts(attempt::set_of(key, settings.attempts_mask))?;
        Some(Self { set, key, check })
    }

    /// The way out that was given before, where it still holds.
    #[inline(always)]
    pub(super) fn told(&mut self, now_ns: u64) -> Option<u8> {
        attempt::again(&mut self.set, self.key, self.check, now_ns)
    }

    /// Remembers the way out that it was given.
    #[inline(always)]
    pub(super) fn tell(&mut self, exit: Counter, now_ns: u64) {
        let told = Told::new(now_ns, self.check, exit as u8);
        if attempt::remember(&mut self.set, self.key, told, now_ns) {
            maps::count(Counter::AttemptForgotten);
        }
    }
}

/// Whether an INVITE was stopped lately: else no message needs to be looked at for that.
#[inline(always)]
pub(super) fn stopped_lately() -> bool {
    let at = maps::stopped_at();
    // SAFETY: the helper takes nothing and returns a number.
    at != 0 && unsafe { bpf_ktime_get_ns() }.wrapping_sub(at) < LIFE_NS
}

/// Whether an ACK, CANCEL or BYE that was walked through belongs to a call that was stopped.
#[inline(always)]
pub(super) fn is_stopped(scratch: &Scratch, settings: &Settings, trunk: u16) -> bool {
    // SAFETY: the helper takes nothing and returns a number.
    let now_ns = unsafe { bpf_ktime_get_ns() };
    Attempt::of(scratch, settings, trunk, 0)
        .is_some_and(|attempt| attempt::is_stopped(&attempt.set, attempt.key, now_ns))
}
