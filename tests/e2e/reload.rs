//! A changed configuration file, read at SIGHUP.

use nix::sys::signal::Signal;
use xtask::lab::{
    TRUNK_OTHER,
    daemon::{self, Settings, Trunk},
    process::wait_for,
    uac::{Callers, Plan, Route},
};

use crate::rig::{PATIENCE, Rig, SETTLE};

const BLOCKED: &str = "+12015550166";
const LIMITED: &str = "+12015550177";

#[test]
fn a_broken_file_is_refused_and_the_old_one_stays_in_force() {
    let rig = Rig::with_budget(2);
    let before = rig.daemon.log().expect("log").len();
    rig.lab
        .write("ani.toml", "[capture]\ninterfaces = [\"sbc0\"]\nsip_ports = \"all\"\n")
        .expect("file");
    rig.daemon.signal(Signal::SIGHUP).expect("SIGHUP");
    wait_for("a refusal that names file and line", SETTLE, || {
        let log = rig.daemon.log();
        log.is_ok_and(|log| log.get(before..).is_some_and(|new| new.contains("ani.toml:3")))
    })
    .expect("a refusal");

    rig.call(&Plan::new(Callers::one(LIMITED), 5, 10).once(PATIENCE));
    assert_eq!(rig.received(LIMITED), 2);
}

#[test]
fn a_new_trunk_and_a_new_limit_are_taken() {
    let mut settings = Settings::default();
    let rig = Rig::start(&settings);
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    let from_other = |caller, calls| {
        let plan = Plan::new(Callers::one(caller), calls, 10).over(Route::OtherV4);
        rig.call(&plan.once(PATIENCE))
    };
    // No trunk yet: no rule applies.
    assert!(from_other(BLOCKED, 1).all_completed(1));

    settings.trunks.push(Trunk { name: "carrier-b", sources: vec![TRUNK_OTHER], keys: "" });
    settings.per_caller = Some((2, "10m"));
    daemon::configure(&rig.lab, &settings).expect("file");
    rig.daemon.signal(Signal::SIGHUP).expect("SIGHUP");
    wait_for("the new trunk", SETTLE, || from_other(BLOCKED, 1).completed == 0).expect("trunk");

    let outcome = from_other(LIMITED, 6);
    assert_eq!((outcome.placed, outcome.completed), (6, 2));
    assert_eq!(rig.received(LIMITED), 2);
}
