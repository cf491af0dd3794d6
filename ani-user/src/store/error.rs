//! Why the store could not do it, and what to do.

use std::path::PathBuf;

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
    /// The disk is full; nothing changed.
    #[error("no space is left for {}: nothing was changed; make room on its disk", file.display())]
    NoSpace {
        /// The database.
        file: PathBuf,
    },
    /// Anything else: no permission, a broken disk.
    #[error("{}: {source}", file.display())]
    Database {
        /// The database.
        file: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}
