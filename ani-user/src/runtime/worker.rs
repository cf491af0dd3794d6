//! The thread that runs frames through the pipeline.

use std::{
    convert::Infallible,
    ops::ControlFlow,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::Receiver,
    },
    thread,
    time::{Duration, Instant},
};

use super::{holding::Holding, judged::Judged};
use crate::{
    act::{held::Table, release::Release},
    answer::Transmit,
    capture::{
        Hold as Held, Source,
        clock::{Clock, Settings},
    },
    config::{self, Config},
    control::{Daemon, Watch},
    invite::Invite,
    kernel::hold::Hold,
    pipeline::{Pipeline, Verifier},
    policy::memory::Memory,
    telemetry::{Tallies, Tally, Telemetry},
};

/// How long the worker sleeps when nobody wakes it.
const PARK: Duration = Duration::from_millis(100);

/// Frames taken from one source before the next has its turn: none waits for another's flood.
const TURN: usize = 256;

/// A source of what has come by now.
pub(super) type Live = Box<dyn Source<Error = Infallible> + Send>;

/// Where a changed configuration waits for the worker.
#[derive(Default)]
pub(super) struct Mailbox {
    /// Looked at before each turn; the lock only when it says so.
    full: AtomicBool,
    config: Mutex<Option<Arc<Config>>>,
}

impl Mailbox {
    pub(super) fn put(&self, config: Arc<Config>) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Some(config);
        self.full.store(true, Ordering::Release);
    }

    fn take(&self) -> Option<Arc<Config>> {
        if !self.full.swap(false, Ordering::Acquire) {
            return None;
        }
        self.config.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Takes frames out of its sources and puts what they say into the telemetry.
pub(super) struct Worker {
    sources: Vec<Live>,
    pipeline: Pipeline,
    told: Told,
    mailbox: Arc<Mailbox>,
    clock: Clock,
    set: Settings,
    turns: Arc<AtomicU64>,
    /// None where nothing can be held.
    holding: Option<Holding>,
}

/// Who is told of each INVITE.
pub(super) struct Told {
    telemetry: Arc<Telemetry>,
    breaker: Arc<Watch>,
    tallies: Arc<Tallies>,
    /// What answers go out by; none where the system does not let them.
    wire: Option<Box<dyn Transmit>>,
}

impl Told {
    pub(super) fn of(&self, invite: &Invite<'_>) {
        // First of all: somebody waits for it.
        self.answer(invite);
        self.telemetry.record(invite);
        if let Some(attempt) = &invite.attempt {
            self.breaker.saw(attempt, invite.ts);
        }
    }

    fn answer(&self, invite: &Invite<'_>) {
        let Some(reply) = &invite.reply else { return };
        let sent = match (&self.wire, &reply.wire) {
            (Some(socket), Some(wire)) => socket.transmit(wire).is_ok(),
            _ => false,
        };
        self.tallies.add(if sent { Tally::AnswersSent } else { Tally::AnswersUnsent });
    }
}

impl Worker {
    /// `turns` is counted up each time it comes round.
    pub(super) fn new(
        sources: Vec<Live>,
        daemon: &Daemon,
        mailbox: Arc<Mailbox>,
        verifier: Option<Box<dyn Verifier>>,
        turns: Arc<AtomicU64>,
    ) -> Self {
        let config = daemon.config();
        let clock = Clock::new();
        let rules = Arc::new(Memory::new(&config));
        let mut pipeline =
            Pipeline::new(config, rules, Arc::clone(&daemon.tallies)).listed_by(daemon.enforce());
        pipeline = pipeline.answering(daemon.answers());
        pipeline = pipeline.timed_by(Box::new(Arc::clone(&daemon.telemetry)));
        if let Some(verifier) = verifier {
            pipeline = pipeline.verifying(verifier);
        }
        Self {
            sources,
            pipeline,
            told: Told {
                telemetry: Arc::clone(&daemon.telemetry),
                breaker: Arc::clone(&daemon.breaker),
                tallies: Arc::clone(&daemon.tallies),
                wire: None,
            },
            mailbox,
            clock,
            set: Settings::new(&clock),
            turns,
            holding: None,
        }
    }

    /// The same for a program whose held calls are decided here; `read` is counted up by the thread
    /// that reads the rings, `judged` is what comes of signatures.
    #[must_use]
    pub(super) fn holding(
        mut self,
        kernel: Arc<Hold>,
        config: &config::Hold,
        tallies: Arc<Tallies>,
        read: Arc<AtomicU64>,
        judged: Receiver<Judged>,
    ) -> Self {
        let way: Arc<dyn Release> = Arc::clone(&kernel) as _;
        let table = Table::new(config, way, tallies);
        self.holding = Some(Holding { table, kernel, judged, read, seen: u64::MAX, beaten: None });
        self
    }

    /// The same with somebody who sends answers.
    #[must_use]
    pub(super) fn sending(mut self, wire: Option<Box<dyn Transmit>>) -> Self {
        self.told.wire = wire;
        self
    }

    /// Works until `stop` is set and nothing is left.
    pub(super) fn run(mut self, stop: &AtomicBool) {
        loop {
            self.turns.fetch_add(1, Ordering::Relaxed);
            // Read before the sources: what was there before the stop is still worked on.
            let last = stop.load(Ordering::Relaxed);
            if let Some(config) = self.mailbox.take() {
                let rules = Arc::new(Memory::new(&config));
                if let Some(holding) = &mut self.holding {
                    holding.reconfigure(&config.hold);
                }
                self.pipeline.reconfigure(config, rules);
            }
            if self.set.changed(&self.clock) {
                tracing::warn!(
                    "the clock was set: until a signer agrees with it, no call is refused for its age"
                );
                self.told.telemetry.clock_was_set();
            }
            if let Some(holding) = &mut self.holding {
                holding.go_on(&mut self.pipeline, &self.told);
                if !last {
                    holding.beat(self.clock.monotonic().0, Instant::now());
                }
            }
            if self.turn() {
                continue;
            }
            if last {
                let Self { mut pipeline, told, holding, .. } = self;
                match holding {
                    Some(mut holding) => {
                        pipeline.finish(&mut |invite| holding.settle(&invite, &told));
                        holding.end();
                    }
                    None => pipeline.finish(&mut |invite| told.of(&invite)),
                }
                return;
            }
            let Self { pipeline, told, clock, holding, .. } = &mut self;
            pipeline.expire(clock.now(), &mut |invite| told.of(&invite));
            let due = holding.as_ref().and_then(Holding::next_due);
            let due = due.map(|due| due.saturating_duration_since(Instant::now()));
            thread::park_timeout(due.map_or(PARK, |due| due.min(PARK)));
        }
    }

    /// One turn of every source; whether there was anything.
    fn turn(&mut self) -> bool {
        let Self { sources, pipeline, told, clock, holding, .. } = self;
        let mut any = false;
        for source in sources {
            let mut left = TURN;
            let Ok(()) = source.frames(&mut |frame| {
                any = true;
                match holding {
                    Some(holding) => {
                        let age = |held: &Held| {
                            let age = clock.monotonic().0.saturating_sub(held.seen_ns);
                            Duration::from_nanos(age)
                        };
                        holding.frame(frame, age, pipeline, told);
                    }
                    None => pipeline.frame(frame, &mut |invite| told.of(&invite)),
                }
                left = left.saturating_sub(1);
                if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        }
        any
    }
}

#[cfg(test)]
mod tests;
