//! PPP, PPPoE and MPLS; the other link headers stand with the packets.

use super::*;
use crate::capture::{
    fixture,
    packet::{Packet, read},
};

const PAYLOAD: &[u8] = b"INVITE sip:1@h SIP/2.0\r\n\r\n";

/// What comes out of IP packets behind a header.
fn behind(link: LinkType, header: &[u8], packet: &[u8]) -> Result<Vec<u8>, Skipped> {
    match read(link, &[header, packet].concat())? {
        Packet::Datagram(datagram) => Ok(datagram.payload.to_vec()),
        other => panic!("no datagram: {other:?}"),
    }
}

fn ethernet(ethertype: &[u8]) -> Vec<u8> {
    [&[2; 12][..], ethertype].concat()
}

fn v4() -> Vec<u8> {
    fixture::ipv4([203, 0, 113, 9], 17, &fixture::udp(PAYLOAD))
}

fn v6() -> Vec<u8> {
    fixture::ipv6(17, &fixture::udp(PAYLOAD))
}

#[test]
fn ppp_with_and_without_framing_and_compression() {
    for (header, packet) in [
        (&[0, 0x21][..], v4()),
        (&[0, 0x57], v6()),
        (&[0x21], v4()),
        (&[0xff, 3, 0, 0x21], v4()),
        (&[0xff, 3, 0x57], v6()),
    ] {
        assert_eq!(behind(LinkType::Ppp, header, &packet), Ok(PAYLOAD.to_vec()), "{header:x?}");
        for ethertype in [&[0x88, 0x64][..], &[0x81, 0, 0, 7, 0x88, 0x64]] {
            let session = [&[0x11, 0, 0, 1, 0, 99][..], header].concat();
            let frame = [&ethernet(ethertype)[..], &session].concat();
            assert_eq!(behind(LinkType::Ethernet, &frame, &packet), Ok(PAYLOAD.to_vec()));
            assert_eq!(behind(LinkType::PppEther, &session, &packet), Ok(PAYLOAD.to_vec()));
        }
    }
    // LCP, the start of a session, nothing.
    assert_eq!(behind(LinkType::Ppp, &[0xc0, 0x21], &v4()), Err(Skipped::NotIp));
    assert_eq!(behind(LinkType::PppEther, &[0x11, 9, 0, 0, 0, 0], &v4()), Err(Skipped::NotIp));
    assert_eq!(behind(LinkType::Ppp, &[0], &[]), Err(Skipped::Damaged));
    assert_eq!(behind(LinkType::PppEther, &[0x11, 0, 0, 0, 0], &[]), Err(Skipped::Damaged));
}

#[test]
fn mpls_labels_are_looked_past() {
    let label = [0, 0x10, 0x10, 64];
    let last = [0, 0x10, 0x11, 64];
    for ethertype in [[0x88, 0x47], [0x88, 0x48]] {
        for more in [0, 1, MAX_LABELS - 1] {
            let header = [&ethernet(&ethertype)[..], &label.repeat(more), &last].concat();
            assert_eq!(behind(LinkType::Ethernet, &header, &v6()), Ok(PAYLOAD.to_vec()), "{more}");
        }
    }
    let deep = [&ethernet(&[0x88, 0x47])[..], &label.repeat(MAX_LABELS), &last].concat();
    assert_eq!(behind(LinkType::Ethernet, &deep, &v4()), Err(Skipped::TooDeep));
    let cut = [&ethernet(&[0x88, 0x47])[..], &label].concat();
    assert_eq!(behind(LinkType::Ethernet, &cut, &[]), Err(Skipped::Damaged));
    // An Ethernet frame behind a control word.
    let wire = [&ethernet(&[0x88, 0x47])[..], &last, &[0; 4]].concat();
    assert_eq!(behind(LinkType::Ethernet, &wire, &ethernet(&[8, 0])), Err(Skipped::NotIp));
}
