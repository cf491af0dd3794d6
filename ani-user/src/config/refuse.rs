//! For which outcomes of its verification a trunk's call is refused.

use crate::stir::{Outcome, outcome::Class};

/// Word for all outcomes that say that a signature does not hold. [`Outcome::Replayed`] is none of them: a
/// carrier that tries again under another Call-ID sends the same one.
const FAILED: &str = "failed";

/// Outcomes for which calls are refused; none unless the file says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refuse {
    /// A bit for each, by its number; each has a SIP code.
    outcomes: u128,
    /// Whether it is only told for which calls it would have been.
    pub observed: bool,
}

const _: () = assert!(Outcome::ALL.len() <= u128::BITS as usize);

const fn bit(outcome: Outcome) -> u128 {
    1 << outcome as u32
}

fn is_failed(outcome: Outcome) -> bool {
    outcome.class() == Class::Failed && outcome != Outcome::Replayed
}

impl Refuse {
    /// For these words: [`FAILED`], or those of outcomes that have a SIP code.
    ///
    /// # Errors
    ///
    /// The first that is neither.
    pub fn new<'a>(
        words: impl IntoIterator<Item = &'a str>,
        observed: bool,
    ) -> Result<Self, &'a str> {
        let mut outcomes = 0;
        for word in words {
            let of = |outcome: &Outcome| match word {
                FAILED => is_failed(*outcome),
                word => outcome.as_str() == word && outcome.code().is_some(),
            };
            let wanted = Outcome::ALL.iter().copied().filter(of).fold(0, |all, one| all | bit(one));
            if wanted == 0 {
                return Err(word);
            }
            outcomes |= wanted;
        }
        Ok(Self { outcomes, observed })
    }

    /// Whether no call is.
    pub const fn is_empty(self) -> bool {
        self.outcomes == 0
    }

    /// Whether a call is for this outcome.
    pub const fn is_for(self, outcome: Outcome) -> bool {
        self.outcomes & bit(outcome) != 0
    }

    /// Whether a call is stopped for one.
    pub const fn is_in_force(self) -> bool {
        !self.observed && !self.is_empty()
    }

    /// Whether calls with an Identity header have to wait for their verification.
    pub const fn waits(self) -> bool {
        !self.observed && self.outcomes & !bit(Outcome::NoIdentity) != 0
    }

    /// Whether calls without one are refused.
    pub const fn wants_identity(self) -> bool {
        !self.observed && self.is_for(Outcome::NoIdentity)
    }

    /// As words; [`FAILED`] for all of those.
    pub fn words(self) -> Vec<&'static str> {
        let failed = Outcome::ALL.iter().copied().filter(|one| is_failed(*one));
        let all_failed = failed.clone().all(|one| self.is_for(one));
        let others = Outcome::ALL.iter().filter(|one| self.is_for(**one));
        let others = others.filter(|one| !(all_failed && is_failed(**one)));
        let first = all_failed.then_some(FAILED);
        first.into_iter().chain(others.map(|outcome| outcome.as_str())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_for_what_its_words_say() {
        let refuse = Refuse::new(["failed", "no-identity"], false).expect("known words");
        for outcome in Outcome::ALL {
            let failed = outcome.class() == Class::Failed && *outcome != Outcome::Replayed;
            let expected = failed || *outcome == Outcome::NoIdentity;
            assert_eq!(refuse.is_for(*outcome), expected, "{}", outcome.as_str());
        }
        assert!(refuse.waits() && refuse.wants_identity());
        assert_eq!(refuse.words(), ["failed", "no-identity"]);

        let all = Refuse::new(["replayed", "failed"], false).expect("known words");
        assert_eq!(all.words(), ["failed", "replayed"]);
        let stale = Refuse::new(["stale", "fetch-timeout", "stale"], false).expect("known words");
        assert_eq!(stale.words(), ["stale", "fetch-timeout"]);
        assert!(stale.is_for(Outcome::Stale) && !stale.is_for(Outcome::Future));
        assert!(stale.waits() && !stale.wants_identity());

        let unsigned = Refuse::new(["no-identity"], false).expect("a known word");
        assert!(!unsigned.waits() && unsigned.wants_identity());
        let observed = Refuse::new(["failed", "no-identity"], true).expect("known words");
        assert!(!observed.waits() && !observed.wants_identity() && !observed.is_empty());
        assert!(Refuse::default().is_empty() && Refuse::default().words().is_empty());
    }

    #[test]
    fn nobody_is_refused_for_a_trouble_of_ours() {
        for word in
            ["valid", "pending", "pool-full", "off", "no-anchors", "cut-short", "unable", ""]
        {
            assert_eq!(Refuse::new(["failed", word], false), Err(word));
        }
    }
}
