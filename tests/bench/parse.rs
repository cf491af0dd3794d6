//! What captures and messages cost to read, nanoseconds an INVITE on one CPU, beside tshark and other
//! parsers.
//!
//! Timed is the CPU time of the process, the kernel's for it included: what passes on a CPU that does
//! nothing else, with the file in the page cache and the output going nowhere. The pipeline alone is
//! the file and what the daemon's worker does with its frames: no JSON, no process.

/// The capture that is read.
mod capture;
/// The messages that the parser is timed with.
mod messages;
/// The parser alone.
mod parser;
/// Other parsers.
mod peers;

use std::{
    ops::ControlFlow,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use ani_user::{
    capture::{Source as _, file::CaptureFile},
    config::Config,
    pipeline::Pipeline,
    policy::memory::Memory,
    telemetry::{Tallies, Tally},
};
use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use xtask::{
    command,
    workspace::{self, Profile},
};

use self::capture::Capture;
use crate::{
    pin,
    report::{Case, Report},
};

/// INVITEs ani reads.
const INVITES: u32 = 1_000_000;

/// INVITEs tshark reads: some seconds of work, so that its start does not count.
const TSHARK_INVITES: u32 = 100_000;

/// Runs that are compared; odd, so that there is a median.
const RUNS: usize = 5;

/// What an INVITE may take: 500,000 of them a second.
const MOST_NS: u64 = 2_000;

/// What tshark is asked for: what the lines of a replay have, as far as it knows it.
const TSHARK_FIELDS: &[&str] = &[
    "frame.number",
    "frame.time_epoch",
    "ip.src",
    "udp.srcport",
    "ip.dst",
    "udp.dstport",
    "sip.r-uri",
    "sip.r-uri.user",
    "sip.from.user",
    "sip.from.tag",
    "sip.display.info",
    "sip.to.user",
    "sip.to.tag",
    "sip.P-Asserted-Identity",
    "sip.Diversion",
    "sip.Privacy",
    "sip.Call-ID",
    "sip.CSeq.seq",
    "sip.Identity",
];

/// Measures the group.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    pin(0);
    parser::run(report)?;
    let ani = workspace::build_ani(Profile::Release)?;
    let directory = workspace::root().join("target");
    let (name, tshark) = match command::find("tshark") {
        Some(tshark) => {
            let capture = Capture::write(&directory, TSHARK_INVITES)?;
            (
                "tshark",
                samples(TSHARK_INVITES, UsageWho::RUSAGE_CHILDREN, || {
                    process(self::tshark(&tshark, capture.path()))
                })?,
            )
        }
        None => ("tshark is not installed", Vec::new()),
    };
    let capture = Capture::write(&directory, INVITES)?;
    let replay = samples(INVITES, UsageWho::RUSAGE_CHILDREN, || {
        let mut command = Command::new(&ani);
        command.args(["replay", "--json"]).arg(capture.path());
        process(command)
    })?;
    let alone = samples(INVITES, UsageWho::RUSAGE_THREAD, || pipeline(capture.path()))?;
    report.add(Case::at_most(
        "parse",
        "replay of 1,000,000 INVITEs as JSON",
        &replay,
        name,
        &tshark,
        Some(MOST_NS),
    ));
    report.add(Case::at_most("parse", "file and pipeline alone", &alone, name, &tshark, None));
    Ok(())
}

/// Nanoseconds an INVITE of several runs.
fn samples(invites: u32, who: UsageWho, mut run: impl FnMut() -> Result<()>) -> Result<Vec<u64>> {
    (0..RUNS)
        .map(|_| {
            let before = cpu_time(who)?;
            run()?;
            let took = cpu_time(who)?.saturating_sub(before);
            Ok(u64::try_from(took.as_nanos())? / u64::from(invites))
        })
        .collect()
}

/// What the finished child processes, or this thread, have used so far.
fn cpu_time(who: UsageWho) -> Result<Duration> {
    let usage = getrusage(who)?;
    let (user, system) = (usage.user_time(), usage.system_time());
    let microseconds = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
    Ok(Duration::from_micros(u64::try_from(microseconds(user) + microseconds(system))?))
}

fn process(mut command: Command) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} failed ({status})");
    Ok(())
}

fn tshark(program: &Path, capture: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["-n", "-r"]).arg(capture).args([
        "-Y",
        "sip.Method == \"INVITE\"",
        "-T",
        "fields",
    ]);
    for field in TSHARK_FIELDS {
        command.args(["-e", field]);
    }
    // It says that it runs as root, every time.
    command.stderr(Stdio::null());
    command
}

fn pipeline(capture: &Path) -> Result<()> {
    let config = Arc::new(Config::one_trunk());
    let rules = Arc::new(Memory::new(&config));
    let tallies = Arc::<Tallies>::default();
    let mut pipeline = Pipeline::new(config, rules, Arc::clone(&tallies));
    let mut bytes = 0;
    CaptureFile::open(capture)?.frames(&mut |frame| {
        // Something of each is looked at: what nobody reads need not be made.
        pipeline.frame(frame, &mut |invite| bytes += invite.ani.map_or(0, |ani| ani.len()));
        ControlFlow::Continue(())
    })?;
    ensure!(tallies.value(Tally::Invites) == u64::from(INVITES), "INVITEs were lost");
    ensure!(bytes == INVITES as usize * "+12025550100".len(), "callers were lost");
    Ok(())
}
