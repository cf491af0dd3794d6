//! What of a profile's telling the XDP program reads: Identity, and `verstat` in its usual words. Carriers'
//! own headers are the full parser's alone.

use ani_ebpf::{
    abi::trunk::{MAX_VERSTAT_HEADERS, Telling as Compiled, Token},
    scan::{AniHeader, Attestation},
};

use super::token::{self, Verdict};
use crate::identity::profile::{Outcome, Place, Source, Telling};

/// Beginnings of names of parameters that the program takes for a level beside `verstat`.
const LEVELS: [&str; 2] = ["attest", "p-attest"];

/// A profile's telling as the program has it.
pub fn compiled(telling: &Telling) -> Compiled {
    let readable =
        |header: &AniHeader| !matches!(header, AniHeader::PDcsBillingInfo | AniHeader::Passport);
    let headers: Vec<_> = telling.verstat_headers.iter().copied().filter(readable).collect();
    let level = |name: &String| LEVELS.iter().any(|known| name.starts_with(known));
    let odd = !telling.level_parameters.iter().all(level);

    let mut bits = 0;
    if telling.sources.contains(&Source::Identity) {
        bits |= Compiled::IDENTITY;
    }
    if telling.sources.contains(&Source::Verstat)
        && !telling.verstat.is_empty()
        && !headers.is_empty()
    {
        bits |= Compiled::VERSTAT;
    }
    for place in &telling.verstat {
        bits |= match place {
            Place::User => Compiled::USER,
            Place::Uri => Compiled::URI,
            Place::Header => Compiled::HEADER,
        };
    }
    if odd {
        bits |= Compiled::ODD;
    }
    if headers.len() > MAX_VERSTAT_HEADERS as usize {
        bits |= Compiled::MORE;
    }
    let meanings = Token::ALL.map(|(_, word)| {
        let Verdict { outcome, level } = token::verdict(word.as_bytes(), &telling.tokens);
        match (outcome, level) {
            (Outcome::Failed, _) => Compiled::FAILED,
            (_, Some("A")) => Attestation::A as u32,
            (_, Some("B")) => Attestation::B as u32,
            (_, Some(_)) => Attestation::C as u32,
            (_, None) => Attestation::None as u32,
        }
    });
    Compiled::new(bits, &headers, meanings)
}
