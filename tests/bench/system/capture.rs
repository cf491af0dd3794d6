//! A million INVITEs a second into the ring, and out of it: as many as the receiver can take.

use std::time::Duration;

use ani_ebpf::abi::counter::Counter;
use anyhow::Result;

use super::{
    GROUP,
    ani::{Ani, BLOCKED},
    ground::{Ground, Pace},
    reader::Reader,
};
use crate::report::{Case, Report};

/// INVITEs a second there should be at least, and for how long. They are sent as fast as they can be:
/// what the receiver does not get to is lost before it, and not by the ring.
const PER_SECOND: u32 = 1_000_000;
const TIME: Duration = Duration::from_secs(10);

/// Bytes of the ring: what comes while the reader waits for its turn on a CPU it shares with the
/// generator.
const RING_BYTES: u32 = 256 << 20;

/// Measures it.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let ground = Ground::new()?;
    let ani = Ani::new(RING_BYTES)?;
    ani.capture(true)?;
    let reader = Reader::start(&ani)?;
    let (_link, _poller) = ground.attach(|index| ani.attach(index))?;
    let generator = ground.generator(BLOCKED, true)?;
    let before = ground.received()?;
    let took = ground.send(&generator, Pace::Full, |sent| sent < TIME)?;
    let came = ground.received()? - before;
    let seen = reader.finish()?;
    let counters = ani.counters()?;
    let (captured, lost) = (counters.value(Counter::Captured), counters.value(Counter::Lost));

    let rate = u128::from(captured) * 1_000_000_000 / took.as_nanos().max(1);
    let (rate, all) = (rate as u64, u64::from(PER_SECOND));
    let target = ("at least as many", rate >= all);
    report.add(Case::count(GROUP, "INVITEs captured a second, for 10 s", rate, all, Some(target)));
    let target = ("none", lost == 0);
    report.add(Case::count(GROUP, "INVITEs lost by the ring", lost, came, Some(target)));
    report.add(Case::count(GROUP, "records behind the daemon's reader", seen, captured, None));
    Ok(())
}
