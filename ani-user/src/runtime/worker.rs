//! The thread that runs frames through the pipeline.

use std::{
    ops::ControlFlow,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    capture::{Source as _, clock::Clock, ring::records::Records},
    config::Config,
    control::Daemon,
    pipeline::Pipeline,
    policy::memory::Memory,
    telemetry::Telemetry,
};

/// How long the worker sleeps when nobody wakes it.
const PARK: Duration = Duration::from_millis(100);

/// Where a changed configuration waits for the worker.
#[derive(Default)]
pub(super) struct Mailbox {
    /// Looked at before each frame; the lock only when it says so.
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

/// Takes frames out of the queue and puts what they say into the telemetry.
pub(super) struct Worker {
    records: Records,
    pipeline: Pipeline,
    telemetry: Arc<Telemetry>,
    mailbox: Arc<Mailbox>,
    clock: Clock,
}

impl Worker {
    pub(super) fn new(records: Records, daemon: &Daemon, mailbox: Arc<Mailbox>) -> Self {
        let config = daemon.config();
        let rules = Arc::new(Memory::new(&config));
        Self {
            records,
            pipeline: Pipeline::new(config, rules, Arc::clone(&daemon.tallies)),
            telemetry: Arc::clone(&daemon.telemetry),
            mailbox,
            clock: Clock::new(),
        }
    }

    /// Works until `stop` is set and the queue is empty.
    pub(super) fn run(mut self, stop: &AtomicBool) {
        loop {
            // Read before the queue: what was put there before the stop is still worked on.
            let last = stop.load(Ordering::Relaxed);
            if let Some(config) = self.mailbox.take() {
                let rules = Arc::new(Memory::new(&config));
                self.pipeline.reconfigure(config, rules);
            }
            let mut any = false;
            let Self { records, pipeline, telemetry, clock, .. } = &mut self;
            let Ok(()) = records.frames(&mut |frame| {
                any = true;
                pipeline.frame(frame, &mut |invite| telemetry.record(&invite));
                ControlFlow::Continue(())
            });
            if last {
                pipeline.finish(&mut |invite| telemetry.record(&invite));
                return;
            }
            if !any {
                pipeline.expire(clock.now(), &mut |invite| telemetry.record(&invite));
                thread::park_timeout(PARK);
            }
        }
    }
}
