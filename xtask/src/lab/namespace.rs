//! A network namespace: made by `ip netns`, entered by threads.

use std::{fs::File, path::Path, process::Command};

use anyhow::{Context as _, anyhow};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    cleanup::{self, Guard, Undo},
    command,
};

/// Where `ip netns` keeps its names.
const NAMES: &str = "/run/netns";

/// A network namespace; deleted, and what runs in it ended, when dropped.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    _guard: Guard,
}

impl Namespace {
    /// Makes one of this name.
    ///
    /// # Errors
    ///
    /// When `ip` refuses.
    pub fn new(name: String) -> anyhow::Result<Self> {
        let ((), guard) = cleanup::make(|| {
            command::output(Command::new("ip").args(["netns", "add", &name]))?;
            Ok(((), Undo::Namespace(name.clone())))
        })?;
        Ok(Self { name, _guard: guard })
    }

    /// Its name, as `ip netns exec` takes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in it.
    ///
    /// # Errors
    ///
    /// When `ip` refuses.
    pub fn ip(&self, arguments: &[&str]) -> anyhow::Result<()> {
        command::output(Command::new("ip").args(["-netns", &self.name]).args(arguments)).map(drop)
    }

    /// Runs `work` on a thread in the namespace. Sockets it makes and processes it starts belong to
    /// the namespace; `/sys` stays the machine's, which `ip netns exec` would hide, BPF file system
    /// included.
    ///
    /// # Errors
    ///
    /// Those of `work`, and one when the namespace cannot be entered.
    pub fn enter<T: Send>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        let path = Path::new(NAMES).join(&self.name);
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let file =
                    File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
                setns(&file, CloneFlags::CLONE_NEWNET)
                    .with_context(|| format!("cannot enter the namespace {}", self.name))?;
                work()
            });
            thread
                .join()
                .map_err(|_| anyhow!("a thread in the namespace {} panicked", self.name))?
        })
    }
}

/// Deletes a namespace and ends what still runs in it.
pub(crate) fn delete(name: &str) {
    let pids = command::output(Command::new("ip").args(["netns", "pids", name]));
    for pid in pids.unwrap_or_default().lines().filter_map(|line| line.trim().parse().ok()) {
        let _gone = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    if let Err(error) = command::output(Command::new("ip").args(["netns", "delete", name])) {
        eprintln!("warning: cannot delete the namespace {name}: {error:#}");
    }
}

/// The names of all that were made by `ip netns`.
pub(crate) fn names() -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(NAMES) else {
        return Vec::new();
    };
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}
