//! `ani block`: the block list.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use hyper::{Method, body::Bytes};
use serde_json::{Value, json};

use super::{
    Globals,
    client::{self, Answer, Client},
    exit::{Code, Failure},
    output::{self, Side, Table, count, items, shown, time},
};
use crate::control::MAX_IMPORT_BYTES;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Block numbers; in force when the command returns
    Add(Add),
    /// Take numbers off the list
    #[command(alias = "remove")]
    Rm(Remove),
    /// Show the list, in the order of the numbers
    List(List),
    /// Block the numbers of a file: one a line, or CSV; all or none
    Import(Import),
    /// Print the whole list as CSV, as `import` reads it
    Export(Export),
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Numbers with +, or with --country as they are dialled there
    #[arg(required = true, value_name = "NUMBER")]
    numbers: Vec<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
struct How {
    /// Block for this long only, such as 30m, 1h or 7d
    #[arg(long, value_name = "TIME", value_parser = ttl)]
    ttl: Option<String>,
    /// Why, for whoever reads the list
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// ISO 3166 code of the country the numbers without + are dialled in
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// Numbers with +, or with --country as they are dialled there
    #[arg(required = true, value_name = "NUMBER")]
    numbers: Vec<String>,
    /// ISO 3166 code of the country the numbers without + are dialled in
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// How many
    #[arg(short, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    n: u16,
    /// Only those behind this number
    #[arg(long, value_name = "NUMBER")]
    after: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// The file; - for standard input
    file: PathBuf,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
pub(super) struct Export {
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Checked here so that a slip is wrong usage; the daemon gets it as it was written.
fn ttl(text: &str) -> Result<String, String> {
    match humantime::parse_duration(text) {
        Ok(span) if !span.is_zero() => Ok(text.to_owned()),
        _ => Err("write a span of time such as 30m, 1h or 7d".to_owned()),
    }
}

pub(super) fn run(command: &Command, globals: &Globals) -> anyhow::Result<()> {
    let client = Client::new(globals);
    let answer = match command {
        Command::Add(Add { numbers, how }) => {
            let body = json!({
                "numbers": numbers,
                "ttl": how.ttl,
                "reason": how.reason,
                "country": how.country,
            });
            client.send(Method::POST, "/v1/block", &body)?
        }
        Command::Rm(Remove { numbers, country }) => {
            let body = json!({ "numbers": numbers, "country": country });
            client.send(Method::DELETE, "/v1/block", &body)?
        }
        Command::List(List { n, after }) => page(&client, Some(n.to_string()), after.clone())?,
        Command::Import(Import { file, how }) => {
            let parameters = [
                ("ttl", how.ttl.clone()),
                ("reason", how.reason.clone()),
                ("country", how.country.clone()),
            ];
            let path = client::path("/v1/block/import", &parameters);
            client.request(Method::POST, &path, Bytes::from(read(file)?))?
        }
        Command::Export(export) => return run_export(export, &client, globals),
    };
    if globals.json {
        return output::print_json(answer.bytes());
    }
    let document = answer.json()?;
    output::print(match command {
        Command::Add(_) => added(&document),
        Command::Rm(_) => removed(&document),
        Command::List(_) => list(&document),
        Command::Import(_) | Command::Export(_) => imported(&document),
    })
}

fn page(client: &Client, n: Option<String>, after: Option<String>) -> anyhow::Result<Answer> {
    client.get(&client::path("/v1/block", &[("n", n), ("after", after)]))
}

fn run_export(export: &Export, client: &Client, globals: &Globals) -> anyhow::Result<()> {
    let text = if globals.json {
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let mut document = page(client, None, after.take())?.json()?;
            if let Value::Array(more) = document["entries"].take() {
                entries.extend(more);
            }
            match document["next"].as_str() {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        format!("{}\n", json!({ "entries": entries })).into_bytes()
    } else {
        client.get("/v1/block/export")?.bytes().to_vec()
    };
    match &export.output {
        Some(file) => {
            std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
        }
        None => output::print(text),
    }
}

/// A file to import, no larger than the daemon takes.
fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limit = MAX_IMPORT_BYTES as u64 + 1;
    let result = if file == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    result.map_err(|error| {
        let code = match error.kind() {
            io::ErrorKind::PermissionDenied => Code::NotPermitted,
            io::ErrorKind::NotFound => Code::Usage,
            _ => Code::Failed,
        };
        Failure::say(code, format_args!("cannot read {}: {error}", file.display()))
    })?;
    if bytes.len() > MAX_IMPORT_BYTES {
        return Err(Failure::say(
            Code::Usage,
            format_args!(
                "{} is larger than {} MiB: split it and import the parts",
                file.display(),
                MAX_IMPORT_BYTES >> 20
            ),
        ));
    }
    Ok(bytes)
}

fn added(document: &Value) -> String {
    let mut text = String::new();
    for entry in items(&document["blocked"]) {
        let until = match &entry["expires"] {
            Value::Null => String::new(),
            expires => format!(" until {} UTC", time(expires)),
        };
        let given = if entry["given"] == entry["number"] {
            String::new()
        } else {
            format!(" ({})", shown(&entry["given"]))
        };
        text.push_str(&format!("blocked {}{given}{until}\n", shown(&entry["number"])));
    }
    text
}

fn removed(document: &Value) -> String {
    let mut text = String::new();
    for (key, word) in [("removed", "removed"), ("not_listed", "not on the list:")] {
        for number in items(&document[key]) {
            text.push_str(&format!("{word} {}\n", shown(number)));
        }
    }
    text
}

fn list(document: &Value) -> String {
    let mut table = Table::new(&[
        ("number", Side::Left),
        ("added (UTC)", Side::Left),
        ("expires (UTC)", Side::Left),
        ("reason", Side::Left),
    ]);
    for entry in items(&document["entries"]) {
        table.row([
            shown(&entry["number"]),
            time(&entry["added"]),
            time(&entry["expires"]),
            shown(&entry["reason"]),
        ]);
    }
    let mut text = table.text();
    if let Some(next) = document["next"].as_str() {
        let total = count(&document["total"], "number");
        text.push_str(&format!("{total} in all; more with --after {next}\n"));
    }
    text
}

fn imported(document: &Value) -> String {
    let mut text = format!(
        "imported {}: {} new, {} replaced",
        count(&document["read"], "number"),
        shown(&document["new"]),
        shown(&document["replaced"])
    );
    if document["expired"].as_u64().is_some_and(|expired| expired > 0) {
        text.push_str(&format!(", {} left out as expired", shown(&document["expired"])));
    }
    text.push_str(&format!("; {} on the list\n", count(&document["total"], "number")));
    text
}
