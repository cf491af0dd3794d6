//! Stopped calls that are told so: every code, by sipp and by kamailio, once and for all; and those that
//! are not told.

/// Callers that await a refusal.
mod caller;
/// kamailio as the carrier's proxy.
mod proxy;

use std::time::{Duration, Instant};

use ani_tests::invite::Invite;
use ani_user::answer::CODES;
use etherparse::{PacketBuilder, SlicedPacket, TransportSlice};
use xtask::lab::{
    CARRIER_V4, SBC_INTERFACE, SBC_V4,
    daemon::{Settings, Trunk},
    process::wait_for,
    uac::{Callers, Plan, Route},
};

use self::{
    caller::{Refused, refused},
    proxy::Proxy,
};
use crate::{
    rig::{Rig, SETTLE},
    wire::{Tap, Wire},
};

const REDRESS: &str = "[answers]\nredress = { url = \"https://example.net/blocked\" }\n";

/// Calls that each code is told to.
const CALLS: u64 = 3;

fn caller(at: usize) -> String {
    format!("+120155501{at:02}")
}

/// Every code there is, and what callers see of it; `seen` says what becomes of a code on the way.
fn rig_of_every_answer() -> (Rig, Vec<(String, String)>) {
    let rig = Rig::start(&Settings { tables: REDRESS, ..Settings::default() });
    let mut answers: Vec<String> = CODES.iter().map(|(code, _)| code.to_string()).collect();
    answers.push("603 Network Blocked".to_owned());
    let answers: Vec<_> =
        answers.into_iter().enumerate().map(|(at, answer)| (caller(at), answer)).collect();
    for (caller, answer) in &answers {
        rig.daemon.cli(&["block", "add", caller, "--answer", answer]).expect("block add");
    }
    (rig, answers)
}

/// Once the worker has seen all: each INVITE stopped was answered, none came again, and each ACK ended
/// at the NIC too.
fn assert_settled(rig: &Rig, calls: u64) {
    wait_for("the answers", SETTLE, || {
        rig.daemon.tally("answers_sent").is_ok_and(|sent| sent == calls)
    })
    .expect("as many answers as calls");
    for (counter, expected) in
        [("dropped_blocked", calls), ("dropped_repeated", 0), ("dropped_follow_up", calls)]
    {
        assert_eq!(rig.daemon.counter(counter).expect("counter"), expected, "{counter}");
    }
    for tally in ["answers_limited", "answers_impossible", "answers_unsent"] {
        assert_eq!(rig.daemon.tally(tally).expect("count"), 0, "{tally}");
    }
    assert!(rig.sbc.received().expect("the SBC's log").is_empty(), "an INVITE reached the SBC");
}

#[test]
fn every_code_is_taken_by_sipp_over_ipv4_and_ipv6() {
    let (rig, answers) = rig_of_every_answer();
    let mut calls = 0;
    for route in [Route::V4, Route::V6] {
        for (caller, answer) in &answers {
            let code = &answer[..3];
            let refused = refused(&rig.lab, route, route.to(), caller, code, CALLS);
            assert_eq!(refused, Refused { placed: CALLS, taken: CALLS, again: 0 }, "{answer}");
            calls += CALLS;
        }
    }
    assert_settled(&rig, calls);
    let listed = rig.daemon.cli(&["block", "list"]).expect("block list");
    assert!(listed.contains("603 Network Blocked"), "{listed}");
}

#[test]
fn every_code_is_taken_by_kamailios_transactions_over_ipv4_and_ipv6() {
    let (rig, answers) = rig_of_every_answer();
    let mut calls = 0;
    for route in [Route::V4, Route::V6] {
        let proxy = Proxy::start(&rig.lab, route);
        for (caller, answer) in &answers {
            // A proxy makes another of it: what is unavailable is the next hop (RFC 3261 §16.7).
            let code = if answer == "503" { "500" } else { &answer[..3] };
            let refused = refused(&rig.lab, route, proxy.address(), caller, code, CALLS);
            assert_eq!(refused, Refused { placed: CALLS, taken: CALLS, again: 0 }, "{answer}");
            calls += CALLS;
        }
    }
    assert_settled(&rig, calls);
}

/// An INVITE of a call of its own, in a transaction of its own.
fn invite(caller: &str, branch: &str) -> String {
    Invite { call_id: branch.to_owned(), ..Invite::from(caller) }
        .pai(caller)
        .text()
        .replace("branch=z9hG4bK1", &format!("branch=z9hG4bK{branch}"))
}

/// Tags as they came, and the same bytes for the INVITE that comes again. Seen where the SBC's
/// interface sends: a socket at the other end would be given frames without their tag.
#[test]
fn behind_tags_the_answer_has_them_too_and_comes_again_the_same() {
    let rig =
        Rig::start(&Settings { tables: "[lists]\nanswer = \"603\"\n", ..Settings::default() });
    rig.daemon.cli(&["block", "add", &caller(0)]).expect("block add");
    for (tags, branch) in [(1, "one"), (2, "two")] {
        let [outer, inner] = [100, 7].map(|id: u16| id.try_into().expect("an identifier"));
        let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let tagged = match tags {
            1 => ethernet.single_vlan(inner),
            _ => ethernet.double_vlan(outer, inner),
        };
        let packet = tagged.ipv4(CARRIER_V4.octets(), SBC_V4.octets(), 64).udp(5_070, 5_060);
        let message = invite(&caller(0), branch);
        let mut frame = Vec::with_capacity(packet.size(message.len()));
        packet.write(&mut frame, message.as_bytes()).expect("a frame");
        let (wire, tap) = (Wire::new(&rig.lab), Tap::new(&rig.lab.sbc, SBC_INTERFACE));
        let answers: Vec<_> = (0..2)
            .map(|_| {
                wire.send(frame.clone());
                tap.next(SETTLE, |frame| frame.windows(8).any(|bytes| bytes == b"SIP/2.0 "))
                    .expect("an answer")
            })
            .collect();
        assert_eq!(answers[0], answers[1], "{tags} tags");
        let link = 12 + 4 * tags + 2;
        assert_eq!(answers[0][12..link], frame[12..link], "{tags} tags");
        let packet = SlicedPacket::from_ethernet(&answers[0]).expect("a packet");
        let Some(TransportSlice::Udp(udp)) = packet.transport else { panic!("no UDP") };
        assert_eq!((udp.source_port(), udp.destination_port()), (5_060, 5_060));
        assert!(udp.payload().starts_with(b"SIP/2.0 603 Decline\r\n"));
    }
}

/// What is not plain is held, decided by the daemon, and answered as what the kernel decides.
#[test]
fn what_was_held_is_answered() {
    let rig =
        Rig::start(&Settings { tables: "[lists]\nanswer = \"603\"\n", ..Settings::default() });
    rig.daemon.cli(&["block", "add", &caller(0)]).expect("block add");
    let message = invite(&caller(0), "held").replace("From: ", "From:\r\n ");
    let packet = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(CARRIER_V4.octets(), SBC_V4.octets(), 64)
        .udp(5_070, 5_060);
    let mut frame = Vec::with_capacity(packet.size(message.len()));
    packet.write(&mut frame, message.as_bytes()).expect("a frame");
    let (wire, tap) = (Wire::new(&rig.lab), Tap::new(&rig.lab.sbc, SBC_INTERFACE));
    wire.send(frame);
    let answered = tap.next(SETTLE, |frame| frame.windows(11).any(|bytes| bytes == b"SIP/2.0 603"));
    assert!(answered.is_some(), "no answer");
    assert_eq!(rig.daemon.tally("held_stopped").expect("count"), 1);
    assert!(rig.sbc.received().expect("the SBC's log").is_empty(), "an INVITE reached the SBC");
}

#[test]
fn lists_and_limits_say_what_the_configuration_has_them_say() {
    let tables = "[[list]]\nname = \"spam\"\naction = \"block\"\nmode = \"enforce\"\nanswer = \"607\"\n\
                  [lists]\nanswer = \"486\"\n\
                  [[limit]]\nname = \"tight\"\ncalls = 1\nwithin = \"10m\"\nper = [\"trunk\"]\n\
                  mode = \"enforce\"\nanswer = \"480\"\n";
    let rig = Rig::start(&Settings { tables, ..Settings::default() });
    rig.daemon.cli(&["list", "spam", "add", &caller(1)]).expect("added");
    rig.daemon.cli(&["block", "add", "+1201555020*"]).expect("added");
    let of = |caller: &str, code| refused(&rig.lab, Route::V4, Route::V4.to(), caller, code, 2);
    assert_eq!(of(&caller(1), "607").taken, 2, "a named list");
    assert_eq!(of("+12015550201", "486").taken, 2, "the block list, by a prefix");
    // The first call passes; what is over the limit is told so.
    let first = rig.call(&Plan::new(Callers::one(&caller(2)), 1, 1));
    assert!(first.all_completed(1), "{first:?}");
    assert_eq!(of(&caller(2), "480").taken, 2, "a limit");
}

/// Whom no trunk's network has is never answered: his call goes to the SBC.
#[test]
fn strangers_are_not_answered() {
    let trunks = vec![Trunk {
        name: "elsewhere",
        sources: vec!["203.0.113.0/24"],
        keys: "profile = \"generic\"",
    }];
    let tables = "[lists]\nanswer = \"603\"\n";
    let rig = Rig::start(&Settings { trunks, tables, ..Settings::default() });
    rig.daemon.cli(&["block", "add", &caller(0)]).expect("block add");
    rig.assert_reachable(&caller(0));
    for tally in ["answers_sent", "answers_limited", "answers_impossible", "answers_unsent"] {
        assert_eq!(rig.daemon.tally(tally).expect("count"), 0, "{tally}");
    }
}

/// 2,000 INVITEs a second from one source: no more are answered than its budget has.
#[test]
fn a_flood_is_answered_as_often_as_its_source_may_be() {
    const SECONDS: u32 = 3;
    const PER_SECOND: u32 = 2_000;

    let tables = "[lists]\nanswer = \"603\"\n[answers]\nper_source = \"100 per 1s\"\n";
    let rig = Rig::start(&Settings { tables, ..Settings::default() });
    rig.daemon.cli(&["block", "add", &caller(0)]).expect("block add");
    let wire = Wire::new(&rig.lab);
    let frames: Vec<_> = (0..SECONDS * PER_SECOND)
        .map(|call| {
            let packet = PacketBuilder::ethernet2([2; 6], [4; 6])
                .ipv4(CARRIER_V4.octets(), SBC_V4.octets(), 64)
                .udp(5_070, 5_060);
            let message = invite(&caller(0), &format!("flood-{call}"));
            let mut frame = Vec::with_capacity(packet.size(message.len()));
            packet.write(&mut frame, message.as_bytes()).expect("a frame");
            frame
        })
        .collect();
    let start = Instant::now();
    for (call, frame) in (0..).zip(frames) {
        let due = start + Duration::from_secs(1) * call / PER_SECOND;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        wire.send(frame);
    }
    let calls = u64::from(SECONDS * PER_SECOND);
    let tally = |name| rig.daemon.tally(name).expect("count");
    wait_for("all INVITEs", SETTLE, || tally("answers_sent") + tally("answers_limited") == calls)
        .expect("each answered or counted");
    // A burst of one second's, and what comes back while the flood lasts.
    let most = 100 * (start.elapsed().as_secs() + 2);
    let sent = tally("answers_sent");
    eprintln!("{sent} of {calls} INVITEs answered in {:?}", start.elapsed());
    assert!((100..=most).contains(&sent), "{sent}, and {most} at most");
    assert_eq!(rig.daemon.counter("dropped_blocked").expect("counter"), calls);
}
