//! The block list as requests see it: paging, adding, removing, import and export.

use std::{collections::HashSet, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{CHUNK, Daemon, Refusal, list, number};
use crate::{policy::Block, time::Timestamp};

/// Numbers one request may add or remove; an import takes more.
pub(super) const MAX_NUMBERS: usize = 10_000;
/// Entries of one page of the list.
pub(super) const MAX_PAGE: usize = 10_000;

/// `POST /v1/block`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    numbers: Vec<String>,
    /// `flatten` and `deny_unknown_fields` exclude each other, so the fields of [`How`] stand here.
    ttl: Option<String>,
    reason: Option<String>,
    country: Option<String>,
}

/// `DELETE /v1/block`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remove {
    numbers: Vec<String>,
    country: Option<String>,
}

/// What holds for all numbers of a request; the query of an import.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    /// A span of time such as `1h`; none is for ever.
    ttl: Option<String>,
    reason: Option<String>,
    /// Where numbers without `+` are dialled.
    country: Option<String>,
}

/// `GET /v1/block`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Only numbers behind this one.
    after: Option<String>,
    n: Option<usize>,
}

impl How {
    fn defaults(&self, now: Timestamp) -> Result<list::Defaults, Refusal> {
        let ttl = self.ttl.as_deref().map(ttl).transpose()?;
        Ok(list::Defaults {
            now,
            ttl,
            reason: list::reason(self.reason.as_deref().unwrap_or("")).map_err(Refusal::bad)?,
            country: number::country(self.country.as_deref()).map_err(Refusal::bad)?,
        })
    }
}

fn ttl(text: &str) -> Result<Duration, Refusal> {
    humantime::parse_duration(text).ok().filter(|span| !span.is_zero()).ok_or_else(|| {
        Refusal::bad(format!(
            "ttl `{}` is no span of time; write one such as 30m, 1h or 7d",
            number::shown(text)
        ))
    })
}

impl Daemon {
    pub(super) fn page_of_blocks(&self, page: Page) -> Result<Value, Refusal> {
        let after =
            page.after.map(|text| number::read(&text, None).map_err(Refusal::bad)).transpose()?;
        let count = page.n.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
        let entries = self.store.page(after, count)?;
        let next = entries.last().filter(|_| entries.len() == count);
        Ok(json!({
            "entries": entries.iter().map(entry).collect::<Vec<_>>(),
            "next": next.map(|entry| format!("+{}", entry.number)),
            "total": self.store.entries(),
        }))
    }

    pub(super) fn add_blocks(&self, add: Add) -> Result<Value, Refusal> {
        bounded(&add.numbers)?;
        let how = How { ttl: add.ttl, reason: add.reason, country: add.country };
        let defaults = how.defaults(self.clock.now())?;
        let expires = defaults.ttl.map(|ttl| defaults.now.after(ttl));
        let mut entries = Vec::with_capacity(add.numbers.len());
        for text in &add.numbers {
            let number = number::read(text, defaults.country).map_err(Refusal::bad)?;
            let reason = defaults.reason.clone();
            entries.push(Block { number, expires, reason, added: defaults.now });
        }
        let told: Vec<_> = entries
            .iter()
            .zip(&add.numbers)
            .map(|(block, given)| {
                let mut told = entry(block);
                told["given"] = json!(given);
                told
            })
            .collect();
        let changed = self.block(entries)?;
        Ok(json!({
            "blocked": told,
            "new": changed.new,
            "replaced": changed.replaced,
            "total": changed.total,
        }))
    }

    pub(super) fn remove_blocks(&self, remove: Remove) -> Result<Value, Refusal> {
        bounded(&remove.numbers)?;
        let country = number::country(remove.country.as_deref()).map_err(Refusal::bad)?;
        let numbers = remove
            .numbers
            .iter()
            .map(|text| number::read(text, country))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Refusal::bad)?;
        let removed = self.unblock(&numbers)?;
        let shown = |number| format!("+{number}");
        let found: HashSet<_> = removed.iter().copied().collect();
        let missing: Vec<_> =
            numbers.into_iter().filter(|number| !found.contains(number)).map(shown).collect();
        Ok(json!({
            "removed": removed.into_iter().map(shown).collect::<Vec<_>>(),
            "not_listed": missing,
            "total": self.store.entries(),
        }))
    }

    pub(super) fn import(&self, how: &How, body: &[u8]) -> Result<Value, Refusal> {
        let text = std::str::from_utf8(body).map_err(|error| {
            let line = 1 + body[..error.valid_up_to()].iter().filter(|b| **b == b'\n').count();
            Refusal::bad(format!("nothing was imported: line {line} is no UTF-8 text"))
        })?;
        let parsed = list::parse(text, &how.defaults(self.clock.now())?).map_err(Refusal::bad)?;
        let read = parsed.entries.len();
        let changed = self.block(parsed.entries)?;
        Ok(json!({
            "read": read,
            "new": changed.new,
            "replaced": changed.replaced,
            "expired": parsed.expired,
            "total": changed.total,
        }))
    }

    /// The whole list as CSV; bounded by `lists.max_blocked`.
    pub(super) fn export(&self) -> Result<String, Refusal> {
        let mut text = list::HEADER.to_owned();
        let mut after = None;
        loop {
            let page = self.store.page(after, CHUNK)?;
            let Some(last) = page.last() else {
                return Ok(text);
            };
            after = Some(last.number);
            page.iter().for_each(|entry| list::write(entry, &mut text));
        }
    }
}

/// An entry as it is shown.
pub(super) fn entry(block: &Block) -> Value {
    json!({
        "number": format!("+{}", block.number),
        "expires": block.expires,
        "reason": block.reason,
        "added": block.added,
    })
}

fn bounded(numbers: &[String]) -> Result<(), Refusal> {
    match numbers.len() {
        0 => Err(Refusal::bad("no number; name at least one")),
        1..=MAX_NUMBERS => Ok(()),
        count => Err(Refusal::bad(format!(
            "{count} numbers in one request; name at most {MAX_NUMBERS}, or import a list"
        ))),
    }
}
