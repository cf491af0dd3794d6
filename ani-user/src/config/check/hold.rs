//! Which calls are held, and for how long.

use std::{ops::RangeInclusive, time::Duration};

use super::within;
use crate::config::{Error, Hold, error::Text, file};

/// From what a busy host takes to less than a caller waits before he sends the INVITE again.
const DEADLINE: RangeInclusive<Duration> = Duration::from_millis(5)..=Duration::from_millis(400);
/// A frame takes 3 KB at most.
const MAX: RangeInclusive<i64> = 16..=65_536;

/// What stands in the file over the defaults in `hold`.
pub(super) fn read(file: file::Hold, text: Text<'_>, hold: &mut Hold) -> Result<(), Error> {
    hold.not_plain = file.not_plain.unwrap_or(hold.not_plain);
    if let Some(span) = file.deadline {
        let written = span.get_ref();
        let read = humantime::parse_duration(written).ok().filter(|time| DEADLINE.contains(time));
        hold.deadline = read.ok_or_else(|| {
            text.error(
                span.span(),
                format_args!(
                    "hold.deadline: `{written}` cannot be the deadline; write `5ms` to `400ms`, such \
                     as `50ms`"
                ),
            )
        })?;
    }
    if let Some(max) = file.max {
        hold.max = within(max, "hold.max", MAX, text)? as usize;
    }
    Ok(())
}
