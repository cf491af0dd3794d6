//! From what a source sends to a trunk and its profile, with the evidence: TOML that the
//! configuration reads, and what traffic cannot tell as comments.
//!
//! Where a carrier puts his words is seen; what they mean, and whether he takes them off what his
//! customers send, is not. So the built-in profile whose places fit is proposed, each token is shown
//! as that profile reads it, and the carrier is to be asked.

/// Which country's numbers a source sends.
mod country;
/// The built-in profile that fits, and what it would not read.
mod fit;

use std::fmt::Write as _;

use ipnet::IpNet;
use serde::Serialize;

use self::{country::Told, fit::Fit};
use crate::{
    cli::output,
    config::countries::Country,
    identity::Profile,
    telemetry::habits::{Base, Record, TRAITS, Trait},
};

/// INVITEs below which a proposal is little more than a guess.
const ENOUGH: u64 = 20;

/// What stands before proposals.
pub(super) const HEAD: &str = "\
# Trunks for what was seen. Keep those of your carriers; your own SBC and your phones are none.
# What a trunk's headers say is believed: name only sources whose carrier takes off such headers
# where a caller put them there himself. `ani check-config FILE` reads the result.
";

/// A trunk for a source.
#[derive(Debug, Serialize)]
pub(super) struct Proposal {
    /// The source, or the name of the trunk it belongs to.
    pub(super) source: String,
    /// INVITEs it is made of.
    pub(super) invites: u64,
    /// Whether these are enough to rely on.
    pub(super) enough: bool,
    /// The built-in profile that fits best.
    pub(super) profile: &'static str,
    /// Why.
    pub(super) why: String,
    /// Code of the country, where it can be told.
    pub(super) country: Option<&'static str>,
    /// `[[trunk]]`, and `[[profile]]` where no built-in one fits, under the evidence.
    pub(super) toml: String,
    /// What was seen.
    pub(super) evidence: Record,
}

/// Proposes a trunk for a source, under the name it has already or a new one.
pub(super) fn propose(
    source: &str,
    name: Option<&str>,
    sources: &[IpNet],
    record: &Record,
    country: Option<&'static Country>,
    profiles: &[Profile],
) -> Proposal {
    let fit = Fit::of(record, profiles);
    let told = country::told(record, country);
    let name = name.map_or_else(|| format!("carrier-{}", source.replace('/', "-")), str::to_owned);
    let mut text = String::new();
    seen(&mut text, source, record);
    reasons(&mut text, &fit, &told, record);
    tables(&mut text, &name, sources, &fit, &told, record);
    Proposal {
        source: source.to_owned(),
        invites: record.invites,
        enough: record.invites >= ENOUGH,
        profile: fit.name,
        why: fit.why,
        country: told.country.map(|country| country.code),
        toml: text,
        evidence: record.clone(),
    }
}

/// Writes a comment; writing to a string cannot fail.
macro_rules! comment {
    ($text:expr, $($argument:tt)*) => {{
        $text.push_str("# ");
        let _ = writeln!($text, $($argument)*);
    }};
}

/// The evidence.
fn seen(text: &mut String, source: &str, record: &Record) {
    let time = |time: Option<crate::time::Timestamp>| {
        time.map_or_else(
            || output::NOTHING.to_owned(),
            |time| output::time(&time.to_string().into()),
        )
    };
    let (first, last) = (time(record.first), time(record.last));
    comment!(
        text,
        "{source}: INVITEs that start a call: {}, {first} to {last} UTC",
        record.invites
    );
    if record.cut > 0 {
        comment!(text, "Left out, since the end of their headers was not captured: {}", record.cut);
    }
    if record.invites < ENOUGH {
        comment!(text, "Few INVITEs: look at more before you rely on it; {ENOUGH} say something.");
    }
    for base in Base::ALL {
        for row in TRAITS.iter().filter(|row| row.base == base) {
            let (had, of) = record.share(row.habit);
            // What stands first in most orders is missed when it is not there.
            if had == 0 && !(row.habit == Trait::Asserted && of > 0) {
                continue;
            }
            comment!(text, "  {had} of {of} {} {}", base.plural(), row.verb);
            let place = row.base == Base::Verstat || row.base == Base::Any;
            if let Some(example) = record.examples.get(row.name).filter(|_| place) {
                comment!(text, "      {example}");
            }
        }
    }
    let lengths: Vec<_> = (1_usize..)
        .zip(record.bare_digits.iter().skip(1))
        .filter(|(_, count)| **count > 0)
        .map(|(length, count)| format!("{length} ({count})"))
        .collect();
    if !lengths.is_empty() {
        comment!(text, "  digits of callers without +: {}", lengths.join(", "));
    }
    for (codes, of) in
        [(&record.caller_codes, "callers with +"), (&record.called_codes, "called numbers with +")]
    {
        if !codes.is_empty() {
            let codes: Vec<_> = codes.iter().map(|c| format!("{} ({})", c.code, c.count)).collect();
            comment!(text, "  country codes of {of}: {}", codes.join(", "));
        }
    }
}

/// What follows, and what does not.
fn reasons(text: &mut String, fit: &Fit, told: &Told, record: &Record) {
    comment!(text, "Profile: {}, since {}.", fit.name, fit.why);
    comment!(text, "Country: {}.", told.why);
    for note in &fit.notes {
        comment!(text, "Note: {note}.");
    }
    if record.words.is_empty() {
        return;
    }
    comment!(
        text,
        "To confirm with the carrier, the same words mean different things to different ones:"
    );
    for word in &record.words {
        comment!(text, "  {} {:?} ({}) {}", word.kind, word.word, word.count, fit.meaning(word));
    }
    if record.words_beyond > 0 {
        comment!(text, "  and others, in {} more", record.words_beyond);
    }
}

fn tables(
    text: &mut String,
    name: &str,
    sources: &[IpNet],
    fit: &Fit,
    told: &Told,
    record: &Record,
) {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let list = |items: &[String]| {
        let items: Vec<_> = items.iter().map(|item| quoted(item)).collect();
        format!("[{}]", items.join(", "))
    };
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    let own = !fit.own.is_empty();
    if own {
        line("[[profile]]".to_owned());
        line(format!("name = {}", quoted(name)));
        line(format!("base = {}", quoted(fit.name)));
        for (key, items) in &fit.own {
            if *key == "tokens" {
                let items: Vec<_> =
                    items.iter().map(|token| format!("{} = \"unknown\"", quoted(token))).collect();
                line(format!("tokens = {{ {} }}", items.join(", ")));
            } else {
                line(format!("{key} = {}", list(items)));
            }
        }
        line(String::new());
    }
    line("[[trunk]]".to_owned());
    line(format!("name = {}", quoted(name)));
    let sources: Vec<_> = sources
        .iter()
        .map(|source| {
            let alone = source.prefix_len() == source.max_prefix_len();
            if alone { source.addr().to_string() } else { source.to_string() }
        })
        .collect();
    line(format!("sources = {}", list(&sources)));
    line(format!("profile = {}", quoted(if own { name } else { fit.name })));
    match (told.country, told.guess) {
        (Some(country), _) => line(format!("country = {}", quoted(country.code))),
        (None, Some(country)) => line(format!("# country = {}", quoted(country.code))),
        (None, None) => {}
    }
    if record.count(Trait::Long) > 0 && fit.max_digits.is_none_or(|digits| digits < 16) {
        line("max_digits = 16".to_owned());
    }
}

#[cfg(test)]
mod tests;
