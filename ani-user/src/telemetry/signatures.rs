//! What came of verifying signatures, over all calls and by signer.

use std::sync::Arc;

use lru::LruCache;

use crate::{
    stir::{
        Class, Judgement, Outcome,
        skew::{self, Skew},
        wrong_clock::{self, WrongClock},
    },
    time::Timestamp,
};

/// Signers with counters of their own; the one seen longest ago gives way. There are some thousands of
/// service providers with a certificate.
pub const MAX_SIGNERS: usize = 10_000;

/// Bytes kept of a signer's name: an SPC has four, a certificate's subject what its owner likes.
const MAX_SIGNER: usize = 64;

/// Calls by what came of verifying them.
#[derive(Debug)]
pub(super) struct Signatures {
    outcomes: [u64; Outcome::ALL.len()],
    signers: LruCache<Arc<str>, Signer>,
    signers_evicted: u64,
    skew: Skew,
    wrong_clock: WrongClock,
    /// Whether a valid call came since the clock was set.
    agreed: bool,
}

/// What came of the calls that one signer signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Signer {
    /// Calls whose signature is valid.
    pub valid: u64,
    /// Calls whose signature is not.
    pub invalid: u64,
    /// Calls of which it could not be found out.
    pub unverified: u64,
}

impl Signer {
    /// All of them.
    pub const fn calls(&self) -> u64 {
        self.valid.saturating_add(self.invalid).saturating_add(self.unverified)
    }
}

/// What is known of all signatures.
#[derive(Clone, Debug)]
pub struct Verifications {
    /// Calls by outcome, those with any, in the order of [`Outcome::ALL`].
    pub outcomes: Vec<(Outcome, u64)>,
    /// The signers with the most calls, the one with the most first.
    pub signers: Vec<(Arc<str>, Signer)>,
    /// How many have counters.
    pub signers_tracked: usize,
    /// Signers that gave way to others.
    pub signers_evicted: u64,
    /// Median of arrival minus `iat`, seconds, and of how many calls; none before the first valid one.
    pub skew: Option<(f64, usize)>,
    /// How many seconds the clock is wrong by when most calls fail for that alone.
    pub wrong_clock: Option<f64>,
}

impl Signatures {
    pub(super) fn new() -> Self {
        Self {
            outcomes: [0; Outcome::ALL.len()],
            // Bounded in `add`: it grows as signers come.
            signers: LruCache::unbounded(),
            signers_evicted: 0,
            skew: Skew::default(),
            wrong_clock: WrongClock::default(),
            agreed: false,
        }
    }

    pub(super) fn clock_is_right(&self) -> bool {
        self.agreed && self.wrong_clock.seconds().is_none()
    }

    pub(super) fn clock_was_set(&mut self) {
        self.agreed = false;
    }

    /// Counts a call.
    pub(super) fn count(&mut self, outcome: Outcome) {
        if let Some(counter) = self.outcomes.get_mut(outcome as usize) {
            *counter = counter.saturating_add(1);
        }
    }

    /// Counts a call that arrived then, and its signer.
    pub(super) fn add(&mut self, arrived: Timestamp, judgement: &Judgement) {
        self.count(judgement.outcome);
        let class = judgement.outcome.class();
        if class == Class::Passed {
            let valid =
                judgement.passports.iter().find(|passport| passport.outcome == Outcome::Valid);
            if let Some(iat) = valid.and_then(|passport| passport.iat) {
                self.skew.add(arrived, iat);
                self.agreed = true;
                if let Some(signer) = valid.and_then(|passport| passport.signer.as_ref()) {
                    self.wrong_clock.add(arrived, signer, iat, true);
                }
            }
        } else {
            let mut passports = judgement.passports.iter();
            let held = passports.find_map(|it| Some((it.but_for_time.as_ref()?, it.iat?)));
            if let Some((signer, iat)) = held {
                self.wrong_clock.add(arrived, signer, iat, false);
            }
        }
        let Some(name) = judgement.signer.as_ref().filter(|name| name.len() <= MAX_SIGNER) else {
            return;
        };
        let signer = self.signers.get_or_insert_mut(Arc::clone(name), Signer::default);
        let counter = match class {
            Class::Passed => &mut signer.valid,
            Class::Failed => &mut signer.invalid,
            Class::Unable => &mut signer.unverified,
        };
        *counter = counter.saturating_add(1);
        if self.signers.len() > MAX_SIGNERS && self.signers.pop_lru().is_some() {
            self.signers_evicted = self.signers_evicted.saturating_add(1);
        }
    }

    /// All that is known, with at most so many signers.
    pub(super) fn all(&self, signers: usize) -> Verifications {
        let counted = Outcome::ALL.iter().zip(self.outcomes).filter(|(_, count)| *count > 0);
        let mut most: Vec<_> =
            self.signers.iter().map(|(name, signer)| (Arc::clone(name), *signer)).collect();
        most.sort_by(|(a_name, a), (b_name, b)| {
            b.calls().cmp(&a.calls()).then_with(|| a_name.cmp(b_name))
        });
        most.truncate(signers);
        Verifications {
            outcomes: counted.map(|(outcome, count)| (*outcome, count)).collect(),
            signers: most,
            signers_tracked: self.signers.len(),
            signers_evicted: self.signers_evicted,
            skew: self.skew.median().map(|median| (median, self.skew.samples())),
            wrong_clock: self.wrong_clock.seconds(),
        }
    }

    /// What somebody should be told of the clock: by valid calls, and by those that it fails.
    pub(super) fn notices(
        &mut self,
        now: Timestamp,
    ) -> (Option<skew::Notice>, Option<wrong_clock::Notice>) {
        (self.skew.notice(now), self.wrong_clock.notice(now))
    }
}
