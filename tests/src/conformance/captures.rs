//! Captures, replayed, against what tshark reads of them: a row is an INVITE.

use std::{collections::BTreeMap, path::Path};

use ani_user::cli::replay::{self, Args};
use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Known, Set, row};
use crate::data::{self, Row};

/// The table's names of captures begin with this.
const PREFIX: &str = "set_a/";

/// Replays all captures below `folder` and compares each INVITE with its row of the table.
///
/// # Errors
///
/// When a capture cannot be replayed at all.
pub(super) fn sets(
    folder: &Path,
    table: &[Row],
    known: &mut Known,
    sets: &mut BTreeMap<String, Set>,
) -> Result<()> {
    let mut expected: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in table {
        let capture = row["pcap"].trim_start_matches(PREFIX).to_owned();
        expected.entry(capture).or_default().push(row.clone());
    }
    for path in captures(folder) {
        let name = path.strip_prefix(folder)?.display().to_string();
        let rows = expected.remove(&name).unwrap_or_default();
        capture(&name, rows, replayed(&path)?, known, sets);
    }
    let missing = expected.into_keys().map(|capture| format!("{capture} is not there"));
    sets.entry("table".to_owned()).or_default().failures.extend(missing);
    Ok(())
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
            Some(line) => row::capture(&row, &line),
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
    let args = Args {
        files: vec![capture.to_owned()],
        config: None,
        policy: None,
        country: None,
        signatures: Default::default(),
    };
    // What is wrong with a file is no concern here: some are broken on purpose.
    let (mut output, mut remarks) = (Vec::new(), Vec::new());
    replay::replay(&args, true, &mut output, &mut remarks)
        .with_context(|| format!("cannot replay {}", capture.display()))?;
    let lines = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.map(serde_json::from_slice).collect::<Result<_, _>>()?)
}
