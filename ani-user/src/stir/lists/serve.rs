//! Fetches the lists, one after the other: nothing waits for them.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use ::url::Url;
use hyper::body::Bytes;
use tokio::{task::spawn_blocking, time::timeout};

use super::{AtHand, End, Lists};
use crate::{
    stir::{
        crls::{Sound, Unsound},
        disk::Kept,
        fetch::{Failure, Fetched, Fetcher, LIST},
        freshness,
    },
    time::Timestamp,
};

/// How often it is looked whether one is due.
const TICK: Duration = Duration::from_secs(1);

impl Lists {
    /// Fetches what is due until it is dropped. `permits` says whether the host of a URL may be asked
    /// now.
    pub async fn serve(
        self: Arc<Self>,
        fetcher: Arc<Fetcher>,
        permits: impl Fn(&Url, Timestamp) -> bool + Send + Sync + 'static,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) {
        loop {
            for url in self.due(clock()) {
                if !permits(&url, clock()) {
                    continue;
                }
                let fetched = fetcher.get(&url, LIST, clock()).await;
                let (this, now) = (Arc::clone(&self), clock());
                // Reading lists and writing them to the disk are no work for the thread that serves.
                if let Err(error) = spawn_blocking(move || this.settle(&url, fetched, now)).await {
                    tracing::error!("a revocation list that came could not be taken: {error}");
                }
            }
            // Named meanwhile, or time has passed: either way it is looked again.
            let _ = timeout(TICK, self.named.notified()).await;
        }
    }

    fn due(&self, now: Timestamp) -> Vec<Url> {
        let state = self.state();
        let due = state.lists.iter().filter(|list| list.is_due(now));
        due.map(|list| list.url.clone()).collect()
    }

    /// Takes what came, where it is one to be kept.
    fn settle(&self, url: &Url, fetched: Result<Fetched, Failure>, now: Timestamp) {
        let fresh = fetched.as_ref().ok().and_then(|fetched| fetched.fresh);
        let (end, mut detail, read) = match fetched {
            Ok(fetched) => self.read(url, &fetched.body, now),
            Err(failure) => (End::Failed(failure.outcome), failure.detail, None),
        };
        let wait = match end {
            End::Current | End::Outdated | End::Older => freshness::of_list(fresh),
            End::Malformed | End::Foreign | End::Failed(_) => freshness::LIST_SHORTEST,
        };
        let due = now.after(wait);
        if let Some(Sound { pem, made, next }) = read {
            let pem = Bytes::from(pem);
            let kept =
                Kept { url: url.to_string(), fetched: now, expires: Some(due), body: pem.clone() };
            if let Err(error) = self.disk.write(&kept) {
                let folder = self.disk.folder().display();
                tracing::warn!("the revocation list of {url} is not kept in {folder}: {error}");
            }
            self.put(url, AtHand { pem, fetched: now, made, next });
        }
        let mut state = self.state();
        let count = state.counts.entry(end.as_str()).or_default();
        *count = count.saturating_add(1);
        let Some(list) = state.lists.iter_mut().find(|list| list.url == *url) else { return };
        (list.tried, list.due) = (now, due);
        if end == End::Current {
            detail.clear();
            if std::mem::take(&mut list.told) {
                tracing::info!("the revocation list of {url} is at hand again");
            }
        } else if !std::mem::replace(&mut list.told, true) {
            let stays =
                if list.at_hand.is_some() { "the one at hand stays" } else { "none is used" };
            tracing::warn!("the revocation list of {url} is {}: {detail}; {stays}", end.as_str());
        }
        list.last = Some((end, detail));
    }

    fn read(&self, url: &Url, body: &[u8], now: Timestamp) -> (End, String, Option<Sound>) {
        let (signers, authorities, before) = {
            let state = self.state();
            let list = state.lists.iter().find(|list| list.url == *url);
            let made = list.and_then(|list| list.at_hand.as_ref()).map(|at_hand| at_hand.made);
            let authorities = list.map(|list| list.authorities.clone()).unwrap_or_default();
            (state.signers.clone(), authorities, made)
        };
        match Sound::read(body, &signers, &authorities) {
            Err(unsound) => {
                let end = match unsound {
                    Unsound::Malformed(_) => End::Malformed,
                    Unsound::Foreign => End::Foreign,
                };
                (end, unsound.to_string(), None)
            }
            Ok(sound) if before.is_some_and(|before| sound.made < before) => {
                let detail = format!("it was made at {}", Timestamp::new(sound.made, 0));
                (End::Older, detail, None)
            }
            Ok(sound) => match sound.next {
                Some(next) if next < now.seconds() => {
                    let next = Timestamp::new(next, 0);
                    let detail = format!("the next one was to be made by {next}; show its owner");
                    (End::Outdated, detail, Some(sound))
                }
                _ => (End::Current, String::new(), Some(sound)),
            },
        }
    }

    fn put(&self, url: &Url, at_hand: AtHand) {
        let mut state = self.state();
        let Some(list) = state.lists.iter_mut().find(|list| list.url == *url) else { return };
        let is_new = list.at_hand.as_ref().is_none_or(|before| before.pem != at_hand.pem);
        list.at_hand = Some(at_hand);
        if is_new {
            self.changes.fetch_add(1, Ordering::Release);
        }
    }
}
