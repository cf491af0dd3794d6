//! The daemon killed, and a second one on the same interface.

use std::time::Duration;

use nix::sys::signal::Signal;
use xtask::lab::{
    SBC_INTERFACE,
    daemon::{self, METRICS, Settings},
    uac::{Callers, Plan, Uac},
};

use crate::rig::{Rig, SETTLE, ani};

const BLOCKED: &str = "+12015550166";

#[test]
fn calls_go_on_when_the_daemon_is_killed() {
    const CALLS: u32 = 60;
    let mut rig = Rig::start(&Settings::default());
    let callers = (1..=20).map(|last| format!("+120155501{last:02}")).collect();
    let calls =
        Uac::start(&rig.lab, &Plan::new(Callers::Numbers(callers), CALLS, 10)).expect("calls");
    // In the middle of them.
    std::thread::sleep(Duration::from_secs(3));
    let seen = rig.daemon.counter("invites").expect("counter");
    assert!(seen > 0, "the calls do not pass the program");
    rig.daemon.signal(Signal::SIGKILL).expect("SIGKILL");
    let ended = rig.daemon.wait().expect("its end");
    assert!(!ended.success(), "{ended}");
    let outcome = calls.finish().expect("calls");
    assert!(outcome.all_completed(CALLS), "{outcome:?}");
}

#[test]
fn a_second_daemon_leaves_the_first_ones_program_in_place() {
    let rig = Rig::start(&Settings::default());
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");

    let first = std::fs::read_to_string(rig.lab.path("ani.toml")).expect("configuration");
    let second = first
        .replace("[control]", "[control]\nread_socket = \"\"")
        .replace("ani.sock", "second.sock")
        .replace("/store\"", "/second-store\"")
        .replace(&METRICS.to_string(), "127.0.0.1:9465");
    let second = rig.lab.write("second.toml", &second).expect("configuration");
    let mut process =
        daemon::spawn(&rig.lab, ani(), &second, "second.log").expect("a second daemon");
    let ended = process.wait(SETTLE * 2).expect("its end");
    assert!(!ended.success(), "{ended}");
    let said = process.log_tail();
    assert!(said.contains(SBC_INTERFACE), "{said}");

    rig.assert_stopped(BLOCKED);
}

#[test]
fn sigterm_ends_it_cleanly_and_calls_go_on() {
    let rig = Rig::start(&Settings::default());
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    rig.assert_stopped(BLOCKED);
    let Rig { daemon, sbc, lab } = rig;
    daemon.stop().expect("success after SIGTERM");
    assert!(!daemon::socket(&lab).exists(), "the socket is left behind");
    let outcome =
        xtask::lab::uac::call(&lab, &Plan::new(Callers::one(BLOCKED), 2, 4)).expect("calls");
    assert!(outcome.all_completed(2), "{outcome:?}");
    drop(sbc);
}
