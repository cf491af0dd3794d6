//! `ani reload`: has the daemon read its configuration again.

use std::fmt::Write as _;

use hyper::{Method, body::Bytes};
use serde_json::Value;

use super::{
    Globals,
    client::Client,
    output::{self, items, shown},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Say what a reload would change, and change nothing
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let method = if args.check { Method::GET } else { Method::POST };
    let answer = Client::new(globals).request(method, "/v1/reload", Bytes::new())?;
    if globals.json {
        return output::print_json(answer.bytes());
    }
    output::print(text(&answer.json()?))
}

fn text(reloaded: &Value) -> String {
    let lines = items(&reloaded["lines"]);
    let mut text: String = lines.iter().map(|line| shown(line) + "\n").collect();
    let file = shown(&reloaded["file"]);
    let restart = items(&reloaded["changes"]).iter().any(|change| change["restart"] == true);
    let end = match (reloaded["taken"] == true, lines.is_empty()) {
        (_, true) => format!("nothing changed: {file} says what is in force"),
        (true, false) if restart => format!("{file} is in force, but for what needs a restart"),
        (true, false) => format!("{file} is in force"),
        (false, false) => "nothing was taken: `ani reload` without --check takes it".to_owned(),
    };
    // Writing to text cannot fail.
    let _ = writeln!(text, "{end}");
    text
}
