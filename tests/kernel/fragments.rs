//! Packets in fragments: the first is decided as far as it goes, the others follow it.

use std::{net::IpAddr, thread, time::Duration};

use ani_ebpf::abi::{
    counter::Counter, fragment::LIFE_NS, record::HEADER_LEN, settings::RECORD_SIZES,
};
use ani_tests::{
    frame::{DOT1Q, Frame},
    invite::Invite,
};
use ani_user::capture::clock::Clock;

use crate::harness::{CONFIG, Harness, US, US_V6, frame, shown};

const BLOCKED: &str = "14155551234";

/// A fragmented packet to be, and its fragments.
pub(crate) struct Fragmented {
    whole: Frame,
    id: u32,
}

impl Fragmented {
    pub(crate) fn new(source: &str, payload: &[u8], id: u32) -> Self {
        Self { whole: frame(source, payload), id }
    }

    /// The bytes from `from` to `to` of the IP payload, UDP header included.
    pub(crate) fn part(&self, from: usize, to: Option<usize>) -> Vec<u8> {
        self.whole.fragment(self.id, from, to)
    }
}

fn blocked() -> Harness {
    let harness = Harness::new();
    harness.block(BLOCKED, None);
    harness
}

/// An INVITE whose headers end before the first fragment does.
fn invite(caller: &str) -> Vec<u8> {
    let mut invite = Invite::from(caller);
    invite.body = 1_500;
    invite.bytes()
}

#[test]
fn the_first_fragment_is_decided_when_the_headers_are_in_it() {
    let mut harness = blocked();
    for (caller, exit) in [("+14155551234", Counter::DropBlocked), ("+12125550100", Counter::Pass)]
    {
        for (id, source) in (1..).zip([US, US_V6]) {
            let packet = Fragmented::new(source, &invite(caller), id);
            let first = harness.frame(&packet.part(0, Some(1_000)));
            assert_eq!(first.exit, exit, "{caller} from {source}");
            assert_eq!(first.record.expect("a record").frame, packet.part(0, Some(1_000)));
            // The last one has its verdict, and the daemon all of it.
            let last = harness.frame(&packet.part(1_000, None));
            let follows = match exit {
                Counter::DropBlocked => Counter::DropFragment,
                _ => Counter::Fragment,
            };
            assert_eq!((last.exit, last.notes), (follows, vec!["captured_parts"]));
            let record = last.record.expect("a record");
            assert_eq!((record.frame, record.header.sip_offset), (packet.part(1_000, None), 0));
        }
    }
}

#[test]
fn a_first_fragment_that_ends_within_the_headers_is_undecided() {
    let mut harness = blocked();
    for (id, source) in (1..).zip([US, US_V6]) {
        let packet = Fragmented::new(source, &invite("+14155551234"), id);
        let first = harness.frame(&packet.part(0, Some(200)));
        assert_eq!(first.exit, Counter::PassNotPlain, "{source}");
        assert_eq!(harness.frame(&packet.part(200, None)).exit, Counter::Fragment);
    }
}

/// Eight bytes hold the UDP header and nothing of the message: what it starts is the daemon's to see, so it
/// is held as soon as there is one, and counted while there is none.
#[test]
fn tiny_first_fragments_are_held() {
    let mut harness = blocked();
    for (id, source) in (1..).zip([US, US_V6]) {
        let packet = Fragmented::new(source, &invite("+14155551234"), id);
        for alive in [false, true] {
            if alive {
                let (now_ns, _) = Clock::new().monotonic();
                harness.kernel.hold().beat(now_ns).expect("a sign of life");
            } else {
                harness.kernel.hold().beat(0).expect("none");
            }
            let run = harness.frame(&packet.part(0, Some(8)));
            let expected = if alive {
                (Counter::Held, vec!["captured"])
            } else {
                (Counter::PassNotPlain, vec!["captured", "hold_stale"])
            };
            assert_eq!((run.exit, run.notes), expected);
            for (from, to) in [(8, Some(16)), (16, None)] {
                let run = harness.frame(&packet.part(from, to));
                assert_eq!((run.exit, run.notes), (Counter::Fragment, vec!["captured_parts"]));
            }
        }
    }
}

#[test]
fn fragments_of_something_else_are_left_alone_once_the_first_came() {
    let mut harness = blocked();
    let options = [&b"OPTIONS sip:a@h SIP/2.0\r\n"[..], &[b'x'; 1_500]].concat();
    for (id, source) in (1..).zip([US, US_V6]) {
        let mut other_port = Fragmented::new(source, &invite("+14155551234"), 100 + id);
        other_port.whole.ports.1 = 53;
        let no_invite = Fragmented::new(source, &options, 200 + id);
        for (packet, exit) in [(other_port, Counter::OtherPort), (no_invite, Counter::NotInvite)] {
            let early = harness.frame(&packet.part(800, None));
            assert_eq!(early.exit, Counter::Fragment, "nobody can know yet");
            let first = harness.frame(&packet.part(0, Some(800)));
            assert_eq!((first.exit, first.record.is_none()), (exit, true));
            let later = harness.frame(&packet.part(800, None));
            assert_eq!((later.exit, later.record.is_none()), (Counter::OtherFragment, true));
        }
    }
}

/// Encrypted or tunnelled packets come in fragments too, and are none of ours.
#[test]
fn later_fragments_of_other_protocols_are_left_alone() {
    const ESP: u8 = 50;

    let mut harness = blocked();
    for (id, source) in (1..).zip([US, US_V6]) {
        let mut packet = Fragmented::new(source, &invite("+14155551234"), id);
        packet.whole.protocol = ESP;
        for (from, to) in [(0, Some(800)), (800, None)] {
            assert_eq!(harness.frame(&packet.part(from, to)).exit, Counter::OtherTransport);
        }
    }
}

#[test]
fn a_packet_is_told_by_addresses_protocol_and_identification() {
    let mut harness = blocked();
    let mut known = Fragmented::new(US, &invite("+14155551234"), 7);
    known.whole.ports.1 = 53;
    assert_eq!(harness.frame(&known.part(0, Some(800))).exit, Counter::OtherPort);
    let exit = |harness: &mut Harness, change: fn(&mut Fragmented)| {
        let mut packet = Fragmented { whole: known.whole.clone(), id: known.id };
        change(&mut packet);
        harness.frame(&packet.part(800, None)).exit
    };
    assert_eq!(exit(&mut harness, |_| {}), Counter::OtherFragment);
    assert_eq!(
        exit(&mut harness, |packet| packet.whole.tags = vec![DOT1Q]),
        Counter::OtherFragment
    );
    let others: [fn(&mut Fragmented); 4] = [
        |packet| packet.id = 8,
        |packet| packet.whole.source = IpAddr::from([203, 0, 113, 10]),
        |packet| packet.whole.destination = IpAddr::from([198, 51, 100, 21]),
        |packet| packet.whole.protocol = 6,
    ];
    for change in others {
        assert_eq!(exit(&mut harness, change), Counter::Fragment);
    }
}

/// Identifications come round again: what was said a second ago says nothing about a new packet.
#[test]
fn what_a_first_fragment_said_holds_for_a_time() {
    let mut harness = blocked();
    let mut packet = Fragmented::new(US_V6, &invite("+14155551234"), 9);
    packet.whole.ports.1 = 53;
    assert_eq!(harness.frame(&packet.part(0, Some(800))).exit, Counter::OtherPort);
    assert_eq!(harness.frame(&packet.part(800, None)).exit, Counter::OtherFragment);
    thread::sleep(Duration::from_nanos(LIFE_NS) + Duration::from_millis(50));
    assert_eq!(harness.frame(&packet.part(800, None)).exit, Counter::Fragment);
}

/// Half of the ring is for whole INVITEs: a flood of fragments cannot take it.
#[test]
fn a_flood_of_fragments_leaves_room_for_invites() {
    const RING: usize = 65_536;

    let mut harness = Harness::with(&CONFIG.replace("1048576", &RING.to_string()));
    let packet = Fragmented::new(US, &invite("+12125550100"), 1);
    let part = packet.part(800, None);
    let record = *RECORD_SIZES.iter().find(|size| **size > part.len() + HEADER_LEN).expect("fits");
    let flood = harness.repeat(&part, 500);
    let (kept, lost) = (flood.value(Counter::CapturedParts), flood.value(Counter::LostParts));
    assert_eq!(kept + lost, 500, "{}", shown(&flood));
    let taken = kept as usize * record;
    assert!((RING / 2 - record..=RING / 2 + record).contains(&taken), "{taken} bytes");
    let calls = harness.repeat(&frame(US, &Invite::from("+12125550100").bytes()).bytes(), 20);
    assert_eq!((calls.value(Counter::Captured), calls.value(Counter::Lost)), (20, 0));
}
