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
    load: Load,
}

/// Which of a group's tests it runs.
#[derive(Clone, Copy)]
enum Load {
    All,
    /// Those that are not [`HEAVY`].
    Light,
    /// Those that are.
    Heavy,
}

/// What calls in the lab are told by that need the machine to themselves: hundreds of calls a second,
/// floods, and times that are looked at. Paths of tests, or parts of them.
const HEAVY: &[&str] = &[
    "answers::a_flood",
    "chaos::",
    "floods::",
    "held::",
    "hold::",
    "life::daemons_come_and_go",
    "refuse::",
    "stir::a_burst",
    "stir::calls_do_not_wait",
];

/// Each lab has namespaces of its own: three at a time, where none needs the machine to itself. Those
/// that have the kernel run frames run two at a time. All groups select from the whole workspace: cargo
/// then builds every dependency once, with the same features.
const GROUPS: &[Group] = &[
    Group { name: "host", needs: Needs::Nothing, arguments: &["--workspace"], load: Load::All },
    Group {
        name: "replay",
        needs: Needs::Nothing,
        arguments: &["--workspace", "--test", "replay"],
        load: Load::All,
    },
    Group {
        name: "kernel",
        needs: Needs::Network,
        arguments: &["--workspace", "--test", "kernel", "--", "--test-threads=2"],
        load: Load::All,
    },
    Group {
        name: "e2e",
        needs: Needs::Lab,
        arguments: &["--workspace", "--test", "e2e", "--", "--test-threads=3"],
        load: Load::Light,
    },
    Group {
        name: "load",
        needs: Needs::Lab,
        arguments: &["--workspace", "--test", "e2e", "--", "--test-threads=1"],
        load: Load::Heavy,
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
        match self.load {
            Load::All => {}
            Load::Light => {
                command.args(HEAVY.iter().flat_map(|heavy| ["--skip", heavy]));
            }
            Load::Heavy => {
                command.args(HEAVY);
            }
        }
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
