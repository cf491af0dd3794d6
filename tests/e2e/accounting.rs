//! What the counters say about the packets that came.

use std::net::UdpSocket;

use ani_ebpf::abi::counter::{Counter, Kind, TABLE};
use serde_json::Value;
use xtask::lab::{
    process::wait_for,
    uac::{Callers, Plan, Route},
};

use crate::rig::{PATIENCE, Rig, SETTLE};

const BLOCKED: &str = "+12015550166";
const LIMITED: &str = "+12015550177";

fn count(status: &Value, name: &str) -> u64 {
    let count = status["counters"][name].as_u64();
    count.unwrap_or_else(|| panic!("no counter `{name}` in {status}"))
}

fn sum(status: &Value, kinds: &[Kind]) -> u64 {
    let rows = TABLE.iter().filter(|row| kinds.contains(&row.kind));
    rows.map(|row| count(status, row.name)).sum()
}

/// What is not for the program: another port, keep-alives, another method.
fn other_traffic(rig: &Rig) {
    let sent = rig.lab.carrier.enter(|| {
        let route = Route::V4;
        let socket = UdpSocket::bind((route.from(), 0))?;
        let mut other_port = route.to();
        other_port.set_port(9);
        socket.send_to(b"INVITE sip:x@y SIP/2.0\r\n\r\n", other_port)?;
        for payload in ["\r\n\r\n", "OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP z\r\n\r\n"] {
            socket.send_to(payload.as_bytes(), route.to())?;
        }
        Ok(())
    });
    sent.expect("packets");
}

#[test]
fn every_packet_is_counted_on_one_way_out_and_the_metrics_say_the_same() {
    let rig = Rig::with_budget(3);
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    for (caller, route) in [(BLOCKED, Route::V4), (LIMITED, Route::V6)] {
        rig.call(&Plan::new(Callers::one(caller), 6, 10).over(route).once(PATIENCE));
    }
    rig.call(&Plan::new(Callers::Anonymous, 3, 10).over(Route::OtherV4));
    rig.call(&Plan::new(Callers::Anonymous, 2, 10));
    other_traffic(&rig);

    // A packet may be on its way while the counters are read.
    wait_for("packets equal to the ways out", SETTLE, || {
        rig.daemon.status().is_ok_and(|status| {
            count(&status, "packets") == sum(&status, &[Kind::Passed, Kind::Dropped, Kind::Held])
        })
    })
    .expect("an account that adds up");

    let status = rig.daemon.status().expect("status");
    assert_eq!(count(&status, "dropped_blocked"), 6);
    assert_eq!(count(&status, "dropped_limited"), 3);
    assert_eq!(count(&status, "dropped"), sum(&status, &[Kind::Dropped]));
    let ways = ["passed", "dropped", "held"].map(|way| count(&status, way));
    assert_eq!(count(&status, "invites"), ways.iter().sum::<u64>());
    assert_eq!(count(&status, "invites"), count(&status, "captured") + count(&status, "lost"));
    let received = rig.sbc.received().expect("the SBC's log").len() as u64;
    assert_eq!(count(&status, "passed"), received);
    assert_eq!(count(&status, "keepalive"), 1);
    assert_eq!(count(&status, "other_port"), 1);
    assert!(count(&status, "passed_untrusted") >= 3);
    assert!(count(&status, "passed_no_ani") >= 2);

    let metrics = rig.daemon.metrics(&rig.lab).expect("metrics");
    let sums = ["sip", "invites", "passed", "dropped"];
    // The others move on while we look: the link has its own traffic.
    let of_invites = TABLE
        .iter()
        .filter(|row| row.counter as u32 >= Counter::PassUntrusted as u32)
        .map(|row| row.name);
    for name in sums.into_iter().chain(of_invites) {
        let metric = format!("ani_{name}_total");
        assert_eq!(metrics.value(&metric), Some(count(&status, name)), "{metric}");
    }
}
