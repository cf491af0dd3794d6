//! `cargo xtask bench`: the benchmarks of the package ani-tests; 1 when a target is missed.

use std::process::ExitCode;

use anyhow::Context as _;
use xtask::{preflight, provision, workspace};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Measure this group only
    group: Option<Group>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

/// What is measured together.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Group {
    /// What seeing and counting the habits of a trunk costs
    Habits,
    /// The XDP program, beside one that passes everything (root)
    Kernel,
    /// Replay of a capture and the pipeline behind it, beside tshark
    Parse,
    /// A blocked INVITE over veth, beside XDP_DROP and kamailio, and calls under a flood (root)
    System,
    /// A whole verification, beside the bare one of its library
    Verify,
}

impl Group {
    const fn name(self) -> &'static str {
        match self {
            Self::Habits => "habits",
            Self::Kernel => "kernel",
            Self::Parse => "parse",
            Self::System => "system",
            Self::Verify => "verify",
        }
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if matches!(options.group, None | Some(Group::Kernel | Group::System)) {
        preflight::network("bench")?;
    }
    provision::build_tools()?;
    if matches!(options.group, None | Some(Group::System)) {
        provision::lab_packages()?;
    }
    if matches!(options.group, None | Some(Group::Parse)) {
        provision::tshark()?;
    }
    // Standard output is for the figures alone.
    eprintln!("bench: building (a minute or two the first time)");
    let mut command = workspace::cargo();
    command.args(["bench", "--quiet", "--package", "ani-tests", "--bench", "costs", "--"]);
    if let Some(group) = options.group {
        command.arg(group.name());
    }
    if options.json {
        command.arg("--json");
    }
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
