//! Flows as networks and strangers deliver them.

use std::net::{IpAddr, Ipv4Addr};

use ani_ebpf::abi::counter::Counter;
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{flow::*, *};
use crate::capture::{Content, assembly::framing::Framing, fixture};

impl Arrival {
    /// One that is told apart by its number alone.
    pub(in crate::capture::assembly) fn numbered(order: u64) -> Self {
        Self {
            order,
            frame: order,
            arrived: Timestamp(0),
            fragments: 1,
            reach: Reach::Observe,
            kernel: None,
        }
    }
}

/// A message that came out: bytes, frame, `cut`.
type Found = (Vec<u8>, u64, bool);

struct Wire {
    streams: Streams,
    tallies: Arc<Tallies>,
    /// Number of the last frame, which arrived at so many milliseconds.
    frame: u64,
    now: Timestamp,
    source: SocketAddr,
    found: Vec<Found>,
}

const START: u32 = 1_000;

impl Wire {
    fn new() -> Self {
        let tallies = Arc::new(Tallies::default());
        Self {
            streams: Streams::new(OF_TRUNKS, Arc::clone(&tallies)),
            tallies,
            frame: 0,
            now: Timestamp(0),
            source: SocketAddr::new(IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)), 5060),
            found: Vec::new(),
        }
    }

    /// A segment, a millisecond later.
    fn send(&mut self, seq: u32, payload: &[u8]) -> &mut Self {
        self.raw(seq, payload, payload.len() as u32, false, false)
    }

    fn raw(&mut self, seq: u32, payload: &[u8], len: u32, syn: bool, end: bool) -> &mut Self {
        self.frame += 1;
        self.now = self.now.after(Duration::from_millis(1));
        let dst = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 20)), 5060);
        let vlan = Vlans::default();
        let src = self.source;
        let segment = Segment { src, dst, vlan, seq, syn, end, len, payload };
        let frame = Frame {
            number: self.frame,
            arrived: self.now,
            content: Content::Message { src, dst, transport: Transport::Tcp, bytes: &[] },
            reach: Reach::Stop,
            kernel: None,
        };
        let found = &mut self.found;
        self.streams.push(&segment, &frame, 1, &mut |message| {
            assert_eq!((message.src, message.dst, message.transport), (src, dst, Transport::Tcp));
            assert_eq!(message.arrived, Timestamp(message.frame as i64 * 1_000_000));
            assert_eq!(message.first_len, message.bytes.len());
            found.push((message.bytes.to_vec(), message.frame, message.cut));
        });
        self
    }

    /// Nothing comes for a while.
    fn pass(&mut self, span: Duration) -> &mut Self {
        let found = &mut self.found;
        let now = self.now.after(span);
        self.streams.expire(now, &mut |message| {
            found.push((message.bytes.to_vec(), message.frame, message.cut));
        });
        self
    }

    fn finish(&mut self) -> &mut Self {
        let found = &mut self.found;
        self.streams.finish(&mut |message| {
            found.push((message.bytes.to_vec(), message.frame, message.cut));
        });
        assert_eq!(self.streams.memory(), Held::default());
        self
    }

    fn found(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.found)
    }

    fn value(&self, tally: Tally) -> u64 {
        self.tallies.value(tally)
    }
}

fn invite(branch: &str) -> Vec<u8> {
    fixture::invite("+14155550100", &format!("z9hG4bK{branch:0>100}"))
}

/// `at` bytes behind the start of the flow.
fn seq(at: usize) -> u32 {
    START.wrapping_add(at as u32)
}

#[test]
fn segments_in_any_order_make_the_message() {
    let message = invite("1");
    let (a, rest) = message.split_at(100);
    let (b, c) = rest.split_at(100);
    for order in [[0, 1, 2], [0, 2, 1]] {
        for start in [START, u32::MAX - 150] {
            let mut wire = Wire::new();
            for piece in order {
                let (at, bytes) = [(0, a), (100, b), (200, c)][piece];
                wire.send(start.wrapping_add(at), bytes);
            }
            assert_eq!(wire.found(), [(message.clone(), 3, false)]);
            assert_eq!(wire.value(Tally::TcpGap), 0);
        }
    }
    // The first one was overtaken by all others.
    let mut wire = Wire::new();
    wire.send(seq(200), c).send(seq(100), b).send(seq(0), a);
    assert_eq!(wire.found(), [(message.clone(), 3, false)]);
    assert_eq!(wire.value(Tally::TcpJoined), 0);
    // A whole one was overtaken by the next.
    let next = invite("2");
    let mut wire = Wire::new();
    wire.send(seq(message.len()), &next).send(seq(0), &message).send(seq(0), &message);
    assert_eq!(wire.found(), [(next, 1, false), (message, 2, false)]);
    assert_eq!(wire.value(Tally::TcpDuplicate), 1);
}

#[test]
fn what_came_first_is_kept() {
    let message = invite("1");
    let forged = vec![b'x'; message.len()];
    let mut wire = Wire::new();
    wire.send(seq(0), &message[..50])
        .send(seq(100), &message[100..150])
        .send(seq(0), &forged[..20])
        .send(seq(90), &forged[..0])
        .send(seq(100), &forged[..50])
        .send(seq(40), &[&forged[..10], &message[50..100], &forged[..100]].concat());
    assert!(wire.found().is_empty());
    wire.send(seq(200), &message[200..]);
    assert_eq!(wire.value(Tally::TcpDuplicate), 2);
    let mut expected = message.clone();
    expected[150..200].fill(b'x');
    assert_eq!(wire.found(), [(expected, 7, false)], "beyond what was there, the new bytes count");
}

#[test]
fn a_gap_that_stays_cuts_the_invite_and_no_more() {
    let (first, next) = (invite("1"), invite("2"));
    let stream = [&first[..], &next].concat();
    let mut wire = Wire::new();
    wire.send(seq(0), &first[..100]).send(seq(200), &stream[200..]);
    wire.pass(Duration::from_millis(2_900));
    assert!(wire.found().is_empty());
    wire.pass(GAP_WAIT);
    let cut = (first[..100].to_vec(), 1, true);
    assert_eq!(wire.found(), [cut.clone(), (next.clone(), 2, false)]);
    assert_eq!((wire.value(Tally::TcpGap), wire.value(Tally::TcpUnfinished)), (1, 0));

    // By what waits behind it, and at the end.
    let mut wire = Wire::new();
    wire.send(seq(0), &first[..100]);
    let mut at = 200;
    while wire.found.is_empty() {
        wire.send(seq(at), &next);
        at += next.len();
        assert!(wire.streams.memory().bytes < 2 * MAX_WAITING_BYTES);
    }
    let found = wire.found();
    assert_eq!((&found[0], found.len() as u64), (&cut, wire.frame));
    let mut wire = Wire::new();
    wire.send(seq(0), &first[..100]).send(seq(200), &stream[200..]).finish();
    assert_eq!(wire.found(), [cut, (next, 2, false)]);
}

#[test]
fn a_segment_captured_in_part_is_a_gap_at_once() {
    let message = invite("1");
    let body = [&message[..message.len() - 5], b"9\r\n\r\n123456789"].concat();
    let mut wire = Wire::new();
    wire.raw(seq(0), &body[..body.len() - 4], body.len() as u32, false, false);
    wire.send(seq(body.len()), &message);
    let cut = body[..body.len() - 4].to_vec();
    assert_eq!(wire.found(), [(cut.clone(), 1, true), (message.clone(), 2, false)]);
    // As well when it waited, and when the next one has what is missing.
    let mut wire = Wire::new();
    wire.send(seq(0), &body[..10]);
    wire.raw(seq(50), &body[50..body.len() - 4], body.len() as u32 - 50, false, false);
    wire.send(seq(body.len()), &message).send(seq(10), &body[10..50]);
    assert_eq!(wire.found(), [(cut, 4, true), (message.clone(), 3, false)]);
    let mut wire = Wire::new();
    wire.send(seq(0), &body[..10]);
    wire.raw(seq(50), &body[50..60], 20, false, false);
    wire.send(seq(60), &body[60..]).send(seq(10), &body[10..50]);
    assert_eq!(wire.found(), [(body, 4, false)]);
}

#[test]
fn joined_in_the_middle_the_next_whole_message_is_found() {
    let stream = [invite("1"), invite("2"), invite("3")].concat();
    let len = invite("1").len();
    // In the middle of a segment, then by a segment of its own.
    let mut wire = Wire::new();
    wire.send(seq(50), &stream[50..len + 20]).send(seq(len + 20), &stream[len + 20..]);
    assert!(wire.found().is_empty(), "the start may still come");
    wire.pass(JOIN_WAIT);
    assert_eq!(wire.found(), [(invite("2"), 2, false), (invite("3"), 2, false)]);
    assert_eq!(wire.value(Tally::TcpJoined), 1);
    let mut wire = Wire::new();
    wire.send(seq(50), &stream[50..len]).send(seq(len), &stream[len..2 * len]);
    assert_eq!(wire.found(), [(invite("2"), 2, false)]);
    assert_eq!(wire.value(Tally::TcpJoined), 1);
    // Many pieces: it does not wait for ever.
    let mut wire = Wire::new();
    for (at, byte) in stream.iter().enumerate().skip(1) {
        wire.send(seq(at), &[*byte]);
    }
    assert_eq!(
        wire.found(),
        [(invite("2"), 2 * len as u64 - 1, false), (invite("3"), 3 * len as u64 - 1, false)]
    );
}

#[test]
fn a_small_first_segment_is_the_start_of_a_message() {
    let message = invite("1");
    for at in 1..message.len() {
        let mut wire = Wire::new();
        wire.send(seq(0), &message[..at]).send(seq(at), &message[at..]);
        assert_eq!(wire.found(), [(message.clone(), 2, false)], "{at}");
    }
}

#[test]
fn another_connection_on_the_same_ports_is_followed() {
    let message = invite("1");
    let far = START + 0x4000_0000;
    // Without a SYN: far away, with a start line.
    let mut wire = Wire::new();
    wire.send(seq(0), &message).send(far, b"x").send(far, &message);
    assert_eq!(wire.found(), [(message.clone(), 1, false), (message.clone(), 3, false)]);
    // Far away, in the middle: not at once.
    let mut wire = Wire::new();
    wire.send(seq(0), &message);
    for at in 0..u32::from(MAX_STRAYS) {
        wire.send(far + at, b"x");
    }
    wire.send(far + u32::from(MAX_STRAYS), &message);
    assert_eq!(wire.found(), [(message.clone(), 1, false), (message.clone(), 6, false)]);
    // With a SYN, near; the one that is repeated says nothing.
    let mut wire = Wire::new();
    wire.raw(seq(0), &[], 0, true, false).send(seq(0), &message[..50]);
    wire.raw(seq(0), &[], 0, true, false).send(seq(50), &message[50..]);
    wire.raw(seq(9_000), &[], 0, true, false).send(seq(9_050), &message[50..]);
    wire.send(seq(9_000), &message[..50]);
    assert_eq!(wire.found(), [(message.clone(), 4, false), (message.clone(), 7, false)]);
    assert_eq!(wire.value(Tally::TcpUnfinished), 0);
    // Behind a FIN or RST, next door.
    let mut wire = Wire::new();
    wire.raw(seq(0), &message, message.len() as u32, false, true).send(seq(0), &message);
    wire.send(seq(message.len()), &message);
    assert_eq!(wire.found(), [(message.clone(), 1, false), (message, 3, false)]);
    assert_eq!(wire.value(Tally::TcpDuplicate), 1);
}

#[test]
fn what_waits_is_read_before_another_place_is_followed() {
    let (first, second, third) = (invite("1"), invite("2"), invite("3"));
    let mut wire = Wire::new();
    wire.send(seq(0), &first[..99]).send(seq(1_000), &second).send(seq(0x0100_0000), &third);
    let cut = (first[..99].to_vec(), 1, true);
    assert_eq!(wire.found(), [cut, (second.clone(), 2, false), (third.clone(), 3, false)]);
    // As well where no start was known.
    let mut wire = Wire::new();
    wire.send(seq(0), &[&b"x: y\r\n\r\n"[..], &second].concat());
    wire.raw(seq(0x0100_0000), &[], 0, true, false).send(seq(0x0100_0000), &third);
    assert_eq!(wire.found(), [(second, 1, false), (third, 3, false)]);
    assert_eq!(wire.value(Tally::TcpUnfinished), 0);
}

#[test]
fn an_end_within_a_message_is_counted() {
    let message = invite("1");
    let mut wire = Wire::new();
    wire.send(seq(0), &message[..99]).raw(seq(99), &[], 0, false, true);
    wire.send(seq(99), &message).finish();
    assert_eq!(wire.value(Tally::TcpUnfinished), 1);
    assert_eq!(wire.found(), [(message.clone(), 3, false)]);
    // It idles away.
    let mut wire = Wire::new();
    wire.send(seq(0), &message[..99]).pass(IDLE * 2);
    assert_eq!(wire.value(Tally::TcpUnfinished), 1);
    assert_eq!((wire.streams.memory(), wire.found().len()), (Held::default(), 0));
    // Between two messages nothing is lost, and an end of what is not known opens nothing.
    let mut wire = Wire::new();
    wire.send(seq(0), &message).pass(IDLE * 2).raw(seq(999), &[], 0, false, true);
    assert_eq!(wire.value(Tally::TcpUnfinished), 0);
    assert_eq!(wire.streams.memory(), Held::default());
}

#[test]
fn what_is_no_sip_costs_little() {
    let mut wire = Wire::new();
    let http = b"GET / HTTP/1.1\r\nHost: sbc\r\n\r\n";
    let mut at = 0;
    for turn in 0..1_000u32 {
        let bytes = if turn % 2 == 0 { &http[..] } else { &[0x16, 3, 1, 0, 10, 13, b'I', 200] };
        wire.send(seq(at), bytes);
        at += bytes.len();
        assert!(wire.streams.memory().bytes < 2 * MAX_JOIN_BYTES);
    }
    assert!(wire.found().is_empty());
    assert!(wire.value(Tally::TcpNotSip) > 900, "{}", wire.value(Tally::TcpNotSip));
    assert_eq!((wire.value(Tally::TcpJoined), wire.value(Tally::TcpResync)), (0, 0));
    assert!(wire.streams.memory().bytes < 2_048);
}

#[test]
fn half_open_messages_are_bounded_and_an_honest_flow_untouched() {
    let message = invite("1");
    let honest = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 5060);
    for one_source in [true, false] {
        let mut wire = Wire::new();
        let mut sent = 0;
        for turn in 0..50_000u32 {
            let address = if one_source { 0x0a00_0001 } else { 0x0a00_0001 + turn };
            let address = IpAddr::V4(Ipv4Addr::from_bits(address));
            wire.source = SocketAddr::new(address, 1_024 + turn as u16);
            wire.send(seq(0), &message[..200]);
            let Held { entries, bytes } = wire.streams.memory();
            assert!(entries <= OF_TRUNKS.entries && bytes <= OF_TRUNKS.bytes);
            // A message in five parts, one each hundred of the others' messages.
            if turn % 100 == 0 {
                wire.source = honest;
                let from = (turn as usize / 100 % 5) * 64;
                let part = if from == 256 { &message[from..] } else { &message[from..from + 64] };
                wire.send(seq(sent), part);
                sent += part.len();
            }
        }
        assert_eq!(wire.found().len(), 100);
        let evicted = if one_source { Tally::TcpShare } else { Tally::TcpEvicted };
        assert!(wire.value(evicted) > 10_000);
        wire.finish();
    }
}

fn message() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        Just("INVITE sip:+18005550199@h SIP/2.0"),
        Just("BYE sip:bob@h SIP/2.0"),
        Just("SIP/2.0 180 Ringing"),
    ];
    let name = prop_oneof![Just("Content-Length:"), Just("l :"), Just("L:\r\n ")];
    // Joined in a body without a line end, nobody could say where it ends.
    let body = prop_oneof![Just(String::new()), "[a-z=\r\n ]{0,60}\r\n"];
    let alive = prop_oneof![Just(""), Just("\r\n"), Just("\r\n\r\n")];
    (line, name, body, alive, 0..3usize, any::<u32>()).prop_map(
        |(line, name, body, alive, lines, id)| {
            let lines = "Subject: nothing\r\n more\r\n".repeat(lines);
            let body_len = body.len();
            format!("{line}\r\ni: {id}\r\n{lines}{name} {body_len}\r\n\r\n{body}{alive}")
                .into_bytes()
        },
    )
}

/// Where the messages of a stream are, without the keep-alives behind them.
fn places(messages: &[Vec<u8>]) -> Vec<std::ops::Range<usize>> {
    let mut at = 0;
    messages
        .iter()
        .map(|message| {
            let tallies = Tallies::default();
            let mut len = 0;
            let mut each = |bytes: &[u8], _: bool, _: &Arrival| len = bytes.len();
            let mut out = Out { tallies: &tallies, message: &mut each };
            Framing::new().feed(message, &Arrival::numbered(1), &mut out);
            let place = at..at + len;
            at += message.len();
            place
        })
        .collect()
}

proptest! {
    #[test]
    fn what_was_sent_comes_out(
        messages in vec(message(), 1..8),
        cuts in vec(any::<Index>(), 0..20),
        swaps in vec((any::<Index>(), 1..6usize), 0..20),
        repeats in vec((any::<Index>(), any::<Index>(), 1..400usize), 0..8),
        start in any::<u32>(),
    ) {
        let stream = messages.concat();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        cuts.dedup();
        let mut segments: Vec<_> = cuts.windows(2).map(|cut| cut[0]..cut[1]).collect();
        for (at, by) in swaps {
            let at = at.index(segments.len());
            let other = (at + by).min(segments.len() - 1);
            segments.swap(at, other);
        }
        for (at, from, len) in repeats {
            let from = from.index(stream.len());
            segments.insert(at.index(segments.len()), from..(from + len).min(stream.len()));
        }

        let mut wire = Wire::new();
        wire.raw(start, &[], 0, true, false);
        // When each byte came for the first time.
        let mut came = vec![0; stream.len()];
        for segment in segments {
            wire.send(start.wrapping_add(segment.start as u32), &stream[segment.clone()]);
            came[segment].iter_mut().filter(|frame| **frame == 0).for_each(|frame| *frame = wire.frame);
        }
        let expected: Vec<_> = places(&messages)
            .into_iter()
            .map(|place| {
                let last = came[place.clone()].iter().max().copied().unwrap_or(0);
                (stream[place].to_vec(), last, false)
            })
            .collect();
        prop_assert_eq!(wire.found(), expected);
        prop_assert_eq!(wire.value(Tally::TcpGap), 0);
    }

    #[test]
    fn joined_anywhere_only_what_was_sent_comes_out(
        messages in vec(message(), 1..8),
        from in any::<Index>(),
        size in 1..500usize,
        start in any::<u32>(),
    ) {
        let stream = messages.concat();
        let from = from.index(stream.len());
        let mut wire = Wire::new();
        for at in (from..stream.len()).step_by(size) {
            let segment = &stream[at..(at + size).min(stream.len())];
            wire.send(start.wrapping_add(at as u32), segment);
        }
        wire.finish();
        let found: Vec<_> = wire.found().into_iter().map(|(bytes, ..)| bytes).collect();
        let expected: Vec<_> = places(&messages)
            .into_iter()
            .filter(|place| place.start >= from)
            .map(|place| stream[place].to_vec())
            .collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn whatever_is_lost_nothing_else_comes_out(
        messages in vec(message(), 1..12),
        sizes in vec(1..120usize, 1..100),
        lost in vec(0..10u8, 100),
        cut in vec(0..10u8, 100),
        opened in any::<bool>(),
    ) {
        let stream = messages.concat();
        let mut wire = Wire::new();
        if opened {
            wire.raw(START, &[], 0, true, false);
        }
        let mut there = vec![false; stream.len()];
        let mut at = 0;
        for ((size, lost), cut) in sizes.into_iter().cycle().zip(lost.iter().cycle()).zip(cut.iter().cycle()) {
            let end = (at + size).min(stream.len());
            if *lost > 0 {
                let captured = if *cut > 0 { end } else { at + (end - at) / 2 };
                wire.raw(seq(at), &stream[at..captured], (end - at) as u32, false, false);
                there[at..captured].fill(true);
            }
            at = end;
            if at == stream.len() {
                break;
            }
        }
        wire.finish();
        let sent: Vec<_> = places(&messages);
        let found = wire.found();
        let mut at = 0;
        for (bytes, _, cut) in &found {
            let place = sent.iter().position(|place| {
                place.start >= at && stream[place.clone()].starts_with(bytes)
                    && (*cut || place.len() == bytes.len())
            });
            prop_assert!(place.is_some(), "{}", bytes.escape_ascii());
            at = sent[place.unwrap_or(0)].start + 1;
        }
        // Up to the first loss, all of it comes out.
        for place in sent.iter().filter(|place| opened && there[..place.end].iter().all(|b| *b)) {
            prop_assert!(found.iter().any(|(bytes, ..)| *bytes == stream[place.clone()]));
        }
    }

    #[test]
    fn no_bytes_break_it(
        segments in vec((0..3_000u32, vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b' ')], 0..200), any::<[bool; 3]>(), 0..9u32), 0..60),
    ) {
        let mut wire = Wire::new();
        for (at, bytes, [syn, end, _], missing) in segments {
            wire.raw(at, &bytes, bytes.len() as u32 + missing, syn && at % 7 == 0, end);
        }
        wire.pass(GAP_WAIT).finish();
    }
}

#[test]
fn kernel_and_vlan_are_those_of_the_segment() {
    // The XDP program hands segments on without a look.
    let tallies = Arc::new(Tallies::default());
    let mut streams = Streams::new(OF_STRANGERS, Arc::clone(&tallies));
    let view = KernelView {
        ani: ani_ebpf::abi::number::Number::NONE,
        ..KernelView::of(Counter::NotInvite, Some(3))
    };
    let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5060);
    let payload = invite("1");
    let segment = Segment {
        src: address,
        dst: address,
        vlan: Vlans::default(),
        seq: 0,
        syn: false,
        end: false,
        len: payload.len() as u32,
        payload: &payload,
    };
    let frame = Frame {
        number: 7,
        arrived: Timestamp(9),
        content: Content::Message {
            src: address,
            dst: address,
            transport: Transport::Tcp,
            bytes: &[],
        },
        reach: Reach::Observe,
        kernel: Some(view),
    };
    let mut found = 0;
    streams.push(&segment, &frame, 4, &mut |message| {
        found += 1;
        assert_eq!((message.frame, message.arrived, message.fragments), (7, Timestamp(9), 4));
        assert_eq!((message.reach, message.kernel), (Reach::Observe, Some(view)));
        assert!(std::ptr::eq(message.bytes, &raw const payload[..]), "not copied");
    });
    assert_eq!(found, 1);
}
