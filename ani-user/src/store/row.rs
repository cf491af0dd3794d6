//! Entries as they stand in a row: a number is its digits read as an integer, so that `sqlite3` shows
//! what it is; E.164 numbers never start with zero.

use ani_ebpf::abi::number::Number;
use rusqlite::{Row, types::Type};

use crate::{
    answer::{Answer, SaidError},
    policy::{
        entry::{Attestations, Listed, Subject},
        lists::Span,
    },
    time::Timestamp,
};

/// What `kind` says of `first` and `last`.
pub(super) const NUMBER: i64 = 0;
pub(super) const PREFIX: i64 = 1;
const RANGE: i64 = 2;

/// What a row is found by within its list: first, kind, last, trunk, attestations.
pub(super) type Key<'a> = (i64, i64, i64, &'a str, i64);

/// The key of a subject. What is for every call comes before what is for some.
pub(super) fn key(subject: &Subject) -> Key<'_> {
    let (first, kind, last) = match subject.span {
        Span::Number(number) => (digits(number), NUMBER, 0),
        Span::Prefix(prefix) => (digits(prefix), PREFIX, 0),
        Span::Range(first, last) => (digits(first), RANGE, digits(last)),
    };
    let attestations = match subject.attestations {
        Attestations::ANY => 0,
        some => i64::from(some.bits()),
    };
    (first, kind, last, subject.trunk.as_deref().unwrap_or(""), attestations)
}

/// The digits as an integer; at most 16 of them, so it always fits.
pub(super) fn digits(number: Number) -> i64 {
    (0..number.len()).fold(0, |key, at| key * 10 + i64::from(number.digit(at)))
}

/// A subject from the columns first, kind, last, trunk, attestations, the first of them at `at`.
pub(super) fn subject(row: &Row<'_>, at: usize) -> rusqlite::Result<Subject> {
    let (first, kind, last): (i64, i64, i64) = (row.get(at)?, row.get(at + 1)?, row.get(at + 2)?);
    let span = match kind {
        NUMBER => Span::Number(number(first)?),
        PREFIX => Span::Prefix(number(first)?),
        RANGE => Span::Range(number(first)?, number(last)?),
        _ => return Err(wrong(format!("{kind} is no kind of entry"))),
    };
    let trunk: String = row.get(at + 3)?;
    let attestations = match row.get(at + 4)? {
        0 => Attestations::ANY,
        bits => Attestations::from_bits(bits)
            .ok_or_else(|| wrong(format!("{bits} are no attestations")))?,
    };
    Ok(Subject { span, trunk: Some(trunk).filter(|trunk| !trunk.is_empty()), attestations })
}

/// An entry from the columns of a subject, then expires, reason, added, answer.
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        subject: subject(row, 0)?,
        expires: row.get::<_, Option<i64>>(5)?.map(Timestamp),
        reason: row.get(6)?,
        added: Timestamp(row.get(7)?),
        answer: answer(row.get(8)?)?,
    })
}

fn answer(text: Option<String>) -> rusqlite::Result<Option<Answer>> {
    text.map(|text| text.parse().map_err(|error: SaidError| wrong(error.to_string()))).transpose()
}

fn number(key: i64) -> rusqlite::Result<Number> {
    u64::try_from(key)
        .ok()
        .and_then(|key| Number::from_ascii(key.to_string().as_bytes()))
        .ok_or_else(|| wrong(format!("{key} is no telephone number")))
}

fn wrong(message: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, message.into())
}
