//! What an operator sees of the cache and does to it.

use std::{io, sync::Arc};

use hyper::body::Bytes;
use serde::Serialize;

use super::{
    Cache, Origin,
    entries::{Entry, Key},
};
use crate::{
    stir::{Outcome, disk::Kept, fetch::MAX_BODY, url},
    time::Timestamp,
};

/// A URL as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Canonical.
    pub url: String,
    /// What there is of it.
    pub state: State,
    /// Where the certificate is from, where there is one.
    pub origin: Option<Origin>,
    /// When it came.
    pub fetched: Option<Timestamp>,
    /// Until when it is used without being fetched again; none is for ever.
    pub expires: Option<Timestamp>,
    /// Bytes of it.
    pub bytes: usize,
    /// Calls it was used for, since the start.
    pub uses: u64,
    /// Why it could not be had, in the vocabulary's word.
    pub outcome: Option<&'static str>,
    /// What was found.
    pub detail: Option<String>,
    /// When it is tried again.
    pub retry: Option<Timestamp>,
}

/// What there is of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A certificate.
    Fresh,
    /// One that is fetched again when it is next used.
    Outdated,
    /// Nothing; it could not be had.
    Failed,
    /// Nothing yet.
    Pending,
}

/// Why a certificate was not added.
#[derive(Debug, thiserror::Error)]
pub enum NotAdded {
    /// It could never be found by such a URL.
    #[error(
        "`{0}` is no URL of a certificate: write https, port 443 or 8443, no query, no fragment"
    )]
    Url(String),
    /// It is none.
    #[error("that is no certificate: {}; add a PEM file, leaf first", .0.cause())]
    Unreadable(Outcome),
    /// It is too large.
    #[error("the certificate has {0} bytes; at most {MAX_BODY} are read")]
    TooLarge(usize),
    /// There is no room for more.
    #[error(
        "{0} certificates were added already, all there is room for: remove some, or raise stir.max_certificates"
    )]
    Full(usize),
    /// It cannot be kept.
    #[error("the certificate cannot be kept on the disk, so it was not added: {0}")]
    Disk(#[from] io::Error),
}

impl Listed {
    fn new(url: &str, state: State) -> Self {
        Self {
            url: url.to_owned(),
            state,
            origin: None,
            fetched: None,
            expires: None,
            bytes: 0,
            uses: 0,
            outcome: None,
            detail: None,
            retry: None,
        }
    }

    /// As a certificate in a folder is listed, without a daemon.
    pub fn kept(kept: &Kept, now: Timestamp) -> Self {
        let fresh = kept.expires.is_none_or(|expires| now < expires);
        Self {
            origin: Some(if kept.expires.is_none() { Origin::Added } else { Origin::Fetched }),
            fetched: Some(kept.fetched),
            expires: kept.expires,
            bytes: kept.body.len(),
            ..Self::new(&kept.url, if fresh { State::Fresh } else { State::Outdated })
        }
    }
}

impl<T: Send + Sync + 'static> Cache<T> {
    /// All URLs, in their order, with what is at hand of them.
    pub fn list(&self, now: Timestamp) -> Vec<(Listed, Option<Arc<T>>)> {
        let entries = self.lock();
        let present = entries.present.iter().map(|(key, entry)| {
            let state = if entry.fresh(now) { State::Fresh } else { State::Outdated };
            let listed = Listed {
                origin: Some(entry.origin),
                fetched: Some(entry.fetched),
                expires: entry.expires,
                bytes: entry.body.len(),
                uses: entry.uses,
                ..Listed::new(key, state)
            };
            (listed, Some(Arc::clone(&entry.value)))
        });
        let negative = entries.negative.iter().map(|(key, negative)| {
            let listed = Listed {
                outcome: Some(negative.outcome.as_str()),
                detail: Some(negative.detail.clone()),
                retry: Some(negative.retry.until),
                ..Listed::new(key, State::Failed)
            };
            (listed, None)
        });
        let pending = entries
            .pending
            .keys()
            .filter(|key| !entries.present.contains(&**key) && !entries.negative.contains(&**key));
        let pending = pending.map(|key| (Listed::new(key, State::Pending), None));
        let mut all: Vec<_> = present.chain(negative).chain(pending).collect();
        drop(entries);
        all.sort_by(|(one, _), (other, _)| one.url.cmp(&other.url));
        all
    }

    /// One URL, as [`Cache::list`] has it; none where nothing is known of it. It is not asked for.
    pub fn show(&self, url: &str, now: Timestamp) -> Option<(Listed, Option<Arc<T>>)> {
        let url = url::check(url).ok()?;
        self.look(&url, now);
        self.list(now).into_iter().find(|(listed, _)| listed.url == url.as_str())
    }

    /// Adds a certificate by hand: it is used until it is removed, whatever its host has. Returns
    /// whether there was another one. Blocks while it writes to the disk.
    pub fn add(&self, url: &str, body: Bytes, now: Timestamp) -> Result<bool, NotAdded> {
        let url = url::check(url).map_err(|_| {
            NotAdded::Url(
                url.chars()
                    .take(url::MAX_URL)
                    .map(|char| if char.is_control() { '\u{fffd}' } else { char })
                    .collect(),
            )
        })?;
        if body.len() > MAX_BODY {
            return Err(NotAdded::TooLarge(body.len()));
        }
        self.read(&body).map_err(NotAdded::Unreadable)?;
        let key = Key::from(url.as_str());
        let had = {
            let entries = self.lock();
            let added = entries.added();
            let before = entries.present.peek(&key);
            if added >= entries.max() && before.is_none_or(|entry| entry.origin != Origin::Added) {
                return Err(NotAdded::Full(added));
            }
            before.is_some()
        };
        if let Some(disk) = &self.disk {
            disk.write(&Kept {
                url: key.to_string(),
                fetched: now,
                expires: None,
                body: body.clone(),
            })?;
        }
        self.take(&key, body, Origin::Added, now, None, None).map_err(NotAdded::Unreadable)?;
        self.arrived(&key, Ok(()));
        Ok(had)
    }

    /// Removes what is known of a URL, a failure too; whether anything was. What is in the local
    /// folder is found there again. Blocks while it writes to the disk.
    pub fn remove(&self, url: &str) -> io::Result<bool> {
        let Ok(url) = url::check(url) else { return Ok(false) };
        if let Some(disk) = &self.disk {
            disk.remove(url.as_str())?;
        }
        let mut entries = self.lock();
        let present: Option<Entry<T>> = entries.present.pop(url.as_str());
        Ok(entries.negative.pop(url.as_str()).is_some() | present.is_some())
    }
}
