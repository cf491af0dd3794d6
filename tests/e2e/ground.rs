//! The lab itself, without ani: what the other tests stand on.

use std::{net::UdpSocket, time::Duration};

use ani_ebpf::{
    abi::trunk::{Orders, Telling},
    dial_plan::DialPlan,
    scan::{self, AniHeader, Attestation, Scratch, StartLine, UserKind},
};
use xtask::{
    lab::{
        Lab,
        sbc::Sbc,
        uac::{self, Callers, Plan, Route, Uac},
    },
    preflight,
};

use crate::rig::impatient;

/// What an Ethernet frame of 1,500 bytes leaves behind an IPv6 and a UDP header: more comes in
/// fragments, which are not decided.
const MAX_DATAGRAM: usize = 1_500 - 40 - 8;

const ORDERS: Orders =
    Orders::one(&[AniHeader::PAssertedIdentity, AniHeader::RemotePartyId, AniHeader::From]);

fn lab() -> Lab {
    preflight::network("test").expect("a machine that can run the lab");
    Lab::new().expect("lab")
}

/// The first datagram of a call that nobody answers.
fn first_invite(lab: &Lab, callers: Callers, route: Route, padding: usize) -> Vec<u8> {
    let socket = lab.sbc.enter(|| Ok(UdpSocket::bind(route.to())?)).expect("socket");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("timeout");
    let plan = Plan::new(callers, 1, 1).over(route).padded(padding);
    let plan = plan.once(Duration::from_millis(100));
    let calls = Uac::start(lab, &plan).expect("calls");
    let mut datagram = vec![0; 65_536];
    let len = socket.recv(&mut datagram).expect("an INVITE");
    datagram.truncate(len);
    let outcome = calls.finish().expect("calls");
    assert_eq!((outcome.placed, outcome.completed, outcome.retransmitted), (1, 0, 0));
    datagram
}

fn plain(message: &[u8]) -> scan::Plain {
    let mut scratch = Scratch::new();
    scratch.load(message);
    let text = String::from_utf8_lossy(message);
    assert_eq!(scan::start_line(&scratch), StartLine::Invite, "{text}");
    scan::invite(&scratch, &ORDERS, &DialPlan::NONE, Telling::SIGNER)
        .unwrap_or_else(|why| panic!("{why:?}: {text}"));
    scan::plain(&scratch)
}

#[test]
fn invites_are_plain_attested_and_in_one_frame() {
    let lab = lab();
    for route in [Route::V4, Route::V6, Route::OtherV4] {
        let message = first_invite(&lab, Callers::one("+12015550101"), route, 0);
        assert!(message.len() <= MAX_DATAGRAM, "{} bytes", message.len());
        let plain = plain(&message);
        assert_eq!(plain.attestation, Attestation::A);
        assert_eq!(plain.ani_header, Some(AniHeader::PAssertedIdentity));
        let caller = plain.caller.digits().map(|dialled| dialled.digits().to_string());
        assert_eq!(caller.as_deref(), Some("12015550101"));
    }
}

#[test]
fn anonymous_invites_are_plain_and_name_nobody() {
    let message = first_invite(&lab(), Callers::Anonymous, Route::V4, 0);
    let plain = plain(&message);
    assert_eq!(plain.attestation, Attestation::None);
    assert_eq!(plain.caller.kind, UserKind::Anonymous);
}

#[test]
fn calls_complete_without_ani_and_the_sbc_counts_each_invite() {
    let lab = lab();
    let sbc = Sbc::start(&lab).expect("SBC");
    for (route, caller) in [(Route::V4, "+12015550101"), (Route::V6, "+12015550102")] {
        let outcome = uac::call(&lab, &Plan::new(Callers::one(caller), 10, 10).over(route));
        let outcome = outcome.expect("calls");
        assert!(outcome.all_completed(10), "{outcome:?}");
        let received = sbc.received_by_caller().expect("the SBC's log");
        assert!(received.get(caller).is_some_and(|count| *count >= 10), "{received:?}");
    }
}

#[test]
fn calls_complete_over_tcp_and_in_large_messages_without_ani() {
    let lab = lab();
    let sbc = Sbc::start(&lab).expect("SBC");
    let plans = [
        ("+12015550103", Plan::tcp as fn(Plan) -> Plan, 0),
        ("+12015550104", Plan::tcp, 8_000),
        ("+12015550105", |plan| plan, 8_000),
    ];
    for (caller, change, padding) in plans {
        let plan = change(Plan::new(Callers::one(caller), 10, 20)).padded(padding);
        let outcome = uac::call(&lab, &plan).expect("calls");
        assert!(outcome.all_completed(10), "{caller}: {outcome:?}");
        let received = sbc.received_by_caller().expect("the SBC's log");
        assert_eq!(received.get(caller), Some(&10), "{received:?}");
    }
}

#[test]
fn padding_makes_an_invite_as_long_as_asked() {
    let lab = lab();
    let len = |padding| first_invite(&lab, Callers::one("+12015550101"), Route::V4, padding).len();
    let base = len(0);
    for padding in [1_600, 8_100] {
        let added = len(padding) - base;
        assert!((padding..padding + 20).contains(&added), "{added} bytes for {padding}");
    }
}

#[test]
fn an_unanswered_call_is_sent_again_and_every_datagram_is_known() {
    let lab = lab();
    let socket = lab.sbc.enter(|| Ok(UdpSocket::bind(Route::V4.to())?)).expect("socket");
    let outcome = uac::call(&lab, &impatient("+12015550101", 3)).expect("calls");
    assert_eq!((outcome.placed, outcome.completed, outcome.failed), (3, 0, 3));
    assert!(outcome.retransmitted >= 3, "{outcome:?}");
    socket.set_nonblocking(true).expect("socket");
    let mut datagram = [0; 65_536];
    let invites = std::iter::from_fn(|| socket.recv(&mut datagram).ok()).count();
    assert_eq!(invites as u64, outcome.placed + outcome.retransmitted);
}

#[test]
fn nothing_is_left_of_a_lab() {
    let lab = lab();
    let directory = lab.directory().to_path_buf();
    let names = [lab.carrier.name().to_owned(), lab.sbc.name().to_owned()];
    let sbc = Sbc::start(&lab).expect("SBC");
    let exists = |name: &String| std::path::Path::new("/run/netns").join(name).exists();
    assert!(directory.is_dir() && names.iter().all(exists));
    drop(sbc);
    drop(lab);
    assert!(!directory.exists());
    assert!(!names.iter().any(exists));
}
