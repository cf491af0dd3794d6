//! The rate limit's arithmetic: the generic cell rate algorithm (ITU-T I.371, annex A).
//!
//! One 64-bit number is the whole state of a bucket: the theoretical arrival time (TAT), when the
//! next call would come at the steady rate. Exact to the call, no timer, no refill.

/// Whether a call that arrives at `now_ns` conforms: the bucket's new TAT if so, `None` if the call
/// is over the limit (the bucket then stays as it is).
///
/// `interval_ns` is the time between two calls at the steady rate; `tolerance_ns` is how far the
/// TAT may run ahead, which for `calls` in `within` is `within - interval`: the whole budget may
/// come in one burst.
#[inline(always)]
pub const fn arrive(tat_ns: u64, now_ns: u64, interval_ns: u64, tolerance_ns: u64) -> Option<u64> {
    if tat_ns > now_ns && tat_ns - now_ns > tolerance_ns {
        return None;
    }
    let from = if tat_ns > now_ns { tat_ns } else { now_ns };
    Some(from.saturating_add(interval_ns))
}

/// Interval and tolerance for a budget of `calls` within `within_ns`; `None` for no calls or no
/// time, and for more calls than nanoseconds.
pub const fn parameters(calls: u64, within_ns: u64) -> Option<(u64, u64)> {
    if calls == 0 || within_ns == 0 || calls > within_ns {
        return None;
    }
    let interval = within_ns / calls;
    // From the rounded interval, so that the burst is `calls` and not one more or less.
    Some((interval, interval * (calls - 1)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: u64 = 60_000_000_000;

    #[test]
    fn a_burst_gets_exactly_its_budget() {
        for calls in [1, 2, 3, 7, 10, 100, 999] {
            let (interval, tolerance) = parameters(calls, MINUTE).expect("budget");
            let mut tat = 0;
            let mut passed = 0;
            for _ in 0..calls * 2 {
                if let Some(next) = arrive(tat, 1_000, interval, tolerance) {
                    tat = next;
                    passed += 1;
                }
            }
            assert_eq!(passed, calls);
        }
    }

    #[test]
    fn one_call_comes_back_after_one_interval() {
        let (interval, tolerance) = parameters(10, MINUTE).expect("budget");
        let mut tat = 0;
        for _ in 0..10 {
            tat = arrive(tat, 0, interval, tolerance).expect("within the budget");
        }
        assert_eq!(arrive(tat, interval - 1, interval, tolerance), None);
        assert!(arrive(tat, interval, interval, tolerance).is_some());
    }

    proptest! {
        #[test]
        fn no_window_lets_more_through_than_burst_and_rate(
            calls in 1u64..50,
            gaps in proptest::collection::vec(0u64..20_000_000_000, 1..300),
        ) {
            let (interval, tolerance) = parameters(calls, MINUTE).expect("budget");
            let (mut tat, mut now, mut passed) = (0, 1, 0);
            for gap in gaps {
                now += gap;
                if let Some(next) = arrive(tat, now, interval, tolerance) {
                    tat = next;
                    passed += 1;
                }
                prop_assert!(passed <= calls + (now - 1) / interval + 1);
            }
        }

        #[test]
        fn nothing_overflows(tat: u64, now: u64, interval: u64, tolerance: u64) {
            if let Some(next) = arrive(tat, now, interval, tolerance) {
                prop_assert!(next >= now);
            }
        }
    }
}
