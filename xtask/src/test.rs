//! `cargo xtask test`: every group of tests this machine can run, and a table of them.

use std::{
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use xtask::{preflight, provision, workspace};

/// What a group needs beside a build.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Needs {
    Nothing,
    /// Root, a kernel and a BPF file system.
    Network,
    /// That, and the lab's packages.
    Lab,
}

struct Group {
    name: &'static str,
    needs: Needs,
    arguments: &'static [&'static str],
}

/// Tests that share the machine's network run one by one, those that have the kernel run frames two
/// at a time. All groups select from the
/// whole workspace: cargo then builds every dependency once, with the same features.
const GROUPS: &[Group] = &[
    Group { name: "host", needs: Needs::Nothing, arguments: &["--workspace"] },
    Group {
        name: "replay",
        needs: Needs::Nothing,
        arguments: &["--workspace", "--test", "replay"],
    },
    Group {
        name: "kernel",
        needs: Needs::Network,
        arguments: &["--workspace", "--test", "kernel", "--", "--test-threads=2"],
    },
    Group {
        name: "e2e",
        needs: Needs::Lab,
        arguments: &["--workspace", "--test", "e2e", "--", "--test-threads=1"],
    },
];

enum Outcome {
    Failed(String),
    Passed,
    Skipped(String),
}

pub(crate) fn run() -> anyhow::Result<ExitCode> {
    provision::build_tools()?;
    let mut rows = Vec::new();
    for group in GROUPS {
        println!("test: {}", group.name);
        let started = Instant::now();
        let outcome = group.run()?;
        rows.push((group.name, outcome, started.elapsed()));
    }
    Ok(report(&rows))
}

impl Group {
    fn run(&self) -> anyhow::Result<Outcome> {
        if self.needs != Needs::Nothing {
            // Without root a group is left out; with it, what is missing is a failure.
            if let Err(missing) = preflight::privilege("test") {
                return Ok(Outcome::Skipped(format!("{missing:#}")));
            }
            if let Err(missing) = self.prepare() {
                return Ok(Outcome::Failed(format!("{missing:#}")));
            }
        }
        let mut command: Command = workspace::cargo();
        command.arg("test").args(self.arguments);
        let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
        Ok(if status.success() { Outcome::Passed } else { Outcome::Failed(String::new()) })
    }

    fn prepare(&self) -> anyhow::Result<()> {
        preflight::machine()?;
        if self.needs == Needs::Lab {
            provision::lab_packages()?;
        }
        Ok(())
    }
}

fn report(rows: &[(&str, Outcome, Duration)]) -> ExitCode {
    println!("\n{:<8} {:<8} {:>7}", "group", "result", "seconds");
    let mut failed = false;
    for (name, outcome, took) in rows {
        let (result, why) = match outcome {
            Outcome::Failed(why) => ("FAILED", why.as_str()),
            Outcome::Passed => ("passed", ""),
            Outcome::Skipped(why) => ("skipped", why.as_str()),
        };
        failed |= matches!(outcome, Outcome::Failed(_));
        println!("{name:<8} {result:<8} {:>7.1}  {why}", took.as_secs_f32());
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
