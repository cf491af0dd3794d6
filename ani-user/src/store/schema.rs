//! Opens the database, holds it against the schema this program knows, and sorts what can go wrong.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, ErrorCode};

use super::Error;

/// `user_version` of the database; raised with any change to the tables.
pub(super) const VERSION: i64 = 4;

/// How long a lock of another process is waited for, as when one daemon follows another.
const BUSY: Duration = Duration::from_secs(2);

/// What is kept of the write-ahead log after a large import.
const WAL_BYTES: i64 = 16 << 20;

const SETTINGS: &str = "
    CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
";

/// What version 2 has beside version 1.
const HABITS: &str = "
    CREATE TABLE habit (
        trunk TEXT PRIMARY KEY,
        state TEXT NOT NULL            -- JSON
    ) STRICT;
";

/// What version 3 has instead of the table `block` of versions 1 and 2. The rows of a list stand in
/// the order of their numbers.
const LISTS: &str = "
    CREATE TABLE list (
        id   INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        mode TEXT                      -- observe or enforce, set by command; NULL: as configured
    ) STRICT;
    INSERT INTO list (id, name) VALUES (1, 'allow'), (2, 'block'), (3, 'gray');
    CREATE TABLE entry (
        list         INTEGER NOT NULL,
        first        INTEGER NOT NULL, -- E.164 digits of the number, the prefix, the range's first
        kind         INTEGER NOT NULL, -- 0 number, 1 prefix, 2 range
        last         INTEGER NOT NULL, -- E.164 digits of the range's last; 0: none
        trunk        TEXT NOT NULL,    -- its name; empty: any
        attestations INTEGER NOT NULL, -- 1 none, 2 A, 4 B, 8 C, or a sum of them; 0: any
        expires      INTEGER,          -- nanoseconds since 1970 UTC; NULL: never
        reason       TEXT NOT NULL,
        added        INTEGER NOT NULL, -- nanoseconds since 1970 UTC
        PRIMARY KEY (list, first, kind, last, trunk, attestations)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entry_expires ON entry (expires) WHERE expires IS NOT NULL;
    CREATE INDEX entry_range ON entry (first) WHERE kind = 2;
";

/// What version 4 has beside version 3.
const ANSWERS: &str = "
    ALTER TABLE entry ADD COLUMN answer TEXT; -- as it is written; NULL: that of the list
    CREATE INDEX entry_answer ON entry (list, first, kind, last, trunk, attestations)
        WHERE answer IS NOT NULL;
    PRAGMA user_version = 4;
";

/// From the table of versions 1 and 2 to that of version 3.
const MOVE: &str = "
    INSERT INTO entry (list, first, kind, last, trunk, attestations, expires, reason, added)
        SELECT 2, number, 0, 0, '', 0, expires, reason, added FROM block ORDER BY number;
    DROP TABLE block;
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
                (Some(ErrorCode::DiskFull), _) => Error::NoSpace { file },
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
    let run = |script| connection.execute_batch(script).map_err(Failure::from);
    let tables = match version {
        0 => empty(&connection)
            .and_then(|()| [SETTINGS, HABITS, LISTS, ANSWERS].into_iter().try_for_each(run)),
        1 => check(&connection, &OF_1)
            .and_then(|()| [HABITS, LISTS, MOVE, ANSWERS].into_iter().try_for_each(run)),
        2 => check(&connection, &[OF_1[0], OF_1[1], OF_2])
            .and_then(|()| [LISTS, MOVE, ANSWERS].into_iter().try_for_each(run)),
        3 => check(&connection, &OF_3).and_then(|()| run(ANSWERS)),
        _ => check(&connection, &[&OF_3[..], &[OF_4]].concat()),
    };
    match tables {
        Ok(()) => connection.execute_batch("COMMIT")?,
        Err(error) => return Err(error),
    }
    Ok(connection)
}

/// A database of version 0 that holds tables already was not made by ani.
fn empty(connection: &Connection) -> Result<(), Failure> {
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables > 0 {
        return Err(Failure::Damaged("its tables are not ani's".to_owned()));
    }
    Ok(())
}

/// What the tables of version 1 answer.
const OF_1: [&str; 2] = [
    "SELECT number, expires, reason, added FROM block LIMIT 0",
    "SELECT key, value FROM setting LIMIT 0",
];

/// What version 2 has beside them.
const OF_2: &str = "SELECT trunk, state FROM habit LIMIT 0";

/// What those of version 3 answer.
const OF_3: [&str; 4] = [
    OF_1[1],
    OF_2,
    "SELECT id, name, mode FROM list LIMIT 0",
    "SELECT list, first, kind, last, trunk, attestations, expires, reason, added FROM entry LIMIT 0",
];

/// What the table of version 4 answers beside that.
const OF_4: &str =
    "SELECT answer FROM entry INDEXED BY entry_answer WHERE answer IS NOT NULL LIMIT 0";

/// Pages, indexes and constraints, well under a second for a million numbers; then the tables.
fn check(connection: &Connection, queries: &[&str]) -> Result<(), Failure> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict != "ok" {
        return Err(Failure::Damaged(verdict));
    }
    for query in queries {
        connection.prepare(query)?;
    }
    Ok(())
}
