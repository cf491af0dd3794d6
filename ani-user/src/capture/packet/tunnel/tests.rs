//! Packets in packets, whole, cut, and too deep.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::capture::{
    fixture,
    packet::{Datagram, read},
};

const GATEWAY: [u8; 4] = [10, 0, 0, 1];
const CALLER: [u8; 4] = [203, 0, 113, 9];
const PAYLOAD: &[u8] = b"INVITE sip:1@h SIP/2.0\r\n\r\n";

fn datagram(packet: &[u8]) -> Result<Datagram<'_>, Skipped> {
    match read(LinkType::RawIp, packet)? {
        Packet::Datagram(datagram) => Ok(datagram),
        other => panic!("no datagram: {other:?}"),
    }
}

fn call_v4() -> Vec<u8> {
    fixture::ipv4(CALLER, 17, &fixture::udp(PAYLOAD))
}

fn call_v6() -> Vec<u8> {
    fixture::ipv6(17, &fixture::udp(PAYLOAD))
}

fn gre(header: &[u8], inner: &[u8]) -> Vec<u8> {
    fixture::ipv4(GATEWAY, 47, &[header, inner].concat())
}

/// A datagram from 5060 to 2152.
fn gtp(header: &[u8], inner: &[u8]) -> Vec<u8> {
    let mut udp = fixture::udp(&[header, inner].concat());
    udp[2..4].copy_from_slice(&GTP_U_PORT.to_be_bytes());
    fixture::ipv4(GATEWAY, 17, &udp)
}

const G_PDU: [u8; 8] = [0x30, 255, 0, 0, 0, 0, 0, 1];

fn calls(packet: &[u8]) -> bool {
    datagram(packet).is_ok_and(|datagram| datagram.payload == PAYLOAD)
}

#[test]
fn ip_in_ip_has_the_addresses_of_the_inner_packet() {
    for (outer, source) in [
        (fixture::ipv4(GATEWAY, 4, &call_v4()), "203.0.113.9:5060"),
        (fixture::ipv4(GATEWAY, 41, &call_v6()), "[2001:db8::1]:5060"),
        (fixture::ipv6(4, &call_v4()), "203.0.113.9:5060"),
        (fixture::ipv6(41, &call_v6()), "[2001:db8::1]:5060"),
    ] {
        let datagram = datagram(&outer).expect("UDP");
        assert_eq!((datagram.payload, datagram.src.to_string().as_str()), (PAYLOAD, source));
        assert!(!datagram.cut && !datagram.overlong);
        let cut = self::datagram(&outer[..outer.len() - 3]).expect("UDP");
        assert!(cut.cut && !cut.overlong);
    }
    assert_eq!(datagram(&fixture::ipv4(GATEWAY, 4, b"\x00 no IP")), Err(Skipped::NotIp));
    assert_eq!(datagram(&fixture::ipv4(GATEWAY, 4, b"")), Err(Skipped::Damaged));
}

#[test]
fn gre_with_each_of_its_options() {
    let (v4, v6) = (call_v4(), call_v6());
    let ethernet = [&[2; 12][..], &[0x81, 0, 0, 7, 8, 0], &v4].concat();
    let erspan = [&[0; 8][..], &ethernet].concat();
    for (header, inner) in [
        (&[0, 0, 8, 0][..], &v4),
        (&[0, 0, 0x86, 0xdd], &v6),
        (&[0x80, 0, 8, 0, 1, 2, 0, 0], &v4),
        (&[0x20, 0, 8, 0, 0, 0, 0, 9], &v4),
        (&[0x10, 0, 8, 0, 0, 0, 0, 1], &v4),
        (&[0xb0, 0, 8, 0, 1, 2, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1], &v4),
        (&[0, 0, 0x65, 0x58], &ethernet),
        (&[0, 0, 0x88, 0xbe], &ethernet),
        (&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1], &erspan),
    ] {
        let packet = gre(header, inner);
        let datagram = datagram(&packet).expect("UDP");
        assert_eq!(datagram.payload, PAYLOAD, "{header:x?}");
        let tagged = inner.len() >= ethernet.len() && *inner != v6;
        assert_eq!(datagram.vlan.as_slice(), if tagged { &[7][..] } else { &[] }, "{header:x?}");
        for len in 20..packet.len() - PAYLOAD.len() {
            assert!(self::datagram(&packet[..len]).is_err(), "{header:x?} cut to {len}");
        }
    }
    // Routing, version 1, and what is no IP.
    for (header, why) in [
        (&[0x40, 0, 8, 0][..], Skipped::OtherTransport),
        (&[0x30, 1, 0x88, 0x0b], Skipped::OtherTransport),
        (&[0, 0, 0, 0], Skipped::NotIp),
    ] {
        assert_eq!(datagram(&gre(header, &v4)), Err(why), "{header:x?}");
    }
}

#[test]
fn gtp_u_with_each_of_its_options() {
    for (header, inner) in [
        (&G_PDU[..], call_v4()),
        (&G_PDU, call_v6()),
        // Sequence number; its place is there for the N-PDU number too, and says nothing then.
        (&[0x32, 255, 0, 0, 0, 0, 0, 1, 0, 5, 0, 0x85], call_v4()),
        (&[0x31, 255, 0, 0, 0, 0, 0, 1, 0, 0, 5, 0x85], call_v4()),
        // Extensions of four and eight bytes.
        (&[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 9, 0], call_v4()),
        (
            &[0x36, 255, 0, 0, 0, 0, 0, 1, 0, 5, 0, 0x85, 1, 0, 9, 0xc0, 2, 0, 0, 0, 0, 0, 0, 0],
            call_v6(),
        ),
    ] {
        assert!(calls(&gtp(header, &inner)), "{header:x?}");
    }
    let mut from_the_port = gtp(&G_PDU, &call_v4());
    from_the_port[20..24].copy_from_slice(&[8, 104, 0x13, 0xc4]);
    assert!(calls(&from_the_port));
}

#[test]
fn what_is_no_tunnel_on_the_port_of_one_is_a_datagram() {
    for (header, inner) in [
        (&[][..], PAYLOAD.to_vec()),
        // Echo request, GTP', version 2, no extension where one is named, one of no length.
        (&[0x32, 1, 0, 4, 0, 0, 0, 0, 0, 1, 0, 0], vec![]),
        (&[0x20, 255, 0, 0, 0, 0, 0, 1], call_v4()),
        (&[0x50, 255, 0, 0, 0, 0, 0, 1], call_v4()),
        (&[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85], vec![]),
        (&[0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 0], call_v4()),
        (&G_PDU, b"\x00 no IP".to_vec()),
        (&G_PDU, call_v4()[..15].to_vec()),
    ] {
        let packet = gtp(header, &inner);
        let datagram = datagram(&packet).expect("UDP");
        assert_eq!(datagram.payload, [header, &inner].concat(), "{header:x?}");
    }
    // What it carries is no call, and the datagram around it neither.
    let icmp = fixture::ipv4(CALLER, 1, PAYLOAD);
    assert_eq!(datagram(&gtp(&G_PDU, &icmp)), Err(Skipped::OtherTransport));
}

#[test]
fn an_endless_chain_is_not_followed() {
    let mut packet = call_v4();
    for depth in 1..=MAX_TUNNELS + 1 {
        packet = match depth % 3 {
            0 => gre(&[0, 0, 8, 0], &packet),
            1 => gtp(&G_PDU, &packet),
            _ => fixture::ipv4(GATEWAY, 4, &packet),
        };
        let expected = if depth <= MAX_TUNNELS { Ok(PAYLOAD) } else { Err(Skipped::TooDeep) };
        assert_eq!(datagram(&packet).map(|datagram| datagram.payload), expected, "{depth}");
    }
    let start = [0x34, 255, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85];
    let extensions = [1, 0, 0, 0x85].repeat(MAX_GTP_EXTENSIONS);
    let header = [&start[..], &extensions].concat();
    assert_eq!(datagram(&gtp(&header, &call_v4())), Err(Skipped::TooDeep));
    let mut header = header;
    *header.last_mut().expect("extensions") = 0;
    assert!(calls(&gtp(&header, &call_v4())));
}

#[test]
fn a_fragment_in_a_tunnel_says_how_deep_it_lay() {
    let inner = fixture::fragment_v4(CALLER, 17, 7, 64, false, PAYLOAD);
    let packet = gtp(&G_PDU, &gre(&[0, 0, 8, 0], &inner));
    let Ok(Packet::Fragment(fragment)) = read(LinkType::RawIp, &packet) else { panic!("fragment") };
    assert_eq!(
        (fragment.whole.src.to_string().as_str(), fragment.whole.tunnels),
        ("203.0.113.9", 2)
    );
    assert_eq!((fragment.offset, fragment.bytes), (64, PAYLOAD));
}

proptest! {
    #[test]
    fn any_bytes_in_a_tunnel_are_read_without_a_panic(
        kind in 0usize..5,
        header in vec(any::<u8>(), 0..24),
        inner in 0usize..3,
    ) {
        let inner = [call_v4(), call_v6(), Vec::new()][inner].clone();
        let packet = match kind {
            0 => gre(&header, &inner),
            1 => gtp(&[&[0x34, 255, 0, 0, 0, 0, 0, 1][..], &header].concat(), &inner),
            2 => fixture::ipv4(GATEWAY, 4, &[&header[..], &inner].concat()),
            3 => fixture::ipv6(41, &[&header[..], &inner].concat()),
            _ => gre(&[&[0, 0, 0x65, 0x58][..], &header].concat(), &inner),
        };
        if let Ok(Packet::Datagram(datagram)) = read(LinkType::RawIp, &packet) {
            prop_assert!(datagram.payload.len() < packet.len());
        }
    }
}
