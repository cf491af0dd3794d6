//! Block lists as files: a number a line, or CSV.
//!
//! An empty line and one that starts with `#` say nothing. Of CSV the first column is the number
//! and the second, if any, the reason; a first line whose first column is `number` names the
//! columns, of which `expires` and `reason` are read. A number is E.164 with its `+`, or as the
//! country of one of the trunks dials it.

use std::io::BufRead;

use ani_ebpf::{
    abi::number::{MAX_DIGITS, Number},
    dial_plan::{DialPlan, Dialled},
};
use anyhow::{Context, bail};

use crate::time::Timestamp;

/// Longest line that is read, bytes.
const MAX_LINE: usize = 4_096;

/// An entry as the file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// E.164.
    pub number: Number,
    /// When it ends; never for none.
    pub expires: Option<Timestamp>,
    /// Why it is blocked; may be empty.
    pub reason: String,
}

/// Reads a list; `plans` complete national numbers, the first one that can. At most `max` entries.
pub fn read(mut input: impl BufRead, plans: &[DialPlan], max: usize) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let mut reason_column = Some(1);
    let mut expires_column = None;
    let mut line = Vec::new();
    for number in 1u64.. {
        line.clear();
        let mut limited = std::io::Read::take(&mut input, MAX_LINE as u64);
        if limited.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.len() == MAX_LINE && !line.ends_with(b"\n") {
            bail!("line {number}: longer than {MAX_LINE} bytes");
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let fields = fields(text);
        let first = fields.first().map(String::as_str).unwrap_or_default();
        if entries.is_empty() && first.eq_ignore_ascii_case("number") {
            let column = |wanted: &str| {
                fields
                    .iter()
                    .position(|name| name.eq_ignore_ascii_case(wanted))
            };
            reason_column = column("reason");
            expires_column = column("expires");
            continue;
        }
        if entries.len() == max {
            bail!("line {number}: more than {max} numbers; raise lists.max_blocked");
        }
        let field = |column: Option<usize>| {
            column
                .and_then(|column| fields.get(column))
                .map(String::as_str)
                .unwrap_or_default()
        };
        entries.push(Entry {
            number: e164(first, plans).with_context(|| {
                format!("line {number}: {first:?} is no telephone number; write +, then the country code")
            })?,
            expires: expires(field(expires_column)).with_context(|| {
                format!("line {number}: expires must be like 2026-01-31T12:00:00Z")
            })?,
            reason: field(reason_column).to_owned(),
        });
    }
    Ok(entries)
}

fn e164(text: &str, plans: &[DialPlan]) -> Option<Number> {
    let dialled = Dialled::from_text(text)?;
    if dialled.plus {
        return DialPlan {
            max_digits: MAX_DIGITS as u8,
            ..DialPlan::NONE
        }
        .e164(dialled);
    }
    // Never guessed: the same digits are different subscribers in different countries.
    plans.iter().find_map(|plan| plan.e164(dialled))
}

fn expires(text: &str) -> anyhow::Result<Option<Timestamp>> {
    if text.is_empty() {
        return Ok(None);
    }
    let time: jiff::Timestamp = text.parse()?;
    Ok(Some(Timestamp(i64::try_from(time.as_nanosecond())?)))
}

/// The fields of a line of CSV (RFC 4180 §2), trimmed; a quoted field ends with its line.
fn fields(line: &str) -> Vec<String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' | ';' if !quoted => fields.push(std::mem::take(&mut field).trim().to_owned()),
            other => field.push(other),
        }
    }
    fields.push(field.trim().to_owned());
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(text: &str) -> anyhow::Result<Vec<(String, String)>> {
        let entries = read(text.as_bytes(), &[], 10)?;
        Ok(entries
            .into_iter()
            .map(|entry| (entry.number.to_string(), entry.reason))
            .collect())
    }

    #[test]
    fn a_number_a_line() {
        let read = numbers("# spam\n+14155551234\r\n\n  +442079460000 \n").expect("list");
        assert_eq!(
            read,
            [
                ("14155551234".into(), String::new()),
                ("442079460000".into(), String::new())
            ]
        );
    }

    #[test]
    fn csv_with_and_without_names() {
        let expected = [("14155551234".to_owned(), "robocalls, again".to_owned())];
        assert_eq!(
            numbers("+1 (415) 555-1234,\"robocalls, again\"\n").expect("list"),
            expected
        );
        let named = "number,expires,reason\n+14155551234,,\"robocalls, again\"\n";
        assert_eq!(numbers(named).expect("list"), expected);
    }

    #[test]
    fn an_entry_may_end() {
        let text = "number,expires,reason,added\n+14155551234,1970-01-01T00:00:09Z,,\n";
        let entries = read(text.as_bytes(), &[], 10).expect("list");
        assert_eq!(entries[0].expires, Some(Timestamp::new(9, 0)));
        assert!(numbers(&text.replace("1970", "x")).is_err());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let error = numbers("+14155551234\nbob\n").expect_err("no number");
        assert_eq!(
            format!("{error:#}"),
            "line 2: \"bob\" is no telephone number; write +, then the country code"
        );
        assert!(numbers("4155551234\n").is_err(), "of which country?");
        let many = "+14155551234\n".repeat(11);
        assert!(numbers(&many).is_err_and(|error| error.to_string().starts_with("line 11: more")));
        assert!(numbers(&"1".repeat(5_000)).is_err());
    }
}
