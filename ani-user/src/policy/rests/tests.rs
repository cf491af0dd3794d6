//! A rest outlasts every other change, and ends as what was meant meanwhile.

use ani_ebpf::abi::list::Action;

use super::*;
use crate::policy::{ALLOW, BLOCK};

/// What is written, last; it fails as often as it says.
#[derive(Default)]
struct Written {
    rules: Mutex<Vec<(u8, Rule)>>,
    limits: Mutex<Vec<Limit>>,
    writes: Mutex<usize>,
    failing: Mutex<bool>,
}

impl Written {
    fn write(&self) -> anyhow::Result<()> {
        *self.writes.lock().expect("lock") += 1;
        anyhow::ensure!(!*self.failing.lock().expect("lock"), "the map is gone");
        Ok(())
    }

    fn rule(&self, id: u8) -> Option<Rule> {
        let rules = self.rules.lock().expect("lock");
        rules.iter().rev().find(|(list, _)| *list == id).map(|(_, rule)| *rule)
    }

    fn observed(&self) -> Vec<u8> {
        self.limits.lock().expect("lock").iter().map(|limit| limit.observed).collect()
    }

    fn writes(&self) -> usize {
        *self.writes.lock().expect("lock")
    }

    fn fail(&self, fails: bool) {
        *self.failing.lock().expect("lock") = fails;
    }
}

impl Enforce for Written {
    fn set_rules(&self, rules: &[(u8, Rule)]) -> anyhow::Result<()> {
        self.write()?;
        self.rules.lock().expect("lock").extend(rules);
        Ok(())
    }

    fn list(&self, _: &[Listing]) -> anyhow::Result<()> {
        unreachable!("no list is changed")
    }

    fn unlist(&self, _: &[Listing]) -> anyhow::Result<()> {
        unreachable!("no list is changed")
    }

    fn relist(&self, _: &mut dyn Iterator<Item = anyhow::Result<Listing>>) -> anyhow::Result<()> {
        unreachable!("no list is changed")
    }

    fn set_limits(&self, limits: &[Limit]) -> anyhow::Result<()> {
        self.write()?;
        *self.limits.lock().expect("lock") = limits.to_vec();
        Ok(())
    }

    fn find(&self, _call: &Spender, _now: Timestamp) -> Option<Found> {
        None
    }

    fn settle(&self, _call: &Held<'_>, _now: Timestamp) -> anyhow::Result<Settled> {
        unreachable!("no call is held")
    }

    fn counters(&self) -> anyhow::Result<Counters> {
        Ok(Counters::ZERO)
    }

    fn interfaces(&self) -> Vec<Interface> {
        Vec::new()
    }
}

const FEED: u8 = 9;
const STOPS: Rule = Rule::new(Action::Block, false);
const OBSERVES: Rule = Rule::new(Action::Block, true);

fn limit(id: u8) -> Limit {
    Limit { id, interval_ns: 1, ..Limit::NONE }
}

fn rests() -> (Arc<Written>, Rests) {
    let written = Arc::new(Written::default());
    (Arc::clone(&written), Rests::new(written))
}

fn rest(rests: &Rests, stoppers: &[Stopper]) -> anyhow::Result<()> {
    rests.rest(|| stoppers.iter().copied().collect())
}

#[test]
fn other_changes_keep_a_rest_and_its_end_is_what_is_meant_by_then() {
    let (written, rests) = rests();
    rests.set_limits(&[limit(1), limit(2)]).expect("written");
    let resting = [Stopper::List(BLOCK), Stopper::List(FEED), Stopper::Limit(2)];
    rest(&rests, &resting).expect("written");
    assert_eq!(written.rule(BLOCK), Some(OBSERVES));
    assert_eq!(written.rule(FEED), Some(Rule::NONE), "there is none of this id yet");
    assert_eq!(written.observed(), [0, 1]);

    rests.set_rules(&[(BLOCK, STOPS), (FEED, STOPS), (ALLOW, Rule::NONE)]).expect("written");
    rests.set_limits(&[limit(2), limit(3)]).expect("written");
    assert_eq!(written.rule(BLOCK), Some(OBSERVES));
    assert_eq!(written.rule(FEED), Some(OBSERVES));
    assert_eq!(written.rule(ALLOW), Some(Rule::NONE));
    assert_eq!(written.observed(), [1, 0]);

    rest(&rests, &[Stopper::List(BLOCK)]).expect("written");
    assert_eq!(written.rule(BLOCK), Some(OBSERVES));
    assert_eq!(written.rule(FEED), Some(STOPS));
    assert_eq!(written.observed(), [0, 0]);

    // What is meant to observe does so after the rest too.
    rests.set_rules(&[(BLOCK, OBSERVES)]).expect("written");
    rest(&rests, &[]).expect("written");
    assert_eq!(written.rule(BLOCK), Some(OBSERVES));
}

#[test]
fn what_is_in_force_is_not_written_again() {
    let (written, rests) = rests();
    rest(&rests, &[]).expect("nothing to write");
    assert_eq!(written.writes(), 0);
    rest(&rests, &[Stopper::List(BLOCK)]).expect("written");
    rest(&rests, &[Stopper::List(BLOCK)]).expect("nothing to write");
    assert_eq!(written.writes(), 1);
}

#[test]
fn a_rest_that_the_kernel_refused_is_tried_again() {
    let (written, rests) = rests();
    written.fail(true);
    rest(&rests, &[Stopper::List(BLOCK)]).expect_err("refused");
    rests.set_rules(&[(FEED, STOPS)]).expect_err("refused");
    written.fail(false);
    rest(&rests, &[Stopper::List(BLOCK), Stopper::List(FEED)]).expect("written");
    assert_eq!(written.rule(BLOCK), Some(OBSERVES));
    assert_eq!(written.rule(FEED), Some(Rule::NONE), "it was never made");
}
