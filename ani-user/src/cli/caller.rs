//! `ani caller`: all that is known of one caller.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    Globals,
    client::{self, Client},
    limit, list,
    output::{self, shown, time},
};
use crate::{
    stir::Outcome,
    telemetry::{LEVELS, SIGNATURES},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A number with +, or a caller as `ani top callers` shows him
    number: String,
    /// ISO 3166 code of the country the number is dialled in
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let base = format!("/v1/callers/{}", client::encoded(&args.number));
    let answer =
        Client::new(globals).get(&client::path(&base, &[("country", args.country.clone())]))?;
    if globals.json {
        return output::print_json(answer.bytes());
    }
    output::print(text(&answer.json()?))
}

fn text(caller: &Value) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<15}{value}");
    };
    line("caller", shown(&caller["caller"]));
    let number = &caller["number"];
    if !number.is_null() {
        line("region", region(number));
        line("line type", line_type(number));
    }
    let blocked = &caller["blocked"];
    if blocked.is_null() {
        line("blocked", "no".to_owned());
    } else {
        let until = match &blocked["expires"] {
            Value::Null => "until removed".to_owned(),
            expires => format!("until {} UTC", time(expires)),
        };
        let by = if blocked["number"] == caller["caller"] {
            list::scope(blocked)
        } else {
            format!(" by {}{}", shown(&blocked["number"]), list::scope(blocked))
        };
        line("blocked", format!("since {} UTC, {until}{by}", time(&blocked["added"])));
        line("reason", shown(&blocked["reason"]));
    }
    for entry in output::items(&caller["lists"]) {
        if entry["list"] != "block" {
            let by = format!("{}{}", shown(&entry["number"]), list::scope(entry));
            line("on list", format!("{} ({by})", shown(&entry["list"])));
        }
    }
    line("limit", limit::sentence(&caller["limits"]));
    let elsewhere = &caller["seen_untrusted"];
    if !elsewhere.is_null() {
        let invites = output::count(&elsewhere["invites"], "INVITE");
        let last = time(&elsewhere["last_seen"]);
        line("from no trunk", format!("{invites} naming him, the last {last} UTC"));
    }
    let seen = &caller["seen"];
    if seen.is_null() {
        line("seen", "never".to_owned());
        return text;
    }
    line("calls", shown(&seen["calls"]));
    line(
        "INVITEs",
        format!(
            "{}: {} passed, {} dropped",
            shown(&seen["invites"]),
            shown(&seen["passed"]),
            shown(&seen["dropped"])
        ),
    );
    if seen["observed"].as_u64().is_some_and(|count| count > 0) {
        line(
            "only observed",
            format!("{} of them: no rule could stop them", shown(&seen["observed"])),
        );
    }
    let levels = LEVELS.map(|level| format!("{level} {}", shown(&seen["attestation"][level])));
    line("attestation", levels.join(", "));
    let signatures =
        SIGNATURES.map(|signature| format!("{signature} {}", shown(&seen["signature"][signature])));
    line("signature", signatures.join(", "));
    if let Some(word) = seen["last_verification"].as_str() {
        let cause = Outcome::find(word).map_or("", Outcome::cause);
        line("last signature", format!("{word}: {cause}"));
    }
    if seen["caller_id_mismatches"].as_u64().is_some_and(|count| count > 0) {
        line(
            "caller ID",
            format!("another number in {} calls", shown(&seen["caller_id_mismatches"])),
        );
    }
    line("first seen", format!("{} UTC", time(&seen["first_seen"])));
    line("last seen", format!("{} UTC", time(&seen["last_seen"])));
    line("last called", shown(&seen["last_dnis"]));
    line("last trunk", shown(&seen["last_trunk"]));
    line("last transport", shown(&seen["last_transport"]));
    let rule = match &seen["last_rule"] {
        Value::Null => String::new(),
        rule => format!(" ({})", shown(rule)),
    };
    line("last verdict", format!("{}{rule}", shown(&seen["last_verdict"])));
    text
}

/// `United States (US)`, or why there is none.
pub(super) fn region(known: &Value) -> String {
    match known["region"].as_str() {
        Some(code) => format!("{} ({code})", shown(&known["region_name"])),
        // Satellites, freephone across borders.
        None if known["valid"] == true => "of no country".to_owned(),
        None => "not known".to_owned(),
    }
}

/// `mobile`, and whether there are such numbers at all.
pub(super) fn line_type(known: &Value) -> String {
    let line_type = shown(&known["line_type"]);
    match known["valid"].as_bool() {
        Some(false) => format!("{line_type}: no such numbers are in use"),
        _ => line_type,
    }
}
