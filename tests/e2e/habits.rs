//! A carrier that changes what it sends, seen by the daemon and remembered.

use std::time::Duration;

use xtask::lab::{
    daemon::Settings,
    process::wait_for,
    uac::{Callers, Plan},
};

use crate::rig::{Rig, SETTLE};

const CALLER: &str = "+12015550101";

/// How often the daemon tells of changes, and some more.
const TOLD: Duration = Duration::from_secs(20);

#[test]
fn a_carrier_that_stops_asserting_its_callers_is_told_of() {
    let settings = Settings::default();
    let rig = Rig::start(&settings);
    let calls = |callers, count| {
        let outcome = rig.call(&Plan::new(callers, count, 50));
        assert!(outcome.all_completed(count), "{outcome:?}");
    };
    let lint = |rig: &Rig| rig.daemon.cli(&["trunk", "lint", "--json"]).expect("lint");
    calls(Callers::one(CALLER), 110);
    assert!(lint(&rig).contains("\"changes\":[]"), "{}", lint(&rig));
    calls(Callers::Anonymous, 110);
    wait_for("the change", SETTLE, || lint(&rig).contains("\"habit\":\"p-asserted-identity\""))
        .expect("the change");
    let said = rig.daemon.cli(&["trunk", "lint"]).expect("lint");
    assert!(
        said.contains("INVITEs that have P-Asserted-Identity: 100 of 100 before, 0 of 50 since"),
        "{said}"
    );
    wait_for("a warning", TOLD, || {
        let log = rig.daemon.log();
        log.is_ok_and(|log| log.contains("changed: INVITEs that have P-Asserted-Identity"))
    })
    .expect("a warning");

    let rig = rig.restarted(&settings);
    assert_eq!(rig.daemon.cli(&["trunk", "lint"]).expect("lint"), said);
}
