//! `ani limit`: how many calls there may be.

use hyper::{Method, body::Bytes};
use serde_json::{Value, json};

use super::{
    Globals,
    client::{self, Client},
    exit::{Code, Failure},
    list::Mode,
    output::{self, Side, Table, items, shown},
};
use crate::config::{Rate, RateError};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show the limit of each caller
    Show,
    /// Show all limits, in the order they are looked at
    List,
    /// Set a limit; it goes before the configuration's and survives a restart
    Set(Set),
    /// Have a limit act, or only tell what it would do; survives a restart
    Mode(SetMode),
    /// Forget what was set by command; the configuration's holds again
    Reset(Reset),
}

#[derive(Debug, clap::Args)]
pub(super) struct Set {
    /// CALLS per TIME, such as `10 per 1m`, or `none`; the name of a limit before it, or else it is that
    /// of each caller
    #[arg(required = true, value_name = "LIMIT")]
    limit: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct SetMode {
    /// The limit
    name: String,
    /// What it does; `reset` is what the configuration says
    mode: Mode,
}

#[derive(Debug, clap::Args)]
pub(super) struct Reset {
    /// A named limit; that of each caller when there is no name
    name: Option<String>,
}

/// The name of a limit, if there is one, and what it is to be.
fn read(words: &[String]) -> Result<(Option<&String>, Option<Rate>), RateError> {
    let whole = Rate::parse(&words.join(" "));
    match (&whole, words) {
        (Err(_), [name, rest @ ..]) if !rest.is_empty() => match Rate::parse(&rest.join(" ")) {
            Ok(rate) => Ok((Some(name), rate)),
            Err(_) => whole.map(|rate| (None, rate)),
        },
        _ => whole.map(|rate| (None, rate)),
    }
}

pub(super) fn run(command: &Command, globals: &Globals) -> anyhow::Result<()> {
    let client = Client::new(globals);
    let named = |name: &str| format!("/v1/limits/named/{}", client::encoded(name));
    let (answer, text): (_, fn(&Value) -> String) = match command {
        Command::Show => (client.get("/v1/limits")?, line),
        Command::List => (client.get("/v1/limits/named")?, table),
        Command::Set(Set { limit }) => {
            match read(limit).map_err(|error| Failure::new(Code::Usage, error))? {
                (None, rate) => {
                    let rate = rate
                        .map(|rate| json!({ "calls": rate.calls, "within": rate.within_text() }));
                    let body = json!({ "per_caller": rate });
                    (client.send(Method::PUT, "/v1/limits", &body)?, line)
                }
                (Some(name), rate) => {
                    let rate = rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string());
                    (client.send(Method::PUT, &named(name), &json!({ "rate": rate }))?, one)
                }
            }
        }
        Command::Mode(SetMode { name, mode }) => {
            let body = json!({ "mode": mode.as_str() });
            (client.send(Method::PUT, &named(name), &body)?, one)
        }
        Command::Reset(Reset { name: None }) => {
            (client.request(Method::DELETE, "/v1/limits", Bytes::new())?, line)
        }
        Command::Reset(Reset { name: Some(name) }) => {
            (client.request(Method::DELETE, &named(name), Bytes::new())?, one)
        }
    };
    if globals.json {
        return output::print_json(answer.bytes());
    }
    output::print(text(&answer.json()?))
}

fn line(limits: &Value) -> String {
    format!("{}\n", sentence(limits))
}

/// Limits with their names.
fn table(document: &Value) -> String {
    rows(items(&document["limits"]))
}

fn one(limit: &Value) -> String {
    rows(std::slice::from_ref(limit))
}

fn rows(limits: &[Value]) -> String {
    let columns = ["limit", "calls", "per", "callers", "mode", "set by"];
    let mut table = Table::new(&columns.map(|column| (column, Side::Left)));
    for limit in limits {
        let per: Vec<_> = items(&limit["per"]).iter().map(shown).collect();
        let rate = limit["rate"].as_str().unwrap_or("none").to_owned();
        let [name, callers, mode, set_by] =
            ["name", "callers", "mode", "set_by"].map(|key| shown(&limit[key]));
        table.row([name, rate, per.join(" "), callers, mode, set_by]);
    }
    table.text()
}

/// `10 calls per 1m for each caller (set by command)`
pub(super) fn sentence(limits: &Value) -> String {
    let rate = &limits["per_caller"];
    let by = format!("(set by {})", shown(&limits["set_by"]));
    if rate.is_null() {
        return format!("none {by}");
    }
    let calls = output::count(&rate["calls"], "call");
    format!("{calls} per {} for each caller {by}", shown(&rate["within"]))
}
