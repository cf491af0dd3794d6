//! `ani top`: the callers or trunks with the most calls.

use clap::ValueEnum as _;
use serde_json::Value;

use super::{
    Globals,
    client::{self, Client},
    output::{self, Side, Table, cut, items, shown, time},
};
use crate::telemetry::By;

/// A number with its plus, and the names of most telephones.
const CALLER_WIDTH: usize = 20;
const TRUNK_WIDTH: usize = 16;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// The callers with the most calls, or the most of what --by says
    Callers(Most),
    /// The trunks with the most calls, or the most of what --by says
    Trunks(Most),
}

#[derive(Debug, clap::Args)]
pub(super) struct Most {
    /// How many
    #[arg(short, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    n: u16,
    /// What they are put in order by
    #[arg(long, value_enum, default_value_t)]
    by: By,
}

pub(super) fn run(command: &Command, globals: &Globals) -> anyhow::Result<()> {
    let (path, Most { n, by }) = match command {
        Command::Callers(most) => ("/v1/top/callers", most),
        Command::Trunks(most) => ("/v1/top/trunks", most),
    };
    let by = by.to_possible_value().map(|by| by.get_name().to_owned());
    let parameters = [("n", Some(n.to_string())), ("by", by)];
    let answer = Client::new(globals).get(&client::path(path, &parameters))?;
    if globals.json {
        return output::print_json(answer.bytes());
    }
    let document = answer.json()?;
    output::print(match command {
        Command::Callers(_) => caller_table(&document["callers"]).text(),
        Command::Trunks(_) => trunk_table(&document["trunks"]).text(),
    })
}

fn caller_table(callers: &Value) -> Table {
    let mut table = Table::new(&[
        ("caller", Side::Left),
        ("calls", Side::Right),
        ("passed", Side::Right),
        ("dropped", Side::Right),
        ("A/B/C/none", Side::Right),
        ("trunk", Side::Left),
        ("last called", Side::Left),
        ("last seen (UTC)", Side::Left),
    ]);
    for caller in items(callers) {
        table.row([
            cut(&caller["caller"], CALLER_WIDTH),
            shown(&caller["calls"]),
            shown(&caller["passed"]),
            shown(&caller["dropped"]),
            attestation(caller),
            cut(&caller["last_trunk"], TRUNK_WIDTH),
            cut(&caller["last_dnis"], CALLER_WIDTH),
            time(&caller["last_seen"]),
        ]);
    }
    table
}

/// Counters of trunks, one a row.
pub(super) fn trunk_table(trunks: &Value) -> Table {
    let mut table = Table::new(&[
        ("trunk", Side::Left),
        ("calls", Side::Right),
        ("INVITEs", Side::Right),
        ("passed", Side::Right),
        ("dropped", Side::Right),
        ("A/B/C/none", Side::Right),
        ("anonymous", Side::Right),
        ("no number", Side::Right),
    ]);
    for trunk in items(trunks) {
        let status = |name: &str| trunk["ani_status"][name].as_u64().unwrap_or(0);
        table.row([
            cut(&trunk["name"], TRUNK_WIDTH),
            shown(&trunk["calls"]),
            shown(&trunk["invites"]),
            shown(&trunk["passed"]),
            shown(&trunk["dropped"]),
            attestation(trunk),
            status("anonymous").to_string(),
            status("missing").saturating_add(status("not-a-number")).to_string(),
        ]);
    }
    table
}

/// Calls at each level: `7/0/1/2`.
fn attestation(figures: &Value) -> String {
    crate::telemetry::LEVELS.map(|level| shown(&figures["attestation"][level])).join("/")
}
