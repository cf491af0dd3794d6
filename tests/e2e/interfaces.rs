//! Two carriers, each on a network interface of its own.

use serde_json::Value;
use xtask::lab::{
    Lab, SBC_INTERFACE, SBC_INTERFACE_OTHER, TRUNK_OTHER,
    daemon::{Daemon, Settings, Trunk},
    process::wait_for,
    sbc::Sbc,
    uac::{Callers, Plan, Route, Uac},
};

use crate::rig::{PATIENCE, Rig, SETTLE, ani};

const CALLS: u32 = 40;
const BLOCKED: &str = "+12015550166";

fn rig() -> Rig {
    let ani = ani();
    let lab = Lab::new().expect("lab");
    lab.separate().expect("a second link");
    let sbc = Sbc::start(&lab).expect("SBC");
    let mut settings = Settings { other_interface: true, ..Settings::default() };
    settings.trunks.push(Trunk { name: "carrier-b", sources: vec![TRUNK_OTHER], keys: "" });
    let daemon = Daemon::start(&lab, ani, &settings).expect("daemon");
    Rig { daemon, sbc, lab }
}

/// What the daemon knows of a trunk's calls: calls, INVITEs that passed, and that were stopped.
fn trunk(status: &Value, name: &str) -> [u64; 3] {
    let trunks = status["trunks"].as_array().expect("trunks");
    let trunk = trunks.iter().find(|trunk| trunk["name"] == name).expect(name);
    ["calls", "passed", "dropped"].map(|count| trunk[count].as_u64().expect(count))
}

#[test]
fn calls_over_two_interfaces_complete_and_are_counted_together() {
    let rig = rig();
    let status = rig.daemon.status().expect("status");
    let interfaces = status["interfaces"].as_array().expect("interfaces");
    let names: Vec<_> =
        interfaces.iter().filter_map(|interface| interface["name"].as_str()).collect();
    assert_eq!(names, [SBC_INTERFACE, SBC_INTERFACE_OTHER]);

    let ways = [("+12015550101", Route::V4), ("+12015550102", Route::OtherV4)];
    let calling = ways.map(|(caller, route)| {
        Uac::start(&rig.lab, &Plan::new(Callers::one(caller), CALLS, 20).over(route)).expect("sipp")
    });
    for (uac, (caller, _)) in calling.into_iter().zip(ways) {
        let outcome = uac.finish().expect("calls");
        assert!(outcome.all_completed(CALLS), "{caller}: {outcome:?}");
    }

    // The block list holds on both.
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    for (_, route) in ways {
        let plan = Plan::new(Callers::one(BLOCKED), 3, 10).over(route).once(PATIENCE);
        assert_eq!(rig.call(&plan).completed, 0, "{route:?}");
    }
    assert_eq!(rig.received(BLOCKED), 0);

    // The worker may be behind.
    let calls = u64::from(CALLS);
    let counted = |name| trunk(&rig.daemon.status().expect("status"), name);
    wait_for("both trunks' calls", SETTLE, || {
        ["carrier-a", "carrier-b"].iter().all(|name| counted(name)[0] >= calls + 3)
    })
    .expect("both trunks' calls");
    for (name, (caller, _)) in ["carrier-a", "carrier-b"].into_iter().zip(ways) {
        // One that is sent again reaches the SBC again.
        let received = rig.received(caller) as u64;
        assert!(received >= calls);
        assert_eq!(counted(name), [calls + 3, received, 3], "{name}");
    }
    let [invites, captured, lost] =
        ["invites", "captured", "lost"].map(|name| rig.daemon.counter(name).expect("counter"));
    let received = rig.sbc.received().expect("the SBC's log").len() as u64;
    assert_eq!((invites, captured, lost), (received + 6, invites, 0));
}
