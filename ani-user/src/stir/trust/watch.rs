//! Looks whether the folders have changed, and the lists that are fetched. By polling: that works on network file systems and with
//! folders that are swapped, where notifications do not.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Trust, Warning,
    folder::{Files, Stamp},
};
use crate::stir::lists::Lists;

/// Two folders, lists that are fetched, and what was read of them last. When to look is the caller's
/// business.
#[derive(Debug)]
pub struct Watch {
    paths: [Option<PathBuf>; 2],
    stamps: [Option<Stamp>; 2],
    lists: Option<Arc<Lists>>,
    /// How often those had changed.
    changes: u64,
    trust: Arc<Trust>,
}

impl Watch {
    /// Reads both folders for the first time, and the lists that are at hand.
    pub fn new(anchors: Option<&Path>, crls: Option<&Path>, lists: Option<Arc<Lists>>) -> Self {
        let paths = [anchors, crls].map(|path| path.map(Path::to_owned));
        // Looked at before it is read: what is written in between is seen the next time.
        let stamps = paths.each_ref().map(|path| Stamp::of(path.as_deref()?).ok());
        let mut watch =
            Self { paths, stamps, changes: changes(lists.as_ref()), lists, trust: Arc::default() };
        watch.trust = Arc::new(watch.read());
        watch.tell();
        watch
    }

    /// As it was read last.
    pub fn trust(&self) -> &Arc<Trust> {
        &self.trust
    }

    /// Looks, and reads again when something changed; gives what was read when that is something
    /// else than before.
    ///
    /// # Errors
    /// When one of the two cannot be listed: what was read before stays in force.
    pub fn poll(&mut self) -> Result<Option<Arc<Trust>>, Warning> {
        let [anchors, crls] = &self.paths;
        let stamp = |path: &Option<PathBuf>| path.as_deref().map(Stamp::of).transpose();
        let stamps = [stamp(anchors)?, stamp(crls)?];
        let changes = changes(self.lists.as_ref());
        if stamps == self.stamps && changes == self.changes {
            return Ok(None);
        }
        let trust = self.read();
        (self.stamps, self.changes) = (stamps, changes);
        let is_new = trust.fingerprint() != self.trust.fingerprint()
            || trust.warnings() != self.trust.warnings();
        if !is_new {
            return Ok(None);
        }
        self.trust = Arc::new(trust);
        self.tell();
        Ok(Some(Arc::clone(&self.trust)))
    }

    fn read(&self) -> Trust {
        let [anchors, crls] = self.paths.each_ref().map(Option::as_deref);
        let fetched = self.lists.as_ref().map_or_else(Files::default, |lists| Files {
            files: lists.bodies(),
            warnings: Vec::new(),
        });
        Trust::read_with(anchors, crls, &fetched)
    }

    /// Whoever fetches lists must know who signs them.
    fn tell(&self) {
        if let Some(lists) = &self.lists {
            lists.signed_by(self.trust.crls.signers());
        }
    }
}

fn changes(lists: Option<&Arc<Lists>>) -> u64 {
    lists.map_or(0, |lists| lists.changes())
}
