//! Fragments and flows together, of trunks and of strangers.

use super::*;
use crate::capture::{LinkType, Reach, fixture};

const TRUNK: [u8; 4] = [192, 0, 2, 1];

/// A TCP segment from 5060 to 5060.
fn tcp(seq: u32, payload: &[u8]) -> Vec<u8> {
    let ports = [0x13, 0xc4, 0x13, 0xc4];
    let rest = [0, 0, 0, 0, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0];
    [&ports[..], &seq.to_be_bytes(), &rest, payload].concat()
}

/// What comes out: bytes, frame, fragments.
fn send(assembly: &mut Assembly, number: u64, packet: &[u8]) -> Vec<(Vec<u8>, u64, u32)> {
    let wire_len = packet.len() as u32;
    let frame = Frame {
        number,
        arrived: Timestamp::new(1_000, 0),
        content: Content::Link { link: LinkType::RawIp, bytes: packet, wire_len },
        reach: Reach::Answer,
        kernel: None,
    };
    let mut found = Vec::new();
    assembly.frame(&frame, &|source| source == IpAddr::from(TRUNK), &mut |message| {
        assert_eq!(message.transport, Transport::Tcp);
        found.push((message.bytes.to_vec(), message.frame, message.fragments));
    });
    found
}

#[test]
fn a_segment_of_a_flow_may_come_in_fragments() {
    let message = fixture::invite("+14155550100", "b1");
    let (first, second) = (tcp(7, &message[..50]), tcp(57, &message[50..]));
    let mut assembly = Assembly::new(Arc::default());
    assert!(send(&mut assembly, 1, &fixture::ipv4(TRUNK, 6, &first)).is_empty());
    let end = fixture::fragment_v4(TRUNK, 6, 1, 40, false, &second[40..]);
    assert!(send(&mut assembly, 2, &end).is_empty());
    assert_eq!(assembly.memory().entries, 2);
    let start = fixture::fragment_v4(TRUNK, 6, 1, 0, true, &second[..40]);
    assert_eq!(send(&mut assembly, 3, &start), [(message, 3, 2)]);
    let mut left = 0;
    assembly.finish(&mut |_| left += 1);
    assert_eq!((left, assembly.memory()), (0, Held::default()));
}

#[test]
fn strangers_take_no_memory_from_trunks() {
    let message = fixture::invite("+14155550100", "b1");
    let (first, second) = message.split_at(50);
    let mut assembly = Assembly::new(Arc::default());
    assert!(send(&mut assembly, 1, &fixture::ipv4(TRUNK, 6, &tcp(7, first))).is_empty());
    for source in 0..50_000u32 {
        let [_, a, b, c] = source.to_be_bytes();
        send(&mut assembly, 2, &fixture::ipv4([10, a, b, c], 6, &tcp(7, first)));
    }
    let Held { entries, bytes } = assembly.memory();
    let strangers = stream::OF_STRANGERS;
    assert!(entries <= strangers.entries + 1 && bytes <= strangers.bytes + 2_048);
    let rest = fixture::ipv4(TRUNK, 6, &tcp(57, second));
    assert_eq!(send(&mut assembly, 3, &rest), [(message, 3, 1)]);
}
