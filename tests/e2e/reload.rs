//! A changed configuration file, read at SIGHUP or when a command asks for it.

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

#[test]
fn a_command_says_what_it_changed_and_a_signal_has_the_log_say_it() {
    let mut settings = Settings::default();
    let rig = Rig::start(&settings);
    let text = |arguments: &[&str]| rig.daemon.cli(arguments).expect("a command");
    assert!(text(&["reload"]).starts_with("nothing changed: "));

    settings.trunks.push(Trunk { name: "carrier-b", sources: vec![TRUNK_OTHER], keys: "" });
    settings.per_caller = Some((2, "10m"));
    settings.mode = "generic";
    let file = daemon::configure(&rig.lab, &settings).expect("file");
    let lines = format!(
        "capture.mode: auto -> generic (needs a restart)\n\
         trunk carrier-b: new: sources {TRUNK_OTHER}; country US; profile generic\n\
         limits.per_caller: none -> 2 per 10m\n"
    );
    assert!(text(&["reload", "--check"]).starts_with(&lines));
    assert_eq!(
        text(&["reload"]),
        format!("{lines}{} is in force, but for what needs a restart\n", file.display())
    );
    // When the command returns.
    let plan = Plan::new(Callers::one(LIMITED), 6, 10).over(Route::OtherV4);
    let outcome = rig.call(&plan.once(PATIENCE));
    assert_eq!((outcome.placed, outcome.completed), (6, 2));

    rig.lab.write("ani.toml", "[capture]\n\nsip_ports = \"all\"\n").expect("file");
    let refused = rig.daemon.try_cli(&["reload"]).expect("a command");
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("ani.toml:3: capture.sip_ports: "), "{stderr}");

    settings.per_caller = None;
    settings.mode = "auto";
    daemon::configure(&rig.lab, &settings).expect("file");
    rig.daemon.signal(Signal::SIGHUP).expect("SIGHUP");
    wait_for("what the signal changed", SETTLE, || {
        let log = rig.daemon.log();
        log.is_ok_and(|log| log.contains("limits.per_caller: 2 per 10m -> none"))
    })
    .expect("a line of the log");
}
