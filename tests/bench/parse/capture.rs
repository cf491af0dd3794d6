//! The capture that is read: signed INVITEs of a carrier, no two alike, the same in each run.

use std::{
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::frames::{frame, invite};

/// Bytes of an INVITE: what one with a PASSporT and a short body comes to.
const INVITE_LEN: usize = 1_050;

/// When the first one arrives, seconds since 1970-01-01.
const START: u32 = 1_714_557_600;

/// INVITEs a second of the capture.
const PER_SECOND: u32 = 1_000;

/// A file that is removed when it is no longer needed.
pub(crate) struct Capture(PathBuf);

impl Capture {
    /// A pcap file of so many INVITEs below `directory`.
    pub(crate) fn write(directory: &Path, invites: u32) -> Result<Self> {
        let path = directory.join(format!("bench-{invites}-{}.pcap", std::process::id()));
        let file =
            File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        // From here on it is removed, also when it cannot be written to its end.
        let capture = Self(path);
        let mut file = BufWriter::with_capacity(1 << 20, file);
        // Microseconds, version 2.4, no time zone, whole frames, Ethernet.
        for word in [0xa1b2_c3d4, 4 << 16 | 2, 0, 0, 1 << 18, 1_u32] {
            file.write_all(&word.to_le_bytes())?;
        }
        for id in 0..invites {
            let caller = format!("1202{:07}", 2_000_000 + id);
            let frame = frame(5_060, &invite(INVITE_LEN, &caller, id.into()));
            let len = u32::try_from(frame.len())?;
            let microseconds = id % PER_SECOND * (1_000_000 / PER_SECOND);
            for word in [START + id / PER_SECOND, microseconds, len, len] {
                file.write_all(&word.to_le_bytes())?;
            }
            file.write_all(&frame)?;
        }
        file.flush()?;
        Ok(capture)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
