//! Points in time as they are stored and shown.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// UTC, nanoseconds since 1970-01-01. Shown as RFC 3339 with microseconds, as tshark rounds them
/// (cut, not rounded).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From whole seconds and nanoseconds within them.
    pub const fn new(seconds: i64, nanoseconds: u32) -> Self {
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds as i64))
    }

    /// Seconds since 1970-01-01, cut.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// The time `span` later; the last one there is when it would be beyond.
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// The time `span` earlier; the first one there is when it would be before.
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }
}

/// Reads RFC 3339, as it is shown.
impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        let time: jiff::Timestamp = text.parse()?;
        Ok(Self(i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)))
    }
}

impl Timestamp {
    /// As it is shown, in ASCII.
    pub(crate) fn text(self) -> [u8; 27] {
        // 64 bits of nanoseconds end in 2262: within what the library knows, and four digits.
        let time = jiff::Timestamp::from_second(self.seconds()).unwrap_or_default();
        let time = jiff::tz::Offset::UTC.to_datetime(time);
        let microseconds = self.0.rem_euclid(1_000_000_000) / 1_000;
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        for (number, place) in [
            (time.year().into(), 0..4),
            (time.month().into(), 5..7),
            (time.day().into(), 8..10),
            (time.hour().into(), 11..13),
            (time.minute().into(), 14..16),
            (time.second().into(), 17..19),
            (microseconds, 20..26),
        ] {
            let mut rest = number;
            for digit in text.get_mut(place).into_iter().flatten().rev() {
                *digit = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back() {
        let time = Timestamp::new(1_714_557_600, 123_000);
        assert_eq!(time.to_string().parse::<Timestamp>().expect("RFC 3339"), time);
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert_eq!(Timestamp(i64::MAX).after(Duration::from_secs(1)), Timestamp(i64::MAX));
        assert_eq!(Timestamp(i64::MIN).before(Duration::from_secs(1)), Timestamp(i64::MIN));
    }

    #[test]
    fn shown_with_microseconds_in_utc() {
        assert_eq!(
            Timestamp::new(1_714_557_600, 123_999).to_string(),
            "2024-05-01T10:00:00.000123Z"
        );
        assert_eq!(Timestamp::new(0, 0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::new(-1, 999_999_999).to_string(), "1969-12-31T23:59:59.999999Z");
        // The last one there is, which is in a year of four digits.
        assert_eq!(Timestamp(i64::MAX).to_string(), "2262-04-11T23:47:16.854775Z");
        assert_eq!(Timestamp(i64::MIN).to_string(), "1677-09-21T00:12:43.145224Z");
    }
}
