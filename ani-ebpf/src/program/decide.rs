//! What the lists and limits say about a plain INVITE, in the order of the design: priority calls,
//! calls within a dialog, allow lists, what the call attempt was told before, block lists, limits, gray
//! lists, pass.

use ani_ebpf::{
    abi::{
        counter::Counter, list::Action, number::Number, record::NO_TRUNK, settings::Settings,
        settle::Question,
    },
    attempt::is_stop,
    scan::{self, Scratch},
};

use super::{
    attempt,
    decision::{Decision, NOTHING},
    frame::Frame,
    hold, limit, list, maps,
    network::Address,
    reading::Reading,
};

/// Decides an INVITE that was read.
#[inline(always)]
pub(super) fn invite(frame: &Frame<'_>, decision: &Decision, reading: &Reading, scratch: &Scratch) {
    if reading.trunk == NO_TRUNK {
        return decision.start(Counter::PassUntrusted);
    }
    let Some(settings) = maps::settings() else {
        return decision.start(Counter::PassUnfinished);
    };
    if reading.not_plain != 0 {
        decision.start(Counter::PassNotPlain);
        if settings.hold != 0 && hold::is_possible(frame, decision, settings) {
            decision.hold();
        }
        return;
    }
    decision.start(Counter::Pass);
    if !attempted(decision, reading, settings, || attempt::key(scratch, settings, reading.trunk)) {
        return;
    }
    if is_open(decision) && reading.is_to_be_held() && hold::is_possible(frame, decision, settings)
    {
        return decision.hold();
    }
    attempt::remember(decision, settings);
}

/// Decides a call that was held, by what the daemon read of it.
#[inline(always)]
pub(super) fn settle(decision: &Decision, question: &Question) {
    decision.start(Counter::Pass);
    let Some(settings) = maps::settings() else { return };
    let reading = Reading::of(question);
    let key = attempt::key_of(question, settings);
    if question.has(Question::PASS | Question::STOP) {
        attempt::find(decision, &reading, key, settings);
        let stops = question.has(Question::STOP);
        decision.take(if stops { Counter::Held } else { Counter::Pass });
    } else if !attempted(decision, &reading, settings, || key) {
        return;
    } else if question.has(Question::WAITS) && is_open(decision) {
        return;
    }
    attempt::remember(decision, settings);
}

/// Whether nothing has decided for good: neither against the call nor, by an allow list, for it.
#[inline(always)]
fn is_open(decision: &Decision) -> bool {
    !decision.is_stop() && !decision.is(Counter::PassAllowed)
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

/// One verdict for the call attempt: what it was told before, else what the rules say. Whether it is
/// one to be remembered.
#[inline(always)]
fn attempted(
    decision: &Decision,
    reading: &Reading,
    settings: &Settings,
    key: impl FnOnce() -> u64,
) -> bool {
    if reading.priority != 0 || emergency(settings, reading.called) {
        decision.take(Counter::PassPriority);
        return false;
    }
    if reading.in_dialog != 0 {
        decision.take(Counter::PassInDialog);
        return false;
    }
    attempt::find(decision, reading, key(), settings);
    let told = decision.told();
    // Nothing speaks louder against it than for it, so lists are left alone.
    if told != NOTHING && !is_stop(told) {
        decision.repeat(Counter::PassRepeated, told);
        return false;
    }
    list::find(decision, reading, settings);
    if decision.rank() == Action::Allow as u8 {
        decision.take(Counter::PassAllowed);
    } else if told != NOTHING {
        decision.repeat(Counter::DropRepeated, told);
        return false;
    } else {
        rules(decision, settings, reading);
    }
    true
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
