//! The thread that runs frames through the pipeline.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::{
    capture::queue::Reader,
    config::Config,
    control::Daemon,
    pipeline::Pipeline,
    policy::memory::Memory,
    telemetry::{Loss, Losses, Telemetry},
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
    queue: Reader,
    pipeline: Pipeline,
    telemetry: Arc<Telemetry>,
    losses: Arc<Losses>,
    mailbox: Arc<Mailbox>,
}

impl Worker {
    pub(super) fn new(queue: Reader, daemon: &Daemon, mailbox: Arc<Mailbox>) -> Self {
        let config = daemon.config();
        let rules = Arc::new(Memory::new(&config));
        Self {
            queue,
            pipeline: Pipeline::new(config, rules),
            telemetry: Arc::clone(&daemon.telemetry),
            losses: Arc::clone(&daemon.losses),
            mailbox,
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
            while let Some(frame) = self.queue.pop() {
                any = true;
                let Some(frame) = frame else {
                    self.losses.add(Loss::Record);
                    continue;
                };
                match self.pipeline.frame(&frame) {
                    Some(invite) => self.telemetry.record(&invite),
                    None => self.losses.add(Loss::Message),
                }
            }
            if last {
                return;
            }
            if !any {
                thread::park_timeout(PARK);
            }
        }
    }
}
