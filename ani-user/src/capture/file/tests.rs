//! Files made here, whole and damaged.

use std::{
    io::Cursor,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::*;
use crate::capture::{
    LinkType,
    assembly::{Assembly, fragments},
    fixture,
};

/// Number, time and bytes of a frame.
type Seen = (u64, String, Vec<u8>);

/// The frames of a file, and how it ended.
fn read(file: Vec<u8>) -> (Vec<Seen>, Result<(), FileError>) {
    let mut frames = Vec::new();
    let mut capture = match CaptureFile::new(Cursor::new(file)) {
        Ok(capture) => capture,
        Err(error) => return (frames, Err(error)),
    };
    let end = capture.frames(&mut |frame| {
        let Content::Link { bytes, .. } = frame.content else { panic!("a frame of a file") };
        frames.push((frame.number, frame.arrived.to_string(), bytes.to_vec()));
        ControlFlow::Continue(())
    });
    (frames, end)
}

fn records() -> Vec<Vec<u8>> {
    (0..3).map(|record| vec![record; 61 + usize::from(record)]).collect()
}

#[test]
fn pcap_in_both_orders_and_resolutions() {
    for big_endian in [false, true] {
        for (nanoseconds, first) in
            [(false, "1970-01-01T00:00:01.000123Z"), (true, "1970-01-01T00:00:01.000000Z")]
        {
            let (frames, end) = read(fixture::pcap(big_endian, nanoseconds, 1, &records()));
            end.expect("whole");
            assert_eq!(frames[0].1, first);
            let numbers: Vec<_> = frames.iter().map(|frame| frame.0).collect();
            assert_eq!(numbers, [1, 2, 3]);
            let bytes: Vec<_> = frames.into_iter().map(|frame| frame.2).collect();
            assert_eq!(bytes, records());
        }
    }
}

#[test]
fn pcapng_counts_packets_only() {
    for big_endian in [false, true] {
        let mut file = fixture::pcapng(big_endian, &records());
        // A second section starts its own interfaces.
        file.extend(fixture::pcapng(big_endian, &records()));
        let (frames, end) = read(file);
        end.expect("whole");
        assert_eq!(frames.len(), 6);
        assert_eq!((frames[5].0, frames[5].1.as_str()), (6, "1970-01-01T00:00:03.000000Z"));
        assert_eq!(frames[5].2, records()[2]);
    }
}

#[test]
fn the_packet_blocks_of_old_files_count_too() {
    for big_endian in [false, true] {
        let word = |value: u32| {
            if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
        };
        let interface = if big_endian { [0, 1, 0, 0] } else { [1, 0, 0, 0] };
        let body =
            [&interface[..], &word(0), &word(2_000_123), &word(5), &word(9), b"bytes", &[0; 3]];
        let mut file = fixture::pcapng(big_endian, &records());
        file.extend(fixture::block(big_endian, 2, &body.concat()));
        let (frames, end) = read(file);
        end.expect("whole");
        let last = (4, "1970-01-01T00:00:02.000123Z".to_owned(), b"bytes".to_vec());
        assert_eq!(frames.last(), Some(&last));
    }
}

#[test]
fn a_damaged_file_gives_all_it_holds_and_one_error() {
    let whole = fixture::pcap(false, false, 1, &records());
    for cut in [1, 40, 70] {
        let (frames, end) = read(whole[..whole.len() - cut].to_vec());
        assert_eq!(frames.len(), 2, "{cut}");
        assert_eq!(end.expect_err("cut").to_string(), "cut short in the record after record 2");
    }
    let mut long = whole.clone();
    long[24 + 16 + 61 + 8..][..4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let (frames, end) = read(long);
    assert_eq!(frames.len(), 1);
    assert!(matches!(end, Err(FileError::TooLong(1))), "{end:?}");

    let mut block = fixture::pcapng(false, &records());
    let len = block.len();
    block[len - 4..].copy_from_slice(&[0xff; 4]);
    let (frames, end) = read(block);
    assert_eq!(frames.len(), 2);
    assert!(matches!(end, Err(FileError::Damaged(2))), "{end:?}");

    for unknown in [&b""[..], b"\x1f\x8b\x08\x00", b"not a capture at all, but some text"] {
        let (frames, end) = read(unknown.to_vec());
        assert!(frames.is_empty());
        assert!(matches!(end, Err(FileError::Unknown)), "{end:?}");
    }
}

#[test]
fn an_unsupported_link_type_is_counted_once_for_all() {
    let file = fixture::pcap(false, false, 147, &records());
    let mut capture = CaptureFile::new(Cursor::new(file)).expect("pcap");
    let end = capture.frames(&mut |frame| panic!("{frame:?}"));
    end.expect("whole");
    assert_eq!((capture.records(), capture.unsupported()), (3, &[(147, 3)][..]));
}

#[test]
fn reading_stops_where_the_reader_says() {
    let mut capture =
        CaptureFile::new(Cursor::new(fixture::pcap(false, false, 1, &records()))).expect("pcap");
    let mut read = Vec::new();
    let end = capture.frames(&mut |frame| {
        read.push(frame.number);
        ControlFlow::Break(())
    });
    end.expect("not an error");
    assert_eq!(read, [1]);
}

#[test]
fn sections_and_interfaces_each_have_their_own_rules() {
    let word = u32::to_be_bytes;
    let mut file = fixture::pcapng(false, &records());
    file.extend(fixture::pcapng(true, &records()));
    // On the second interface, raw IP with microseconds.
    let times = [word(0), word(5_000_123)].concat();
    let body = [&word(1)[..], &times, &word(20), &word(20), &[0x45; 20]].concat();
    file.extend(fixture::block(true, 6, &body));
    // Without a time, and cut to what its interface captures; then with more than was on the wire.
    let interface = [&[0, 1, 0, 0][..], &word(32)].concat();
    let section = fixture::pcapng(true, &[])[..28].to_vec();
    file.extend(section);
    file.extend(fixture::block(true, 1, &interface));
    file.extend(fixture::block(true, 3, &[&word(99)[..], &[7; 32]].concat()));
    let body = [&word(0)[..], &times, &word(8), &word(4), &[8; 8]].concat();
    file.extend(fixture::block(true, 6, &body));

    let mut seen = Vec::new();
    let mut capture = CaptureFile::new(Cursor::new(file)).expect("pcapng");
    let end = capture.frames(&mut |frame| {
        let Content::Link { link, bytes, wire_len } = frame.content else { panic!("a file") };
        seen.push((frame.number, frame.arrived.to_string(), link, bytes.len(), wire_len));
        ControlFlow::Continue(())
    });
    end.expect("whole");
    let second = |number: u64| format!("1970-01-01T00:00:0{number}.000000Z");
    for number in 1..=6 {
        let (n, arrived, link, len, wire_len) = &seen[number as usize - 1];
        assert_eq!((*n, arrived), (number, &second((number - 1) % 3 + 1)));
        assert_eq!((*link, *len as u32), (LinkType::Ethernet, *wire_len));
    }
    let five = "1970-01-01T00:00:05.000123Z".to_owned();
    assert_eq!(seen[6], (7, five.clone(), LinkType::RawIp, 20, 20));
    assert_eq!(seen[7], (8, second(0), LinkType::Ethernet, 32, 99));
    assert_eq!(seen[8], (9, five, LinkType::Ethernet, 8, 8));
    assert_eq!(seen.len(), 9);
}

#[test]
fn a_record_with_more_captured_than_there_was_is_read() {
    let mut file = fixture::pcap(false, false, 1, &records());
    file[24 + 12..][..4].copy_from_slice(&1u32.to_le_bytes());
    let (frames, end) = read(file);
    end.expect("whole");
    assert_eq!(frames[0].2, records()[0]);
}

#[test]
fn link_types_are_told_apart() {
    for (number, expected) in [
        (0, LinkType::Null),
        (1, LinkType::Ethernet),
        (9, LinkType::Ppp),
        (50, LinkType::Ppp),
        (51, LinkType::PppEther),
        (101, LinkType::RawIp),
        (108, LinkType::Null),
        (113, LinkType::Sll),
        (228, LinkType::RawIp),
        (276, LinkType::Sll2),
        // With a frame check sequence of four bytes.
        (0x2400_0001, LinkType::Ethernet),
    ] {
        let file = fixture::pcap(false, false, number, &records());
        let mut capture = CaptureFile::new(Cursor::new(file)).expect("pcap");
        let end = capture.frames(&mut |frame| {
            assert!(matches!(frame.content, Content::Link { link, .. } if link == expected));
            ControlFlow::Continue(())
        });
        end.expect("whole");
        assert_eq!((capture.records(), capture.unsupported()), (3, &[][..]), "{number}");
    }
}

#[test]
fn a_damaged_block_is_passed_over_when_it_says_where_it_ends() {
    for big_endian in [false, true] {
        let word = |value: u32| {
            if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
        };
        let packet = |interface, captured| {
            let fields = [word(interface), word(0), word(0), word(captured), word(captured)];
            fixture::block(big_endian, 6, &[fields.as_flattened(), &[0x55; 64]].concat())
        };
        let mut file = fixture::pcapng(big_endian, &records());
        // An interface that is not there, and more bytes than the block has.
        file.extend(packet(9, 64));
        file.extend(packet(0, 64));
        file.extend(packet(0, 100_000));
        file.extend(packet(0, 64));
        // A packet where none fits.
        file.extend(fixture::block(big_endian, 6, &[0; 8]));
        file.extend(packet(0, 64));
        let (frames, end) = read(file);
        assert_eq!(frames.len(), 6);
        assert_eq!(
            end.expect_err("damaged").to_string(),
            "damaged after record 3: 3 blocks passed over, the rest was read"
        );
    }
}

#[test]
fn a_long_block_that_is_no_packet_is_passed_over() {
    const SECRETS: u32 = 10;
    for big_endian in [false, true] {
        let secrets = fixture::block(big_endian, SECRETS, &vec![1; 3 * MAX_RECORD_BYTES]);
        let mut file = fixture::pcapng(big_endian, &records());
        file.extend(&secrets);
        file.extend(fixture::pcapng(big_endian, &records()));
        let (frames, end) = read(file.clone());
        end.expect("whole");
        assert_eq!(frames.len(), 6);

        let start = fixture::pcapng(big_endian, &records()).len();
        let (frames, end) = read(file[..start + 2 * MAX_RECORD_BYTES].to_vec());
        assert_eq!(frames.len(), 3);
        assert!(matches!(end, Err(FileError::Cut(3))), "{end:?}");
    }
}

/// Hands out a byte at a time, as a slow pipe does.
struct Trickle(Cursor<Vec<u8>>);

impl Read for Trickle {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = buffer.len().min(1);
        self.0.read(&mut buffer[..len])
    }
}

#[test]
fn a_pipe_is_read_as_a_file() {
    for file in [fixture::pcap(false, false, 1, &records()), fixture::pcapng(true, &records())] {
        let mut capture = CaptureFile::new(Trickle(Cursor::new(file))).expect("capture");
        let end = capture.frames(&mut |_| ControlFlow::Continue(()));
        end.expect("whole");
        assert_eq!(capture.records(), 3);
    }
}

/// A capture that is made while it is read, and never there as a whole.
struct Generated<F> {
    record: F,
    number: u64,
    chunk: Cursor<Vec<u8>>,
    bytes: Arc<AtomicU64>,
}

impl<F: FnMut(u64) -> Option<Vec<u8>>> Read for Generated<F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        assert!(buffer.len() <= MAX_RECORD_BYTES, "asks for no more than its buffer holds");
        let mut read = self.chunk.read(buffer)?;
        if read == 0
            && let Some(chunk) = (self.record)(self.number)
        {
            self.number += 1;
            self.chunk = Cursor::new(chunk);
            read = self.chunk.read(buffer)?;
        }
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[test]
fn a_long_capture_needs_no_more_memory_than_a_short_one() {
    const PACKETS: u64 = 160_000;
    const TRUNK: [u8; 4] = [192, 0, 2, 1];
    let udp = fixture::udp(&fixture::invite("+14155551234", "b1"));
    let large = vec![0; 1_480];
    let bytes = Arc::new(AtomicU64::new(0));
    // Of each four packets two are an INVITE, one from a stranger and one from a trunk are a part
    // of something whose rest never comes. All at the same time, so that nothing is too old.
    let stream = Generated {
        record: move |number: u64| {
            let (first, last) = udp.split_at(64);
            let id = (number / 4) as u16;
            let stranger = [10, (number >> 16) as u8, (number >> 8) as u8, 1];
            let packet = match number % 4 {
                0 => fixture::fragment_v4(TRUNK, 17, id, 0, true, first),
                1 => fixture::fragment_v4(stranger, 17, id, 0, true, &large),
                2 => fixture::fragment_v4(TRUNK, 99, id, 1_480, true, &large),
                _ => fixture::fragment_v4(TRUNK, 17, id, 64, false, last),
            };
            let record = |packet| fixture::pcap(false, false, 101, &[packet])[24..].to_vec();
            (number < PACKETS).then(|| record(packet))
        },
        number: 0,
        chunk: Cursor::new(fixture::pcap(false, false, 101, &[])),
        bytes: Arc::clone(&bytes),
    };
    let mut capture = CaptureFile::new(stream).expect("pcap");
    let mut assembly = Assembly::new(Arc::default());
    let (mut invites, mut most) = (0, 0);
    let end = capture.frames(&mut |frame| {
        let trusted = |source: IpAddr| source == IpAddr::from(TRUNK);
        assembly.frame(frame, &trusted, &mut |message| {
            invites += u64::from(message.bytes.starts_with(b"INVITE"));
        });
        most = most.max(assembly.memory().bytes);
        ControlFlow::Continue(())
    });
    end.expect("whole");
    assert_eq!((capture.records(), invites), (PACKETS, PACKETS / 4), "none is lost to the others");
    let bound =
        fragments::OF_STRANGERS.bytes + fragments::OF_TRUNKS.bytes / fragments::OF_TRUNKS.share;
    assert!(most <= bound + 4_096, "{most} of {bound}");
    assert!(bytes.load(Ordering::Relaxed) > 10 * most as u64, "{bytes:?} read, {most} held");
}
