//! Fragments of packets, in any order, twice, lost and cut.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

use super::Input;
use crate::{
    capture::{
        assembly::{
            fragments::{Came, Fragments},
            shelves::Bounds,
        },
        packet::{Fragment, Packet, Vlans, Whole},
    },
    time::Timestamp,
};

/// Packets that are sent.
const MAX_PACKETS: usize = 6;

/// Bytes of a packet's payload, without its UDP header.
const MAX_LEN: usize = 3_000;

/// So few that packets give way.
const TIGHT: Bounds = Bounds { entries: 4, bytes: 12 << 10, share: 2 };

/// So many that none does.
const WIDE: Bounds = Bounds { entries: 64, bytes: 1 << 20, share: 1 };

const UDP: u8 = 17;
const UDP_HEADER_LEN: usize = 8;

/// A packet and what became of its pieces.
struct Sent {
    whole: Whole,
    payload: Vec<u8>,
    pieces: Vec<Piece>,
    received: usize,
}

struct Piece {
    start: usize,
    end: usize,
    sent: usize,
}

/// Sends the fragments of some packets and compares what is put together with what was sent. Says
/// how many packets became whole.
pub fn fragments(data: &[u8]) -> usize {
    let mut input = Input(data);
    let bounds = if input.byte() & 1 == 0 { TIGHT } else { WIDE };
    let mut fragments = Fragments::new(bounds, Arc::default());
    let count = 1 + input.below(MAX_PACKETS);
    let mut packets: Vec<_> = (0..count).map(|id| Sent::new(id, &mut input)).collect();
    let mut now = Timestamp::new(1, 0);
    let mut overdue = false;
    while !input.is_empty() {
        match input.byte() % 16 {
            0 => {
                now = now.after(Duration::from_secs(input.below(40) as u64));
                overdue = true;
            }
            1 => fragments.expire(now),
            choice => {
                let packet = input.below(packets.len());
                let packet = &mut packets[packet];
                packet.send(&mut fragments, &mut input, choice == 2, now);
            }
        }
        let held = fragments.memory();
        assert!(held.entries <= bounds.entries && held.bytes <= bounds.bytes, "{held:?}");
    }
    for packet in &packets {
        let each = packet.pieces.iter().map(|piece| piece.sent).min().unwrap_or(0);
        assert!(packet.received <= each, "{} came out of {each}", packet.received);
        if bounds == WIDE && !overdue {
            assert!(packet.received >= each.min(1), "what was there did not come out");
        }
    }
    fragments.finish();
    assert_eq!(fragments.memory().entries, 0);
    packets.iter().map(|packet| packet.received).sum()
}

impl Sent {
    fn new(id: usize, input: &mut Input<'_>) -> Self {
        let kind = input.byte();
        let source = kind >> 1 & 3;
        let (src, dst) = if kind & 1 == 0 {
            ([192, 0, 2, source].into(), Ipv4Addr::new(198, 51, 100, 20).into())
        } else {
            let src = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, source.into());
            (src.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 20).into())
        };
        let len = UDP_HEADER_LEN + input.below(MAX_LEN);
        let mut payload = [&[0x13, 0xc4, 0x13, 0xc4], &(len as u16).to_be_bytes()[..]].concat();
        // No two places of a packet, and no two packets, look alike for long.
        payload.extend((payload.len()..len).map(|at| (at ^ ((at >> 8) * 7) ^ (id * 29)) as u8));
        let mut pieces = Vec::new();
        let mut start = 0;
        while start < len {
            let end = (start + 8 * (1 + input.below(128))).min(len);
            pieces.push(Piece { start, end, sent: 0 });
            start = end;
        }
        let whole =
            Whole { src, dst, protocol: UDP, id: id as u32, vlan: Vlans::default(), tunnels: 0 };
        Self { whole, payload, pieces, received: 0 }
    }

    /// Sends one piece, of which a capture may have kept the start alone.
    fn send(
        &mut self,
        fragments: &mut Fragments,
        input: &mut Input<'_>,
        cut: bool,
        now: Timestamp,
    ) {
        let count = self.pieces.len();
        let piece = &mut self.pieces[input.below(count)];
        piece.sent += 1;
        let bytes = &self.payload[piece.start..piece.end];
        let there = if cut { input.below(bytes.len() + 1) } else { bytes.len() };
        let fragment = Fragment {
            whole: self.whole,
            offset: piece.start as u32,
            len: bytes.len() as u32,
            more: piece.end < self.payload.len(),
            bytes: &bytes[..there],
        };
        let came = Came { arrived: now, fragments: 1, kernel: None };
        let Some(whole) = fragments.push(&fragment, came) else { return };
        self.received += 1;
        // A datagram whose header was cut off is damaged.
        let Ok(packet) = whole.read() else { return };
        let Packet::Datagram(datagram) = packet else { panic!("{packet:?} out of a datagram") };
        let sent = &self.payload[UDP_HEADER_LEN..];
        assert_eq!((datagram.src.ip(), datagram.dst.ip()), (self.whole.src, self.whole.dst));
        assert!(sent.starts_with(datagram.payload), "another payload than was sent");
        assert!(datagram.cut || datagram.payload == sent, "a part without a word");
    }
}
