//! Honest calls through kamailio while blocked callers flood it: with ani before it, with a table of
//! its own, and with nothing.

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

use super::{GROUP, ani::BLOCKED, ground::Ground};
use ani_tests::live::{Action, Program};

use crate::report::{Case, Report};

/// The flood: blocked INVITEs a second, for as long as calls are placed.
const PER_SECOND: u32 = 300_000;

/// Honest calls, and how many of them a second.
const CALLS: u32 = 2_000;
const CALLS_PER_SECOND: u32 = 200;

/// INVITEs of the flood: it begins with the calls and goes on until the last of them has ended.
const INVITES: u32 = PER_SECOND * (CALLS / CALLS_PER_SECOND + 2);

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
    let (outcome, came) = calls(&ground)?;
    let stopped = daemon.counter("dropped_blocked")? + daemon.counter("dropped_repeated")?;
    ensure!(stopped <= came, "{stopped} INVITEs were stopped and {came} frames came");
    daemon.stop()?;
    drop(sbc);
    let target = ("all", outcome.all_completed(CALLS));
    add(report, "calls completed behind ani", &outcome, Some(target));
    let enough = stopped * 100 >= u64::from(INVITES) * CAME_PERCENT;
    let target = ("at least 95 %", enough);
    let case = "blocked INVITEs that came to ani meanwhile";
    report.add(Case::count(GROUP, case, stopped, INVITES.into(), Some(target)));

    let pass = Program::trivial(Action::Pass)?;
    for (case, screening) in [
        ("calls completed with kamailio's htable", true),
        ("calls completed without either", false),
    ] {
        let ground = Ground::new()?;
        let screen = Screen::new(&ground.lab, &[&format!("+{BLOCKED}")]);
        let _sbc = if screening {
            Sbc::start_screening(&ground.lab, &screen)?
        } else {
            Sbc::start(&ground.lab)?
        };
        let (_link, _poller) = ground.attach(|index| pass.attach(index))?;
        let (outcome, _) = calls(&ground)?;
        add(report, case, &outcome, None);
    }
    Ok(())
}

fn add(report: &mut Report, case: &str, outcome: &Outcome, target: Option<(&str, bool)>) {
    report.add(Case::count(GROUP, case, outcome.completed, CALLS.into(), target));
}

/// Places the calls under the flood; what became of them, and the frames that came.
fn calls(ground: &Ground) -> Result<(Outcome, u64)> {
    let generator = ground.generator(BLOCKED, true, Some(PER_SECOND))?;
    let before = ground.received_now()?;
    let callers = (0..100).map(|number| format!("+1202555{number:04}")).collect();
    let plan = Plan::new(Callers::Numbers(callers), CALLS, CALLS_PER_SECOND);
    std::thread::scope(|scope| {
        let flood = scope.spawn(|| ground.send_behind(&generator, INVITES));
        let outcome = Uac::start(&ground.lab, &plan)?.finish()?;
        flood.join().ok().context("the generator panicked")??;
        Ok((outcome, ground.received_now()? - before))
    })
}
