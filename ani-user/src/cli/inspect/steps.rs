//! From the message to the ANI, one sentence a step.

use ani_ebpf::dial_plan::{Dialled, MIN_E164_DIGITS};
use serde::Serialize;
use serde_json::Value;

use crate::{
    cli::output::items,
    config::{Trunk, countries},
    identity::Why,
    sip::{self, Scheme, Uri},
};

/// One step.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    /// Stable word: `called`, `order`, `header`, `chosen`, `number`, `ani`.
    pub step: &'static str,
    /// What was done and why, for people.
    pub says: String,
}

/// All steps, in their order, out of the record of an INVITE from a trunk, or from none.
pub(super) fn all(record: &Value, trunk: Option<&Trunk>) -> Vec<Step> {
    let mut steps = vec![
        Step { step: "called", says: called(record, trunk) },
        Step { step: "order", says: order(record, trunk) },
    ];
    let candidates = items(&record["candidates"]);
    let chosen = candidates.iter().find(|candidate| is(candidate, Why::Chosen));
    let mut behind = false;
    for header in headers(record, trunk) {
        let there: Vec<_> =
            candidates.iter().filter(|candidate| text(&candidate["header"]) == header).collect();
        let is_chosen = chosen.is_some_and(|chosen| text(&chosen["header"]) == header);
        let says = format!("{header}: {}", presence(&there, is_chosen, behind));
        steps.push(Step { step: "header", says });
        behind |= is_chosen;
    }
    let Some(chosen) = chosen else {
        steps
            .push(Step { step: "ani", says: "none: no header of the order names a caller".into() });
        return steps;
    };
    let (header, uri) = (text(&chosen["header"]), text(&chosen["uri"]));
    let value = &chosen["value"];
    steps.push(Step { step: "chosen", says: format!("value {value} of {header}: {uri}") });
    let number = chosen["number"].as_str();
    let says = how(uri, number, text(&chosen["status"]), trunk);
    steps.push(Step { step: "number", says });
    let ani = record["ani"].as_str().unwrap_or("none");
    let says = format!("{ani}, status {}", text(&record["ani_status"]));
    steps.push(Step { step: "ani", says });
    steps
}

/// The headers of the order that counts.
fn headers(record: &Value, trunk: Option<&Trunk>) -> Vec<&'static str> {
    let Some(profile) = trunk.map(|trunk| &trunk.profile) else {
        return vec!["from"];
    };
    let order = if of_toll_free(record, trunk) { &profile.ani_toll_free } else { &profile.ani };
    order.iter().map(|header| header.as_str()).collect()
}

fn of_toll_free(record: &Value, trunk: Option<&Trunk>) -> bool {
    record["toll_free"] == true
        && trunk.is_some_and(|trunk| !trunk.profile.ani_toll_free.is_empty())
}

fn called(record: &Value, trunk: Option<&Trunk>) -> String {
    let uri = text(&record["request_uri"]);
    let Some(dnis) = record["dnis"].as_str() else {
        return format!("{uri} names no user");
    };
    let is_number = dnis.strip_prefix('+').is_some_and(|digits| {
        digits.len() >= MIN_E164_DIGITS as usize && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    let status = if is_number { "ok" } else { "not-a-number" };
    let toll_free = if record["toll_free"] == true { "; a toll-free number" } else { "" };
    format!("{}{toll_free}", how(uri, Some(dnis), status, trunk))
}

fn order(record: &Value, trunk: Option<&Trunk>) -> String {
    let Some(trunk) = trunk else {
        return "it came from no configured trunk: only from is read".to_owned();
    };
    let headers = headers(record, Some(trunk)).join(", ");
    let name = &trunk.profile.name;
    if of_toll_free(record, Some(trunk)) {
        return format!("for calls to toll-free numbers, profile {name} reads {headers}");
    }
    format!("profile {name} reads {headers}")
}

/// Whether a header is there, and what that means.
fn presence(there: &[&Value], chosen: bool, behind: bool) -> String {
    let values = match there.len() {
        0 => return "not there".to_owned(),
        1 => "there".to_owned(),
        values => format!("{values} values"),
    };
    if chosen && there.len() > 1 && there.iter().any(|value| is(value, Why::OtherValue)) {
        return format!("{values}; a number goes before a name, a tel URI before a SIP URI");
    }
    if behind {
        return format!("{values}, behind the one that is chosen");
    }
    if there.iter().all(|value| is(value, Why::NotCalling)) {
        return format!("{values}, of another party than the one calling");
    }
    values
}

/// How the user part of a URI became a number, or why it is none.
fn how(uri: &str, number: Option<&str>, status: &str, trunk: Option<&Trunk>) -> String {
    // A PASSporT has digits alone.
    let bare = !uri.is_empty() && uri.bytes().all(|byte| byte.is_ascii_digit());
    let read = Uri::read(uri.as_bytes());
    let user = if bare { Some(uri.as_bytes()) } else { read.user };
    let Some(user) = user.filter(|user| !user.is_empty()) else {
        return format!("{uri} has no user part");
    };
    let decoded = sip::percent_decoded(user);
    let user = sip::lossy(&decoded).into_owned();
    match (status, number) {
        ("anonymous", _) => format!("{user} at {}: the number is withheld", sip::lossy(read.host)),
        ("not-a-number", _) => format!("{user} {}", why_none(&read, &user, trunk)),
        (_, Some(number)) if bare => format!("{user} is {number}: a PASSporT's digits are E.164"),
        (_, Some(number)) if user == number => format!("{user} is E.164 as it came"),
        (_, Some(number)) => {
            format!("{user} is {number}: {}", completed(&user, number, &read, trunk))
        }
        (_, None) => format!("{user} is no number"),
    }
}

/// What was taken off and what was put before, from the digits and the number they became.
fn completed(user: &str, number: &str, uri: &Uri<'_>, trunk: Option<&Trunk>) -> String {
    let digits: String = user.chars().filter(char::is_ascii_digit).collect();
    let number = number.trim_start_matches('+');
    if digits == number {
        return if user.trim_start().starts_with('+') {
            "visual separators taken out".to_owned()
        } else {
            format!("the country code is there, + put before it{}", dialled_in(trunk))
        };
    }
    if let Some(context) = uri.user_parameters().get(b"phone-context") {
        return format!("within phone-context {}", sip::lossy(context));
    }
    let same = digits.bytes().rev().zip(number.bytes().rev()).take_while(|(a, b)| a == b).count();
    let off = digits.get(..digits.len() - same).unwrap_or_default();
    let before = number.get(..number.len() - same).unwrap_or_default();
    let off = if off.is_empty() { String::new() } else { format!("{off} taken off, ") };
    format!("{off}+{before} put before it{}", dialled_in(trunk))
}

fn why_none(uri: &Uri<'_>, user: &str, trunk: Option<&Trunk>) -> String {
    if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips | Scheme::Tel) {
        return "stands in a URI that holds no telephone numbers".to_owned();
    }
    let Some(dialled) = Dialled::from_text(user) else {
        return "is no telephone number: a name, or more than digits and separators".to_owned();
    };
    if dialled.plus {
        return "is no E.164 number: too short, too long, or none that a country has".to_owned();
    }
    match country(trunk) {
        None => "stays as it came: digits without +, and no country is known that completes \
                 them"
            .to_owned(),
        Some(country) => format!("stays as it came: no number as it is dialled in {country}"),
    }
}

fn dialled_in(trunk: Option<&Trunk>) -> String {
    country(trunk).map_or_else(String::new, |name| format!(", as it is dialled in {name}"))
}

fn country(trunk: Option<&Trunk>) -> Option<&'static str> {
    let code = trunk?.country.as_deref()?;
    countries::find(code).map(|country| country.name)
}

fn is(candidate: &Value, why: Why) -> bool {
    candidate["why"] == why.as_str()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
