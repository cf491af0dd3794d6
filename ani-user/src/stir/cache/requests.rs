//! Requests for certificates and those who carry them out: a queue of set length, and a set number at
//! once.

use std::sync::Arc;

use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinSet, spawn_blocking},
};

use super::{Cache, entries::Key};
use crate::{
    stir::{
        Outcome,
        fetch::{CERTIFICATE, Failure, Fetched, Fetcher},
        url,
    },
    time::Timestamp,
};

/// Fetches at once: this many connections there are at most.
pub const AT_ONCE: usize = 16;
/// Requests that wait for one of those.
pub const MAX_WAITING: usize = 256;

/// The other end of a cache's queue.
pub struct Requests {
    asked: mpsc::Receiver<Key>,
    fetcher: Arc<Fetcher>,
}

impl Requests {
    pub(super) fn new(asked: mpsc::Receiver<Key>, fetcher: Fetcher) -> Self {
        Self { asked, fetcher: Arc::new(fetcher) }
    }

    /// Who fetches, for others to ask the same way.
    pub fn fetcher(&self) -> Arc<Fetcher> {
        Arc::clone(&self.fetcher)
    }

    /// Fetches what its cache asks for, until it is dropped; what is under way ends with it.
    pub async fn serve<T: Send + Sync + 'static>(
        mut self,
        cache: Arc<Cache<T>>,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) {
        let clock = Arc::new(clock);
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                key = self.asked.recv(), if running.len() < AT_ONCE => {
                    let Some(key) = key else { return };
                    let asked = Asked { cache: Arc::clone(&cache), key, settled: false };
                    running.spawn(fetch(asked, Arc::clone(&self.fetcher), Arc::clone(&clock)));
                }
                Some(ended) = running.join_next() => if let Err(error) = ended {
                    tracing::error!("fetching a certificate ended early: {error}");
                }
            }
        }
    }
}

async fn fetch<T: Send + Sync + 'static>(
    asked: Asked<T>,
    fetcher: Arc<Fetcher>,
    clock: Arc<impl Fn() -> Timestamp + Send + Sync + 'static>,
) {
    let fetched = match url::check(&asked.key) {
        Ok(url) => fetcher.get(&url, CERTIFICATE, clock()).await,
        Err(outcome) => Err(Failure::new(outcome, outcome.cause())),
    };
    // Reading certificates and writing them to the disk are no work for the thread that serves.
    let now = clock();
    if let Err(error) = spawn_blocking(move || asked.settle(fetched, now)).await {
        tracing::error!("a certificate that came could not be taken: {error}");
    }
}

/// A request under way. Should it end without an end, the next call may ask again.
struct Asked<T: Send + Sync + 'static> {
    cache: Arc<Cache<T>>,
    key: Key,
    settled: bool,
}

impl<T: Send + Sync + 'static> Asked<T> {
    fn settle(mut self, fetched: Result<Fetched, Failure>, now: Timestamp) {
        self.cache.settle(&self.key, fetched, now);
        self.settled = true;
    }
}

impl<T: Send + Sync + 'static> Drop for Asked<T> {
    fn drop(&mut self) {
        if !self.settled {
            self.cache.lock().pending.remove(&self.key);
        }
    }
}

impl<T: Send + Sync + 'static> Cache<T> {
    /// Fetches what is at a URL now, whatever is at hand and whatever failed before, and waits for
    /// it. For operators: no budget holds it back, but it waits its turn.
    pub async fn prefetch(&self, url: &str) -> Result<(), Failure> {
        let failed = |outcome: Outcome| Failure::new(outcome, outcome.cause());
        let url = url::check(url).map_err(failed)?;
        let requests = self.requests.as_ref().ok_or_else(|| failed(Outcome::FetchOff))?;
        let ended = |_| Failure::new(Outcome::FetchOff, "the daemon is ending");
        let room = requests.reserve().await.map_err(ended)?;
        let told = {
            let (tell, told) = oneshot::channel();
            let key = Key::from(url.as_str());
            let mut entries = self.lock();
            match entries.pending.get_mut(&key) {
                Some(waiting) => waiting.push(tell),
                None => {
                    entries.pending.insert(Arc::clone(&key), vec![tell]);
                    room.send(key);
                }
            }
            told
        };
        told.await.unwrap_or_else(|_| {
            Err(Failure::new(Outcome::FetchOff, "the daemon is ending, or the fetch broke off"))
        })
    }
}
