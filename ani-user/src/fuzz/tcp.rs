//! Segments of TCP flows, in any order, twice and lost.

use std::{net::SocketAddr, ops::Range, sync::Arc, time::Duration};

use super::Input;
use crate::{
    capture::{
        Content, Frame, LinkType, Message, Reach,
        assembly::{shelves::Bounds, stream::Streams},
        packet::{Segment, Vlans},
    },
    time::Timestamp,
};

/// Flows, and messages in each.
const MAX_FLOWS: usize = 4;
const MAX_MESSAGES: usize = 6;

/// Bytes of a body.
const MAX_BODY: usize = 400;

/// Bytes of a segment.
const MAX_SEGMENT: usize = 1_500;

/// So few that flows give way.
const TIGHT: Bounds = Bounds { entries: 3, bytes: 12 << 10, share: 2 };

/// So many that none does.
const WIDE: Bounds = Bounds { entries: 64, bytes: 4 << 20, share: 1 };

/// One direction of a connection: what it says, and what of it was sent and received.
struct Sent {
    src: SocketAddr,
    first_seq: u32,
    bytes: Vec<u8>,
    messages: Vec<Range<usize>>,
    /// How often each message came out whole.
    received: Vec<usize>,
    /// How often each byte was sent.
    sent: Vec<usize>,
    /// Where it goes on when nothing is lost or repeated.
    at: usize,
}

/// Sends segments of some flows and compares the messages that are read with those sent. Says how
/// many were read.
pub fn tcp(data: &[u8]) -> usize {
    let mut input = Input(data);
    let bounds = if input.byte() & 1 == 0 { TIGHT } else { WIDE };
    let mut streams = Streams::new(bounds, Arc::default());
    let count = 1 + input.below(MAX_FLOWS);
    let mut flows: Vec<_> = (0..count).map(|number| Sent::new(number, &mut input)).collect();
    let mut now = Timestamp::new(1, 0);
    let mut number = 0;
    while !input.is_empty() {
        number += 1;
        let choice = input.byte();
        let flow = usize::from(choice >> 4) % flows.len();
        match choice % 16 {
            0 => {
                now = now.after(Duration::from_millis(input.below(8_000) as u64));
                streams.expire(now, &mut |message| received(&mut flows, message));
            }
            1 => flows[flow].at += input.below(MAX_SEGMENT),
            choice => {
                let range = flows[flow].range(&mut input, choice);
                for sent in &mut flows[flow].sent[range.clone()] {
                    *sent += 1;
                }
                let bytes = flows[flow].bytes[range.clone()].to_vec();
                let segment = Segment {
                    src: flows[flow].src,
                    dst: DST.into(),
                    vlan: Vlans::default(),
                    seq: flows[flow].first_seq.wrapping_add(range.start as u32),
                    syn: choice == 2 && range.start == 0,
                    end: choice == 3,
                    len: bytes.len() as u32,
                    payload: &bytes,
                };
                let content = Content::Link { link: LinkType::RawIp, bytes: &[], wire_len: 0 };
                let reach = Reach::Observe;
                let frame = Frame { number, arrived: now, content, reach, kernel: None };
                streams.push(&segment, &frame, 1, &mut |message| received(&mut flows, message));
            }
        }
        let held = streams.memory();
        assert!(held.entries <= bounds.entries && held.bytes <= bounds.bytes, "{held:?}");
    }
    streams.finish(&mut |message| received(&mut flows, message));
    assert_eq!(streams.memory().entries, 0);
    flows.iter().flat_map(|flow| &flow.received).sum()
}

const DST: ([u8; 4], u16) = ([198, 51, 100, 20], 5_060);

fn received(flows: &mut [Sent], message: &Message<'_>) {
    let flow = flows.iter_mut().find(|flow| flow.src == message.src).expect("a flow that sends");
    let mut sent = flow.messages.iter().map(|range| &flow.bytes[range.clone()]);
    if message.cut {
        assert!(sent.any(|sent| sent.starts_with(message.bytes)), "another start than was sent");
        return;
    }
    let index = sent.position(|sent| sent == message.bytes).expect("a message that was sent");
    flow.received[index] += 1;
    let each = flow.sent[flow.messages[index].clone()].iter().min().copied().unwrap_or(0);
    assert!(flow.received[index] <= each, "{} came out of {each}", flow.received[index]);
}

impl Sent {
    fn new(number: usize, input: &mut Input<'_>) -> Self {
        let kind = input.byte();
        let first_seq = u32::from_be_bytes([kind, input.byte(), input.byte(), input.byte()]);
        let (mut bytes, mut messages) = (Vec::new(), Vec::new());
        for message in 0..=input.below(MAX_MESSAGES) {
            // Keep-alives (RFC 5626 §3.5.1).
            bytes.extend(b"\r\n\r\n".iter().take(usize::from(input.byte() % 5) / 2 * 2));
            let (len, first) = (input.below(MAX_BODY), input.byte());
            // Without a 2 nothing in it can be taken for a start line.
            let body = (0..len).map(|at| first.wrapping_add((at * 7) as u8));
            let body: Vec<_> = body.map(|byte| if byte == b'2' { b'3' } else { byte }).collect();
            let start = bytes.len();
            let name = if kind & 1 == 0 { "Content-Length" } else { "l" };
            let head = format!(
                "INVITE sip:{message}@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch={number}-{message}\r\n\
                 From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: {number}-{message}\r\n\
                 CSeq: 1 INVITE\r\n{name}: {}\r\n\r\n",
                body.len()
            );
            bytes.extend(head.as_bytes());
            bytes.extend(body);
            messages.push(start..bytes.len());
        }
        let source = (number % 2) as u8;
        Self {
            src: SocketAddr::from(([192, 0, 2, source], 40_000 + number as u16)),
            first_seq,
            received: vec![0; messages.len()],
            sent: vec![0; bytes.len()],
            bytes,
            messages,
            at: 0,
        }
    }

    /// What of it a segment has: what comes next, or something out of its turn.
    fn range(&mut self, input: &mut Input<'_>, choice: u8) -> Range<usize> {
        let whole = self.bytes.len();
        let start = match choice {
            2 => 0,
            4..=6 => input.below(whole),
            _ => self.at.min(whole),
        };
        let end = (start + input.below(MAX_SEGMENT)).min(whole);
        if !matches!(choice, 2 | 4..=6) {
            self.at = end;
        }
        start..end
    }
}
