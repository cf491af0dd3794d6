//! What the lists and limits say about a plain INVITE, in the order of the design: priority calls,
//! calls within a dialog, what the call attempt was told before, the block list, the limit, pass.

use ani_ebpf::{
    abi::{
        counter::Counter,
        limit::BucketKey,
        number::Number,
        settings::Settings,
        trunk::{AniOrder, Trunk},
    },
    attempt::{check, is_stop},
    dial_plan::Dialled,
    scan::{self, AniHeader, Attestation, NotPlain, Scratch},
};
use aya_ebpf::helpers::generated::bpf_ktime_get_ns;

use super::{
    attempt::{self, Attempt},
    limit, maps,
    network::Address,
};

/// A verdict and what it rests on.
pub(super) struct Decision {
    pub(super) exit: Counter,
    /// The way out its call attempt was given first, a [`Counter`]; the same as `exit` but for a
    /// repeated INVITE.
    pub(super) first_exit: u8,
    pub(super) not_plain: Option<NotPlain>,
    pub(super) trunk: Option<u16>,
    pub(super) ani: Number,
    pub(super) ani_header: Option<AniHeader>,
    pub(super) attestation: Attestation,
    /// CLOCK_MONOTONIC; 0 when nothing asked for the time yet.
    pub(super) now_ns: u64,
}

impl Decision {
    #[inline(always)]
    pub(super) fn new(exit: Counter) -> Self {
        Self {
            exit,
            first_exit: exit as u8,
            not_plain: None,
            trunk: None,
            ani: Number::NONE,
            ani_header: None,
            attestation: Attestation::None,
            now_ns: 0,
        }
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

/// Decides an INVITE whose request line was recognised.
#[inline(always)]
pub(super) fn invite(scratch: &Scratch, source: Address) -> Decision {
    let Some(trunk) = maps::trunk(source) else {
        return Decision::new(Counter::PassUntrusted);
    };
    let mut decision = Decision::new(Counter::Pass);
    decision.trunk = Some(trunk.index);
    let plain = match scan::invite(scratch, &trunk.orders, &trunk.dial_plan) {
        Ok(plain) => plain,
        Err(why) => {
            decision.go(Counter::PassNotPlain);
            decision.not_plain = Some(why);
            return decision;
        }
    };
    decision.ani_header = plain.ani_header;
    decision.attestation = plain.attestation;
    if let Some(dialled) = plain.caller.digits()
        && let Some(number) = trunk.dial_plan.e164(dialled)
    {
        decision.ani = number;
    }
    if let Some(settings) = maps::settings() {
        attempted(&mut decision, scratch, settings, trunk, &plain);
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
fn attempted(
    decision: &mut Decision,
    scratch: &Scratch,
    settings: &Settings,
    trunk: &Trunk,
    plain: &scan::Plain,
) {
    if plain.priority || plain.called.digits().is_some_and(|digits| emergency(settings, digits)) {
        return decision.go(Counter::PassPriority);
    }
    if plain.in_dialog {
        return decision.go(Counter::PassInDialog);
    }
    let called = plain.called.digits().map_or(Number::NONE, Dialled::digits);
    let check = check(decision.ani, called, &settings.attempt_keys);
    let mut attempt = Attempt::of(scratch, settings, trunk.index, check);
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
    let exit = rules(decision, settings, trunk);
    decision.go(exit);
    if let Some(attempt) = &mut attempt {
        attempt.tell(exit, now(decision));
        if is_stop(exit as u8) {
            maps::stopped(now(decision));
        }
    }
}

#[inline(always)]
fn rules(decision: &mut Decision, settings: &Settings, trunk: &Trunk) -> Counter {
    if decision.ani.is_none() {
        return Counter::PassNoAni;
    }
    if settings.block_list != 0
        && let Some(entry) = maps::blocked(decision.ani)
    {
        if entry.expires_ns == 0 || now(decision) < entry.expires_ns {
            return Counter::DropBlocked;
        }
    }
    if settings.limit_interval_ns != 0 {
        let key = BucketKey {
            caller: decision.ani,
            trunk: trunk.index,
            limit: 0,
            attestation: decision.attestation as u32,
        };
        if let Err(exit) = limit::spend(&key, now(decision), settings) {
            return exit;
        }
    }
    Counter::Pass
}

#[inline(always)]
fn emergency(settings: &Settings, dialled: Dialled) -> bool {
    let digits = dialled.digits();
    let mut found = false;
    for number in settings.emergency {
        found |= number == digits;
    }
    found
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
