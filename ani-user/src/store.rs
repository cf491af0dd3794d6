//! What survives a restart: the block list, the limit an operator set by command, and what was
//! learned of the trunks' habits.
//!
//! One SQLite database, `ani.db`, write-ahead logged, synchronous: what a method returned from is
//! on the disk. The database belongs to one daemon at a time. One that is damaged, or newer than
//! this program, is refused and never touched.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ani_ebpf::abi::number::Number;
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use crate::{config::Rate, policy::Block, time::Timestamp};

/// Tables and their versions.
mod schema;
/// Numbers and entries as they stand in a row.
mod row;

/// Name of the database in its directory.
const FILE: &str = "ani.db";
/// Key of the operator's limit.
const LIMIT: &str = "limits.per_caller";

/// The open database.
#[derive(Debug)]
pub struct Store {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    connection: Connection,
    /// Rows of the block list: counting them each time would read them all.
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
        "{} is damaged ({detail}): restore it from a backup, or move it away to start with an \
         empty block list",
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
    /// The list would become larger than the kernel's map.
    #[error(
        "the block list holds {entries} of {max} numbers and has no room for {more} more: \
         remove some, or raise `lists.max_blocked` and restart"
    )]
    Full {
        /// Numbers on the list.
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
    /// Numbers that were not on the list before.
    pub added: Vec<Number>,
    /// Entries as they were before.
    pub replaced: Vec<Block>,
}

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
            .and_then(|connection| {
                let entries =
                    connection.query_row("SELECT count(*) FROM block", [], |row| row.get(0))?;
                Ok(State { connection, entries })
            })
            .map_err(|error| error.named(&file))?;
        Ok(Self { file, state: Mutex::new(state) })
    }

    /// The database file.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// How many numbers are on the block list.
    pub fn entries(&self) -> usize {
        self.state().entries
    }

    /// Puts entries on the block list, all or none; the later of two with one number counts, and an
    /// entry that is there is replaced. Refused when more than `max` numbers would be on it.
    pub fn block(&self, entries: &[Block], max: usize) -> Result<Undo, Error> {
        let mut state = self.state();
        let held = state.entries;
        let undo = self.named(put(&mut state.connection, entries, max.saturating_sub(held)))?;
        match undo {
            Ok(undo) => {
                state.entries = held.saturating_add(undo.added.len());
                Ok(undo)
            }
            Err(more) => Err(Error::Full { entries: held, max, more }),
        }
    }

    /// Takes numbers off the block list; returns the entries that were on it.
    pub fn unblock(&self, numbers: &[Number]) -> Result<Vec<Block>, Error> {
        let mut state = self.state();
        let removed = self.named(remove(&mut state.connection, numbers))?;
        state.entries = state.entries.saturating_sub(removed.len());
        Ok(removed)
    }

    /// Takes a change back.
    pub fn undo(&self, undo: &Undo) -> Result<(), Error> {
        self.unblock(&undo.added)?;
        self.block(&undo.replaced, usize::MAX)?;
        Ok(())
    }

    /// Takes off what has expired by `now`; returns those numbers.
    pub fn expire(&self, now: Timestamp) -> Result<Vec<Number>, Error> {
        let mut state = self.state();
        let expired = self.named(expire(&mut state.connection, now))?;
        state.entries = state.entries.saturating_sub(expired.len());
        Ok(expired)
    }

    /// The entry of a number.
    pub fn entry(&self, number: Number) -> Result<Option<Block>, Error> {
        let state = self.state();
        self.named(
            state
                .connection
                .prepare_cached(
                    "SELECT number, expires, reason, added FROM block WHERE number = ?1",
                )
                .and_then(|mut query| query.query_row([row::key(number)], row::entry).optional())
                .map_err(schema::Failure::from),
        )
    }

    /// At most `count` entries in the order of their numbers, those behind `after` only.
    pub fn page(&self, after: Option<Number>, count: usize) -> Result<Vec<Block>, Error> {
        let state = self.state();
        self.named(
            state
                .connection
                .prepare_cached(
                    "SELECT number, expires, reason, added FROM block WHERE number > ?1 \
                     ORDER BY number LIMIT ?2",
                )
                .and_then(|mut query| {
                    query
                        .query_map(
                            params![
                                after.map_or(0, row::key),
                                i64::try_from(count).unwrap_or(i64::MAX)
                            ],
                            row::entry,
                        )?
                        .collect()
                })
                .map_err(schema::Failure::from),
        )
    }

    /// The limit an operator set: `None` when he set none, `Some(None)` when he set "no limit".
    pub fn limit(&self) -> Result<Option<Option<Rate>>, Error> {
        let state = self.state();
        let text: Option<String> = self.named(
            state
                .connection
                .query_row("SELECT value FROM setting WHERE key = ?1", [LIMIT], |row| row.get(0))
                .optional()
                .map_err(schema::Failure::from),
        )?;
        text.map(|text| Rate::parse(&text))
            .transpose()
            .map_err(|error| Error::Damaged { file: self.file.clone(), detail: error.to_string() })
    }

    /// Keeps the operator's limit; `None` forgets it, and the configuration's holds again.
    pub fn set_limit(&self, limit: Option<Option<Rate>>) -> Result<(), Error> {
        let state = self.state();
        let changed = match limit {
            Some(rate) => {
                let text = rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
                state.connection.execute(
                    "INSERT INTO setting (key, value) VALUES (?1, ?2) \
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    params![LIMIT, text],
                )
            }
            None => state.connection.execute("DELETE FROM setting WHERE key = ?1", [LIMIT]),
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

/// The inner result says how many numbers too many there were; nothing is changed then.
fn put(
    connection: &mut Connection,
    entries: &[Block],
    room: usize,
) -> Result<Result<Undo, usize>, schema::Failure> {
    // In the order of the table, a million rows go in several times faster. The sort is stable, so
    // of several entries with one number the last one stays last.
    let mut sorted: Vec<_> = entries.iter().map(|entry| (row::key(entry.number), entry)).collect();
    sorted.sort_by_key(|(key, _)| *key);
    let transaction = connection.transaction()?;
    let mut undo = Undo::default();
    {
        let mut add = transaction.prepare_cached(
            "INSERT INTO block (number, expires, reason, added) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (number) DO NOTHING",
        )?;
        let mut find = transaction
            .prepare_cached("SELECT number, expires, reason, added FROM block WHERE number = ?1")?;
        let mut replace = transaction.prepare_cached(
            "UPDATE block SET expires = ?2, reason = ?3, added = ?4 WHERE number = ?1",
        )?;
        for (at, (key, entry)) in sorted.iter().enumerate() {
            if sorted.get(at + 1).is_some_and(|(next, _)| next == key) {
                continue;
            }
            let values =
                params![key, entry.expires.map(|time| time.0), entry.reason, entry.added.0];
            if add.execute(values)? > 0 {
                undo.added.push(entry.number);
            } else {
                undo.replaced.push(find.query_row([key], row::entry)?);
                replace.execute(values)?;
            }
        }
    }
    if undo.added.len() > room {
        return Ok(Err(undo.added.len()));
    }
    transaction.commit()?;
    Ok(Ok(undo))
}

fn remove(connection: &mut Connection, numbers: &[Number]) -> Result<Vec<Block>, schema::Failure> {
    let transaction = connection.transaction()?;
    let mut removed = Vec::new();
    {
        let mut remove = transaction.prepare_cached(
            "DELETE FROM block WHERE number = ?1 RETURNING number, expires, reason, added",
        )?;
        for number in numbers {
            removed.extend(remove.query_row([row::key(*number)], row::entry).optional()?);
        }
    }
    transaction.commit()?;
    Ok(removed)
}

fn expire(connection: &mut Connection, now: Timestamp) -> Result<Vec<Number>, schema::Failure> {
    let transaction = connection.transaction()?;
    let expired = transaction
        .prepare_cached("DELETE FROM block WHERE expires <= ?1 RETURNING number")?
        .query_map([now.0], |row| row::number(row.get(0)?))?
        .collect::<Result<_, _>>()?;
    transaction.commit()?;
    Ok(expired)
}

#[cfg(test)]
mod tests;
