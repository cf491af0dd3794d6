//! What the full parser makes of a message, and what must follow from that: written without the
//! scanner, so that the two can be held against each other.

use ani_ebpf::{
    abi::{
        counter::Counter,
        number::Number,
        record::{NO_TRUNK, RecordHeader},
    },
    scan::{Attestation, MIN_MESSAGE_LEN, NotPlain},
};
use ani_user::{
    config::Config,
    identity::{
        self, Identity, Passport, Reading,
        profile::{Outcome, Source},
    },
    sip::{self, Invite, NameAddr},
};

use crate::harness::{CONFIG, Run, config_of, number};

/// The namespaces no rule may stop (RFC 4412 §12, RFC 7135 §4).
const PRIORITY: [&str; 3] = ["esnet.", "ets.", "wps."];

/// Start of the claims `{"attest":"` in base64, and the letters that stand for the levels behind it.
const CLAIM: &str = "eyJhdHRlc3QiOiJ";
const LEVELS: [(Attestation, char, &str); 3] =
    [(Attestation::A, 'B', "A"), (Attestation::B, 'C', "B"), (Attestation::C, 'D', "C")];

/// The trunks, the block list, and nothing else: no limit, and each INVITE by itself.
pub(crate) struct Judge {
    config: Config,
    blocked: Vec<Number>,
}

impl Judge {
    /// For [`CONFIG`] and a block list.
    pub(crate) fn new(blocked: &[&str]) -> Self {
        Self::of(CONFIG, blocked)
    }

    /// For a configuration and a block list.
    pub(crate) fn of(config: &str, blocked: &[&str]) -> Self {
        let blocked = blocked.iter().map(|digits| number(digits)).collect();
        Self { config: config_of(config), blocked }
    }

    /// What must hold between what the program did and what the full parser reads; `Err` says in what
    /// they differ. `trunk` is that of the source, [`NO_TRUNK`] for a stranger.
    pub(crate) fn check(&self, run: &Run, trunk: u16, message: &[u8]) -> Result<(), String> {
        let parsed = sip::invite(message, false);
        let Some(record) = &run.record else {
            let expected = match run.exit {
                Counter::Keepalive => message.len() < MIN_MESSAGE_LEN as usize || parsed.is_none(),
                Counter::NotInvite => parsed.is_none(),
                _ => false,
            };
            return expected.then_some(()).ok_or_else(|| "an INVITE after all".to_owned());
        };
        let header = &record.header;
        same("trunk", header.trunk, trunk)?;
        let why = NotPlain::from_raw(header.not_plain);
        let Some(parsed) = parsed else {
            // What cannot be seen to its end, or is too odd to be sure, is left to the parser.
            let doubtful = [NotPlain::Window, NotPlain::LineEnd, NotPlain::RequestLine];
            return match why {
                Some(why) if doubtful.contains(&why) => Ok(()),
                _ if trunk == NO_TRUNK && why.is_none() => {
                    Err("no INVITE of a stranger's".to_owned())
                }
                _ => Err(format!("no INVITE after all, {why:?}")),
            };
        };
        if trunk == NO_TRUNK {
            return same("way out", run.exit, Counter::PassUntrusted);
        }
        if why.is_some() {
            same("caller", header.ani, Number::NONE)?;
            return same("way out", run.exit, Counter::PassNotPlain);
        }
        let reading = self.config.trunks.by_number(trunk).expect("a trunk").reading();
        let passport = Passport::read(&parsed);
        let identity = identity::identify(&parsed, passport.as_ref(), &reading);
        same("caller", header.ani, identity.number)?;
        let source = identity.source().map_or(0, |source| source as u8);
        same("header of the caller", header.ani_header, source)?;
        attestation(header, &parsed, passport.as_ref(), &reading)?;
        same("way out", run.exit, self.exit(&parsed, &identity))
    }

    /// The caller as the full parser reads him from a trunk's INVITE.
    pub(crate) fn caller(&self, trunk: u16, message: &[u8]) -> Option<Number> {
        let parsed = sip::invite(message, false)?;
        let untrusted = Reading::UNTRUSTED;
        let reading = self.config.trunks.by_number(trunk);
        let reading = reading.map_or(untrusted, |trunk| trunk.reading());
        let passport = Passport::read(&parsed);
        Some(identity::identify(&parsed, passport.as_ref(), &reading).number)
    }

    fn exit(&self, parsed: &Invite<'_>, identity: &Identity<'_>) -> Counter {
        if is_priority(parsed) || self.is_emergency(parsed) {
            Counter::PassPriority
        } else if parsed.to.as_ref().and_then(NameAddr::tag).is_some() {
            Counter::PassInDialog
        } else if identity.number.is_none() {
            Counter::PassNoAni
        } else if self.blocked.contains(&identity.number) {
            Counter::DropBlocked
        } else {
            Counter::Pass
        }
    }

    fn is_emergency(&self, parsed: &Invite<'_>) -> bool {
        let Some(user) = parsed.request.user else { return false };
        let digits = user.strip_prefix(b"+").unwrap_or(user);
        let dialled = Number::from_ascii(digits);
        dialled.is_some_and(|dialled| self.config.emergency.numbers.contains(&dialled))
    }
}

fn is_priority(parsed: &Invite<'_>) -> bool {
    let uri = parsed.request_uri.to_ascii_lowercase();
    if uri == b"urn:service:sos" || uri.starts_with(b"urn:service:sos.") {
        return true;
    }
    parsed.header(b"resource-priority").any(|value| {
        let value = String::from_utf8_lossy(value).to_ascii_lowercase();
        let mut namespaces = value.split(',').map(str::trim);
        namespaces.any(|value| PRIORITY.iter().any(|namespace| value.starts_with(namespace)))
    })
}

/// What the program says is claimed is what the full parser makes of Identity and `verstat`, where the
/// trunk's profile believes them; nothing clear is never more than that.
fn attestation(
    header: &RecordHeader,
    parsed: &Invite<'_>,
    passport: Option<&Passport>,
    reading: &Reading<'_>,
) -> Result<(), String> {
    let told = Attestation::from_raw(header.attestation);
    if told == Attestation::Unclear {
        return Ok(());
    }
    // Carriers' own headers are not the program's to read.
    let mut profile = reading.profile.clone();
    profile.telling.sources.retain(|source| *source != Source::Header);
    profile.telling.status_headers.clear();
    let signer = profile.telling.sources.contains(&Source::Identity);
    let identities = if signer { parsed.identity.len() } else { 0 };
    let full = identity::attestation(parsed, passport, &Reading { profile: &profile, ..*reading });
    let level = LEVELS.iter().find(|(level, ..)| *level == told);
    let failed = full.outcome == Outcome::Failed.as_str();
    if identities == 0 || failed {
        return same("level", level.map_or("none", |(.., level)| level), full.level);
    }
    let Some((.., level)) = level else {
        return same("Identity headers", 0, identities);
    };
    // Of a list in one header, the first is read.
    let claimed = parsed.identity.iter().any(|identity| {
        let text = String::from_utf8_lossy(identity);
        let token = text.split(';').next().unwrap_or_default();
        let claims = token.split('.').nth(1).unwrap_or_default();
        let claims_it = |letter| claims.starts_with(&format!("{CLAIM}{letter}"));
        LEVELS.iter().any(|(_, letter, claim)| claim <= level && claims_it(letter))
    });
    same("a claim that is no less", claimed, true)?;
    // A PASSporT that is broken behind its level has none to the parser.
    match passport.filter(|passport| passport.fault.is_none() && identities == 1) {
        Some(_) => same("level", *level, full.level),
        None => Ok(()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, kernel: T, parser: T) -> Result<(), String> {
    if kernel == parser {
        return Ok(());
    }
    Err(format!("{what}: the kernel says {kernel:?}, the parser {parser:?}"))
}
