//! Signatures: what they are verified with, and how much of it at once.

use std::{num::NonZeroUsize, ops::RangeInclusive, path::PathBuf, time::Duration};

use toml::Spanned;

use super::{network, within};
use crate::config::{Error, Stir, error::Text, file};

/// Seconds that `iat` may be from now. A day is more than any clock is wrong that somebody looks at.
const MAX_AGE_S: RangeInclusive<u64> = 1..=86_400;
/// Threads that verify; one does thousands of calls a second.
const THREADS: RangeInclusive<i64> = 1..=64;
/// Calls that wait, of one to a few KB each.
const QUEUE: RangeInclusive<i64> = 1..=1_000_000;
/// Certificates, of some KB each.
const CERTIFICATES: RangeInclusive<i64> = 1..=100_000;
/// Networks that are fetched from though they are special.
const MAX_ADDRESSES: usize = 256;

/// What stands in the file over the defaults in `stir`.
pub(super) fn read(file: file::Stir, text: Text<'_>, stir: &mut Stir) -> Result<(), Error> {
    stir.verify = file.verify.unwrap_or(stir.verify);
    stir.fetch = file.fetch.unwrap_or(stir.fetch);
    stir.fetch_crls = file.fetch_crls.unwrap_or(stir.fetch_crls);
    for (path, of) in [
        (file.anchors, &mut stir.anchors),
        (file.crls, &mut stir.crls),
        (file.local, &mut stir.local),
        (file.roots, &mut stir.roots),
    ] {
        if let Some(path) = path {
            let path = path.into_inner();
            *of = (!path.is_empty()).then(|| PathBuf::from(path));
        }
    }
    if let Some(age) = file.max_age {
        stir.max_age = max_age(&age, text)?;
    }
    if let Some(addresses) = file.allow_addresses {
        stir.allow_addresses = allow_addresses(addresses, text)?;
    }
    if let Some(count) = file.threads {
        stir.threads = within(count, "stir.threads", THREADS, text)? as usize;
    }
    if let Some(count) = file.queue {
        stir.queue = within(count, "stir.queue", QUEUE, text)? as usize;
    }
    if let Some(count) = file.max_certificates {
        let count = within(count, "stir.max_certificates", CERTIFICATES, text)? as usize;
        stir.max_certificates = NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN);
    }
    Ok(())
}

fn max_age(age: &Spanned<String>, text: Text<'_>) -> Result<Duration, Error> {
    let written = age.get_ref();
    let read = humantime::parse_duration(written).ok().filter(|age| {
        // The claim is in seconds, so a part of one is nothing that could be told apart.
        MAX_AGE_S.contains(&age.as_secs()) && age.subsec_nanos() == 0
    });
    read.ok_or_else(|| {
        text.error(
            age.span(),
            format_args!(
                "stir.max_age: `{written}` cannot be the age; write whole seconds from `1s` to \
                 `1day`, such as `60s`"
            ),
        )
    })
}

fn allow_addresses(
    addresses: Spanned<Vec<Spanned<String>>>,
    text: Text<'_>,
) -> Result<Vec<ipnet::IpNet>, Error> {
    let (span, list) = (addresses.span(), addresses.into_inner());
    if list.len() > MAX_ADDRESSES {
        return Err(text.error(
            span,
            format_args!(
                "stir.allow_addresses: {} networks; name at most {MAX_ADDRESSES}",
                list.len()
            ),
        ));
    }
    list.iter().map(|network| network::read(network, "stir.allow_addresses", text)).collect()
}
