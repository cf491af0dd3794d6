//! Lists: their modes, and their entries in the order of the numbers.

use std::collections::BTreeMap;

use ani_ebpf::abi::number::Number;
use rusqlite::{Connection, params};

use super::{Entries, Error, Replaced, Room, State, Store, Undo, entries, schema::Failure};
use crate::{
    policy::entry::{Listed, Subject},
    time::Timestamp,
};

/// Modes as they are kept.
const OBSERVE: &str = "observe";
const ENFORCE: &str = "enforce";

/// A list as it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    id: i64,
    observed: Option<bool>,
    /// Its rows: counting them each time would read them all.
    entries: usize,
}

impl Store {
    /// Names of the lists that are known, in their order.
    pub fn lists(&self) -> Vec<String> {
        self.state().lists.keys().cloned().collect()
    }

    /// How many entries a list has.
    pub fn entries(&self, list: &str) -> usize {
        self.state().lists.get(list).map_or(0, |kept| kept.entries)
    }

    /// Whether an operator set a list to observe, or to enforce; `None` when he did not.
    pub fn observed(&self, list: &str) -> Option<bool> {
        self.state().lists.get(list)?.observed
    }

    /// Keeps what an operator set of a list; `None` forgets it, and the configuration's holds again.
    pub fn set_observed(&self, list: &str, observed: Option<bool>) -> Result<(), Error> {
        let mut state = self.state();
        let State { connection, lists } = &mut *state;
        let mode = observed.map(|observed| if observed { OBSERVE } else { ENFORCE });
        let changed = known(connection, lists, list).and_then(|kept| {
            connection
                .execute("UPDATE list SET mode = ?2 WHERE id = ?1", params![kept.id, mode])?;
            kept.observed = observed;
            Ok(())
        });
        self.named(changed)
    }

    /// Puts entries on a list, all or none; the later of two of one subject counts, and an entry that
    /// is there is replaced. Refused when there would be more than there is room for.
    pub fn put(&self, list: &str, entries: &[Listed], room: Room) -> Result<Undo, Error> {
        let mut state = self.state();
        let State { connection, lists } = &mut *state;
        let mut put = || -> Result<Undo, Failure> {
            let kept = known(connection, lists, list)?;
            let transaction = connection.transaction()?;
            let undo = entries::put(&transaction, kept.id, entries)?;
            if undo.added.len() <= room.max.saturating_sub(room.entries) {
                transaction.commit()?;
                kept.entries += undo.added.len();
            }
            Ok(undo)
        };
        let undo = self.named(put())?;
        if undo.added.len() > room.max.saturating_sub(room.entries) {
            let Room { entries, max } = room;
            return Err(Error::Full {
                list: list.to_owned(),
                entries,
                max,
                more: undo.added.len(),
            });
        }
        Ok(undo)
    }

    /// Takes subjects off a list; returns the entries that were on it.
    pub fn take(&self, list: &str, subjects: &[Subject]) -> Result<Vec<Listed>, Error> {
        let mut state = self.state();
        let State { connection, lists } = &mut *state;
        let Some(kept) = lists.get_mut(list) else { return Ok(Vec::new()) };
        let mut take = || -> Result<Vec<Listed>, Failure> {
            let transaction = connection.transaction()?;
            let mut removed = Vec::new();
            for subject in subjects {
                removed.extend(entries::remove(&transaction, kept.id, subject)?);
            }
            transaction.commit()?;
            kept.entries = kept.entries.saturating_sub(removed.len());
            Ok(removed)
        };
        self.named(take())
    }

    /// Takes a change of a list back.
    pub fn undo(&self, list: &str, undo: &Undo) -> Result<(), Error> {
        self.take(list, &undo.added)?;
        self.put(list, &undo.replaced, Room::ANY)?;
        Ok(())
    }

    /// Makes other entries the whole of some lists, and hands the entries of the lists in `all` to
    /// `force`, read from the disk bit by bit; what it refuses is not kept. At most `max` entries
    /// in `all`.
    pub fn replace(
        &self,
        changes: &[(String, Vec<Listed>)],
        all: &[String],
        max: usize,
        force: impl FnOnce(&mut Entries<'_>) -> anyhow::Result<()>,
    ) -> Result<anyhow::Result<Vec<Replaced>>, Error> {
        let mut state = self.state();
        let State { connection, lists } = &mut *state;
        for (list, _) in changes {
            self.named(known(connection, lists, list).map(|_| ()))?;
        }
        let mut after = lists.clone();
        let mut counts = Vec::with_capacity(changes.len());
        let transaction = self.named(connection.transaction().map_err(Failure::from))?;
        for (list, entries) in changes {
            let Some(kept) = after.get_mut(list) else { continue };
            let count = entries::replace(&transaction, kept.id, entries);
            let count = self.named(count.map_err(Failure::from))?;
            kept.entries = count.new + count.replaced;
            counts.push(count);
        }
        let held = |lists: &BTreeMap<String, Kept>| -> usize {
            all.iter().filter_map(|list| lists.get(list)).map(|kept| kept.entries).sum()
        };
        if held(&after) > max {
            let (entries, more) = (held(lists), held(&after).saturating_sub(held(lists)));
            let list = changes.first().map(|(list, _)| list.clone()).unwrap_or_default();
            return Err(Error::Full { list, entries, max, more });
        }
        let forced = {
            let mut entries = all
                .iter()
                .filter_map(|list| Some((list.as_str(), after.get(list)?.id)))
                .flat_map(|(list, id)| {
                    let mut pages = entries::Pages::new(&transaction, id);
                    std::iter::from_fn(move || pages.next().transpose())
                        .map(move |entry| entry.map(|entry| (list, entry)))
                })
                .map(|entry| entry.map_err(|error| Failure::from(error).named(&self.file)));
            force(&mut entries)
        };
        if let Err(refused) = forced {
            return Ok(Err(refused));
        }
        self.named(transaction.commit().map_err(Failure::from))?;
        *lists = after;
        Ok(Ok(counts))
    }

    /// Takes off what has expired by `now`; returns lists and subjects.
    pub fn expire(&self, now: Timestamp) -> Result<Vec<(String, Subject)>, Error> {
        let mut state = self.state();
        let State { connection, lists } = &mut *state;
        let mut expire = || -> Result<_, Failure> {
            let transaction = connection.transaction()?;
            let expired = entries::expire(&transaction, now)?;
            transaction.commit()?;
            Ok(expired)
        };
        let names: BTreeMap<_, _> =
            lists.iter().map(|(name, kept)| (kept.id, name.clone())).collect();
        let mut expired = Vec::new();
        for (id, subject) in self.named(expire())? {
            let Some(name) = names.get(&id) else { continue };
            if let Some(kept) = lists.get_mut(name) {
                kept.entries = kept.entries.saturating_sub(1);
            }
            expired.push((name.clone(), subject));
        }
        Ok(expired)
    }

    /// Whether any entry of a list is for some calls only.
    pub fn is_scoped(&self, list: &str) -> Result<bool, Error> {
        let state = self.state();
        let Some(kept) = state.lists.get(list) else { return Ok(false) };
        let query = "SELECT EXISTS (SELECT 1 FROM entry WHERE list = ?1 AND (trunk <> '' OR \
                     attestations <> 0))";
        let scoped = state.connection.query_row(query, [kept.id], |row| row.get(0));
        self.named(scoped.map_err(Failure::from))
    }

    /// The entries that name a number or hold for it, each with its list.
    pub fn of(&self, number: Number) -> Result<Vec<(String, Listed)>, Error> {
        let state = self.state();
        let mut found = Vec::new();
        for (name, kept) in &state.lists {
            let entries = entries::of(&state.connection, kept.id, number);
            let entries = self.named(entries.map_err(Failure::from))?;
            found.extend(entries.into_iter().map(|entry| (name.clone(), entry)));
        }
        Ok(found)
    }

    /// At most `count` entries of a list that have an answer of their own.
    pub fn answered(&self, list: &str, count: usize) -> Result<Vec<Listed>, Error> {
        let state = self.state();
        let Some(kept) = state.lists.get(list) else { return Ok(Vec::new()) };
        let answered = entries::answered(&state.connection, kept.id, count);
        self.named(answered.map_err(Failure::from))
    }

    /// At most `count` entries of a list in the order of their numbers, those behind `after` only.
    pub fn page(
        &self,
        list: &str,
        after: Option<&Subject>,
        count: usize,
    ) -> Result<Vec<Listed>, Error> {
        let state = self.state();
        let Some(kept) = state.lists.get(list) else { return Ok(Vec::new()) };
        let page = entries::page(&state.connection, kept.id, after, count);
        self.named(page.map_err(Failure::from))
    }
}

/// The lists there are, with how many entries each has.
pub(super) fn read(connection: &Connection) -> Result<BTreeMap<String, Kept>, Failure> {
    let counts: BTreeMap<i64, i64> = connection
        .prepare("SELECT list, count(*) FROM entry GROUP BY list")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut lists = BTreeMap::new();
    let mut query = connection.prepare("SELECT id, name, mode FROM list")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (id, mode): (i64, Option<String>) = (row.get(0)?, row.get(2)?);
        let observed = match mode.as_deref() {
            None => None,
            Some(OBSERVE) => Some(true),
            Some(ENFORCE) => Some(false),
            Some(mode) => {
                return Err(Failure::Damaged(format!("`{mode}` is no list's mode")));
            }
        };
        let entries = counts.get(&id).map_or(0, |count| usize::try_from(*count).unwrap_or(0));
        lists.insert(row.get(1)?, Kept { id, observed, entries });
    }
    Ok(lists)
}

/// A list by its name; one that is not there is made.
fn known<'a>(
    connection: &Connection,
    lists: &'a mut BTreeMap<String, Kept>,
    name: &str,
) -> Result<&'a mut Kept, Failure> {
    let id = match lists.get(name) {
        Some(kept) => kept.id,
        None => {
            connection.execute("INSERT INTO list (name) VALUES (?1)", [name])?;
            connection.last_insert_rowid()
        }
    };
    Ok(lists.entry(name.to_owned()).or_insert(Kept { id, observed: None, entries: 0 }))
}
