//! The built-in profile that fits, why, and what it would not read.

use crate::{
    identity::{
        Profile,
        profile::{GENERIC, Meaning, Place},
    },
    telemetry::habits::{Record, Trait, Word},
};

/// Bytes of a token that a configuration takes.
const MAX_TOKEN: usize = 48;

/// Calls to toll-free numbers that say something.
const TOLL_FREE_ENOUGH: u64 = 10;

/// A built-in profile and what an own one would have to say beside it.
pub(super) struct Fit {
    /// Its name.
    pub(super) name: &'static str,
    /// Why it fits best.
    pub(super) why: String,
    /// Keys of an own profile with their items; empty when the built-in one reads all that is there.
    pub(super) own: Vec<(&'static str, Vec<String>)>,
    /// What an operator should know.
    pub(super) notes: Vec<String>,
    /// Its longest number.
    pub(super) max_digits: Option<u8>,
    /// What it takes tokens for.
    tokens: Vec<(String, Meaning)>,
}

/// `verstat` on the headers that are looked at: the habit, the header, the place.
const PLACES: [(Trait, &str, Place); 6] = [
    (Trait::AssertedVerstatUser, "p-asserted-identity", Place::User),
    (Trait::AssertedVerstatUri, "p-asserted-identity", Place::Uri),
    (Trait::AssertedVerstatHeader, "p-asserted-identity", Place::Header),
    (Trait::FromVerstatUser, "from", Place::User),
    (Trait::FromVerstatUri, "from", Place::Uri),
    (Trait::FromVerstatHeader, "from", Place::Header),
];

impl Fit {
    /// What sets the built-in profiles apart, the rarest sign first. One profile is like another but
    /// for what it takes the tokens for (`livevox`): that cannot be seen, so it is never proposed.
    pub(super) fn of(record: &Record, profiles: &[Profile]) -> Self {
        let (name, why) = choose(record);
        let profile = profiles.iter().find(|profile| profile.name == name);
        let mut fit = Self {
            name,
            why,
            own: Vec::new(),
            notes: Vec::new(),
            max_digits: profile.and_then(|profile| profile.max_digits),
            tokens: profile.map(|profile| profile.telling.tokens.clone()).unwrap_or_default(),
        };
        if let Some(profile) = profile {
            fit.differ(record, profile);
        }
        fit.note(record);
        fit
    }

    /// How the profile reads a token or a level.
    pub(super) fn meaning(&self, word: &Word) -> String {
        if word.kind == "level" {
            return match word.word.as_str() {
                "A" | "B" | "C" => format!("is read as level {}", word.word),
                _ => "is no level A, B or C and is not read".to_owned(),
            };
        }
        match self.known(&word.word) {
            Some((meaning, level)) => {
                let level = level.map_or(String::new(), |level| format!(" {level}"));
                format!("is read as {}{level}", meaning.outcome.as_str())
            }
            None => "is not known to the profile: say what it means".to_owned(),
        }
    }

    /// The token itself, or the one before a level.
    fn known(&self, token: &str) -> Option<(Meaning, Option<&str>)> {
        let find = |wanted: &str| {
            self.tokens.iter().find(|(token, _)| token.eq_ignore_ascii_case(wanted)).map(|t| t.1)
        };
        if let Some(meaning) = find(token) {
            return Some((meaning, meaning.level));
        }
        let (bare, level) = ["-A", "-B", "-C"]
            .iter()
            .find_map(|level| Some((token.strip_suffix(level)?, level.trim_start_matches('-'))))?;
        find(bare).map(|meaning| (meaning, Some(level)))
    }

    /// What is there and the profile does not read.
    fn differ(&mut self, record: &Record, profile: &Profile) {
        let telling = &profile.telling;
        let seen: Vec<_> =
            PLACES.iter().filter(|(habit, ..)| now_and_then(record, *habit)).collect();
        let mut places: Vec<_> = telling.verstat.clone();
        for (_, _, place) in &seen {
            if !places.contains(place) {
                places.push(*place);
            }
        }
        if places != telling.verstat {
            let places = places.iter().map(|place| place.as_str().to_owned()).collect();
            self.own.push(("verstat", places));
        }
        let mut headers: Vec<_> = telling
            .verstat_headers
            .iter()
            .map(|header| header.as_str().to_ascii_lowercase())
            .collect();
        let known = headers.len();
        for (_, header, _) in &seen {
            if !headers.iter().any(|known| known == header) {
                headers.push((*header).to_owned());
            }
        }
        if headers.len() > known {
            self.own.push(("verstat_headers", headers));
        }
        for (key, names, habits) in [
            ("status_headers", &telling.status_headers, &[Trait::TwilioVerstat][..]),
            (
                "level_headers",
                &telling.level_headers,
                &[Trait::AttestationIndicator, Trait::PAttestationInfo, Trait::AttestationInfo],
            ),
            (
                "origination_headers",
                &telling.origination_headers,
                &[Trait::POrigination, Trait::Origination],
            ),
        ] {
            let mut all = names.clone();
            for habit in habits.iter().filter(|habit| now_and_then(record, **habit)) {
                let name = habit.definition().name;
                if !all.iter().any(|known| known == name) {
                    all.push(name.to_owned());
                }
            }
            if all.len() > names.len() {
                self.own.push((key, all));
            }
        }
        let unknown: Vec<_> = record
            .words
            .iter()
            .filter(|word| word.kind != "level" && self.known(&word.word).is_none())
            .filter(|word| is_token(&word.word))
            .map(|word| word.word.clone())
            .collect();
        if !unknown.is_empty() {
            self.own.push(("tokens", distinct(unknown)));
        }
    }

    fn note(&mut self, record: &Record) {
        let mut note = |text: &str| self.notes.push(text.to_owned());
        let (asserted, all) = record.share(Trait::Asserted);
        if asserted == 0 && record.count(Trait::RemoteParty) == 0 && all > 0 {
            note(
                "nothing but From names the caller, which anybody can write; ask the carrier to send P-Asserted-Identity",
            );
        }
        if now_and_then(record, Trait::Preferred) {
            note("P-Preferred-Identity is what the caller claims himself, so no order names it");
        }
        if now_and_then(record, Trait::Billing) {
            note(
                "P-DCS-Billing-Info names a caller too; `ani` can name p-dcs-billing-info if the carrier vouches for it",
            );
        }
        let (charge, toll_free) = record.share(Trait::TollFreeCharge);
        if toll_free >= TOLL_FREE_ENOUGH && charge == 0 {
            note(
                "no call to a toll-free number has P-Charge-Info, which the order for those looks for first",
            );
        }
        if record.count(Trait::OtherVerstat) > 0 {
            note(
                "verstat stands on another header than P-Asserted-Identity and From; `verstat_headers` can name it",
            );
        }
        if record.count(Trait::Bypass) > 0 {
            note("P-Identity-Bypass is shown with the call and vouches for nothing");
        }
    }
}

fn choose(record: &Record) -> (&'static str, String) {
    let shown = |habit: Trait| {
        let (had, of) = record.share(habit);
        let row = habit.definition();
        format!("{had} of {of} {} {}", row.base.plural(), row.verb)
    };
    let both = |one: Trait, other: Trait| [one, other].into_iter().find(|h| mostly(record, *h));
    let uri = both(Trait::AssertedVerstatUri, Trait::FromVerstatUri);
    let behind = both(Trait::AssertedVerstatHeader, Trait::FromVerstatHeader);
    let user = both(Trait::AssertedVerstatUser, Trait::FromVerstatUser);
    let level = [Trait::AttestationIndicator, Trait::POrigination]
        .into_iter()
        .find(|habit| now_and_then(record, *habit));
    if now_and_then(record, Trait::TwilioVerstat) {
        ("twilio", shown(Trait::TwilioVerstat))
    } else if mostly(record, Trait::VerstatAttest) {
        ("oracle", shown(Trait::VerstatAttest))
    } else if now_and_then(record, Trait::Bypass) {
        ("french-man", shown(Trait::Bypass))
    } else if let Some(uri) = uri {
        ("telnyx", shown(uri))
    } else if let Some(behind) = behind {
        ("bandwidth", shown(behind))
    } else if let (Some(user), Some(level)) = (user, level) {
        ("bandwidth", format!("{} and {}", shown(user), shown(level)))
    } else if let Some(user) = user {
        ("3gpp", shown(user))
    } else {
        (GENERIC, "nothing in it is peculiar to a carrier".to_owned())
    }
}

/// At least half.
fn mostly(record: &Record, habit: Trait) -> bool {
    let (had, of) = record.share(habit);
    had > 0 && had * 2 >= of
}

/// Often enough to be no accident: one in twenty.
fn now_and_then(record: &Record, habit: Trait) -> bool {
    let (had, of) = record.share(habit);
    had > 0 && had * 20 >= of
}

/// As a configuration takes them (RFC 3261 §25.1, `token`).
fn is_token(word: &str) -> bool {
    (1..=MAX_TOKEN).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte))
}

/// Tokens differ by more than their case.
fn distinct(tokens: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for token in tokens {
        if !kept.iter().any(|known| known.eq_ignore_ascii_case(&token)) {
            kept.push(token);
        }
    }
    kept
}
