//! `ani limit`: how many calls each caller may make.

use hyper::{Method, body::Bytes};
use serde_json::{Value, json};

use super::{
    Globals,
    client::Client,
    exit::{Code, Failure},
    output::{self, shown},
};
use crate::config::Rate;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show the limit in force
    Show,
    /// Set a limit; it goes before the configuration's and survives a restart
    Set(Set),
    /// Forget the limit set by command; the configuration's holds again
    Reset,
}

#[derive(Debug, clap::Args)]
pub(super) struct Set {
    /// CALLS per TIME, such as `10 per 1m`, or `none`
    #[arg(required = true, value_name = "LIMIT")]
    limit: Vec<String>,
}

pub(super) fn run(command: &Command, globals: &Globals) -> anyhow::Result<()> {
    let client = Client::new(globals);
    let answer = match command {
        Command::Show => client.get("/v1/limits")?,
        Command::Set(Set { limit }) => {
            let rate = Rate::parse(&limit.join(" "))
                .map_err(|error| Failure::new(Code::Usage, error))?
                .map(|rate| json!({ "calls": rate.calls, "within": rate.within_text() }));
            client.send(Method::PUT, "/v1/limits", &json!({ "per_caller": rate }))?
        }
        Command::Reset => client.request(Method::DELETE, "/v1/limits", Bytes::new())?,
    };
    if globals.json {
        return output::print_json(answer.bytes());
    }
    output::print(format!("{}\n", sentence(&answer.json()?)))
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
