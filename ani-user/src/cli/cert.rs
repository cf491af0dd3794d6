//! `ani cert`: the certificates that signatures are verified with.

use std::{
    fmt,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use hyper::{Method, body::Bytes};
use serde_json::{Value, json};

use super::{
    Globals,
    client::{self, Client},
    exit::{Code, Failure},
    output::{self, items, shown},
};
use crate::{control::MAX_URLS, stir::Trust};

/// Files: certificates, lists of URLs.
mod files;
/// Tables and the facts of a chain.
mod text;

const AFTER_HELP: &str = "\
A URL is https on port 443 or 8443, without query and fragment. Why one could not be fetched is said
in the words of `attestation.reason`.";

#[derive(Debug, clap::Subcommand)]
#[command(after_help = AFTER_HELP)]
pub(super) enum Command {
    /// Show the certificates at hand, those that could not be had, and why
    List(List),
    /// Show a certificate's chain: who, until when, for which numbers, and what is wrong with it
    Show(Show),
    /// Fetch certificates now, whatever is at hand; ends with 1 when one could not be had
    Prefetch(Prefetch),
    /// Put a certificate at hand until it is removed; in force when the command returns
    Add(Add),
    /// Forget certificates, and that one could not be had
    #[command(alias = "remove")]
    Rm(Remove),
}

#[derive(Debug, clap::Args)]
pub(super) struct List {
    /// Read this store instead of asking the daemon, such as /var/lib/ani
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Show {
    /// A URL that is known, or a file; - for standard input
    #[arg(value_name = "URL|FILE")]
    which: String,
    /// Read this store instead of asking the daemon, such as /var/lib/ani
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Trust anchors, for a file or a store: a folder or a file
    #[arg(long, value_name = "PATH")]
    anchors: Option<PathBuf>,
    /// Revocation lists, for a file or a store: a folder or a file
    #[arg(long, value_name = "PATH")]
    crls: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Prefetch {
    /// URLs, or files of URLs, one a line; - for standard input
    #[arg(required = true, value_name = "URL|FILE")]
    which: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Where signers say that it is
    url: String,
    /// The certificate and its chain, PEM or DER; - for standard input
    file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// Where signers say that they are
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
}

pub(super) fn run(command: &Command, globals: &Globals) -> anyhow::Result<()> {
    match command {
        Command::List(List { store: Some(store) }) => {
            let all: Vec<_> = files::stored(store)?.iter().map(files::entry).collect();
            print(&json!({ "certificates": all }), globals, text::list)
        }
        Command::List(List { store: None }) => {
            print(&Client::new(globals).get("/v1/certificates")?.json()?, globals, text::list)
        }
        Command::Show(args) => show(args, globals),
        Command::Prefetch(Prefetch { which }) => prefetch(which, globals),
        Command::Add(Add { url, file }) => {
            let path = client::path("/v1/certificates", &[("url", Some(url.clone()))]);
            let body = Bytes::from(files::certificate(file)?);
            let answer = Client::new(globals).request(Method::POST, &path, body)?.json()?;
            print(&answer, globals, |answer| {
                let word = if answer["replaced"] == true { "replaced" } else { "added" };
                format!("{word} {}\n", shown(&answer["url"]))
            })
        }
        Command::Rm(Remove { urls }) => {
            let body = json!({ "urls": urls });
            let answer =
                Client::new(globals).send(Method::DELETE, "/v1/certificates", &body)?.json()?;
            print(&answer, globals, text::removed)
        }
    }
}

fn show(args: &Show, globals: &Globals) -> anyhow::Result<()> {
    let Show { which, store, anchors, crls } = args;
    let trust = || {
        let trust = Trust::read(anchors.as_deref(), crls.as_deref());
        for warning in trust.warnings() {
            warn(warning);
        }
        trust
    };
    let shown = if !is_url(which) {
        files::facts(&files::certificate(Path::new(which))?, &trust()).map_err(|cause| {
            Failure::say(Code::Failed, format_args!("{}: {cause}", output::plain(which)))
        })?
    } else if let Some(store) = store {
        files::find(store, which, &trust())?
    } else {
        let path = client::path("/v1/certificates/show", &[("url", Some(which.clone()))]);
        Client::new(globals).get(&path)?.json()?
    };
    print(&shown, globals, text::show)
}

fn prefetch(which: &[String], globals: &Globals) -> anyhow::Result<()> {
    let mut urls = Vec::new();
    for one in which {
        if is_url(one) {
            urls.push(one.clone());
        } else {
            urls.extend(files::urls(Path::new(one))?);
        }
    }
    if urls.is_empty() {
        return Err(Failure::say(Code::Usage, "no URL in what was named; write one a line"));
    }
    let client = Client::new(globals);
    let mut fetched = Vec::new();
    for urls in urls.chunks(MAX_URLS) {
        let body = json!({ "urls": urls });
        let answer = client.send(Method::POST, "/v1/certificates/prefetch", &body)?.json()?;
        fetched.extend(items(&answer["fetched"]).iter().cloned());
    }
    let failed = fetched.iter().filter(|one| one["outcome"] != "valid").count();
    let all = fetched.len();
    print(&json!({ "fetched": fetched }), globals, text::fetched)?;
    if failed > 0 {
        let count = format_args!("{failed} of {all} certificates could not be fetched");
        return Err(Failure::say(Code::Failed, count));
    }
    Ok(())
}

/// A file may have any name but one that looks like this.
fn is_url(text: &str) -> bool {
    text.contains("://")
}

/// Says what is left out; the rest is done.
fn warn(what: impl fmt::Display) {
    // Where standard error is closed nobody listens.
    let _ = writeln!(io::stderr(), "ani: {}", output::plain(&what.to_string()));
}

fn print(
    document: &Value,
    globals: &Globals,
    text: impl FnOnce(&Value) -> String,
) -> anyhow::Result<()> {
    if globals.json {
        return output::print_json(document.to_string().as_bytes());
    }
    output::print(text(document))
}
