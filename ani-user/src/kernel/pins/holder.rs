//! Who has a folder: the process whose lock is on it, as far as that can be known.

use std::{
    fmt,
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
};

/// Bytes of a command line that are shown.
const MAX_COMMAND: usize = 200;

/// A process that holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id; none where the system does not show it.
    pub pid: Option<u32>,
    /// How it was started; empty where that is not shown.
    pub command: String,
}

impl Holder {
    /// One that is not shown.
    pub(super) const UNKNOWN: Self = Self { pid: None, command: String::new() };

    /// Who has the lock on a file; none where nobody has, or it is not shown.
    pub(super) fn of(file: &File) -> Option<Self> {
        let meta = file.metadata().ok()?;
        let locks = fs::read_to_string("/proc/locks").ok()?;
        let (major, minor) = (libc::major(meta.dev()), libc::minor(meta.dev()));
        let pid = locked_by(&locks, major, minor, meta.ino())?;
        Some(Self { pid: Some(pid), command: command(pid) })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            None => f.write_str("another process, which is not shown to this user"),
            Some(pid) if self.command.is_empty() => write!(f, "process {pid}"),
            Some(pid) => write!(f, "process {pid} (`{}`)", self.command),
        }
    }
}

/// The process in a line such as `1: FLOCK  ADVISORY  WRITE 21812 00:27:2720498 0 EOF`, device in
/// hexadecimal digits (proc_locks(5)).
fn locked_by(locks: &str, major: u32, minor: u32, inode: u64) -> Option<u32> {
    let file = format!("{major:02x}:{minor:02x}:{inode}");
    locks.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.as_slice() {
            [_, "FLOCK", _, "WRITE", pid, of, ..] if *of == file => pid.parse().ok(),
            _ => None,
        }
    })
}

/// The command line of a process, without what would upset a terminal.
pub(in crate::kernel) fn command(pid: u32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let bytes = &bytes[..bytes.len().min(MAX_COMMAND)];
    let words = bytes.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(|word| String::from_utf8_lossy(word)).collect();
    words.join(" ").chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_on_a_file_is_found_by_device_and_inode() {
        let locks = "1: FLOCK  ADVISORY  WRITE 21812 00:27:2720498 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 30000 00:27:2720498 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 21131 fe:00:10248202 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 19282 fe:00:10023380 0 EOF\n";
        assert_eq!(locked_by(locks, 0, 0x27, 2_720_498), Some(21_812));
        assert_eq!(locked_by(locks, 0xfe, 0, 10_023_380), Some(19_282));
        assert_eq!(locked_by(locks, 0xfe, 0, 10_248_202), None);
    }

    #[test]
    fn our_own_lock_is_ours() {
        let directory = tempfile::tempdir().expect("a directory");
        let lock = File::open(directory.path()).expect("a folder");
        lock.try_lock().expect("a lock");
        let other = File::open(directory.path()).expect("again");
        let holder = Holder::of(&other).expect("a holder");
        assert_eq!(holder.pid, Some(std::process::id()));
        assert!(!holder.command.is_empty());
        lock.unlock().expect("no lock");
        assert_eq!(Holder::of(&other), None);
    }
}
