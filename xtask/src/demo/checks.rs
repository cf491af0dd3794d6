//! What is expected and what was seen.

use std::{collections::BTreeMap, fmt};

use xtask::lab::sbc::Sbc;

/// User part of From of a caller who withholds his number (RFC 3323 §4.1.1.3).
pub(super) const ANONYMOUS: &str = "anonymous";

/// The INVITEs that reached the SBC, by caller.
pub(super) struct Seen(BTreeMap<String, usize>);

impl Seen {
    pub(super) fn by(sbc: &Sbc) -> anyhow::Result<Self> {
        Ok(Self(sbc.received_by_caller()?))
    }

    pub(super) fn of(&self, caller: &str) -> u64 {
        self.0.get(caller).map_or(0, |count| *count as u64)
    }

    pub(super) fn all(&self) -> u64 {
        self.0.values().map(|count| *count as u64).sum()
    }
}

/// Checks in the order they were made; shown as a table.
#[derive(Default)]
pub(super) struct Checks(Vec<Check>);

struct Check {
    what: String,
    expected: u64,
    /// None when there was nothing to be seen.
    seen: Option<u64>,
}

impl Checks {
    pub(super) fn equal(&mut self, what: &str, expected: u64, seen: impl Into<Option<u64>>) {
        self.0.push(Check { what: what.to_owned(), expected, seen: seen.into() });
    }

    pub(super) fn passed(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(Check::passed)
    }
}

impl Check {
    fn passed(&self) -> bool {
        self.seen == Some(self.expected)
    }
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for check in &self.0 {
            let seen = check.seen.map_or("nothing".to_owned(), |seen| seen.to_string());
            if check.passed() {
                writeln!(f, "  ok      {:<48} {seen}", check.what)?;
            } else {
                let Check { what, expected, .. } = check;
                writeln!(f, "  FAILED  {what:<48} expected {expected}, saw {seen}")?;
            }
        }
        let failed = self.0.iter().filter(|check| !check.passed()).count();
        match failed {
            0 => write!(f, "demo: all {} checks hold", self.0.len()),
            _ => write!(f, "demo: {failed} of {} checks failed", self.0.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told() {
        let mut checks = Checks::default();
        assert!(!checks.passed(), "nothing was checked");
        checks.equal("calls", 5, 5);
        assert!(checks.passed());
        checks.equal("drops", 7, 6);
        checks.equal("metric", 7, None);
        assert!(!checks.passed());
        let text = checks.to_string();
        assert!(text.contains("expected 7, saw 6"), "{text}");
        assert!(text.contains("expected 7, saw nothing"), "{text}");
        assert!(text.contains("2 of 3 checks failed"), "{text}");
    }
}
