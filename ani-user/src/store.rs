//! What survives a restart: the entries of lists, the modes and limits an operator set by command, and
//! what was learned of the trunks' habits.
//!
//! One SQLite database, `ani.db`, write-ahead logged, synchronous: what a method returned from is
//! on the disk. The database belongs to one daemon at a time. One that is damaged, or newer than
//! this program, is refused and never touched.

use std::{
    collections::BTreeMap,
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ani_ebpf::abi::number::Number;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::{
    config::Rate,
    policy::entry::{Listed, Subject},
    time::Timestamp,
};

/// Tables and their versions.
mod schema;
/// Rows of lists.
mod entries;
/// Numbers and entries as they stand in a row.
mod row;

/// Name of the database in its directory.
const FILE: &str = "ani.db";
/// Key of the operator's limit.
pub(crate) const LIMIT: &str = "limits.per_caller";
/// Modes as they are kept.
const OBSERVE: &str = "observe";
const ENFORCE: &str = "enforce";

/// The open database.
#[derive(Debug)]
pub struct Store {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    connection: Connection,
    /// Lists by name.
    lists: BTreeMap<String, Kept>,
}

/// A list as it is kept.
#[derive(Clone, Copy, Debug)]
struct Kept {
    id: i64,
    observed: Option<bool>,
    /// Its rows: counting them each time would read them all.
    entries: usize,
}

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory is not there and cannot be made.
    #[error("cannot make the directory {}: {source}; make it, or set `store.path`", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error(
        "{} is in use: is another `ani run` running? give each daemon a `store.path` of its own",
        file.display()
    )]
    InUse {
        /// The database.
        file: PathBuf,
    },
    /// It is no database, or its content is inconsistent.
    #[error(
        "{} is damaged ({detail}): restore it from a backup, or move it away to start with \
         empty lists",
        file.display()
    )]
    Damaged {
        /// The database.
        file: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// A newer version wrote it.
    #[error(
        "{} was written by a newer ani (schema {found}, this one knows {known}): install that \
         one, or move the file away",
        file.display()
    )]
    Newer {
        /// The database.
        file: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// The lists would hold more than they may.
    #[error(
        "list `{list}` has no room for {more} more: all lists together hold {entries} of {max} \
         entries; remove some, or raise `lists.max_entries` and restart"
    )]
    Full {
        /// The list.
        list: String,
        /// Entries in force, of all lists.
        entries: usize,
        /// How many there may be.
        max: usize,
        /// How many more there would be.
        more: usize,
    },
    /// Anything else: no space, no permission.
    #[error("{}: {source}", file.display())]
    Database {
        /// The database.
        file: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// What a change replaced, to take it back.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Undo {
    /// What was not on the list before.
    pub added: Vec<Subject>,
    /// Entries as they were before.
    pub replaced: Vec<Listed>,
}

/// How a list that was made another one differs from the one it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// Entries of subjects that were not on it.
    pub new: usize,
    /// Entries of subjects that were on it.
    pub replaced: usize,
    /// Entries of subjects that are not on it any more.
    pub removed: usize,
}

/// How many entries there are and may be, over all lists in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// There are.
    pub entries: usize,
    /// There may be.
    pub max: usize,
}

impl Room {
    /// No end of it.
    pub const ANY: Self = Self { entries: 0, max: usize::MAX };
}

/// The entries of some lists, each with the name of its list, in the order of the lists and then of
/// the numbers.
pub type Entries<'a> = dyn Iterator<Item = Result<(&'a str, Listed), Error>> + 'a;

impl Store {
    /// Opens the database in a directory, or makes both; the directory is then its owner's alone.
    pub fn open(directory: &Path) -> Result<Self, Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|source| Error::Directory { path: directory.to_owned(), source })?;
        let file = directory.join(FILE);
        let state = schema::open(&file)
            .and_then(|connection| Ok(State { lists: lists(&connection)?, connection }))
            .map_err(|error| error.named(&file))?;
        Ok(Self { file, state: Mutex::new(state) })
    }

    /// The database file.
    pub fn file(&self) -> &Path {
        &self.file
    }

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
        let mut put = || -> Result<Undo, schema::Failure> {
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
        let mut take = || -> Result<Vec<Listed>, schema::Failure> {
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
        let transaction = self.named(connection.transaction().map_err(schema::Failure::from))?;
        for (list, entries) in changes {
            let Some(kept) = after.get_mut(list) else { continue };
            let count = entries::replace(&transaction, kept.id, entries);
            let count = self.named(count.map_err(schema::Failure::from))?;
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
                .map(|entry| entry.map_err(|error| schema::Failure::from(error).named(&self.file)));
            force(&mut entries)
        };
        if let Err(refused) = forced {
            return Ok(Err(refused));
        }
        self.named(transaction.commit().map_err(schema::Failure::from))?;
        *lists = after;
        Ok(Ok(counts))
    }

    /// Takes off what has expired by `now`; returns lists and subjects.
    pub fn expire(&self, now: Timestamp) -> Result<Vec<(String, Subject)>, Error> {
        let mut state = self.state();
        let State { connection, lists } = &mut *state;
        let mut expire = || -> Result<_, schema::Failure> {
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
        self.named(scoped.map_err(schema::Failure::from))
    }

    /// The entries that name a number or hold for it, each with its list.
    pub fn of(&self, number: Number) -> Result<Vec<(String, Listed)>, Error> {
        let state = self.state();
        let mut found = Vec::new();
        for (name, kept) in &state.lists {
            let entries = entries::of(&state.connection, kept.id, number);
            let entries = self.named(entries.map_err(schema::Failure::from))?;
            found.extend(entries.into_iter().map(|entry| (name.clone(), entry)));
        }
        Ok(found)
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
        self.named(page.map_err(schema::Failure::from))
    }

    /// The limit an operator set: `None` when he set none, `Some(None)` when he set "no limit".
    pub fn limit(&self) -> Result<Option<Option<Rate>>, Error> {
        self.rate(LIMIT)
    }

    /// Keeps the operator's limit; `None` forgets it, and the configuration's holds again.
    pub fn set_limit(&self, limit: Option<Option<Rate>>) -> Result<(), Error> {
        let text =
            limit.map(|rate| rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string()));
        self.set_setting(LIMIT, text.as_deref())
    }

    /// A rate that an operator set, by its key.
    pub(crate) fn rate(&self, key: &str) -> Result<Option<Option<Rate>>, Error> {
        self.setting(key)?
            .map(|text| Rate::parse(&text))
            .transpose()
            .map_err(|error| Error::Damaged { file: self.file.clone(), detail: error.to_string() })
    }

    /// What an operator set, by its key.
    pub(crate) fn setting(&self, key: &str) -> Result<Option<String>, Error> {
        let state = self.state();
        self.named(
            state
                .connection
                .query_row("SELECT value FROM setting WHERE key = ?1", [key], |row| row.get(0))
                .optional()
                .map_err(schema::Failure::from),
        )
    }

    /// Keeps what an operator set; `None` forgets it.
    pub(crate) fn set_setting(&self, key: &str, value: Option<&str>) -> Result<(), Error> {
        let state = self.state();
        let changed = match value {
            Some(value) => state.connection.execute(
                "INSERT INTO setting (key, value) VALUES (?1, ?2) \
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                params![key, value],
            ),
            None => state.connection.execute("DELETE FROM setting WHERE key = ?1", [key]),
        };
        self.named(changed.map(|_| ()).map_err(schema::Failure::from))
    }

    /// What was learned of each trunk's habits, as JSON.
    pub fn habits(&self) -> Result<Vec<(String, String)>, Error> {
        let state = self.state();
        self.named(
            state
                .connection
                .prepare("SELECT trunk, state FROM habit ORDER BY trunk")
                .and_then(|mut query| {
                    query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
                })
                .map_err(schema::Failure::from),
        )
    }

    /// Keeps what was learned of some trunks' habits instead of what was kept of them.
    pub fn set_habits(&self, rows: &[(String, String)]) -> Result<(), Error> {
        self.each(
            rows,
            "INSERT INTO habit (trunk, state) VALUES (?1, ?2) \
             ON CONFLICT (trunk) DO UPDATE SET state = excluded.state",
            |query, (trunk, state)| query.execute(params![trunk, state]),
        )
    }

    /// Forgets the habits of some trunks.
    pub fn forget_habits(&self, trunks: &[String]) -> Result<(), Error> {
        self.each(trunks, "DELETE FROM habit WHERE trunk = ?1", |query, trunk| {
            query.execute([trunk])
        })
    }

    /// One statement for each item, all or none.
    fn each<T>(
        &self,
        items: &[T],
        statement: &str,
        run: impl Fn(&mut CachedStatement<'_>, &T) -> rusqlite::Result<usize>,
    ) -> Result<(), Error> {
        if items.is_empty() {
            return Ok(());
        }
        let mut state = self.state();
        let all = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            {
                let mut query = transaction.prepare_cached(statement)?;
                for item in items {
                    run(&mut query, item)?;
                }
            }
            transaction.commit()
        };
        self.named(all(&mut state.connection).map_err(schema::Failure::from))
    }

    /// A panic while the lock was held left the database consistent: a transaction that was not
    /// committed is rolled back.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn named<T>(&self, result: Result<T, schema::Failure>) -> Result<T, Error> {
        result.map_err(|error| error.named(&self.file))
    }
}

/// The lists there are, with how many entries each has.
fn lists(connection: &Connection) -> Result<BTreeMap<String, Kept>, schema::Failure> {
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
                return Err(schema::Failure::Damaged(format!("`{mode}` is no list's mode")));
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
) -> Result<&'a mut Kept, schema::Failure> {
    let id = match lists.get(name) {
        Some(kept) => kept.id,
        None => {
            connection.execute("INSERT INTO list (name) VALUES (?1)", [name])?;
            connection.last_insert_rowid()
        }
    };
    Ok(lists.entry(name.to_owned()).or_insert(Kept { id, observed: None, entries: 0 }))
}

#[cfg(test)]
mod tests;
