//! Lists as requests see them: paging, adding, removing, import and export.

use std::{collections::HashSet, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Daemon, Refusal, list,
    lists::{BUILT_IN, InForce, List},
    number,
};
use ani_ebpf::abi::list::Action;

use crate::{
    answer::entries::MAX_ENTRIES,
    policy::{
        breaker::Stopper,
        entry::{Listed, Subject},
    },
    telemetry::spoken::Did,
    time::Timestamp,
};

/// Entries one request may add or remove; an import takes more.
pub(super) const MAX_NUMBERS: usize = 10_000;
/// Entries of one page of a list.
pub(super) const MAX_PAGE: usize = 10_000;
/// Entries read at once for an export.
const CHUNK: usize = 65_536;

/// Name of the list that `/v1/block` is about.
pub(super) const BLOCK: &str = BUILT_IN[1].0;

/// `POST /v1/lists/{name}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    numbers: Vec<String>,
    /// `flatten` and `deny_unknown_fields` exclude each other, so the fields of [`How`] stand here.
    ttl: Option<String>,
    reason: Option<String>,
    country: Option<String>,
    trunk: Option<String>,
    attestation: Option<String>,
    answer: Option<String>,
}

/// `DELETE /v1/lists/{name}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Remove {
    numbers: Vec<String>,
    country: Option<String>,
    trunk: Option<String>,
    attestation: Option<String>,
}

/// What holds for all entries of a request; the query of an import.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    /// A span of time such as `1h`; none is for ever.
    ttl: Option<String>,
    reason: Option<String>,
    /// Where numbers without `+` are dialled.
    country: Option<String>,
    /// Name of the trunk whose calls they are for; any for none.
    trunk: Option<String>,
    /// Claimed attestations such as `A` or `B|C`; any for none.
    attestation: Option<String>,
    /// What calls are told, such as `603`; what the list says for none.
    answer: Option<String>,
    /// Whether the file becomes the whole list.
    replace: Option<bool>,
}

/// `GET /v1/lists/{name}`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Only entries behind this one.
    after: Option<String>,
    n: Option<usize>,
}

/// `PUT /v1/lists/{name}/mode`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetMode {
    mode: Mode,
}

/// Whether a list or limit acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mode {
    /// What it would do is only told.
    Observe,
    /// It does.
    Enforce,
    /// As configured.
    Reset,
}

impl Mode {
    /// What is kept of it.
    pub(super) const fn observed(self) -> Option<bool> {
        match self {
            Self::Observe => Some(true),
            Self::Enforce => Some(false),
            Self::Reset => None,
        }
    }
}

/// The word of a mode.
pub(super) const fn mode_text(observed: bool) -> &'static str {
    if observed { "observe" } else { "enforce" }
}

impl How {
    fn defaults(&self, now: Timestamp) -> Result<list::Defaults, Refusal> {
        let ttl = self.ttl.as_deref().map(ttl).transpose()?;
        let scope = (self.trunk.as_deref(), self.attestation.as_deref());
        Ok(list::Defaults {
            now,
            ttl,
            reason: list::reason(self.reason.as_deref().unwrap_or("")).map_err(Refusal::bad)?,
            country: number::country(self.country.as_deref()).map_err(Refusal::bad)?,
            trunk: number::trunk_name(scope.0.unwrap_or("")).map_err(Refusal::bad)?,
            attestations: number::attestations(scope.1.unwrap_or("")).map_err(Refusal::bad)?,
            answer: self.answer.as_deref().map(list::answer).transpose().map_err(Refusal::bad)?,
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
    /// All lists: what they do and how many entries they have.
    pub(super) fn lists(&self) -> Value {
        let lists: Vec<_> =
            self.in_force().lists.iter().map(|list| self.list_status(list)).collect();
        json!({ "lists": lists, "entries": self.entries(), "max_entries": self.max_entries })
    }

    fn list_status(&self, list: &List) -> Value {
        json!({
            "name": list.name,
            "action": list.action.as_str(),
            "mode": mode_text(self.is_observed(list)),
            "entries": self.store.entries(&list.name),
            "answer": (list.action == Action::Block).then(|| list.answer.to_string()),
            "decided": self.tallies.spoken.value(Stopper::List(list.id), Did::Decided),
            "would_have": self.tallies.spoken.value(Stopper::List(list.id), Did::WouldHave),
            "file": list.file,
        })
    }

    pub(super) fn set_mode(&self, name: &str, set: &SetMode) -> Result<Value, Refusal> {
        let in_force = self.in_force();
        let list = find(&in_force, name)?;
        self.set_observed(list, set.mode.observed())?;
        Ok(self.list_status(list))
    }

    pub(super) fn page_of(&self, name: &str, page: Page) -> Result<Value, Refusal> {
        let in_force = self.in_force();
        let list = find(&in_force, name)?;
        let after =
            page.after.map(|text| number::marked(&text).map_err(Refusal::bad)).transpose()?;
        let count = page.n.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
        let entries = self.store.page(&list.name, after.as_ref(), count)?;
        let next = entries.last().filter(|_| entries.len() == count);
        Ok(json!({
            "entries": entries.iter().map(|listed| entry(listed, &in_force)).collect::<Vec<_>>(),
            "next": next.map(|entry| number::mark(&entry.subject)),
            "total": self.store.entries(&list.name),
        }))
    }

    pub(super) fn add(&self, name: &str, add: Add) -> Result<Value, Refusal> {
        bounded(&add.numbers)?;
        let in_force = self.in_force();
        let list = changeable(&in_force, name)?;
        let Add { numbers, ttl, reason, country, trunk, attestation, answer } = add;
        let how = How { ttl, reason, country, trunk, attestation, answer, replace: None };
        let defaults = how.defaults(self.clock.now())?;
        let expires = defaults.ttl.map(|ttl| defaults.now.after(ttl));
        let mut entries = Vec::with_capacity(numbers.len());
        for text in &numbers {
            let span = number::span(text, defaults.country).map_err(Refusal::bad)?;
            let trunk = defaults.trunk.clone();
            let subject = Subject { span, trunk, attestations: defaults.attestations };
            let (reason, answer) = (defaults.reason.clone(), defaults.answer.clone());
            entries.push(Listed { subject, expires, reason, added: defaults.now, answer });
        }
        self.may_say(list, &entries)?;
        let told: Vec<_> = entries
            .iter()
            .zip(&numbers)
            .map(|(listed, given)| {
                let mut told = entry(listed, &in_force);
                told["given"] = json!(given);
                told
            })
            .collect();
        let changed = self.put(list, entries)?;
        let key = if list.name == BLOCK { "blocked" } else { "added" };
        Ok(json!({
            key: told,
            "new": changed.new,
            "replaced": changed.replaced,
            "total": changed.total,
        }))
    }

    pub(super) fn remove(&self, name: &str, remove: &Remove) -> Result<Value, Refusal> {
        bounded(&remove.numbers)?;
        let in_force = self.in_force();
        let list = changeable(&in_force, name)?;
        let country = number::country(remove.country.as_deref()).map_err(Refusal::bad)?;
        let (trunk, attestation) = (remove.trunk.as_deref(), remove.attestation.as_deref());
        let subjects = remove
            .numbers
            .iter()
            .map(|text| number::subject(text, trunk, attestation, country))
            .collect::<Result<Vec<_>, _>>()
            .map_err(Refusal::bad)?;
        let removed = self.take(list, &subjects)?;
        let shown = |subject: &Subject| subject.span.to_string();
        let found: HashSet<_> = removed.iter().collect();
        let missing: Vec<_> =
            subjects.iter().filter(|subject| !found.contains(subject)).map(shown).collect();
        Ok(json!({
            "removed": removed.iter().map(shown).collect::<Vec<_>>(),
            "not_listed": missing,
            "total": self.store.entries(&list.name),
        }))
    }

    pub(super) fn import(&self, name: &str, how: &How, body: &[u8]) -> Result<Value, Refusal> {
        let in_force = self.in_force();
        let list = changeable(&in_force, name)?;
        let text = list::text(body).map_err(Refusal::bad)?;
        let parsed = list::parse(text, &how.defaults(self.clock.now())?).map_err(Refusal::bad)?;
        self.may_say(list, &parsed.entries)?;
        let read = parsed.entries.len();
        if how.replace == Some(true) {
            let (counts, total) = self.replace(list, parsed.entries)?;
            return Ok(json!({
                "read": read,
                "new": counts.new,
                "replaced": counts.replaced,
                "removed": counts.removed,
                "expired": parsed.expired,
                "total": total,
            }));
        }
        let changed = self.put(list, parsed.entries)?;
        Ok(json!({
            "read": read,
            "new": changed.new,
            "replaced": changed.replaced,
            "expired": parsed.expired,
            "total": changed.total,
        }))
    }

    /// Whether entries may say what they do on a list.
    fn may_say(&self, list: &List, entries: &[Listed]) -> Result<(), Refusal> {
        let Some(answer) = entries.iter().find_map(|entry| entry.answer.as_ref()) else {
            return Ok(());
        };
        if list.action != Action::Block {
            return Err(Refusal::bad(format!(
                "list `{}` stops nobody, so nobody is told {answer}; leave the answer away",
                list.name
            )));
        }
        let settings = self.config();
        let mut answers = entries.iter().filter_map(|entry| entry.answer.as_ref());
        answers.try_for_each(|answer| settings.answers.takes(answer)).map_err(Refusal::bad)?;
        let count = entries.iter().filter(|entry| entry.answer.is_some()).count();
        let others = self.answered_elsewhere(list, entries)?;
        if count + others > MAX_ENTRIES {
            return Err(Refusal::conflict(format!(
                "{count} entries with an answer of their own beside {others}: at most {MAX_ENTRIES} can \
                 be held; put them on a list with that answer: a [[list]] of the configuration"
            )));
        }
        Ok(())
    }

    /// A whole list as CSV; bounded by `lists.max_entries`.
    pub(super) fn export(&self, name: &str) -> Result<String, Refusal> {
        let in_force = self.in_force();
        let list = find(&in_force, name)?;
        let columns = list::Columns {
            scope: self.store.is_scoped(&list.name)?,
            answer: !self.store.answered(&list.name, 1)?.is_empty(),
        };
        let mut text = list::header_line(columns).to_owned();
        let mut after = None;
        loop {
            let page = self.store.page(&list.name, after.as_ref(), CHUNK)?;
            let Some(last) = page.last() else {
                return Ok(text);
            };
            after = Some(last.subject.clone());
            page.iter().for_each(|entry| list::write(entry, columns, &mut text));
        }
    }
}

/// An entry as it is shown; its scope where it has one.
pub(super) fn entry(listed: &Listed, in_force: &InForce) -> Value {
    let Listed { subject, expires, reason, added, answer } = listed;
    let mut shown = json!({
        "number": subject.span.to_string(),
        "expires": expires,
        "reason": reason,
        "added": added,
    });
    if let Some(answer) = answer {
        shown["answer"] = json!(answer.to_string());
    }
    if subject.is_scoped() {
        shown["trunk"] = json!(subject.trunk);
        shown["attestation"] =
            json!(Some(subject.attestations.to_string()).filter(|text| !text.is_empty()));
        shown["in_force"] = json!(in_force.has_trunk(subject));
    }
    shown
}

/// A list that is there.
fn find<'a>(in_force: &'a InForce, name: &str) -> Result<&'a List, Refusal> {
    in_force.find(name).ok_or_else(|| {
        Refusal::unknown(format!(
            "no list is named `{}`; `ani list` shows those there are, and a [[list]] in the \
             configuration makes one",
            number::shown(name)
        ))
    })
}

/// A list that may be changed.
fn changeable<'a>(in_force: &'a InForce, name: &str) -> Result<&'a List, Refusal> {
    let list = find(in_force, name)?;
    match &list.file {
        None => Ok(list),
        Some(file) => Err(Refusal::conflict(format!(
            "list `{}` is what {} says; change that file and run `ani reload`",
            list.name,
            file.display()
        ))),
    }
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
