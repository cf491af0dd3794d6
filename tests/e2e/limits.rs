//! The rate limit.

use xtask::lab::{
    daemon::Settings,
    uac::{Callers, Plan, Route},
};

use crate::rig::{PATIENCE, Rig};

const LIMITED: &str = "+12015550177";
const OTHER: &str = "+12015550101";

/// Calls of one INVITE each.
fn once(caller: &str, calls: u32) -> Plan {
    Plan::new(Callers::one(caller), calls, 10).once(PATIENCE)
}

#[test]
fn a_caller_gets_exactly_his_budget() {
    let rig = Rig::with_budget(5);
    let outcome = rig.call(&once(LIMITED, 15));
    assert_eq!((outcome.placed, outcome.completed, outcome.failed), (15, 5, 10));
    assert_eq!(rig.received(LIMITED), 5);
    assert_eq!(rig.daemon.counter("dropped_limited").expect("counter"), 10);
}

#[test]
fn one_callers_budget_is_not_anothers() {
    let rig = Rig::with_budget(3);
    rig.call(&once(LIMITED, 6));
    assert_eq!(rig.received(LIMITED), 3);
    let outcome = rig.call(&once(OTHER, 3));
    assert!(outcome.all_completed(3), "{outcome:?}");
}

#[test]
fn a_budget_is_spent_over_ipv4_and_ipv6_together() {
    let rig = Rig::with_budget(5);
    rig.call(&once(LIMITED, 3));
    rig.call(&once(LIMITED, 7).over(Route::V6));
    assert_eq!(rig.received(LIMITED), 5);
}

#[test]
fn a_limit_that_is_set_holds_when_the_command_returns() {
    let rig = Rig::start(&Settings::default());
    rig.daemon.cli(&["limit", "set", "2 per 10m"]).expect("limit set");
    rig.call(&once(LIMITED, 6));
    assert_eq!(rig.received(LIMITED), 2);
}
