//! Whom the operator trusts: anchors and revocation lists, as they lie in two folders, and
//! lists that were fetched.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
};

use super::{anchors::Anchors, crls::Crls};

/// Files of a folder, within bounds.
pub(super) mod folder;
/// Whether they have changed.
#[cfg(feature = "daemon")]
mod watch;

use folder::Files;
pub use folder::{MAX_FILE, MAX_FILES, MAX_FOLDER, Warning};
#[cfg(feature = "daemon")]
pub use watch::Watch;

/// Anchors and revocation lists, as they were read.
#[derive(Debug, Default)]
pub struct Trust {
    /// Whom chains may end at.
    pub anchors: Anchors,
    /// What is revoked.
    pub crls: Crls,
    fingerprint: u64,
    warnings: Vec<Warning>,
}

impl Trust {
    /// Reads anchors and revocation lists, each a folder or one file; what cannot be read is named
    /// in [`Self::warnings`], and the rest is used.
    pub fn read(anchors: Option<&Path>, crls: Option<&Path>) -> Self {
        Self::read_with(anchors, crls, &Files::default())
    }

    /// The same with lists that were fetched.
    fn read_with(anchors: Option<&Path>, crls: Option<&Path>, fetched: &Files) -> Self {
        let [anchors, crls] = [anchors, crls].map(|path| path.map(Files::read).unwrap_or_default());
        Self::of(&anchors, &crls, fetched)
    }

    /// From PEM or DER that is at hand: anchors, and revocation lists.
    pub fn from_pem(anchors: &[u8], crls: &[u8]) -> Self {
        Self::of(&Files::one("anchors", anchors), &Files::one("crls", crls), &Files::default())
    }

    fn of(anchors: &Files, crls: &Files, fetched: &Files) -> Self {
        let mut hash = DefaultHasher::new();
        for files in [anchors, crls, fetched] {
            files.contents().for_each(|bytes| bytes.hash(&mut hash));
        }
        let mut warnings = [&anchors.warnings[..], &crls.warnings].concat();
        Self {
            anchors: Anchors::of(anchors, &mut warnings),
            crls: Crls::of(crls, fetched, &mut warnings),
            fingerprint: hash.finish(),
            warnings,
        }
    }

    /// Another one for other contents. What was concluded under one fingerprint says nothing under
    /// another. The same in every run of the same build.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// What could not be read, each with what to do about it.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }
}

#[cfg(test)]
mod tests;
