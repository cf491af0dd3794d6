//! `ani trunk profiles`: the built-in profiles as an operator would write them.

use serde_json::json;

use crate::{
    cli::{
        Globals,
        exit::{Code, Failure},
        output,
    },
    config::profiles,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Name of one
    name: Option<String>,
}

/// What each starts with in the text.
const TABLE: &str = "[[profile]]\n";

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let all = profiles::built_in()?;
    let text = match &args.name {
        None => profiles::TEXT.to_owned(),
        Some(name) => one(name).ok_or_else(|| {
            let names: Vec<_> = all.iter().map(|profile| profile.name.as_str()).collect();
            Failure::say(
                Code::Usage,
                format_args!("there is no profile `{name}`; name one of {}", names.join(", ")),
            )
        })?,
    };
    if !globals.json {
        return output::print(text);
    }
    let listed: Vec<_> = all
        .iter()
        .filter(|profile| args.name.as_ref().is_none_or(|name| *name == profile.name))
        .map(|profile| {
            json!({ "name": profile.name, "about": profile.about, "toml": one(&profile.name) })
        })
        .collect();
    output::print_json(json!({ "profiles": listed }).to_string().as_bytes())
}

/// The table of one, as it stands in the text.
fn one(name: &str) -> Option<String> {
    let wanted = format!("name = \"{name}\"");
    profiles::TEXT
        .split(TABLE)
        .skip(1)
        .find(|table| table.lines().next() == Some(&wanted))
        .map(|table| format!("{TABLE}{}\n", table.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn each_is_found_by_its_name_and_is_a_configuration() {
        for profile in profiles::built_in().expect("profiles") {
            let text = one(&profile.name).expect(&profile.name);
            assert_eq!(text.matches(TABLE).count(), 1, "{text}");
            let table: toml::Table = text.parse().expect("TOML");
            assert_eq!(table["profile"][0]["name"].as_str(), Some(profile.name.as_str()));
            // Under another name it is one of an operator's own.
            let own = text.replacen(&profile.name, "own", 1);
            let config = Config::parse(&own, "own").expect("a configuration");
            assert_eq!(config.profiles.last().map(|own| &own.telling), Some(&profile.telling));
        }
        assert_eq!(one("telnix"), None);
    }
}
