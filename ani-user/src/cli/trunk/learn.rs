//! `ani trunk learn`: what sources send, and a trunk with a profile for each.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use serde_json::json;

use super::{
    captures, live, network,
    proposal::{self, Proposal},
};
use crate::{
    cli::{
        Globals,
        exit::{Code, Failure},
        output,
    },
    config::{Config, Trunk, countries::Country},
    control::number,
    identity::Profile,
    telemetry::{habits::Record, is_call},
};

/// Sources with a record of their own; a capture of a scan has millions.
const MAX_SOURCES: usize = 10_000;

/// Proposals that are printed; of the others it is said how many there are.
const MAX_SHOWN: usize = 20;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Capture files (pcap, pcapng), read in this order
    #[arg(value_name = "FILE", required_unless_present = "live", conflicts_with = "live")]
    files: Vec<PathBuf>,
    /// Learn from what the daemon sees for so long, such as 10m; Ctrl-C ends it early
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    live: Option<Duration>,
    /// Only what belongs to this trunk of the daemon's, taken for one
    #[arg(long, value_name = "NAME", requires = "live", conflicts_with = "files")]
    trunk: Option<String>,
    /// Only what comes from this network, taken for one trunk
    #[arg(long, value_name = "NET", value_parser = network)]
    source: Option<IpNet>,
    /// ISO 3166 code of the country whose national numbers the trunk sends, when you know it
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
}

pub(super) fn run(args: &Args, globals: &Globals) -> anyhow::Result<()> {
    let country = number::country(args.country.as_deref())
        .map_err(|error| Failure::say(Code::Usage, error))?;
    let mut sources =
        Sources { only: args.source, trunk: args.trunk.clone(), ..Sources::default() };
    if let Some(within) = args.live {
        let lesson = live::learn(within, args.source, args.trunk.as_deref(), globals)?;
        (sources.records, sources.beyond) = (lesson.records, lesson.beyond);
        if sources.records.is_empty() {
            return Err(Failure::say(Code::Failed, "no INVITE that starts a call came"));
        }
        return print(&sources.proposals(country)?, sources.beyond, globals);
    }
    let read = captures::each(&args.files, everywhere(country), &mut |invite| {
        if is_call(invite) {
            sources.record(invite.src.ip()).add(&invite.habits, invite.ts);
        }
    })?;
    if sources.records.is_empty() {
        read.whole()?;
        return Err(Failure::say(
            Code::Failed,
            match args.source {
                Some(source) => format!("no INVITE in it comes from {source}"),
                None => "no INVITE in it starts a call".to_owned(),
            },
        ));
    }
    print(&sources.proposals(country)?, sources.beyond, globals)?;
    read.whole()
}

/// Records by source.
#[derive(Default)]
struct Sources {
    only: Option<IpNet>,
    trunk: Option<String>,
    records: BTreeMap<IpAddr, Record>,
    /// INVITEs of sources beyond [`MAX_SOURCES`], or beyond those that the daemon takes.
    beyond: u64,
    /// What these are counted in, and those that are not asked for.
    rest: Record,
}

impl Sources {
    fn record(&mut self, source: IpAddr) -> &mut Record {
        if self.only.is_some_and(|only| !only.contains(&source)) {
            return &mut self.rest;
        }
        if self.records.len() >= MAX_SOURCES && !self.records.contains_key(&source) {
            self.beyond += 1;
            return &mut self.rest;
        }
        self.records.entry(source).or_default()
    }

    /// One for each source, the one with the most INVITEs first; one for all that were asked for.
    fn proposals(&self, country: Option<&'static Country>) -> anyhow::Result<Vec<Proposal>> {
        let profiles = crate::config::profiles::built_in()?;
        let propose = |source: IpNet, record: &Record| {
            let written = if source.prefix_len() == source.max_prefix_len() {
                source.addr().to_string()
            } else {
                source.to_string()
            };
            proposal::propose(&written, None, &[source], record, country, &profiles)
        };
        let mut all = Record::default();
        if self.only.is_some() || self.trunk.is_some() {
            self.records.values().for_each(|record| all.join(record));
        }
        if let Some(name) = &self.trunk {
            let seen: Vec<_> = self.records.keys().map(|source| IpNet::from(*source)).collect();
            let propose = proposal::propose(name, Some(name), &seen, &all, country, &profiles);
            return Ok(vec![propose]);
        }
        if let Some(only) = self.only {
            return Ok(vec![propose(only, &all)]);
        }
        let mut sources: Vec<_> = self.records.iter().collect();
        sources.sort_by_key(|(source, record)| (std::cmp::Reverse(record.invites), **source));
        Ok(sources.into_iter().map(|(source, record)| propose((*source).into(), record)).collect())
    }
}

/// What the pipeline reads by: everything is one trunk, of that country.
fn everywhere(country: Option<&'static Country>) -> Config {
    let config = Config::one_trunk();
    let of_country = |any: &Trunk| {
        Trunk::new(any.name.clone(), any.sources.clone(), Profile::generic(), country)
    };
    let trunks = config.trunks.iter().map(of_country).collect::<Vec<_>>();
    Config { trunks: trunks.into(), ..config }
}

/// As a configuration, or as JSON.
fn print(proposals: &[Proposal], beyond: u64, globals: &Globals) -> anyhow::Result<()> {
    if globals.json {
        let document = json!({ "proposals": proposals, "invites_beyond": beyond });
        return output::print_json(document.to_string().as_bytes());
    }
    let mut text = proposal::HEAD.to_owned();
    for proposal in proposals.iter().take(MAX_SHOWN) {
        text.push('\n');
        text.push_str(&proposal.toml);
    }
    if let Some(more) = proposals.len().checked_sub(MAX_SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!(
            "\n# {more} more sources sent fewer INVITEs: --source NET shows one, --json all.\n"
        ));
    }
    if beyond > 0 {
        text.push_str(&format!(
            "\n# {beyond} INVITEs of still other sources were not looked at: --source chooses.\n"
        ));
    }
    output::print(text)
}
