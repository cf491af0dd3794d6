//! `ani breaker`: lists and limits at rest.

use hyper::Method;
use serde_json::{Value, json};

use super::{
    Globals,
    client::Client,
    output::{self, Side, Table, count, items, shown, time},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Show what is at rest, why, and until when
    Show,
    /// End a rest: the list or limit stops calls again
    Resume {
        /// Name of the list or limit, as `show` has it
        name: String,
    },
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let client = Client::new(globals);
    let answer = match &args.command {
        None | Some(Command::Show) => client.get("/v1/breaker")?,
        Some(Command::Resume { name }) => {
            client.send(Method::POST, "/v1/breaker/resume", &json!({ "name": name }))?
        }
    };
    if globals.json {
        return output::print_json(answer.bytes());
    }
    let document = answer.json()?;
    output::print(match document.get("resumed") {
        Some(rest) => {
            format!("{} {} stops calls again\n", shown(&rest["kind"]), shown(&rest["name"]))
        }
        None => text(&document),
    })
}

fn text(breaker: &Value) -> String {
    let mut text = sentence(breaker) + "\n";
    for (key, what) in [
        ("forgotten", "gave way: breaker.max_known was reached"),
        ("crowded", "counted for less than a minute: too many of a trunk"),
    ] {
        if breaker[key].as_u64().is_some_and(|count| count > 0) {
            text.push_str(&format!("{} {what}\n", count(&breaker[key], "caller")));
        }
    }
    if !items(&breaker["resting"]).is_empty() {
        text.push('\n');
        text.push_str(&table(breaker).text());
    }
    text
}

fn table(breaker: &Value) -> Table {
    let mut table = Table::new(&[
        ("at rest", Side::Left),
        ("name", Side::Left),
        ("until (UTC)", Side::Left),
        ("trunk", Side::Left),
        ("good callers", Side::Right),
        ("stopped", Side::Right),
        ("by it", Side::Right),
        ("share", Side::Right),
    ]);
    for rest in items(&breaker["resting"]) {
        table.row([
            shown(&rest["kind"]),
            shown(&rest["name"]),
            time(&rest["until"]),
            shown(&rest["trunk"]),
            shown(&rest["good"]),
            shown(&rest["stopped"]),
            shown(&rest["stopped_by_it"]),
            format!("{} %", shown(&rest["share"])),
        ]);
    }
    table
}

/// `nothing at rest; 1200 callers known, 0 trips`, or what is at rest.
pub(super) fn sentence(breaker: &Value) -> String {
    let resting: Vec<_> = items(&breaker["resting"])
        .iter()
        .map(|rest| {
            format!(
                "AT REST until {} UTC: the {} {}",
                time(&rest["until"]),
                shown(&rest["kind"]),
                shown(&rest["name"])
            )
        })
        .collect();
    if breaker["enabled"] == false && resting.is_empty() {
        return "off: breaker.enabled is false".to_owned();
    }
    let state = match resting.as_slice() {
        [] => "nothing at rest".to_owned(),
        rests => format!("{}, see `ani breaker`", rests.join(", ")),
    };
    format!(
        "{state}; {} known, {}",
        count(&breaker["known"], "caller"),
        count(&breaker["trips"], "trip")
    )
}
