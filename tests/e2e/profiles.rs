//! Trunks whose callers stand in other headers than the usual ones.

use serde_json::Value;
use xtask::lab::{
    TRUNK,
    daemon::{Settings, Trunk},
    uac::{Callers, Plan},
};

use crate::rig::{PATIENCE, Rig};

const CHARGED: &str = "+13125550188";
const ASSERTED: &str = "+12015550101";

/// Where the called number is a toll-free one, who is charged is the caller, for the kernel's block list
/// as for the daemon; where it is not, he is not.
#[test]
fn a_toll_free_call_is_stopped_by_the_number_that_is_charged() {
    let settings = |keys| {
        let trunk = Trunk { name: "carrier-a", sources: TRUNK.to_vec(), keys };
        Settings { trunks: vec![trunk], ..Settings::default() }
    };
    // What the lab's calls go to begins with it.
    let rig = Rig::start(&settings("toll_free = [\"+1202555\"]"));
    rig.daemon.cli(&["block", "add", CHARGED]).expect("block add");
    let charged = Plan::new(Callers::one(ASSERTED), 2, 4)
        .with(&format!("P-Charge-Info: <sip:{CHARGED}@carrier.example.com>;npi=ISDN;noa=2"));

    let stopped = rig.call(&Plan { answer_within: PATIENCE, ..charged.clone() });
    assert_eq!((stopped.placed, stopped.completed), (2, 0), "{stopped:?}");
    let caller = caller(&rig, CHARGED);
    assert_eq!(caller["ani_source"]["p-charge-info"], 2, "{caller}");
    assert_eq!(caller["caller_id_mismatches"], 2, "{caller}");
    rig.assert_reachable(ASSERTED);

    let rig = rig.restarted(&settings(""));
    let outcome = rig.call(&charged);
    assert!(outcome.all_completed(2), "{outcome:?}");
    assert_eq!(rig.daemon.counter("undecided").expect("counter"), 0);
}

fn caller(rig: &Rig, number: &str) -> Value {
    let told = rig.daemon.cli(&["caller", number, "--json"]).expect("caller");
    serde_json::from_str::<Value>(&told).expect("JSON")["seen"].take()
}
