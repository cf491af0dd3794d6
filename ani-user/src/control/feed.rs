//! Lists that are read from files.

use std::{fs::File, io::Read as _, path::Path};

use super::{
    Error, list,
    lists::{InForce, distinct},
};
use crate::{
    config::Config,
    policy::{
        Listing,
        entry::{Listed, Subject},
    },
    time::Timestamp,
};

/// Bytes of a file that a list is read from: some twenty million numbers.
const MAX_FEED_BYTES: u64 = 256 << 20;

/// What stands in the file of a list, but for what had ended at `now`.
pub(super) fn read(list: &str, file: &Path, now: Timestamp) -> Result<Vec<Listed>, Error> {
    let refused = |why: String| Error::Feed { list: list.to_owned(), file: file.to_owned(), why };
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(MAX_FEED_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| refused(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > MAX_FEED_BYTES {
        return Err(refused(format!(
            "is larger than {} MiB; split it over several lists",
            MAX_FEED_BYTES >> 20
        )));
    }
    let text = list::text(&bytes).map_err(refused)?;
    let parsed = list::parse(text, &list::Defaults::at(now)).map_err(refused)?;
    Ok(parsed.entries)
}

/// What the files of all lists of a configuration put in force, for who keeps no entries of his own;
/// and what is to be said of entries that are not in force.
///
/// # Errors
///
/// When a file cannot be used: as for a reload of the daemon.
pub(crate) fn listings(
    config: &Config,
    now: Timestamp,
) -> Result<(Vec<Listing>, Option<String>), Error> {
    let in_force = InForce::of(config);
    let (mut listings, mut strangers) = (Vec::new(), Strangers::default());
    for list in &in_force.lists {
        let Some(file) = &list.file else { continue };
        for Listed { subject, expires, .. } in distinct(read(&list.name, file, now)?) {
            match in_force.listing(list.id, &subject, expires) {
                Some(listing) => listings.push(listing),
                None => strangers.count(&list.name, &subject),
            }
        }
    }
    Ok((listings, strangers.told()))
}

/// Entries whose trunk is not configured.
#[derive(Default)]
pub(super) struct Strangers {
    count: usize,
    first: String,
}

impl Strangers {
    pub(super) fn count(&mut self, list: &str, subject: &Subject) {
        if self.count == 0 {
            let trunk = subject.trunk.as_deref().unwrap_or_default();
            self.first = format!("{} on list `{list}` for trunk `{trunk}`", subject.span);
        }
        self.count += 1;
    }

    /// What is to be said of them; nothing where there is none.
    pub(super) fn told(&self) -> Option<String> {
        (self.count > 0).then(|| {
            format!(
                "{} entries are for trunks that are not configured, and not in force until they are; the \
                 first is {}",
                self.count, self.first
            )
        })
    }
}
