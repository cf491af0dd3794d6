//! VLAN tags. Not every kernel has VLAN devices: tagged frames are sent as they are and seen in the
//! program's counters, and for whole calls the wire's two ends tag all they send.

/// Calls that are held on a tagged wire.
mod held;

use ani_tests::invite::Invite;
use etherparse::PacketBuilder;
use xtask::lab::{CARRIER_V4, SBC_V4, daemon::Settings, process::wait_for};

use crate::{
    hold::BLOCKED,
    rig::{Rig, SETTLE},
    wire::Wire,
};

const OTHER: &str = "+12015550101";

/// An INVITE of a call of his own.
fn invite(caller: &str) -> String {
    Invite { call_id: format!("vlan-{caller}"), ..Invite::from(caller) }.pai(caller).text()
}

/// Sends an INVITE with one VLAN tag, or two.
fn send(rig: &Rig, caller: &str, tags: u8) {
    let [outer, inner] = [100, 7].map(|id: u16| id.try_into().expect("a VLAN identifier"));
    let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let tagged = match tags {
        1 => ethernet.single_vlan(inner),
        _ => ethernet.double_vlan(outer, inner),
    };
    let packet = tagged.ipv4(CARRIER_V4.octets(), SBC_V4.octets(), 64).udp(5060, 5060);
    let message = invite(caller);
    let mut frame = Vec::with_capacity(packet.size(message.len()));
    packet.write(&mut frame, message.as_bytes()).expect("a frame");

    Wire::new(&rig.lab).send(frame);
}

fn decides_on(tags: u8) {
    let rig = Rig::start(&Settings::default());
    rig.daemon.cli(&["block", "add", BLOCKED]).expect("block add");
    for _ in 0..3 {
        send(&rig, BLOCKED, tags);
    }
    for _ in 0..2 {
        send(&rig, OTHER, tags);
    }
    wait_for("all INVITEs", SETTLE, || rig.daemon.counter("invites").is_ok_and(|seen| seen == 5))
        .expect("five INVITEs");
    // Each caller's INVITEs are one call attempt.
    for (counter, count) in [
        ("dropped_blocked", 1),
        ("dropped_repeated", 2),
        ("passed_default", 1),
        ("passed_repeated", 1),
    ] {
        assert_eq!(rig.daemon.counter(counter).expect("counter"), count, "{counter}");
    }
    // The daemon reads the ring in its own time.
    wait_for("both callers", SETTLE, || {
        let said = rig.daemon.cli(&["top", "callers"]);
        said.is_ok_and(|said| said.contains(BLOCKED) && said.contains(OTHER))
    })
    .expect("both callers among the top");
}

#[test]
fn an_invite_behind_one_tag_is_decided() {
    decides_on(1);
}

#[test]
fn an_invite_behind_two_tags_is_decided() {
    decides_on(2);
}
