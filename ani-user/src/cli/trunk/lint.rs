//! `ani trunk lint`: which habits of a trunk changed, and what does not go with its profile.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Value, json};

use super::captures;
use crate::{
    cli::{
        self, Globals,
        client::{self, Client},
        exit::{Code, Failure},
        output::{self, items, shown, time},
    },
    config::Config,
    telemetry::{
        habits::{BLOCK, Lint, MIN_BLOCK, Watched},
        is_call,
    },
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Name of one trunk; all without it
    name: Option<String>,
    /// Look at capture files instead of asking the daemon; needs --config
    #[arg(long, value_name = "CAPTURE", num_args = 1.., requires = "config")]
    file: Vec<PathBuf>,
    /// Configuration whose trunks the captures are of
    #[arg(long, value_name = "FILE", requires = "file")]
    config: Option<PathBuf>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let Some(config) = &args.config else {
        let path = client::path("/v1/habits", &[("trunk", args.name.clone())]);
        let answer = Client::new(globals).get(&path)?;
        if globals.json {
            return output::print_json(answer.bytes());
        }
        return output::print(text(&answer.json()?));
    };
    let config = cli::load_config(config)?;
    if let Some(name) = &args.name
        && !config.trunks.iter().any(|trunk| trunk.name == *name)
    {
        let known: Vec<_> = config.trunks.iter().map(|trunk| trunk.name.as_str()).collect();
        return Err(Failure::say(
            Code::Usage,
            format_args!("there is no trunk `{name}`; name one of {}", known.join(", ")),
        ));
    }
    let mut trunks = BTreeMap::<String, Watched>::new();
    let read = captures::each(&args.file, config.clone(), &mut |invite| {
        if is_call(invite)
            && let Some(name) = invite.trunk.as_deref()
        {
            match trunks.get_mut(name) {
                Some(watched) => watched.add(invite),
                None => trunks.entry(name.to_owned()).or_default().add(invite),
            };
        }
    })?;
    let document = document(&config, trunks, args.name.as_deref());
    if globals.json {
        output::print_json(document.to_string().as_bytes())?;
    } else {
        output::print(text(&document))?;
    }
    read.whole()
}

/// What the daemon would answer.
fn document(config: &Config, mut trunks: BTreeMap<String, Watched>, only: Option<&str>) -> Value {
    let lints: Vec<_> = config
        .trunks
        .iter()
        .filter(|trunk| only.is_none_or(|only| only == trunk.name))
        .map(|trunk| {
            let mut watched = trunks.remove(&trunk.name).unwrap_or_default();
            if let Some(last) = watched.record.last {
                watched.watch.finish(last);
            }
            Lint::of(&trunk.name, &watched, Some(trunk))
        })
        .collect();
    json!({ "trunks": lints })
}

/// For people: a paragraph a trunk.
fn text(document: &Value) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    if items(&document["trunks"]).is_empty() {
        line("no trunk is configured".to_owned());
    }
    for trunk in items(&document["trunks"]) {
        let invites = output::count(&trunk["invites"], "INVITE");
        let name = shown(&trunk["trunk"]);
        if trunk["invites"].as_u64() == Some(0) {
            line(format!("{name}: nothing seen yet"));
            continue;
        }
        let (first, last) = (time(&trunk["first"]), time(&trunk["last"]));
        line(format!("{name}: {invites} that started a call, {first} to {last} UTC"));
        let changes = items(&trunk["changes"]);
        for change in changes {
            let share =
                |share: &Value| format!("{} of {}", shown(&share["had"]), shown(&share["of"]));
            let until = match &change["until"] {
                Value::Null => String::new(),
                until => format!(", until {} UTC", time(until)),
            };
            let sign = if until.is_empty() { "changed" } else { "was otherwise" };
            line(format!("  {sign} since {} UTC{until}:", time(&change["since"])));
            line(format!(
                "    {}: {} before, {} since",
                shown(&change["about"]),
                share(&change["from"]),
                share(&change["to"])
            ));
        }
        if trunk["changes_forgotten"].as_u64().is_some_and(|count| count > 0) {
            line(format!("  and {} earlier changes", shown(&trunk["changes_forgotten"])));
        }
        if changes.is_empty() {
            line("  no habit has changed".to_owned());
            if trunk["invites"].as_u64().is_some_and(|count| count < u64::from(2 * BLOCK)) {
                line(format!(
                    "  (a change is told by two times {BLOCK} INVITEs, or two times 6 hours with \
                     {MIN_BLOCK})"
                ));
            }
        }
        for mismatch in items(&trunk["profile"]) {
            line(format!("  {}", shown(&mismatch["message"])));
        }
        if items(&trunk["profile"]).is_empty() {
            line("  and all of it goes with the profile".to_owned());
        }
    }
    text
}

#[cfg(test)]
mod tests;
