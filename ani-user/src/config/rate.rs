//! A number of calls in a span of time, as it is written: `10 per 1m`.

use std::{fmt, str::FromStr, time::Duration};

use ani_ebpf::gcra;

/// A number of calls in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At least one.
    pub calls: u64,
    /// At least a nanosecond a call.
    pub within: Duration,
}

/// Why a rate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Neither `none` nor `CALLS per TIME`.
    #[error("`{0}` is no limit; write CALLS per TIME such as `10 per 1m`, or `none`")]
    Shape(String),
    /// Not a whole number of at least one.
    #[error("`{0}` calls cannot be a limit; write a whole number of at least 1")]
    Calls(String),
    /// Not a span of time.
    #[error("`{0}` is no span of time; write one such as `30s`, `1m` or `1h 30m`")]
    Within(String),
    /// More calls than the time has nanoseconds, or no time at all, or more than 584 years.
    #[error(
        "{calls} calls within {within} cannot be kept; take fewer calls or a usual span of time"
    )]
    Range {
        /// The calls.
        calls: u64,
        /// The time as written.
        within: String,
    },
}

impl Rate {
    /// A rate the kernel can keep, from a number of calls and a span of time such as `1m`.
    pub fn new(calls: u64, within: &str) -> Result<Self, RateError> {
        if calls == 0 {
            return Err(RateError::Calls(calls.to_string()));
        }
        let span =
            humantime::parse_duration(within).map_err(|_| RateError::Within(within.to_owned()))?;
        u64::try_from(span.as_nanos())
            .ok()
            .and_then(|nanoseconds| gcra::parameters(calls, nanoseconds))
            .map(|_| Self { calls, within: span })
            .ok_or_else(|| RateError::Range { calls, within: within.to_owned() })
    }

    /// The time as it is written: `1m`.
    pub fn within_text(&self) -> String {
        short(self.within)
    }

    /// `none`, or `CALLS per TIME`; `none` reads as no limit.
    pub fn parse(text: &str) -> Result<Option<Self>, RateError> {
        if text.trim().eq_ignore_ascii_case("none") {
            return Ok(None);
        }
        text.parse().map(Some)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let shape = || RateError::Shape(text.to_owned());
        let (calls, within) = text.trim().split_once(" per ").ok_or_else(shape)?;
        let calls = calls.trim();
        let number = calls.parse().map_err(|_| RateError::Calls(calls.to_owned()))?;
        Self::new(number, within.trim())
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {}", self.calls, short(self.within))
    }
}

/// `1m 30s` without its spaces, as one word.
fn short(span: Duration) -> String {
    humantime::format_duration(span).to_string().replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back() {
        for text in ["10 per 1m", "1 per 1s", "100 per 1h", "7 per 1m30s", "3 per 250ms"] {
            let rate: Rate = text.parse().expect(text);
            assert_eq!(rate.to_string(), text);
        }
        assert_eq!(Rate::parse(" None "), Ok(None));
    }

    #[test]
    fn what_is_no_limit_says_why() {
        let error = |text: &str| Rate::parse(text).expect_err(text).to_string();
        assert_eq!(
            error("ten"),
            "`ten` is no limit; write CALLS per TIME such as `10 per 1m`, or `none`"
        );
        assert_eq!(
            error("0 per 1m"),
            "`0` calls cannot be a limit; write a whole number of at least 1"
        );
        assert_eq!(
            error("-1 per 1m"),
            "`-1` calls cannot be a limit; write a whole number of at least 1"
        );
        assert_eq!(
            error("1 per minute"),
            "`minute` is no span of time; write one such as `30s`, `1m` or `1h 30m`"
        );
        assert_eq!(
            error("10 per 5ns"),
            "10 calls within 5ns cannot be kept; take fewer calls or a usual span of time"
        );
        assert!(error("1 per 900000y").contains("900000y"));
    }

    proptest::proptest! {
        #[test]
        fn any_rate_is_read_back(
            calls in 1_u64..1_000_000,
            seconds in 1_u64..1_000_000_000,
            nanos in 0_u32..1_000_000_000,
        ) {
            let rate = Rate { calls, within: Duration::new(seconds, nanos) };
            proptest::prop_assert_eq!(rate.to_string().parse(), Ok(rate));
        }
    }
}
