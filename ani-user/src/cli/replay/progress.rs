//! How far a replay has come, for whoever waits at a terminal.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{capture::clock::Clock, time::Timestamp};

/// The clock is looked at once in so many records: at a million a second that is often enough, and
/// costs nothing.
const EVERY: u64 = 1_024;

/// Between two lines; a file that is read faster shows none.
const BETWEEN: Duration = Duration::from_millis(300);

/// To the start of the line, and all behind it away.
const ERASE: &str = "\r\x1b[K";

/// A line that is written over and over.
pub(super) struct Progress<'a> {
    /// None when nobody looks.
    terminal: Option<&'a mut dyn Write>,
    clock: Clock,
    name: String,
    /// Bytes of the file, and how many of them have been read.
    len: u64,
    read: Arc<AtomicU64>,
    started: Timestamp,
    last: Timestamp,
    visible: bool,
}

/// A file whose bytes are counted as they are read.
pub(super) struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

/// Whether there is somebody to show progress to whose output it does not disturb: rows on the same
/// terminal are progress enough.
pub(super) fn wanted() -> bool {
    io::stderr().is_terminal() && !io::stdout().is_terminal()
}

impl<'a> Progress<'a> {
    /// On a terminal; on none, nothing is shown.
    pub(super) fn new(terminal: Option<&'a mut dyn Write>) -> Self {
        let clock = Clock::new();
        Self {
            terminal,
            clock,
            name: String::new(),
            len: 0,
            read: Arc::default(),
            started: Timestamp::default(),
            last: Timestamp::default(),
            visible: false,
        }
    }

    /// Begins with a file.
    pub(super) fn begin(&mut self, path: &Path, file: File) -> Counted {
        self.name =
            super::table::printable(path.file_name().map(|name| name.to_string_lossy()).as_deref());
        // A pipe has no length.
        self.len = file.metadata().map_or(0, |metadata| metadata.len());
        self.read = Arc::default();
        self.started = self.clock.now();
        self.last = self.started;
        Counted { file, read: Arc::clone(&self.read) }
    }

    /// Says how many records and INVITEs of the file there were so far.
    pub(super) fn tick(&mut self, records: u64, invites: u64) {
        if self.terminal.is_some() && records.is_multiple_of(EVERY) {
            self.show(self.clock.now(), records, invites);
        }
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.visible
            && let Some(terminal) = &mut self.terminal
        {
            // A terminal that is gone needs no line.
            let _ = terminal.write_all(ERASE.as_bytes()).and_then(|()| terminal.flush());
            self.visible = false;
        }
    }

    fn show(&mut self, now: Timestamp, records: u64, invites: u64) {
        if now < self.last.after(BETWEEN) && now >= self.last {
            return;
        }
        self.last = now;
        let line = self.line(now, records, invites);
        if let Some(terminal) = &mut self.terminal {
            let _ = write!(terminal, "{ERASE}{line}").and_then(|()| terminal.flush());
            self.visible = true;
        }
    }

    fn line(&self, now: Timestamp, records: u64, invites: u64) -> String {
        let spent_ms = u64::try_from((now.0 - self.started.0) / 1_000_000).unwrap_or(0).max(1);
        let rate = records.saturating_mul(1_000) / spent_ms;
        let part = match self.read.load(Ordering::Relaxed).saturating_mul(100).checked_div(self.len)
        {
            Some(percent) => format!("{:>3} %", percent.min(100)),
            None => "reading".to_owned(),
        };
        format!("{}: {part}, {records} records, {invites} INVITEs, {rate} records/s", self.name)
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_third_of_a_second_and_none_in_the_end() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a\x1bb.pcap");
        std::fs::write(&path, [0; 1_000]).expect("file");
        let mut terminal = Vec::new();
        let mut progress = Progress::new(Some(&mut terminal));
        let mut file = progress.begin(&path, File::open(&path).expect("file"));
        file.read_exact(&mut [0; 420]).expect("bytes");
        let start = progress.started;
        for (milliseconds, records) in
            [(0, 0), (200, 1_024), (400, 2_048), (500, 3_072), (1_000, 4_096)]
        {
            progress.show(start.after(Duration::from_millis(milliseconds)), records, 7);
        }
        progress.clear();
        progress.clear();
        let shown = String::from_utf8(terminal).expect("text");
        assert_eq!(
            shown,
            "\r\x1b[Ka\u{fffd}b.pcap:  42 %, 2048 records, 7 INVITEs, 5120 records/s\
             \r\x1b[Ka\u{fffd}b.pcap:  42 %, 4096 records, 7 INVITEs, 4096 records/s\r\x1b[K"
        );
    }

    #[test]
    fn without_a_terminal_or_in_a_short_file_nothing_is_shown() {
        let mut progress = Progress::new(None);
        progress.show(Timestamp::new(1, 0), 1_024, 0);
        progress.clear();
        let mut terminal = Vec::new();
        let mut progress = Progress::new(Some(&mut terminal));
        progress.started = progress.clock.now();
        progress.last = progress.started;
        progress.tick(1_024, 0);
        progress.clear();
        assert!(terminal.is_empty());
    }
}
