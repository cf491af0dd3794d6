//! For which outcomes of its verification a trunk's call is refused.

use crate::stir::{Outcome, outcome::Class};

/// Word for all outcomes that say that a signature does not hold.
pub(super) const FAILED: &str = "failed";

/// Outcomes for which calls are refused; none unless the file says so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refuse {
    /// In the order of [`Outcome::ALL`]; each has a SIP code.
    outcomes: Vec<Outcome>,
    /// Whether it is only told for which calls it would have been.
    pub observed: bool,
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
        let mut wanted = [false; Outcome::ALL.len()];
        for word in words {
            let of = |outcome: &Outcome| match word {
                FAILED => outcome.class() == Class::Failed,
                word => outcome.as_str() == word && outcome.code().is_some(),
            };
            let mut known = false;
            for (wanted, outcome) in wanted.iter_mut().zip(Outcome::ALL) {
                known |= of(outcome);
                *wanted |= of(outcome);
            }
            if !known {
                return Err(word);
            }
        }
        let outcomes = Outcome::ALL.iter().zip(wanted).filter_map(|(one, is)| is.then_some(*one));
        Ok(Self { outcomes: outcomes.collect(), observed })
    }

    /// Whether no call is.
    pub const fn is_empty(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// Whether a call is for this outcome.
    pub fn is_for(&self, outcome: Outcome) -> bool {
        self.outcomes.contains(&outcome)
    }

    /// Whether calls with an Identity header have to wait for their verification.
    pub fn waits(&self) -> bool {
        !self.observed && self.outcomes.iter().any(|outcome| *outcome != Outcome::NoIdentity)
    }

    /// Whether calls without one are refused.
    pub fn wants_identity(&self) -> bool {
        !self.observed && self.is_for(Outcome::NoIdentity)
    }

    /// As words; [`FAILED`] for all of those.
    pub fn words(&self) -> Vec<&'static str> {
        let failed = |outcome: &Outcome| outcome.class() == Class::Failed;
        let all_failed = Outcome::ALL.iter().filter(|one| failed(one)).all(|one| self.is_for(*one));
        let others = self.outcomes.iter().filter(|one| !(all_failed && failed(one)));
        let first = (all_failed && !self.is_empty()).then_some(FAILED);
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
            let expected = outcome.class() == Class::Failed || *outcome == Outcome::NoIdentity;
            assert_eq!(refuse.is_for(*outcome), expected, "{}", outcome.as_str());
        }
        assert!(refuse.waits() && refuse.wants_identity());
        assert_eq!(refuse.words(), ["failed", "no-identity"]);

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
