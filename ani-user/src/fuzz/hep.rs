//! HEPv3 packets and streams of them.

use super::Input;
use crate::capture::hep::{
    fixture,
    packet::{self, Carried},
    stream::Stream,
};

/// Reads the bytes as a packet and as a stream of packets, and a packet made of them as what it was
/// made of.
pub fn hep(data: &[u8]) {
    packet::fuzz(data);
    stream(data);
    mirrored(data);
}

fn stream(data: &[u8]) {
    let mut stream = Stream::new();
    // How much comes at once is read from the end: the start is the stream's own.
    let step = 1 + usize::from(data.last().copied().unwrap_or(0));
    let mut out = 0;
    for bytes in data.chunks(step) {
        let room = stream.room();
        assert!(room.len() >= bytes.len(), "no room left");
        room[..bytes.len()].copy_from_slice(bytes);
        stream.add(bytes.len());
        let read = stream.packets(|packet| {
            assert_eq!(packet, &data[out..][..packet.len()], "another packet than was sent");
            packet::fuzz(packet);
            out += packet.len();
        });
        if read.is_err() {
            return;
        }
    }
    assert_eq!(stream.has_begun(), out < data.len());
}

fn mirrored(data: &[u8]) {
    let mut input = Input(data);
    let (choice, split) = (input.byte(), input.below(64));
    let key = input.bytes(split);
    let message = input.bytes(4_096);
    if message.is_empty() {
        return;
    }
    let sent = fixture::mirrored(message);
    let key = (choice & 1 == 1).then_some(key);
    // Chunks come in any order.
    let mut chunks = fixture::chunks(&sent, key);
    let count = chunks.len();
    chunks.rotate_left(usize::from(choice >> 1) % count);
    for packet in [fixture::packet(&sent, key), fixture::whole(&chunks)] {
        let read = packet::read(&packet).expect("a packet");
        assert_eq!((read.carried, read.key), (Carried::Sip(sent), key));
    }
}
