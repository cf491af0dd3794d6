//! Calls that are mirrored and only observed: how the commands say so.

use ani_user::{
    capture::{Reach, Transport},
    invite::Invite,
    policy::Verdict,
};
use serde_json::{Value, json};

use crate::{config, rig, rig::Rig};

#[test]
fn the_status_names_the_port_they_come_in_on() {
    let rig = Rig::new(&config("[capture]\nhep = '127.0.0.1:9060'"));
    assert_eq!(rig.json(&["status"])["hep"], "127.0.0.1:9060");
    let text = rig.text(&["status"]);
    let expected = "mirrored    HEP on 127.0.0.1:9060; such calls are only observed\n";
    assert!(text.contains(expected), "{text}");
    let without = Rig::new(&config(""));
    assert_eq!(without.json(&["status"])["hep"], Value::Null);
    assert!(!without.text(&["status"]).contains("mirrored"));
}

#[test]
fn a_caller_says_how_many_of_his_invites_no_rule_could_stop() {
    let rig = Rig::new(&config(""));
    let stopped = rig::invite("+14155550001", Verdict::Drop, rig.clock.time());
    let observed = Invite {
        transport: Transport::Tls,
        reach: Reach::Observe,
        ..rig::invite("+14155550001", Verdict::Pass, rig.clock.time())
    };
    rig.daemon().telemetry.record(&stopped);
    assert!(!rig.text(&["caller", "+14155550001"]).contains("observed"));
    rig.daemon().telemetry.record(&observed);
    rig.daemon().telemetry.record(&observed);
    let seen = &rig.json(&["caller", "+14155550001"])["seen"];
    assert_eq!(
        (&seen["passed"], &seen["dropped"], &seen["observed"]),
        (&json!(2), &json!(1), &json!(2))
    );
    assert_eq!(seen["last_transport"], "tls");
    let text = rig.text(&["caller", "+14155550001"]);
    assert!(text.contains("last transport tls\n"), "{text}");
    let expected = "INVITEs        3: 2 passed, 1 dropped\n\
                    only observed  2 of them: no rule could stop them\n";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_configuration_that_only_observes_says_so() {
    let rig = Rig::new(&config(""));
    let check = |text: &str| {
        let file = rig.path("check.toml");
        std::fs::write(&file, text).expect("a file");
        let done = rig::ani(&["check-config", &file]);
        assert_eq!(done.code, 0, "{}", done.stderr);
        done.stdout
    };
    let said = check(&config("[capture]\nhep = '[::]:9060'"));
    assert!(said.contains("HEP is taken on [::]:9060 from 2 networks\n"), "{said}");
    assert!(said.ends_with("no interface is configured: calls are observed, none is stopped\n"));
    let said = check(&config("[capture]\nhep = '[::]:9060'\ninterfaces = ['eth0']"));
    assert!(said.ends_with("HEP is taken on [::]:9060 from 2 networks\n"), "{said}");
    let said = check(&config(""));
    assert!(said.contains("`ani run` needs an interface: set capture.interfaces\n"), "{said}");
}
