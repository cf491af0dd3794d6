//! Every stack of headers an INVITE can stand behind, and each that it is passed over for.

use ani_ebpf::abi::counter::Counter;
use ani_tests::{
    frame::{DESTINATION, DOT1AD, DOT1Q, FRAGMENT, Frame, HOP_BY_HOP, ROUTING},
    invite::Invite,
};

use crate::harness::{Harness, US, US_V6, frame};

const BLOCKED: &str = "14155551234";

/// More fragments (RFC 791 §3.1).
const MORE_FRAGMENTS: u16 = 0x2000;
const DONT_FRAGMENT: u16 = 0x4000;
const SCTP: u8 = 132;

/// A stack of headers by name, what it changes in a right frame, and the way out.
type Case = (&'static str, fn(&mut Frame), Counter);

const FOUND: Counter = Counter::DropBlocked;

const EITHER: &[Case] = &[
    ("plain", |_| {}, FOUND),
    ("802.1Q", |f| f.tags = vec![DOT1Q], FOUND),
    ("802.1ad", |f| f.tags = vec![DOT1AD], FOUND),
    ("802.1ad over 802.1Q", |f| f.tags = vec![DOT1AD, DOT1Q], FOUND),
    ("802.1Q over 802.1Q", |f| f.tags = vec![DOT1Q, DOT1Q], FOUND),
    ("three tags", |f| f.tags = vec![DOT1AD, DOT1Q, DOT1Q], Counter::NotIp),
    ("ARP", |f| f.ethertype = Some(0x0806), Counter::NotIp),
    ("a length instead of an EtherType", |f| f.ethertype = Some(0x0100), Counter::NotIp),
    ("ICMP", |f| f.protocol = 1, Counter::OtherTransport),
    ("the second SIP port", |f| f.ports.1 = 5080, FOUND),
    ("from another port", |f| f.ports.0 = 33_000, FOUND),
    ("to another port", |f| f.ports.1 = 5061, Counter::OtherPort),
    ("to a port of the same word in the bitmap", |f| f.ports.1 = 5081, Counter::OtherPort),
    ("to port 0", |f| f.ports.1 = 0, Counter::OtherPort),
    ("to port 65535", |f| f.ports.1 = 65_535, Counter::OtherPort),
    ("Ethernet padding", |f| f.padding = 13, FOUND),
    ("UDP length over the IP length", |f| f.udp_len = Some(udp_len(f) + 1), Counter::Truncated),
    ("the same with padding there", long_udp_into_padding, Counter::Truncated),
    ("UDP length of the header alone", |f| f.udp_len = Some(8), Counter::Keepalive),
    ("UDP length under the header's", |f| f.udp_len = Some(7), Counter::Truncated),
    // Linux takes the rest of an IPv6 packet for the datagram then, and nothing of an IPv4 one.
    ("UDP length 0", |f| f.udp_len = Some(0), FOUND),
    ("UDP length under the IP length", within_udp, FOUND),
    ("the blank line behind the UDP length", |f| f.udp_len = Some(udp_len(f) - 2), UNDECIDED),
];

const UNDECIDED: Counter = Counter::PassNotPlain;

const V4: &[Case] = &[
    ("one word of options", |f| f.options = 4, FOUND),
    ("options up to IHL 15", |f| f.options = 40, FOUND),
    ("options behind two tags", |f| (f.tags, f.options) = (vec![DOT1AD, DOT1Q], 40), FOUND),
    ("IHL 4", |f| f.ihl = Some(4), Counter::Truncated),
    ("IHL 0", |f| f.ihl = Some(0), Counter::Truncated),
    ("IHL over the total length", |f| (f.ihl, f.ip_len) = (Some(6), Some(20)), Counter::Truncated),
    ("total length 0", |f| f.ip_len = Some(0), Counter::Truncated),
    ("total length over the frame", |f| longer(f, 20), Counter::Truncated),
    ("do not fragment", |f| f.fragment = DONT_FRAGMENT, FOUND),
    ("first fragment", |f| f.fragment = MORE_FRAGMENTS, FOUND),
    // With their first one, which was dropped.
    ("middle fragment", |f| f.fragment = MORE_FRAGMENTS | 185, Counter::DropFragment),
    ("last fragment", |f| f.fragment = 185, Counter::DropFragment),
    ("highest fragment offset", |f| f.fragment = 0x1fff, Counter::DropFragment),
    ("IPv6 behind the EtherType of IPv4", |f| f.ihl = Some(0x65 - 0x40), Counter::NotIp),
];

const V6: &[Case] = &[
    ("hop-by-hop options", |f| f.extensions = vec![(HOP_BY_HOP, 8)], FOUND),
    ("routing header", |f| f.extensions = vec![(ROUTING, 24)], FOUND),
    ("destination options", |f| f.extensions = vec![(DESTINATION, 16)], FOUND),
    ("five extension headers", |f| f.extensions = five(), FOUND),
    ("five behind two tags", |f| (f.tags, f.extensions) = (vec![DOT1AD, DOT1Q], five()), FOUND),
    ("six extension headers", |f| f.extensions = vec![(DESTINATION, 8); 6], Counter::TooDeep),
    ("an extension header of 256 bytes", |f| f.extensions = vec![(DESTINATION, 256)], FOUND),
    ("headers over 512 bytes", |f| f.extensions = vec![(DESTINATION, 256); 2], Counter::TooDeep),
    ("hop-by-hop options not first", hop_by_hop_second, Counter::OtherTransport),
    ("a first fragment", |f| f.extensions = vec![(FRAGMENT, 8)], FOUND),
    ("a first fragment behind options", behind_options, FOUND),
    ("two fragment headers", |f| f.extensions = vec![(FRAGMENT, 8); 2], Counter::TooDeep),
    (
        "SCTP behind options",
        |f| (f.protocol, f.extensions) = (SCTP, five()),
        Counter::OtherTransport,
    ),
    ("payload length within an option", options_cut, Counter::Truncated),
    ("payload length 0", |f| f.ip_len = Some(0), Counter::Truncated),
    ("payload length over the frame", |f| longer(f, 0), Counter::Truncated),
    ("no next header", |f| f.protocol = 59, Counter::OtherTransport),
];

#[test]
fn each_stack_of_headers_has_its_way_out() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    let payload = Invite::from("+14155551234").bytes();
    for (source, cases) in [(US, EITHER), (US_V6, EITHER), (US, V4), (US_V6, V6)] {
        for (name, change, exit) in cases {
            let mut frame = frame(source, &payload);
            change(&mut frame);
            let run = harness.frame(&frame.bytes());
            assert_eq!(run.exit, *exit, "{name}, from {source}");
            if *exit == FOUND {
                assert_eq!(usize::from(run.header().sip_offset), frame.header_len(), "{name}");
            }
        }
    }
}

#[test]
fn what_is_shorter_than_a_tag_is_passed() {
    let mut harness = Harness::new();
    for ethertype in [[0x81, 0x00], [0x88, 0xa8], [0x08, 0x00], [0x86, 0xdd]] {
        let frame = [&[2; 12][..], &ethertype].concat();
        assert_eq!(harness.frame(&frame).exit, Counter::Truncated, "{ethertype:x?}");
    }
    assert_eq!(harness.frame(&[0xff; 14]).exit, Counter::NotIp);
}

/// What the cases call right must be so for somebody else too.
#[test]
fn the_frames_are_what_they_say() {
    let payload = Invite::from("+14155551234").bytes();
    for source in [US, US_V6] {
        for tags in [vec![], vec![DOT1Q], vec![DOT1AD, DOT1Q]] {
            let mut frame = frame(source, &payload);
            frame.tags = tags;
            match source {
                US => frame.options = 8,
                _ => frame.extensions = vec![(HOP_BY_HOP, 8), (DESTINATION, 16)],
            }
            let bytes = frame.bytes();
            let read = etherparse::SlicedPacket::from_ethernet(&bytes).expect("a frame");
            let udp = match (&read.net, &read.transport) {
                (Some(_), Some(etherparse::TransportSlice::Udp(udp))) => udp,
                other => panic!("no UDP: {other:?}"),
            };
            assert_eq!(udp.payload(), payload);
            let right = match read.net.as_ref().expect("IP") {
                etherparse::NetSlice::Ipv4(ip) => {
                    let header = ip.header().to_header();
                    assert_eq!(header.header_checksum, header.calc_header_checksum());
                    udp.to_header().calc_checksum_ipv4(&header, &payload)
                }
                etherparse::NetSlice::Ipv6(ip) => {
                    udp.to_header().calc_checksum_ipv6(&ip.header().to_header(), &payload)
                }
                other => panic!("no IP: {other:?}"),
            };
            assert_eq!(udp.checksum(), right.expect("a checksum"));
        }
    }
}

fn udp_len(frame: &Frame) -> u16 {
    (8 + frame.payload.len()) as u16
}

fn long_udp_into_padding(frame: &mut Frame) {
    frame.udp_len = Some(udp_len(frame) + 4);
    frame.padding = 64;
}

/// The message ends where UDP says so; what IP still carries is no part of it.
fn within_udp(frame: &mut Frame) {
    frame.udp_len = Some(udp_len(frame));
    frame.payload.extend([b'x'; 20]);
}

/// A length of the network header that the frame does not hold, and UDP agrees.
fn longer(frame: &mut Frame, header_len: u16) {
    let len = udp_len(frame) + 10;
    frame.udp_len = Some(len);
    frame.ip_len = Some(header_len + len);
}

/// As many as RFC 8200 §4.1 lists before a transport header.
fn five() -> Vec<(u8, usize)> {
    vec![(HOP_BY_HOP, 8), (DESTINATION, 8), (ROUTING, 24), (DESTINATION, 8), (DESTINATION, 32)]
}

fn behind_options(frame: &mut Frame) {
    frame.extensions = vec![(HOP_BY_HOP, 8), (FRAGMENT, 8)];
}

fn hop_by_hop_second(frame: &mut Frame) {
    frame.extensions = vec![(DESTINATION, 8), (HOP_BY_HOP, 8)];
}

fn options_cut(frame: &mut Frame) {
    frame.extensions = vec![(HOP_BY_HOP, 8), (DESTINATION, 16)];
    frame.ip_len = Some(16);
}
