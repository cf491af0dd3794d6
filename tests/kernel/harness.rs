//! The compiled program in the kernel, and one frame at a time through it.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use ani_ebpf::abi::{
    counter::{Counter, Counters, Kind, TABLE},
    number::Number,
    record::RecordHeader,
};
use ani_tests::{frame::Frame, invite::Invite};
use ani_user::{
    capture::{clock::Clock, ring::rings::Rings},
    config::{self, Config},
    kernel::{Kernel, maps::ReaderAsleep, object::PROGRAM},
    policy::{BLOCK, Enforce as _, Listing},
    time::Timestamp,
};
use aya::programs::{TestRun as _, TestRunOptions, Xdp};

/// linux/bpf.h
const XDP_DROP: u32 = 1;
/// linux/bpf.h
const XDP_PASS: u32 = 2;

/// An address of trunk `us`.
pub(crate) const US: &str = "203.0.113.9";
/// An address of trunk `us`.
pub(crate) const US_V6: &str = "2001:db8:1::9";
/// An address of trunk `from-only`, whose network lies within that of `us`.
pub(crate) const FROM_ONLY: &str = "203.0.113.200";
/// An address of trunk `charged`.
pub(crate) const CHARGED: &str = "100.64.0.9";
/// An address of no trunk.
pub(crate) const STRANGER: &str = "192.0.2.1";

/// Index of trunk `us`.
pub(crate) const US_INDEX: u16 = 0;
/// Index of trunk `charged`.
pub(crate) const CHARGED_INDEX: u16 = 2;
/// Index of trunk `from-only`.
pub(crate) const FROM_ONLY_INDEX: u16 = 1;

/// What most tests run with: each INVITE is decided by itself. The wider network comes first, so that only the longest prefix finds
/// the second trunk.
pub(crate) const CONFIG: &str = r#"
[capture]
sip_ports = [5060, 5080]
ring_bytes = 1048576

[lists]
max_entries = 1024
max_limited = 1024
max_attempts = 0

[[trunk]]
name = "us"
sources = ["203.0.113.0/24", "2001:db8:1::/48"]
country = "US"

[[trunk]]
name = "from-only"
sources = ["203.0.113.128/25"]
country = "US"
ani = ["from"]

[[trunk]]
name = "charged"
sources = ["100.64.0.0/24"]
country = "US"
ani = ["p-dcs-billing-info", "passport", "p-charge-info", "p-preferred-identity", "from"]
"#;

/// The program, loaded; nothing else runs frames through it.
pub(crate) struct Harness {
    /// The program and its maps.
    pub(crate) kernel: Kernel,
    /// The flag of who reads the rings.
    pub(crate) asleep: ReaderAsleep,
    /// What is handed to the daemon.
    pub(crate) rings: Rings,
}

/// What one frame did.
#[derive(Debug)]
pub(crate) struct Run {
    /// The way out.
    pub(crate) exit: Counter,
    /// Notes that were counted beside it, by name.
    pub(crate) notes: Vec<&'static str>,
    /// What was handed to the daemon.
    pub(crate) record: Option<Record>,
}

/// A ring record.
#[derive(Debug)]
pub(crate) struct Record {
    /// What the program says of the frame.
    pub(crate) header: RecordHeader,
    /// The frame.
    pub(crate) frame: Vec<u8>,
}

impl Run {
    /// The record's header, which must be there.
    pub(crate) fn header(&self) -> &RecordHeader {
        &self.record.as_ref().expect("a ring record").header
    }
}

impl Harness {
    /// Loads the program with [`CONFIG`].
    pub(crate) fn new() -> Self {
        Self::with(CONFIG)
    }

    /// Loads the program with a configuration of the test's own.
    pub(crate) fn with(config: &str) -> Self {
        let config = config_of(config);
        let kernel = Kernel::load(&config).expect("the kernel takes the program");
        kernel.set_limits(&config.limits.compiled()).expect("the limits are written");
        let (rings, asleep) = kernel.rings().expect("the rings");
        Self { kernel, asleep, rings }
    }

    /// Runs an INVITE from an address.
    pub(crate) fn invite(&mut self, source: &str, invite: &Invite) -> Run {
        self.message(source, &invite.bytes())
    }

    /// Runs a UDP payload from an address.
    pub(crate) fn message(&mut self, source: &str, payload: &[u8]) -> Run {
        self.frame(&frame(source, payload).bytes())
    }

    /// Runs a frame and checks what holds for each: one packet, one way out, the verdict that
    /// belongs to it, and a record exactly for each INVITE
    /// and each part of one that was not lost.
    pub(crate) fn frame(&mut self, frame: &[u8]) -> Run {
        while self.record().is_some() {}
        let before = self.counters();
        let action = self.with_program(|program| run(program, frame, 1));
        let delta = difference(&before, &self.counters());

        assert_eq!(delta.value(Counter::Packets), 1, "one packet: {}", shown(&delta));
        let mut exits = TABLE
            .iter()
            .filter(|row| matches!(row.kind, Kind::Passed | Kind::Dropped | Kind::Held))
            .filter(|row| delta.value(row.counter) != 0);
        let (Some(exit), None) = (exits.next(), exits.next()) else {
            panic!("one way out: {}", shown(&delta));
        };
        assert_eq!(delta.value(exit.counter), 1, "counted once: {}", shown(&delta));
        let fits = if exit.kind == Kind::Passed { XDP_PASS } else { XDP_DROP };
        assert_eq!(action, fits, "the verdict of {}", exit.name);

        let notes: Vec<_> = TABLE
            .iter()
            .filter(|row| {
                matches!(row.kind, Kind::Note | Kind::Loss) && delta.value(row.counter) != 0
            })
            .map(|row| row.name)
            .collect();
        let record = self.record();
        assert!(self.record().is_none(), "one record at most");
        let handed_on = delta.value(Counter::Captured) + delta.value(Counter::CapturedParts);
        assert_eq!(u64::from(record.is_some()), handed_on, "{}", shown(&delta));
        add_up(&delta);
        if let Some(record) = &record {
            assert_eq!(u32::from(record.header.exit), exit.counter as u32, "the record's way out");
        }
        Run { exit: exit.counter, notes, record }
    }

    /// Runs a frame `times` over and returns what was counted: as many packets, and as many ways out.
    /// The rings are left as they are.
    pub(crate) fn repeat(&mut self, frame: &[u8], times: u32) -> Counters {
        let before = self.counters();
        self.with_program(|program| run(program, frame, times));
        let delta = difference(&before, &self.counters());
        assert_eq!(delta.value(Counter::Packets), u64::from(times), "{}", shown(&delta));
        add_up(&delta);
        delta
    }

    /// Works with the loaded program.
    pub(crate) fn with_program<T>(&self, work: impl FnOnce(&Xdp) -> T) -> T {
        with_program(&self.kernel, work)
    }

    /// The oldest record in the rings.
    pub(crate) fn record(&mut self) -> Option<Record> {
        let mut record = None;
        self.rings.read(u64::MAX, 1, |bytes| {
            let (header, frame) = RecordHeader::read(bytes).expect("a whole record");
            record = Some(Record { header, frame: frame.to_vec() });
        });
        record
    }

    /// All counters, all CPUs together.
    pub(crate) fn counters(&self) -> Counters {
        self.kernel.counters().expect("the counters")
    }

    /// Puts a number on the block list; `within` says when the entry ends, seconds from now.
    pub(crate) fn block(&self, digits: &str, within: Option<i64>) {
        let now = Clock::new().now();
        let expires = within.map(|seconds| Timestamp(now.0 + seconds * 1_000_000_000));
        let listing = Listing::number(BLOCK, number(digits), expires);
        self.kernel.list(&[listing]).expect("blocked");
    }

    /// Takes a number off the block list.
    pub(crate) fn unblock(&self, digits: &str) {
        let listing = Listing::number(BLOCK, number(digits), None);
        self.kernel.unlist(&[listing]).expect("taken off");
    }

    /// Sets the limit of each caller.
    pub(crate) fn limit(&self, calls: u64, within: Duration) {
        let rate = config::Rate { calls, within };
        let limit = config::per_caller(rate).expect("a limit");
        self.kernel.set_limits(&[limit]).expect("limited");
    }
}

/// Works with the loaded program.
pub(crate) fn with_program<T>(kernel: &Kernel, work: impl FnOnce(&Xdp) -> T) -> T {
    kernel.with_object(|ebpf| {
        let program = ebpf.program(PROGRAM).expect("the program");
        work(program.try_into().expect("an XDP program"))
    })
}

/// Whatever a test did, and however: every packet that came in went one way out.
impl Drop for Harness {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            add_up(&self.counters());
        }
    }
}

/// Packets are the sum of all ways out, and what is handed to the daemon or lost is the INVITEs and
/// the parts of what may be some.
fn add_up(counters: &Counters) {
    assert_eq!(counters.value(Counter::Packets), counters.out(), "{}", shown(counters));
    let handed_on = counters.value(Counter::Captured) + counters.value(Counter::Lost);
    assert_eq!(counters.invites(), handed_on, "{}", shown(counters));
    let parts = [Counter::Fragment, Counter::DropFragment, Counter::TcpSegment];
    assert_eq!(
        parts.into_iter().map(|exit| counters.value(exit)).sum::<u64>(),
        counters.value(Counter::CapturedParts) + counters.value(Counter::LostParts),
        "{}",
        shown(counters)
    );
}

/// Runs a frame through the program `times` over; the last verdict.
pub(crate) fn run(program: &Xdp, frame: &[u8], times: u32) -> u32 {
    let options = TestRunOptions { data_in: Some(frame), repeat: times, ..Default::default() };
    program.test_run(options).expect("the kernel runs the frame").return_value
}

/// A frame from an address to the SIP port.
pub(crate) fn frame(source: &str, payload: &[u8]) -> Frame {
    Frame::new(source.parse::<IpAddr>().expect("an address"), payload)
}

/// The configuration in `text`.
pub(crate) fn config_of(text: &str) -> Config {
    Config::parse(text, "test").expect("a configuration")
}

/// The number of these digits.
pub(crate) fn number(digits: &str) -> Number {
    Number::from_ascii(digits.as_bytes()).expect("digits")
}

/// What was counted between two readings.
pub(crate) fn difference(before: &Counters, after: &Counters) -> Counters {
    let mut delta = Counters::ZERO;
    for ((delta, before), after) in delta.values.iter_mut().zip(before.values).zip(after.values) {
        *delta = after.wrapping_sub(before);
    }
    delta
}

/// The counters that are not zero, by name.
pub(crate) fn shown(counters: &Counters) -> String {
    let named: BTreeMap<_, _> = TABLE
        .iter()
        .filter(|row| counters.value(row.counter) != 0)
        .map(|row| (row.name, counters.value(row.counter)))
        .collect();
    format!("{named:?}")
}
