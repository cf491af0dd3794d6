//! Tables, and the facts of a chain.

use serde_json::Value;

use crate::{
    cli::output::{NOTHING, Side, Table, items, shown, time},
    stir::Outcome,
    time::Timestamp,
};

pub(super) fn list(document: &Value) -> String {
    let mut table = Table::new(&[
        ("url", Side::Left),
        ("state", Side::Left),
        ("origin", Side::Left),
        ("signer", Side::Left),
        ("expires (UTC)", Side::Left),
        ("calls", Side::Right),
        ("trouble", Side::Left),
    ]);
    let all = items(&document["certificates"]);
    for one in all {
        let expires = match (&one["expires"], one["origin"].is_null()) {
            (Value::Null, false) => "never".to_owned(),
            (Value::Null, true) => NOTHING.to_owned(),
            (expires, _) => time(expires),
        };
        let trouble =
            if one["outcome"].is_null() { words(&one["defects"]) } else { shown(&one["outcome"]) };
        table.row([
            shown(&one["url"]),
            shown(&one["state"]),
            shown(&one["origin"]),
            shown(&one["signer"]),
            expires,
            shown(&one["uses"]),
            trouble,
        ]);
    }
    if all.is_empty() { "no certificates\n".to_owned() } else { table.text() }
}

pub(super) fn removed(document: &Value) -> String {
    let mut text = String::new();
    for (key, word) in [("removed", "removed"), ("not_known", "nothing is known of")] {
        for url in items(&document[key]) {
            text.push_str(&format!("{word} {}\n", shown(url)));
        }
    }
    text
}

pub(super) fn fetched(document: &Value) -> String {
    let mut text = String::new();
    for one in items(&document["fetched"]) {
        let url = shown(&one["url"]);
        if one["outcome"] == "valid" {
            text.push_str(&format!("fetched {url}\n"));
            continue;
        }
        let (outcome, detail) = (shown(&one["outcome"]), shown(&one["detail"]));
        text.push_str(&format!("{url}: {outcome}: {detail}\n  {}\n", shown(&one["remedy"])));
    }
    text
}

pub(super) fn show(document: &Value) -> String {
    let mut lines = Lines(String::new());
    for (name, key) in [("url", "url"), ("state", "state"), ("origin", "origin")] {
        if !document[key].is_null() {
            lines.put(name, &shown(&document[key]));
        }
    }
    for (name, key) in [("fetched", "fetched"), ("expires", "expires"), ("tried again", "retry")] {
        if !document[key].is_null() {
            lines.put(name, &format!("{} UTC", time(&document[key])));
        }
    }
    if !document["outcome"].is_null() {
        lines.put("outcome", &shown(&document["outcome"]));
        lines.put("", &shown(&document["detail"]));
    }
    let facts = &document["facts"];
    if facts.is_null() {
        return lines.0;
    }
    lines.put("signer", &shown(&document["signer"]));
    let numbers: Vec<_> = items(&facts["numbers"]).iter().map(entry).collect();
    let numbers = if numbers.is_empty() { NOTHING.to_owned() } else { numbers.join(", ") };
    lines.put("signs for", &numbers);
    for one in items(&facts["constraints"]) {
        lines.put("constraints", &constraints(one));
    }
    for (at, one) in items(&facts["chain"]).iter().enumerate() {
        let kind = if one["authority"] == true { "authority" } else { "certificate" };
        lines.put(&format!("{kind} {at}"), &shown(&one["subject"]));
        lines.put("  issuer", &shown(&one["issuer"]));
        lines.put("  serial", &shown(&one["serial"]));
        let (from, to) = (time(&one["not_before"]), time(&one["not_after"]));
        lines.put("  valid", &format!("{from} to {to} UTC"));
        lines.put("  key", &shown(&one["key"]));
    }
    for window in items(&facts["valid"]) {
        let second = |key: &str| {
            let time = Timestamp::new(window[key].as_i64().unwrap_or_default(), 0).to_string();
            time.get(..19).unwrap_or(&time).replace('T', " ")
        };
        lines.put("trusted", &format!("{} to {} UTC", second("from"), second("to")));
    }
    for word in items(&facts["defects"]) {
        let word = shown(word);
        lines.put("defect", &word);
        if let Some(outcome) = Outcome::find(&word) {
            lines.put("", outcome.cause());
            lines.put("", outcome.remedy());
        }
    }
    lines.0
}

/// Names and values, the values in line.
struct Lines(String);

impl Lines {
    fn put(&mut self, name: &str, value: &str) {
        self.0.push_str(format!("{name:<15}{value}").trim_end());
        self.0.push('\n');
    }
}

fn entry(entry: &Value) -> String {
    if !entry["spc"].is_null() {
        return format!("numbers of {}", shown(&entry["spc"]));
    }
    if !entry["one"].is_null() {
        return shown(&entry["one"]);
    }
    let range = &entry["range"];
    format!("{} and those after it, {} in all", shown(&range["start"]), shown(&range["count"]))
}

fn constraints(one: &Value) -> String {
    let mut parts = Vec::new();
    for (key, word) in [("must_include", "with"), ("must_exclude", "without")] {
        if !items(&one[key]).is_empty() {
            parts.push(format!("{word} {}", words(&one[key])));
        }
    }
    for permitted in items(&one["permitted"]) {
        parts.push(format!("{} of {}", shown(&permitted["claim"]), words(&permitted["values"])));
    }
    parts.join("; ")
}

fn words(list: &Value) -> String {
    let words: Vec<_> = items(list).iter().map(shown).collect();
    if words.is_empty() { NOTHING.to_owned() } else { words.join(", ") }
}
