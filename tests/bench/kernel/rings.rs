//! Two CPUs that hand INVITEs on at the same time: to one ring, and to a ring each.

use std::{
    hint,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use ani_ebpf::{
    abi::{
        counter::Counter,
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
        maps::{Maps, source_key},
        object, rings,
    },
};
use anyhow::{Result, anyhow, ensure};
use aya::{
    Ebpf,
    programs::{TestRun as _, TestRunOptions, Xdp},
};

use super::{BATCH, HONEST, ROUNDS, program};
use crate::{
    frames::{frame, invite},
    pin,
    report::{Case, Report},
};

/// Runs of the program on each CPU a round.
const RUNS: u32 = 4_000;

/// Size of a ring, bytes: what both CPUs hand on in a round fits in one.
const RING_BYTES: u32 = 32 << 20;

/// Measures them; needs root and two CPUs.
pub(super) fn run(report: &mut Report) -> Result<()> {
    let bytes = frame(5_060, &invite(1_050, HONEST, 0));
    let mut one = Loaded::new(&[0])?;
    let mut each = Loaded::new(&[0, 1])?;
    let mut samples = [const { Vec::new() }; 3];
    for round in 0..=ROUNDS {
        let took = [one.run(&bytes, &[0])?, one.run(&bytes, &[0, 1])?, each.run(&bytes, &[0, 1])?];
        // The first round warms the caches up.
        if round > 0 {
            for (samples, took) in samples.iter_mut().zip(took) {
                samples.push(took);
            }
        }
    }
    let [alone, shared, own] = &samples;
    let names = [
        "INVITE of 1050 bytes captured on one CPU",
        "the same on two CPUs at once, one ring",
        "the same on two CPUs at once, a ring each",
    ];
    report.add(Case::against("kernel", names[1], shared, names[0], alone, None));
    report.add(Case::against("kernel", names[2], own, names[1], shared, Some(0)));
    Ok(())
}

/// The program with rings of its own.
struct Loaded {
    ebpf: Ebpf,
    maps: Maps,
    rings: Rings,
}

impl Loaded {
    /// With a ring for each of some CPUs.
    fn new(cpus: &[u32]) -> Result<Self> {
        let config = Config::default();
        let mut ebpf = object::open(&config)?;
        object::load(&mut ebpf)?;
        let made = rings::make_for(&mut ebpf, cpus, Some(RING_BYTES))?;
        let mut maps = Maps::take(&mut ebpf)?;
        maps.set_ports(&[5_060], &[])?;
        let trunk = Trunk {
            index: 0,
            telling: Telling::SIGNER,
            orders: Orders::one(&[AniHeader::PAssertedIdentity, AniHeader::From]),
            dial_plan: DialPlan::NONE,
            hold: 0,
        };
        maps.set_source(&source_key(&"203.0.113.0/24".parse()?), &trunk)?;
        maps.set_settings(&Settings {
            capture: 1,
            buckets_mask: config.lists.bucket_sets() - 1,
            ..Settings::EMPTY
        })?;
        Ok(Self { ebpf, maps, rings: Rings::new(made.buffers) })
    }

    /// Nanoseconds a run, the mean of some CPUs that run at the same time.
    fn run(&mut self, bytes: &[u8], cpus: &[usize]) -> Result<u64> {
        let before = self.maps.counters()?;
        let program: &Xdp = program(&mut self.ebpf, object::PROGRAM)?;
        let ready = AtomicU32::new(0);
        let took = thread::scope(|scope| {
            let threads: Vec<_> = cpus
                .iter()
                .map(|cpu| {
                    let ready = &ready;
                    scope.spawn(move || {
                        pin(*cpu);
                        ready.fetch_add(1, Ordering::Relaxed);
                        while ready.load(Ordering::Relaxed) < cpus.len() as u32 {
                            hint::spin_loop();
                        }
                        let mut options = TestRunOptions::new();
                        options.data_in = Some(bytes);
                        options.repeat = RUNS;
                        Ok(program.test_run(options)?.duration.as_nanos() as u64)
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().map_err(|_| anyhow!("a CPU's thread panicked"))?)
                .collect::<Result<Vec<u64>>>()
        })?;
        let captured =
            self.maps.counters()?.value(Counter::Captured) - before.value(Counter::Captured);
        while self.rings.read(u64::MAX, BATCH, |_| {}) > 0 {}
        ensure!(captured == u64::from(RUNS) * cpus.len() as u64, "an INVITE was not handed on");
        Ok(took.iter().sum::<u64>() / took.len() as u64)
    }
}
