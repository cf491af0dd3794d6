//! Blocked callers, and the block list through restarts.

use xtask::lab::{
    daemon::Settings,
    uac::{Callers, Plan, Uac},
};

use crate::rig::{Rig, impatient};

const BLOCKED: &str = "+12015550166";
const OTHER: &str = "+12015550101";

#[test]
fn not_even_the_first_invite_of_a_blocked_caller_reaches_the_sbc() {
    let rig = Rig::start(&Settings::default());
    rig.daemon.cli(&["block", "add", BLOCKED, "--reason", "test"]).expect("block add");

    let blocked = Uac::start(&rig.lab, &impatient(BLOCKED, 5)).expect("blocked calls");
    let other = Uac::start(&rig.lab, &Plan::new(Callers::one(OTHER), 20, 10)).expect("other calls");
    let blocked = blocked.finish().expect("blocked calls");
    let other = other.finish().expect("other calls");

    assert!(other.all_completed(20), "{other:?}");
    assert_eq!((blocked.placed, blocked.completed), (5, 0), "{blocked:?}");
    assert_eq!(rig.received(BLOCKED), 0);
    let counted = |name| rig.daemon.counter(name).expect("counter");
    assert_eq!(counted("dropped_blocked"), blocked.placed);
    assert_eq!(counted("dropped_repeated"), blocked.retransmitted);
}

#[test]
fn a_block_holds_when_the_command_returns_and_after_a_restart() {
    let settings = Settings::default();
    let rig = Rig::start(&settings);
    rig.assert_reachable(BLOCKED);
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    rig.assert_stopped(BLOCKED);

    let rig = rig.restarted(&settings);
    rig.assert_stopped(BLOCKED);
    let list = rig.daemon.cli(&["block", "list"]).expect("block list");
    assert!(list.contains(BLOCKED), "{list}");
}

#[test]
fn an_unblock_holds_when_the_command_returns_and_after_a_restart() {
    let settings = Settings::default();
    let rig = Rig::start(&settings);
    rig.daemon.cli(&["block", "add", BLOCKED, OTHER]).expect("block add");
    rig.assert_stopped(BLOCKED);
    rig.daemon.cli(&["block", "rm", BLOCKED]).expect("block rm");
    rig.assert_reachable(BLOCKED);
    rig.assert_stopped(OTHER);

    let rig = rig.restarted(&settings);
    rig.assert_reachable(BLOCKED);
    rig.assert_stopped(OTHER);
}

#[test]
fn what_is_no_number_is_refused_and_blocks_nobody() {
    let rig = Rig::start(&Settings::default());
    let refused = rig.daemon.try_cli(&["block", "add", "anonymous"]).expect("ani");
    assert!(!refused.status.success(), "{refused:?}");
    let reason = String::from_utf8_lossy(&refused.stderr);
    assert!(reason.contains("anonymous"), "{reason}");
    rig.assert_reachable(OTHER);
}
