//! What people read.

use std::fmt::Write as _;

use serde_json::Value;

use crate::cli::output::{items, shown};

/// Width of a step's name.
const NAME: usize = 12;

/// All steps of each PASSporT, then what they come to.
pub(super) fn text(record: &Value) -> String {
    let mut text = String::new();
    for (passport, number) in items(&record["passports"]).iter().zip(1..) {
        text.push_str(&format!("PASSporT {number}\n"));
        for step in items(&passport["steps"]) {
            let (name, seen) = (shown(&step["step"]), shown(&step["seen"]));
            let outcome = step["outcome"].as_str();
            let mark = outcome.map_or_else(String::new, |outcome| format!("{outcome}: "));
            // Writing to a string fails never.
            let _ = writeln!(text, "  {name:NAME$}{mark}{seen}");
        }
        text.push_str(&verdict("  = ", passport));
        for (name, member) in [
            ("signer", "signer"),
            ("caller's name", "name"),
            ("call reason", "call_reason"),
            ("Reason", "reason_header"),
        ] {
            if !passport[member].is_null() {
                let _ = writeln!(text, "    {name}: {}", shown(&passport[member]));
            }
        }
        let priority: Vec<_> = items(&passport["priority"]).iter().map(shown).collect();
        if !priority.is_empty() {
            let _ = writeln!(text, "    priority: {}", priority.join(", "));
        }
        text.push('\n');
    }
    if record["priority"] == true {
        text.push_str("The call goes before others (rph).\n");
    }
    let _ = writeln!(text, "At {}:", shown(&record["at"]));
    text.push_str(&verdict("", record));
    text
}

/// The outcome, its cause, and what to do about it.
fn verdict(indent: &str, record: &Value) -> String {
    let space = " ".repeat(indent.len());
    let code = match (record["code"].as_u64(), record["phrase"].as_str()) {
        (Some(code), Some(phrase)) => format!(" ({code} {phrase})"),
        _ => String::new(),
    };
    let (class, outcome) = (shown(&record["class"]), shown(&record["outcome"]));
    let mut text = format!("{indent}{class}: {outcome}{code}: {}\n", shown(&record["cause"]));
    if class != "passed" {
        let _ = writeln!(text, "{space}To do: {}", shown(&record["remedy"]));
    }
    text
}
