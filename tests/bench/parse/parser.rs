//! The parser alone, beside other parsers.

use std::{fs, hint::black_box};

use ani_user::{
    config::Trunk,
    identity::{self, Profile},
    sip::{self, NameAddr},
};
use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::UsageWho;
use xtask::workspace;

use super::{
    messages::Messages,
    peers::{self, LIBRARIES},
    samples,
};
use crate::report::{Case, Report};

/// What an INVITE may take.
const MOST_NS: u64 = 400;

/// What the choice of the caller, with his number, may take on top.
const IDENTITY_NS: u64 = 150;

/// Times that all visits are read: some 800,000 messages.
const ROUNDS: u32 = 100;

/// The same for those that take ten times as long.
const PEER_ROUNDS: u32 = 10;

/// Measures the cases.
pub(super) fn run(report: &mut Report) -> Result<()> {
    let messages = Messages::write()?;
    let visits = u32::try_from(messages.visit_count())?;
    let timed = |rounds: u32, read: &mut dyn FnMut(&[u8]) -> Result<usize>| {
        samples(visits * rounds, UsageWho::RUSAGE_THREAD, || {
            for _ in 0..rounds {
                let mut found = 0;
                for message in messages.visits() {
                    found += read(black_box(message))?;
                }
                ensure!(found == messages.facts(), "facts were lost");
            }
            Ok(())
        })
    };
    let parser = timed(ROUNDS, &mut |message| {
        let invite = sip::invite(message, false);
        Ok(facts(black_box(invite.as_ref().context("no INVITE")?)))
    })?;
    let trunk = Trunk::new("carrier".to_owned(), Vec::new(), Profile::generic(), None);
    let identified = timed(ROUNDS, &mut |message| {
        let invite = sip::invite(message, false);
        let invite = black_box(invite.as_ref().context("no INVITE")?);
        let identity = identity::identify(invite, None, &trunk.reading());
        ensure!(!black_box(&identity).number.is_none(), "a number was lost");
        Ok(facts(invite))
    })?;
    let rsip = timed(PEER_ROUNDS, &mut peers::rsip_facts)?;
    let name = "SIP parser on an INVITE of 1,366 bytes";
    report.add(Case::at_most("parse", name, &parser, "rsip", &rsip, Some(MOST_NS)));

    let directory = workspace::root().join("target").join(format!("bench-{}", std::process::id()));
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot make {}", directory.display()))?;
    let beside: Result<()> = LIBRARIES.iter().try_for_each(|library| {
        let (baseline, peer) = match library.program(&directory, &messages)? {
            Some(program) => (
                library.name.to_owned(),
                samples(visits * PEER_ROUNDS, UsageWho::RUSAGE_CHILDREN, || {
                    program.run(PEER_ROUNDS)
                })?,
            ),
            None => (format!("{} is not installed", library.name), Vec::new()),
        };
        let name = format!("  the same beside {baseline}");
        report.add(Case::at_most("parse", &name, &parser, &baseline, &peer, None));
        Ok(())
    });
    let _ = fs::remove_dir_all(&directory);
    beside?;
    report.add(Case::against(
        "parse",
        "  the same, and the caller chosen",
        &identified,
        "the parser alone",
        &parser,
        Some(IDENTITY_NS),
    ));
    Ok(())
}

/// Bytes of the facts; see [`Messages::facts`].
fn facts(invite: &sip::Invite<'_>) -> usize {
    let user = |name: &NameAddr<'_>| name.uri.user.map_or(0, <[u8]>::len);
    let candidates = invite.p_asserted_identity.iter().chain(&invite.from).chain(&invite.to);
    candidates.map(user).sum::<usize>()
        + invite.call_id.map_or(0, <[u8]>::len)
        + invite.identity.iter().map(|identity| identity.len()).sum::<usize>()
}
