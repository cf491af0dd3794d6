//! Certificates at hand, in memory and on the disk, and those that are asked for.
//!
//! [`Cache::find`] never waits: a certificate that is not at hand is asked for, once however many
//! calls ask, and [`Requests::serve`] fetches it beside the calls. Everything that a stranger's URL
//! can fill has its bound here: certificates, failures, requests that wait, fetches at once, hosts
//! that are remembered.
//!
//! Certificates are told apart by URL. What is made of the bytes is the caller's: `read` makes a `T`
//! of them, and again when it changes ([`Cache::reread`]).

use std::{
    io,
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
};

use ::url::{Host, Url};
use hyper::body::Bytes;
use ipnet::IpNet;
use tokio::sync::mpsc;

use self::{
    counts::count,
    entries::{Entries, Entry, Failed, Key, Known},
};
use super::{
    Class, Outcome, address,
    disk::{Disk, Kept},
    fetch::{Failure, Fetched, Fetcher, RootsError},
    freshness,
    local::{Local, Stamp},
    url,
};
use crate::time::Timestamp;

/// What an operator sees and does.
mod admin;
/// What is counted.
mod counts;
/// The tables behind the lock.
mod entries;
/// Requests and those who carry them out.
mod requests;

pub use self::{
    admin::{Listed, NotAdded, State},
    counts::Counts,
    entries::{MAX_STALE, RETRY_FIRST, RETRY_LAST},
    requests::{AT_ONCE, MAX_WAITING, Requests},
};

/// URLs that are remembered as failing.
pub const MAX_NEGATIVE: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// What is told of certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether anything is fetched.
    pub fetch: bool,
    /// A PEM file of https roots beside this host's.
    pub roots: Option<PathBuf>,
    /// Addresses that are asked though they are not public.
    pub allow: Vec<IpNet>,
    /// A folder of certificates that goes before fetching.
    pub local: Option<PathBuf>,
    /// The folder certificates are kept in; none keeps them in memory alone.
    pub folder: Option<PathBuf>,
    /// Certificates at hand; those used longest ago go for others. Each has up to 64 KB.
    pub max_certificates: NonZeroUsize,
}

/// Why there is no cache.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// https roots.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// Its folder cannot be made or read.
    #[error("cannot keep certificates in {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What there is of a URL.
#[derive(Debug)]
pub enum Found<T> {
    /// The certificate.
    Present(Arc<T>),
    /// It cannot be had, and why.
    Negative(Outcome),
    /// It was asked for, now or before.
    Pending,
}

/// Where a certificate at hand is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// From its host.
    Fetched,
    /// From the local folder.
    Local,
    /// From an operator, by `ani cert add`; it does not expire.
    Added,
}

/// Makes of a certificate's bytes what is cached.
pub type Reader<T> = Arc<dyn Fn(&[u8]) -> Result<T, Outcome> + Send + Sync>;
/// Is told of a URL that was pending: it is at hand now, or why not.
type Hook = Box<dyn Fn(&str, Result<(), Outcome>) + Send + Sync>;

/// The certificates.
pub struct Cache<T> {
    entries: Mutex<Entries<T>>,
    /// With the number of readers before it.
    reader: RwLock<(u64, Reader<T>)>,
    requests: Option<mpsc::Sender<Key>>,
    local: Option<Local>,
    disk: Option<Disk>,
    allow: Vec<IpNet>,
    counts: Counts,
    arrival: OnceLock<Hook>,
}

impl<T: Send + Sync + 'static> Cache<T> {
    /// A cache with what its folder holds, and who fetches for it; none where nothing is fetched.
    ///
    /// Blocks while it reads the folder.
    ///
    /// # Errors
    ///
    /// When the folder or the roots cannot be read. Files of the folder that are none of its own are
    /// named in the log and left there.
    pub fn new(
        settings: Settings,
        reader: Reader<T>,
        now: Timestamp,
    ) -> Result<(Arc<Self>, Option<Requests>), Error> {
        let Settings { fetch, roots, allow, local, folder, max_certificates } = settings;
        let (requests, fetches) = if fetch {
            let fetcher = Fetcher::new(roots.as_deref(), allow.clone())?;
            let (requests, asked) = mpsc::channel(MAX_WAITING);
            (Some(requests), Some(Requests::new(asked, fetcher)))
        } else {
            (None, None)
        };
        let disk = folder
            .map(|path| Disk::open(&path).map_err(|source| Error::Folder { path, source }))
            .transpose()?;
        let cache = Self {
            entries: Mutex::new(Entries::new(max_certificates)),
            reader: RwLock::new((0, reader)),
            requests,
            local: local.map(Local::new),
            disk,
            allow,
            counts: Counts::new(),
            arrival: OnceLock::new(),
        };
        cache.load(max_certificates, now)?;
        Ok((Arc::new(cache), fetches))
    }

    /// Puts what the folder holds at hand. What is too old, and what there is no room for, goes.
    fn load(&self, max: NonZeroUsize, now: Timestamp) -> Result<(), Error> {
        let Some(disk) = &self.disk else { return Ok(()) };
        let content = disk
            .load()
            .map_err(|source| Error::Folder { path: disk.folder().to_owned(), source })?;
        for skipped in &content.skipped {
            tracing::warn!("left out of the certificates: {skipped}");
        }
        let (mut entries, mut room) = (Vec::new(), max.get());
        for Kept { url, fetched, expires, body } in content.kept {
            let value = self.read(&body);
            let origin = if expires.is_none() { Origin::Added } else { Origin::Fetched };
            match value {
                Ok(value) if room > 0 => {
                    let entry = Entry::new(Arc::new(value), body, origin, fetched, expires);
                    if entry.usable(now) {
                        room -= 1;
                        entries.push((Key::from(url), entry));
                        continue;
                    }
                }
                _ => {}
            }
            self.unkeep(&url);
        }
        // The oldest first, so that it is the first to go.
        let mut held = self.lock();
        for (key, entry) in entries.into_iter().rev() {
            held.put(key, entry);
        }
        Ok(())
    }

    /// What there is of a URL, which need not be canonical. Never waits: not for the network, and not
    /// for the disk but for a look at `stir.local` where there is one.
    ///
    /// Whoever waits for what is pending is told by [`Cache::on_arrival`]; it may have come between
    /// this answer and the waiting, so ask again once you wait.
    pub fn find(&self, url: &str, now: Timestamp) -> Found<T> {
        if let Some(value) = self.lock().at_hand(url, self.local.is_some(), now) {
            count(&self.counts.hits);
            return Found::Present(value);
        }
        let url = match url::check(url) {
            Ok(url) => url,
            Err(outcome) => {
                count(&self.counts.refused);
                return Found::Negative(outcome);
            }
        };
        self.look(&url, now);
        self.known(&url, now)
    }

    /// Takes the local file of a URL when it is another one than before.
    fn look(&self, url: &Url, now: Timestamp) {
        let Some(local) = &self.local else { return };
        let stamp = local.look(url);
        if !self.lock().looked(url.as_str(), stamp, now) {
            return;
        }
        let key = Key::from(url.as_str());
        let read = local.read(url).map_err(|error| error.to_string()).and_then(|body| {
            let taken = self.take(&key, body, Origin::Local, now, None, stamp);
            taken.map_err(|outcome| outcome.cause().to_owned()).map(|_| ())
        });
        if let Err(detail) = read {
            let path = local.path(url).unwrap_or_default();
            tracing::warn!("the certificate in {} is not used: {detail}", path.display());
            self.lock().refuse(&key, Outcome::LocalUnreadable, detail, stamp, now);
        }
    }

    /// The same by what the tables know, and the question to the network.
    fn known(&self, url: &Url, now: Timestamp) -> Found<T> {
        let mut entries = self.lock();
        match entries.known(url.as_str(), now) {
            Known::Present(value) => {
                count(&self.counts.hits);
                return Found::Present(value);
            }
            Known::Stale(value) => {
                count(&self.counts.hits);
                if self.ask(&mut entries, url, now).is_ok() {
                    count(&self.counts.stale);
                }
                return Found::Present(value);
            }
            Known::Negative(outcome) => {
                count(&self.counts.negative);
                return Found::Negative(outcome);
            }
            Known::Pending => {
                count(&self.counts.coalesced);
                return Found::Pending;
            }
            Known::Nothing => {}
        }
        match self.ask(&mut entries, url, now) {
            Ok(()) => {
                count(&self.counts.misses);
                Found::Pending
            }
            Err(outcome) => Found::Negative(outcome),
        }
    }

    /// Asks for what is at a URL, within the budget.
    fn ask(&self, entries: &mut Entries<T>, url: &Url, now: Timestamp) -> Result<(), Outcome> {
        let Some(requests) = &self.requests else { return Err(Outcome::FetchOff) };
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) | None => None,
        };
        if address.is_some_and(|address| !address::permitted(address, &self.allow)) {
            count(&self.counts.refused);
            return Err(Outcome::FetchAddress);
        }
        let key = Key::from(url.as_str());
        // Room first: what is not asked for spends nothing of a host's budget.
        let room = requests.try_reserve().ok();
        let Some(room) = room.filter(|_| entries.budget.take(&url::host_name(url), now)) else {
            count(&self.counts.over_budget);
            return Err(Outcome::FetchBudget);
        };
        entries.pending.insert(Arc::clone(&key), Vec::new());
        room.send(key);
        Ok(())
    }

    /// Whether the host of a URL may be asked for something else now: it has one budget.
    pub fn permits(&self, url: &Url, now: Timestamp) -> bool {
        self.lock().budget.take(&url::host_name(url), now)
    }

    /// How a request ended: keeps what came, or that nothing did. Blocks while it writes to the disk.
    fn settle(&self, key: &Key, fetched: Result<Fetched, Failure>, now: Timestamp) {
        let fits = fetched.as_ref().is_ok_and(|fetched| fetched.fits);
        let taken = fetched.and_then(|Fetched { body, fresh, .. }| {
            // What the client read may be a piece of something larger.
            let body = Bytes::copy_from_slice(&body);
            let expires = Some(now.after(freshness::of_certificate(fresh)));
            let taken = self.take(key, body.clone(), Origin::Fetched, now, expires, None);
            let taken = taken.map_err(|outcome| match outcome {
                Outcome::CertificateMalformed if !fits => {
                    Failure::new(Outcome::FetchType, Outcome::FetchType.cause())
                }
                outcome => Failure::new(outcome, outcome.cause()),
            })?;
            if taken {
                self.keep(Kept { url: key.to_string(), fetched: now, expires, body });
            }
            Ok(())
        });
        let outcome = taken.as_ref().map_or_else(|failure| failure.outcome, |()| Outcome::Valid);
        count(self.counts.fetch(outcome));
        let (at_hand, waiting) = {
            let mut entries = self.lock();
            let failed = taken.as_ref().err().map(|failure| entries.failed(key, failure, now));
            let waiting = entries.pending.remove(key).unwrap_or_default();
            (failed, waiting)
        };
        if at_hand == Some(Failed::Dropped) {
            self.unkeep(key);
        }
        self.arrived(
            key,
            match at_hand {
                None | Some(Failed::Kept) => Ok(()),
                Some(Failed::Dropped | Failed::Nothing) => Err(outcome),
            },
        );
        if outcome.class() != Class::Passed {
            tracing::debug!("certificate {key}: {}", outcome.as_str());
        }
        for waiter in waiting {
            // Whoever asked may be gone.
            let _ = waiter.send(taken.clone());
        }
    }

    /// Puts a certificate at hand, as the reader that is in force reads it; false where another one
    /// goes before it.
    fn take(
        &self,
        key: &Key,
        body: Bytes,
        origin: Origin,
        now: Timestamp,
        expires: Option<Timestamp>,
        stamp: Option<Stamp>,
    ) -> Result<bool, Outcome> {
        let gone = loop {
            let (generation, reader) = self.reader();
            let value = Arc::new(reader(&body)?);
            let mut entries = self.lock();
            if self.reader().0 != generation {
                continue;
            }
            // What an operator added stays, and what is in the local folder goes before what was
            // under way when it came there.
            let present = entries.present.peek(key).map(|entry| entry.origin);
            if origin == Origin::Fetched && present.is_some_and(|origin| origin != Origin::Fetched)
            {
                return Ok(false);
            }
            let mut entry = Entry::new(value, body, origin, now, expires);
            entry.stamp = stamp;
            break entries.put(Arc::clone(key), entry);
        };
        for key in gone {
            count(&self.counts.evicted);
            self.unkeep(&key);
        }
        Ok(true)
    }

    /// Reads all certificates anew: what makes them what they are has changed. Meanwhile the old ones
    /// are used.
    pub fn reread(&self, reader: Reader<T>) {
        {
            let mut held = self.reader.write().unwrap_or_else(PoisonError::into_inner);
            *held = (held.0 + 1, Arc::clone(&reader));
        }
        let bodies: Vec<_> = self
            .lock()
            .present
            .iter()
            .map(|(key, entry)| (Arc::clone(key), entry.body.clone()))
            .collect();
        for (key, body) in bodies {
            let value = reader(&body);
            let mut entries = self.lock();
            // Another one of that URL was read by the new reader.
            let Some(entry) = entries.present.peek_mut(&key) else { continue };
            if entry.body != body {
                continue;
            }
            match value {
                Ok(value) => entry.value = Arc::new(value),
                Err(_) => drop(entries.present.pop(&key)),
            }
        }
    }

    /// Sets who is told when what was pending is at hand, or why it is not. Once; whoever comes later
    /// is not told. Called from a thread that may block.
    pub fn on_arrival(
        &self,
        hook: impl Fn(&str, Result<(), Outcome>) + Send + Sync + 'static,
    ) -> bool {
        self.arrival.set(Box::new(hook)).is_ok()
    }

    fn arrived(&self, url: &str, result: Result<(), Outcome>) {
        if let Some(arrival) = self.arrival.get() {
            arrival(url, result);
        }
    }

    /// What was counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    fn read(&self, body: &[u8]) -> Result<T, Outcome> {
        self.reader().1(body)
    }

    fn reader(&self) -> (u64, Reader<T>) {
        let held = self.reader.read().unwrap_or_else(PoisonError::into_inner);
        (held.0, Arc::clone(&held.1))
    }

    /// The disk is for the next start: that it fails is counted and said, and the certificate is used.
    fn keep(&self, kept: Kept) {
        let Some(disk) = &self.disk else { return };
        if let Err(error) = disk.write(&kept) {
            count(&self.counts.disk_errors);
            tracing::warn!("cannot keep the certificate {}: {error}", kept.url);
        }
    }

    fn unkeep(&self, url: &str) {
        let Some(disk) = &self.disk else { return };
        if let Err(error) = disk.remove(url) {
            count(&self.counts.disk_errors);
            tracing::warn!("cannot remove the certificate {url}: {error}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Entries<T>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
