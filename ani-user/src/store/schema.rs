//! Opens the database, holds it against the schema this program knows, and sorts what can go wrong.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode};

use super::Error;

/// `user_version` of the database; raised with any change to the tables.
pub(super) const VERSION: i64 = 2;

/// How long a lock of another process is waited for, as when one daemon follows another.
const BUSY: Duration = Duration::from_secs(2);

/// What is kept of the write-ahead log after a large import.
const WAL_BYTES: i64 = 16 << 20;

const TABLES: &str = "
    CREATE TABLE block (
        number  INTEGER PRIMARY KEY,   -- E.164 digits
        expires INTEGER,               -- nanoseconds since 1970 UTC; NULL: never
        reason  TEXT NOT NULL,
        added   INTEGER NOT NULL       -- nanoseconds since 1970 UTC
    ) STRICT;
    CREATE INDEX block_expires ON block (expires) WHERE expires IS NOT NULL;
    CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
";

/// What version 2 has beside version 1.
const HABITS: &str = "
    CREATE TABLE habit (
        trunk TEXT PRIMARY KEY,
        state TEXT NOT NULL            -- JSON
    ) STRICT;
    PRAGMA user_version = 2;
";

/// What went wrong, before the file's name is known.
#[derive(Debug)]
pub(super) enum Failure {
    Sqlite(rusqlite::Error),
    Damaged(String),
    Newer(i64),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Failure {
    /// The error that names the file.
    pub(super) fn named(self, file: &Path) -> Error {
        let file = file.to_owned();
        match self {
            Self::Damaged(detail) => Error::Damaged { file, detail },
            Self::Newer(found) => Error::Newer { file, found, known: VERSION },
            Self::Sqlite(source) => match (source.sqlite_error_code(), &source) {
                (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => {
                    Error::InUse { file }
                }
                (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _)
                | (
                    None,
                    rusqlite::Error::FromSqlConversionFailure(..)
                    | rusqlite::Error::InvalidColumnType(..),
                ) => Error::Damaged { file, detail: source.to_string() },
                _ => Error::Database { file, source },
            },
        }
    }
}

/// The database, its tables made if it is new.
pub(super) fn open(file: &Path) -> Result<Connection, Failure> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(BUSY)?;
    // Held until the end: two daemons on one list would each believe in another one.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Err(Failure::Newer(version));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    // Holds the lock from here on, also while nothing is written.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let tables = match version {
        0 => connection
            .execute_batch(TABLES)
            .and_then(|()| connection.execute_batch(HABITS))
            .map_err(|error| unexpected(&connection, error)),
        1 => check(&connection).and_then(|()| Ok(connection.execute_batch(HABITS)?)),
        _ => check(&connection).and_then(|()| {
            connection.prepare("SELECT trunk, state FROM habit LIMIT 0")?;
            Ok(())
        }),
    };
    match tables {
        Ok(()) => connection.execute_batch("COMMIT")?,
        Err(error) => return Err(error),
    }
    Ok(connection)
}

/// A database of version 0 that holds tables already was not made by ani.
fn unexpected(connection: &Connection, error: rusqlite::Error) -> Failure {
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap_or(0);
    if tables > 0 { Failure::Damaged("its tables are not ani's".to_owned()) } else { error.into() }
}

/// Pages, indexes and constraints; well under a second for a million numbers.
fn check(connection: &Connection) -> Result<(), Failure> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(Failure::Damaged(verdict));
    }
    connection.prepare("SELECT number, expires, reason, added FROM block LIMIT 0")?;
    connection.prepare("SELECT key, value FROM setting LIMIT 0")?;
    Ok(())
}
