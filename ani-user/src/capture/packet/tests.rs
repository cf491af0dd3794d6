//! Header stacks, whole and cut.

use etherparse::{PacketBuilder, SingleVlanHeader, VlanId};
use proptest::prelude::*;

use super::*;
use crate::capture::fixture;

fn datagram(link: LinkType, bytes: &[u8]) -> Result<Datagram<'_>, Skipped> {
    match read(link, bytes)? {
        Packet::Datagram(datagram) => Ok(datagram),
        other => panic!("no datagram: {other:?}"),
    }
}

fn ethernet(bytes: &[u8]) -> Result<Datagram<'_>, Skipped> {
    datagram(LinkType::Ethernet, bytes)
}

const PAYLOAD: &[u8] = b"INVITE sip:1@h SIP/2.0\r\n\r\n";

/// An Ethernet frame whose EtherType is replaced by what stands in `between`.
fn with(between: &[u8], ethertype: [u8; 2]) -> Vec<u8> {
    let plain = fixture::ethernet(PAYLOAD);
    [&plain[..12], between, &ethertype, &plain[14..]].concat()
}

#[test]
fn ethernet_with_and_without_tags() {
    for (between, vlan) in [
        (&[][..], &[][..]),
        (&[0x81, 0, 0x20, 100], &[100]),
        (&[0x88, 0xa8, 0, 200, 0x81, 0, 0, 100], &[200, 100]),
        (&[0x91, 0, 0, 3, 0x92, 0, 0, 2, 0x81, 0, 0, 1], &[3, 2, 1]),
    ] {
        let bytes = with(between, [8, 0]);
        let datagram = ethernet(&bytes).expect("UDP");
        assert_eq!(datagram.vlan.as_slice(), vlan);
        assert_eq!(datagram.payload, PAYLOAD);
        assert_eq!(datagram.src.to_string(), "203.0.113.9:5060");
        assert_eq!(datagram.dst.to_string(), "198.51.100.20:5060");
        assert!(!datagram.cut && !datagram.overlong);
    }
    let tags = [0x81, 0, 0, 1].repeat(MAX_VLAN_TAGS + 1);
    assert_eq!(ethernet(&with(&tags, [8, 0])), Err(Skipped::TooDeep));
    assert_eq!(ethernet(&with(&[], [8, 6])), Err(Skipped::NotIp));
}

#[test]
fn the_other_link_types() {
    let plain = fixture::ethernet(PAYLOAD);
    let packet = &plain[14..];
    let sll = [&[0; 14][..], &[8, 0], packet].concat();
    let sll2 = [&[8, 0][..], &[0; 18], packet].concat();
    let little = [&2u32.to_le_bytes()[..], packet].concat();
    let big = [&2u32.to_be_bytes()[..], packet].concat();
    for (link, bytes) in [
        (LinkType::RawIp, packet),
        (LinkType::Sll, &sll),
        (LinkType::Sll2, &sll2),
        (LinkType::Null, &little),
        (LinkType::Null, &big),
    ] {
        assert_eq!(datagram(link, bytes).expect("UDP").payload, PAYLOAD, "{link:?}");
        for len in 0..bytes.len() - PAYLOAD.len() {
            let cut = datagram(link, &bytes[..len]);
            assert!(cut.is_err(), "{link:?} cut to {len}: {cut:?}");
        }
    }
    assert_eq!(datagram(LinkType::Null, &[9, 0, 0, 0, 0x45]), Err(Skipped::NotIp));
    assert_eq!(datagram(LinkType::RawIp, &[0x15; 40]), Err(Skipped::NotIp));
}

/// Raw IPv6 with the headers given, the first named `next`.
fn v6(next: u8, headers: &[u8]) -> Vec<u8> {
    let udp_len = (8 + PAYLOAD.len()) as u16;
    let len = headers.len() as u16 + udp_len;
    let mut packet = [&[0x60, 0, 0, 0][..], &len.to_be_bytes(), &[next, 64]].concat();
    packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    packet.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    packet.extend(headers);
    packet.extend([0x13, 0xc4, 0x13, 0xc4]);
    packet.extend(udp_len.to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(PAYLOAD);
    packet
}

#[test]
fn ipv6_and_its_extension_headers() {
    let hop_by_hop = [17, 0, 1, 4, 0, 0, 0, 0];
    let all =
        [[60, 0, 1, 4, 0, 0, 0, 0], [43, 0, 1, 4, 0, 0, 0, 0], [17, 0, 0, 0, 0, 0, 0, 0]].concat();
    let atomic = [17, 0, 0, 0, 0, 0, 0, 7];
    for packet in [v6(17, &[]), v6(0, &hop_by_hop), v6(0, &all), v6(44, &atomic)] {
        let read =
            self::datagram(LinkType::RawIp, &packet).map(|datagram| datagram.payload.to_vec());
        assert_eq!(read, Ok(PAYLOAD.to_vec()), "{packet:?}");
    }
    let first = [17, 0, 0, 1, 0, 0, 0, 7];
    let packet = v6(44, &first);
    let Ok(Packet::Fragment(fragment)) = read(LinkType::RawIp, &packet) else { panic!("fragment") };
    assert_eq!((fragment.whole.id, fragment.offset, fragment.more), (7, 0, true));
    assert_eq!(fragment.len as usize, fragment.bytes.len());
    assert_eq!(fragment.bytes[8..], *PAYLOAD);
}

#[test]
fn fragments_behind_and_before_other_extension_headers() {
    let hop_by_hop = [60, 0, 1, 4, 0, 0, 0, 0];
    let options = [44, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    // The middle of a packet, and it looks like a header.
    let later = [60, 0, 0, 0x40, 0, 0, 0, 7];
    let middle = [17, 0, 1, 4, 0, 0, 0, 0];
    let packet = v6(0, &[&hop_by_hop[..], &options, &later, &middle].concat());
    let Ok(Packet::Fragment(fragment)) = read(LinkType::RawIp, &packet) else { panic!("fragment") };
    assert_eq!((fragment.whole.protocol, fragment.whole.id, fragment.offset), (60, 7, 64));
    assert_eq!(fragment.bytes[..8], middle);
    assert_eq!(fragment.len as usize, middle.len() + 8 + PAYLOAD.len());
    let cut = &packet[..packet.len() - 5];
    let Ok(Packet::Fragment(fragment)) = read(LinkType::RawIp, cut) else { panic!("fragment") };
    assert_eq!(fragment.len as usize, fragment.bytes.len() + 5);

    // The same with IPv4 and an authentication header.
    let packet = fixture::fragment_v4([203, 0, 113, 9], 51, 7, 64, true, &middle);
    let Ok(Packet::Fragment(fragment)) = read(LinkType::RawIp, &packet) else { panic!("fragment") };
    assert_eq!((fragment.whole.protocol, fragment.bytes), (51, &middle[..]));
}

#[test]
fn extension_headers_are_looked_past_to_a_bound() {
    let options = [60, 0, 1, 4, 0, 0, 0, 0];
    let last = [17, 0, 1, 4, 0, 0, 0, 0];
    let most = [&options.repeat(MAX_EXTENSION_HEADERS - 1)[..], &last].concat();
    assert_eq!(datagram(LinkType::RawIp, &v6(60, &most)).map(|udp| udp.payload), Ok(PAYLOAD));
    let more = [&options[..], &most].concat();
    assert_eq!(datagram(LinkType::RawIp, &v6(60, &more)), Err(Skipped::TooDeep));
    // Hop-by-hop options in the second place, an authentication header, and none at all.
    let misplaced = [&[0, 0, 1, 4, 0, 0, 0, 0][..], &last].concat();
    assert_eq!(datagram(LinkType::RawIp, &v6(60, &misplaced)), Err(Skipped::OtherTransport));
    let authentication = [17, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1];
    let packet = v6(51, &authentication);
    assert_eq!(datagram(LinkType::RawIp, &packet).map(|udp| udp.payload), Ok(PAYLOAD));
    assert_eq!(datagram(LinkType::RawIp, &v6(59, &[])), Err(Skipped::OtherTransport));
}

#[test]
fn what_is_no_datagram_is_told_apart() {
    let mut fragment = fixture::ethernet(PAYLOAD);
    for (bits, offset, more) in [([0x20, 0], 0, true), ([0, 9], 72, false)] {
        fragment[14 + 6..][..2].copy_from_slice(&bits);
        let Ok(Packet::Fragment(read)) = read(LinkType::Ethernet, &fragment) else {
            panic!("fragment")
        };
        assert_eq!((read.offset, read.more), (offset, more));
        assert_eq!((read.len as usize, &read.bytes[8..]), (read.bytes.len(), PAYLOAD));
    }

    let builder = || PacketBuilder::ipv4([203, 0, 113, 9], [198, 51, 100, 20], 64);
    let mut tcp = Vec::new();
    builder().tcp(5060, 5060, 1, 100).write(&mut tcp, PAYLOAD).expect("memory");
    let Ok(Packet::Segment(segment)) = read(LinkType::RawIp, &tcp) else { panic!("segment") };
    assert_eq!((segment.seq, segment.syn, segment.end), (1, false, false));
    assert_eq!((segment.payload, segment.len as usize), (PAYLOAD, PAYLOAD.len()));
    let cut = &tcp[..tcp.len() - 9];
    let Ok(Packet::Segment(segment)) = read(LinkType::RawIp, cut) else { panic!("segment") };
    assert_eq!(segment.payload, &PAYLOAD[..PAYLOAD.len() - 9]);
    assert_eq!(segment.len as usize, PAYLOAD.len(), "as the IP header has it");

    // Destination unreachable, with the datagram it is about.
    let quoted = &fixture::ethernet(PAYLOAD)[14..];
    let mut icmp = Vec::new();
    builder().icmpv4_raw(3, 3, [0; 4]).write(&mut icmp, quoted).expect("memory");
    assert_eq!(datagram(LinkType::RawIp, &icmp), Err(Skipped::OtherTransport));
}

#[test]
fn the_payload_is_as_long_as_udp_says() {
    let padded = [fixture::ethernet(PAYLOAD), vec![0; 18]].concat();
    assert_eq!(ethernet(&padded).expect("UDP").payload, PAYLOAD);

    let udp_len_at = 14 + 20 + 4;
    let mut short = fixture::ethernet(PAYLOAD);
    short[udp_len_at..][..2].copy_from_slice(&12u16.to_be_bytes());
    assert_eq!(ethernet(&short).expect("UDP").payload, &PAYLOAD[..4]);

    let mut long = fixture::ethernet(PAYLOAD);
    long[udp_len_at..][..2].copy_from_slice(&999u16.to_be_bytes());
    let datagram = ethernet(&long).expect("UDP");
    assert!(datagram.cut && datagram.overlong);

    let whole = fixture::ethernet(PAYLOAD);
    let datagram = ethernet(&whole[..whole.len() - 5]).expect("UDP");
    assert!(datagram.cut && !datagram.overlong);
    assert_eq!(datagram.payload, &PAYLOAD[..PAYLOAD.len() - 5]);
    let datagram = ethernet(&long[..long.len() - 5]).expect("UDP");
    assert!(datagram.cut && datagram.overlong, "however much was captured");

    let mut nothing = fixture::ethernet(PAYLOAD);
    nothing[udp_len_at..][..2].copy_from_slice(&7u16.to_be_bytes());
    assert_eq!(ethernet(&nothing), Err(Skipped::Damaged));
}

#[test]
fn a_card_that_fills_in_lengths_later_is_read() {
    let mut frame = fixture::ethernet(PAYLOAD);
    frame[14 + 2..][..2].copy_from_slice(&[0, 0]);
    frame[14 + 20 + 4..][..2].copy_from_slice(&[0, 0]);
    assert_eq!(ethernet(&frame).expect("UDP").payload, PAYLOAD);
}

#[test]
fn ipv4_options_are_looked_past() {
    let plain = fixture::ethernet(PAYLOAD);
    let mut packet = plain[14..34].to_vec();
    packet[0] = 0x46;
    let len = u16::from_be_bytes([packet[2], packet[3]]) + 4;
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet.extend([1, 1, 1, 0]);
    packet.extend(&plain[34..]);
    assert_eq!(datagram(LinkType::RawIp, &packet).expect("UDP").payload, PAYLOAD);
}

#[test]
fn another_writer_of_tags_is_read_too() {
    let tag = SingleVlanHeader {
        vlan_id: VlanId::try_new(42).expect("below 4,096"),
        ..SingleVlanHeader::default()
    };
    let mut bytes = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .vlan(etherparse::VlanHeader::Single(tag))
        .ipv6([1; 16], [2; 16], 64)
        .udp(5061, 5062)
        .write(&mut bytes, PAYLOAD)
        .expect("memory");
    let datagram = ethernet(&bytes).expect("UDP");
    assert_eq!((datagram.vlan.as_slice(), datagram.src.port()), (&[42][..], 5061));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..120),
        start in 0usize..5,
    ) {
        let starts: [&[u8]; 5] = [&[], &[8, 0, 0x45], &[0x86, 0xdd, 0x60], &[0x81, 0], &[0x45]];
        let bytes = [&[0; 12], starts[start], &bytes].concat();
        for link in [
            LinkType::Ethernet,
            LinkType::Null,
            LinkType::RawIp,
            LinkType::Sll,
            LinkType::Sll2,
            LinkType::Ppp,
            LinkType::PppEther,
        ] {
            for from in [0, 12] {
                if let Ok(Packet::Datagram(datagram)) = read(link, &bytes[from..]) {
                    prop_assert!(datagram.payload.len() <= bytes.len());
                }
            }
        }
    }
}
