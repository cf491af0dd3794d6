//! The habits of each trunk, and of each source while somebody learns; in bounded memory.
//!
//! Sources that belong to no trunk are looked at only while somebody learns, and then afresh: a table
//! that strangers fill all day is full of scanners when somebody comes who wants to know of one.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Finding, Record, Watch};
use crate::{
    invite::Invite,
    telemetry::{MAX_TRUNK_FIGURES, is_call},
    time::Timestamp,
};

/// How many may learn at one time.
pub const MAX_LESSONS: usize = 4;

/// Sources of a lesson; INVITEs of others are counted.
pub const MAX_LESSON_SOURCES: usize = 256;

/// How long a lesson that is over can still be read.
const KEPT: Duration = Duration::from_secs(600);

/// Findings that wait for being told; whoever tells them comes every few seconds.
const MAX_NEWS: usize = 1_024;

/// All that is known of habits.
#[derive(Debug, Default)]
pub struct Book {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    trunks: BTreeMap<String, Kept>,
    lessons: Vec<Lesson>,
    next: u64,
    news: Vec<(String, Finding)>,
}

#[derive(Debug, Default)]
struct Kept {
    watched: Watched,
    /// Whether something came since it was last stored.
    changed: bool,
}

/// The habits of a trunk and their changes, as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watched {
    /// What its INVITEs have shown.
    pub record: Record,
    /// When that changed.
    pub watch: Watch,
}

impl Watched {
    /// Takes an INVITE that starts a call; returns whether a change was found by it.
    pub fn add(&mut self, invite: &Invite<'_>) -> bool {
        self.record.add(&invite.habits, invite.ts);
        !invite.habits.headers_cut && self.watch.add(invite.habits.traits, invite.ts)
    }
}

/// What is learned from some sources for some time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Lesson {
    /// To read it by.
    pub id: u64,
    /// When it ends.
    pub until: Timestamp,
    /// The network it is about; none for any. Who learns knows it.
    #[serde(skip)]
    pub source: Option<IpNet>,
    /// The trunk it is about; none for any, and for what belongs to none.
    pub trunk: Option<String>,
    /// What each source has shown.
    pub records: BTreeMap<IpAddr, Record>,
    /// INVITEs of sources beyond [`MAX_LESSON_SOURCES`].
    pub beyond: u64,
}

impl Book {
    /// Takes an INVITE, if it starts a call.
    pub fn record(&self, invite: &Invite<'_>) {
        if !is_call(invite) {
            return;
        }
        let mut state = self.state();
        let State { trunks, lessons, news, .. } = &mut *state;
        if let Some(name) = invite.trunk.as_deref() {
            let room = trunks.len() < MAX_TRUNK_FIGURES;
            let kept = match trunks.get_mut(name) {
                None if room => Some(trunks.entry(name.to_owned()).or_default()),
                known => known,
            };
            if let Some(kept) = kept {
                kept.changed = true;
                let before = kept.watched.watch.changes;
                if kept.watched.add(invite) {
                    let findings = kept.watched.watch.findings();
                    let new = kept.watched.watch.changes.saturating_sub(before);
                    let new = findings.iter().rev().take(usize::try_from(new).unwrap_or(0)).rev();
                    let room = MAX_NEWS.saturating_sub(news.len());
                    news.extend(new.take(room).map(|finding| (name.to_owned(), *finding)));
                }
            }
        }
        lessons.iter_mut().for_each(|lesson| lesson.add(invite));
    }

    /// The habits of a trunk.
    pub fn trunk(&self, name: &str) -> Option<Watched> {
        self.state().trunks.get(name).map(|kept| kept.watched.clone())
    }

    /// Names of the trunks that are known, and how many changes were found on each.
    pub fn changes(&self) -> Vec<(String, u64)> {
        let state = self.state();
        let changes = |kept: &Kept| kept.watched.watch.changes;
        state.trunks.iter().map(|(name, kept)| (name.clone(), changes(kept))).collect()
    }

    /// What was found since it was last asked for, with the trunk's name.
    pub fn news(&self) -> Vec<(String, Finding)> {
        std::mem::take(&mut self.state().news)
    }

    /// Names of trunks with something that is not stored.
    pub fn unstored(&self) -> Vec<String> {
        let state = self.state();
        let changed = state.trunks.iter().filter(|(_, kept)| kept.changed);
        changed.map(|(name, _)| name.clone()).collect()
    }

    /// The habits of a trunk, to store them.
    pub fn to_store(&self, name: &str) -> Option<Watched> {
        let mut state = self.state();
        let kept = state.trunks.get_mut(name)?;
        kept.changed = false;
        Some(kept.watched.clone())
    }

    /// At start: what was stored.
    pub fn restore(&self, name: String, watched: Watched) {
        let mut state = self.state();
        if state.trunks.len() < MAX_TRUNK_FIGURES {
            state.trunks.insert(name, Kept { watched, changed: false });
        }
    }

    /// Begins to learn; returns what to ask for it by, or none while too many learn.
    pub fn learn(
        &self,
        source: Option<IpNet>,
        trunk: Option<String>,
        now: Timestamp,
        within: Duration,
    ) -> Option<u64> {
        let mut state = self.state();
        state.lessons.retain(|lesson| lesson.until.after(KEPT) > now);
        if state.lessons.len() >= MAX_LESSONS {
            return None;
        }
        state.next += 1;
        let id = state.next;
        let until = now.after(within);
        let records = BTreeMap::new();
        state.lessons.push(Lesson { id, until, source, trunk, records, beyond: 0 });
        Some(id)
    }

    /// What was learned so far.
    pub fn lesson(&self, id: u64) -> Option<Lesson> {
        self.state().lessons.iter().find(|lesson| lesson.id == id).cloned()
    }

    /// Ends learning; returns what was learned.
    pub fn learned(&self, id: u64) -> Option<Lesson> {
        let mut state = self.state();
        let at = state.lessons.iter().position(|lesson| lesson.id == id)?;
        Some(state.lessons.remove(at))
    }

    /// What is counted stays usable whatever thread panicked while it counted.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lesson {
    fn add(&mut self, invite: &Invite<'_>) {
        let source = invite.src.ip();
        if invite.ts > self.until
            || self.source.is_some_and(|only| !only.contains(&source))
            || self.trunk.as_deref().is_some_and(|only| invite.trunk.as_deref() != Some(only))
        {
            return;
        }
        let room = self.records.len() < MAX_LESSON_SOURCES;
        match self.records.get_mut(&source) {
            Some(record) => record.add(&invite.habits, invite.ts),
            None if room => {
                self.records.entry(source).or_default().add(&invite.habits, invite.ts);
            }
            None => self.beyond = self.beyond.saturating_add(1),
        }
    }
}
