//! How often each list and limit decided, what calls were refused for by their signatures, and how often
//! it would have been so, were it not only observed.

use std::sync::atomic::{AtomicU64, Ordering};

use ani_ebpf::abi::list::MAX_LISTS;

use crate::{capture::By, policy::breaker::Stopper, stir::Outcome};

/// A count for each id; that of id 0 stays at zero.
type Counts = [AtomicU64; MAX_LISTS];

/// The counts, by the kernel's ids; any thread adds.
#[derive(Debug)]
pub struct Spoken {
    lists: [Counts; 2],
    limits: [Counts; 2],
    /// By the numbers of what signatures came to.
    refusals: [[AtomicU64; Outcome::ALL.len()]; 2],
}

/// What a list or limit did with INVITEs, repeated ones left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Did {
    /// It decided, or marked the caller.
    Decided = 0,
    /// It would have.
    WouldHave = 1,
}

impl Spoken {
    /// Counts who spoke for or against an INVITE.
    pub fn count(&self, by: &By) {
        let counts = [
            (&self.lists[Did::Decided as usize], by.list),
            (&self.lists[Did::WouldHave as usize], by.observed_list),
            (&self.limits[Did::Decided as usize], by.limit),
            (&self.limits[Did::WouldHave as usize], by.observed_limit),
        ];
        for (counts, id) in counts {
            if let (Some(count), 1..) = (counts.get(usize::from(id)), id) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts a call that was refused for what its signature came to, or would have been.
    pub fn refusal(&self, outcome: Outcome, did: Did) {
        if let Some(count) = self.refusals[did as usize].get(outcome as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// For what calls were refused, or would have been, and how often.
    pub fn refusals(&self, did: Did) -> impl Iterator<Item = (Outcome, u64)> {
        let counts = self.refusals[did as usize].iter().map(|count| count.load(Ordering::Relaxed));
        Outcome::ALL.iter().copied().zip(counts).filter(|(_, count)| *count > 0)
    }

    /// Counts anew for a list or limit: of that number there is another one now, or none.
    pub fn forget(&self, who: Stopper) {
        let (counts, id) = match who {
            Stopper::List(id) => (&self.lists, id),
            Stopper::Limit(id) => (&self.limits, id),
        };
        for count in counts.iter().filter_map(|counts| counts.get(usize::from(id))) {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// How often a list or limit did that.
    pub fn value(&self, who: Stopper, did: Did) -> u64 {
        let (counts, id) = match who {
            Stopper::List(id) => (&self.lists, id),
            Stopper::Limit(id) => (&self.limits, id),
        };
        counts[did as usize].get(usize::from(id)).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

impl Default for Spoken {
    fn default() -> Self {
        let none = || [const { AtomicU64::new(0) }; MAX_LISTS];
        let refusals = || [const { AtomicU64::new(0) }; Outcome::ALL.len()];
        Self {
            lists: [none(), none()],
            limits: [none(), none()],
            refusals: [refusals(), refusals()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_for_what_it_did() {
        let spoken = Spoken::default();
        let by = By { list: 4, ranged: true, limit: 1, observed_list: 255, observed_limit: 2 };
        spoken.count(&by);
        spoken.count(&By { list: 4, ..By::default() });
        for (who, did, count) in [
            (Stopper::List(4), Did::Decided, 2),
            (Stopper::List(4), Did::WouldHave, 0),
            (Stopper::List(255), Did::WouldHave, 1),
            (Stopper::Limit(1), Did::Decided, 1),
            (Stopper::Limit(2), Did::WouldHave, 1),
            (Stopper::List(0), Did::Decided, 0),
            (Stopper::Limit(0), Did::WouldHave, 0),
        ] {
            assert_eq!(spoken.value(who, did), count, "{who:?} {did:?}");
        }
        spoken.refusal(Outcome::Stale, Did::WouldHave);
        assert_eq!(spoken.refusals(Did::WouldHave).collect::<Vec<_>>(), [(Outcome::Stale, 1)]);
        assert_eq!(spoken.refusals(Did::Decided).count(), 0);
        spoken.forget(Stopper::List(4));
        assert_eq!(spoken.value(Stopper::List(4), Did::Decided), 0);
        assert_eq!(spoken.value(Stopper::Limit(1), Did::Decided), 1);
    }
}
