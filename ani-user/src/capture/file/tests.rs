//! Files made here, whole and damaged.

use std::io::Cursor;

use super::*;
use crate::capture::fixture;

/// Number, time and bytes of a frame.
type Read = (u64, String, Vec<u8>);

/// The frames of a file, and how it ended.
fn read(file: Vec<u8>) -> (Vec<Read>, Result<(), FileError>) {
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
