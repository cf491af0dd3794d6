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
    },
    time::Duration,
};

use sd_notify::NotifyState;
use tokio::time::{self, Interval, MissedTickBehavior};

/// How many signs of life fit into the time after which the watchdog ends the daemon.
const SIGNS: u32 = 3;

/// The daemon is at work; `how` is what `systemctl status` shows of it.
pub(super) fn ready(how: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(how)]);
}

/// It reads its configuration again; [`ready`] says when it has.
pub(super) fn reloading() {
    let mut states = vec![NotifyState::Reloading];
    // What a manager that waits for the end of it wants to know (systemd 253).
    states.extend(NotifyState::monotonic_usec_now().ok());
    tell(&states);
}

/// It ends.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("cannot tell the service manager: {error}");
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
    /// Each with the turns it had made when it was looked at last.
    threads: Vec<(Pulse, u64)>,
}

impl Watchdog {
    /// As the environment asks for it (`WATCHDOG_USEC`).
    pub(super) fn new(threads: impl IntoIterator<Item = Pulse>) -> Self {
        Self::every(sd_notify::watchdog_enabled(), threads)
    }

    fn every(patience: Option<Duration>, threads: impl IntoIterator<Item = Pulse>) -> Self {
        let period = patience.map(|patience| patience / SIGNS).filter(|period| !period.is_zero());
        let period = period.map(|period| {
            let mut period = time::interval(period);
            period.set_missed_tick_behavior(MissedTickBehavior::Delay);
            period
        });
        Self { period, threads: threads.into_iter().map(|pulse| (pulse, 0)).collect() }
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
                None => tell(&[NotifyState::Watchdog]),
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
}
