//! The daemon's reader of the ring, and behind it one that looks at every record.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use ani_user::{
    capture::{
        Content, Source as _,
        clock::Clock,
        ring::{RingReader, records},
    },
    telemetry::Tallies,
};
use anyhow::{Result, anyhow};
use nix::unistd::Pid;

use super::{ani::Ani, cpu, ground::SENDING};
use crate::pin;

/// How long the one behind waits when it is not told.
const NAP: Duration = Duration::from_millis(1);

/// Both, until they are stopped.
pub(crate) struct Reader {
    stop: Arc<AtomicBool>,
    seen: Arc<AtomicU64>,
    reader: JoinHandle<Result<()>>,
    worker: JoinHandle<()>,
}

impl Reader {
    /// Starts them.
    pub(crate) fn start(ani: &Ani) -> Result<Self> {
        let (rings, asleep) = ani.rings()?;
        let (writer, mut frames) = records::queue(Arc::<Tallies>::default());
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(AtomicU64::new(0));
        let worker = {
            let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
            thread::spawn(move || {
                take_place();
                while !stop.load(Ordering::Relaxed) {
                    let Ok(()) = frames.frames(&mut |frame| {
                        // Something of each: what nobody looks at need not be there.
                        let Content::Link { bytes, .. } = frame.content else {
                            return ControlFlow::Continue(());
                        };
                        seen.fetch_add(u64::from(!bytes.is_empty()), Ordering::Relaxed);
                        ControlFlow::Continue(())
                    });
                    thread::park_timeout(NAP);
                }
            })
        };
        let reader = RingReader {
            rings,
            asleep,
            records: writer,
            worker: worker.thread().clone(),
            clock: Clock::new(),
            turns: Arc::default(),
            eager: 0,
        };
        let reader = {
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                take_place();
                reader.run(&stop)
            })
        };
        Ok(Self { stop, seen, reader, worker })
    }

    /// Ends both; how many records came out behind them.
    pub(crate) fn finish(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.reader.join().map_err(|_| anyhow!("the ring's reader panicked"))??;
        self.worker.join().map_err(|_| anyhow!("the records' reader panicked"))?;
        Ok(self.seen.load(Ordering::Relaxed))
    }
}

/// On the generator's CPU, before it: the receiver has the other.
fn take_place() {
    pin(SENDING);
    // Where it is not allowed records are lost, and that is said.
    let _refused = cpu::put_first(Pid::from_raw(0), cpu::READER);
}
