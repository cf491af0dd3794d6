//! What was learned of the trunks' habits.

use rusqlite::{CachedStatement, Connection, params};

use super::{Error, Store, schema::Failure};

impl Store {
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
                .map_err(Failure::from),
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
        self.named(all(&mut state.connection).map_err(Failure::from))
    }
}
