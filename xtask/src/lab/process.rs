//! A process in a namespace, with its output in a file and an end that is certain.

use std::{
    fs::File,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::namespace::Namespace;
use crate::cleanup::{self, Guard, Undo};

/// How often something is looked at that is waited for.
const POLL: Duration = Duration::from_millis(20);

/// Lines of a log in an error.
const TAIL: usize = 10;

/// A running process, leader of a group of its own; the group is ended when this is dropped.
#[derive(Debug)]
pub struct Process {
    what: String,
    child: Child,
    log: PathBuf,
    guard: Option<Guard>,
}

impl Process {
    /// Starts `command` in a namespace; its output goes to the end of `log`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn spawn(
        namespace: &Namespace,
        what: &str,
        command: Command,
        log: &Path,
    ) -> anyhow::Result<Self> {
        Self::spawn_reading(namespace, what, command, Stdio::null(), log)
    }

    /// Starts `command` in a namespace; it reads `input`, its output goes to the end of `log`.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn spawn_reading(
        namespace: &Namespace,
        what: &str,
        mut command: Command,
        input: Stdio,
        log: &Path,
    ) -> anyhow::Result<Self> {
        let file = File::options()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        command
            .stdin(input)
            .stdout(file.try_clone().context("cannot share the log")?)
            .stderr(file)
            // Ctrl-C is for the one who started it: he ends the group in order.
            .process_group(0);
        let (child, guard) = namespace.enter(|| {
            cleanup::make(|| {
                let child = command.spawn().with_context(|| format!("cannot run {command:?}"))?;
                let leader = Pid::from_raw(i32::try_from(child.id())?);
                Ok((child, Undo::ProcessGroup(leader)))
            })
        })?;
        Ok(Self { what: what.to_owned(), child, log: log.to_path_buf(), guard: Some(guard) })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Sends a signal to the process, not to its group.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), signal)
            .with_context(|| format!("cannot send {signal} to {}", self.what))
    }

    /// How it ended; none while it runs.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        let status =
            self.child.try_wait().with_context(|| format!("cannot wait for {}", self.what))?;
        if status.is_some() {
            // What is left of its group goes with it.
            self.guard = None;
        }
        Ok(status)
    }

    /// Waits until it ends.
    ///
    /// # Errors
    ///
    /// When it does not within `limit`.
    pub fn wait(&mut self, limit: Duration) -> anyhow::Result<ExitStatus> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                bail!("{} still runs after {limit:?}; {}", self.what, self.log_tail());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Waits until `ready` says so, as long as the process runs.
    ///
    /// # Errors
    ///
    /// When the process ends before, or is not ready within `limit`; the text carries the end of
    /// its log.
    pub fn wait_until_ready(
        &mut self,
        limit: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended()? {
                bail!("{} ended ({status}) before it was ready; {}", self.what, self.log_tail());
            }
            if ready() {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!("{} is not ready after {limit:?}; {}", self.what, self.log_tail());
            }
            std::thread::sleep(POLL);
        }
    }

    /// The last lines of its output.
    pub fn log_tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL)..].join("\n  ");
        format!("its last words:\n  {tail}")
    }
}

/// Waits until `ready` says so.
///
/// # Errors
///
/// When it does not within `limit`; the text names `what`.
pub fn wait_for(
    what: &str,
    limit: Duration,
    mut ready: impl FnMut() -> bool,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + limit;
    while !ready() {
        if Instant::now() >= deadline {
            bail!("{what}: not within {limit:?}");
        }
        std::thread::sleep(POLL);
    }
    Ok(())
}
