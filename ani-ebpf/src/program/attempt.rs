//! One verdict for each call attempt.
//!
//! Each step leaves what it found in the decision, like a phase of the scan.

use ani_ebpf::{
    abi::{counter::Counter, settings::Settings, settle::Question},
    attempt::{self, LIFE_NS, Told},
    scan::{self, Scratch},
};
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;

use super::{decision::Decision, maps, reading::Reading};

/// How exact the time is at which an INVITE was stopped last.
const STOPPED_PERIOD_NS: u64 = 1_000_000_000;

/// Finds the attempt of an INVITE by its key, and what it was told before.
#[inline(always)]
pub(super) fn find(decision: &Decision, reading: &Reading, key: u64, settings: &Settings) {
    let check = attempt::check(reading.ani, reading.called, &settings.attempt_keys);
    decision.attempted(key, check);
    if key != 0
        && let Some(mut set) = maps::attempts(attempt::set_of(key, settings.attempts_mask))
        && let Some(exit) = attempt::again(&mut set, key, check, decision.now())
    {
        decision.tell(exit);
    }
}

/// Remembers the way out that the attempt is given.
#[inline(always)]
pub(super) fn remember(decision: &Decision, settings: &Settings) {
    let (key, check) = decision.attempt();
    if key == 0 {
        return;
    }
    let Some(mut set) = maps::attempts(attempt::set_of(key, settings.attempts_mask)) else {
        return;
    };
    let now_ns = decision.now();
    if attempt::remember(&mut set, key, Told::new(now_ns, check, decision.exit()), now_ns) {
        maps::count(Counter::AttemptForgotten);
    }
    if attempt::is_stop(decision.exit()) {
        maps::stopped(now_ns, STOPPED_PERIOD_NS);
    }
}

/// The key of the attempt of a request that was walked through; 0 where it is not remembered.
#[inline(always)]
pub(super) fn key(scratch: &Scratch, settings: &Settings, trunk: u16) -> u64 {
    if settings.attempts_mask == u32::MAX {
        return 0;
    }
    match scan::attempt(scratch, &settings.attempt_keys) {
        Some(hash) => attempt::key(hash, trunk, &settings.attempt_keys),
        None => {
            maps::count(Counter::AttemptTooLong);
            0
        }
    }
}

/// The key of an attempt that the daemon has hashed; 0 where it is not remembered.
#[inline(always)]
pub(super) fn key_of(question: &Question, settings: &Settings) -> u64 {
    if settings.attempts_mask == u32::MAX || !question.has(Question::ATTEMPT) {
        return 0;
    }
    attempt::key(question.attempt, question.trunk, &settings.attempt_keys)
}

/// Whether an INVITE was stopped lately: else no message needs to be looked at for that.
#[inline(always)]
pub(super) fn stopped_lately() -> bool {
    let at = maps::stopped_at();
    // SAFETY: the helper takes nothing and returns a number.
    at != 0 && unsafe { bpf_ktime_get_ns() }.wrapping_sub(at) < LIFE_NS + STOPPED_PERIOD_NS
}

/// Whether an ACK, CANCEL or BYE that was walked through belongs to a call that was stopped.
#[inline(always)]
pub(super) fn is_stopped(scratch: &Scratch, settings: &Settings, trunk: u16) -> bool {
    // SAFETY: the helper takes nothing and returns a number.
    let now_ns = unsafe { bpf_ktime_get_ns() };
    let key = key(scratch, settings, trunk);
    let Some(set) = maps::attempts(attempt::set_of(key, settings.attempts_mask)) else {
        return false;
    };
    key != 0 && attempt::is_stopped(&set, key, now_ns)
}
