//! `ani number`: what is known of a number, and each step from the digits to it.

use std::{borrow::Cow, fmt::Write as _};

use serde_json::{Value, json};

use super::{
    Globals, caller,
    exit::{Code, Failure},
    output::{self, shown},
};
use crate::{
    config::countries::Country,
    control::number,
    identity::{Lookup, NumberForm, canonical, e164, form, oli},
    sip::{self, NameAddr},
};
use ani_ebpf::dial_plan::{DialPlan, Way};

/// One step after the other, in words.
mod steps;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Numbers with + or as they are dialled, or tel and SIP URIs
    #[arg(required = true, value_name = "NUMBER")]
    numbers: Vec<String>,
    /// ISO 3166 code of the country they are dialled in
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let country = number::country(args.country.as_deref())
        .map_err(|error| Failure::say(Code::Usage, error))?;
    let lookup = Lookup::new();
    let mut text = String::new();
    let mut strangers = 0;
    for (at, given) in args.numbers.iter().enumerate() {
        let known = known(given, country, &lookup);
        strangers += usize::from(known["e164"].is_null());
        // Writing to a string cannot fail.
        let _ = match (globals.json, at) {
            (true, _) => writeln!(text, "{known}"),
            (false, 0) => write!(text, "{}", for_people(&known)),
            (false, _) => write!(text, "\n{}", for_people(&known)),
        };
    }
    output::print(text)?;
    match (strangers, args.numbers.len()) {
        (0, _) => Ok(()),
        (_, 1) => Err(anyhow::anyhow!("that is no E.164 number")),
        (strangers, all) => Err(anyhow::anyhow!("{strangers} of {all}: no E.164 number")),
    }
}

/// All that is known of what an operator wrote, as it stands in JSON.
fn known(given: &str, country: Option<&Country>, lookup: &Lookup) -> Value {
    let plan = country.map_or(DialPlan::NONE, Country::dial_plan);
    let written = as_name_addr(given.trim());
    let value = NameAddr::read(written.as_bytes());
    let user = sip::percent_decoded(value.uri.user.unwrap_or_default());
    let user = sip::lossy(&user);
    let number = e164(&value.uri, &plan);
    let steps = steps::steps(&value.uri, &user, country, &plan);
    let known = number.map(|number| lookup.find(number));
    let form = form(&value.uri, &plan);
    let tn = match number {
        // Also where the country is in `phone-context` and not in the digits.
        Some(number) => Some(number.to_string()),
        None => canonical(&user, &plan).map(Cow::into_owned),
    };
    json!({
        "given": given,
        "country": country.map(|country| country.code),
        "form": form.as_str(),
        "steps": steps.words,
        "way": steps.reading.map(|reading| way(reading.way)),
        "e164": number.map(|number| format!("+{number}")),
        "canonical": tn,
        "number": known,
        "oli": oli(&value).map(|oli| json!({
            "parameter": oli.parameter,
            "value": sip::lossy(oli.value),
            "place": oli.place.as_str(),
            "meaning": oli.meaning,
            "line_type": oli.line,
        })),
    })
}

/// Digits alone are read as in a tel URI; brackets keep a URI's parameters its own.
fn as_name_addr(given: &str) -> String {
    let is_uri = ["tel:", "sip:", "sips:"].iter().any(|scheme| {
        given.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    });
    if given.contains('<') {
        given.to_owned()
    } else if is_uri {
        format!("<{given}>")
    } else {
        format!("<tel:{given}>")
    }
}

fn way(way: Way) -> &'static str {
    match way {
        Way::Plus => "plus",
        Way::International => "international-prefix",
        Way::National => "national-prefix",
        Way::Bare => "bare",
        Way::CountryCode => "country-code",
    }
}

fn for_people(known: &Value) -> String {
    let mut text = format!("{}\n", shown(&known["given"]));
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<11}{value}");
    };
    for (at, step) in output::items(&known["steps"]).iter().enumerate() {
        line(if at == 0 { "steps" } else { "" }, format!("{}. {}", at + 1, shown(step)));
    }
    match known["e164"].as_str() {
        Some(number) => line("number", number.to_owned()),
        None => line("number", format!("none: {}", what(&known["form"]))),
    }
    if !known["canonical"].is_null() {
        line("canonical", format!("{}, as signatures have it", shown(&known["canonical"])));
    }
    let number = &known["number"];
    if !number.is_null() {
        line("region", caller::region(number));
        line("line type", caller::line_type(number));
    }
    let oli = &known["oli"];
    if !oli.is_null() {
        let mut said = format!("{}={}: ", shown(&oli["parameter"]), shown(&oli["value"]));
        said.push_str(oli["meaning"].as_str().unwrap_or("nobody says what that means"));
        if let Some(line_type) = oli["line_type"].as_str() {
            said.push_str(&format!(" ({line_type})"));
        }
        line("network", said);
    }
    text
}

fn what(form: &Value) -> &'static str {
    let is = |known: NumberForm| form == known.as_str();
    if is(NumberForm::Alphabetic) {
        "no digits, or not only digits"
    } else if is(NumberForm::Short) {
        "a short code, service number or extension"
    } else if is(NumberForm::National) {
        "digits whose country is not known"
    } else {
        "impossible"
    }
}

#[cfg(test)]
mod tests;
