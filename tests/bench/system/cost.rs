//! CPU time that a blocked INVITE costs its receiver: with a program that drops everything, with
//! ani's, and with kamailio's table behind the kernel's stack.

use ani_ebpf::abi::counter::{Counter, Counters};
use ani_tests::live::{Action, Generator, Program};
use anyhow::{Result, ensure};
use xtask::lab::{sbc::Sbc, screen::Screen};

use super::{
    GROUP,
    ani::{Ani, BLOCKED},
    cpu,
    ground::Ground,
    reader::Reader,
};
use crate::report::{Case, Report};

/// Rounds that are compared; odd, so that there is a median.
const ROUNDS: usize = 9;

/// INVITEs a round, as fast as they can be sent: what finds no room is not received. The receiver then
/// always has some to do, and wake-ups do not count.
const INVITES: u32 = 500_000;

/// INVITEs a round and a second for kamailio: what it handles without losing many, which cost it and
/// would count as nothing.
const FOR_KAMAILIO: u32 = 30_000;
const FOR_KAMAILIO_PER_SECOND: u32 = 60_000;

/// The share of the INVITEs sent to it that kamailio must handle, percent.
const HANDLED_PERCENT: u64 = 50;

/// What ani may cost, in the trivial program's time and in kamailio's.
const MOST_OF_TRIVIAL: f64 = 2.5;
const MOST_OF_KAMAILIO: f64 = 0.2;

/// Bytes of the ring: the daemon's default.
const RING_BYTES: u32 = 4 << 20;

/// Nanoseconds an INVITE, a sample each round.
#[derive(Default)]
struct Samples {
    trivial: Vec<u64>,
    new: Vec<u64>,
    repeated: Vec<u64>,
    captured: Vec<u64>,
    kamailio: Vec<u64>,
}

/// Measures them.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let ground = Ground::new()?;
    let screen = Screen::new(&ground.lab, &[&format!("+{BLOCKED}")]);
    let sbc = Sbc::start_screening(&ground.lab, &screen)?;
    let trivial = Program::trivial(Action::Drop)?;
    let pass = Program::trivial(Action::Pass)?;
    let mut ani = Ani::new(RING_BYTES)?;
    let reader = Reader::start(&mut ani)?;
    let new_calls = ground.generator(BLOCKED, true, None)?;
    let one_call = ground.generator(BLOCKED, false, None)?;
    let slow = ground.generator(BLOCKED, true, Some(FOR_KAMAILIO_PER_SECOND))?;

    let mut samples = Samples::default();
    for _ in 0..ROUNDS {
        samples.trivial.push(dropped(&ground, &trivial, &new_calls)?);
        samples.new.push(by_ani(&ground, &mut ani, &new_calls, Counter::DropBlocked, false)?);
        samples.repeated.push(by_ani(&ground, &mut ani, &one_call, Counter::DropRepeated, false)?);
        samples.captured.push(by_ani(&ground, &mut ani, &new_calls, Counter::DropBlocked, true)?);
        samples.kamailio.push(by_kamailio(&ground, &pass, &slow, &sbc, &screen)?);
    }
    reader.finish()?;

    let (base, name) = (&samples.trivial, "trivial XDP_DROP");
    let most = Some(MOST_OF_TRIVIAL);
    report.add(Case::times(GROUP, "XDP_DROP of every frame", base, "none", &[], None));
    for (case, samples, most) in [
        ("ani, blocked caller, new calls", &samples.new, most),
        ("ani, blocked caller, one call repeated", &samples.repeated, most),
        ("ani, blocked caller, captured", &samples.captured, None),
        ("kamailio, htable drop", &samples.kamailio, None),
    ] {
        report.add(Case::times(GROUP, case, samples, name, base, most));
    }
    let (kamailio, most) = (&samples.kamailio, Some(MOST_OF_KAMAILIO));
    for (case, samples) in [
        ("ani beside kamailio", &samples.new),
        ("ani, captured, beside kamailio", &samples.captured),
    ] {
        report.add(Case::times(GROUP, case, samples, "kamailio", kamailio, most));
    }
    Ok(())
}

/// Nanoseconds that a frame costs the receive side with a program that drops it.
fn dropped(ground: &Ground, program: &Program, generator: &Generator) -> Result<u64> {
    let (_link, poller) = ground.attach(|index| program.attach(index))?;
    let (frames, time) = (ground.received()?, poller.time()?);
    ground.send(generator, INVITES)?;
    let frames = ground.received()? - frames;
    ensure!(frames > 0, "no frame was received");
    Ok((poller.time()? - time).as_nanos() as u64 / frames)
}

/// The same with ani's program, which must take this way out.
fn by_ani(
    ground: &Ground,
    ani: &mut Ani,
    generator: &Generator,
    exit: Counter,
    capture: bool,
) -> Result<u64> {
    ani.capture(capture)?;
    let (_link, poller) = ground.attach(|index| ani.attach(index))?;
    // What is remembered of the first is what the others of its call meet.
    ground.send(generator, 1)?;
    let (frames, time, before) = (ground.received()?, poller.time()?, ani.counters()?);
    ground.send(generator, INVITES)?;
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
    // What asking costs kamailio stays outside.
    let handled = screen.invites()?;
    let time = used()?;
    ground.send(generator, FOR_KAMAILIO)?;
    ground.received()?;
    let time = used()? - time;
    let handled = screen.invites()? - handled;
    ensure!(
        handled * 100 >= u64::from(FOR_KAMAILIO) * HANDLED_PERCENT,
        "kamailio handled {handled} of {FOR_KAMAILIO} INVITEs"
    );
    ensure!(sbc.received()?.is_empty(), "kamailio did not stop all INVITEs");
    Ok(time.as_nanos() as u64 / handled)
}
