//! What the lists and limits say about a plain INVITE, in the order of the design: priority calls,
//! calls within a dialog, what the call attempt was told before, the block list, the limit, pass.

use ani_ebpf::{
    abi::{
        counter::Counter, limit::BucketKey, number::Number, record::NO_TRUNK, settings::Settings,
    },
    attempt::{check, is_stop},
    scan::{self, Scratch},
};
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;

use super::{
    attempt::{self, Attempt},
    limit, maps,
    network::Address,
    reading::Reading,
};

/// A verdict.
pub(super) struct Decision {
    pub(super) exit: Counter,
    /// The way out its call attempt was given first, a [`Counter`]; the same as `exit` but for a
    /// repeated INVITE.
    pub(super) first_exit: u8,
    /// CLOCK_MONOTONIC; 0 when nothing asked for the time yet.
    pub(super) now_ns: u64,
}

impl Decision {
    #[inline(always)]
    pub(super) fn new(exit: Counter) -> Self {
        Self { exit, first_exit: exit as u8, now_ns: 0 }
    }

    /// Whether the INVITE is stopped.
    #[inline(always)]
    pub(super) fn is_stop(&self) -> bool {
        matches!(self.exit, Counter::DropBlocked | Counter::DropLimited | Counter::DropRepeated)
    }

    /// Takes a way out.
    #[inline(always)]
    fn go(&mut self, exit: Counter) {
        self.exit = exit;
        self.first_exit = exit as u8;
    }
}

/// Decides an INVITE that was read.
#[inline(always)]
pub(super) fn invite(reading: &Reading, scratch: &Scratch) -> Decision {
    if reading.trunk == NO_TRUNK {
        return Decision::new(Counter::PassUntrusted);
    }
    if reading.not_plain != 0 {
        return Decision::new(Counter::PassNotPlain);
    }
    let mut decision = Decision::new(Counter::Pass);
    if let Some(settings) = maps::settings() {
        attempted(&mut decision, scratch, settings, reading);
    }
    decision
}

/// The way out of an ACK, CANCEL or BYE: with its call, where that was stopped.
#[inline(always)]
pub(super) fn follow_up(scratch: &Scratch, source: Address) -> Counter {
    if let Some(trunk) = maps::trunk(source)
        && let Some(settings) = maps::settings()
        && scan::request(scratch).is_ok()
        && attempt::is_stopped(scratch, settings, trunk.index)
    {
        return Counter::DropFollowUp;
    }
    Counter::NotInvite
}

/// One verdict for the call attempt: what it was told before, else what the rules say.
#[inline(always)]
fn attempted(decision: &mut Decision, scratch: &Scratch, settings: &Settings, reading: &Reading) {
    if reading.priority != 0 || emergency(settings, reading.called) {
        return decision.go(Counter::PassPriority);
    }
    if reading.in_dialog != 0 {
        return decision.go(Counter::PassInDialog);
    }
    let check = check(reading.ani, reading.called, &settings.attempt_keys);
    let mut attempt = Attempt::of(scratch, settings, reading.trunk, check);
    if let Some(attempt) = &mut attempt
        && let Some(first) = attempt.told(now(decision))
    {
        decision.exit = match is_stop(first) {
            true => Counter::DropRepeated,
            false => Counter::PassRepeated,
        };
        decision.first_exit = first;
        return;
    }
    let exit = rules(decision, settings, reading);
    decision.go(exit);
    if let Some(attempt) = &mut attempt {
        attempt.tell(exit, now(decision));
        if is_stop(exit as u8) {
            maps::stopped(now(decision));
        }
    }
}

#[inline(always)]
fn rules(decision: &mut Decision, settings: &Settings, reading: &Reading) -> Counter {
    if reading.ani.is_none() {
        return Counter::PassNoAni;
    }
    if settings.block_list != 0
        && let Some(entry) = maps::blocked(reading.ani)
    {
        if entry.expires_ns == 0 || now(decision) < entry.expires_ns {
            return Counter::DropBlocked;
        }
    }
    if settings.limit_interval_ns != 0 {
        let key = BucketKey {
            caller: reading.ani,
            trunk: reading.trunk,
            limit: 0,
            attestation: u32::from(reading.attestation),
        };
        if let Err(exit) = limit::spend(&key, now(decision), settings) {
            return exit;
        }
    }
    Counter::Pass
}

#[inline(always)]
fn emergency(settings: &Settings, dialled: Number) -> bool {
    let mut found = false;
    for number in settings.emergency {
        found |= number == dialled;
    }
    found && !dialled.is_none()
}

/// The time, asked for once a packet.
#[inline(always)]
fn now(decision: &mut Decision) -> u64 {
    if decision.now_ns == 0 {
        // SAFETY: the helper takes nothing and returns a number.
        decision.now_ns = unsafe { bpf_ktime_get_ns() };
    }
    decision.now_ns
}
