//! A ring for each CPU, read as one.

use std::{thread, time::Duration};

use ani_ebpf::abi::{counter::Counter, record::RecordHeader};
use ani_tests::invite::Invite;
use ani_user::{capture::clock::Clock, kernel::Kernel};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};

use crate::{
    harness::{CONFIG, Harness, US, frame, number, run, shown},
    tcp::segment,
};

/// Two CPUs that the test runs frames on.
const CPUS: [usize; 2] = [0, 1];

/// Longer than anything takes that comes at all, milliseconds.
const LONG_MS: i32 = 60_000;

/// Runs `work` on one CPU.
fn on<T>(cpu: usize, work: impl FnOnce() -> T) -> T {
    let this = Pid::from_raw(0);
    let before = sched_getaffinity(this).expect("the CPUs of this thread");
    let mut only = CpuSet::new();
    only.set(cpu).expect("a CPU's number");
    sched_setaffinity(this, &only).expect("a machine of two CPUs");
    let done = work();
    sched_setaffinity(this, &before).expect("the CPUs of before");
    done
}

fn invite(caller: &str) -> Vec<u8> {
    frame(US, &Invite::from(caller).bytes()).bytes()
}

fn small() -> Harness {
    Harness::with(&CONFIG.replace("ring_bytes = 1048576", "ring_bytes = 65536"))
}

#[test]
fn a_full_ring_costs_no_other_cpu_a_record() {
    const FLOOD: u32 = 500;
    const CALLS: u32 = 10;

    for [flooded, other] in [CPUS, [CPUS[1], CPUS[0]]] {
        let mut harness = small();
        let flood = on(flooded, || harness.repeat(&invite("+12125550100"), FLOOD));
        let calls = on(other, || harness.repeat(&invite("+14155551234"), CALLS));
        for (delta, sent) in [(&flood, FLOOD), (&calls, CALLS)] {
            assert_eq!(delta.value(Counter::Pass), u64::from(sent), "{}", shown(delta));
            let (kept, lost) = (delta.value(Counter::Captured), delta.value(Counter::Lost));
            assert_eq!(kept + lost, u64::from(sent), "{}", shown(delta));
        }
        assert!(flood.value(Counter::Lost) > 0, "{}", shown(&flood));
        assert_eq!(calls.value(Counter::Lost), 0, "{}", shown(&calls));

        let mut read = [0, 0];
        while let Some(record) = harness.record() {
            read[usize::from(record.header.ani == number("14155551234"))] += 1;
        }
        assert_eq!(read, [flood.value(Counter::Captured), u64::from(CALLS)]);
    }
}

#[test]
fn parts_have_half_of_each_ring() {
    let mut harness = small();
    let part = segment(US, (33_000, 5060), 12, &[b'x'; 1_000]);
    for cpu in CPUS {
        let delta = on(cpu, || harness.repeat(&part, 100));
        let (kept, lost) = (delta.value(Counter::CapturedParts), delta.value(Counter::LostParts));
        assert_eq!(kept + lost, 100, "CPU {cpu}: {}", shown(&delta));
        // Records of 2 KiB and 8 bytes in half of 64.
        assert_eq!(kept, 16, "CPU {cpu}: {}", shown(&delta));
    }
    let delta = on(CPUS[0], || harness.repeat(&invite("+14155551234"), 5));
    assert_eq!(delta.value(Counter::Captured), 5, "{}", shown(&delta));
}

/// Runs an INVITE on each CPU in turn; each has a caller of his own.
fn in_turn(harness: &mut Harness, callers: std::ops::Range<usize>) {
    for caller in callers {
        let frame = invite(&format!("+1212555{caller:04}"));
        // Some of them twice on the same CPU: the rings are not equally full.
        let cpu = CPUS[(caller / 3 + caller) % CPUS.len()];
        on(cpu, || harness.with_program(|program| run(program, &frame, 1)));
    }
}

fn callers(read: &[RecordHeader]) -> Vec<String> {
    read.iter().map(|header| header.ani.to_string()).collect()
}

fn expected(callers: std::ops::Range<usize>) -> Vec<String> {
    callers.map(|caller| format!("1212555{caller:04}")).collect()
}

#[test]
fn records_come_out_in_the_order_they_were_seen_in() {
    let mut harness = Harness::new();
    in_turn(&mut harness, 0..200);
    let mut read = Vec::new();
    while let Some(record) = harness.record() {
        read.push(record.header);
    }
    assert_eq!(callers(&read), expected(0..200));
    assert!(read.is_sorted_by_key(|header| header.seen_ns));
}

/// What came after a look at the rings waits for the next, but never for ever.
#[test]
fn nothing_is_read_before_what_may_be_older() {
    let mut harness = Harness::new();
    in_turn(&mut harness, 0..20);
    let now_ns = Clock::new().monotonic().0;
    in_turn(&mut harness, 20..40);
    let mut read = |now_ns, limit| {
        let mut read = Vec::new();
        let count = harness.rings.read(now_ns, limit, |record| {
            read.push(RecordHeader::read(record).expect("a whole record").0);
        });
        assert_eq!(count, read.len());
        callers(&read)
    };
    assert_eq!(read(now_ns, 5), expected(0..5), "at most so many");
    assert_eq!(read(now_ns, 100), expected(5..20));
    assert_eq!(read(now_ns, 100), expected(20..21), "a clock that is behind stops nothing");
    assert_eq!(read(u64::MAX, 100), expected(21..40));
    assert_eq!(read(u64::MAX, 100), expected(0..0));
}

/// The program wakes a reader that sleeps, once, whichever CPU the INVITE comes to.
#[test]
fn each_ring_wakes_the_reader() {
    for cpu in CPUS {
        let mut harness = Harness::new();
        harness.asleep.set(true).expect("the flag");
        let Harness { kernel, rings, .. } = &mut harness;
        let kernel: &Kernel = kernel;
        thread::scope(|scope| {
            scope.spawn(|| {
                // The reader sleeps by then; if it does not yet, the record is there when it would.
                thread::sleep(Duration::from_millis(50));
                let frame = invite("+14155551234");
                on(cpu, || crate::harness::with_program(kernel, |program| run(program, &frame, 1)));
            });
            assert!(rings.wait(LONG_MS), "CPU {cpu}: the time was over");
        });
        assert!(harness.record().is_some());
    }
}
