//! `ani check-config`: reads a configuration file and says what is wrong with it.

use std::path::PathBuf;

use serde_json::json;

use super::{Globals, load_config, output};
use crate::config::{DEFAULT_FILE, SAMPLE};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file
    #[arg(default_value = DEFAULT_FILE)]
    file: PathBuf,
    /// Print a commented sample file with every key at its default
    #[arg(long, conflicts_with = "file")]
    sample: bool,
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    if args.sample {
        return output::print(SAMPLE);
    }
    let config = load_config(&args.file)?;
    let sources: usize = config.trunks.iter().map(|trunk| trunk.sources.len()).sum();
    let limit = config.limits.per_caller.map(|rate| rate.to_string());
    if globals.json {
        let document = json!({
            "file": args.file,
            "interfaces": config.capture.interfaces,
            "hep": config.capture.hep.listen,
            "trunks": config.trunks.len(),
            "sources": sources,
            "limit": limit,
        });
        return output::print(format!("{document}\n"));
    }
    let count = |count: usize, noun| output::count(&json!(count), noun);
    let mut text = format!(
        "{} can be used: {}, {}, {}, limit {}\n",
        args.file.display(),
        count(config.capture.interfaces.len(), "interface"),
        count(config.trunks.len(), "trunk"),
        count(sources, "source network"),
        limit.as_deref().unwrap_or("none"),
    );
    match config.capture.hep.listen {
        None if config.capture.interfaces.is_empty() => {
            text.push_str("`ani run` needs an interface: set capture.interfaces\n");
        }
        None => {}
        Some(address) => {
            let sources = count(config.capture.hep.sources.len(), "network");
            text.push_str(&format!("HEP is taken on {address} from {sources}\n"));
            if config.capture.interfaces.is_empty() {
                text.push_str("no interface is configured: calls are observed, none is stopped\n");
            }
        }
    }
    if config.trunks.is_empty() {
        text.push_str("no trunk is configured: every INVITE passes undecided\n");
    }
    output::print(text)
}
