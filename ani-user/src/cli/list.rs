//! `ani block`, `ani allow`, `ani gray` and `ani list`: the lists.

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
use crate::{
    answer::Answer as Said,
    control::{MAX_IMPORT_BYTES, number},
};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Put numbers on the list; in force when the command returns
    Add(Add),
    /// Take numbers off the list
    #[command(alias = "remove")]
    Rm(Remove),
    /// Show the list, in the order of the numbers
    List(List),
    /// Put the numbers of a file on the list: one a line, or CSV; all or none
    Import(Import),
    /// Print the whole list as CSV, as `import` reads it
    Export(Export),
}

/// `ani list`
#[derive(Debug, clap::Args)]
pub(super) struct Lists {
    /// A list; all of them when there is no name
    #[arg(value_name = "NAME")]
    name: Option<String>,
    #[command(subcommand)]
    command: Option<ListsCommand>,
}

#[derive(Debug, clap::Subcommand)]
enum ListsCommand {
    #[command(flatten)]
    Entries(Command),
    /// Have a list act, or only tell what it would do; survives a restart
    Mode(SetMode),
}

#[derive(Debug, clap::Args)]
struct SetMode {
    /// The list
    name: String,
    /// What it does; `reset` is what the configuration says
    mode: Mode,
}

/// Whether a list or limit acts.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Mode {
    /// What it would do is only told
    Observe,
    /// It acts
    Enforce,
    /// As the configuration says
    Reset,
}

impl Mode {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
            Self::Reset => "reset",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Numbers with +, or with --country as they are dialled there; prefixes such as +1415555*; ranges
    /// such as +14155550000-+14155550999
    #[arg(required = true, value_name = "NUMBER")]
    numbers: Vec<String>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
struct How {
    /// For this long only, such as 30m, 1h or 7d
    #[arg(long, value_name = "TIME", value_parser = ttl)]
    ttl: Option<String>,
    /// Why, for whoever reads the list
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// What their calls are told: drop, or a SIP code such as 603 or '603 Network Blocked'; what the list
    /// says unless given
    #[arg(long, value_name = "CODE", value_parser = answer)]
    answer: Option<String>,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// ISO 3166 code of the country the numbers without + are dialled in
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// Only their calls over this trunk
    #[arg(long, value_name = "NAME")]
    trunk: Option<String>,
    /// Only their calls of these claimed attestations: A, B, C or none, or several such as 'B|C|none'
    #[arg(long, value_name = "LEVELS", value_parser = attestation)]
    attestation: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// Numbers, prefixes and ranges, as `add` takes them
    #[arg(required = true, value_name = "NUMBER")]
    numbers: Vec<String>,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// How many
    #[arg(short, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    n: u16,
    /// Only those behind this one
    #[arg(long, value_name = "NUMBER")]
    after: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Import {
    /// The file; - for standard input
    file: PathBuf,
    #[command(flatten)]
    how: How,
    /// Make the file the whole list, in one step: what it does not name is taken off
    #[arg(long)]
    replace: bool,
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

fn answer(text: &str) -> Result<String, String> {
    text.parse::<Said>().map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn attestation(text: &str) -> Result<String, String> {
    number::attestations(text).map(|_| text.to_owned())
}

/// A slip in a number is wrong usage whether the daemon runs or not.
fn check(numbers: &[String], which: &Which) -> anyhow::Result<()> {
    let usage = |error: String| Failure::say(Code::Usage, error);
    let country = number::country(which.country.as_deref()).map_err(usage)?;
    for text in numbers {
        number::span(text, country).map_err(usage)?;
    }
    Ok(())
}

/// `ani list`
pub(super) fn run_lists(Lists { name, command }: &Lists, globals: &Globals) -> anyhow::Result<()> {
    let client = Client::new(globals);
    let usage = |text: String| Err(Failure::say(Code::Usage, text));
    let (answer, text): (_, fn(&Value) -> String) = match (name, command) {
        (None, None) => (client.get("/v1/lists")?, overview),
        (Some(name), None) => {
            return run(name, &Command::List(List { n: 100, after: None }), globals);
        }
        (Some(name), Some(ListsCommand::Entries(command))) => return run(name, command, globals),
        (None, Some(ListsCommand::Mode(SetMode { name, mode }))) => {
            let path = format!("{}/mode", base(name));
            let body = json!({ "mode": mode.as_str() });
            (client.send(Method::PUT, &path, &body)?, mode_set)
        }
        (None, Some(ListsCommand::Entries(_))) => {
            return usage(
                "which list? write its name first, as in `ani list NAME add +14155551234`; `ani \
                 list` shows those there are"
                    .to_owned(),
            );
        }
        (Some(list), Some(ListsCommand::Mode(_))) => {
            return usage(format!("write `ani list mode {list} observe` or `enforce`"));
        }
    };
    if globals.json {
        return output::print_json(answer.bytes());
    }
    output::print(text(&answer.json()?))
}

fn base(list: &str) -> String {
    format!("/v1/lists/{}", client::encoded(list))
}

pub(super) fn run(list: &str, command: &Command, globals: &Globals) -> anyhow::Result<()> {
    let client = Client::new(globals);
    let path = base(list);
    let answer = match command {
        Command::Add(Add { numbers, how: How { ttl, reason, answer, which } }) => {
            check(numbers, which)?;
            let body = json!({
                "numbers": numbers,
                "ttl": ttl,
                "reason": reason,
                "country": which.country,
                "trunk": which.trunk,
                "attestation": which.attestation,
                "answer": answer,
            });
            client.send(Method::POST, &path, &body)?
        }
        Command::Rm(Remove { numbers, which }) => {
            check(numbers, which)?;
            let body = json!({
                "numbers": numbers,
                "country": which.country,
                "trunk": which.trunk,
                "attestation": which.attestation,
            });
            client.send(Method::DELETE, &path, &body)?
        }
        Command::List(List { n, after }) => {
            page(&client, &path, Some(n.to_string()), after.clone())?
        }
        Command::Import(Import { file, how: How { ttl, reason, answer, which }, replace }) => {
            check(&[], which)?;
            let parameters = [
                ("ttl", ttl.clone()),
                ("reason", reason.clone()),
                ("country", which.country.clone()),
                ("trunk", which.trunk.clone()),
                ("attestation", which.attestation.clone()),
                ("answer", answer.clone()),
                ("replace", replace.then(|| "true".to_owned())),
            ];
            let path = client::path(&format!("{path}/import"), &parameters);
            client.request(Method::POST, &path, Bytes::from(read(file)?))?
        }
        Command::Export(export) => return run_export(&path, export, &client, globals),
    };
    if globals.json {
        return output::print_json(answer.bytes());
    }
    let document = answer.json()?;
    output::print(match command {
        Command::Add(_) => added(list, &document),
        Command::Rm(_) => removed(&document),
        Command::List(_) => entries(&document),
        Command::Import(_) | Command::Export(_) => imported(&document),
    })
}

fn page(
    client: &Client,
    path: &str,
    n: Option<String>,
    after: Option<String>,
) -> anyhow::Result<Answer> {
    client.get(&client::path(path, &[("n", n), ("after", after)]))
}

fn run_export(
    path: &str,
    export: &Export,
    client: &Client,
    globals: &Globals,
) -> anyhow::Result<()> {
    let text = if globals.json {
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let mut document = page(client, path, None, after.take())?.json()?;
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
        client.get(&format!("{path}/export"))?.bytes().to_vec()
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

fn added(list: &str, document: &Value) -> String {
    let (key, done) = match list {
        "block" => ("blocked", "blocked"),
        "allow" => ("added", "allowed"),
        "gray" => ("added", "marked"),
        _ => ("added", "added"),
    };
    let mut text = String::new();
    for entry in items(&document[key]) {
        let until = match &entry["expires"] {
            Value::Null => String::new(),
            expires => format!(" until {} UTC", time(expires)),
        };
        let given = if entry["given"] == entry["number"] {
            String::new()
        } else {
            format!(" ({})", shown(&entry["given"]))
        };
        let scope = scope(entry);
        let told = match &entry["answer"] {
            Value::Null => String::new(),
            answer => format!(", answer {}", shown(answer)),
        };
        text.push_str(&format!("{done} {}{given}{scope}{until}{told}\n", shown(&entry["number"])));
        if entry["in_force"] == false {
            text.push_str(&format!(
                "  not in force: no trunk is named {}; name a [[trunk]] of the configuration\n",
                shown(&entry["trunk"])
            ));
        }
    }
    text
}

/// Which calls of an entry's numbers are meant: ` over trunk-a attested B|C`.
pub(super) fn scope(entry: &Value) -> String {
    let mut text = String::new();
    for (key, word) in [("trunk", "over"), ("attestation", "attested")] {
        if entry[key].is_string() {
            text.push_str(&format!(" {word} {}", shown(&entry[key])));
        }
    }
    text
}

/// All lists.
fn overview(document: &Value) -> String {
    let lists = items(&document["lists"]);
    let says = |list: &Value| list["answer"].as_str().is_some_and(|answer| answer != "drop");
    let answered = lists.iter().any(says);
    let mut columns = vec![
        ("list", Side::Left),
        ("action", Side::Left),
        ("mode", Side::Left),
        ("entries", Side::Right),
        ("decided", Side::Right),
        ("would have", Side::Right),
        ("file", Side::Left),
    ];
    if answered {
        columns.insert(3, ("answer", Side::Left));
    }
    let mut table = Table::new(&columns);
    for list in lists {
        let known = |key: &str| match &list[key] {
            Value::Null => String::new(),
            value => shown(value),
        };
        let mut row = vec![
            known("name"),
            known("action"),
            known("mode"),
            known("entries"),
            known("decided"),
            known("would_have"),
            known("file"),
        ];
        if answered {
            row.insert(3, known("answer"));
        }
        table.row(row);
    }
    table.text()
}

fn mode_set(list: &Value) -> String {
    format!("list {}: {}\n", shown(&list["name"]), shown(&list["mode"]))
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

fn entries(document: &Value) -> String {
    let mut columns = vec![
        ("number", Side::Left),
        ("added (UTC)", Side::Left),
        ("expires (UTC)", Side::Left),
        ("reason", Side::Left),
    ];
    let scopes: Vec<_> = items(&document["entries"]).iter().map(scope).collect();
    let scoped = scopes.iter().any(|scope| !scope.is_empty());
    if scoped {
        columns.insert(1, ("calls", Side::Left));
    }
    let answered = items(&document["entries"]).iter().any(|entry| entry["answer"].is_string());
    if answered {
        columns.push(("answer", Side::Left));
    }
    let mut table = Table::new(&columns);
    for (entry, scope) in items(&document["entries"]).iter().zip(scopes) {
        let mut row = vec![
            shown(&entry["number"]),
            time(&entry["added"]),
            time(&entry["expires"]),
            shown(&entry["reason"]),
        ];
        if scoped {
            row.insert(1, scope.trim().to_owned());
        }
        if answered {
            row.push(
                entry["answer"].as_str().map_or_else(String::new, |_| shown(&entry["answer"])),
            );
        }
        table.row(row);
    }
    let mut text = table.text();
    if let Some(next) = document["next"].as_str() {
        let total = count(&document["total"], "number");
        text.push_str(&format!("{total} in all; more with --after {}\n", quoted(next)));
    }
    text
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    if text.contains(';') { format!("'{}'", text.replace('\'', "'\\''")) } else { text.to_owned() }
}

fn imported(document: &Value) -> String {
    let mut text = format!(
        "imported {}: {} new, {} replaced",
        count(&document["read"], "number"),
        shown(&document["new"]),
        shown(&document["replaced"])
    );
    if document["removed"].is_u64() {
        text.push_str(&format!(", {} removed", shown(&document["removed"])));
    }
    if document["expired"].as_u64().is_some_and(|expired| expired > 0) {
        text.push_str(&format!(", {} left out as expired", shown(&document["expired"])));
    }
    text.push_str(&format!("; {} on the list\n", count(&document["total"], "number")));
    text
}
