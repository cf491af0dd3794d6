//! Calls that nothing speaks against.

use xtask::lab::{
    SBC_INTERFACE,
    daemon::Settings,
    uac::{Callers, Plan, Route},
};

use crate::rig::Rig;

const CALLS: u32 = 10;

fn complete(callers: Callers, route: Route) {
    let rig = Rig::start(&Settings::default());
    let outcome = rig.call(&Plan::new(callers, CALLS, 10).over(route));
    assert!(outcome.all_completed(CALLS), "{outcome:?}");
    let received = rig.sbc.received().expect("the SBC's log");
    assert_eq!(rig.daemon.counter("invites").expect("counter"), received.len() as u64);
    assert_eq!(rig.daemon.counter("dropped").expect("counter"), 0);
}

#[test]
fn calls_complete_over_ipv4() {
    complete(Callers::one("+12015550101"), Route::V4);
}

#[test]
fn calls_complete_over_ipv6() {
    complete(Callers::one("+12015550102"), Route::V6);
}

#[test]
fn anonymous_calls_complete() {
    complete(Callers::Anonymous, Route::V4);
}

#[test]
fn calls_from_no_configured_trunk_complete_and_are_counted_as_such() {
    let rig = Rig::start(&Settings::default());
    let caller = "+12015550103";
    rig.daemon.cli(&["block", "add", caller]).expect("block add");
    let outcome = rig.call(&Plan::new(Callers::one(caller), CALLS, 10).over(Route::OtherV4));
    assert!(outcome.all_completed(CALLS), "{outcome:?}");
    let counted = rig.daemon.counter("passed_untrusted").expect("counter");
    assert_eq!(counted, rig.received(caller) as u64);
}

#[test]
fn status_names_the_interface_and_top_callers_the_caller() {
    let rig = Rig::start(&Settings::default());
    let caller = "+12015550104";
    rig.assert_reachable(caller);
    let status = rig.daemon.status().expect("status");
    let interface = &status["interfaces"][0];
    assert_eq!(interface["name"], SBC_INTERFACE, "{status}");
    let mode = interface["mode"].as_str();
    assert!(matches!(mode, Some("native" | "generic")), "{status}");
    assert!(status["uptime_s"].is_number(), "{status}");
    for arguments in [["top", "callers"].as_slice(), &["top", "callers", "--json"]] {
        let said = rig.daemon.cli(arguments).expect("top callers");
        assert!(said.contains(caller), "{said}");
    }
}
