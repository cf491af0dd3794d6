//! Lab, SBC and daemon together.

use std::{path::Path, sync::OnceLock, time::Duration};

use xtask::{
    lab::{
        Lab,
        daemon::{Daemon, Settings},
        sbc::Sbc,
        uac::{self, Callers, Outcome, Plan},
    },
    preflight,
    workspace::{self, Profile},
};

/// How long one who will get no answer waits for it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// How soon something has to come true that is not in force at once.
pub(crate) const SETTLE: Duration = Duration::from_secs(5);

/// A running lab; ended in the order of the fields.
pub(crate) struct Rig {
    pub(crate) daemon: Daemon,
    pub(crate) sbc: Sbc,
    pub(crate) lab: Lab,
}

/// `ani`, built once for all tests.
pub(crate) fn ani() -> &'static Path {
    static ANI: OnceLock<std::path::PathBuf> = OnceLock::new();
    ANI.get_or_init(|| {
        preflight::network("test").expect("a machine that can run the lab");
        let profile = if cfg!(debug_assertions) { Profile::Dev } else { Profile::Release };
        workspace::build_ani(profile).expect("ani")
    })
}

impl Rig {
    pub(crate) fn start(settings: &Settings) -> Self {
        let ani = ani();
        let lab = Lab::new().expect("lab");
        let sbc = Sbc::start(&lab).expect("SBC");
        let daemon = Daemon::start(&lab, ani, settings).expect("daemon");
        Self { daemon, sbc, lab }
    }

    /// A rig whose callers may place so many calls; none come back while a test runs.
    pub(crate) fn with_budget(calls: u32) -> Self {
        Self::start(&Settings { per_caller: Some((calls, "10m")), ..Settings::default() })
    }

    /// The same rig with the daemon ended and started again.
    pub(crate) fn restarted(self, settings: &Settings) -> Self {
        let Self { daemon, sbc, lab } = self;
        daemon.stop().expect("a clean end");
        let daemon = Daemon::start(&lab, ani(), settings).expect("daemon");
        Self { daemon, sbc, lab }
    }

    pub(crate) fn call(&self, plan: &Plan) -> Outcome {
        uac::call(&self.lab, plan).expect("calls")
    }

    /// How many INVITEs of a caller reached the SBC.
    pub(crate) fn received(&self, caller: &str) -> usize {
        let callers = self.sbc.received_by_caller().expect("the SBC's log");
        callers.get(caller).copied().unwrap_or(0)
    }

    /// Places calls that are to complete.
    pub(crate) fn assert_reachable(&self, caller: &str) {
        let outcome = self.call(&Plan::new(Callers::one(caller), 2, 4));
        assert!(outcome.all_completed(2), "{caller}: {outcome:?}");
    }

    /// Places calls that are to end at the NIC, retransmissions and all.
    pub(crate) fn assert_stopped(&self, caller: &str) {
        let before = self.received(caller);
        let outcome = self.call(&impatient(caller, 2));
        assert_eq!((outcome.placed, outcome.completed), (2, 0), "{caller}: {outcome:?}");
        assert!(outcome.retransmitted > 0, "{caller}: the calls were not sent again: {outcome:?}");
        assert_eq!(self.received(caller), before, "{caller}: an INVITE reached the SBC");
    }
}

/// Calls sent again until the caller gives up.
pub(crate) fn impatient(caller: &str, calls: u32) -> Plan {
    Plan { answer_within: PATIENCE, ..Plan::new(Callers::one(caller), calls, 4) }
}
