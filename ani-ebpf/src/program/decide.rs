//! What the lists and limits say about a plain INVITE, in the order of the design: priority calls,
//! calls within a dialog, allow lists, what the call attempt was told before, block lists, limits, gray
//! lists, pass.

use ani_ebpf::{
    abi::{counter::Counter, list::Action, number::Number, record::NO_TRUNK, settings::Settings},
    attempt::is_stop,
    scan::{self, Scratch},
};

use super::{
    attempt,
    decision::{Decision, NOTHING},
    limit, list, maps,
    network::Address,
    reading::Reading,
};

/// Decides an INVITE that was read.
#[inline(always)]
pub(super) fn invite(decision: &Decision, reading: &Reading, scratch: &Scratch) {
    if reading.trunk == NO_TRUNK {
        return decision.start(Counter::PassUntrusted);
    }
    if reading.not_plain != 0 {
        return decision.start(Counter::PassNotPlain);
    }
    decision.start(Counter::Pass);
    if let Some(settings) = maps::settings() {
        attempted(decision, scratch, settings, reading);
    }
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
fn attempted(decision: &Decision, scratch: &Scratch, settings: &Settings, reading: &Reading) {
    if reading.priority != 0 || emergency(settings, reading.called) {
        return decision.take(Counter::PassPriority);
    }
    if reading.in_dialog != 0 {
        return decision.take(Counter::PassInDialog);
    }
    attempt::find(decision, reading, scratch, settings);
    let told = decision.told();
    // Nothing speaks louder against it than for it, so lists are left alone.
    if told != NOTHING && !is_stop(told) {
        return decision.repeat(Counter::PassRepeated, told);
    }
    list::find(decision, reading, settings);
    if decision.rank() == Action::Allow as u8 {
        decision.take(Counter::PassAllowed);
    } else if told != NOTHING {
        return decision.repeat(Counter::DropRepeated, told);
    } else {
        rules(decision, settings, reading);
    }
    attempt::remember(decision, settings);
}

#[inline(always)]
fn rules(decision: &Decision, settings: &Settings, reading: &Reading) {
    let gray = decision.rank() == Action::Gray as u8;
    if decision.rank() == Action::Block as u8 {
        decision.take(Counter::DropBlocked);
    } else if limit::is_over(decision, reading, settings) {
        decision.take(Counter::DropLimited);
    } else if decision.is_contended() {
        decision.take(Counter::PassLimitFull);
    } else if gray {
        decision.take(Counter::PassGray);
    } else if reading.ani.is_none() {
        decision.take(Counter::PassNoAni);
    }
}

#[inline(always)]
fn emergency(settings: &Settings, dialled: Number) -> bool {
    let mut found = false;
    for number in settings.emergency {
        found |= number == dialled;
    }
    found && !dialled.is_none()
}
