//! How far the clock of this host is from those of the signers: the median of arrival minus `iat` over
//! the last valid PASSporTs. Signers sign in the second of the call, so that many of them together say
//! what time it is.

use std::time::Duration;

use crate::time::Timestamp;

/// Valid PASSporTs the median is over.
pub const SAMPLES: usize = 255;

/// With fewer of them nothing is warned of: a single signer may be wrong itself.
pub const ENOUGH: usize = 20;

/// Further off than this is a clock that somebody should look at. A fraction of the usual
/// `stir.max_age` of 60 s, beyond which calls fail.
pub const LIMIT: Duration = Duration::from_secs(10);

/// How often it is said again.
pub const AGAIN: Duration = Duration::from_secs(3_600);

const NANOS: i64 = 1_000_000_000;

/// What the last valid PASSporTs say of the clock.
#[derive(Debug, Default)]
pub struct Skew {
    /// Arrival minus `iat`, nanoseconds; the oldest gives way.
    samples: Vec<i64>,
    /// Where the next one goes.
    next: usize,
    told: Option<Told>,
}

/// What was said last.
#[derive(Clone, Copy, Debug)]
struct Told {
    at: Timestamp,
    /// 1 when the clock was ahead of the signers', -1 when it was behind.
    sign: i64,
}

/// What somebody should be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Notice {
    /// The clock is off by so many seconds; ahead of the signers' when positive.
    Off(f64),
    /// It was, and is no longer.
    Back(f64),
}

impl Skew {
    /// Takes a valid PASSporT: when its call arrived, and its `iat`.
    pub fn add(&mut self, now: Timestamp, iat: i64) {
        let off = now.0.saturating_sub(iat.saturating_mul(NANOS));
        match self.samples.get_mut(self.next) {
            Some(oldest) => *oldest = off,
            None => self.samples.push(off),
        }
        self.next = (self.next + 1) % SAMPLES;
    }

    /// How many there are, at most [`SAMPLES`].
    pub const fn samples(&self) -> usize {
        self.samples.len()
    }

    /// Arrival minus `iat`, seconds; none without a PASSporT.
    pub fn median(&self) -> Option<f64> {
        self.median_ns().map(|off| off as f64 / NANOS as f64)
    }

    /// What is to be told now: that the clock is off, once and then once an hour, or another way than
    /// before; that it is right again.
    pub fn notice(&mut self, now: Timestamp) -> Option<Notice> {
        let off = self.median_ns().filter(|_| self.samples.len() >= ENOUGH)?;
        let seconds = off as f64 / NANOS as f64;
        if u128::from(off.unsigned_abs()) <= LIMIT.as_nanos() {
            return self.told.take().map(|_| Notice::Back(seconds));
        }
        let sign = off.signum();
        let again = i64::try_from(AGAIN.as_nanos()).unwrap_or(i64::MAX);
        let known = self
            .told
            .is_some_and(|told| told.sign == sign && now.0.saturating_sub(told.at.0) < again);
        if known {
            return None;
        }
        self.told = Some(Told { at: now, sign });
        Some(Notice::Off(seconds))
    }

    fn median_ns(&self) -> Option<i64> {
        let mut samples = self.samples.clone();
        let middle = samples.len() / 2;
        (!samples.is_empty()).then(|| *samples.select_nth_unstable(middle).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IAT: i64 = 1_700_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp((IAT + seconds) * NANOS)
    }

    #[test]
    fn the_median_is_not_moved_by_a_few() {
        let mut skew = Skew::default();
        assert_eq!((skew.median(), skew.samples()), (None, 0));
        for _ in 0..10 {
            skew.add(at(1), IAT);
        }
        for _ in 0..9 {
            skew.add(at(59), IAT);
        }
        assert_eq!(skew.median(), Some(1.0));
        // A time nobody can have meant is one sample like any other.
        skew.add(at(0), i64::MIN);
        assert_eq!(skew.samples(), 20);
    }

    #[test]
    fn the_oldest_gives_way() {
        let mut skew = Skew::default();
        for _ in 0..SAMPLES {
            skew.add(at(-7), IAT);
        }
        for _ in 0..SAMPLES {
            assert_eq!(skew.samples(), SAMPLES);
            skew.add(at(2), IAT);
        }
        assert_eq!(skew.median(), Some(2.0));
    }

    #[test]
    fn somebody_is_told_once_an_hour_and_when_it_changes() {
        let mut skew = Skew::default();
        for _ in 0..ENOUGH - 1 {
            skew.add(at(30), IAT);
            assert_eq!(skew.notice(at(30)), None, "too few to say so");
        }
        skew.add(at(30), IAT);
        assert_eq!(skew.notice(at(30)), Some(Notice::Off(30.0)));
        assert_eq!(skew.notice(at(31)), None);
        assert_eq!(skew.notice(at(30 + 3_599)), None);
        assert_eq!(skew.notice(at(30 + 3_600)), Some(Notice::Off(30.0)));
        for _ in 0..SAMPLES {
            skew.add(at(-30), IAT);
        }
        assert_eq!(skew.notice(at(3_700)), Some(Notice::Off(-30.0)), "the other way");
        for _ in 0..SAMPLES {
            skew.add(at(10), IAT);
        }
        assert_eq!(skew.notice(at(3_701)), Some(Notice::Back(10.0)));
        assert_eq!(skew.notice(at(3_702)), None);
    }
}
