//! What differs between the configuration in force and another one, key by key, and what a reload makes
//! of it. Values are those of the total configurations: a default that is written out is no difference.

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use self::shown::Shown;
use super::Config;

/// Each key, and whether a reload takes it.
mod keys;
/// Values as they are written.
mod shown;

/// Members of a set that a line names; the document has all.
const MAX_NAMED: usize = 8;

/// What is to be said of a key only a restart takes.
const RESTART: &str = "needs a restart";

/// Two configurations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Key by key, in the order of the file's sample.
    pub changes: Vec<Change>,
    /// What a reload makes of it: the new one, with what only a restart takes as it is in force.
    pub taken: Config,
}

/// Something that differs. Shown as a line: `limits.per_caller: 10 per 1m -> 20 per 1m`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What of which there are several it belongs to, and the name: `trunk`, `carrier-a`.
    pub of: Option<(&'static str, String)>,
    /// The key in the file; none where all of the table comes or goes.
    pub key: Option<&'static str>,
    /// How it differs.
    pub how: How,
    /// Whether only a restart takes it.
    pub restart: bool,
    /// Why it is not in force all the same.
    pub note: Option<String>,
}

/// How something differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    /// It has another value.
    Value {
        /// In force.
        old: String,
        /// In the other one.
        new: String,
    },
    /// A set has other members.
    Members {
        /// Those that come.
        added: Vec<String>,
        /// Those that go.
        removed: Vec<String>,
    },
    /// The same stands in another order.
    Order,
    /// A value that is shown to nobody.
    Secret,
    /// A table comes; what it says.
    Comes(String),
    /// A table goes.
    Goes,
    /// What it names says something else.
    Within(String),
}

impl Config {
    /// What differs from `old`, the configuration in force.
    pub fn over(mut self, old: &Self) -> Difference {
        let mut differ = Differ::default();
        keys::all(old, &mut self, &mut differ);
        Difference { changes: differ.changes, taken: self }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((kind, name)) = &self.of {
            write!(f, "{kind} {name}: ")?;
        }
        if let Some(key) = self.key {
            write!(f, "{key}: ")?;
        }
        match &self.how {
            How::Value { old, new } => write!(f, "{old} -> {new}")?,
            How::Members { added, removed } => {
                let signed = [("+", added), ("-", removed)];
                let signed = signed.into_iter().filter(|(_, members)| !members.is_empty());
                let signed = signed.map(|(sign, members)| format!("{sign} {}", named(members)));
                f.write_str(&signed.collect::<Vec<_>>().join(" "))?;
            }
            How::Order => f.write_str("in another order")?,
            How::Secret => f.write_str("another one, which is not shown")?,
            How::Comes(what) => write!(f, "new: {what}")?,
            How::Goes => f.write_str("gone")?,
            How::Within(name) => write!(f, "{name}, which says something else now")?,
        }
        if self.restart {
            write!(f, " ({RESTART})")?;
        }
        match &self.note {
            Some(note) => write!(f, " ({note})"),
            None => Ok(()),
        }
    }
}

/// `a, b, c and 7 more`
fn named(members: &[String]) -> String {
    match members.split_at_checked(MAX_NAMED) {
        Some((first, rest)) if !rest.is_empty() => {
            format!("{} and {} more", first.join(", "), rest.len())
        }
        _ => members.join(", "),
    }
}

/// `{"of", "name", "key", "change", "old", "new", "added", "removed", "restart", "note", "line"}`; what
/// says nothing of this change is null.
impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (of, name) = self.of.as_ref().map(|(kind, name)| (*kind, name)).unzip();
        let (mut values, mut members) = ((None, None), (None, None));
        let change = match &self.how {
            How::Value { old, new } => {
                values = (Some(old), Some(new));
                "value"
            }
            How::Members { added, removed } => {
                members = (Some(added), Some(removed));
                "members"
            }
            How::Order => "order",
            How::Secret => "secret",
            How::Comes(what) => {
                values = (None, Some(what));
                "comes"
            }
            How::Goes => "goes",
            How::Within(name) => {
                values = (None, Some(name));
                "within"
            }
        };
        let mut document = serializer.serialize_struct("Change", 11)?;
        document.serialize_field("of", &of)?;
        document.serialize_field("name", &name)?;
        document.serialize_field("key", &self.key)?;
        document.serialize_field("change", change)?;
        document.serialize_field("old", &values.0)?;
        document.serialize_field("new", &values.1)?;
        document.serialize_field("added", &members.0)?;
        document.serialize_field("removed", &members.1)?;
        document.serialize_field("restart", &self.restart)?;
        document.serialize_field("note", &self.note)?;
        document.serialize_field("line", &self.to_string())?;
        document.end()
    }
}

/// Gathers what differs. That values differ is found by their equality alone, so that a difference never
/// goes unsaid because it is shown the same.
#[derive(Default)]
struct Differ {
    /// What of which there are several is looked at.
    of: Option<(&'static str, String)>,
    changes: Vec<Change>,
}

impl Differ {
    /// A key that a reload takes.
    fn live<T: PartialEq>(
        &mut self,
        key: &'static str,
        how: impl Fn(&T, &T) -> How,
        old: &T,
        new: &T,
    ) {
        if old != new {
            self.say(Some(key), how(old, new), false);
        }
    }

    /// A key that only a restart takes: what is in force stays.
    fn fixed<T: PartialEq + Clone>(
        &mut self,
        key: &'static str,
        how: impl Fn(&T, &T) -> How,
        old: &T,
        new: &mut T,
    ) {
        if old != new {
            self.say(Some(key), how(old, new), true);
            new.clone_from(old);
        }
    }

    fn say(&mut self, key: Option<&'static str>, how: How, restart: bool) {
        self.changes.push(Change { of: self.of.clone(), key, how, restart, note: None });
    }

    /// Tables of which there are several: those that come and go, and what differs within the others.
    fn tables<T: Several>(&mut self, old: &[T], new: &[T]) {
        let find = |all: &[T], one: &T| all.iter().position(|other| other.name() == one.name());
        for one in old.iter().filter(|one| find(new, one).is_none()) {
            self.of = Some((T::TABLE, one.name().to_owned()));
            self.say(None, How::Goes, false);
        }
        let mut places = Vec::with_capacity(new.len());
        for one in new {
            self.of = Some((T::TABLE, one.name().to_owned()));
            match find(old, one) {
                None => self.say(None, How::Comes(one.summary()), false),
                Some(place) => {
                    places.push(place);
                    one.differ(&old[place], self);
                }
            }
        }
        self.of = None;
        if !places.is_sorted() {
            self.say(Some(T::TABLE), How::Order, false);
        }
    }
}

/// A table of which there are several, each with a name.
trait Several {
    /// What one is called.
    const TABLE: &'static str;

    /// Unique among its kind.
    fn name(&self) -> &str;

    /// What a new one says.
    fn summary(&self) -> String;

    /// What it says that `old` does not.
    fn differ(&self, old: &Self, differ: &mut Differ);
}

fn value<T: Shown>(old: &T, new: &T) -> How {
    How::Value { old: old.shown(), new: new.shown() }
}

/// For lists whose order counts.
fn order<T: Shown>(old: &impl AsRef<[T]>, new: &impl AsRef<[T]>) -> How {
    let text = |all: &[T]| match all {
        [] => "none".to_owned(),
        all => all.iter().map(Shown::shown).collect::<Vec<_>>().join(", "),
    };
    How::Value { old: text(old.as_ref()), new: text(new.as_ref()) }
}

/// For lists whose order does not.
fn members<T: Shown>(old: &impl AsRef<[T]>, new: &impl AsRef<[T]>) -> How {
    let shown = |all: &[T]| -> Vec<String> { all.iter().map(Shown::shown).collect() };
    let (old, new) = (shown(old.as_ref()), shown(new.as_ref()));
    let without = |all: &[String], others: &[String]| -> Vec<String> {
        let others: std::collections::HashSet<_> = others.iter().collect();
        all.iter().filter(|one| !others.contains(one)).cloned().collect()
    };
    let (added, removed) = (without(&new, &old), without(&old, &new));
    if added.is_empty() && removed.is_empty() {
        return How::Order;
    }
    How::Members { added, removed }
}

fn secret<T>(_old: &T, _new: &T) -> How {
    How::Secret
}

#[cfg(test)]
mod tests;
