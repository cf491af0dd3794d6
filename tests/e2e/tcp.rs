//! SIP over TCP: seen and never stopped.

use xtask::lab::{
    daemon::Settings,
    process::wait_for,
    uac::{Callers, Plan, Route},
};

use crate::rig::{Rig, SETTLE};

const CALLS: u32 = 20;

/// Waits until the daemon has analysed so many INVITEs.
fn assert_analysed(rig: &Rig, invites: u64) {
    let analysed = || rig.daemon.tally("invites").ok();
    let come = wait_for("the INVITEs", SETTLE, || analysed() == Some(invites));
    assert!(come.is_ok(), "{:?} of {invites}", analysed());
}

#[test]
fn calls_over_tcp_complete_and_are_seen() {
    for (route, padding, mode) in [
        (Route::V4, 0, "native"),
        (Route::V6, 0, "native"),
        (Route::V4, 6_000, "native"),
        // Behind the stack's merging of segments.
        (Route::V4, 6_000, "generic"),
    ] {
        let rig = Rig::start(&Settings { mode, ..Settings::default() });
        let caller = "+12015550105";
        let plan = Plan::new(Callers::one(caller), CALLS, 40).over(route).tcp().padded(padding);
        let outcome = rig.call(&plan);
        assert!(outcome.all_completed(CALLS), "{route:?}: {outcome:?}");
        assert_analysed(&rig, u64::from(CALLS));
        assert_eq!(rig.received(caller), CALLS as usize);
        // INVITE, ACK and BYE of each call.
        assert_eq!(rig.daemon.tally("tcp_messages").expect("tally"), 3 * u64::from(CALLS));
        for loss in ["tcp_gaps", "tcp_unfinished", "tcp_too_long", "invites_cut"] {
            assert_eq!(rig.daemon.tally(loss).expect("tally"), 0, "{loss}");
        }
        let said = rig.daemon.cli(&["top", "callers"]).expect("top callers");
        assert!(said.contains(caller), "{said}");
    }
}

#[test]
fn a_blocked_caller_is_not_stopped_over_tcp_and_that_is_told() {
    let rig = Rig::with_budget(1);
    let caller = "+12015550166";
    rig.daemon.cli(&["block", "add", caller]).expect("block add");
    let outcome = rig.call(&Plan::new(Callers::one(caller), 4, 10).tcp());
    assert!(outcome.all_completed(4), "{outcome:?}");
    assert_analysed(&rig, 4);
    assert_eq!(rig.daemon.counter("dropped").expect("counter"), 0);
    assert!(rig.daemon.counter("tcp_segment").expect("counter") >= 12);
    assert_eq!(rig.daemon.counter("lost_parts").expect("counter"), 0);
}
