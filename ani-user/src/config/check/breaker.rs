//! When a list or limit is taken for a mistake, and for how long.

use std::{ops::RangeInclusive, time::Duration};

use toml::Spanned;

use super::within;
use crate::{
    config::{Breaker, Error, error::Text, file},
    policy::breaker::MAX_GOOD,
};

/// Per cent: at none any stop would be a mistake, and more than all are never stopped.
const SHARE: RangeInclusive<i64> = 1..=99;
/// Good callers of a trunk in a minute: so few that two of them are a third say nothing, and no more
/// than are counted.
const CALLERS: RangeInclusive<i64> = 5..=MAX_GOOD as i64;
/// Seconds of rest. After a day somebody has looked.
const REST_S: RangeInclusive<u64> = 1..=86_400;
/// Callers with a record; ten million take about 1 GiB.
const KNOWN: RangeInclusive<i64> = 1_000..=10_000_000;

/// What stands in the file over the defaults in `breaker`.
pub(super) fn read(
    file: file::Breaker,
    text: Text<'_>,
    breaker: &mut Breaker,
) -> Result<(), Error> {
    breaker.enabled = file.enabled.unwrap_or(breaker.enabled);
    if let Some(share) = file.share {
        breaker.share = within(share, "breaker.share", SHARE, text)? as u8;
    }
    if let Some(count) = file.callers {
        breaker.callers = within(count, "breaker.callers", CALLERS, text)? as usize;
    }
    if let Some(span) = file.rest {
        breaker.rest = rest(&span, text)?;
    }
    if let Some(count) = file.max_known {
        breaker.max_known = within(count, "breaker.max_known", KNOWN, text)? as usize;
    }
    Ok(())
}

fn rest(span: &Spanned<String>, text: Text<'_>) -> Result<Duration, Error> {
    let written = span.get_ref();
    let read = humantime::parse_duration(written)
        .ok()
        .filter(|rest| REST_S.contains(&rest.as_secs()) && rest.subsec_nanos() == 0);
    read.ok_or_else(|| {
        text.error(
            span.span(),
            format_args!(
                "breaker.rest: `{written}` cannot be the rest; write whole seconds from `1s` to \
                 `1day`, such as `10m`"
            ),
        )
    })
}
