//! Header values out of other projects' reports, each with what is to be read of it.

use std::path::Path;

use serde_json::Value;

use super::{Known, Set, reading, row::Difference};
use crate::data::{self, Row};

/// All rows of the table.
pub(super) fn set(folder: &Path, known: &mut Known) -> Set {
    let mut set = Set::default();
    for (number, row) in (1..).zip(data::table(&folder.join("messages/header_samples.tsv"))) {
        set.take("messages/header_samples.tsv", number, compare(&row), known);
    }
    set
}

fn compare(row: &Row) -> Vec<Difference> {
    let (header, value, expectation) = (&row["header"], &row["value"], &row["expectation"]);
    let message = if header == "Request-URI" {
        reading::invite(value, &[])
    } else {
        reading::invite("sip:callee@sbc.example", &[&format!("{header}: {value}")])
    };
    let mut differences = Vec::new();
    // With a country, so that digits are made a number where they can be.
    let Some(record) = reading::read(&message, "generic", Some("US")) else {
        return vec![("missing", "no INVITE".to_owned())];
    };
    if record["malformed"].as_array().is_none_or(|words| !words.is_empty()) {
        differences.push(("malformed", record["malformed"].to_string()));
    }
    if let Some((_, diverting)) = expectation.split_once("last diverting = ") {
        let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
        let first = diverting.split_once("first diverting = ").map_or("", |(_, rest)| rest);
        let expected = [digits(diverting), digits(first)];
        let found: Vec<_> = candidates(&record, "diversion").map(user).collect();
        if found != expected {
            differences.push(("diversion", format!("{expected:?} / {found:?}")));
        }
    } else if expectation.contains("not E.164") || expectation.contains("non-numeric user") {
        let expected = user_of(value);
        let (found, number) = if header == "From" {
            (&record["from_user"], &record["ani"])
        } else {
            (&record["request_user"], &record["dnis"])
        };
        // As it came, and no `+` before it.
        if found != expected || number != expected {
            differences.push(("user", format!("{expected} / {found} {number}")));
        }
    } else {
        differences.push(("expectation", format!("nothing is compared for `{expectation}`")));
    }
    differences
}

fn candidates<'r>(record: &'r Value, header: &'static str) -> impl Iterator<Item = &'r Value> {
    let all = record["candidates"].as_array();
    all.into_iter().flatten().filter(move |candidate| candidate["header"] == header)
}

fn user(candidate: &Value) -> String {
    user_of(candidate["uri"].as_str().unwrap_or_default()).to_owned()
}

/// The user part of the one URI in a value.
fn user_of(value: &str) -> &str {
    let behind = value.split_once("sip:").map_or("", |(_, rest)| rest);
    behind.split('@').next().unwrap_or_default()
}
