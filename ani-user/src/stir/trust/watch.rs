//! Looks whether the folders have changed. By polling: that works on network file systems and with
//! folders that are swapped, where notifications do not.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Trust, Warning, folder::Stamp};

/// Two folders and what was read of them last. When to look is the caller's business.
#[derive(Debug)]
pub struct Watch {
    paths: [Option<PathBuf>; 2],
    stamps: [Option<Stamp>; 2],
    trust: Arc<Trust>,
}

impl Watch {
    /// Reads both for the first time.
    pub fn new(anchors: Option<&Path>, crls: Option<&Path>) -> Self {
        let paths = [anchors, crls].map(|path| path.map(Path::to_owned));
        // Looked at before it is read: what is written in between is seen the next time.
        let stamps = paths.each_ref().map(|path| Stamp::of(path.as_deref()?).ok());
        let trust = Arc::new(Trust::read(anchors, crls));
        Self { paths, stamps, trust }
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
        if stamps == self.stamps {
            return Ok(None);
        }
        let trust = Trust::read(anchors.as_deref(), crls.as_deref());
        self.stamps = stamps;
        let is_new = trust.fingerprint() != self.trust.fingerprint()
            || trust.warnings() != self.trust.warnings();
        if !is_new {
            return Ok(None);
        }
        self.trust = Arc::new(trust);
        Ok(Some(Arc::clone(&self.trust)))
    }
}
