//! The clocks, and what they make of the kernel's.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

/// The time of day, and the monotonic clock that the XDP program reads.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose uptime begins now.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Timestamp(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
    }

    /// How long it has been one, whatever is done to the time of day.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// What is added to CLOCK_MONOTONIC nanoseconds to make them the time of day; changes when the
    /// time of day is set.
    pub fn offset(&self) -> i64 {
        self.monotonic().1
    }

    /// CLOCK_MONOTONIC, nanoseconds, and [`Self::offset`].
    pub fn monotonic(&self) -> (u64, i64) {
        let now_ns = monotonic_ns();
        (now_ns, self.now().0.saturating_sub(i64::try_from(now_ns).unwrap_or(i64::MAX)))
    }

    /// CLOCK_MONOTONIC nanoseconds at a time of day, at least 1: 0 means "never" in the kernel.
    pub fn monotonic_at(&self, time: Timestamp) -> u64 {
        u64::try_from(time.0.saturating_sub(self.offset())).unwrap_or(0).max(1)
    }
}

/// Notices that the time of day was set.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// As of the last look.
    offset: i64,
}

/// How far it is set at least, nanoseconds; what keeps clocks in step (NTP) moves them by less.
const SET_NS: u64 = 1_000_000_000;

impl Settings {
    /// From now on.
    pub fn new(clock: &Clock) -> Self {
        Self { offset: clock.offset() }
    }

    /// Whether it was since this was asked last.
    pub fn changed(&mut self, clock: &Clock) -> bool {
        self.is_set_to(clock.offset())
    }

    fn is_set_to(&mut self, offset: i64) -> bool {
        std::mem::replace(&mut self.offset, offset).abs_diff(offset) >= SET_NS
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

/// CLOCK_MONOTONIC, which `bpf_ktime_get_ns` reads too, nanoseconds.
fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on every Linux, and the struct has room for what is written.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_and_back() {
        let clock = Clock::new();
        let later = Timestamp(clock.now().0 + 60_000_000_000);
        let back = clock.monotonic_at(later) as i64 + clock.offset();
        assert!((back - later.0).abs() < 1_000_000_000, "within a second: {}", back - later.0);
        assert_eq!(clock.monotonic_at(Timestamp(0)), 1);
    }

    #[test]
    fn a_clock_that_is_set_is_noticed_and_one_that_is_kept_in_step_is_not() {
        let mut settings = Settings { offset: 0 };
        for (offset, set) in [
            (500_000_000, false),
            (1_400_000_000, false),
            (2_400_000_000, true),
            (2_400_000_000, false),
            (-3_597_600_000_000, true),
        ] {
            assert_eq!(settings.is_set_to(offset), set, "{offset}");
        }
        let clock = Clock::new();
        assert!(!Settings::new(&clock).changed(&clock));
    }
}
