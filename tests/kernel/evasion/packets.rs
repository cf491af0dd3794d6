//! Entries 5, 11 and 12: fragments, what stands before a message, lengths that differ.

use std::net::IpAddr;

use ani_ebpf::abi::counter::Counter;
use ani_tests::{
    frame::{DOT1AD, DOT1Q, Frame},
    invite::Invite,
};
use ani_user::{
    capture::{self, Content, LinkType, Reach, assembly::Assembly},
    time::Timestamp,
};

use super::{BLOCKED, HONEST, Suite};
use crate::{
    fragments::Fragmented,
    harness::{Harness, Run, US, US_INDEX, US_V6, frame, number},
};

const GRE: u8 = 47;
const IP_IN_IP: u8 = 4;
const IPV6_IN_IP: u8 = 41;

/// An INVITE that does not fit a frame, with the header that says who calls behind most of it.
fn long(caller: &str, other: &str) -> Vec<u8> {
    let mut invite = Invite::from(&format!("+{other}"));
    invite.more = vec![format!("X-Filler: {}", "x".repeat(90)); 12];
    invite = invite.line(&format!("P-Asserted-Identity: <sip:+{caller}@h>")).attested('A');
    invite.body = 400;
    invite.bytes()
}

/// What the daemon puts together of frames that were handed to it.
fn assembled(runs: Vec<Run>) -> Vec<Vec<u8>> {
    let mut assembly = Assembly::new(Default::default());
    let mut messages = Vec::new();
    for (number, run) in (1..).zip(runs) {
        let Some(record) = run.record else { continue };
        let frame = capture::Frame {
            number,
            arrived: Timestamp::new(1_000, 0),
            content: Content::Link {
                link: LinkType::Ethernet,
                bytes: &record.frame,
                wire_len: record.header.wire_len,
            },
            reach: Reach::Observe,
            kernel: None,
        };
        assembly.frame(&frame, &|_| true, &mut |message| messages.push(message.bytes.to_vec()));
    }
    messages
}

/// Entry 5, "Identity in second fragment", and the header that says who calls: undecided, and read by
/// the daemon.
#[test]
fn the_caller_in_a_later_fragment() {
    let mut suite = Suite::new();
    let mut id = 0;
    for source in [US, US_V6] {
        for (caller, other) in [(BLOCKED, HONEST), (HONEST, BLOCKED)] {
            for cut in [8, 200, 800, 1_200] {
                id += 1;
                let message = long(caller, other);
                let packet = Fragmented::new(source, &message, id);
                let runs = vec![
                    suite.harness.frame(&packet.part(0, Some(cut))),
                    suite.harness.frame(&packet.part(cut, None)),
                ];
                let exits: Vec<_> = runs.iter().map(|run| run.exit).collect();
                let expected = [Counter::PassNotPlain, Counter::Fragment];
                assert_eq!(exits, expected, "{caller}, cut at {cut}");
                let messages = assembled(runs);
                assert_eq!(messages, std::slice::from_ref(&message), "{caller}, cut at {cut}");
                let read = suite.judge.caller(US_INDEX, &messages[0]);
                assert_eq!(read, Some(number(caller)), "cut at {cut}");
            }
        }
    }
}

/// Entry 5, "overlapping fragments": what is written over what was decided reaches nobody. The stack
/// behind ignores a piece within another and drops a packet whose pieces overlap otherwise, and so does
/// the daemon (`reassembly` holds the two together).
#[test]
fn a_caller_written_over_by_an_overlap() {
    let mut suite = Suite::new();
    let call = |caller| Invite { body: 1_500, ..Invite::from(&format!("+{caller}")) }.bytes();
    let mut id = 0;
    for source in [US, US_V6] {
        for (end, expected) in [(1_000, vec![call(HONEST)]), (1_200, Vec::new())] {
            id += 1;
            let honest = Fragmented::new(source, &call(HONEST), id);
            let blocked = Fragmented::new(source, &call(BLOCKED), id);
            let parts = [
                honest.part(0, Some(1_000)),
                blocked.part(64, Some(end)),
                honest.part(1_000, None),
            ];
            let runs: Vec<_> = parts.iter().map(|part| suite.harness.frame(part)).collect();
            assert_eq!(runs[0].exit, Counter::Pass);
            assert_eq!(assembled(runs), expected, "from {source}, up to {end}");
        }
    }
}

/// Entry 5: a first fragment that comes again with another caller in it is decided for itself, and the
/// rest goes with the one of the blocked caller.
#[test]
fn a_second_first_fragment_is_decided_too() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    for (id, source) in (1..).zip([US, US_V6]) {
        let part = |caller: &str, from: usize, to: Option<usize>| {
            let body = Invite { body: 1_500, ..Invite::from(&format!("+{caller}")) };
            Fragmented::new(source, &body.bytes(), id).part(from, to)
        };
        assert_eq!(harness.frame(&part(HONEST, 0, Some(1_000))).exit, Counter::Pass);
        assert_eq!(harness.frame(&part(BLOCKED, 0, Some(1_000))).exit, Counter::DropBlocked);
        assert_eq!(harness.frame(&part(BLOCKED, 1_000, None)).exit, Counter::DropFragment);
    }
}

/// Entry 11, "GRE/IPIP": a tunnel's packet is for whoever ends the tunnel, and no SIP port's. Nothing
/// in it is taken for a call here, blocked or not.
#[test]
fn tunnels_pass() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    let inner = |source: &str| {
        let bytes = frame(source, &Invite::from(&format!("+{BLOCKED}")).bytes()).bytes();
        bytes[14..].to_vec()
    };
    for source in [US, US_V6] {
        for (protocol, payload) in [
            (IP_IN_IP, inner(US)),
            (IPV6_IN_IP, inner(US_V6)),
            (GRE, [&[0, 0, 8, 0][..], &inner(US)].concat()),
        ] {
            let mut packet = frame(source, &[]);
            packet.protocol = protocol;
            // Ports and length, where UDP would have them, are the inner packet's first bytes.
            let bytes = outer(&packet, &payload);
            let run = harness.frame(&bytes);
            assert_eq!(run.exit, Counter::OtherTransport, "{protocol} from {source}");
            assert!(run.record.is_none(), "{protocol} from {source}");
        }
    }
}

/// The frame of `packet`, with this behind its network header.
fn outer(packet: &Frame, payload: &[u8]) -> Vec<u8> {
    let mut packet = packet.clone();
    let len = payload.len();
    packet.ip_len = Some(match packet.source {
        IpAddr::V4(_) => 20 + len as u16,
        IpAddr::V6(_) => len as u16,
    });
    let mut bytes = packet.bytes();
    bytes.truncate(packet.header_len() - 8);
    bytes.extend(payload);
    bytes
}

/// Entry 11, "VLAN, QinQ, IPv6 ext headers, IPv6 fragment, IP options": `headers` has each; here all of
/// a family at once, around a caller in disguise.
#[test]
fn a_disguise_behind_a_stack_of_headers() {
    let suite = Suite::new();
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    for source in [US, US_V6] {
        for (caller, other) in [(BLOCKED, HONEST), (HONEST, BLOCKED)] {
            let message = Invite::from(&format!("+{other}"))
                .line(&format!("p-asserted-identity:\"<sip:+{other}@h>\"<sip:+{caller}@h>"))
                .bytes();
            let mut stacked = frame(source, &message);
            stacked.tags = vec![DOT1AD, DOT1Q];
            if source == US {
                stacked.options = 40;
            } else {
                stacked.extensions = vec![(0, 8), (60, 8), (43, 24), (60, 16), (44, 8)];
            }
            let run = harness.frame(&stacked.bytes());
            suite.judged(&run, caller, &message).unwrap_or_else(|what| panic!("{what}: {run:?}"));
            let exit = if caller == BLOCKED { Counter::DropBlocked } else { Counter::Pass };
            assert_eq!(run.exit, exit, "{caller} from {source}");
        }
    }
}

/// Entry 12, "UDP length/IP length mismatch; byte order": no reading of the lengths makes of a blocked
/// caller's INVITE a call that passes as somebody else's.
#[test]
fn lengths_in_another_byte_order() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    let message = Invite::from(&format!("+{BLOCKED}")).bytes();
    for source in [US, US_V6] {
        let right = frame(source, &message);
        let udp_len = (8 + message.len()) as u16;
        let ip_len = if source == US { 20 + udp_len } else { udp_len };
        let mut swapped = right.clone();
        swapped.udp_len = Some(udp_len.swap_bytes());
        assert_eq!(harness.frame(&swapped.bytes()).exit, Counter::Truncated, "UDP, {source}");
        let mut swapped = right.clone();
        swapped.ip_len = Some(ip_len.swap_bytes());
        // Either is too long for the frame, which the stack behind sees as well.
        let exit = harness.frame(&swapped.bytes()).exit;
        assert!(
            matches!(exit, Counter::Truncated | Counter::DropBlocked),
            "IP, {source}: {exit:?}"
        );
        let mut swapped = right.clone();
        swapped.ports.1 = 5060_u16.swap_bytes();
        assert_eq!(harness.frame(&swapped.bytes()).exit, Counter::OtherPort, "port, {source}");
        assert_eq!(harness.frame(&right.bytes()).exit, Counter::DropBlocked, "{source}");
    }
}

/// Entry 12: each UDP length up to the right one, each shorter message decided on what is in it.
#[test]
fn each_shorter_udp_length() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    let message = Invite::from(&format!("+{BLOCKED}")).bytes();
    for len in 9..=message.len() as u16 + 8 {
        let mut cut = frame(US, &message);
        cut.udp_len = Some(len);
        let run = harness.frame(&cut.bytes());
        let expected = match usize::from(len) - 8 {
            0..16 => Counter::Keepalive,
            there if there < message.len() => Counter::PassNotPlain,
            _ => Counter::DropBlocked,
        };
        assert_eq!(run.exit, expected, "{len} bytes");
    }
}
