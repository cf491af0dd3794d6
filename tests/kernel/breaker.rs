//! A mistake in a list, and a flood, through the program, its records and the daemon: what trips the
//! breaker, and what the kernel does then.

use std::{
    fs,
    ops::{ControlFlow, Range},
    path::PathBuf,
    sync::Arc,
};

use ani_ebpf::abi::counter::{Counter, Counters};
use ani_tests::invite::Invite;
use ani_user::{
    capture::{
        Source as _,
        clock::Clock,
        queue::Frames,
        ring::{
            records::{Writer, queue},
            rings::Rings,
        },
    },
    control::Daemon,
    kernel::Kernel,
    pipeline::Pipeline,
    policy::{BLOCK, Enforce as _, Listing, lists::Span, memory::Memory},
    store::Store,
    time::Timestamp,
};

use crate::harness::{US, config_of, difference, frame, number, run, shown, with_program};

const CONFIG: &str = r#"
[capture]
sip_ports = [5060]
ring_bytes = 1048576

[lists]
max_entries = 1024
max_attempts = 1024

[[trunk]]
name = "us"
sources = ["203.0.113.0/24"]
country = "US"
"#;

/// The wrong prefix: a digit too few.
const PREFIX: &str = "14152";

/// Callers it does not stop, from here on.
const GOOD: u32 = 5_000_000;

/// Callers it stops.
const STOPPED: u32 = 2_000_000;

/// A daemon around the program, but for its threads; its time of day can be moved.
struct Running {
    daemon: Daemon,
    kernel: Arc<Kernel>,
    rings: Rings,
    writer: Writer,
    frames: Frames,
    pipeline: Pipeline,
    directory: PathBuf,
    /// Nanoseconds that the records' time is put forward.
    later: i64,
    calls: u64,
}

impl Running {
    fn new(name: &str) -> Self {
        let config = config_of(CONFIG);
        let kernel = Arc::new(Kernel::load(&config).expect("the kernel takes the program"));
        let (rings, asleep) = kernel.rings().expect("the rings");
        drop(asleep);
        let directory = std::env::temp_dir().join(format!("ani-{name}-{}", std::process::id()));
        let store = Store::open(&directory).expect("a store");
        let daemon = Daemon::new(config, Arc::clone(&kernel) as _, store, Arc::new(Clock::new()));
        daemon.restore().expect("restored");
        let (writer, frames) = queue(Arc::clone(&daemon.tallies));
        let rules = Arc::new(Memory::new(&daemon.config()));
        let pipeline = Pipeline::new(daemon.config(), rules, Arc::clone(&daemon.tallies));
        let (later, calls) = (0, 0);
        Self { daemon, kernel, rings, writer, frames, pipeline, directory, later, calls }
    }

    /// Puts the prefix on the block list.
    fn mistake(&self) {
        let prefix = number(PREFIX);
        let listing =
            Listing { span: Span::Prefix(prefix), ..Listing::number(BLOCK, prefix, None) };
        self.kernel.list(&[listing]).expect("listed");
    }

    /// A call of each of these callers, through the program and then the daemon, as its worker does
    /// it: what the program counted.
    fn call(&mut self, callers: Range<u32>) -> Counters {
        let before = self.kernel.counters().expect("the counters");
        for caller in callers {
            self.calls += 1;
            let mut invite = Invite::from(&format!("+1415{caller:07}"));
            invite.call_id = format!("{}@breaker", self.calls);
            let frame = frame(US, &invite.bytes()).bytes();
            with_program(&self.kernel, |program| run(program, &frame, 1));
            if self.calls.is_multiple_of(64) {
                self.drain();
            }
        }
        self.drain();
        self.daemon.settle_rests(self.now());
        difference(&before, &self.kernel.counters().expect("the counters"))
    }

    fn drain(&mut self) {
        let offset = Clock::new().offset() + self.later;
        let Self { daemon, rings, writer, frames, pipeline, .. } = self;
        rings.read(u64::MAX, usize::MAX, |record| {
            writer.push(record, offset);
        });
        let Ok(()) = frames.frames(&mut |frame| {
            pipeline.frame(frame, &mut |invite| {
                if let Some(attempt) = &invite.attempt {
                    daemon.breaker.saw(attempt, invite.ts);
                }
            });
            ControlFlow::Continue(())
        });
    }

    fn now(&self) -> Timestamp {
        Timestamp(Clock::new().now().0 + self.later)
    }

    /// Lets time go by.
    fn wait(&mut self, seconds: i64) {
        self.later += seconds * 1_000_000_000;
        self.daemon.settle_rests(self.now());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What is left behind in the folder for temporary files harms nobody.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// 18 callers of the one kind and 12 of the other: the prefix stops two in five.
fn good(running: &mut Running) -> (u64, u64) {
    let first = running.call(GOOD..GOOD + 18);
    let second = running.call(STOPPED..STOPPED + 12);
    let sum = |counter| first.value(counter) + second.value(counter);
    let (passed, blocked) = (sum(Counter::Pass), sum(Counter::DropBlocked));
    assert_eq!(passed + blocked, 30, "{} {}", shown(&first), shown(&second));
    (passed, blocked)
}

#[test]
fn a_wrong_prefix_over_two_in_five_good_callers_goes_to_rest_and_calls_pass_again() {
    let mut running = Running::new("mistake");
    assert_eq!(good(&mut running), (30, 0), "they earn their record");
    running.wait(3_601);
    running.mistake();
    assert_eq!(good(&mut running), (18, 12));
    assert_eq!(good(&mut running), (30, 0), "the list only observes");
    running.wait(590);
    assert_eq!(good(&mut running), (30, 0), "it rests ten minutes");
    running.wait(10);
    let stopped = running.call(STOPPED..STOPPED + 1);
    assert_eq!(stopped.value(Counter::DropBlocked), 1, "{}", shown(&stopped));
    // The mistake is still one.
    good(&mut running);
    assert_eq!(good(&mut running), (30, 0));
}

#[test]
fn a_flood_of_unknown_callers_does_not_trip_it() {
    const FLOOD: u32 = 100_000;
    let mut running = Running::new("flood");
    let known = running.call(GOOD..GOOD + 30);
    assert_eq!(known.value(Counter::Pass), 30);
    running.wait(3_601);
    running.mistake();
    let before = running.call(GOOD..GOOD + 30);
    assert_eq!(before.value(Counter::Pass), 30);
    let flood = running.call(STOPPED..STOPPED + FLOOD);
    assert_eq!(flood.value(Counter::DropBlocked), u64::from(FLOOD), "{}", shown(&flood));
    assert_eq!(flood.value(Counter::Lost), 0, "the daemon saw all of them");
    let after = running.call(GOOD..GOOD + 30);
    assert_eq!(after.value(Counter::Pass), 30);
    let more = running.call(STOPPED..STOPPED + 100);
    assert_eq!(more.value(Counter::DropBlocked), 100, "it is stopped still: {}", shown(&more));
}
