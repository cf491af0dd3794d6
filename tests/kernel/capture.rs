//! What reaches the daemon.

use ani_ebpf::{
    abi::{
        counter::{Counter, Kind},
        record::HEADER_LEN,
        settings::{MAX_WINDOW, RECORD_SIZES},
    },
    scan::Attestation,
};
use ani_tests::{
    frame::{DESTINATION, DOT1AD, DOT1Q, HOP_BY_HOP},
    invite::Invite,
};
use ani_user::capture::clock::Clock;

use crate::harness::{CONFIG, Harness, US, US_V6, frame, number, shown};

const CALLER: &str = "+14155551234";

/// Index of the loopback interface, which the kernel runs test frames on.
const LOOPBACK: u32 = 1;

/// Most that a record of each size holds: its last byte is never used.
const SMALL: usize = RECORD_SIZES[0] - HEADER_LEN - 1;
const LARGE: usize = RECORD_SIZES[1] - HEADER_LEN - 1;
const PAGES: usize = RECORD_SIZES[2] - HEADER_LEN - 1;
const JUMBO: usize = RECORD_SIZES[3] - HEADER_LEN - 1;

#[test]
fn a_record_is_the_frame_and_what_was_made_of_it() {
    let mut harness = Harness::new();
    let invite = Invite::from("+12125550100").pai(CALLER).attested('B');
    let mut plain = frame(US, &invite.bytes());
    plain.padding = 6;
    let mut stacked = frame(US_V6, &invite.bytes());
    (stacked.tags, stacked.extensions) =
        (vec![DOT1AD, DOT1Q], vec![(HOP_BY_HOP, 8), (DESTINATION, 24)]);
    for frame in [plain, stacked] {
        let bytes = frame.bytes();
        let clock = Clock::new();
        let earliest = clock.monotonic_at(clock.now());
        let run = harness.frame(&bytes);
        let latest = clock.monotonic_at(clock.now());
        let record = run.record.expect("a record");
        assert_eq!(record.frame, bytes);
        let header = record.header;
        assert_eq!(header.wire_len as usize, bytes.len());
        assert_eq!(header.captured_len as usize, bytes.len());
        assert_eq!(usize::from(header.sip_offset), frame.header_len());
        assert!(record.frame[usize::from(header.sip_offset)..].starts_with(b"INVITE "));
        assert_eq!((header.ifindex, header.trunk), (LOOPBACK, 0));
        assert_eq!((header.ani, header.reserved), (number("14155551234"), [0; 6]));
        assert_eq!(header.attestation, Attestation::B as u8);
        // The time of day may be set while this runs: a second each way is no contradiction.
        let seen = header.seen_ns;
        assert!(seen + 1_000_000_000 > earliest && seen < latest + 1_000_000_000, "{seen}");
    }
}

/// Around the sizes of the records; above the window the frame is cut and that is counted.
#[test]
fn long_frames_are_handed_on_up_to_the_window() {
    handed_on_up_to(MAX_WINDOW, Harness::new());
    let small = CONFIG.replace("ring_bytes = 1048576", "ring_bytes = 1048576\nwindow = 1500");
    handed_on_up_to(1_500, Harness::with(&small));
}

fn handed_on_up_to(window: usize, mut harness: Harness) {
    harness.block("14155551234", None);
    let mut invite = Invite::from(CALLER);
    for len in [
        SMALL - 1,
        SMALL,
        SMALL + 1,
        SMALL + 2,
        1_514,
        LARGE - 1,
        LARGE,
        LARGE + 1,
        LARGE + 2,
        // Over one page: the frame is in several buffers.
        3_000,
        PAGES,
        PAGES + 1,
        5_000,
        9_018,
        JUMBO,
        JUMBO + 1,
        MAX_WINDOW - 1,
        MAX_WINDOW,
        MAX_WINDOW + 1,
        20_000,
    ] {
        let headers = frame(US, &invite.bytes()).header_len();
        invite.body = 1_000;
        let fixed = invite.bytes().len() - 1_000 + headers;
        let mut payload = invite.bytes();
        payload.resize(len - headers, b'v');
        assert!(len > fixed);
        let bytes = frame(US, &payload).bytes();
        assert_eq!(bytes.len(), len);

        let run = harness.frame(&bytes);
        assert_eq!(run.exit, Counter::DropBlocked, "{len} bytes");
        let record = run.record.expect("a record");
        let captured = len.min(window);
        assert_eq!(record.header.wire_len as usize, len);
        assert_eq!(record.header.captured_len as usize, captured, "{len} bytes");
        assert_eq!(record.frame, bytes[..captured], "{len} bytes");
        assert_eq!(
            run.notes.contains(&"capture_cut"),
            len > window,
            "{len} bytes: {:?}",
            run.notes
        );
    }
}

#[test]
fn a_full_ring_changes_no_verdict() {
    const RUNS: u32 = 500;

    let text = CONFIG.replace("ring_bytes = 1048576", "ring_bytes = 4096");
    let mut harness = Harness::with(&text);
    harness.block("14155551234", None);
    let mut captured = 0;
    for (caller, exit) in [(CALLER, Counter::DropBlocked), ("+12125550100", Counter::Pass)] {
        let frame = frame(US, &Invite::from(caller).bytes()).bytes();
        let delta = harness.repeat(&frame, RUNS);
        assert_eq!(delta.value(exit), u64::from(RUNS), "{}", shown(&delta));
        assert_eq!(delta.invites(), u64::from(RUNS));
        let (kept, lost) = (delta.value(Counter::Captured), delta.value(Counter::Lost));
        assert_eq!(kept + lost, u64::from(RUNS), "{}", shown(&delta));
        assert!(lost > 0, "{}", shown(&delta));
        captured += kept;
    }
    let mut read = 0;
    while harness.record().is_some() {
        read += 1;
    }
    assert_eq!(read, captured, "what is counted as handed on is there");
    assert!(read > 0);

    // With room again, INVITEs are handed on again.
    let run = harness.invite(US, &Invite::from(CALLER));
    assert_eq!((run.exit, run.notes), (Counter::DropBlocked, vec!["captured"]));
}

/// Each way out over many frames: all add up.
#[test]
fn ways_out_add_up_to_the_packets() {
    let mut harness = Harness::new();
    harness.block("14155551234", None);
    let mut frames = vec![
        vec![0xff; 60],
        frame("192.0.2.1", &Invite::from(CALLER).bytes()).bytes(),
        frame(US, b"\r\n").bytes(),
        frame(US, b"OPTIONS sip:a SIP/2.0\r\n\r\n").bytes(),
    ];
    for invite in [
        Invite::from(CALLER),
        Invite::from("+12125550100"),
        Invite::from("anonymous"),
        Invite::from(CALLER).to("911"),
    ] {
        frames.push(frame(US_V6, &invite.bytes()).bytes());
    }
    let before = harness.counters();
    for frame in &frames {
        harness.repeat(frame, 100);
    }
    let delta = crate::harness::difference(&before, &harness.counters());
    let packets = delta.value(Counter::Packets);
    assert_eq!(packets, 100 * frames.len() as u64);
    assert_eq!(delta.sum(Kind::Passed) + delta.sum(Kind::Dropped), packets, "{}", shown(&delta));
    assert_eq!(delta.sum(Kind::Dropped), 100);
    assert_eq!((delta.invites(), delta.sip()), (500, 700));
}
