//! `ani inspect`: one message with every candidate, each step to the ANI, and all that is malformed.
//!
//! It goes through the very same pipeline as a live call.

/// From a file to the bytes of a message.
pub(super) mod input;
/// What people read.
mod people;
/// From the message to the ANI, one sentence a step.
mod steps;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use ipnet::{IpNet, Ipv4Net};
use serde_json::{Value, json};

use self::input::Input;
use super::{
    exit::{Code, Failure},
    load_config, output,
};
use crate::{
    capture::{Content, Frame, Reach, Transport},
    config::{Config, Numbered, Trunk},
    control::number,
    identity::profile::GENERIC,
    pipeline::{Pipeline, Verifier},
    policy::memory::Memory,
    sip::Fault,
    time::Timestamp,
};

/// Name of the trunk of a message whose trunk is not named.
const ANY: &str = "any";

/// Read one SIP message and show who calls, why, and what is wrong with it
///
/// A message as it stood on the wire, or as people paste it, with lines that end in LF alone. Without
/// a profile it is read as that of a carrier that keeps to the standards, and only numbers with a +
/// are E.164.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// File with one message; - for standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Profile it is read by: a built-in one, or one of the configuration
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// ISO 3166 code of the country the numbers without + are dialled in
    #[arg(long, value_name = "CODE")]
    pub country: Option<String>,

    /// Configuration whose profiles and trunks can be named
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Trunk of the configuration that it came from
    #[arg(
        long,
        value_name = "NAME",
        requires = "config",
        conflicts_with_all = ["profile", "country"]
    )]
    pub trunk: Option<String>,

    /// Read it as one from no configured trunk: only From is believed
    #[arg(long, conflicts_with_all = ["profile", "country", "trunk"])]
    pub untrusted: bool,
}

/// Reads the message to standard output.
pub(super) fn run(args: &Args, json: bool) -> anyhow::Result<()> {
    let config = configured(args)?;
    let input = Input::read(&args.file)?;
    let Some(mut record) = record(&input.message, config.clone()) else {
        let what = input::what(&input.message);
        anyhow::bail!("{}: not an INVITE: {what}", input::name(&args.file));
    };
    if input.lf_only {
        add_bare_lf(&mut record);
    }
    if json {
        return output::print(format!("{record}\n"));
    }
    output::print(people::text(&record, &input, config.trunks.first()))
}

/// One message as `ani replay --json` shows it, with `steps`. What is known of a captured message
/// only, such as its source, is null. None for anything but an INVITE.
///
/// It comes from the first trunk of the configuration, whose sources do not matter; without one, from
/// no trunk.
pub fn record(message: &[u8], config: Config) -> Option<Value> {
    record_by(message, config, None)
}

/// The same, and its signatures are put before somebody.
pub fn record_by(
    message: &[u8],
    mut config: Config,
    verifier: Option<Box<dyn Verifier>>,
) -> Option<Value> {
    let first = config.trunks.into_items().into_iter().next();
    let first = first.map(|trunk| Trunk { sources: vec![IpNet::V4(Ipv4Net::default())], ..trunk });
    config.trunks = Vec::from_iter(first).into();
    let config = Arc::new(config);
    let rules = Arc::new(Memory::new(&config));
    let mut pipeline = Pipeline::new(Arc::clone(&config), rules, Arc::default());
    if let Some(verifier) = verifier {
        pipeline = pipeline.verifying(verifier);
    }
    let endpoint = SocketAddr::from(([0, 0, 0, 0], 0));
    let frame = Frame {
        number: 1,
        arrived: Timestamp(0),
        content: Content::Message {
            src: endpoint,
            dst: endpoint,
            transport: Transport::Udp,
            bytes: message,
        },
        reach: Reach::Answer,
        kernel: None,
    };
    let mut record = None;
    pipeline.frame(&frame, &mut |invite| record = serde_json::to_value(invite).ok());
    let mut record = record?;
    for way in
        ["frame", "ts", "src", "dst", "transport", "reach", "vlan", "fragments", "retransmission"]
    {
        record[way] = Value::Null;
    }
    record["steps"] = json!(steps::all(&record, config.trunks.first()));
    Some(record)
}

/// A configuration with one trunk, or with none for an untrusted message.
pub(super) fn configured(args: &Args) -> anyhow::Result<Config> {
    let usage = |message: String| Failure::say(Code::Usage, message);
    let mut config = match &args.config {
        Some(path) => load_config(path)?,
        None => Config::default(),
    };
    if args.untrusted {
        config.trunks = Numbered::default();
        return Ok(config);
    }
    if let Some(wanted) = &args.trunk {
        let Some(trunk) = config.trunks.iter().find(|trunk| trunk.name == *wanted) else {
            let names: Vec<_> = config.trunks.iter().map(|trunk| trunk.name.clone()).collect();
            return Err(usage(format!("there is no trunk `{wanted}`; {}", one_of(&names))));
        };
        config.trunks = vec![trunk.clone()].into();
        return Ok(config);
    }
    if args.config.is_some() && args.profile.is_none() {
        return Err(usage(
            "which trunk of the configuration did it come from? Name it with --trunk, or a \
             profile with --profile, or say --untrusted"
                .to_owned(),
        ));
    }
    let country = number::country(args.country.as_deref()).map_err(usage)?;
    let wanted = args.profile.as_deref().unwrap_or(GENERIC);
    let Some(profile) = config.profiles.iter().find(|profile| profile.name == wanted) else {
        let names: Vec<_> = config.profiles.iter().map(|profile| profile.name.clone()).collect();
        return Err(usage(format!("there is no profile `{wanted}`; {}", one_of(&names))));
    };
    config.trunks = vec![Trunk::new(ANY.to_owned(), Vec::new(), profile.clone(), country)].into();
    Ok(config)
}

fn one_of(names: &[String]) -> String {
    if names.is_empty() {
        return "the configuration has none".to_owned();
    }
    format!("write one of {}", names.join(", "))
}

/// Names what a file pasted with other line ends has lost, once.
fn add_bare_lf(record: &mut Value) {
    let word = Fault::BareLf.as_str();
    if let Some(malformed) = record["malformed"].as_array_mut()
        && !malformed.iter().any(|known| known == word)
    {
        malformed.push(word.into());
        malformed.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
    }
}

#[cfg(test)]
mod tests;
