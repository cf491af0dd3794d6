//! What of a trunk's habits does not go with what its profile expects.

use std::fmt;

use serde::Serialize;

use super::{Finding, Record, Share, Trait, Watch, book::Watched};
use crate::{
    config::Trunk,
    identity::profile::{Place, Telling},
    time::Timestamp,
};

/// INVITEs of a kind that say something when none of them has what is looked for.
const ENOUGH: u32 = 20;

/// What there is to say of a trunk.
#[derive(Clone, Debug, Serialize)]
pub struct Lint {
    /// Its name.
    pub trunk: String,
    /// INVITEs that start a call and are whole.
    pub invites: u64,
    /// Those that were left out because not all of their headers were captured.
    pub cut: u64,
    /// When the first one came.
    pub first: Option<Timestamp>,
    /// When the last one came.
    pub last: Option<Timestamp>,
    /// Habits that changed, in the order they were found.
    pub changes: Vec<Change>,
    /// Changes that were found and are not kept any more.
    pub changes_forgotten: u64,
    /// What does not go with the profile; empty for a trunk that is not configured.
    pub profile: Vec<Mismatch>,
}

/// A habit that changed.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Shares and times.
    #[serde(flatten)]
    pub finding: Finding,
    /// For people: what is said of how many of what.
    pub about: String,
    /// The same in a sentence.
    pub message: String,
}

/// Something that the profile expects otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Stable word.
    pub kind: &'static str,
    /// The sentence, with numbers and remedy.
    pub message: String,
}

impl Lint {
    /// Of a trunk, held against its configuration where it has one.
    pub fn of(name: &str, watched: &Watched, trunk: Option<&Trunk>) -> Self {
        let Watched { record, watch } = watched;
        let changes: Vec<_> = watch.findings().iter().map(Change::of).collect();
        Self {
            trunk: name.to_owned(),
            invites: record.invites,
            cut: record.cut,
            first: record.first,
            last: record.last,
            changes_forgotten: watch.changes.saturating_sub(changes.len() as u64),
            changes,
            profile: trunk.map_or_else(Vec::new, |trunk| mismatches(record, watch, trunk)),
        }
    }
}

impl Change {
    /// Of a finding.
    pub fn of(finding: &Finding) -> Self {
        let row = finding.habit.definition();
        let about = format!("{} that {}", row.base.plural(), row.verb);
        Self { finding: *finding, message: format!("{about}: {}", Moved(finding)), about }
    }
}

/// From where to where, and since when.
struct Moved<'a>(&'a Finding);

impl fmt::Display for Moved<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { from, to, since, until, .. } = self.0;
        write!(f, "{} of {} before, {} of {} since {since}", from.had, from.of, to.had, to.of)?;
        until.map_or(Ok(()), |until| write!(f, " until {until}"))
    }
}

fn mismatches(record: &Record, watch: &Watch, trunk: &Trunk) -> Vec<Mismatch> {
    let mut found = Found { watch, all: Vec::new() };
    let telling = &trunk.profile.telling;
    found.verstat(telling, &trunk.profile.name);
    found.headers(telling, &trunk.profile.name);
    found.order(trunk);
    found.country(trunk);
    found.tokens(record, telling, &trunk.profile.name);
    found.all
}

struct Found<'a> {
    watch: &'a Watch,
    all: Vec<Mismatch>,
}

impl Found<'_> {
    fn say(&mut self, kind: &'static str, message: String) {
        self.all.push(Mismatch { kind, message });
    }

    /// Those that have it now and then: one in twenty, and more than a few.
    fn seen(&self, habit: Trait) -> Option<Share> {
        let share = self.watch.of_late(habit);
        (share.had >= 3 && share.had.saturating_mul(20) >= share.of).then_some(share)
    }

    fn verstat(&mut self, telling: &Telling, profile: &str) {
        use Trait::{
            AssertedVerstatHeader, AssertedVerstatUri, AssertedVerstatUser, FromVerstatHeader,
            FromVerstatUri, FromVerstatUser,
        };
        for (habit, header, place) in [
            (AssertedVerstatUser, "p-asserted-identity", Place::User),
            (AssertedVerstatUri, "p-asserted-identity", Place::Uri),
            (AssertedVerstatHeader, "p-asserted-identity", Place::Header),
            (FromVerstatUser, "from", Place::User),
            (FromVerstatUri, "from", Place::Uri),
            (FromVerstatHeader, "from", Place::Header),
        ] {
            let Some(Share { had, of }) = self.seen(habit) else { continue };
            let seen = format!("{had} of {of} INVITEs with verstat {}", habit.definition().verb);
            let place_read = telling.verstat.contains(&place);
            let header_read =
                telling.verstat_headers.iter().any(|h| h.as_str().eq_ignore_ascii_case(header));
            if !place_read {
                self.say(
                    "verstat-place",
                    format!(
                        "{seen}, where profile `{profile}` does not look: add \"{}\" to its \
                         `verstat`",
                        place.as_str()
                    ),
                );
            }
            if !header_read {
                self.say(
                    "verstat-header",
                    format!(
                        "{seen}, a header on which profile `{profile}` does not look: add \
                         \"{header}\" to its `verstat_headers`"
                    ),
                );
            }
        }
    }

    /// Headers that vouch and are not read, and one that is awaited and never comes.
    fn headers(&mut self, telling: &Telling, profile: &str) {
        for (habit, names, key) in [
            (Trait::TwilioVerstat, &telling.status_headers, "status_headers"),
            (Trait::AttestationIndicator, &telling.level_headers, "level_headers"),
            (Trait::PAttestationInfo, &telling.level_headers, "level_headers"),
            (Trait::AttestationInfo, &telling.level_headers, "level_headers"),
            (Trait::POrigination, &telling.origination_headers, "origination_headers"),
            (Trait::Origination, &telling.origination_headers, "origination_headers"),
        ] {
            let row = habit.definition();
            let named = names.iter().any(|name| name.eq_ignore_ascii_case(row.name));
            let Share { had, of } = self.watch.of_late(habit);
            if !named && self.seen(habit).is_some() {
                self.say(
                    "header-not-read",
                    format!(
                        "{had} of {of} INVITEs {}, which profile `{profile}` does not read: add \
                         \"{}\" to its `{key}`",
                        row.verb, row.name
                    ),
                );
            }
            // Of the levels' headers a profile names all there are.
            if named && key == "status_headers" && had == 0 && of >= ENOUGH {
                self.say(
                    "header-not-sent",
                    format!("0 of {of} INVITEs {}, which profile `{profile}` awaits", row.verb),
                );
            }
        }
    }

    /// The headers that name a caller.
    fn order(&mut self, trunk: &Trunk) {
        let usual: Vec<_> = trunk.orders.usual.headers().map(|header| header.as_str()).collect();
        let toll_free: Vec<_> =
            trunk.orders.toll_free.headers().map(|header| header.as_str()).collect();
        let named = |order: &[&str], name: &str| order.iter().any(|h| h.eq_ignore_ascii_case(name));
        for habit in
            [Trait::Asserted, Trait::RemoteParty, Trait::Charge, Trait::Billing, Trait::Preferred]
        {
            let name = habit.definition().name;
            let Some(Share { had, of }) = self.seen(habit) else { continue };
            if !named(&usual, name) && !named(&toll_free, name) {
                let why = match habit {
                    Trait::Preferred => {
                        "it is what the caller claims himself, so that may be right"
                    }
                    _ => "if the carrier vouches for it, add it to `ani`",
                };
                self.say(
                    "caller-not-in-order",
                    format!(
                        "{had} of {of} INVITEs {}, which the trunk's order does not name: {why}",
                        habit.definition().verb
                    ),
                );
            }
        }
        let first = usual.first().and_then(|name| Trait::from_name(&name.to_ascii_lowercase()));
        if let Some(first) = first {
            let Share { had, of } = self.watch.of_late(first);
            if had == 0 && of >= ENOUGH {
                self.say(
                    "first-of-order-not-sent",
                    format!(
                        "0 of {of} INVITEs {}, which the trunk's order names first: callers are \
                         read from the headers behind it",
                        first.definition().verb
                    ),
                );
            }
        }
        let charged = self.watch.of_late(Trait::TollFreeCharge);
        if named(&toll_free, "p-charge-info") && charged.had == 0 && charged.of >= ENOUGH {
            self.say(
                "charge-not-sent",
                format!(
                    "0 of {} INVITEs to toll-free numbers have P-Charge-Info, which the order for \
                     those names",
                    charged.of
                ),
            );
        }
    }

    fn country(&mut self, trunk: &Trunk) {
        let Share { had, of } = self.watch.of_late(Trait::Bare);
        if trunk.country.is_none() && of >= ENOUGH && had.saturating_mul(2) >= of {
            self.say(
                "no-country",
                format!(
                    "{had} of {of} INVITEs have a caller without +, and the trunk has no country \
                     to complete it: add `country`"
                ),
            );
        }
    }

    fn tokens(&mut self, record: &Record, telling: &Telling, profile: &str) {
        let known = |token: &str| telling.tokens.iter().any(|(t, _)| t.eq_ignore_ascii_case(token));
        for word in record.words.iter().filter(|word| word.kind != "level" && word.count >= 3) {
            let bare = ["-A", "-B", "-C"].iter().find_map(|level| word.word.strip_suffix(level));
            if !known(&word.word) && !bare.is_some_and(known) {
                self.say(
                    "token-not-known",
                    format!(
                        "`{}` came {} times in {}, and profile `{profile}` does not know it: say \
                         what it means in its `tokens`",
                        word.word, word.count, word.kind
                    ),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
