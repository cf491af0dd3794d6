//! Calls over TLS, which no NIC sees: kamailio takes them and mirrors them by HEP.

use std::net::UdpSocket;

use ani_tests::invite::Invite;
use serde_json::{Value, json};
use xtask::lab::{
    Lab, SBC_V4,
    daemon::{Daemon, Settings},
    mirror::{HEP, Mirror, Over},
    process::wait_for,
    sbc::Sbc,
    tls::TlsCall,
    uac::{Callers, Plan},
};

use crate::rig::{Rig, SETTLE, ani};

const BLOCKED: &str = "+12015550166";
const OTHER: &str = "+12015550101";

fn rig(over: Over, interface: bool) -> Rig {
    let ani = ani();
    let lab = Lab::new().expect("lab");
    let mirror = Mirror::new(&lab, over).expect("certificate");
    // Before the SBC, whose mirror connects when it has something to say.
    let settings = Settings { hep: true, interface, ..Settings::default() };
    let daemon = Daemon::start(&lab, ani, &settings).expect("daemon");
    let sbc = Sbc::start_mirroring(&lab, &mirror).expect("SBC");
    Rig { daemon, sbc, lab }
}

/// A call over TLS that the SBC forwards and the other side answers.
fn completes_over_tls(rig: &Rig, caller: &str) {
    let digits = caller.trim_start_matches('+');
    let message = Invite::from(caller)
        .pai(caller)
        .text()
        .replace("SIP/2.0/UDP", "SIP/2.0/TLS")
        .replace("branch=z9hG4bK1", &format!("branch=z9hG4bK{digits}"))
        .replace("Call-ID: 1@", &format!("Call-ID: {digits}@"));
    let call = TlsCall::start(&rig.lab, &message).expect("openssl");
    wait_for("an answer over TLS", SETTLE, || call.answers().contains(&200)).expect("an answer");
}

fn caller(rig: &Rig, number: &str) -> Value {
    let text = rig.daemon.cli(&["caller", number, "--json"]).expect("caller");
    serde_json::from_str(&text).expect("JSON")
}

/// A count of the daemon.
fn count(rig: &Rig, name: &str) -> u64 {
    let status = rig.daemon.status().expect("status");
    let count = status["daemon"][name].as_u64();
    count.unwrap_or_else(|| panic!("no count `{name}` in {status}"))
}

fn wait_for_count(rig: &Rig, name: &str, expected: u64) {
    let come = wait_for(name, SETTLE, || count(rig, name) >= expected);
    let counted = count(rig, name);
    come.unwrap_or_else(|error| panic!("{error}: {counted} of {expected}"));
    assert_eq!(counted, expected, "{name}");
}

/// Packets that come to the port from one address of the SBC.
fn send(rig: &Rig, from: &str, packets: &[&[u8]]) {
    let sent = rig.lab.sbc.enter(|| {
        let socket = UdpSocket::bind((from, 0))?;
        for packet in packets {
            socket.send_to(packet, HEP)?;
        }
        Ok(())
    });
    sent.expect("packets");
}

#[test]
fn a_blocked_callers_call_over_tls_is_seen_and_goes_on() {
    let rig = rig(Over::Udp, true);
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    completes_over_tls(&rig, BLOCKED);
    wait_for_count(&rig, "hep_packets", 1);
    wait_for_count(&rig, "invites", 1);

    let observed = caller(&rig, BLOCKED);
    assert!(observed["blocked"].is_object(), "{observed}");
    for (name, expected) in [
        ("calls", json!(1)),
        ("invites", json!(1)),
        ("passed", json!(1)),
        ("dropped", json!(0)),
        ("observed", json!(1)),
        ("last_trunk", json!("carrier-a")),
        ("last_transport", json!("tls")),
        ("last_verdict", json!("pass")),
        ("last_rule", Value::Null),
    ] {
        assert_eq!(observed["seen"][name], expected, "{name} in {observed}");
    }
    assert_eq!(rig.received(BLOCKED), 1);

    // Over UDP the same caller ends at the NIC.
    rig.assert_stopped(BLOCKED);
    let stopped = caller(&rig, BLOCKED);
    assert_eq!((&stopped["seen"]["passed"], &stopped["seen"]["observed"]), (&json!(1), &json!(1)));
    assert_eq!(stopped["seen"]["last_transport"], "udp");
    assert_eq!(stopped["seen"]["last_rule"], "list:block");
}

#[test]
fn every_packet_of_a_mirror_is_accounted_for() {
    let rig = rig(Over::Udp, true);
    completes_over_tls(&rig, OTHER);
    let outcome = rig.call(&Plan::new(Callers::one(OTHER), 3, 10));
    assert!(outcome.all_completed(3), "{outcome:?}");
    wait_for_count(&rig, "hep_packets", 1);

    let no_key = b"HEP3\x00\x16\x00\x00\x00\x0b\x00\x07\x05\x00\x00\x00\x0f\x00\x09abc";
    send(&rig, "127.0.0.1", &[b"\x02\x10\x02\x11", no_key, b"HEP3\x00\xff", b"GET / HTTP/1.1"]);
    send(&rig, &SBC_V4.to_string(), &[no_key]);
    wait_for_count(&rig, "hep_refused", 1);
    wait_for_count(&rig, "hep_packets", 5);

    let of_kernel = rig.daemon.counter("captured").expect("counter");
    wait_for_count(&rig, "frames", of_kernel + 1);
    for (name, expected) in [
        ("hep_bad", 3),
        ("hep_bad_key", 1),
        ("hep_keepalives", 0),
        ("hep_not_sip", 0),
        ("hep_queue_full", 0),
        ("invites", of_kernel + 1),
    ] {
        assert_eq!(count(&rig, name), expected, "{name}");
    }
    let metrics = rig.daemon.metrics(&rig.lab).expect("metrics");
    for name in ["hep_packets", "hep_refused", "hep_bad", "hep_bad_key", "frames", "invites"] {
        let metric = format!("ani_daemon_{name}_total");
        assert_eq!(metrics.value(&metric), Some(count(&rig, name)), "{metric}");
    }
    let log = rig.daemon.log().expect("the log");
    let remedy =
        "HEP from 127.0.0.1 cannot be read: it is of HEP version 1 or 2; set hep_version to 3";
    assert!(log.contains(remedy), "{log}");
}

#[test]
fn without_an_interface_calls_are_only_observed() {
    let rig = rig(Over::Tcp, false);
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    completes_over_tls(&rig, BLOCKED);
    completes_over_tls(&rig, OTHER);
    rig.assert_reachable(BLOCKED);
    wait_for_count(&rig, "hep_packets", 2);
    wait_for_count(&rig, "invites", 2);
    for number in [BLOCKED, OTHER] {
        assert_eq!(caller(&rig, number)["seen"]["observed"], 1, "{number}");
    }
    let status = rig.daemon.status().expect("status");
    assert_eq!(
        (&status["interfaces"], &status["hep"], &status["counters"]["packets"]),
        (&json!([]), &json!(HEP.to_string()), &json!(0))
    );
    rig.daemon.stop().expect("a clean end");
}
