//! A disturbance, and what has to be true of the calls then.

use std::{thread::sleep, time::Duration};

use serde_json::Value;
use xtask::lab::{disturbance::Row, uac::Outcome};

use super::load::{BLOCKED, BLOCKED_TWICE, Load};
use crate::rig::Rig;

/// Calls have got going.
pub(super) const UNDER_WAY: Duration = Duration::from_millis(500);

/// A disturbance.
pub(super) struct Case {
    pub(super) what: &'static str,
    /// Whether a daemon is there all the while that decides what is held.
    pub(super) holds: bool,
    /// Whether it is done once, and not for as long as calls are placed.
    pub(super) once: bool,
    /// How many there are who call.
    pub(super) callers: usize,
    /// Bytes that INVITEs which are not plain are longer by.
    pub(super) padding: usize,
}

impl Case {
    pub(super) const fn new(what: &'static str) -> Self {
        Self { what, holds: false, once: false, callers: 20, padding: 0 }
    }

    pub(super) const fn holding(what: &'static str) -> Self {
        Self { holds: true, ..Self::new(what) }
    }

    /// Places calls, disturbs them as long as they are placed, and looks what became of them. `counted` are
    /// counters that are shown; the first says that the disturbance took effect.
    pub(super) fn run(
        &self,
        rig: &mut Rig,
        counted: &[&str],
        mut disturb: impl FnMut(&mut Rig, u32),
    ) -> Row {
        let what = self.what;
        let load = Load::start(&rig.lab, self.callers, self.padding);
        sleep(UNDER_WAY);
        let mut times = 0;
        while times == 0 || !(load.left().is_zero() || self.once) {
            disturb(rig, times);
            times += 1;
        }
        sleep(load.left());
        let outcomes = load.finish();
        for calls in outcomes.honest {
            let all = calls.placed > 0 && calls.completed == calls.placed && calls.failed == 0;
            assert!(all, "{what}: honest: {calls:?}");
        }
        let sent = outcomes.blocked.map(|calls| calls.placed + calls.retransmitted);
        let [plain, not_plain] = [BLOCKED, BLOCKED_TWICE].map(|caller| rig.received(caller) as u64);
        assert_eq!(plain, 0, "{what}: blocked INVITEs at the SBC: {}", told(rig));
        if self.holds {
            assert_eq!(not_plain, 0, "{what}: the same, not plain: {}", told(rig));
        }
        for name in [counted[0], "held", "dropped_blocked"] {
            assert!(count(rig, name) > 0, "{what}: no `{name}`: {}", told(rig));
        }
        let all = |of: fn(&Outcome) -> u64| outcomes.honest.iter().map(of).sum();
        let [placed, completed, again] = [
            all(|calls| calls.placed),
            all(|calls| calls.completed),
            all(|calls| calls.retransmitted),
        ];
        let received = rig.sbc.received().expect("the SBC's log").len() as u64 - plain - not_plain;
        assert!(received <= placed + again, "{what}: {received} honest INVITEs at the SBC");
        let counted: Vec<_> =
            counted.iter().map(|name| format!("{name} {}", count(rig, name))).collect();
        Row {
            what,
            times,
            took: outcomes.took,
            per_second: all(|calls| calls.per_second),
            honest: [placed, completed],
            again,
            plain: [sent[0], plain],
            not_plain: [sent[1], not_plain],
            counted: counted.join(", "),
        }
    }
}

/// A counter of the program or of the daemon.
pub(super) fn count(rig: &Rig, name: &str) -> u64 {
    rig.daemon.counter(name).or_else(|_| rig.daemon.tally(name)).expect("a counter")
}

pub(super) fn told(rig: &Rig) -> Value {
    rig.daemon.status().expect("status")
}
