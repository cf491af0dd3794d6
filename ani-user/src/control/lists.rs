//! Lists in force: their ids, what they do, and changes of their entries.
//!
//! Entries are kept by the names of their list and trunk. Which id and which index that is says the
//! configuration; an entry whose list or trunk is not configured is kept and not in force.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use ani_ebpf::abi::list::{Action, Rule};

use super::{
    Daemon, Error,
    feed::{self, Strangers},
    reload::Fed,
};
use crate::{
    answer::Answer,
    config::Config,
    policy::{
        self, Enforce as _, Listing,
        entry::{Listed, Subject},
    },
    store::{Entries, Replaced, Room},
    time::Timestamp,
};

/// The lists that are always there.
pub(super) const BUILT_IN: [(&str, u8, Action); 3] = [
    ("allow", policy::ALLOW, Action::Allow),
    ("block", policy::BLOCK, Action::Block),
    ("gray", policy::GRAY, Action::Gray),
];

/// How many entries a change made and replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Changed {
    /// Entries of subjects that were not on the list.
    pub new: usize,
    /// Entries that were on it and are now others.
    pub replaced: usize,
    /// Entries on the list now.
    pub total: usize,
}

/// A list in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct List {
    pub(super) name: String,
    pub(super) id: u8,
    pub(super) action: Action,
    /// As configured.
    pub(super) observed: bool,
    /// What it is read from; then it is not changed by command.
    pub(super) file: Option<PathBuf>,
    /// What calls are told that it stops.
    pub(super) answer: Answer,
}

/// Lists and trunks by name.
#[derive(Debug, Default)]
pub(super) struct InForce {
    /// The built-in ones, then those of the configuration, in its order.
    pub(super) lists: Vec<List>,
    trunks: HashMap<String, u16>,
}

impl InForce {
    /// The lists and trunks of a configuration.
    pub(super) fn of(config: &Config) -> Self {
        let mut lists = Vec::with_capacity(BUILT_IN.len() + config.list.len());
        for (name, id, action) in BUILT_IN {
            let name = name.to_owned();
            let answer =
                if id == policy::BLOCK { config.answers.block.clone() } else { Answer::Drop };
            lists.push(List { name, id, action, observed: false, file: None, answer });
        }
        for (id, list) in config.list.numbered() {
            lists.push(List {
                name: list.name.clone(),
                id,
                action: list.action,
                observed: list.observed,
                file: list.file.clone(),
                answer: list.answer.clone(),
            });
        }
        let trunks = config.trunks.numbered();
        let trunks = trunks.map(|(index, trunk)| (trunk.name.clone(), index)).collect();
        Self { lists, trunks }
    }

    pub(super) fn find(&self, name: &str) -> Option<&List> {
        self.lists.iter().find(|list| list.name == name)
    }

    fn names(&self) -> Vec<String> {
        self.lists.iter().map(|list| list.name.clone()).collect()
    }

    /// What an entry puts on a list; none where its trunk is not configured.
    pub(super) fn listing(
        &self,
        list: u8,
        subject: &Subject,
        expires: Option<Timestamp>,
    ) -> Option<Listing> {
        subject.listing(list, expires, |name| self.trunks.get(name).copied())
    }

    fn listings(&self, list: u8, entries: &[Listed]) -> Vec<Listing> {
        let listing = |entry: &Listed| self.listing(list, &entry.subject, entry.expires);
        entries.iter().filter_map(listing).collect()
    }

    /// Whether the trunk of a subject is configured, if it names one.
    pub(super) fn has_trunk(&self, subject: &Subject) -> bool {
        subject.trunk.as_ref().is_none_or(|name| self.trunks.contains_key(name))
    }

    /// Whether the same entries are in force as the same listings.
    fn same_listings(&self, other: &Self) -> bool {
        let ids = |lists: &[List]| -> HashSet<(String, u8)> {
            lists.iter().map(|list| (list.name.clone(), list.id)).collect()
        };
        self.trunks == other.trunks && ids(&self.lists) == ids(&other.lists)
    }
}

impl Daemon {
    /// The lists in force.
    pub(super) fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&super::read(&self.in_force))
    }

    /// At start: the lists as they are kept and as the files say. A file that cannot be used leaves
    /// what its list was before.
    pub(super) fn restore_lists(&self) -> Result<(), Error> {
        let in_force = self.in_force();
        let mut feeds = Vec::new();
        for list in &in_force.lists {
            match list.file.as_deref().map(|file| self.read(&list.name, file)).transpose() {
                Ok(Some(entries)) => feeds.push((list.name.clone(), entries)),
                Ok(None) => {}
                Err(error) => tracing::error!(
                    "{error}; the list has the {} entries it had before",
                    self.store.entries(&list.name)
                ),
            }
        }
        for name in self.store.lists() {
            let entries = self.store.entries(&name);
            if entries > 0 && in_force.find(&name).is_none() {
                tracing::warn!(
                    "list `{name}` has {entries} entries and is not configured: they are kept, and \
                     not in force"
                );
            }
        }
        let entries = self.entries();
        if feeds.is_empty() && entries > self.max_entries {
            let file = self.store.file().to_owned();
            return Err(Error::TooLong { file, entries, max: self.max_entries });
        }
        self.enforce.set_rules(&self.rules(&in_force)).map_err(Error::NotInForce)?;
        self.relist(&in_force, &feeds)?;
        self.settle_answers(&in_force, &self.config())
    }

    /// After this host's clock was set: puts entries in force again, whose ends the kernel counts on a
    /// clock of its own.
    ///
    /// # Errors
    ///
    /// When the kernel does not take them; those from before stay.
    pub fn clock_was_set(&self) -> Result<(), Error> {
        let _changes = self.changes();
        self.relist(&self.in_force(), &[]).map(drop)
    }

    /// The lists of another configuration, and which of those with files are others now; on an error the
    /// old ones stay.
    pub(super) fn reload_lists(&self, config: &Config) -> Result<Vec<Fed>, Error> {
        let old = self.in_force();
        let new = Arc::new(InForce::of(config));
        let mut feeds = Vec::new();
        for list in &new.lists {
            if let Some(file) = &list.file {
                feeds.push((list.name.clone(), self.read(&list.name, file)?));
            }
        }
        let gone = old.lists.iter().filter(|list| new.find(&list.name).is_none());
        let mut rules: Vec<_> = gone.map(|list| (list.id, Rule::NONE)).collect();
        rules.extend(self.rules(&new));
        let result = self.enforce.set_rules(&rules).map_err(Error::NotInForce).and_then(|()| {
            if feeds.is_empty() && new.same_listings(&old) {
                return Ok(Vec::new());
            }
            self.relist(&new, &feeds)
        });
        let counts = match result {
            Ok(counts) => counts,
            Err(error) => {
                let mut back: Vec<_> = new.lists.iter().map(|list| (list.id, Rule::NONE)).collect();
                back.extend(self.rules(&old));
                return Err(match self.enforce.set_rules(&back) {
                    Ok(()) => error,
                    Err(undo) => Error::Torn { refused: anyhow::anyhow!("{error}"), undo },
                });
            }
        };
        let fed = feeds.iter().zip(counts).filter_map(|((name, _), counts)| {
            Fed::of(name, new.find(name)?.file.as_deref()?, counts)
        });
        let fed = fed.collect();
        *super::write(&self.in_force) = Arc::clone(&new);
        self.settle_answers(&new, config)?;
        Ok(fed)
    }

    /// Sets by command whether a list is only observed; `None` gives way to the configuration again.
    pub(super) fn set_observed(&self, list: &List, observed: Option<bool>) -> Result<(), Error> {
        let _changes = self.changes();
        let before = self.store.observed(&list.name);
        self.store.set_observed(&list.name, observed)?;
        if let Err(refused) = self.enforce.set_rules(&[(list.id, self.rule(list))]) {
            self.store
                .set_observed(&list.name, before)
                .map_err(|undo| super::torn(&refused, undo))?;
            return Err(match self.enforce.set_rules(&[(list.id, self.rule(list))]) {
                Ok(()) => Error::NotInForce(refused),
                Err(undo) => Error::Torn { refused, undo },
            });
        }
        Ok(())
    }

    /// Puts entries on a list, all or none; of several of one subject the last counts.
    pub(super) fn put(&self, list: &List, entries: Vec<Listed>) -> Result<Changed, Error> {
        let _changes = self.changes();
        let in_force = self.in_force();
        let entries = distinct(entries);
        let undo = self.store.put(&list.name, &entries, self.room())?;
        if let Err(refused) = self.enforce.list(&in_force.listings(list.id, &entries)) {
            let back = self
                .store
                .undo(&list.name, &undo)
                .map_err(anyhow::Error::from)
                .and_then(|()| self.unlist(&in_force, list.id, &undo.added))
                .and_then(|()| self.enforce.list(&in_force.listings(list.id, &undo.replaced)));
            return Err(match back {
                Ok(()) => Error::NotInForce(refused),
                Err(undo) => Error::Torn { refused, undo },
            });
        }
        let answered = |entry: &Listed| entry.answer.is_some();
        if entries.iter().chain(&undo.replaced).any(answered) {
            self.settle_answers(&in_force, &self.config())?;
        }
        Ok(Changed {
            new: undo.added.len(),
            replaced: undo.replaced.len(),
            total: self.store.entries(&list.name),
        })
    }

    /// Takes subjects off a list, all or none; returns those that were on it.
    pub(super) fn take(&self, list: &List, subjects: &[Subject]) -> Result<Vec<Subject>, Error> {
        let _changes = self.changes();
        let in_force = self.in_force();
        let removed = self.store.take(&list.name, subjects)?;
        let subjects: Vec<_> = removed.iter().map(|entry| entry.subject.clone()).collect();
        if let Err(refused) = self.unlist(&in_force, list.id, &subjects) {
            let back = self
                .store
                .put(&list.name, &removed, Room::ANY)
                .map_err(anyhow::Error::from)
                .and_then(|_| self.enforce.list(&in_force.listings(list.id, &removed)));
            return Err(match back {
                Ok(()) => Error::NotInForce(refused),
                Err(undo) => Error::Torn { refused, undo },
            });
        }
        if removed.iter().any(|entry| entry.answer.is_some()) {
            self.settle_answers(&in_force, &self.config())?;
        }
        Ok(subjects)
    }

    /// Makes these the whole list, in one step.
    pub(super) fn replace(
        &self,
        list: &List,
        entries: Vec<Listed>,
    ) -> Result<(Replaced, usize), Error> {
        let _changes = self.changes();
        let in_force = self.in_force();
        let counts = self.relist(&in_force, &[(list.name.clone(), entries)])?;
        self.settle_answers(&in_force, &self.config())?;
        Ok((counts.first().copied().unwrap_or_default(), self.store.entries(&list.name)))
    }

    /// Takes off what has expired; returns how many entries. To be called now and then: the kernel
    /// looks at the expiry itself, so this only makes room. Blocks while another change is made.
    pub fn expire(&self, now: Timestamp) -> Result<usize, Error> {
        let _changes = self.changes();
        let expired = self.store.expire(now)?;
        let in_force = self.in_force();
        let listings: Vec<_> = expired
            .iter()
            .filter_map(|(list, subject)| in_force.listing(in_force.find(list)?.id, subject, None))
            .collect();
        if !listings.is_empty() {
            self.enforce.unlist(&listings).map_err(Error::NotInForce)?;
            self.settle_answers(&in_force, &self.config())?;
        }
        Ok(expired.len())
    }

    /// Whether a list is only observed, whoever said so.
    pub(super) fn is_observed(&self, list: &List) -> bool {
        self.store.observed(&list.name).unwrap_or(list.observed)
    }

    /// Entries in force, of all lists.
    pub(super) fn entries(&self) -> usize {
        let in_force = self.in_force();
        in_force.lists.iter().map(|list| self.store.entries(&list.name)).sum()
    }

    fn room(&self) -> Room {
        Room { entries: self.entries(), max: self.max_entries }
    }

    fn rule(&self, list: &List) -> Rule {
        Rule::new(list.action, self.is_observed(list))
    }

    fn rules(&self, in_force: &InForce) -> Vec<(u8, Rule)> {
        in_force.lists.iter().map(|list| (list.id, self.rule(list))).collect()
    }

    fn unlist(&self, in_force: &InForce, list: u8, subjects: &[Subject]) -> anyhow::Result<()> {
        let listing = |subject: &Subject| in_force.listing(list, subject, None);
        self.enforce.unlist(&subjects.iter().filter_map(listing).collect::<Vec<_>>())
    }

    /// Makes some lists others, and all that is kept in force; on an error nothing changes.
    fn relist(
        &self,
        in_force: &InForce,
        changes: &[(String, Vec<Listed>)],
    ) -> Result<Vec<Replaced>, Error> {
        let mut strangers = Strangers::default();
        let force = |entries: &mut Entries<'_>| {
            let mut listings = entries.filter_map(|entry| {
                let (list, entry) = match entry {
                    Ok(entry) => entry,
                    Err(error) => return Some(Err(error.into())),
                };
                let id = in_force.find(list)?.id;
                let listing = in_force.listing(id, &entry.subject, entry.expires);
                if listing.is_none() {
                    strangers.count(list, &entry.subject);
                }
                listing.map(Ok)
            });
            self.enforce.relist(&mut listings)
        };
        let counts = self
            .store
            .replace(changes, &in_force.names(), self.max_entries, force)?
            .map_err(Error::NotInForce)?;
        if let Some(strangers) = strangers.told() {
            tracing::warn!("{strangers}");
        }
        Ok(counts)
    }

    /// What stands in the file of a list now.
    pub(super) fn read(&self, list: &str, file: &Path) -> Result<Vec<Listed>, Error> {
        feed::read(list, file, self.clock.now())
    }
}

/// Of several entries of one subject the last.
pub(super) fn distinct(entries: Vec<Listed>) -> Vec<Listed> {
    let keep: Vec<bool> = {
        let mut seen = HashSet::with_capacity(entries.len());
        entries.iter().rev().map(|entry| seen.insert(&entry.subject)).collect()
    };
    let last = keep.into_iter().rev();
    entries.into_iter().zip(last).filter_map(|(entry, last)| last.then_some(entry)).collect()
}
