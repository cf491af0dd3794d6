//! The messages of RFC 4475 and RFC 5118 against what the RFCs say must happen to each.

use std::{fs, path::Path};

use ani_user::identity;
use serde_json::Value;

use super::{Known, Set, reading, row::Difference};
use crate::data::{self, Row};

/// What is to be read of a message: the column of the table, the field of the record, and what is
/// malformed when there is none or more than one.
const FIELDS: [(&str, &str, &str, &str); 3] = [
    ("from_user", "from_user", "missing-from", "doubled-from"),
    ("to_user", "to_user", "missing-to", "doubled-to"),
    ("call_id", "call_id", "missing-call-id", "doubled-call-id"),
];

/// The rows of the table whose files lie in `part`.
pub(super) fn set(folder: &Path, part: &str, known: &mut Known) -> Set {
    let mut set = Set::default();
    for row in data::table(&folder.join("torture/expected.tsv")) {
        let file = &row["file"];
        if !file.starts_with(part) {
            continue;
        }
        let message = fs::read(folder.join(file)).expect("message");
        let mut differences = Vec::new();
        if let Err(what) = identity::agreement(&message) {
            differences.push(("scanner", what));
        }
        match (row["method"] == "INVITE", reading::read(&message, "generic", None)) {
            (true, Some(record)) => compare(&row, &record, &mut differences),
            (false, None) => {}
            (true, None) => differences.push(("missing", "no INVITE".to_owned())),
            (false, Some(record)) => differences.push(("extra", record["request_uri"].to_string())),
        }
        set.take(file, 1, differences, known);
    }
    set
}

fn compare(row: &Row, record: &Value, differences: &mut Vec<Difference>) {
    let expected = row["expected"].as_str();
    let malformed: Vec<_> =
        record["malformed"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let text = |field: &str| record[field].as_str().unwrap_or_default();
    let mut wrong = |column, what: String| differences.push((column, what));

    // "reject", "malformed", "must not … without flag": the record is kept, and says what is wrong.
    let accept = expected.starts_with("accept");
    let flag = ["reject", "flag", "malformed"].iter().any(|word| expected.contains(word));
    if accept == flag {
        wrong("expected", format!("neither to accept nor to reject: {expected}"));
    }
    if accept != malformed.is_empty() {
        wrong("malformed", format!("{expected} / {malformed:?}"));
    }
    for (column, field, missing, doubled) in FIELDS {
        let (theirs, ours) = (row[column].as_str(), text(field));
        let needed = match theirs {
            "(missing)" => Some(missing),
            _ if theirs.starts_with("AMBIGUOUS") => Some(doubled),
            _ if theirs.starts_with("(unterminated quote") => Some("to"),
            _ => None,
        };
        if needed.is_some_and(|word| !malformed.contains(&word)) {
            wrong(column, format!("{theirs} / {malformed:?}"));
        }
        if !is_value(theirs, ours) {
            wrong(column, format!("{theirs} / {ours}"));
        }
    }
    if !is_value(&row["ruri_user"], text("request_user")) {
        wrong("ruri_user", format!("{} / {}", row["ruri_user"], text("request_user")));
    }
    if let Some(name) = between(expected, "display name ", " ;")
        && name != text("from_display")
    {
        wrong("display", format!("{name} / {}", text("from_display")));
    }
    if let Some(host) = between(expected, "host [", "]")
        && !text("request_uri").contains(&format!("[{host}]"))
    {
        wrong("ruri", format!("[{host}] / {}", text("request_uri")));
    }
}

/// Whether a value is what is expected: a value, `decoded (raw value)`, `start...`, `word x5`,
/// `(missing)`, one of the two of `AMBIGUOUS: a@h and b@h`, or a remark that nothing can be said for
/// sure.
fn is_value(expected: &str, found: &str) -> bool {
    if let Some((_, raw)) = expected.split_once("(raw ") {
        return found == raw.trim_end_matches(')');
    }
    if let Some(start) = expected.strip_suffix("...") {
        return found.starts_with(start);
    }
    if let Some((word, times)) = expected.split_once(" x")
        && let Ok(times) = times.parse()
    {
        return found == word.repeat(times);
    }
    if let Some(either) = expected.strip_prefix("AMBIGUOUS") {
        let users = || either.trim_start_matches(": ").split(" and ");
        return users().any(|user| user.is_empty() || user.split('@').next() == Some(found));
    }
    if expected == "(missing)" {
        return found.is_empty();
    }
    expected.starts_with('(') || expected == found
}

fn between<'t>(text: &'t str, before: &str, behind: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    Some(rest.split_once(behind)?.0)
}
