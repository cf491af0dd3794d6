//! Honest calls through kamailio while blocked callers flood it: with ani before it, with a table of
//! its own, and with nothing.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use ani_tests::live::{Action, Program};
use anyhow::{Context as _, Result, ensure};
use xtask::{
    lab::{
        daemon::{Daemon, Settings},
        sbc::Sbc,
        screen::Screen,
        uac::{Callers, Outcome, Plan, Uac},
    },
    workspace::{self, Profile},
};

use super::{
    GROUP,
    ani::BLOCKED,
    ground::{Ground, Pace},
};
use crate::report::{Case, Report};

/// The flood: blocked INVITEs a second, for as long as calls are placed.
const PER_SECOND: u32 = 300_000;

/// Honest calls, and how many of them a second.
const CALLS: u32 = 2_000;
const CALLS_PER_SECOND: u32 = 200;

/// The share of the flood that must have come for the case to say something, percent.
const CAME_PERCENT: u64 = 95;

/// Measures it.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    let profile = if cfg!(debug_assertions) { Profile::Dev } else { Profile::Release };
    let binary = workspace::build_ani(profile)?;

    let ground = Ground::new()?;
    let sbc = Sbc::start(&ground.lab)?;
    let daemon = Daemon::start(&ground.lab, &binary, &Settings::default())?;
    daemon.cli(&["block", "add", &format!("+{BLOCKED}")])?;
    ground.poll_by_thread()?;
    let under = Under::new(&ground)?;
    let stopped = daemon.counter("dropped_blocked")? + daemon.counter("dropped_repeated")?;
    ensure!(stopped <= under.came, "{stopped} INVITEs were stopped of {}", under.came);
    daemon.stop()?;
    drop((sbc, ground));
    under.add(report, "behind ani", true);

    let pass = Program::trivial(Action::Pass)?;
    for (what, screening) in [("with kamailio's htable", true), ("without either", false)] {
        let ground = Ground::new()?;
        let screen = Screen::new(&ground.lab, &[&format!("+{BLOCKED}")]);
        let _sbc = if screening {
            Sbc::start_screening(&ground.lab, &screen)?
        } else {
            Sbc::start(&ground.lab)?
        };
        let (_link, _poller) = ground.attach(|index| pass.attach(index))?;
        Under::new(&ground)?.add(report, what, false);
    }
    Ok(())
}

/// What became of the calls under the flood.
struct Under {
    outcome: Outcome,
    /// Frames that came to the SBC's interface, and in what time.
    came: u64,
    took: Duration,
}

impl Under {
    /// Places the calls.
    fn new(ground: &Ground) -> Result<Self> {
        let generator = ground.generator(BLOCKED, true)?;
        let callers = (0..100).map(|number| format!("+1202555{number:04}")).collect();
        let plan = Plan::new(Callers::Numbers(callers), CALLS, CALLS_PER_SECOND);
        let before = ground.received_now()?;
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let flood = scope.spawn(|| {
                let pace = Pace::PerSecond(PER_SECOND);
                let took = ground.send(&generator, pace, |_| !ended.load(Ordering::Relaxed))?;
                Ok::<_, anyhow::Error>((ground.received_now()? - before, took))
            });
            let outcome = Uac::start(&ground.lab, &plan).and_then(Uac::finish);
            ended.store(true, Ordering::Relaxed);
            let (came, took) = flood.join().ok().context("the generator panicked")??;
            Ok(Self { outcome: outcome?, came, took })
        })
    }

    /// Says it; with `judged` all calls should complete, and the flood have come.
    fn add(&self, report: &mut Report, what: &str, judged: bool) {
        let target = judged.then_some(("all", self.outcome.all_completed(CALLS)));
        let case = format!("calls completed {what}");
        report.add(Case::count(GROUP, &case, self.outcome.completed, CALLS.into(), target));
        let case = format!("requests sent again {what}");
        let (again, requests) = (self.outcome.retransmitted, 2 * u64::from(CALLS));
        report.add(Case::count(GROUP, &case, again, requests, None));
        let rate = u128::from(self.came) * 1_000_000_000 / self.took.as_nanos().max(1);
        let enough = rate * 100 >= u128::from(PER_SECOND) * u128::from(CAME_PERCENT);
        let target = judged.then_some(("at least 95 %", enough));
        let case = format!("flood a second {what}");
        report.add(Case::count(GROUP, &case, rate as u64, PER_SECOND.into(), target));
    }
}
