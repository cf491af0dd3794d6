//! Packets written here against what is read, and everything that can be wrong with one.

use proptest::prelude::*;

use super::*;
use crate::capture::hep::fixture::{self, chunk, chunks, framed, mirrored, whole};

const INVITE: &[u8] = b"INVITE sip:+12025550100@example.net SIP/2.0\r\n\r\n";

fn sip<'a>(packet: &'a [u8]) -> Mirrored<'a> {
    match read(packet).expect("a packet").carried {
        Carried::Sip(mirrored) => mirrored,
        other => panic!("{other:?}"),
    }
}

/// The packet with one chunk's value replaced.
fn with(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut chunks = chunks(&mirrored(INVITE), None);
    chunks.iter_mut().filter(|chunk| chunk.0 == kind).for_each(|chunk| chunk.1 = value.to_vec());
    whole(&chunks)
}

/// The packet without one chunk.
fn without(kind: u16) -> Vec<u8> {
    let mut chunks = chunks(&mirrored(INVITE), None);
    chunks.retain(|chunk| chunk.0 != kind);
    whole(&chunks)
}

/// The packet with more chunks behind its own.
fn followed_by(more: &[u8]) -> Vec<u8> {
    let packet = fixture::packet(&mirrored(INVITE), None);
    framed(&[&packet[HEADER_LEN..], more].concat())
}

/// What kamailio 5.6 sends of an INVITE over TLS: its chunks in its order.
#[test]
fn what_kamailio_mirrors_of_tls_is_read() {
    let packet = [
        &b"HEP3\x00\x7e"[..],
        b"\x00\x00\x00\x01\x00\x07\x02\x00\x00\x00\x02\x00\x07\x16",
        b"\x00\x00\x00\x03\x00\x0a\xc6\x33\x64\x0a\x00\x00\x00\x04\x00\x0a\xc6\x33\x64\x01",
        b"\x00\x00\x00\x07\x00\x08\x86\x1e\x00\x00\x00\x08\x00\x08\x13\xc5",
        b"\x00\x00\x00\x09\x00\x0a\x66\x32\x12\x60\x00\x00\x00\x0a\x00\x0a\x00\x00\x00\x7b",
        b"\x00\x00\x00\x0b\x00\x07\x01\x00\x00\x00\x0c\x00\x0a\x00\x00\x00\x07",
        b"\x00\x00\x00\x0e\x00\x0csecret\x00\x00\x00\x0f\x00\x15INVITE sip:1@x ",
    ]
    .concat();
    assert_eq!(packet.len(), 0x7e);
    assert_eq!(read(&packet).expect("a packet").key, Some(&b"secret"[..]));
    assert_eq!(
        sip(&packet),
        Mirrored {
            src: SocketAddr::from(([198, 51, 100, 10], 34_334)),
            dst: SocketAddr::from(([198, 51, 100, 1], 5_061)),
            transport: Transport::Tls,
            seen: Some(Timestamp::new(1_714_557_536, 123_000)),
            message: b"INVITE sip:1@x ",
        }
    );
}

#[test]
fn each_fault_has_its_name() {
    let long = u16::try_from(INVITE.len()).expect("short").to_be_bytes();
    for (packet, expected) in [
        (b"".to_vec(), Unreadable::Length),
        (b"HEP3".to_vec(), Unreadable::Length),
        (b"HEP3\x00\x05".to_vec(), Unreadable::Length),
        (b"\x00".to_vec(), Unreadable::NotHep),
        (b"HEX3\x00\x06".to_vec(), Unreadable::NotHep),
        (INVITE.to_vec(), Unreadable::NotHep),
        (b"\x01\x10\x02\x11\x13\xc4\x13\xc4".to_vec(), Unreadable::OldVersion),
        (b"\x02\x10\x02\x11\x13\xc4\x13\xc4".to_vec(), Unreadable::OldVersion),
        ([framed(b""), b"x".to_vec()].concat(), Unreadable::Length),
        (followed_by(b"\x00\x00\x00\x0c\x00"), Unreadable::Chunk),
        (followed_by(b"\x00\x00\x00\x0c\x00\x05"), Unreadable::Chunk),
        (followed_by(b"\x00\x00\x00\x0c\x00\x00"), Unreadable::Chunk),
        (followed_by(b"\x00\x00\x00\x0c\x00\x07"), Unreadable::Chunk),
        (followed_by(&chunk(0, 15, b"two")), Unreadable::Repeated),
        (followed_by(&chunk(0, 14, b"k").repeat(2)), Unreadable::Repeated),
        (followed_by(&chunk(9, 9, b"").repeat(MAX_CHUNKS)), Unreadable::TooManyChunks),
        (with(1, &[3]), Unreadable::Family),
        (with(1, &[10]), Unreadable::Missing),
        (with(1, &long), Unreadable::Value),
        (with(2, &[0]), Unreadable::Transport),
        (with(2, &[]), Unreadable::Value),
        (with(3, &[1, 2, 3]), Unreadable::Value),
        (with(4, &[1, 2, 3, 4, 5]), Unreadable::Value),
        (with(7, &[1]), Unreadable::Value),
        (with(9, &[1; 8]), Unreadable::Value),
        (without(1), Unreadable::Missing),
        (without(2), Unreadable::Missing),
        (without(3), Unreadable::Missing),
        (without(4), Unreadable::Missing),
        (without(7), Unreadable::Missing),
        (without(8), Unreadable::Missing),
        (without(11), Unreadable::Missing),
        (
            framed(&[&without(15)[HEADER_LEN..], &chunk(0, 16, b"\x78\x9c")].concat()),
            Unreadable::Compressed,
        ),
    ] {
        assert_eq!(read(&packet), Err(expected), "{}", packet.escape_ascii());
        assert!(!expected.as_str().is_empty() && !expected.to_string().is_empty());
    }
}

#[test]
fn a_remedy_is_named_where_the_sender_has_one() {
    assert_eq!(Unreadable::OldVersion.remedy(), Some("set hep_version to 3 where it is sent"));
    assert!(Unreadable::Compressed.remedy().is_some());
    assert_eq!(Unreadable::Length.remedy(), None);
}

#[test]
fn what_is_not_known_is_looked_past() {
    let packet = followed_by(
        &[chunk(0, 0x11, b"id"), chunk(2, 15, b"not ours"), chunk(0, 0x7fff, b"")].concat(),
    );
    assert_eq!(sip(&packet), mirrored(INVITE));
}

#[test]
fn as_many_chunks_as_are_read() {
    let own = chunks(&mirrored(INVITE), None).len();
    let packet = followed_by(&chunk(9, 9, b"").repeat(MAX_CHUNKS - own));
    assert_eq!(sip(&packet), mirrored(INVITE));
}

#[test]
fn what_is_no_sip_and_what_is_nothing() {
    assert_eq!(read(&with(11, &[5])).map(|packet| packet.carried), Ok(Carried::Other));
    // RTCP reports of some senders name no transport.
    let report = whole(&[(11, vec![5]), (15, b"{}".to_vec())]);
    assert_eq!(read(&report).map(|packet| packet.carried), Ok(Carried::Other));
    for nothing in [framed(b""), without(15), with(15, b""), whole(&[(13, vec![0, 30])])] {
        assert_eq!(read(&nothing).map(|packet| packet.carried), Ok(Carried::Nothing));
    }
}

#[test]
fn a_time_that_is_not_whole_is_none() {
    assert_eq!(sip(&without(9)).seen, None);
    assert_eq!(sip(&without(10)).seen, Some(Timestamp::new(1_714_557_600, 0)));
    assert_eq!(sip(&with(10, &1_000_000_u32.to_be_bytes())).seen, None);
    assert_eq!(sip(&with(10, &u32::MAX.to_be_bytes())).seen, None);
}

#[test]
fn the_length_is_known_from_six_bytes_on() {
    let packet = fixture::packet(&mirrored(INVITE), None);
    for len in 0..HEADER_LEN {
        assert_eq!(claimed_len(&packet[..len]), Ok(None), "{len} bytes");
    }
    for len in HEADER_LEN..packet.len() {
        assert_eq!(claimed_len(&packet[..len]), Ok(Some(packet.len())));
        assert_eq!(read(&packet[..len]), Err(Unreadable::Length), "{len} bytes");
    }
}

fn transports() -> impl Strategy<Value = Transport> {
    proptest::sample::select(vec![
        Transport::Udp,
        Transport::Tcp,
        Transport::Tls,
        Transport::Sctp,
        Transport::Ws,
    ])
}

fn ends() -> impl Strategy<Value = (SocketAddr, SocketAddr)> {
    prop_oneof![
        any::<([u8; 4], [u8; 4], u16, u16)>().prop_map(|(src, dst, from, to)| {
            (SocketAddr::from((src, from)), SocketAddr::from((dst, to)))
        }),
        any::<([u8; 16], [u8; 16], u16, u16)>().prop_map(|(src, dst, from, to)| {
            (SocketAddr::from((src, from)), SocketAddr::from((dst, to)))
        }),
    ]
}

proptest! {
    #[test]
    fn a_packet_comes_back_as_it_was_written(
        (src, dst) in ends(),
        transport in transports(),
        seen in proptest::option::of((any::<u32>(), 0_u32..1_000_000)),
        message in proptest::collection::vec(any::<u8>(), 1..2_000),
        key in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
    ) {
        let seen = seen.map(|(seconds, part)| Timestamp::new(seconds.into(), part * 1_000));
        let written = Mirrored { src, dst, transport, seen, message: &message };
        let packet = fixture::packet(&written, key.as_deref());
        let expected = Packet { key: key.as_deref(), carried: Carried::Sip(written) };
        prop_assert_eq!(read(&packet), Ok(expected));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        fuzz(&bytes);
        fuzz(&framed(&bytes));
    }

    #[test]
    fn a_damaged_packet_is_read_without_a_panic(
        edits in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8),
        cut in any::<u16>(),
    ) {
        let mut packet = fixture::packet(&mirrored(INVITE), Some(b"key"));
        for (at, byte) in edits {
            let at = usize::from(at) % packet.len();
            packet[at] = byte;
        }
        fuzz(&packet);
        packet.truncate(usize::from(cut) % packet.len());
        fuzz(&packet);
    }
}
