//! How long what was fetched is used: a certificate 24 hours, or longer where HTTP caching says so
//! (ATIS-1000074 §5.3.1, RFC 9111 §4.2); a revocation list an hour, or less.

use std::time::{Duration, UNIX_EPOCH};

use hyper::{
    HeaderMap,
    header::{AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderName},
};

use crate::time::Timestamp;

/// Of a certificate, whatever the answer says: less than this, or nothing, is this.
pub const SHORTEST: Duration = Duration::from_secs(24 * 60 * 60);
/// A year's `max-age` on a file that is then replaced would hide the new one.
pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A revocation list is not asked for again before this, whatever the answer says.
pub const LIST_SHORTEST: Duration = Duration::from_secs(10 * 60);
/// And is after this.
pub const LIST_LONGEST: Duration = Duration::from_secs(60 * 60);

/// How long an answer that came at `now` is fresh, as it says itself.
pub fn said(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let said = max_age(headers).or_else(|| expires(headers, now))?;
    Some(said.saturating_sub(text(headers, &AGE).and_then(seconds).unwrap_or(Duration::ZERO)))
}

/// How long a certificate is used whose answer said so.
pub fn of_certificate(said: Option<Duration>) -> Duration {
    said.unwrap_or(Duration::ZERO).clamp(SHORTEST, LONGEST)
}

/// When a revocation list is asked for again whose answer said so.
pub fn of_list(said: Option<Duration>) -> Duration {
    said.unwrap_or(LIST_LONGEST).clamp(LIST_SHORTEST, LIST_LONGEST)
}

/// `s-maxage`, else `max-age`: what is kept here is shared by all callers.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let (mut own, mut shared) = (None, None);
    for directive in values.flat_map(|value| value.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let value = seconds(value.trim().trim_matches('"'));
        match name.trim().to_ascii_lowercase().as_str() {
            "s-maxage" => shared = shared.or(value),
            "max-age" => own = own.or(value),
            _ => {}
        }
    }
    shared.or(own)
}

fn expires(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let time = |name| -> Option<Duration> {
        let time = httpdate::parse_http_date(text(headers, name)?).ok()?;
        time.duration_since(UNIX_EPOCH).ok()
    };
    let now = || Duration::from_secs(u64::try_from(now.seconds()).unwrap_or(0));
    Some(time(&EXPIRES)?.saturating_sub(time(&DATE).unwrap_or_else(now)))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// RFC 9111 §1.2.2: what is larger than can be kept is the largest.
fn seconds(text: &str) -> Option<Duration> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn a_day_or_longer() {
        const HOUR: u64 = 60 * 60;
        let now = Timestamp::new(1_700_000_000, 0); // Tue, 14 Nov 2023 22:13:20 GMT
        for (headers, hours) in [
            (&[][..], 24),
            (&[("cache-control", "no-store")], 24),
            (&[("cache-control", "no-cache, max-age=0")], 24),
            (&[("cache-control", "max-age=3600")], 24),
            (&[("cache-control", "max-age=172800")], 48),
            (&[("cache-control", "public, Max-Age=\"172800\"")], 48),
            (&[("cache-control", "max-age=172800, s-maxage=259200")], 72),
            (&[("cache-control", "s-maxage=60, max-age=259200")], 24),
            (&[("cache-control", "public"), ("cache-control", "max-age=259200")], 72),
            (&[("cache-control", "max-age=259200"), ("age", "86400")], 48),
            (&[("cache-control", "max-age=99999999999999999999")], 720),
            (&[("cache-control", "max-age=-1")], 24),
            (&[("cache-control", "max-age=")], 24),
            (&[("expires", "Fri, 17 Nov 2023 22:13:20 GMT")], 72),
            (
                &[
                    ("expires", "Fri, 17 Nov 2023 22:13:20 GMT"),
                    ("date", "Wed, 15 Nov 2023 22:13:20 GMT"),
                ],
                48,
            ),
            (
                &[
                    ("expires", "Fri, 17 Nov 2023 22:13:20 GMT"),
                    ("cache-control", "max-age=172800"),
                ],
                48,
            ),
            (&[("expires", "0")], 24),
            (&[("expires", "Thu, 01 Jan 1970 00:00:00 GMT")], 24),
            (&[("expires", "Tue, 17 Nov 2099 22:13:20 GMT")], 720),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                let value = HeaderValue::from_static(value);
                map.append(HeaderName::from_static(name), value);
            }
            let found = of_certificate(said(&map, now));
            assert_eq!(found, Duration::from_secs(hours * HOUR), "{headers:?}");
        }
    }

    #[test]
    fn a_list_an_hour_or_less() {
        for (said, minutes) in [(None, 60), (Some(0), 10), (Some(1_800), 30), (Some(86_400), 60)] {
            let found = of_list(said.map(Duration::from_secs));
            assert_eq!(found, Duration::from_secs(minutes * 60), "{said:?}");
        }
    }
}
