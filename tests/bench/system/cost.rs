//! CPU time that a blocked INVITE costs its receiver: with a program that drops everything, with
//! ani's, and with kamailio's table behind the kernel's stack.

use std::time::Duration;

use ani_ebpf::abi::counter::{Counter, Counters};
use ani_tests::live::{Action, Generator, Program};
use anyhow::{Result, ensure};
use xtask::lab::{sbc::Sbc, screen::Screen};

use super::{
    GROUP,
    ani::{Ani, BLOCKED},
    cpu,
    ground::{Ground, Pace},
    reader::Reader,
};
use crate::report::{Case, Report};

/// Rounds that are compared; odd, so that there is a median.
const ROUNDS: usize = 9;

/// How long INVITEs are sent in a round, each way. At full speed what finds no room is not received,
/// and the receiver always has some to do, so that wake-ups do not count.
const ROUND: Duration = Duration::from_millis(250);

/// How long they are sent before, so that a call is known.
const A_FEW: Duration = Duration::from_millis(1);

/// INVITEs a second, as many as the flood has: all are received.
const PER_SECOND: u32 = 300_000;

/// The same for kamailio: woken for each few, or never idle but losing some, which cost its receive
/// side and are no INVITEs handled. Each round the figure counts that is best for it.
const FOR_KAMAILIO: [u32; 3] = [20_000, 60_000, 100_000];

/// What ani may cost, in the trivial program's time and in kamailio's.
const MOST_OF_TRIVIAL: f64 = 2.5;
const MOST_OF_KAMAILIO: f64 = 0.2;

/// Bytes of the ring: the daemon's default.
const RING_BYTES: u32 = 4 << 20;

/// A pace at which the ways that drop at the interface are compared.
struct Compared {
    name: &'static str,
    pace: Pace,
    /// Nanoseconds an INVITE, a sample each round.
    trivial: Vec<u64>,
    new: Vec<u64>,
    repeated: Vec<u64>,
    captured: Vec<u64>,
}

/// Measures them.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let ground = Ground::new()?;
    let screen = Screen::new(&ground.lab, &[&format!("+{BLOCKED}")]);
    let sbc = Sbc::start_screening(&ground.lab, &screen)?;
    let trivial = Program::trivial(Action::Drop)?;
    let pass = Program::trivial(Action::Pass)?;
    let ani = Ani::new(RING_BYTES)?;
    let reader = Reader::start(&ani)?;
    let new_calls = ground.generator(BLOCKED, true)?;
    let one_call = ground.generator(BLOCKED, false)?;
    let mut paces = [
        Compared::new("at full speed", Pace::Full),
        Compared::new("at 300,000/s", Pace::PerSecond(PER_SECOND)),
    ];
    let mut kamailio = Vec::new();
    for _ in 0..ROUNDS {
        for pace in &mut paces {
            pace.round(&ground, &trivial, &ani, [&new_calls, &one_call])?;
        }
        kamailio.push(by_kamailio(&ground, &pass, &new_calls, &sbc, &screen)?);
    }
    reader.finish()?;

    for pace in &paces {
        pace.report(report);
    }
    report.add(Case::times(GROUP, "kamailio, htable drop", &kamailio, "none", &[], None));
    let (most, [_, paced]) = (Some(MOST_OF_KAMAILIO), &paces);
    for (case, samples) in [
        ("ani, new calls, beside kamailio", &paced.new),
        ("ani, captured, beside kamailio", &paced.captured),
    ] {
        report.add(Case::times(GROUP, case, samples, "kamailio", &kamailio, most));
    }
    Ok(())
}

impl Compared {
    fn new(name: &'static str, pace: Pace) -> Self {
        Self {
            name,
            pace,
            trivial: Vec::new(),
            new: Vec::new(),
            repeated: Vec::new(),
            captured: Vec::new(),
        }
    }

    /// Measures each way once, with new calls and with one call.
    fn round(
        &mut self,
        ground: &Ground,
        trivial: &Program,
        ani: &Ani,
        [new, one]: [&Generator; 2],
    ) -> Result<()> {
        let (blocked, repeated) = (Counter::DropBlocked, Counter::DropRepeated);
        self.trivial.push(dropped(ground, trivial, new, self.pace)?);
        self.new.push(by_ani(ground, ani, new, self.pace, blocked, false)?);
        self.repeated.push(by_ani(ground, ani, one, self.pace, repeated, false)?);
        self.captured.push(by_ani(ground, ani, new, self.pace, blocked, true)?);
        Ok(())
    }

    fn report(&self, report: &mut Report) {
        let (base, most) = (&self.trivial, Some(MOST_OF_TRIVIAL));
        let case = format!("XDP_DROP {}", self.name);
        report.add(Case::times(GROUP, &case, base, "none", &[], None));
        for (what, samples, most) in [
            ("new calls", &self.new, most),
            ("one call repeated", &self.repeated, most),
            ("captured", &self.captured, None),
        ] {
            let case = format!("ani, {what}, {}", self.name);
            report.add(Case::times(GROUP, &case, samples, "XDP_DROP", base, most));
        }
    }
}

/// Nanoseconds that a frame costs the receive side with a program that drops it.
fn dropped(ground: &Ground, program: &Program, generator: &Generator, pace: Pace) -> Result<u64> {
    let (_link, poller) = ground.attach(|index| program.attach(index))?;
    let (frames, time) = (ground.received()?, poller.time()?);
    ground.send(generator, pace, |sent| sent < ROUND)?;
    let frames = ground.received()? - frames;
    ensure!(frames > 0, "no frame was received");
    Ok((poller.time()? - time).as_nanos() as u64 / frames)
}

/// The same with ani's program, which must take this way out.
fn by_ani(
    ground: &Ground,
    ani: &Ani,
    generator: &Generator,
    pace: Pace,
    exit: Counter,
    capture: bool,
) -> Result<u64> {
    ani.capture(capture)?;
    let (_link, poller) = ground.attach(|index| ani.attach(index))?;
    // What is remembered of the first is what the others of its call meet.
    ground.send(generator, Pace::PerSecond(PER_SECOND), |sent| sent < A_FEW)?;
    let (frames, time, before) = (ground.received()?, poller.time()?, ani.counters()?);
    ground.send(generator, pace, |sent| sent < ROUND)?;
    let frames = ground.received()? - frames;
    let (time, after) = (poller.time()? - time, ani.counters()?);
    expect(&before, &after, exit, frames)?;
    Ok(time.as_nanos() as u64 / frames)
}

/// All but a few frames of the lab's own, and calls whose letters came twice, went this way.
fn expect(before: &Counters, after: &Counters, exit: Counter, frames: u64) -> Result<()> {
    let count = after.value(exit) - before.value(exit);
    ensure!(
        frames > 0 && count + count / 1_000 >= frames,
        "{count} of {frames} frames took the way out {exit:?}"
    );
    Ok(())
}

/// The same with kamailio, for each INVITE it handled: its processes' time and the receive side's.
fn by_kamailio(
    ground: &Ground,
    pass: &Program,
    generator: &Generator,
    sbc: &Sbc,
    screen: &Screen,
) -> Result<u64> {
    let (_link, poller) = ground.attach(|index| pass.attach(index))?;
    ground.received()?;
    let used = || Ok::<_, anyhow::Error>(poller.time()? + cpu::of_group(sbc.group())?);
    let mut least = u64::MAX;
    for rate in FOR_KAMAILIO {
        // What asking costs kamailio stays outside.
        let handled = screen.invites()?;
        let time = used()?;
        ground.send(generator, Pace::PerSecond(rate), |sent| sent < ROUND)?;
        ground.received()?;
        let time = used()? - time;
        let handled = screen.invites()? - handled;
        ensure!(handled > 0, "kamailio handled none of {rate} INVITEs a second");
        least = least.min(time.as_nanos() as u64 / handled);
    }
    ensure!(sbc.received()?.is_empty(), "kamailio did not stop all INVITEs");
    Ok(least)
}
