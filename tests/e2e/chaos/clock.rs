//! A daemon with a time of day of its own, which can be set while it runs. Its monotonic clock, as that of a
//! machine whose clock is set, goes on.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use xtask::{lab::Lab, provision};

/// How long a time that was set may go unseen, seconds: the file is not read at each look at the clock.
const CACHED: u32 = 1;

/// The time of day of whatever runs through it.
pub(super) struct Clock {
    file: PathBuf,
    /// Runs the daemon with it.
    pub(super) binary: PathBuf,
}

impl Clock {
    pub(super) fn new(lab: &Lab, ani: &Path) -> Self {
        let library = provision::faketime().expect("libfaketime");
        let clock = Self { file: lab.path("clock"), binary: lab.path("ani-with-a-clock") };
        let script = format!(
            "#!/bin/sh\n\
             export LD_PRELOAD={} FAKETIME_TIMESTAMP_FILE={} FAKETIME_CACHE_DURATION={CACHED}\n\
             export FAKETIME_DONT_FAKE_MONOTONIC=1\n\
             exec {} \"$@\"\n",
            library.display(),
            clock.file.display(),
            ani.display(),
        );
        clock.set(0);
        fs::write(&clock.binary, script).expect("a script");
        fs::set_permissions(&clock.binary, fs::Permissions::from_mode(0o755)).expect("executable");
        clock
    }

    /// Sets it, seconds from the machine's.
    pub(super) fn set(&self, ahead: i64) {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{ahead:+}\n")).expect("the clock's file");
        // Whole, whenever it is read.
        fs::rename(new, &self.file).expect("the clock's file");
    }
}
