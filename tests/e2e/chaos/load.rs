//! Calls in four sorts: honest and blocked ones, each in a form that the program decides alone and in one
//! that it leaves to the daemon.

use std::time::{Duration, Instant};

use xtask::lab::{
    Lab,
    disturbance::{RATE, SECONDS, number},
    uac::{Callers, Outcome, Plan, Uac},
};

use crate::{hold::TWICE, rig::PATIENCE};

/// Calls only in a form that the program decides.
pub(super) const BLOCKED: &str = "+12015550166";
/// Calls only in a form that the daemon decides.
pub(super) const BLOCKED_TWICE: &str = "+12015550167";

/// Honest calls each second, and how many seconds, where nobody says otherwise: what a machine does beside
/// other tests.
const USUAL_RATE: u32 = 100;
const USUAL_SECONDS: u64 = 2;

/// Of so many honest calls one is in a form that the daemon decides.
const ONE_HELD_OF: u32 = 5;

/// For so many honest calls there is one of each blocked caller.
const ONE_BLOCKED_FOR: u32 = 10;

/// Calls are placed for as long as they have to be; what is done to the daemon never takes so long.
const AT_MOST: u32 = 900;

/// Calls under way.
pub(super) struct Load {
    started: Instant,
    lasts: Duration,
    honest: [Uac; 2],
    blocked: [Uac; 2],
}

/// What became of them; plain ones first.
pub(super) struct Outcomes {
    pub(super) took: Duration,
    pub(super) honest: [Outcome; 2],
    pub(super) blocked: [Outcome; 2],
}

impl Load {
    /// Starts so many callers; INVITEs that are not plain are longer by so many bytes.
    pub(super) fn start(lab: &Lab, callers: usize, padding: usize) -> Self {
        let rate = number(RATE, USUAL_RATE).expect("a rate");
        let (held, blocked) = (rate.div_ceil(ONE_HELD_OF), rate.div_ceil(ONE_BLOCKED_FOR));
        let plan = |callers, rate| Plan::new(callers, rate * AT_MOST, rate);
        let honest = [
            plan(numbers(callers), rate - held),
            plan(numbers(callers), held).with(TWICE).padded(padding),
        ];
        let blocked = [
            plan(Callers::one(BLOCKED), blocked),
            plan(Callers::one(BLOCKED_TWICE), blocked).with(TWICE),
        ];
        let seconds = number(SECONDS, USUAL_SECONDS).expect("a time");
        let start = |plan: Plan| Uac::start(lab, &plan).expect("calls");
        Self {
            started: Instant::now(),
            lasts: Duration::from_secs(seconds),
            honest: honest.map(start),
            blocked: blocked.map(|plan| start(Plan { answer_within: PATIENCE, ..plan })),
        }
    }

    /// How long calls are yet to be placed.
    pub(super) fn left(&self) -> Duration {
        self.lasts.saturating_sub(self.started.elapsed())
    }

    /// Ends the placing of calls, and waits for the last one's end.
    pub(super) fn finish(self) -> Outcomes {
        for calls in self.honest.iter().chain(&self.blocked) {
            calls.enough().expect("calls that were placed until now");
        }
        let took = self.started.elapsed();
        let finish = |calls: Uac| calls.finish().expect("calls");
        Outcomes { took, honest: self.honest.map(finish), blocked: self.blocked.map(finish) }
    }
}

/// Numbers kept for fiction, of many areas; none is a blocked one's.
fn numbers(count: usize) -> Callers {
    let all =
        (202..300).flat_map(|area| (0..100).map(move |last| format!("+1{area}55501{last:02}")));
    Callers::Numbers(all.take(count).collect())
}
