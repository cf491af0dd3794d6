//! INVITEs that only the daemon can decide: held, released, or stopped.

use std::time::Duration;

use nix::sys::signal::Signal;
use xtask::lab::{
    daemon::Settings,
    process::wait_for,
    uac::{Callers, Outcome, Plan, Route, Uac},
};

use crate::rig::{PATIENCE, Rig, SETTLE, impatient};

pub(crate) const BLOCKED: &str = "+12015550166";
pub(crate) const HONEST: &str = "+12015550101";

/// A second value that RFC 3325 §9.1 allows, and with which the program leaves an INVITE to the daemon.
pub(crate) const TWICE: &str = "P-Asserted-Identity: <tel:[field0]>";

const CALLS: u32 = 1_000;

/// A rig with a list that could be against a call.
pub(crate) fn rig(mode: &'static str) -> Rig {
    let rig = Rig::start(&Settings { mode, ..Settings::default() });
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    rig
}

pub(crate) fn tally(rig: &Rig, name: &str) -> u64 {
    rig.daemon.tally(name).expect("tally")
}

/// Every held INVITE went one way.
pub(crate) fn adds_up(rig: &Rig) {
    let held = || rig.daemon.counter("held").expect("counter");
    let ways = [
        "held_released",
        "held_stopped",
        "held_repeated",
        "held_late",
        "held_old",
        "held_full",
        "held_queue_full",
        "held_unread",
        "held_incomplete",
    ];
    let all = || ways.iter().map(|way| tally(rig, way)).sum::<u64>();
    let account = wait_for("held INVITEs equal to what became of them", SETTLE, || held() == all());
    assert!(account.is_ok(), "{} held: {}", held(), rig.daemon.status().expect("status"));
    assert_eq!(tally(rig, "release_failed"), 0);
}

/// All of so many held calls complete, and none comes to the SBC twice.
pub(crate) fn complete(rig: &Rig, route: Route, padding: usize) {
    let before = rig.received(HONEST);
    let counter = |name| rig.daemon.counter(name).expect("counter");
    // On a busy machine one may pass instead.
    let not_held = || ["hold_stale", "hold_behind"].map(counter).iter().sum::<u64>();
    let (held, passed, released) = (counter("held"), not_held(), tally(rig, "held_released"));
    let plan = Plan::new(Callers::one(HONEST), CALLS, 200).over(route).padded(padding).with(TWICE);
    let outcome = rig.call(&plan);
    assert!(outcome.all_completed(CALLS), "{route:?}, {padding}: {outcome:?}");
    adds_up(rig);
    let (held, passed) = (counter("held") - held, not_held() - passed);
    let released = tally(rig, "held_released") - released;
    assert!(held + passed >= CALLS.into(), "{held} held, {passed} not: {outcome:?}");
    let most = held + passed;
    let status = || rig.daemon.status().expect("status");
    assert!(released * 10 > most * 9, "{released} of {most}: {}", status());
    // A socket's buffer may be full then too; nothing comes twice.
    let received = (rig.received(HONEST) - before) as u64;
    assert!((u64::from(CALLS)..=most).contains(&received), "{received} of {most}: {outcome:?}");
    if outcome.retransmitted == 0 {
        assert_eq!(received, most);
    }
}

/// None of a blocked caller's calls gets through.
pub(crate) fn stopped(rig: &Rig, plan: &Plan) -> Outcome {
    let before = rig.received(BLOCKED);
    let outcome = rig.call(plan);
    assert_eq!(outcome.completed, 0, "{outcome:?}");
    assert!(outcome.retransmitted > 0, "{outcome:?}");
    assert_eq!(rig.received(BLOCKED), before, "an INVITE reached the SBC: {outcome:?}");
    outcome
}

#[test]
fn a_thousand_of_a_thousand_held_calls_complete() {
    let rig = rig("native");
    complete(&rig, Route::V4, 0);
    complete(&rig, Route::V6, 0);
}

#[test]
fn in_fragments_too_of_which_only_the_first_is_held() {
    let rig = rig("native");
    for route in [Route::V4, Route::V6] {
        complete(&rig, route, 1_600);
    }
    assert!(tally(&rig, "fragments_reassembled") >= 2 * u64::from(CALLS));
}

#[test]
fn and_behind_a_generic_program_which_sees_released_frames_again() {
    let rig = rig("generic");
    complete(&rig, Route::V4, 0);
    complete(&rig, Route::V6, 1_600);
    let again = rig.daemon.counter("released").expect("counter");
    assert_eq!(again, rig.daemon.counter("held").expect("counter"), "each once");
}

#[test]
fn what_is_not_plain_is_no_way_around_a_list() {
    let rig = rig("native");
    let mut placed = 0;
    for padding in [0, 1_600] {
        for route in [Route::V4, Route::V6] {
            let plan = impatient(BLOCKED, 3).over(route).padded(padding).with(TWICE);
            placed += stopped(&rig, &plan).placed;
        }
    }
    adds_up(&rig);
    assert!(tally(&rig, "held_stopped") > placed, "retransmissions too");
    assert_eq!(rig.daemon.counter("undecided").expect("counter"), 0);
    rig.assert_reachable(HONEST);
}

#[test]
fn a_limit_is_spent_by_both_forms() {
    let rig = Rig::with_budget(3);
    let call = |header: Option<&str>| {
        let plan = Plan::new(Callers::one(HONEST), 2, 10).once(PATIENCE);
        let plan = header.map_or(plan.clone(), |header| plan.with(header));
        rig.call(&plan).completed
    };
    assert_eq!((call(None), call(Some(TWICE)), call(None)), (2, 1, 0));
    adds_up(&rig);
}

#[test]
fn a_daemon_that_stands_still_holds_nothing_for_long() {
    let rig = rig("native");
    rig.assert_stopped(BLOCKED);
    rig.daemon.signal(Signal::SIGSTOP).expect("SIGSTOP");
    // The first of them are held, and come again when nothing is held any more.
    let plan = Plan::new(Callers::one(HONEST), 20, 10).with(TWICE);
    let calls = Uac::start(&rig.lab, &plan).expect("calls");
    let outcome = calls.finish().expect("calls");
    rig.daemon.signal(Signal::SIGCONT).expect("SIGCONT");
    assert!(outcome.all_completed(20), "{outcome:?}");
    // Lists hold all the while, and what was held meanwhile goes on.
    wait_for("signs of life", SETTLE, || {
        rig.daemon.counter("hold_stale").is_ok_and(|count| count > 0)
    })
    .expect("what passed was counted");
    adds_up(&rig);
    std::thread::sleep(Duration::from_millis(300));
    stopped(&rig, &impatient(BLOCKED, 2).with(TWICE));
}
