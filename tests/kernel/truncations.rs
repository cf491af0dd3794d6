//! Frames and messages that end too early: always counted, never dropped before they are whole.

use ani_ebpf::abi::counter::{Counter, Kind, TABLE};
use ani_tests::{
    frame::{DESTINATION, DOT1AD, DOT1Q, Frame, HOP_BY_HOP},
    invite::Invite,
    random::Random,
};

use crate::harness::{Harness, US, US_V6, frame};

const BLOCKED: &str = "14155551234";

/// The kernel runs no frame that is shorter.
const MIN_FRAME_LEN: usize = 14;

fn stacks(payload: &[u8]) -> [(&'static str, Frame); 3] {
    let mut tagged = frame(US, payload);
    (tagged.tags, tagged.options) = (vec![DOT1Q], 12);
    let mut extended = frame(US_V6, payload);
    (extended.tags, extended.extensions) =
        (vec![DOT1AD, DOT1Q], vec![(HOP_BY_HOP, 8), (DESTINATION, 16)]);
    [
        ("IPv4", frame(US, payload)),
        ("802.1Q, IPv4 with options", tagged),
        ("two tags, IPv6 with extension headers", extended),
    ]
}

#[test]
fn a_frame_cut_anywhere_is_passed_as_cut() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    for (name, frame) in stacks(&Invite::from("+14155551234").bytes()) {
        let whole = frame.bytes();
        for len in MIN_FRAME_LEN..whole.len() {
            let run = harness.frame(&whole[..len]);
            assert_eq!(run.exit, Counter::Truncated, "{name}, {len} of {} bytes", whole.len());
        }
        assert_eq!(harness.frame(&whole).exit, Counter::DropBlocked, "{name}, whole");
    }
}

/// As by a sender, or by a gateway that cuts what it copies: all lengths fit what is there.
#[test]
fn a_message_cut_anywhere_is_not_dropped_before_its_headers_end() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    let mut invite = Invite::from("+14155551234").attested('A');
    invite.body = 40;
    let message = invite.bytes();
    let headers = message.len() - invite.body;
    for source in [US, US_V6] {
        for len in 0..=message.len() {
            let exit = harness.message(source, &message[..len]).exit;
            if len < headers {
                assert_eq!(TABLE[exit as usize].kind, Kind::Passed, "{len} bytes, {exit:?}");
                let expected = if len < 16 { Counter::Keepalive } else { Counter::PassNotPlain };
                assert_eq!(exit, expected, "{len} of {headers} bytes of headers");
            } else {
                assert_eq!(exit, Counter::DropBlocked, "{len} bytes, {headers} of them headers");
            }
        }
    }
}

/// Bytes of noise behind each right stack of headers.
#[test]
fn noise_is_counted_and_never_dropped() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    for round in 0..2_000 {
        let (name, mut frame) = stacks(&[]).into_iter().nth(round % 3).expect("three");
        frame.payload = (0..round % 97 + 8).map(|_| random.byte()).collect();
        let exit = harness.frame(&frame.bytes()).exit;
        assert!(matches!(exit, Counter::Keepalive | Counter::NotInvite), "{name}: {exit:?}");
    }
}
