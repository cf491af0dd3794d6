//! `ani trunk`: what trunks send, learned and watched.

/// Through captures, INVITE by INVITE.
mod captures;
/// `ani trunk learn`
mod learn;
/// What the daemon sees meanwhile.
mod live;
/// `ani trunk lint`
mod lint;
/// `ani trunk profiles`
mod profiles;
/// From what a source sends to a trunk and its profile.
mod proposal;

use ipnet::IpNet;

use super::Globals;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Propose a trunk and its profile for what a source sends, with the evidence
    ///
    /// Prints a configuration to look through: what was seen stands in it as comments, and so does
    /// what traffic cannot tell and the carrier has to be asked.
    Learn(learn::Args),
    /// Say which habits of a trunk changed and since when, and what does not go with its profile
    Lint(lint::Args),
    /// Print the built-in profiles as a configuration, or the one of that name
    Profiles(profiles::Args),
}

pub(super) fn run(command: &Command, globals: &Globals) -> anyhow::Result<()> {
    match command {
        Command::Learn(args) => learn::run(args, globals),
        Command::Lint(args) => lint::run(args, globals),
        Command::Profiles(args) => profiles::run(args, globals),
    }
}

/// A network, or an address as a network of one.
fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .map(|network| network.trunc())
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| "write an address or a network, such as 203.0.113.0/24".to_owned())
}
