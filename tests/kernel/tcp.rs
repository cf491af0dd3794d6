//! SIP over TCP: handed on, and never stopped.

use std::net::IpAddr;

use ani_ebpf::abi::counter::{Counter, TABLE};
use ani_tests::invite::Invite;
use etherparse::{PacketBuilder, TcpOptionElement};

use crate::harness::{CONFIG, FROM_ONLY, Harness, STRANGER, US, US_V6};

const BLOCKED: &str = "14155551234";

/// A segment from `source` to a documentation address.
pub(crate) fn segment(source: &str, ports: (u16, u16), options: usize, payload: &[u8]) -> Vec<u8> {
    let ethernet = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let packet = match source.parse().expect("an address") {
        IpAddr::V4(source) => ethernet.ipv4(source.octets(), [198, 51, 100, 20], 64),
        IpAddr::V6(source) => ethernet.ipv6(source.octets(), [2; 16], 64),
    };
    let tcp = packet.tcp(ports.0, ports.1, 1, 65_535).ack(1);
    let tcp = tcp.options(&vec![TcpOptionElement::Noop; options]).expect("options");
    let mut frame = Vec::new();
    tcp.write(&mut frame, payload).expect("memory");
    frame
}

fn blocked() -> Harness {
    let harness = Harness::new();
    harness.block(BLOCKED, None);
    harness
}

#[test]
fn payload_on_a_sip_port_is_handed_on_and_passes() {
    let mut harness = blocked();
    let invite = Invite::from("+14155551234").bytes();
    for source in [US, US_V6, FROM_ONLY, STRANGER] {
        for ports in [(33_000, 5060), (5080, 33_000), (5060, 5060)] {
            for (options, payload) in [(0, &invite[..]), (40, &invite), (12, &invite[..1])] {
                let frame = segment(source, ports, options, payload);
                let run = harness.frame(&frame);
                assert_eq!((run.exit, run.notes), (Counter::TcpSegment, vec!["captured_parts"]));
                assert_eq!(run.record.expect("a record").frame, frame);
            }
        }
    }
}

#[test]
fn what_has_no_payload_or_another_port_is_left_alone() {
    let mut harness = blocked();
    let invite = Invite::from("+14155551234").bytes();
    for source in [US, US_V6] {
        for (ports, payload, exit) in [
            ((33_000, 5060), &b""[..], Counter::TcpControl),
            ((5060, 33_000), b"", Counter::TcpControl),
            ((33_000, 5061), &invite, Counter::OtherPort),
            ((22, 33_000), b"", Counter::OtherPort),
        ] {
            for options in [0, 12] {
                let run = harness.frame(&segment(source, ports, options, payload));
                assert_eq!((run.exit, run.record.is_none()), (exit, true), "{ports:?}");
            }
        }
    }
}

/// Segments that were merged into one come whole, whatever the window is.
#[test]
fn large_segments_are_handed_on_whole() {
    let text = CONFIG.replace("ring_bytes = 1048576", "ring_bytes = 1048576\nwindow = 1024");
    let mut harness = Harness::with(&text);
    for len in [1_460, 8_960, 17_000, 40_000] {
        let frame = segment(US, (33_000, 5060), 12, &vec![b'x'; len]);
        let run = harness.frame(&frame);
        assert_eq!((run.exit, run.notes), (Counter::TcpSegment, vec!["captured_parts"]), "{len}");
        assert!(run.record.expect("a record").frame == frame, "{len} bytes");
    }
}

/// A header that is cut off, or longer than the packet.
#[test]
fn odd_headers_pass() {
    let mut harness = blocked();
    let frame = segment(US, (33_000, 5060), 0, b"INVITE sip:1@h SIP/2.0\r\n");
    let tcp = 14 + 20;
    for (offset, exit) in
        [(0, Counter::Truncated), (4, Counter::Truncated), (15, Counter::Truncated)]
    {
        let mut odd = frame.clone();
        odd[tcp + 12] = offset << 4;
        assert_eq!(harness.frame(&odd).exit, exit, "a header of {offset} words");
    }
    for len in tcp..tcp + 20 {
        let mut cut = frame[..len].to_vec();
        cut[16..18].copy_from_slice(&((len - 14) as u16).to_be_bytes());
        assert_eq!(harness.frame(&cut).exit, Counter::Truncated, "{len} bytes");
    }
}

/// Nothing an operator sets stops a segment: a stream with a hole in it is a broken one.
#[test]
fn no_rule_stops_a_segment() {
    let text = CONFIG.to_owned() + "[limits]\nper_caller = { calls = 1, within = \"1h\" }\n";
    let mut harness = Harness::with(&text);
    harness.block(BLOCKED, None);
    let frame = segment(US, (33_000, 5060), 0, &Invite::from("+14155551234").bytes());
    let delta = harness.repeat(&frame, 50);
    for row in TABLE {
        let expected = match row.counter {
            Counter::Packets | Counter::TcpSegment | Counter::CapturedParts => 50,
            _ => 0,
        };
        assert_eq!(delta.value(row.counter), expected, "{}", row.name);
    }
}
