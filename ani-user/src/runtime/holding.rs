//! Calls that the worker holds: kept, decided by the pipeline, released or let die; and the sign of life
//! as long as more can be.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::Receiver,
    },
    time::{Duration, Instant},
};

use super::{judged::Judged, worker::Told};
use crate::{
    act::held::Table,
    capture::{Frame, Hold as Held},
    config,
    invite::{HeldAs, Invite},
    kernel::hold::Hold,
    pipeline::Pipeline,
    policy::Verdict,
    telemetry::Tally,
};

/// Time between two signs of life.
const BEAT: Duration = Duration::from_millis(100);

/// Calls that are held, and whether more can be.
pub(super) struct Holding {
    pub(super) table: Table,
    pub(super) kernel: Arc<Hold>,
    /// What came of signatures.
    pub(super) judged: Receiver<Judged>,
    /// How often the thread came round that reads the rings, now and when the last sign of life was
    /// given: the first is given at once, before there are packets.
    pub(super) read: Arc<AtomicU64>,
    pub(super) seen: u64,
    /// When that was.
    pub(super) beaten: Option<Instant>,
}

impl Holding {
    /// Takes another configuration.
    pub(super) fn reconfigure(&mut self, config: &config::Hold) {
        self.table.reconfigure(config);
    }

    /// Says to the program that held calls are decided, as long as both threads go on and frames can be
    /// released.
    pub(super) fn beat(&mut self, now_ns: u64, now: Instant) {
        if self.beaten.is_some_and(|at| now < at + BEAT) {
            return;
        }
        let read = self.read.load(Ordering::Relaxed);
        if read != self.seen && self.table.is_open(now) {
            self.seen = read;
            self.beaten = Some(now);
            if let Err(error) = self.kernel.beat(now_ns) {
                tracing::error!("INVITEs that are not plain pass undecided: {error:#}");
            }
        }
    }

    /// Puts a frame through the pipeline; `age` is how long ago the program looked at a held one.
    pub(super) fn frame(
        &mut self,
        frame: &Frame<'_>,
        age: impl FnOnce(&Held) -> Duration,
        pipeline: &mut Pipeline,
        told: &Told,
    ) {
        let now = Instant::now();
        let held = frame.kernel.and_then(|view| view.held);
        match held {
            Some(held) => {
                let frame = self.table.keep(frame, age(&held), now);
                pipeline.frame(&frame, &mut |invite| self.settle(&invite, told));
            }
            // The rest of one in fragments may say what becomes of the first.
            None => pipeline.frame(frame, &mut |invite| self.settle(&invite, told)),
        }
        // No INVITE, or the start of none.
        for hold in pipeline.let_go() {
            self.table.release(&hold, Tally::HeldUnread, now);
        }
        for hold in pipeline.begun() {
            self.table.wait(&hold, now);
        }
        if let Some(held) = held {
            self.table.undecided(&held, now);
        }
    }

    /// Goes on with calls whose signatures were verified, and with those that can wait no longer.
    pub(super) fn go_on(&mut self, pipeline: &mut Pipeline, told: &Told) {
        while let Ok((key, judgement)) = self.judged.try_recv() {
            pipeline.judged(key, &judgement, &mut |invite| self.settle(&invite, told));
        }
        for number in self.table.expire(Instant::now()) {
            pipeline.late(number, &mut |invite| self.settle(&invite, told));
        }
    }

    /// Lets the frame of a call go on or not, first of all.
    pub(super) fn settle(&mut self, invite: &Invite<'_>, told: &Told) {
        if let (Some(hold), Some(held)) = (&invite.hold, invite.held) {
            let now = Instant::now();
            match (held, invite.verdict) {
                (HeldAs::Decided, Verdict::Drop | Verdict::Answer) => {
                    self.table.stop(hold, Tally::HeldStopped);
                }
                (HeldAs::Decided, Verdict::Pass) => {
                    self.table.release(hold, Tally::HeldReleased, now);
                }
                (HeldAs::Repeated, _) => self.table.stop(hold, Tally::HeldRepeated),
                (HeldAs::Late, _) => self.table.release(hold, Tally::HeldLate, now),
                (HeldAs::Full, _) => self.table.release(hold, Tally::HeldFull, now),
                (HeldAs::Failed | HeldAs::Old, _) => {
                    self.table.release(hold, Tally::HeldUnread, now);
                }
            }
        }
        told.of(invite);
    }

    /// When somebody has to look again.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.table.next_due()
    }

    /// No more are held, and those that are go on.
    pub(super) fn end(&mut self) {
        if let Err(error) = self.kernel.beat(0) {
            tracing::error!("{error:#}");
        }
        self.table.finish(Instant::now());
    }
}
