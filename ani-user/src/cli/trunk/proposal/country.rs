//! Which country's numbers a source sends: told by the country codes beside them, never by their
//! length alone, which many countries share.

use ani_ebpf::dial_plan::Prefix;

use crate::{
    config::countries::{self, Country},
    telemetry::habits::{Code, Record, Trait},
};

/// Countries that give a country code its name, where several share it.
const LEADERS: [(u16, &str); 7] =
    [(1, "US"), (7, "RU"), (44, "GB"), (212, "MA"), (358, "FI"), (590, "GP"), (599, "CW")];

/// What can be told.
pub(super) struct Told {
    /// The country.
    pub(super) country: Option<&'static Country>,
    /// One that it may be: to be confirmed.
    pub(super) guess: Option<&'static Country>,
    /// Why, or why not.
    pub(super) why: String,
}

/// From what the operator knows, else from the country code of nearly all called numbers, which are
/// his own, else of nearly all callers.
pub(super) fn told(record: &Record, known: Option<&'static Country>) -> Told {
    let named = |country, why| Told { country: Some(country), guess: None, why };
    let none = |why: &str| Told { country: None, guess: None, why: why.to_owned() };
    if let Some(country) = known {
        return named(country, format!("{}, as you say", country.name));
    }
    let bare = record.count(Trait::Bare);
    let called_bare = record.count(Trait::CalledBare);
    let code = nearly_all(&record.called_codes)
        .map(|code| (code, "called numbers with +"))
        .or_else(|| nearly_all(&record.caller_codes).map(|code| (code, "callers with +")));
    if let Some((code, whose)) = code
        && let Some(country) = of_code(code)
    {
        let fitting = fitting(record, country);
        let shared = if shared(code) { ", or another one of that code" } else { "" };
        let why = format!("nearly all {whose} have +{code}: {}{shared}", country.name);
        if fitting * 10 >= bare * 9 {
            return named(country, why);
        }
        return Told {
            country: None,
            guess: Some(country),
            why: format!(
                "{why}; but only {fitting} of {bare} callers without + have a length that is \
                 dialled there, so ask the carrier"
            ),
        };
    }
    if bare + called_bare == 0 {
        return none("not needed, no number comes without +");
    }
    let american = record.count(Trait::BareNanp);
    if bare > 0 && american * 20 >= bare * 19 {
        return Told {
            country: None,
            guess: countries::find("US"),
            why: format!(
                "{american} of {bare} callers without + have the form of North America's numbers; \
                 if they are, take the mark off the line below"
            ),
        };
    }
    none("cannot be told; without it numbers that come without + are no numbers: add `country`")
}

/// The country code that nine of ten have.
fn nearly_all(codes: &[Code]) -> Option<u16> {
    let all: u64 = codes.iter().map(|code| code.count).sum();
    codes.iter().find(|code| code.count * 10 >= all * 9).map(|code| code.code)
}

fn of_code(code: u16) -> Option<&'static Country> {
    let leader = LEADERS.iter().find(|(known, _)| *known == code);
    match leader {
        Some((_, country)) => countries::find(country),
        None => having(code).next(),
    }
}

fn shared(code: u16) -> bool {
    having(code).nth(1).is_some()
}

fn having(code: u16) -> impl Iterator<Item = &'static Country> {
    let code = code.to_string();
    countries::COUNTRIES.iter().filter(move |country| country.calling_code() == code)
}

/// Callers without `+` that have a length which is dialled in a country: national, with the national
/// prefix, or with the country code.
fn fitting(record: &Record, country: &Country) -> u64 {
    let plan = country.dial_plan();
    let behind = |prefix: Prefix, length: u32| {
        let rest = length.checked_sub(prefix.len());
        !prefix.is_empty() && rest.is_some_and(|rest| plan.national_lengths.has(rest))
    };
    let is_dialled = |length| {
        plan.bare_lengths.has(length)
            || behind(plan.national, length)
            || behind(plan.country, length)
    };
    (0..)
        .zip(record.bare_digits)
        .filter(|(length, _)| is_dialled(*length))
        .map(|(_, count)| count)
        .sum()
}
