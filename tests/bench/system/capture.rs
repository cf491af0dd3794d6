//! A million INVITEs a second into the ring, and out of it.

use std::time::Duration;

use ani_ebpf::abi::counter::Counter;
use anyhow::Result;

use super::{
    GROUP,
    ani::{Ani, BLOCKED},
    ground::Ground,
    reader::Reader,
};
use crate::report::{Case, Report};

/// INVITEs a second, and for how long.
const PER_SECOND: u32 = 1_000_000;
const SECONDS: u32 = 10;

/// Bytes of the ring: what comes while the reader waits for its turn on a CPU it shares with the
/// generator.
const RING_BYTES: u32 = 256 << 20;

/// Measures it.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let ground = Ground::new()?;
    let mut ani = Ani::new(RING_BYTES)?;
    ani.capture(true)?;
    let reader = Reader::start(&mut ani)?;
    let (_link, _poller) = ground.attach(|index| ani.attach(index))?;
    let generator = ground.generator(BLOCKED, true, Some(PER_SECOND))?;
    let took = ground.send_behind(&generator, PER_SECOND * SECONDS)?;
    ground.received()?;
    let seen = reader.finish()?;
    let counters = ani.counters()?;
    let (captured, lost) = (counters.value(Counter::Captured), counters.value(Counter::Lost));

    let most = Duration::from_secs(SECONDS.into()).as_nanos() as u64;
    // As many as came in the time they were to come in.
    let in_time = u128::from(captured) * u128::from(most) / took.as_nanos().max(1);
    let in_time = captured.min(in_time as u64);
    let all = u64::from(PER_SECOND * SECONDS);
    let target = ("at least 99 %", in_time * 100 >= all * 99);
    report.add(Case::count(GROUP, "INVITEs captured in 10 s", in_time, all, Some(target)));
    let target = ("none", lost == 0);
    report.add(Case::count(GROUP, "INVITEs the ring lost", lost, captured + lost, Some(target)));
    report.add(Case::count(GROUP, "records behind the daemon's reader", seen, captured, None));
    Ok(())
}
