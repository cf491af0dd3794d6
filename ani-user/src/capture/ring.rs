//! The kernel's ring buffers, one for each CPU, read by a thread of its own.
//!
//! A wake-up costs the kernel as much as ten INVITEs, so it wakes the reader only when asked. While
//! INVITEs come the reader looks by itself every [`NAP`]; after [`NAPS`] looks in vain it sets the
//! flag, looks once more, and sleeps until the next record wakes it. A record that is written just
//! between the last look and the flag waits for [`SLEEP_MS`] at most.
//!
//! A held INVITE is waited for: after one it has itself woken at once as soon as it has read all, for
//! [`EAGER_WAITS`] times [`EAGER_MS`]. While more come than it can read it does not sleep, and costs the
//! kernel nothing.

/// The rings of all CPUs, read as one.
pub mod rings;
/// Their records on their way to the worker, and the frames in them.
pub mod records;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use anyhow::Result;

use self::{records::Writer, rings::Rings};
use super::clock::Clock;
use crate::kernel::maps::ReaderAsleep;

/// Time between two looks while INVITEs come.
const NAP: Duration = Duration::from_micros(200);

/// Looks in vain before the reader sleeps.
const NAPS: u32 = 10;

/// Longest sleep, milliseconds; the reader also looks then whether it is to end.
const SLEEP_MS: libc::c_int = 100;

/// Longest sleep after a held INVITE, milliseconds, and how many of them there are.
const EAGER_MS: libc::c_int = 1;
const EAGER_WAITS: u32 = 50;

/// Records handed on before the worker is told, and the clocks are compared again.
const BATCH: usize = 256;

/// The reader and where it takes the records.
pub struct RingReader {
    /// The rings.
    pub rings: Rings,
    /// Set before it sleeps.
    pub asleep: ReaderAsleep,
    /// To the worker.
    pub records: Writer,
    /// Told when there is something for it.
    pub worker: Thread,
    /// Makes the records' times the time of day.
    pub clock: Clock,
    /// Counted up each time it has looked.
    pub turns: Arc<AtomicU64>,
    /// How often yet it has itself woken at once.
    pub eager: u32,
}

impl RingReader {
    /// Reads until `stop` is set, and then what is still there.
    ///
    /// # Errors
    ///
    /// When the flag cannot be written: the kernel would no longer wake the reader.
    pub fn run(mut self, stop: &AtomicBool) -> Result<()> {
        let mut naps = 0;
        while !stop.load(Ordering::Relaxed) {
            if self.drain() {
                naps = 0;
            } else if self.eager > 0 {
                self.eager -= 1;
                self.sleep(EAGER_MS)?;
            } else if naps < NAPS {
                naps += 1;
                thread::sleep(NAP);
            } else {
                self.sleep(SLEEP_MS)?;
                naps = 0;
            }
        }
        self.drain();
        Ok(())
    }

    /// Sleeps until a record comes, for so many milliseconds at most.
    fn sleep(&mut self, most_ms: libc::c_int) -> Result<()> {
        self.asleep.set(true)?;
        if !self.drain() {
            self.rings.wait(most_ms);
        }
        self.asleep.set(false)
    }

    /// Hands on what is there; whether anything was.
    fn drain(&mut self) -> bool {
        let mut any = false;
        loop {
            self.turns.fetch_add(1, Ordering::Relaxed);
            let (now_ns, offset) = self.clock.monotonic();
            let (records, eager) = (&mut self.records, &mut self.eager);
            let handed = self.rings.read(now_ns, BATCH, |record| {
                if records.push(record, offset) {
                    *eager = EAGER_WAITS;
                }
            });
            if handed == 0 {
                return any;
            }
            any = true;
            self.worker.unpark();
        }
    }
}
