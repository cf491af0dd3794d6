//! Single messages against what tshark reads of them, once each had been put into a datagram, and
//! the scanner against the parser on each.

use std::{collections::HashMap, fs, path::Path};

use ani_user::identity;

use super::{Known, Set, reading, row};
use crate::data::{self, Row};

/// All files of a folder. A message is an INVITE where the table has a row of it, or, for those that
/// are in no capture, where its first line says so.
pub(super) fn set(folder: &Path, name: &str, table: &[Row], known: &mut Known) -> Set {
    let capture = format!("set_a/derived_pcap/{name}_udp4.pcap");
    let rows: HashMap<&str, &Row> = table
        .iter()
        .filter(|row| row["pcap"] == capture)
        .map(|row| (row["frame"].as_str(), row))
        .collect();
    let frames = frames(&folder.join(format!("derived_pcap/{name}_index.tsv")));
    let mut set = Set::default();
    for path in data::files(&folder.join(name)) {
        let message = fs::read(&path).expect("message");
        let file = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        let row = frames.get(&file).map(|frame| rows.get(frame.as_str()).copied());
        set.take(&file, 1, compare(&message, row), known);
    }
    set
}

/// `row` is none for a message in no capture, and `Some(None)` for one that tshark takes for no
/// INVITE.
fn compare(message: &[u8], row: Option<Option<&Row>>) -> Vec<row::Difference> {
    let mut differences = Vec::new();
    if let Err(what) = identity::agreement(message) {
        differences.push(("scanner", what));
    }
    let ours = reading::read(message, "generic", None);
    match (row, ours) {
        (Some(Some(row)), Some(ours)) => differences.extend(row::message(row, &ours)),
        (Some(Some(_)), None) => differences.push(("missing", "no INVITE".to_owned())),
        (Some(None), Some(ours)) => differences.push(("extra", ours["request_uri"].to_string())),
        (Some(None), None) => {}
        (None, ours) => {
            let line = message.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let words: Vec<_> = line.trim_ascii().split(|byte| *byte == b' ').collect();
            let expected = match words[..] {
                [b"INVITE", uri, b"SIP/2.0"] => Some(String::from_utf8_lossy(uri).into_owned()),
                _ => None,
            };
            let found =
                ours.map(|ours| ours["request_uri"].as_str().unwrap_or_default().to_owned());
            if expected != found {
                differences.push(("invite", format!("{expected:?} / {found:?}")));
            }
        }
    }
    differences
}

/// In which frame of the capture each file is: the index counts from its first line, the capture from
/// one.
fn frames(index: &Path) -> HashMap<String, String> {
    let rows = data::table(index);
    rows.iter()
        .enumerate()
        .map(|(at, row)| {
            let file = row.get("file").or_else(|| row.get("message_file"));
            (file.cloned().unwrap_or_default(), (at + 1).to_string())
        })
        .collect()
}
