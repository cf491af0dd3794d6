//! What the program costs, as ratios in one run.
//!
//! Each round times the trivial program and then each case, so that a machine whose speed drifts
//! drifts for both; the medians of the rounds are compared.

/// Two CPUs that hand INVITEs on at the same time.
mod rings;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ani_ebpf::{
    abi::{
        attempt::AttemptKeys,
        counter::Counter,
        number::Number,
        settings::Settings,
        trunk::{Orders, Telling, Trunk},
    },
    dial_plan::DialPlan,
    scan::AniHeader,
};
use ani_user::{
    capture::ring::rings::Rings,
    config::Config,
    kernel::{
        self,
        maps::{Maps, source_key},
        object,
    },
    policy,
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

/// How often a run is repeated when the reader of the ring did not get its turn and records were
/// lost: a full ring is cheap, so that run measures something else.
const MAX_ATTEMPTS: usize = 50;

/// Records read between two looks at rings that were empty.
const BATCH: usize = 256;

/// Numbers on the block list.
const BLOCK_LIST_LEN: u32 = 1_000_000;

/// A caller who is on it, and one who is not.
const BLOCKED: &str = "12025550166";
const HONEST: &str = "12015550101";

/// Measures the group; needs root.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    // The program on one CPU, the reader of its ring on the other.
    pin(0);
    let mut bench = Bench::new()?;
    report.add(bench.load_list()?);

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
    let known = frame(5_060, &invite(1_050, HONEST, 0));
    cases.push(Timed::new("INVITE of 1050 bytes under a limit", known, Counter::Pass, false).with(
        |settings| {
            // As many as there are nanoseconds.
            settings.limit_interval_ns = 1;
            settings.limit_tolerance_ns = u64::MAX >> 2;
        },
    ));
    let stopped = frame(5_060, &invite(1_050, BLOCKED, 0));
    cases.push(
        Timed::new("INVITE of 1050 bytes repeated", stopped, Counter::DropRepeated, false)
            .with(|settings| {
                settings.attempts_mask = attempts_mask();
                // Nothing is remembered under keys that are new.
                settings.attempt_keys = AttemptKeys(policy::hash_keys());
            })
            .over_trivial(600),
    );
    bench.time(&mut cases)?;
    let baseline = bench.trivial.clone();
    for case in &cases {
        let over = case.over.as_deref();
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
    ebpf: Ebpf,
    maps: Maps,
    settings: Settings,
    reader: RingReader,
    trivial: Vec<u64>,
}

impl Bench {
    fn new() -> Result<Self> {
        let mut config = Config::default();
        config.lists.max_blocked = BLOCK_LIST_LEN;
        let mut ebpf = object::open(&config)?;
        object::load(&mut ebpf)?;
        program(&mut ebpf, "ani_pass")?.load().context("cannot load ani_pass")?;
        let rings = kernel::rings::make(&mut ebpf, config.capture.ring_bytes)?;
        let parts_room = u64::from(rings.bytes_each);
        let reader = RingReader::start(Rings::new(rings.buffers));
        let mut maps = Maps::take(&mut ebpf)?;
        maps.set_ports(&[5_060], &[])?;
        trunk(&mut maps)?;
        let settings = Settings {
            block_list: 1,
            parts_room,
            buckets_mask: config.lists.bucket_sets() - 1,
            ..Settings::EMPTY
        };
        Ok(Self { ebpf, maps, settings, reader, trivial: Vec::new() })
    }

    /// Loads the block list, the blocked caller of the frames among it.
    fn load_list(&mut self) -> Result<Case> {
        let blocked = Number::from_ascii(BLOCKED.as_bytes()).context("no number")?;
        let mut entries = vec![(blocked, 0)];
        for number in 0..BLOCK_LIST_LEN - 1 {
            let text = format!("1212{:07}", number);
            entries.push((Number::from_ascii(text.as_bytes()).context("no number")?, 0));
        }
        let start = Instant::now();
        self.maps.block(&entries)?;
        let took = start.elapsed();
        Ok(Case::absolute("kernel", "load 1,000,000 blocked numbers", took, Duration::from_secs(2)))
    }

    fn time(&mut self, cases: &mut [Timed]) -> Result<()> {
        for round in 0..=ROUNDS {
            let trivial = self.run("ani_pass", &cases[0].frame)?;
            // The first round warms the caches up.
            if round > 0 {
                self.trivial.push(trivial);
            }
            for case in &mut *cases {
                let took = self.round(case)?;
                if round > 0 {
                    case.samples.push(took);
                }
            }
        }
        Ok(())
    }

    /// Times a case once, again until no record of it was lost.
    fn round(&mut self, case: &Timed) -> Result<u64> {
        let mut settings = Settings { capture: u32::from(case.capture), ..self.settings };
        (case.set)(&mut settings);
        self.maps.set_settings(&settings)?;
        // What is remembered of the first is what the others meet.
        self.run_times(object::PROGRAM, &case.frame, 1)?;
        for _ in 0..MAX_ATTEMPTS {
            let before = self.maps.counters()?;
            let took = self.run(object::PROGRAM, &case.frame)?;
            let after = self.maps.counters()?;
            self.reader.caught_up();
            let more = |counter| after.value(counter) - before.value(counter);
            ensure!(
                more(case.exit) == u64::from(REPEAT),
                "{}: not all runs took the way out {:?}",
                case.name,
                case.exit
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
        let result = program(&mut self.ebpf, name)?.test_run(options)?;
        Ok(u64::try_from(result.duration.as_nanos())?)
    }
}

/// The trunk that the INVITEs come from.
fn trunk(maps: &mut Maps) -> Result<()> {
    let usual = [AniHeader::PAssertedIdentity, AniHeader::RemotePartyId, AniHeader::From];
    let orders = Orders::one(&usual);
    let trunk = Trunk { index: 0, telling: Telling::SIGNER, orders, dial_plan: DialPlan::NONE };
    maps.set_source(&source_key(&"203.0.113.0/24".parse()?), &trunk)
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
