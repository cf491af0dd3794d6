//! Lists of numbers as text and CSV.
//!
//! | line | meaning |
//! |---|---|
//! | empty, or `#` first | nothing |
//! | `+14155551234` | a number |
//! | `+1415555*` | all numbers that begin so |
//! | `+14155550000-+14155550999` | the numbers from one to another |
//! | `+14155551234,"reason, quoted"` | a number and why |
//! | first line: `number`, with any of `trunk`, `attestation`, `expires`, `reason`, `added`, `answer` | names the columns |
//!
//! An export has all columns, those of the scope and the answer where an entry has one, and can be
//! imported again.

use std::{fmt::Write as _, time::Duration};

use super::number;
use crate::{
    answer::{Answer, SaidError},
    config::countries::Country,
    policy::entry::{Attestations, Listed},
    time::Timestamp,
};

/// Bytes of an import; more than a million numbers with reasons.
pub const MAX_IMPORT_BYTES: usize = 64 << 20;
/// Bytes of a reason.
pub(crate) const MAX_REASON: usize = 200;
/// Wrong lines that are told; the rest is counted.
const MAX_TOLD: usize = 20;

/// What holds for each entry that does not say otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Defaults {
    pub(crate) now: Timestamp,
    pub(crate) ttl: Option<Duration>,
    pub(crate) reason: String,
    pub(crate) country: Option<&'static Country>,
    /// Name of the trunk whose calls it is for; any for none.
    pub(crate) trunk: Option<String>,
    pub(crate) attestations: Attestations,
    /// What calls are told; what the list says for none.
    pub(crate) answer: Option<Answer>,
}

impl Defaults {
    /// Nothing but the time.
    pub(crate) const fn at(now: Timestamp) -> Self {
        Self {
            now,
            ttl: None,
            reason: String::new(),
            country: None,
            trunk: None,
            attestations: Attestations::ANY,
            answer: None,
        }
    }
}

/// What a list holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub(crate) entries: Vec<Listed>,
    /// Entries left out because they had expired already.
    pub(crate) expired: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Number,
    Trunk,
    Attestation,
    Expires,
    Reason,
    Added,
    Answer,
}

/// The text of a list.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count();
        format!("nothing was imported: line {line} is no UTF-8 text")
    })
}

/// Reads a list, all or nothing: the error tells the wrong lines.
pub(crate) fn parse(text: &str, defaults: &Defaults) -> Result<Parsed, String> {
    let mut columns = vec![Column::Number, Column::Reason];
    let mut parsed = Parsed { entries: Vec::new(), expired: 0 };
    let (mut told, mut wrong) = (Vec::new(), 0_usize);
    let mut first = true;
    // A byte order mark, as spreadsheets write it.
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let result = fields(line).and_then(|fields| {
            let names = std::mem::take(&mut first).then(|| header(&fields)).flatten();
            match names {
                Some(names) => columns = names?,
                None => match entry(&fields, &columns, defaults)? {
                    Some(entry) => parsed.entries.push(entry),
                    None => parsed.expired += 1,
                },
            }
            Ok(())
        });
        if let Err(message) = result {
            wrong += 1;
            if told.len() < MAX_TOLD {
                told.push(format!("line {}: {message}", at + 1));
            }
        }
    }
    match wrong {
        0 => Ok(parsed),
        _ => {
            let more = match wrong - told.len() {
                0 => String::new(),
                more => format!("\nand {more} more"),
            };
            let lines = if wrong == 1 { "1 line is" } else { &format!("{wrong} lines are") };
            Err(format!("nothing was imported: {lines} wrong\n{}{more}", told.join("\n")))
        }
    }
}

/// A reason that can stand in one line.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > MAX_REASON || text.chars().any(char::is_control) {
        return Err(format!(
            "the reason `{}` is too long or holds control characters; write at most {MAX_REASON} \
             printable bytes",
            number::shown(text)
        ));
    }
    Ok(text.to_owned())
}

/// An answer as it is written.
pub(crate) fn answer(text: &str) -> Result<Answer, String> {
    text.parse().map_err(|error: SaidError| format!("answer: {error}"))
}

/// The line of an export that names the columns.
pub(crate) const fn header_line(columns: Columns) -> &'static str {
    match (columns.scope, columns.answer) {
        (false, false) => "number,expires,reason,added\n",
        (false, true) => "number,expires,reason,added,answer\n",
        (true, false) => "number,trunk,attestation,expires,reason,added\n",
        (true, true) => "number,trunk,attestation,expires,reason,added,answer\n",
    }
}

/// Columns of an export that are there only where an entry has something in them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Columns {
    /// Trunk and attestation.
    pub(crate) scope: bool,
    pub(crate) answer: bool,
}

/// Appends an entry's line; with what the line that names the columns has.
pub(crate) fn write(entry: &Listed, columns: Columns, out: &mut String) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{},", entry.subject.span);
    if columns.scope {
        quoted(entry.subject.trunk.as_deref().unwrap_or(""), out);
        let _ = write!(out, ",{},", entry.subject.attestations);
    }
    if let Some(expires) = entry.expires {
        let _ = write!(out, "{expires}");
    }
    out.push(',');
    quoted(&entry.reason, out);
    let _ = write!(out, ",{}", entry.added);
    if columns.answer {
        out.push(',');
        quoted(&entry.answer.as_ref().map(Answer::to_string).unwrap_or_default(), out);
    }
    out.push('\n');
}

/// Quoted when it would be read otherwise; `"` within is doubled (RFC 4180 §2).
fn quoted(field: &str, out: &mut String) {
    if field.contains([',', ';', '"']) {
        let _ = write!(out, "\"{}\"", field.replace('"', "\"\""));
    } else {
        out.push_str(field);
    }
}

/// The columns a first line names; none when it names no number column.
fn header(fields: &[String]) -> Option<Result<Vec<Column>, String>> {
    let is = |field: &String, name: &str| field.trim().eq_ignore_ascii_case(name);
    if !fields.iter().any(|field| is(field, "number")) {
        return None;
    }
    let mut columns = Vec::new();
    for field in fields {
        let column = [
            ("number", Column::Number),
            ("trunk", Column::Trunk),
            ("attestation", Column::Attestation),
            ("expires", Column::Expires),
            ("reason", Column::Reason),
            ("added", Column::Added),
            ("answer", Column::Answer),
        ]
        .into_iter()
        .find_map(|(name, column)| is(field, name).then_some(column));
        match column {
            Some(column) if !columns.contains(&column) => columns.push(column),
            _ => {
                return Some(Err(format!(
                    "column `{}` is unknown or doubled; name number, \
                     trunk, attestation, expires, reason, added, answer",
                    number::shown(field)
                )));
            }
        }
    }
    Some(Ok(columns))
}

/// `None` for an entry that has expired.
fn entry(
    fields: &[String],
    columns: &[Column],
    defaults: &Defaults,
) -> Result<Option<Listed>, String> {
    if fields.len() > columns.len() {
        return Err(format!("{} columns where {} are known", fields.len(), columns.len()));
    }
    let field = |wanted| {
        let at = columns.iter().position(|column| *column == wanted)?;
        fields.get(at).map(|field| field.trim()).filter(|field| !field.is_empty())
    };
    let time = |wanted, name| {
        field(wanted)
            .map(|text| {
                text.parse::<Timestamp>().map_err(|_| {
                    format!(
                        "{name} `{}` is no time; write one such as 2030-01-31T12:00:00Z",
                        number::shown(text)
                    )
                })
            })
            .transpose()
    };
    let number = field(Column::Number).ok_or("no number")?;
    let mut subject = number::subject(number, field(Column::Trunk), None, defaults.country)?;
    subject.trunk = subject.trunk.or_else(|| defaults.trunk.clone());
    subject.attestations =
        field(Column::Attestation).map_or(Ok(defaults.attestations), number::attestations)?;
    let expires = time(Column::Expires, "expires")?
        .or_else(|| defaults.ttl.map(|ttl| defaults.now.after(ttl)));
    let added = time(Column::Added, "added")?.unwrap_or(defaults.now);
    let reason = reason(field(Column::Reason).unwrap_or(&defaults.reason))?;
    if expires.is_some_and(|expires| expires <= defaults.now) {
        return Ok(None);
    }
    let answer = field(Column::Answer).map(self::answer).transpose()?.or(defaults.answer.clone());
    Ok(Some(Listed { subject, expires, reason, added, answer }))
}

/// The fields of a line (RFC 4180 §2, without line breaks in quotes); `;` separates too, as
/// spreadsheets write it where the comma is a decimal mark.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = vec![String::new()];
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(char) = chars.next() {
        let Some(field) = fields.last_mut() else {
            break;
        };
        match char {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => quoted = false,
            '"' if field.trim().is_empty() => {
                field.clear();
                quoted = true;
            }
            ',' | ';' if !quoted => fields.push(String::new()),
            _ => field.push(char),
        }
    }
    if quoted { Err("a quote is not closed".to_owned()) } else { Ok(fields) }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::policy::{entry::Subject, lists::Span};

    const NOW: Timestamp = Timestamp::new(1_700_000_000, 0);

    fn defaults() -> Defaults {
        Defaults::at(NOW)
    }

    fn numbers(text: &str) -> Vec<String> {
        let parsed = parse(text, &defaults()).unwrap_or_else(|error| panic!("{error}"));
        let shown = |entry: &Listed| format!("{} {}", entry.subject.span, entry.reason);
        parsed.entries.iter().map(shown).collect()
    }

    #[test]
    fn a_number_a_line() {
        assert_eq!(
            numbers("\u{feff}# bad callers\r\n\r\n+14155550001\r\n +1 415 555 0002 \n"),
            ["+14155550001 ", "+14155550002 "]
        );
        assert!(numbers("").is_empty());
    }

    #[test]
    fn csv_with_and_without_names() {
        assert_eq!(
            numbers("+14155550001,\"spam, \"\"again\"\"\"\n+14155550002;scam"),
            ["+14155550001 spam, \"again\"", "+14155550002 scam"]
        );
        assert_eq!(numbers("Reason,Number\nscam,+14155550001\n"), ["+14155550001 scam"]);
    }

    #[test]
    fn an_export_reads_back() {
        let entries = [
            Listed {
                subject: Subject::number(digits(14_155_550_001)),
                expires: Some(Timestamp::new(1_800_000_000, 5_000)),
                reason: "says \"bank\"; is none".to_owned(),
                added: NOW,
                answer: Some("603 Network Blocked".parse().expect("an answer")),
            },
            Listed {
                subject: Subject::number(digits(3_310_200_123_456_789)),
                expires: None,
                reason: "#1".to_owned(),
                added: Timestamp::new(1, 0),
                answer: None,
            },
        ];
        let columns = Columns { answer: true, ..Columns::default() };
        let mut text = header_line(columns).to_owned();
        entries.iter().for_each(|entry| write(entry, columns, &mut text));
        assert_eq!(parse(&text, &defaults()).expect("reads").entries, entries);
    }

    #[test]
    fn prefixes_ranges_and_scopes() {
        let text = "number,trunk,attestation,expires,reason,added\n\
                    +1415555*,\"a, b\",B|none,,,2023-11-14T22:13:20.000000Z\n\
                    +14155550000-+14155550999,,,,spam,2023-11-14T22:13:20.000000Z\n";
        let entries = parse(text, &defaults()).expect("reads").entries;
        assert_eq!(entries[0].subject.trunk.as_deref(), Some("a, b"));
        assert_eq!(entries[0].subject.attestations.to_string(), "B|none");
        assert_eq!(
            entries[1].subject.span,
            Span::Range(digits(14_155_550_000), digits(14_155_550_999))
        );
        let columns = Columns { scope: true, answer: false };
        let mut written = header_line(columns).to_owned();
        entries.iter().for_each(|entry| write(entry, columns, &mut written));
        assert_eq!(written, text);
        // What holds for all holds where a line does not say otherwise.
        let all = Defaults { trunk: Some("c".to_owned()), ..defaults() };
        let entries = parse(text, &all).expect("reads").entries;
        let trunks = entries.iter().map(|entry| entry.subject.trunk.as_deref());
        assert_eq!(trunks.collect::<Vec<_>>(), [Some("a, b"), Some("c")]);
    }

    fn digits(number: u64) -> ani_ebpf::abi::number::Number {
        ani_ebpf::abi::number::Number::from_ascii(number.to_string().as_bytes()).expect("digits")
    }

    #[test]
    fn what_holds_for_all() {
        let country = crate::config::countries::find("US");
        let defaults = Defaults {
            ttl: Some(Duration::from_secs(60)),
            reason: "flood".to_owned(),
            country,
            ..defaults()
        };
        let text = "number,expires,reason\n4155550001,,\n4155550002,2030-01-01T00:00:00Z,own\n\
                    4155550003,2001-01-01T00:00:00Z,old";
        let parsed = parse(text, &defaults).expect("reads");
        assert_eq!(parsed.expired, 1);
        let [first, second] = &parsed.entries[..] else { panic!("{parsed:?}") };
        assert_eq!(
            (first.reason.as_str(), first.expires),
            ("flood", Some(Timestamp::new(1_700_000_060, 0)))
        );
        assert_eq!(second.reason, "own");
        assert_eq!(
            second.expires.map(|time| time.to_string()).as_deref(),
            Some("2030-01-01T00:00:00.000000Z")
        );
    }

    #[test]
    fn wrong_lines_are_told_and_nothing_is_taken() {
        assert_eq!(
            parse("+14155550001\n\n4155550002\n\"+1", &defaults()).expect_err("wrong"),
            "nothing was imported: 2 lines are wrong\n\
             line 3: `4155550002` has no +; write the whole number, such as +14155551234, or name \
             the country it is dialled in\n\
             line 4: a quote is not closed"
        );
        let error = parse(&"x\n".repeat(1_000), &defaults()).expect_err("wrong");
        assert_eq!(error.lines().count(), 22);
        assert!(error.ends_with("\nand 980 more"), "{error}");
        for (line, expected) in [
            ("number,colour\n", "column `colour` is unknown or doubled"),
            ("number,expires\n+14155550001,soon", "expires `soon` is no time"),
            ("number,attestation\n+14155550001,D", "attestation `D` is not known"),
            ("number,answer\n+14155550001,404", "answer: `404` is no answer"),
            ("+14155550001,a,b", "3 columns where 2 are known"),
            (",reason", "no number"),
        ] {
            let error = parse(line, &defaults()).expect_err(line);
            assert!(error.contains(expected), "{error}");
        }
        assert!(parse(&format!("+14155550001,{}", "x".repeat(201)), &defaults()).is_err());
    }
    proptest::proptest! {
        #[test]
        fn whatever_is_imported_is_told_in_few_lines(text in "(?s)([0-9+,;\"#a-z \\n]|.){0,300}") {
            if let Err(error) = parse(&text, &defaults()) {
                proptest::prop_assert!(error.lines().count() <= MAX_TOLD + 2);
            }
        }

        #[test]
        fn whatever_was_written_reads_back(
            number in 1_000_000_u64..=9_999_999_999_999_999,
            reason in "[ -~é]{0,60}",
            expires in proptest::option::of(1_700_000_001_000_000_i64..9_000_000_000_000_000),
            added in 0..9_000_000_000_000_000_i64,
        ) {
            // Not the ninth of them that would be in North America and are not.
            proptest::prop_assume!(number::read(&format!("+{number}"), None).is_ok());
            let entry = Listed {
                subject: Subject::number(digits(number)),
                expires: expires.map(|micros| Timestamp(micros * 1_000)),
                reason: super::reason(&reason).expect("a reason"),
                added: Timestamp(added * 1_000),
                answer: None,
            };
            let columns = Columns::default();
            let mut text = header_line(columns).to_owned();
            write(&entry, columns, &mut text);
            proptest::prop_assert_eq!(parse(&text, &defaults()).expect("reads").entries, [entry]);
        }
    }
}
