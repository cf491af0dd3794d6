//! What is held is decided, released or forgotten: each frame once.

use std::{io, sync::Mutex};

use ani_ebpf::{
    abi::{counter::Counter, number::Number},
    scan::Attestation,
};

use super::*;
use crate::{
    capture::{By, KernelView, Reach, fixture},
    time::Timestamp,
};

/// Remembers what it was given.
#[derive(Default)]
struct Stack {
    frames: Mutex<Vec<(Vec<u8>, u32)>>,
    down: bool,
}

impl Release for Stack {
    fn release(&self, frame: &[u8], ifindex: u32) -> io::Result<()> {
        if self.down {
            return Err(io::Error::from_raw_os_error(libc::ENETDOWN));
        }
        self.frames.lock().expect("lock").push((frame.to_vec(), ifindex));
        Ok(())
    }
}

const MAX: usize = 16;

struct Rig {
    table: Table,
    stack: Arc<Stack>,
    tallies: Arc<Tallies>,
    start: Instant,
}

impl Rig {
    fn new(down: bool) -> Self {
        let stack = Arc::new(Stack { down, ..Stack::default() });
        let tallies = Arc::new(Tallies::default());
        let config = config::Hold { max: MAX, ..config::Hold::default() };
        let table = Table::new(&config, Arc::clone(&stack) as _, Arc::clone(&tallies));
        Self { table, stack, tallies, start: Instant::now() }
    }

    /// Keeps a frame that is `age` old, `at` milliseconds from the start.
    fn keep(&mut self, number: u64, bytes: &[u8], age: u64, at: u64) -> HoldState {
        let hold = hold(number);
        let view = KernelView {
            exit: Counter::Held,
            first_exit: Counter::PassNotPlain,
            not_plain: None,
            ani: Number::NONE,
            ani_header: None,
            attestation: Attestation::None,
            trunk: Some(0),
            by: By::default(),
            held: Some(hold),
            ifindex: 5,
        };
        let frame = Frame {
            number,
            arrived: Timestamp(0),
            content: Content::Link {
                link: LinkType::Ethernet,
                bytes,
                wire_len: bytes.len() as u32,
            },
            reach: Reach::Answer,
            kernel: Some(view),
        };
        let kept = self.table.keep(&frame, Duration::from_millis(age), self.at(at));
        kept.kernel.and_then(|view| view.held).expect("it is held").state
    }

    fn at(&self, milliseconds: u64) -> Instant {
        self.start + Duration::from_millis(milliseconds)
    }

    fn released(&self) -> usize {
        self.stack.frames.lock().expect("lock").len()
    }

    fn counted(&self, tallies: &[(Tally, u64)]) {
        for (tally, count) in tallies {
            assert_eq!(self.tallies.value(*tally), *count, "{tally:?}");
        }
    }
}

fn hold(number: u64) -> Hold {
    Hold { number, payload_at: 42, seen_ns: 0, state: HoldState::Open }
}

fn whole() -> Vec<u8> {
    fixture::ethernet(&fixture::invite("+14155551234", "b1"))
}

/// The first fragment of a packet: the flag that more come.
fn first() -> Vec<u8> {
    let mut frame = whole();
    frame[20] |= 0x20;
    frame
}

#[test]
fn each_goes_its_way_once() {
    let mut rig = Rig::new(false);
    for number in [1, 2, 3] {
        assert_eq!(rig.keep(number, &whole(), 0, 0), HoldState::Open);
    }
    let now = rig.at(1);
    for _ in 0..2 {
        rig.table.release(&hold(1), Tally::HeldReleased, now);
        rig.table.stop(&hold(2), Tally::HeldStopped);
        rig.table.undecided(&hold(3), now);
        rig.table.undecided(&hold(1), now);
        rig.table.release(&hold(2), Tally::HeldReleased, now);
    }
    assert!(rig.table.expire(rig.at(60_000)).is_empty());
    assert_eq!(rig.released(), 2);
    assert_eq!(rig.stack.frames.lock().expect("lock")[0], (whole(), 5));
    rig.counted(&[
        (Tally::HeldReleased, 1),
        (Tally::HeldStopped, 1),
        (Tally::HeldUnread, 1),
        (Tally::HeldLate, 0),
        (Tally::ReleaseFailed, 0),
    ]);
}

#[test]
fn what_is_not_decided_in_time_is_released() {
    let mut rig = Rig::new(false);
    rig.keep(1, &whole(), 0, 0);
    rig.keep(2, &whole(), 30, 0);
    assert_eq!(rig.table.next_due(), Some(rig.at(50)));
    assert!(rig.table.expire(rig.at(19)).is_empty());
    assert_eq!(rig.released(), 0);
    // The one that came first was seen later.
    assert!(rig.table.expire(rig.at(50)).is_empty());
    assert_eq!(rig.released(), 2);
    assert_eq!(rig.keep(3, &whole(), 50, 60), HoldState::Late, "too old as it comes");
    assert_eq!(rig.released(), 3);
    for (number, age, state) in [(4, 499, HoldState::Late), (5, 500, HoldState::Old)] {
        assert_eq!(rig.keep(number, &whole(), age, 60), state);
        assert_eq!(rig.released(), 4, "one that was sent again is not sent twice");
    }
    assert_eq!(rig.keep(6, &first(), 500, 60), HoldState::Old);
    rig.table.finish(rig.at(60));
    assert_eq!(rig.released(), 4);
    rig.counted(&[(Tally::HeldLate, 4), (Tally::HeldOld, 2)]);
    assert_eq!(rig.table.next_due(), None);
}

#[test]
fn no_more_are_held_than_there_is_room_for() {
    let mut rig = Rig::new(false);
    for number in 0..MAX as u64 {
        assert_eq!(rig.keep(number, &whole(), 0, 0), HoldState::Open);
    }
    assert_eq!(rig.keep(99, &whole(), 0, 0), HoldState::Full);
    rig.counted(&[(Tally::HeldFull, 1)]);
    for number in 0..MAX as u64 {
        rig.table.stop(&hold(number), Tally::HeldStopped);
    }
    assert!(rig.table.expire(rig.at(1)).is_empty());
    assert_eq!(rig.keep(100, &whole(), 0, 1), HoldState::Open, "room again");
}

#[test]
fn a_first_fragment_waits_for_its_rest_and_goes_nowhere_without_it() {
    let mut rig = Rig::new(false);
    rig.keep(1, &first(), 0, 0);
    rig.keep(2, &first(), 60, 0);
    rig.table.undecided(&hold(1), rig.at(0));
    assert!(rig.table.expire(rig.at(29_000)).is_empty());
    assert_eq!(rig.released(), 0, "a rest that is late is no way around a list");
    rig.table.release(&hold(1), Tally::HeldReleased, rig.at(29_000));
    assert_eq!(rig.released(), 1);
    rig.keep(3, &first(), 0, 29_000);
    rig.table.release(&hold(3), Tally::HeldUnread, rig.at(29_000));
    assert_eq!(rig.released(), 2, "the start of no INVITE");
    assert!(rig.table.expire(rig.at(30_001)).is_empty());
    assert_eq!(rig.released(), 2);
    rig.counted(&[(Tally::HeldReleased, 1), (Tally::HeldIncomplete, 1), (Tally::HeldLate, 0)]);

    // Whoever sends nothing but such has the oldest of them forgotten.
    for number in 10..10 + MAX_UNFINISHED as u64 {
        rig.keep(number, &first(), 0, 40_000);
    }
    assert_eq!(rig.keep(5, &first(), 0, 40_000), HoldState::Open);
    rig.counted(&[(Tally::HeldIncomplete, 2)]);
    rig.table.release(&hold(10), Tally::HeldReleased, rig.at(40_000));
    assert_eq!(rig.released(), 2, "the oldest is gone");
    rig.table.release(&hold(11), Tally::HeldReleased, rig.at(40_000));
    rig.table.release(&hold(5), Tally::HeldReleased, rig.at(40_000));
    assert_eq!(rig.released(), 4);
}

#[test]
fn at_the_end_all_go_on() {
    let mut rig = Rig::new(false);
    rig.keep(1, &whole(), 0, 0);
    rig.keep(2, &first(), 0, 0);
    rig.table.finish(rig.at(1));
    assert_eq!(rig.released(), 2);
    assert!(rig.table.expire(rig.at(60_000)).is_empty());
    assert_eq!(rig.released(), 2);
}

#[test]
fn where_nothing_can_be_released_nothing_more_is_held_for_a_while() {
    let mut rig = Rig::new(true);
    assert!(rig.table.is_open(rig.at(0)));
    rig.keep(1, &whole(), 0, 0);
    rig.table.release(&hold(1), Tally::HeldReleased, rig.at(0));
    rig.counted(&[(Tally::ReleaseFailed, 1), (Tally::HeldReleased, 1)]);
    assert!(!rig.table.is_open(rig.at(9_000)));
    assert!(rig.table.is_open(rig.at(10_001)));
}
