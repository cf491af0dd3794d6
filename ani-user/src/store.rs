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

use rusqlite::Connection;

pub use self::error::Error;
use self::lists::Kept;
use crate::policy::entry::{Listed, Subject};

/// Why it could not be done.
mod error;
/// Tables and their versions.
mod schema;
/// Lists.
mod lists;
/// Rows of lists.
mod entries;
/// Numbers and entries as they stand in a row.
mod row;
/// What an operator set.
mod settings;
/// What was learned of trunks.
mod habits;

/// Name of the database in its directory.
const FILE: &str = "ani.db";
/// Key of the operator's limit.
pub(crate) const LIMIT: &str = "limits.per_caller";

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
            .and_then(|connection| Ok(State { lists: lists::read(&connection)?, connection }))
            .map_err(|error| error.named(&file))?;
        Ok(Self { file, state: Mutex::new(state) })
    }

    /// The database file.
    pub fn file(&self) -> &Path {
        &self.file
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

#[cfg(test)]
mod tests;
