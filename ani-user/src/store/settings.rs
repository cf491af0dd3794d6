//! What an operator set by command, by its key.

use rusqlite::{OptionalExtension as _, params};

use super::{Error, LIMIT, Store, schema::Failure};
use crate::config::Rate;

impl Store {
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
                .map_err(Failure::from),
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
        self.named(changed.map(|_| ()).map_err(Failure::from))
    }
}
