//! What entries of lists say of their own: told to the worker whenever one of them changes. There are
//! few, so all of them are read again.

use std::collections::HashSet;

use super::{
    Daemon, Error,
    lists::{InForce, List},
};
use crate::{answer::entries::MAX_ENTRIES, config::Config, policy::entry::Listed};

impl Daemon {
    /// Has the worker hear what the entries say that are in force now.
    pub(super) fn settle_answers(&self, in_force: &InForce, config: &Config) -> Result<(), Error> {
        let mut own = Vec::new();
        for list in &in_force.lists {
            // One more than may be, to be told of.
            for entry in self.store.answered(&list.name, MAX_ENTRIES + 1)? {
                let listing = in_force.listing(list.id, &entry.subject, entry.expires);
                own.extend(listing.zip(entry.answer));
            }
        }
        if self.answers.set(own, &config.answers) > 0 {
            tracing::warn!(
                "more than {MAX_ENTRIES} entries of lists have an answer of their own: the others say what \
                 their list does"
            );
        }
        Ok(())
    }

    /// How many entries have an answer of their own beside these of a list.
    pub(super) fn answered_elsewhere(
        &self,
        list: &List,
        entries: &[Listed],
    ) -> Result<usize, Error> {
        let these: HashSet<_> = entries.iter().map(|entry| &entry.subject).collect();
        let mut count = 0;
        for other in &self.in_force().lists {
            let answered = self.store.answered(&other.name, MAX_ENTRIES + 1)?;
            let others = answered.iter();
            count += others
                .filter(|entry| other.id != list.id || !these.contains(&entry.subject))
                .count();
        }
        Ok(count)
    }
}
