//! What the program costs, as ratios in one run.
//!
//! Each round times the trivial program and then each case, so that a machine whose speed drifts
//! drifts for both; the medians of the rounds are compared.

/// Two CPUs that hand INVITEs on at the same time.
mod rings;

use std::{
    fmt::Write as _,
    os::fd::AsFd as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ani_ebpf::abi::{
    attempt::AttemptKeys,
    counter::{Counter, TABLE},
    limit::Limit,
    number::Number,
    settings::Settings,
};
use ani_tests::live::Renewing;
use ani_user::{
    capture::ring::rings::Rings,
    config::Config,
    kernel::{Kernel, object},
    policy::{self, BLOCK, Enforce as _, Listing, lists::Span},
};
use anyhow::{Context as _, Result, bail, ensure};
use aya::{
    Ebpf,
    programs::{TestRun as _, TestRunOptions, Xdp},
};

use crate::{
    frames::{frame, invite, later_fragment, tcp},
    pin,
    report::{Case, Report},
};

/// Rounds that are compared; odd, so that there is a median.
const ROUNDS: usize = 15;

/// Runs of a program a round; the kernel gives their mean.
const REPEAT: u32 = 20_000;

/// Marks of 32 bits that come twice by chance among so many, and are then a repeated call.
const CHANCE: u64 = 2;

/// How often a run is repeated when the reader of the ring did not get its turn and records were
/// lost: a full ring is cheap, so that run measures something else.
const MAX_ATTEMPTS: usize = 50;

/// Records read between two looks at rings that were empty.
const BATCH: usize = 256;

/// Numbers on the block list.
const BLOCK_LIST_LEN: u32 = 1_000_000;

/// Prefixes on it, and networks of trunks.
const PREFIXES: u32 = 10_000;
const NETWORKS: u32 = 1_000;

/// Numbers of the longest list.
const MOST_NUMBERS: u64 = 10_000_000;

/// A caller who is on it, and one who is not.
const BLOCKED: &str = "12025550166";
const HONEST: &str = "12015550101";

/// Measures the group; needs root.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    // The program on one CPU, the reader of its ring on the other.
    pin(0);
    let mut bench = Bench::new()?;
    bench.load_lists(report)?;

    let other = frame(5_061, &invite(1_050, HONEST, 0));
    let options = b"OPTIONS sip:198.51.100.20 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9\r\n\r\n";
    let mut cases = vec![
        Timed::new("packet to another port", other, Counter::OtherPort, false).over_trivial(15),
        // Both its ports are looked at.
        Timed::new("TCP between other ports", tcp(443, 50_000), Counter::OtherPort, false)
            .over_trivial(15),
        Timed::new("TCP to a SIP port", tcp(50_000, 5_060), Counter::TcpSegment, false),
        Timed::new("TCP to a SIP port, captured", tcp(50_000, 5_060), Counter::TcpSegment, true)
            .over("TCP to a SIP port"),
        Timed::new("later fragment", later_fragment(), Counter::Fragment, false),
        Timed::new("later fragment, captured", later_fragment(), Counter::Fragment, true)
            .over("later fragment"),
        Timed::new("OPTIONS to a SIP port", frame(5_060, options), Counter::NotInvite, false),
    ];
    for size in [600, 1_050, 1_370] {
        let target = if size == 1_050 { Some(450) } else { None };
        for (what, caller, exit) in
            [("passed", HONEST, Counter::Pass), ("dropped", BLOCKED, Counter::DropBlocked)]
        {
            let bytes = frame(5_060, &invite(size, caller, 0));
            let name = format!("INVITE of {size} bytes {what}");
            let mut plain = Timed::new(&name, bytes.clone(), exit, false);
            plain.target = target;
            cases.push(plain);
            let mut captured =
                Timed::new(&format!("{name}, captured"), bytes, exit, true).over(&name);
            captured.target = (size == 1_050).then_some(150);
            cases.push(captured);
        }
    }
    let honest = || frame(5_060, &invite(1_050, HONEST, 0));
    let blocked = || frame(5_060, &invite(1_050, BLOCKED, 0));
    cases.push(
        Timed::new("INVITE of 1050 bytes repeated", blocked(), Counter::DropRepeated, false)
            .with(|settings| settings.attempts_mask = attempts_mask())
            .over_trivial(600),
    );
    // Each run another call: what is remembered of the one is no help for the next.
    let calls = [
        ("stopped by a list", blocked(), Counter::DropBlocked, New::Call, 500),
        ("of a known caller, three limits", honest(), Counter::Pass, New::Call, 900),
        ("of a new caller, three limits", honest(), Counter::Pass, New::Caller, 1_500),
    ];
    for (what, bytes, exit, new, target) in calls {
        let name = format!("new call {what}");
        let mut case = Timed::new(&name, bytes, exit, false).with(|settings| {
            settings.attempts_mask = attempts_mask();
            settings.limits[..3].copy_from_slice(&three_limits());
            settings.limit_count = 3;
        });
        case.new = Some(new);
        case.target = Some(target);
        cases.push(case);
    }
    bench.time(&mut cases)?;
    let baseline = bench.trivial.clone();
    for case in &cases {
        let over = case.over.as_deref();
        if let Some(new) = case.new {
            let (name, base) =
                ("trivial XDP_PASS behind the same", &bench.trivial_new[new as usize]);
            report.add(Case::against("kernel", &case.name, &case.samples, name, base, case.target));
            continue;
        }
        let (name, base) = match over.and_then(|name| cases.iter().find(|other| other.name == name))
        {
            Some(other) => (other.name.as_str(), &other.samples),
            None => ("trivial XDP_PASS", &baseline),
        };
        report.add(Case::against("kernel", &case.name, &case.samples, name, base, case.target));
    }
    drop(bench);
    rings::run(report)
}

/// What of a frame is another each time.
#[derive(Clone, Copy)]
enum New {
    /// Call-ID and tag.
    Call,
    /// The caller too.
    Caller,
}

/// Limits of a caller, a prefix and a trunk, that let all through.
fn three_limits() -> [Limit; 3] {
    // As many as there are nanoseconds.
    let wide = Limit { interval_ns: 1, tolerance_ns: u64::MAX >> 2, ..Limit::NONE };
    let own = Limit { trunk: u16::MAX, attestation: u8::MAX, ..wide };
    [
        Limit { id: 1, caller: Limit::digits(16), ..own },
        Limit { id: 2, caller: Limit::digits(6), ..own },
        Limit { id: 3, trunk: u16::MAX, ..wide },
    ]
}

/// A case and its times, nanoseconds a run.
struct Timed {
    name: String,
    frame: Vec<u8>,
    /// The way out it must take: a case that takes another measures something else.
    exit: Counter,
    capture: bool,
    /// Name of the case it is compared with; the trivial program for none.
    over: Option<String>,
    /// How much more it may cost than that, nanoseconds.
    target: Option<u64>,
    samples: Vec<u64>,
    /// What is set for it.
    set: fn(&mut Settings),
    /// Whether each run is another call.
    new: Option<New>,
}

impl Timed {
    fn new(name: &str, frame: Vec<u8>, exit: Counter, capture: bool) -> Self {
        Self {
            name: name.to_owned(),
            frame,
            exit,
            capture,
            over: None,
            target: None,
            samples: Vec::new(),
            set: |_| (),
            new: None,
        }
    }

    fn with(mut self, set: fn(&mut Settings)) -> Self {
        self.set = set;
        self
    }

    fn over(mut self, name: &str) -> Self {
        self.over = Some(name.to_owned());
        self
    }

    fn over_trivial(mut self, ns: u64) -> Self {
        self.target = Some(ns);
        self
    }
}

/// Sets of the table of attempts, less one.
fn attempts_mask() -> u32 {
    Config::default().lists.attempt_sets().map_or(u32::MAX, |sets| sets - 1)
}

struct Bench {
    kernel: Kernel,
    /// As they are but for what a case sets.
    settings: Settings,
    reader: RingReader,
    renewing: [Renewing; 2],
    /// The trivial program behind the same.
    renewing_trivial: [Renewing; 2],
    trivial: Vec<u64>,
    trivial_new: [Vec<u64>; 2],
}

impl Bench {
    fn new() -> Result<Self> {
        let kernel = Kernel::load(&Config::parse(&config(), "bench")?)?;
        let (rings, _asleep) = kernel.rings()?;
        let reader = RingReader::start(rings);
        let (ani, trivial) = kernel.with_object(|ebpf| {
            program(ebpf, "ani_pass")?.load().context("cannot load ani_pass")?;
            let fd = |ebpf: &mut Ebpf, name| anyhow::Ok(program(ebpf, name)?.fd()?.try_clone()?);
            anyhow::Ok((fd(ebpf, object::PROGRAM)?, fd(ebpf, "ani_pass")?))
        })?;
        let example = frame(5_060, &invite(1_050, HONEST, 0));
        let places = |text: &str| -> Vec<usize> {
            let places = example.windows(text.len()).enumerate();
            places.filter(|(_, bytes)| *bytes == text.as_bytes()).map(|(at, _)| at).collect()
        };
        // Eight of the Call-ID's digits, and the last eight of the caller's, wherever he stands.
        let call: Vec<usize> =
            places("Call-ID: 0000000000000000").iter().map(|at| at + 17).collect();
        let caller: Vec<usize> = places(HONEST).iter().map(|at| at + 3).collect();
        ensure!(call.len() == 1 && caller.len() == 2, "the frame is not as it was");
        let renewing = |next: &aya::programs::ProgramFd| {
            anyhow::Ok([
                Renewing::new(next.as_fd(), &call, &[])?,
                Renewing::new(next.as_fd(), &call, &caller)?,
            ])
        };
        let (renewing, renewing_trivial) = (renewing(&ani)?, renewing(&trivial)?);
        Ok(Self {
            kernel,
            settings: Settings::EMPTY,
            reader,
            renewing,
            renewing_trivial,
            trivial: Vec::new(),
            trivial_new: [const { Vec::new() }; 2],
        })
    }

    /// Loads the lists, the longest first, then that of all cases, the blocked caller of the frames
    /// among it.
    fn load_lists(&mut self, report: &mut Report) -> Result<()> {
        let numbers = |count: u64| {
            (0..count).map(|at| {
                let digits = format!("1212{:07}{}", at / 10, at % 10);
                let number = Number::from_ascii(digits.as_bytes()).context("no number")?;
                Ok(Listing::number(BLOCK, number, None))
            })
        };
        let mut load = |name: &str, listings: &mut dyn Iterator<Item = Result<Listing>>, most| {
            let start = Instant::now();
            self.kernel.relist(listings)?;
            report.add(Case::absolute("kernel", name, start.elapsed(), most));
            anyhow::Ok(())
        };
        load("load 10,000,000 numbers", &mut numbers(MOST_NUMBERS), Duration::from_secs(10))?;
        let prefixes = (0..PREFIXES).map(|at| {
            let digits =
                Number::from_ascii(format!("13{at:05}").as_bytes()).context("no digits")?;
            let span = Span::Prefix(digits);
            Ok(Listing { span, ..Listing::number(BLOCK, digits, None) })
        });
        let blocked = Number::from_ascii(BLOCKED.as_bytes()).context("no number")?;
        let mut all = numbers(u64::from(BLOCK_LIST_LEN) - 1)
            .chain(prefixes)
            .chain([Ok(Listing::number(BLOCK, blocked, None))]);
        load("load 1,000,000 numbers, 10,000 prefixes", &mut all, Duration::from_secs(2))?;
        self.kernel.adjust(|settings| {
            settings.attempts_mask = u32::MAX;
            self.settings = *settings;
        })
    }

    fn time(&mut self, cases: &mut [Timed]) -> Result<()> {
        let other = cases[0].frame.clone();
        for round in 0..=ROUNDS {
            // The first round warms the caches up.
            let counts = round > 0;
            let trivial = self.run("ani_pass", &other)?;
            self.trivial.extend(counts.then_some(trivial));
            for new in [New::Call, New::Caller] {
                let took = self.renewing_trivial[new as usize].run(&other, REPEAT)?;
                self.trivial_new[new as usize].extend(counts.then_some(nanoseconds(took)));
            }
            for case in &mut *cases {
                let took = self.round(case)?;
                case.samples.extend(counts.then_some(took));
            }
        }
        Ok(())
    }

    /// Times a case once, again until no record of it was lost.
    fn round(&mut self, case: &Timed) -> Result<u64> {
        let base = self.settings;
        self.kernel.adjust(|settings| {
            *settings = base;
            settings.capture = u32::from(case.capture);
            // Nothing is remembered under keys that are new.
            settings.attempt_keys = AttemptKeys(policy::hash_keys());
            (case.set)(settings);
        })?;
        // What is remembered of the first is what the others meet.
        self.run_times(object::PROGRAM, &case.frame, 1)?;
        // Of calls that should all be others, two may be one.
        let chance = if case.new.is_some() { CHANCE } else { 0 };
        for _ in 0..MAX_ATTEMPTS {
            let before = self.kernel.counters()?;
            let took = match case.new {
                Some(new) => nanoseconds(self.renewing[new as usize].run(&case.frame, REPEAT)?),
                None => self.run(object::PROGRAM, &case.frame)?,
            };
            let after = self.kernel.counters()?;
            self.reader.caught_up();
            let more = |counter| after.value(counter) - before.value(counter);
            ensure!(
                more(case.exit) + chance >= u64::from(REPEAT),
                "{}: not all runs took the way out {:?}: {:?}",
                case.name,
                case.exit,
                TABLE
                    .iter()
                    .map(|row| (row.name, more(row.counter)))
                    .filter(|(_, count)| *count > 0)
                    .collect::<Vec<_>>()
            );
            if more(Counter::Lost) + more(Counter::LostParts) == 0 {
                return Ok(took);
            }
        }
        bail!("{}: the reader of the ring was too slow {MAX_ATTEMPTS} times", case.name)
    }

    /// Nanoseconds a run.
    fn run(&mut self, name: &str, frame: &[u8]) -> Result<u64> {
        self.run_times(name, frame, REPEAT)
    }

    fn run_times(&mut self, name: &str, frame: &[u8], times: u32) -> Result<u64> {
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.repeat = times;
        let result =
            self.kernel.with_object(|ebpf| anyhow::Ok(program(ebpf, name)?.test_run(options)?))?;
        Ok(nanoseconds(result.duration))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// A trunk that the INVITEs come from, and many others.
fn config() -> String {
    let mut text = String::from(
        "[lists]\nmax_entries = 20000000\n\
         [[trunk]]\nname = \"carrier\"\nsources = [\"203.0.113.0/24\"]\n\
         ani = [\"p-asserted-identity\", \"remote-party-id\", \"from\"]\n",
    );
    for at in 0..NETWORKS - 1 {
        let (high, low) = (at / 256, at % 256);
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "[[trunk]]\nname = \"other-{at}\"\nsources = [\"10.{high}.{low}.0/24\"]\n"
        );
    }
    text
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    let program = ebpf.program_mut(name).with_context(|| format!("no program {name}"))?;
    Ok(program.try_into()?)
}

/// Empties the rings beside the runs, as the daemon does.
struct RingReader {
    stop: Arc<AtomicBool>,
    /// Looks at the rings that found nothing.
    idle: Arc<AtomicU64>,
    thread: Option<thread::JoinHandle<()>>,
}

impl RingReader {
    fn start(mut rings: Rings) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let idle = Arc::new(AtomicU64::new(0));
        let thread = {
            let (stop, idle) = (Arc::clone(&stop), Arc::clone(&idle));
            thread::spawn(move || {
                pin(1);
                while !stop.load(Ordering::Relaxed) {
                    while rings.read(u64::MAX, BATCH, |_| {}) > 0 {}
                    idle.fetch_add(1, Ordering::Release);
                    thread::sleep(Duration::from_micros(50));
                }
            })
        };
        Self { stop, idle, thread: Some(thread) }
    }

    /// Waits until the rings were seen empty.
    fn caught_up(&self) {
        let seen = self.idle.load(Ordering::Acquire);
        while self.idle.load(Ordering::Acquire) < seen + 2 {
            thread::sleep(Duration::from_micros(50));
        }
    }
}

impl Drop for RingReader {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
