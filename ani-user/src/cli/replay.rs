//! `ani replay`: captures through the very same pipeline as live calls, without root.

/// How far it has come.
mod progress;
/// The signatures.
pub mod signatures;
/// The table and the summary for people.
mod table;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;

use self::progress::Progress;
use crate::{
    capture::{
        Source as _,
        clock::Clock,
        file::{CaptureFile, FileError},
    },
    config::Config,
    control::{
        feed,
        list::{self, Defaults},
        number,
    },
    invite::Invite,
    pipeline::Pipeline,
    policy::{self, Enforce, Verdict, entry::Listed, memory::Memory},
    telemetry::{Tallies, Tally},
    time::Timestamp,
};

/// Output that is gathered before it is written, bytes.
const OUTPUT_BYTES: usize = 64 << 10;

/// Before any capture: whether an entry had ended is asked for each frame.
const BEFORE_ALL: Timestamp = Timestamp(i64::MIN);

/// Read captures (pcap, pcapng) and show each INVITE with what is known of it
///
/// INVITEs to any port are read. IP fragments are put together and TCP is followed; IP-in-IP, GRE and
/// GTP-U tunnels are looked into, and the addresses shown are those within.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Capture files, read in this order
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Configuration whose trunks, limits, lists and emergency numbers decide; of the lists, what their
    /// files say. Without it, every source counts as one trunk named "any" that reads P-Asserted-Identity, Remote-Party-ID and From in
    /// that order, and takes only numbers with a + for E.164
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Block list to decide by: a number a line, or CSV
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// ISO 3166 code of the country the block list's numbers without + are dialled in
    #[arg(long, value_name = "CODE", requires = "policy")]
    pub country: Option<String>,

    /// How signatures are verified
    #[command(flatten)]
    pub signatures: signatures::Args,
}

/// What a replay came to.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Records in the files, those of link types that cannot be read included.
    pub records: u64,
    /// Records of link types that cannot be read.
    pub unsupported: u64,
    /// Files that could not be read to their end.
    pub failed_files: u64,
    /// What became of the frames.
    pub tallies: Arc<Tallies>,
    /// INVITEs seen before.
    pub retransmissions: u64,
    /// INVITEs a rule would have dropped.
    pub dropped: u64,
}

impl Summary {
    fn count(&mut self, invite: &Invite<'_>) {
        self.retransmissions += u64::from(invite.retransmission);
        self.dropped += u64::from(invite.verdict != Verdict::Pass);
    }
}

/// Replays the files to standard output: a line of JSON an INVITE, or a table. What is wrong with a
/// file goes to standard error and the rest goes on; in the end that is an error.
pub fn run(args: &Args, json: bool) -> anyhow::Result<()> {
    let mut output = BufWriter::with_capacity(OUTPUT_BYTES, io::stdout().lock());
    let mut terminal = progress::wanted().then(io::stderr);
    let mut progress = Progress::new(terminal.as_mut().map(|terminal| terminal as &mut dyn Write));
    let replayed = replay_with(args, json, &mut output, &mut io::stderr(), &mut progress)
        .and_then(|summary| Ok(output.flush().map(|()| summary)?));
    let summary = match replayed {
        // Whoever read the output has seen enough.
        Err(error) if is_closed_pipe(&error) => return Ok(()),
        other => other?,
    };
    match summary.failed_files {
        0 => Ok(()),
        failed => {
            anyhow::bail!("{failed} of {} files could not be read to the end", args.files.len())
        }
    }
}

/// Like [`run`], to any two writers.
pub fn replay(
    args: &Args,
    json: bool,
    output: &mut dyn Write,
    errors: &mut dyn Write,
) -> anyhow::Result<Summary> {
    replay_with(args, json, output, errors, &mut Progress::new(None))
}

fn replay_with(
    args: &Args,
    json: bool,
    output: &mut dyn Write,
    errors: &mut dyn Write,
    progress: &mut Progress<'_>,
) -> anyhow::Result<Summary> {
    let mut config = match &args.config {
        Some(path) => super::load_config(path)?,
        None => Config::one_trunk(),
    };
    args.signatures.apply(&mut config.stir);
    let config = Arc::new(config);
    let rules = Arc::new(Memory::new(&config));
    feeds(&rules, &config, errors)?;
    if let Some(path) = &args.policy {
        block(&rules, &config, path, args.country.as_deref())
            .with_context(|| format!("cannot read the block list {}", path.display()))?;
    }
    let mut summary = Summary::default();
    let mut warnings = Vec::new();
    let verifier =
        args.signatures.verifier(&config, Clock::new().now(), &mut |text| warnings.push(text))?;
    for warning in warnings {
        writeln!(errors, "ani: {warning}")?;
    }
    let mut pipeline = Pipeline::new(config, rules, Arc::clone(&summary.tallies));
    if let Some(verifier) = verifier {
        pipeline = pipeline.verifying(verifier);
    }
    if !json {
        table::header(output)?;
    }
    // Filled in memory: a line is made of two hundred pieces.
    let mut line = Vec::new();
    let mut show = |invite: &Invite<'_>| -> anyhow::Result<()> {
        if json {
            line.clear();
            invite.write_json(&mut line);
            line.push(b'\n');
            output.write_all(&line)?;
        } else {
            table::row(output, invite)?;
        }
        Ok(())
    };
    for path in &args.files {
        file(path, &mut pipeline, &mut summary, &mut show, errors, progress)?;
    }
    // Not before: what a rotated capture begins, the next file may end.
    let mut shown = Ok(());
    pipeline.finish(&mut |invite| {
        summary.count(&invite);
        if shown.is_ok() {
            shown = show(&invite);
        }
    });
    shown?;
    if !json {
        table::summary(output, &summary)?;
    }
    Ok(summary)
}

fn file(
    path: &Path,
    pipeline: &mut Pipeline,
    summary: &mut Summary,
    show: &mut dyn FnMut(&Invite<'_>) -> anyhow::Result<()>,
    errors: &mut dyn Write,
    progress: &mut Progress<'_>,
) -> anyhow::Result<()> {
    let opened = File::open(path).map_err(FileError::Open);
    let mut capture = match opened.and_then(|file| CaptureFile::new(progress.begin(path, file))) {
        Ok(capture) => capture,
        Err(error) => {
            summary.failed_files += 1;
            writeln!(errors, "ani: {}: {error}", path.display())?;
            return Ok(());
        }
    };
    let mut shown = Ok(());
    let end = capture.frames(&mut |frame| {
        pipeline.frame(frame, &mut |invite| {
            summary.count(&invite);
            if shown.is_ok() {
                shown = show(&invite);
            }
        });
        progress.tick(frame.number, summary.tallies.value(Tally::Invites));
        if shown.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    progress.clear();
    summary.records += capture.records();
    for (number, records) in capture.unsupported() {
        summary.unsupported += records;
        writeln!(
            errors,
            "ani: {}: {records} records of link type {number} not read: capture on Ethernet, \
             or convert the file",
            path.display()
        )?;
    }
    if let Err(error) = end {
        summary.failed_files += 1;
        writeln!(errors, "ani: {}: {error}", path.display())?;
    }
    shown
}

/// Hands out each INVITE of the files, for other commands that read captures.
pub(super) fn each_invite(
    files: &[PathBuf],
    config: Config,
    errors: &mut dyn Write,
    each: &mut dyn FnMut(&Invite<'_>),
) -> anyhow::Result<Summary> {
    let mut terminal = progress::wanted().then(io::stderr);
    let mut progress = Progress::new(terminal.as_mut().map(|terminal| terminal as &mut dyn Write));
    let config = Arc::new(config);
    let rules = Arc::new(Memory::new(&config));
    let mut summary = Summary::default();
    let mut pipeline = Pipeline::new(config, rules, Arc::clone(&summary.tallies));
    let mut show = |invite: &Invite<'_>| -> anyhow::Result<()> {
        each(invite);
        Ok(())
    };
    for path in files {
        file(path, &mut pipeline, &mut summary, &mut show, errors, &mut progress)?;
    }
    pipeline.finish(&mut |invite| each(&invite));
    Ok(summary)
}

/// Puts in force what the files of the configuration's lists say.
fn feeds(rules: &Memory, config: &Config, errors: &mut dyn Write) -> anyhow::Result<()> {
    let (listings, strangers) = feed::listings(config, BEFORE_ALL)?;
    if let Some(strangers) = strangers {
        writeln!(errors, "ani: {strangers}")?;
    }
    rules
        .relist(&mut listings.into_iter().map(Ok))
        .context("cannot take the lists that the configuration's files say")
}

fn block(
    rules: &Memory,
    config: &Config,
    path: &Path,
    country: Option<&str>,
) -> anyhow::Result<()> {
    let text = fs::read_to_string(path)?;
    let defaults = Defaults {
        country: number::country(country).map_err(anyhow::Error::msg)?,
        ..Defaults::at(BEFORE_ALL)
    };
    let parsed = list::parse(&text, &defaults).map_err(anyhow::Error::msg)?;
    let trunk = |name: &str| config.trunks.number_of(name);
    let listing = |entry: &Listed| {
        entry.subject.listing(policy::BLOCK, entry.expires, trunk).with_context(|| {
            let trunk = entry.subject.trunk.as_deref().unwrap_or_default();
            format!(
                "{}: no trunk is named `{trunk}`; name one of the configuration's, or none",
                entry.subject.span
            )
        })
    };
    rules.list(&parsed.entries.iter().map(listing).collect::<anyhow::Result<Vec<_>>>()?)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests;
