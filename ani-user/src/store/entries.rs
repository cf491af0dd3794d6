//! Rows of lists: adding, removing, paging, and making a file the whole list.

use std::{cmp::Ordering, collections::VecDeque};

use ani_ebpf::abi::number::Number;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Replaced, Undo, row, schema::Failure};
use crate::{
    answer::Answer,
    policy::entry::{Listed, Subject},
    time::Timestamp,
};

/// Entries read at once.
const CHUNK: usize = 65_536;

const PAGE: &str = "SELECT first, kind, last, trunk, attestations, expires, reason, added, answer \
     FROM entry WHERE list = ?1 AND (first, kind, last, trunk, attestations) > (?2, ?3, ?4, ?5, ?6) \
     ORDER BY first, kind, last, trunk, attestations LIMIT ?7";

const FIND: &str = "SELECT first, kind, last, trunk, attestations, expires, reason, added, answer \
     FROM entry WHERE list = ?1 AND first = ?2 AND kind = ?3 AND last = ?4 AND trunk = ?5 \
     AND attestations = ?6";

const OF_FIRST: &str = "SELECT first, kind, last, trunk, attestations, expires, reason, added, answer \
     FROM entry WHERE list = ?1 AND first = ?2 AND kind = ?3";

/// Both ends of a range have as many digits, so the integers compare as the numbers do.
const OF_RANGE: &str = "SELECT first, kind, last, trunk, attestations, expires, reason, added, answer \
     FROM entry INDEXED BY entry_range \
     WHERE kind = 2 AND first <= ?2 AND last >= ?2 AND list = ?1";

const ANSWERED: &str = "SELECT first, kind, last, trunk, attestations, expires, reason, added, answer \
     FROM entry INDEXED BY entry_answer WHERE answer IS NOT NULL AND list = ?1 \
     ORDER BY first, kind, last, trunk, attestations LIMIT ?2";

const ADD: &str = "INSERT INTO entry \
     (list, first, kind, last, trunk, attestations, expires, reason, added, answer) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT DO NOTHING";

const UPDATE: &str = "UPDATE entry SET expires = ?7, reason = ?8, added = ?9, answer = ?10 \
     WHERE list = ?1 AND first = ?2 AND kind = ?3 AND last = ?4 AND trunk = ?5 \
     AND attestations = ?6";

const REMOVE: &str = "DELETE FROM entry \
     WHERE list = ?1 AND first = ?2 AND kind = ?3 AND last = ?4 AND trunk = ?5 \
     AND attestations = ?6 \
     RETURNING first, kind, last, trunk, attestations, expires, reason, added, answer";

/// In the order of the table a million rows go in several times faster. The sort is stable: of
/// several entries of one subject the last one is kept.
fn sorted(entries: &[Listed]) -> Vec<&Listed> {
    let mut sorted: Vec<_> = entries.iter().collect();
    sorted.sort_by(|one, other| row::key(&one.subject).cmp(&row::key(&other.subject)));
    let mut last: Vec<&Listed> = Vec::with_capacity(sorted.len());
    for entry in sorted {
        match last.last_mut() {
            Some(same) if same.subject == entry.subject => *same = entry,
            _ => last.push(entry),
        }
    }
    last
}

/// Adds entries or puts them in place of those that are there.
pub(super) fn put(
    connection: &Connection,
    list: i64,
    entries: &[Listed],
) -> Result<Undo, rusqlite::Error> {
    let mut undo = Undo::default();
    for entry in sorted(entries) {
        if write(connection, ADD, list, entry)? > 0 {
            undo.added.push(entry.subject.clone());
        } else {
            undo.replaced.extend(find(connection, list, &entry.subject)?);
            write(connection, UPDATE, list, entry)?;
        }
    }
    Ok(undo)
}

fn write(
    connection: &Connection,
    statement: &str,
    list: i64,
    entry: &Listed,
) -> rusqlite::Result<usize> {
    let (first, kind, last, trunk, attestations) = row::key(&entry.subject);
    let expires = entry.expires.map(|time| time.0);
    connection.prepare_cached(statement)?.execute(params![
        list,
        first,
        kind,
        last,
        trunk,
        attestations,
        expires,
        entry.reason,
        entry.added.0,
        entry.answer.as_ref().map(Answer::to_string)
    ])
}

fn find(connection: &Connection, list: i64, subject: &Subject) -> rusqlite::Result<Option<Listed>> {
    one(connection, FIND, list, subject)
}

pub(super) fn remove(
    connection: &Connection,
    list: i64,
    subject: &Subject,
) -> rusqlite::Result<Option<Listed>> {
    one(connection, REMOVE, list, subject)
}

fn one(
    connection: &Connection,
    statement: &str,
    list: i64,
    subject: &Subject,
) -> rusqlite::Result<Option<Listed>> {
    let (first, kind, last, trunk, attestations) = row::key(subject);
    connection
        .prepare_cached(statement)?
        .query_row(params![list, first, kind, last, trunk, attestations], row::entry)
        .optional()
}

/// At most `count` entries of a list that have an answer of their own, in the order of their numbers.
pub(super) fn answered(
    connection: &Connection,
    list: i64,
    count: usize,
) -> rusqlite::Result<Vec<Listed>> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    connection.prepare_cached(ANSWERED)?.query_map(params![list, count], row::entry)?.collect()
}

/// At most `count` entries in the order of their numbers, those behind `after` only.
pub(super) fn page(
    connection: &Connection,
    list: i64,
    after: Option<&Subject>,
    count: usize,
) -> rusqlite::Result<Vec<Listed>> {
    let (first, kind, last, trunk, attestations) = after.map_or((0, 0, 0, "", 0), row::key);
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    connection
        .prepare_cached(PAGE)?
        .query_map(params![list, first, kind, last, trunk, attestations, count], row::entry)?
        .collect()
}

/// The entries that name a number or hold for it: its own, then prefixes, then ranges.
pub(super) fn of(
    connection: &Connection,
    list: i64,
    number: Number,
) -> rusqlite::Result<Vec<Listed>> {
    let digits = row::digits(number);
    let mut found: Vec<Listed> = connection
        .prepare_cached(OF_FIRST)?
        .query_map(params![list, digits, row::NUMBER], row::entry)?
        .collect::<Result<_, _>>()?;
    for len in (1..=number.len()).rev() {
        let prefix = row::digits(Number::from_nibbles(number.0, len));
        let mut query = connection.prepare_cached(OF_FIRST)?;
        for entry in query.query_map(params![list, prefix, row::PREFIX], row::entry)? {
            found.push(entry?);
        }
    }
    let mut query = connection.prepare_cached(OF_RANGE)?;
    for entry in query.query_map(params![list, digits], row::entry)? {
        found.push(entry?);
    }
    Ok(found)
}

/// Lists and subjects of what has ended.
pub(super) fn expire(
    connection: &Connection,
    now: Timestamp,
) -> Result<Vec<(i64, Subject)>, Failure> {
    Ok(connection
        .prepare_cached(
            "DELETE FROM entry WHERE expires <= ?1 \
             RETURNING list, first, kind, last, trunk, attestations",
        )?
        .query_map([now.0], |row| Ok((row.get(0)?, row::subject(row, 1)?)))?
        .collect::<Result<_, _>>()?)
}

/// Makes these the whole list; what is there already and says the same stays as it is.
pub(super) fn replace(
    connection: &Connection,
    list: i64,
    entries: &[Listed],
) -> rusqlite::Result<Replaced> {
    let mut held = Pages::new(connection, list);
    let mut count = Replaced::default();
    for entry in sorted(entries) {
        let key = row::key(&entry.subject);
        let mut order = Ordering::Greater;
        while let Some(old) = held.peek()? {
            order = row::key(&old.subject).cmp(&key);
            if order != Ordering::Less {
                break;
            }
            remove(connection, list, &old.subject)?;
            count.removed += 1;
            held.next()?;
        }
        if order == Ordering::Equal
            && let Some(old) = held.next()?
        {
            count.replaced += 1;
            let says = |entry: &Listed| (entry.expires, entry.reason.clone(), entry.answer.clone());
            if says(&old) != says(entry) {
                write(connection, UPDATE, list, entry)?;
            }
        } else {
            write(connection, ADD, list, entry)?;
            count.new += 1;
        }
    }
    while let Some(old) = held.next()? {
        remove(connection, list, &old.subject)?;
        count.removed += 1;
    }
    Ok(count)
}

/// The entries of a list in their order; rows may change behind the one that was read last.
pub(super) struct Pages<'a> {
    connection: &'a Connection,
    list: i64,
    page: VecDeque<Listed>,
    /// The last of the page.
    after: Option<Subject>,
    ended: bool,
}

impl<'a> Pages<'a> {
    pub(super) const fn new(connection: &'a Connection, list: i64) -> Self {
        Self { connection, list, page: VecDeque::new(), after: None, ended: false }
    }

    fn fill(&mut self) -> rusqlite::Result<()> {
        if self.page.is_empty() && !self.ended {
            self.page = page(self.connection, self.list, self.after.as_ref(), CHUNK)?.into();
            match self.page.back() {
                Some(last) => self.after = Some(last.subject.clone()),
                None => self.ended = true,
            }
        }
        Ok(())
    }

    fn peek(&mut self) -> rusqlite::Result<Option<&Listed>> {
        self.fill()?;
        Ok(self.page.front())
    }

    pub(super) fn next(&mut self) -> rusqlite::Result<Option<Listed>> {
        self.fill()?;
        Ok(self.page.pop_front())
    }
}
