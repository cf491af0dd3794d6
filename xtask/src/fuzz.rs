//! `cargo xtask fuzz`: what reads strangers' traffic, fed with bytes of all kinds; 1 on a finding.

use std::{fs, path::Path, process::ExitCode};

use anyhow::Context as _;
use xtask::{provision, workspace};

/// Memory a target may take, megabytes: twice what the bounds of what is put together come to, and
/// what the sanitizer adds.
const MAX_MEGABYTES: u32 = 2_048;

/// Longest input, bytes: what traffic of some thousand decisions is made of.
const MAX_LEN: u32 = 16_384;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fuzz this target only
    target: Option<Target>,
    /// How long each, seconds
    #[arg(long, default_value_t = 20)]
    seconds: u32,
}

/// What is fed; see `ani-user/src/fuzz.rs`.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Target {
    /// Certificates, their chains, anchors and revocation lists
    Certificate,
    /// Fragments of packets, in any order, twice, lost and cut
    Fragments,
    /// HEPv3 packets and streams of them
    Hep,
    /// Values of Identity, through a whole verification
    Identity,
    /// SIP messages, for the scanner and the parser
    Message,
    /// PASSporTs, taken apart
    Passport,
    /// Capture files, with whatever frames are in them
    Pcap,
    /// SIP messages, for the parser and for rsip
    Rsip,
    /// Segments of TCP flows, in any order, twice and lost
    Tcp,
}

impl Target {
    const ALL: [Self; 9] = [
        Self::Certificate,
        Self::Fragments,
        Self::Hep,
        Self::Identity,
        Self::Message,
        Self::Passport,
        Self::Pcap,
        Self::Rsip,
        Self::Tcp,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Fragments => "fragments",
            Self::Hep => "hep",
            Self::Identity => "identity",
            Self::Message => "message",
            Self::Passport => "passport",
            Self::Pcap => "pcap",
            Self::Rsip => "rsip",
            Self::Tcp => "tcp",
        }
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    provision::build_tools()?;
    provision::cargo_fuzz()?;
    let mut found = false;
    for target in options.target.map_or(Target::ALL.to_vec(), |target| vec![target]) {
        println!(
            "fuzz: {} for {} s (the first build takes minutes)",
            target.name(),
            options.seconds
        );
        found |= !fuzz(target.name(), options.seconds)?;
    }
    Ok(if found { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Replays the seeds and what earlier runs found worth keeping, then goes on from there. Whether all
/// was well.
fn fuzz(target: &str, seconds: u32) -> anyhow::Result<bool> {
    let build = workspace::root().join("target/fuzz");
    let (corpus, findings) =
        (build.join("corpus").join(target), build.join("findings").join(target));
    for folder in [&corpus, &findings] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut command = workspace::cargo();
    command
        .args(["fuzz", "run", "--release", "--debug-assertions", "--fuzz-dir", "tests/fuzz"])
        .arg("--target-dir")
        .arg(&build)
        .arg(target)
        .arg(&corpus)
        .arg(Path::new("tests/fuzz/seeds").join(target))
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MAX_MEGABYTES}"))
        .arg(format!("-max_len={MAX_LEN}"))
        .arg("-timeout=10")
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .env("PATH", workspace::path_with_tools())
        // The sanitizers are behind a flag that a stable compiler knows only so.
        .env("RUSTC_BOOTSTRAP", "1");
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    Ok(status.success())
}
