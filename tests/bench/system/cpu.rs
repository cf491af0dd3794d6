//! CPU time that threads and processes have used, nanoseconds.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

/// Priorities before all that share a CPU fairly (sched(7), `SCHED_FIFO`): of what stands for the wire and
/// for interrupts, and of who reads behind them.
pub(crate) const WIRE: libc::c_int = 1;
pub(crate) const READER: libc::c_int = 2;

/// The interface's receive side: the kernel's thread that polls it (`threaded` in sysfs).
pub(crate) struct Poller(Pid);

impl Poller {
    /// That of an interface, the newest where more have one of this name.
    pub(crate) fn of(interface: &str) -> Result<Self> {
        let start = format!("napi/{interface}-");
        let newest = processes()
            .filter(|pid| {
                fs::read_to_string(format!("/proc/{pid}/comm"))
                    .is_ok_and(|name| name.starts_with(&start))
            })
            .max();
        newest.map(|pid| Self(Pid::from_raw(pid))).with_context(|| {
            format!("{interface} has no thread that polls it: is the kernel older than 5.12?")
        })
    }

    /// Keeps it on a CPU, before all else there, as it would be in an interrupt.
    pub(crate) fn pin(&self, cpu: usize) -> Result<()> {
        let mut set = CpuSet::new();
        set.set(cpu)?;
        sched_setaffinity(self.0, &set).context("cannot keep the receive side on a CPU")?;
        put_first(self.0, WIRE)
    }

    /// What it has used.
    pub(crate) fn time(&self) -> Result<Duration> {
        used(self.0.as_raw())
    }
}

/// Gives a thread a priority before all others. 0 is the calling one.
pub(crate) fn put_first(thread: Pid, priority: libc::c_int) -> Result<()> {
    let parameter = libc::sched_param { sched_priority: priority };
    // SAFETY: reads the parameter, which lives; a refusal changes nothing.
    let status = unsafe {
        libc::sched_setscheduler(thread.as_raw(), libc::SCHED_FIFO, &raw const parameter)
    };
    ensure!(status == 0, "cannot put thread {thread} before the others");
    Ok(())
}

/// What all processes of a group have used.
pub(crate) fn of_group(leader: u32) -> Result<Duration> {
    let leader = i32::try_from(leader)?;
    processes().filter(|pid| group(*pid) == Some(leader)).map(used).sum()
}

/// First field of `schedstat`: time on a CPU, nanoseconds. Of a process that has one thread, its own.
fn used(pid: i32) -> Result<Duration> {
    let path = format!("/proc/{pid}/schedstat");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let first = text.split_whitespace().next().and_then(|field| field.parse().ok());
    first.map(Duration::from_nanos).with_context(|| format!("{path}: no time in {text}"))
}

/// Process group, proc_pid_stat(5); the third field behind the name in parentheses.
fn group(pid: i32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
