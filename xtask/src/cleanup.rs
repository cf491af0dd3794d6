//! What must be undone, whatever ends the process: a return, a panic, Ctrl-C, SIGTERM.
//!
//! Whoever makes something that outlives the process registers it here and keeps the [`Guard`].
//! The guard undoes it when dropped; on a signal everything still registered is undone, the newest
//! first, before the process exits.

use std::{
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, Once, PoisonError,
        atomic::{AtomicI32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, killpg},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

use crate::lab::namespace;

/// How long a process group may take to end after SIGTERM before it is killed.
const GRACE: Duration = Duration::from_secs(2);

/// Exit code after a signal: 128 + SIGINT, as a shell says it.
const INTERRUPTED: i32 = 130;

/// What is undone.
#[derive(Debug)]
pub enum Undo {
    /// Deletes a network namespace and ends what still runs in it.
    Namespace(String),
    /// Ends a process and its whole group.
    ProcessGroup(Pid),
    /// Unmounts a file system, whoever still uses it.
    Unmount(PathBuf),
    /// Removes a directory and all in it.
    RemoveDirectory(PathBuf),
    /// Removes a file.
    RemoveFile(PathBuf),
}

/// Undoes one thing when dropped.
#[derive(Debug)]
#[must_use = "what is registered is undone when the guard is dropped"]
pub struct Guard(u64);

struct Registry {
    entries: Vec<(u64, Undo)>,
    /// Set once a signal has come: nothing more may be made.
    closed: bool,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry { entries: Vec::new(), closed: false });
static NEXT: AtomicU64 = AtomicU64::new(0);
static EXIT_CODE: AtomicI32 = AtomicI32::new(INTERRUPTED);
static HANDLER: Once = Once::new();

/// Makes something and registers how to undo it, in one step that no signal comes between.
///
/// # Errors
///
/// Those of `make`, and one when the process is being interrupted.
pub fn make<T>(make: impl FnOnce() -> anyhow::Result<(T, Undo)>) -> anyhow::Result<(T, Guard)> {
    install_handler();
    let mut registry = registry();
    if registry.closed {
        bail!("interrupted");
    }
    let (value, undo) = make()?;
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    registry.entries.push((id, undo));
    Ok((value, Guard(id)))
}

/// The exit code of a process that a signal ends, from now on.
pub fn exit_code_when_interrupted(code: i32) {
    EXIT_CODE.store(code, Ordering::Relaxed);
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut registry = registry();
        if let Some(at) = registry.entries.iter().position(|(id, _)| *id == self.0) {
            let (_, undo) = registry.entries.remove(at);
            undo.run();
        }
    }
}

fn registry() -> MutexGuard<'static, Registry> {
    // A panic elsewhere is no reason to leave things behind.
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

fn install_handler() {
    HANDLER.call_once(|| {
        let installed = ctrlc::set_handler(|| {
            let mut registry = registry();
            registry.closed = true;
            while let Some((_, undo)) = registry.entries.pop() {
                undo.run();
            }
            std::process::exit(EXIT_CODE.load(Ordering::Relaxed));
        });
        if let Err(error) = installed {
            eprintln!("warning: Ctrl-C will not clean up: {error}");
        }
    });
}

impl Undo {
    fn run(self) {
        match self {
            Self::Namespace(name) => namespace::delete(&name),
            Self::ProcessGroup(leader) => end_group(leader),
            Self::Unmount(path) => unmount(&path),
            Self::RemoveDirectory(path) => warn_of(&path, std::fs::remove_dir_all(&path)),
            Self::RemoveFile(path) => warn_of(&path, std::fs::remove_file(&path)),
        }
    }
}

/// Unmounts a file system. Those who use it keep what they have of it.
pub(crate) fn unmount(path: &std::path::Path) {
    let mut umount = std::process::Command::new("umount");
    if let Err(error) = crate::command::output(umount.arg("--lazy").arg(path)) {
        eprintln!("warning: cannot unmount {}: {error:#}", path.display());
    }
}

fn warn_of(path: &std::path::Path, removed: std::io::Result<()>) {
    if let Err(error) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        eprintln!("warning: cannot remove {}: {error}", path.display());
    }
}

/// SIGTERM, and SIGKILL for what does not listen.
fn end_group(leader: Pid) {
    let deadline = Instant::now() + GRACE;
    if killpg(leader, Signal::SIGTERM) == Err(Errno::ESRCH) {
        return;
    }
    while Instant::now() < deadline {
        // A leader nobody waited for keeps its group alive.
        let _reaped = waitpid(leader, Some(WaitPidFlag::WNOHANG));
        if killpg(leader, None) == Err(Errno::ESRCH) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let _gone = killpg(leader, Signal::SIGKILL);
    let _reaped = waitpid(leader, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_guard_undoes_and_only_its_own() {
        let base = std::env::temp_dir().join(format!("ani-cleanup-{}", std::process::id()));
        let directory = |name: &str| {
            let path = base.join(name);
            make(|| {
                std::fs::create_dir_all(&path)?;
                Ok((path.clone(), Undo::RemoveDirectory(path.clone())))
            })
            .expect("directory")
        };
        let (first, first_guard) = directory("first");
        let (second, second_guard) = directory("second");
        drop(first_guard);
        assert!(!first.exists());
        assert!(second.exists());
        drop(second_guard);
        assert!(!second.exists());
        std::fs::remove_dir(base).expect("empty");
    }

    #[test]
    fn a_process_group_is_ended() {
        use std::os::unix::process::CommandExt as _;
        let (mut child, guard) = make(|| {
            let child = std::process::Command::new("sleep").arg("60").process_group(0).spawn()?;
            let leader = Pid::from_raw(i32::try_from(child.id())?);
            Ok((child, Undo::ProcessGroup(leader)))
        })
        .expect("sleep");
        assert!(child.try_wait().expect("wait").is_none());
        drop(guard);
        let leader = Pid::from_raw(child.id() as i32);
        assert_eq!(killpg(leader, None), Err(Errno::ESRCH));
    }
}
