//! What carries the rules out, but for lists and limits at rest: those only observe, whoever writes
//! the rules or the limits meanwhile.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ani_ebpf::{
    abi::{
        counter::Counters,
        limit::{Limit, Spender},
        list::{MAX_LISTS, Rule},
    },
    lists::Found,
};

use super::{
    Enforce, Holding, Interface, Listing,
    breaker::Stopper,
    settle::{Held, Settled},
};
use crate::time::Timestamp;

/// The rules and limits as they are meant, and what of them is at rest.
///
/// All writes of them go through here, so that none of them loses a rest or ends it.
pub struct Rests {
    inner: Arc<dyn Enforce>,
    meant: Mutex<Meant>,
}

struct Meant {
    rules: [Rule; MAX_LISTS],
    /// None until they were written once: then there are none in force either.
    limits: Option<Vec<Limit>>,
    /// At rest, in force.
    resting: BTreeSet<Stopper>,
}

impl Rests {
    /// Nothing is at rest, and the built-in rules are in force.
    pub fn new(inner: Arc<dyn Enforce>) -> Self {
        let rules = super::built_in_rules();
        let meant = Meant { rules, limits: None, resting: BTreeSet::new() };
        Self { inner, meant: Mutex::new(meant) }
    }

    /// Makes what `resting` says be at rest, and nothing else; it is asked when no other change is
    /// under way, and may not make one. Where that is so already, nothing is written.
    ///
    /// # Errors
    ///
    /// When it is not in force, or not all of it: to be called again.
    pub fn rest(&self, resting: impl FnOnce() -> BTreeSet<Stopper>) -> anyhow::Result<()> {
        let mut meant = self.meant();
        let resting = resting();
        let changed =
            |stopper: &&Stopper| meant.resting.contains(*stopper) != resting.contains(*stopper);
        let changed: BTreeSet<_> = meant.resting.union(&resting).filter(changed).copied().collect();
        let rules: Vec<_> = changed
            .iter()
            .filter_map(|stopper| match stopper {
                Stopper::List(id) => Some((*id, meant.rules[usize::from(*id)])),
                Stopper::Limit(_) => None,
            })
            .map(|(id, rule)| (id, laid(id, rule, &resting)))
            .collect();
        if !rules.is_empty() {
            self.inner.set_rules(&rules)?;
        }
        if changed.iter().any(|stopper| matches!(stopper, Stopper::Limit(_)))
            && let Some(limits) = &meant.limits
        {
            self.inner.set_limits(&eased(limits, &resting))?;
        }
        meant.resting = resting;
        Ok(())
    }

    fn meant(&self) -> MutexGuard<'_, Meant> {
        // No update has two steps.
        self.meant.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A list's rule as it is in force.
fn laid(id: u8, rule: Rule, resting: &BTreeSet<Stopper>) -> Rule {
    let at_rest = rule != Rule::NONE && resting.contains(&Stopper::List(id));
    if at_rest { Rule(rule.0 | Rule::OBSERVED) } else { rule }
}

/// The limits as they are in force.
fn eased(limits: &[Limit], resting: &BTreeSet<Stopper>) -> Vec<Limit> {
    let ease = |limit: &Limit| match resting.contains(&Stopper::Limit(limit.id)) {
        true => Limit { observed: 1, ..*limit },
        false => *limit,
    };
    limits.iter().map(ease).collect()
}

impl Enforce for Rests {
    fn set_rules(&self, rules: &[(u8, Rule)]) -> anyhow::Result<()> {
        let mut meant = self.meant();
        let laid: Vec<_> =
            rules.iter().map(|(id, rule)| (*id, laid(*id, *rule, &meant.resting))).collect();
        self.inner.set_rules(&laid)?;
        for (id, rule) in rules {
            meant.rules[usize::from(*id)] = *rule;
        }
        Ok(())
    }

    fn list(&self, listings: &[Listing]) -> anyhow::Result<()> {
        self.inner.list(listings)
    }

    fn unlist(&self, listings: &[Listing]) -> anyhow::Result<()> {
        self.inner.unlist(listings)
    }

    fn relist(
        &self,
        listings: &mut dyn Iterator<Item = anyhow::Result<Listing>>,
    ) -> anyhow::Result<()> {
        self.inner.relist(listings)
    }

    fn set_limits(&self, limits: &[Limit]) -> anyhow::Result<()> {
        let mut meant = self.meant();
        self.inner.set_limits(&eased(limits, &meant.resting))?;
        meant.limits = Some(limits.to_vec());
        Ok(())
    }

    fn find(&self, call: &Spender, now: Timestamp) -> Option<Found> {
        self.inner.find(call, now)
    }

    fn settle(&self, call: &Held<'_>, now: Timestamp) -> anyhow::Result<Settled> {
        self.inner.settle(call, now)
    }

    fn counters(&self) -> anyhow::Result<Counters> {
        self.inner.counters()
    }

    fn interfaces(&self) -> Vec<Interface> {
        self.inner.interfaces()
    }

    fn holding(&self) -> Holding {
        self.inner.holding()
    }
}

#[cfg(test)]
mod tests;
