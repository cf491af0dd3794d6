//! A clock that is wrong altogether: then no call is valid and [`super::skew`] has nothing to go by.
//! What tells it are the calls whose signatures hold in all but their time.
//!
//! Old PASSporTs that somebody sends again look the same. So several signers must say it, each
//! PASSporT counts once, and they must agree on how far the clock is off, which copies of different
//! ages do not.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::skew::AGAIN;
use crate::time::Timestamp;

/// Calls that are looked at, the last ones.
pub const CALLS: usize = 100;

/// With fewer of them nothing is said.
pub const ENOUGH: usize = 20;

/// Signers that must say it.
pub const SIGNERS: usize = 3;

/// How far from their median those may be that say the same.
pub const AGREE: Duration = Duration::from_secs(10);

const NANOS: i64 = 1_000_000_000;

/// What the last calls say whose signatures hold, in time or not.
#[derive(Debug, Default)]
pub struct WrongClock {
    calls: Vec<Call>,
    /// Where the next one goes.
    next: usize,
    told: Option<Timestamp>,
}

#[derive(Debug)]
struct Call {
    signer: Arc<str>,
    iat: i64,
    /// Arrival minus `iat`, nanoseconds.
    off: i64,
    in_time: bool,
}

/// What somebody should be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Notice {
    /// The clock is wrong by so many seconds; ahead of the signers' when positive.
    Wrong(f64),
    /// It was, and is no longer.
    Right,
}

impl WrongClock {
    /// Takes a call whose signature holds: when it arrived, who signed it, its `iat`, and whether it
    /// came in time.
    pub fn add(&mut self, arrived: Timestamp, signer: &Arc<str>, iat: i64, in_time: bool) {
        if self.calls.iter().any(|call| call.iat == iat && call.signer == *signer) {
            return;
        }
        let off = arrived.0.saturating_sub(iat.saturating_mul(NANOS));
        let call = Call { signer: Arc::clone(signer), iat, off, in_time };
        match self.calls.get_mut(self.next) {
            Some(oldest) => *oldest = call,
            None => self.calls.push(call),
        }
        self.next = (self.next + 1) % CALLS;
    }

    /// How many seconds the clock is wrong by, ahead of the signers' when positive; none when it is
    /// not, or nobody can say.
    pub fn seconds(&self) -> Option<f64> {
        if self.calls.len() < ENOUGH {
            return None;
        }
        let outside = || self.calls.iter().filter(|call| !call.in_time);
        let mut offs: Vec<_> = outside().map(|call| call.off).collect();
        let middle = offs.len() / 2;
        if offs.is_empty() {
            return None;
        }
        let median = *offs.select_nth_unstable(middle).1;
        let agreeing: Vec<_> = outside()
            .filter(|call| u128::from(call.off.abs_diff(median)) <= AGREE.as_nanos())
            .collect();
        let signers: HashSet<_> = agreeing.iter().map(|call| &call.signer).collect();
        let most = agreeing.len() * 2 > self.calls.len();
        (most && signers.len() >= SIGNERS).then_some(median as f64 / NANOS as f64)
    }

    /// What is to be told now: that the clock is wrong, once and then once an hour; that it is right
    /// again.
    pub fn notice(&mut self, now: Timestamp) -> Option<Notice> {
        let Some(seconds) = self.seconds() else {
            return self.told.take().map(|_| Notice::Right);
        };
        let again = i64::try_from(AGAIN.as_nanos()).unwrap_or(i64::MAX);
        if self.told.is_some_and(|told| now.0.saturating_sub(told.0) < again) {
            return None;
        }
        self.told = Some(now);
        Some(Notice::Wrong(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp((START + seconds) * NANOS)
    }

    /// So many calls, one a second from `from` on, by so many signers in turn, each signed `off`
    /// seconds before it arrived.
    fn calls(clock: &mut WrongClock, from: i64, count: i64, signers: i64, off: i64, in_time: bool) {
        for second in from..from + count {
            let signer = Arc::from((second % signers).to_string());
            clock.add(at(second), &signer, START + second - off, in_time);
        }
    }

    #[test]
    fn a_clock_that_is_wrong_is_told_of_and_taken_back() {
        let mut clock = WrongClock::default();
        calls(&mut clock, 0, 19, 3, 300, false);
        assert_eq!((clock.seconds(), clock.notice(at(19))), (None, None), "too few to say so");
        calls(&mut clock, 19, 1, 3, 300, false);
        assert_eq!(clock.seconds(), Some(300.0));
        assert_eq!(clock.notice(at(20)), Some(Notice::Wrong(300.0)));
        assert_eq!(clock.notice(at(21)), None);
        assert_eq!(clock.notice(at(20 + 3_600)), Some(Notice::Wrong(300.0)), "once an hour");
        // The clock is set: half of the last calls are in time.
        calls(&mut clock, 1_000, 19, 3, 1, true);
        assert_eq!(clock.notice(at(3_700)), None);
        calls(&mut clock, 1_019, 1, 3, 1, true);
        assert_eq!(clock.notice(at(3_701)), Some(Notice::Right));
        assert_eq!((clock.notice(at(3_702)), clock.seconds()), (None, None));
        // Behind, on calls that were in time before.
        calls(&mut clock, 2_000, 100, 5, -86_400, false);
        assert_eq!(clock.notice(at(3_703)), Some(Notice::Wrong(-86_400.0)));
        assert_eq!(clock.calls.len(), CALLS);
    }

    #[test]
    fn a_few_who_replay_say_nothing_of_the_clock() {
        // Two signers, however many calls.
        let mut clock = WrongClock::default();
        calls(&mut clock, 0, 500, 2, 300, false);
        assert_eq!(clock.seconds(), None);
        // Three PASSporTs, again and again.
        let mut clock = WrongClock::default();
        for second in 0..500 {
            let signer = Arc::from((second % 3).to_string());
            clock.add(at(second), &signer, START - 300, false);
        }
        assert_eq!((clock.seconds(), clock.calls.len()), (None, 3));
        // Many of them, of different ages.
        let mut clock = WrongClock::default();
        for second in 0..500 {
            let signer = Arc::from((second % 7).to_string());
            clock.add(at(second), &signer, START - 100 * second, false);
        }
        assert_eq!(clock.seconds(), None);
        // Many of one age, among as many that are in time.
        let mut clock = WrongClock::default();
        calls(&mut clock, 0, 50, 7, 300, false);
        calls(&mut clock, 1_000, 50, 7, 2, true);
        assert_eq!(clock.seconds(), None);
        // Times that nobody can have meant.
        let mut clock = WrongClock::default();
        for second in 0..50 {
            let signer = Arc::from((second % 7).to_string());
            clock.add(at(second), &signer, i64::MIN + second, false);
        }
        let mut all = clock;
        calls(&mut all, 0, 50, 3, 0, true);
        assert_eq!(all.seconds(), None);
    }
}
