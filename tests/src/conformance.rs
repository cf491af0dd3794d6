//! The replay against what tshark reads of the same captures, row by row: `cargo xtask conformance`.
//!
//! A row is an INVITE. It agrees, or the difference is known and explained ([`known`]), or this
//! fails; so it does when a difference is no more, and when a set has fewer rows that agree than it
//! once had.

/// Rows in which the two differ, and why; how many agree.
pub mod known;
/// One row of tshark's against one line of ours.
mod row;

use std::{collections::BTreeMap, path::Path};

use ani_user::cli::replay::{self, Args};
use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::data::{self, Row};

/// The table of what tshark reads.
const ORACLE: &str = "oracle_a.tsv";

/// The table's names of captures begin with this.
const PREFIX: &str = "set_a/";

/// Captures of one kind.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// Its name: `pcap/udp`, `derived/frag4`.
    pub name: String,
    /// INVITEs that tshark reads, and those that only we do.
    pub rows: usize,
    /// Those of which all that is compared is the same.
    pub agree: usize,
    /// Those of which it is not, and it is known why.
    pub known_differences: usize,
    /// What should not be.
    pub failures: Vec<String>,
}

/// Differences that are known and were not met yet, and how often each stands in the table.
type Known = BTreeMap<known::Place, usize>;

/// Replays all captures below `folder` and compares.
///
/// # Errors
///
/// When a capture cannot be replayed at all.
pub fn sets(folder: &Path) -> Result<Vec<Set>> {
    let mut expected: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in data::table(&folder.join(ORACLE)) {
        let capture = row["pcap"].trim_start_matches(PREFIX).to_owned();
        expected.entry(capture).or_default().push(row);
    }
    let mut sets = BTreeMap::new();
    let mut known = Known::default();
    for place in known::rows() {
        *known.entry(place).or_default() += 1;
    }
    for path in captures(folder) {
        let name = path.strip_prefix(folder)?.display().to_string();
        let rows = expected.remove(&name).unwrap_or_default();
        capture(&name, rows, replayed(&path)?, &mut known, &mut sets);
    }
    let missing = expected.into_keys().map(|capture| format!("{capture} is not there"));
    let gone = known.into_iter().filter(|(_, left)| *left > 0);
    let gone = gone.map(|((capture, frame, column), _)| {
        format!("{capture} {frame} {column}: the known difference is no more")
    });
    let failures: Vec<_> = missing.chain(gone).collect();
    if !failures.is_empty() {
        sets.insert("table".to_owned(), Set { failures, ..Set::default() });
    }
    for (name, set) in &mut sets {
        set.name.clone_from(name);
        set.compare_counts();
    }
    Ok(sets.into_values().collect())
}

/// All sets as one.
pub fn total(sets: &[Set]) -> Set {
    let mut total = Set { name: "total".to_owned(), ..Set::default() };
    for set in sets {
        total.rows += set.rows;
        total.agree += set.agree;
        total.known_differences += set.known_differences;
    }
    total
}

impl Set {
    fn compare_counts(&mut self) {
        let known = known::COUNTS.iter().find(|(name, ..)| *name == self.name);
        let (rows, agree) = known.map_or((0, 0), |(_, rows, agree)| (*rows, *agree));
        if (self.rows, self.agree) != (rows, agree) {
            self.failures.push(format!(
                "{}: {} of {} rows agree, and not {agree} of {rows}",
                self.name, self.agree, self.rows
            ));
        }
    }
}

fn captures(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    ["pcap", "derived_pcap"]
        .into_iter()
        .flat_map(|part| data::files(&folder.join(part)))
        .filter(|path| path.extension().is_some_and(|extension| extension != "tsv"))
}

/// Compares one capture's rows with our lines, the first with the first of the same frame.
fn capture(
    name: &str,
    rows: Vec<Row>,
    lines: Vec<Value>,
    known: &mut Known,
    sets: &mut BTreeMap<String, Set>,
) {
    let mut by_frame: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for line in lines.into_iter().rev() {
        by_frame.entry(line["frame"].as_u64().unwrap_or(0)).or_default().push(line);
    }
    for row in rows {
        let frame = row["frame"].parse().unwrap_or(0);
        let set = sets.entry(set_of(name, &row["transport"])).or_default();
        let quoted = row["in_icmp_error"] == "1";
        let differences = match by_frame.get_mut(&frame).and_then(Vec::pop) {
            // A call quoted in an ICMP error is none.
            None if quoted => Vec::new(),
            None => vec![("missing", "no INVITE".to_owned())],
            Some(_) if quoted => vec![("quoted", "read out of an ICMP error".to_owned())],
            Some(line) => row::compare(&row, &line),
        };
        set.take(name, frame, differences, known);
    }
    for (frame, lines) in by_frame {
        for line in lines {
            let transport = line["transport"].as_str().unwrap_or_default();
            let set = sets.entry(set_of(name, transport)).or_default();
            set.take(name, frame, vec![("extra", line.to_string())], known);
        }
    }
}

impl Set {
    fn take(
        &mut self,
        capture: &str,
        frame: u64,
        differences: Vec<(&'static str, String)>,
        known: &mut Known,
    ) {
        self.rows += 1;
        if differences.is_empty() {
            self.agree += 1;
            return;
        }
        let before = self.failures.len();
        for (column, what) in differences {
            let place = (capture.to_owned(), frame, column);
            if let Some(left) = known.get_mut(&place).filter(|left| **left > 0) {
                *left -= 1;
            } else {
                self.failures.push(format!("{capture} {frame} {column}: {what}"));
            }
        }
        self.known_differences += usize::from(self.failures.len() == before);
    }
}

/// Captures of other projects by transport, derived ones by what was done to their messages, which
/// their name says behind the messages' own.
fn set_of(capture: &str, transport: &str) -> String {
    let derived = capture.strip_prefix("derived_pcap/").and_then(|name| name.split_once('_'));
    match derived {
        Some((_, kind)) => format!("derived/{}", kind.trim_end_matches(".pcap")),
        None => format!("pcap/{transport}"),
    }
}

/// The lines of a replay.
fn replayed(capture: &Path) -> Result<Vec<Value>> {
    let args = Args { files: vec![capture.to_owned()], config: None, policy: None, country: None };
    // What is wrong with a file is no concern here: some are broken on purpose.
    let (mut output, mut remarks) = (Vec::new(), Vec::new());
    replay::replay(&args, true, &mut output, &mut remarks)
        .with_context(|| format!("cannot replay {}", capture.display()))?;
    let lines = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.map(serde_json::from_slice).collect::<Result<_, _>>()?)
}
