//! What ani costs: `cargo xtask bench [GROUP] [--json]`.

/// The INVITEs that are timed, and frames around them.
mod frames;
/// What seeing habits costs.
mod habits;
/// What the program costs the kernel.
mod kernel;
/// What captures cost to read.
mod parse;
/// What is printed, for people and as JSON.
mod report;
/// What a whole system spends on a blocked INVITE.
mod system;

/// What a verification costs.
mod verify;

use std::process::ExitCode;

use anyhow::{Result, bail};

use self::report::Report;

/// A group of cases, and what measures them.
type Group = (&'static str, fn(&mut Report) -> Result<()>);

const GROUPS: &[Group] = &[
    ("habits", habits::run),
    ("kernel", kernel::run),
    ("parse", parse::run),
    ("system", system::run),
    ("verify", verify::run),
];

fn main() -> ExitCode {
    // `--bench` is cargo's.
    let (options, groups): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    match run(groups.first().map(String::as_str), options.iter().any(|option| option == "--json")) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(only: Option<&str>, json: bool) -> Result<bool> {
    let chosen: Vec<_> =
        GROUPS.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).collect();
    if chosen.is_empty() {
        bail!("no group {}", only.unwrap_or_default());
    }
    let mut report = Report::new(json);
    report.machine();
    for (_, measure) in chosen {
        measure(&mut report)?;
    }
    Ok(report.finish())
}

/// Keeps this thread, and the processes it starts, on a CPU. Where it is not allowed nothing is lost
/// but steadiness.
fn pin(cpu: usize) {
    // SAFETY: all zero is an empty set, `cpu` is below its size, and the call reads the set only.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set);
    }
}
