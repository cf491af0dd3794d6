//! Revocation lists that are fetched from where certificates say they are (RFC 5280 §4.2.1.13). SHAKEN
//! has one for all, the STI-PA's (ATIS-1000080 §6.4.1).
//!
//! Only a certificate whose chain ends at a trust anchor can name a list, and there is room for
//! [`MAX_URLS`] of them. Each is fetched when it is first named and then again and again, is kept on
//! the disk, and stays in force until a newer one comes: that a list cannot be had, or is none, never
//! fails a call and never takes away what is at hand.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ::url::Url;
use hyper::body::Bytes;
use rustls_pki_types::TrustAnchor;
use serde::Serialize;
use tokio::sync::Notify;

use self::end::End;
use super::{
    certificate::Points,
    crls::Sound,
    disk::{Disk, Kept},
    fetch::MAX_LIST,
    freshness::LIST_SHORTEST,
    url,
};
use crate::time::Timestamp;

/// How the fetch of a list ended.
pub mod end;
/// Fetches them.
mod serve;

/// Name of the folder in that of the store.
pub const FOLDER: &str = "crls";

/// Lists that are fetched. SHAKEN has one; an authority of one's own has another.
pub const MAX_URLS: usize = 16;

/// URLs that are counted of those that are turned away.
pub const MAX_TURNED: usize = 1_024;

/// Authorities that may have signed one list.
const MAX_AUTHORITIES: usize = 16;

/// A list that nobody has fetched for so long, since no certificate names it any more, is forgotten
/// at the next start.
pub const LONGEST_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Bytes of a file: PEM is a third longer than what it is of.
const MAX_KEPT: usize = 2 * MAX_LIST;

/// The lists.
#[derive(Debug)]
pub struct Lists {
    disk: Disk,
    state: Mutex<State>,
    /// How often what is in force changed.
    changes: AtomicU64,
    named: Notify,
}

#[derive(Debug, Default)]
struct State {
    lists: Vec<List>,
    signers: Vec<TrustAnchor<'static>>,
    counts: BTreeMap<&'static str, u64>,
    refused: Turned,
    no_room: Turned,
}

/// URLs that were turned away, each counted once, up to [`MAX_TURNED`].
#[derive(Debug, Default)]
struct Turned(HashSet<u64>);

impl Turned {
    /// Whether it is the first.
    fn add(&mut self, url: &str) -> bool {
        let is_first = self.0.is_empty();
        if self.0.len() < MAX_TURNED {
            let mut hash = DefaultHasher::new();
            url.hash(&mut hash);
            self.0.insert(hash.finish());
        }
        is_first
    }
}

#[derive(Debug)]
struct List {
    url: Url,
    /// Who may have signed it; none before a certificate of this run has named it, and until then it
    /// is not fetched.
    authorities: Vec<TrustAnchor<'static>>,
    named: bool,
    at_hand: Option<AtHand>,
    /// How the last fetch ended, and what was found.
    last: Option<(End, String)>,
    tried: Timestamp,
    due: Timestamp,
    /// Whether the log has its trouble.
    told: bool,
}

#[derive(Debug)]
struct AtHand {
    pem: Bytes,
    fetched: Timestamp,
    made: i64,
    next: Option<i64>,
}

/// One list, for people and for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Where it is.
    pub url: String,
    /// How the last fetch ended: a word of [`End`]. Before the first it is `kept` where one of the disk
    /// is in force, and `pending` where none is.
    pub state: &'static str,
    /// What was found, where it did not end well.
    pub detail: Option<String>,
    /// When the one in force came; none where there is none.
    pub fetched: Option<Timestamp>,
    /// When that was to be followed by the next.
    pub next_update: Option<Timestamp>,
}

/// What there is to show of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Each list, in the order in which they were named.
    pub lists: Vec<Shown>,
    /// Fetches by how they ended, those that occurred.
    pub fetches: BTreeMap<&'static str, u64>,
    /// URLs that were named and are not asked, at most [`MAX_TURNED`]: no https, another port, a query.
    pub refused: usize,
    /// URLs that were named and for which there is no room, at most [`MAX_TURNED`].
    pub no_room: usize,
}

impl Lists {
    /// With what its folder holds, which is in force at once. Blocks while it reads.
    ///
    /// # Errors
    /// When the folder cannot be made or read. Files that are none of its own are named in the log and
    /// left there.
    pub fn open(folder: &Path, now: Timestamp) -> io::Result<Self> {
        let disk = Disk::of(folder, MAX_KEPT)?;
        let content = disk.load()?;
        for skipped in &content.skipped {
            tracing::warn!("left out of the revocation lists: {skipped}");
        }
        let mut lists = Vec::new();
        for kept in content.kept {
            let list = (lists.len() < MAX_URLS && now < kept.fetched.after(LONGEST_KEPT))
                .then(|| List::kept(&kept))
                .flatten();
            match list {
                Some(list) => lists.push(list),
                None => disk.remove(&kept.url)?,
            }
        }
        let state = Mutex::new(State { lists, ..State::default() });
        Ok(Self { disk, state, changes: AtomicU64::new(0), named: Notify::new() })
    }

    /// Takes where the lists of a certificate are; what is new is fetched at once.
    pub fn name(&self, points: &Points) {
        let mut is_new = false;
        let mut state = self.state();
        for text in &points.urls {
            let Ok(url) = url::check(text) else {
                state.refused.add(text);
                continue;
            };
            let at = match state.lists.iter().position(|list| list.url == url) {
                Some(at) => at,
                None if state.lists.len() < MAX_URLS => {
                    state.lists.push(List::new(url));
                    state.lists.len() - 1
                }
                None => {
                    if state.no_room.add(url.as_str()) {
                        tracing::warn!(
                            "the revocation list of {url} is not fetched: {MAX_URLS} are; put it \
                             into stir.crls, or take those away from the store's folder {FOLDER} \
                             that are no longer in use and restart"
                        );
                    }
                    continue;
                }
            };
            is_new |= state.lists.get_mut(at).is_some_and(|list| list.named_by(points));
        }
        drop(state);
        if is_new {
            self.named.notify_one();
        }
    }

    /// Takes who signs indirect lists. One that nobody had signed is asked for again.
    pub fn signed_by(&self, signers: &[TrustAnchor<'static>]) {
        let mut state = self.state();
        if state.signers == signers {
            return;
        }
        state.signers = signers.to_vec();
        for list in &mut state.lists {
            if matches!(list.last, Some((End::Foreign, _))) {
                list.due = list.tried;
            }
        }
        drop(state);
        self.named.notify_one();
    }

    /// Another number whenever other lists are in force.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// The lists in force, by their URLs, PEM.
    pub(super) fn bodies(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let body = |list: &List| {
            let at_hand = list.at_hand.as_ref()?;
            Some((PathBuf::from(list.url.as_str()), at_hand.pem.to_vec()))
        };
        self.state().lists.iter().filter_map(body).collect()
    }

    /// What there is to show.
    pub fn report(&self) -> Report {
        let state = self.state();
        Report {
            lists: state.lists.iter().map(List::shown).collect(),
            fetches: state.counts.clone(),
            refused: state.refused.0.len(),
            no_room: state.no_room.0.len(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn new(url: Url) -> Self {
        let never = Timestamp(i64::MIN);
        Self {
            url,
            authorities: Vec::new(),
            named: false,
            at_hand: None,
            last: None,
            tried: never,
            due: never,
            told: false,
        }
    }

    /// One of the disk; none where it is no list. Who signed it was looked at before it was kept. A
    /// start asks for it again, and many starts ask no more often than one run may.
    fn kept(kept: &Kept) -> Option<Self> {
        let (made, next) = Sound::times(&kept.body)?;
        let at_hand = AtHand { pem: kept.body.clone(), fetched: kept.fetched, made, next };
        let due = kept.fetched.after(LIST_SHORTEST);
        let list = Self::new(url::check(&kept.url).ok()?);
        Some(Self { at_hand: Some(at_hand), tried: kept.fetched, due, ..list })
    }

    /// Whether that is news.
    fn named_by(&mut self, points: &Points) -> bool {
        let mut is_new = !std::mem::replace(&mut self.named, true);
        for authority in &points.authorities {
            if self.authorities.len() < MAX_AUTHORITIES && !self.authorities.contains(authority) {
                self.authorities.push(authority.clone());
                // It may be the one who signed what was fetched.
                if matches!(self.last, Some((End::Foreign, _))) {
                    (self.due, is_new) = (self.tried, true);
                }
            }
        }
        is_new
    }

    /// A clock that was set back holds nothing back.
    fn is_due(&self, now: Timestamp) -> bool {
        self.named && (now >= self.due || now < self.tried)
    }

    fn shown(&self) -> Shown {
        let at_hand = self.at_hand.as_ref();
        let detail = self.last.as_ref().map(|(_, detail)| detail.clone());
        Shown {
            url: self.url.to_string(),
            state: match &self.last {
                Some((end, _)) => end.as_str(),
                None if at_hand.is_some() => "kept",
                None => "pending",
            },
            detail: detail.filter(|detail| !detail.is_empty()),
            fetched: at_hand.map(|at_hand| at_hand.fetched),
            next_update: at_hand
                .and_then(|at_hand| at_hand.next)
                .map(|next| Timestamp::new(next, 0)),
        }
    }
}
