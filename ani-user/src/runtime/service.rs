//! What a service manager is told (sd_notify(3)): that the daemon is at work, reads its configuration
//! again, ends; and, as often as its watchdog asks, that every thread goes on.
//!
//! Without one (no `NOTIFY_SOCKET` in the environment) nothing is told to anybody.

use std::{
    io,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use sd_notify::NotifyState;
use tokio::time::{self, Interval, MissedTickBehavior};

/// How many signs of life fit into the time after which the watchdog ends the daemon.
const SIGNS: u32 = 3;

/// What waits to be told, at most: the manager's socket takes ten more (`net.unix.max_dgram_qlen`).
const MAX_UNTOLD: usize = 16;

/// The service manager. Telling it makes nobody wait: while it does not read, the kernel lets whoever
/// sends wait, so a thread of its own sends.
#[derive(Clone)]
pub(super) struct Manager(Option<SyncSender<String>>);

impl Manager {
    /// The one of the environment (`NOTIFY_SOCKET`).
    ///
    /// # Errors
    ///
    /// When the system refuses a thread.
    pub(super) fn new() -> io::Result<Self> {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Self(None));
        }
        Self::by(|states| sd_notify::notify(&[NotifyState::Custom(states)]))
    }

    fn by(send: impl Fn(&str) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (tell, told) = sync_channel::<String>(MAX_UNTOLD);
        let work = move || {
            for states in told {
                if let Err(error) = send(&states) {
                    tracing::warn!("cannot tell the service manager: {error}");
                }
            }
        };
        thread::Builder::new().name("ani-notify".into()).spawn(work)?;
        Ok(Self(Some(tell)))
    }

    /// The daemon is at work; `how` is what `systemctl status` shows of it.
    pub(super) fn ready(&self, how: &str) {
        self.tell(&[NotifyState::Ready, NotifyState::Status(how)]);
    }

    /// It reads its configuration again; [`Manager::ready`] says when it has.
    pub(super) fn reloading(&self) {
        let mut states = vec![NotifyState::Reloading];
        // What a manager that waits for the end of it wants to know (systemd 253).
        states.extend(NotifyState::monotonic_usec_now().ok());
        self.tell(&states);
    }

    /// It ends.
    pub(super) fn stopping(&self) {
        self.tell(&[NotifyState::Stopping]);
    }

    fn tell(&self, states: &[NotifyState<'_>]) {
        let Some(tell) = &self.0 else { return };
        let states: Vec<_> = states.iter().map(ToString::to_string).collect();
        if tell.try_send(states.join("\n")).is_err() {
            tracing::warn!("the service manager does not read what it is told");
        }
    }
}

/// A thread and how often it came round.
pub(super) struct Pulse {
    pub(super) thread: &'static str,
    pub(super) turns: Arc<AtomicU64>,
}

/// Says that all goes on, as long as it does.
pub(super) struct Watchdog {
    /// None where nobody watches.
    period: Option<Interval>,
    manager: Manager,
    /// Each with the turns it had made when it was looked at last.
    threads: Vec<(Pulse, u64)>,
}

impl Watchdog {
    /// As the environment asks for it (`WATCHDOG_USEC`).
    pub(super) fn new(manager: Manager, threads: impl IntoIterator<Item = Pulse>) -> Self {
        Self::every(sd_notify::watchdog_enabled(), manager, threads)
    }

    fn every(
        patience: Option<Duration>,
        manager: Manager,
        threads: impl IntoIterator<Item = Pulse>,
    ) -> Self {
        let period = patience.map(|patience| patience / SIGNS).filter(|period| !period.is_zero());
        let period = period.map(|period| {
            let mut period = time::interval(period);
            period.set_missed_tick_behavior(MissedTickBehavior::Delay);
            period
        });
        let threads = threads.into_iter().map(|pulse| (pulse, 0)).collect();
        Self { period, manager, threads }
    }

    /// Gives a sign of life each time that every thread has moved since the last, until `ended` is ready.
    pub(super) async fn watch(mut self, ended: impl Future<Output = ()> + Send) -> io::Result<()> {
        let Some(mut period) = self.period.take() else { return Ok(()) };
        let mut ended = pin!(ended);
        loop {
            tokio::select! {
                () = &mut ended => return Ok(()),
                _ = period.tick() => {}
            }
            match self.stuck() {
                None => self.manager.tell(&[NotifyState::Watchdog]),
                Some(thread) => tracing::error!(
                    "the thread {thread} does not move: the service manager is given no sign of life"
                ),
            }
        }
    }

    /// A thread that has not moved since this was asked last.
    fn stuck(&mut self) -> Option<&'static str> {
        let mut stuck = None;
        for (pulse, seen) in &mut self.threads {
            let turns = pulse.turns.load(Ordering::Relaxed);
            if turns == *seen {
                stuck = Some(pulse.thread);
            }
            *seen = turns;
        }
        stuck
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_does_not_move_is_told() {
        let turns = [1, 1].map(|turns| Arc::new(AtomicU64::new(turns)));
        let pulses = ["one", "other"].into_iter().zip(&turns);
        let mut watchdog = Watchdog::every(
            None,
            Manager(None),
            pulses.map(|(thread, turns)| Pulse { thread, turns: Arc::clone(turns) }),
        );
        assert_eq!(watchdog.stuck(), None);
        turns[0].fetch_add(1, Ordering::Relaxed);
        assert_eq!(watchdog.stuck(), Some("other"));
        turns[0].fetch_add(1, Ordering::Relaxed);
        turns[1].fetch_add(1, Ordering::Relaxed);
        assert_eq!(watchdog.stuck(), None);
        assert!(watchdog.period.is_none());
    }

    #[test]
    fn a_manager_that_does_not_read_makes_nobody_wait() {
        let (begun, first) = sync_channel(1);
        let (read, reads) = sync_channel::<()>(0);
        let (seen, told) = std::sync::mpsc::channel();
        let manager = Manager::by(move |states| {
            let _full = begun.try_send(());
            reads.recv().map_err(io::Error::other)?;
            seen.send(states.to_owned()).map_err(io::Error::other)
        });
        let manager = manager.expect("a thread");
        manager.ready("at work");
        first.recv().expect("it is being told");
        for _ in 0..2 * MAX_UNTOLD {
            manager.stopping();
        }
        for _ in 0..=MAX_UNTOLD {
            read.send(()).expect("somebody waits");
        }
        drop(read);
        let told: Vec<_> = told.iter().take(1 + MAX_UNTOLD).collect();
        assert_eq!(told[0], "READY=1\nSTATUS=at work");
        assert!(told[1..].iter().all(|told| told == "STOPPING=1"), "{told:?}");
        drop(manager);
    }
}
