//! Changes, and what is none, under a clock made here.

use proptest::prelude::*;

use super::*;
use crate::telemetry::habits::TRAITS;

/// A trunk and its clock.
#[derive(Default)]
struct Rig {
    watch: Watch,
    now: Timestamp,
}

impl Rig {
    /// So many INVITEs, a span apart; returns the time of the first.
    fn send(&mut self, count: u32, apart: Duration, traits: &[Trait]) -> Timestamp {
        let first = self.now.after(apart);
        for _ in 0..count {
            self.now = self.now.after(apart);
            self.watch.add(set(traits), self.now);
        }
        first
    }

    fn found(&self) -> Vec<(Trait, u32, u32)> {
        let shares = |f: &Finding| (f.habit, f.from.hundredths(), f.to.hundredths());
        self.watch.findings().iter().map(shares).collect()
    }
}

fn set(traits: &[Trait]) -> Traits {
    let mut set = Traits::NONE;
    traits.iter().for_each(|habit| set.add(*habit));
    set
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

const ASSERTED: &[Trait] = &[Trait::Asserted, Trait::AssertedPlus, Trait::FromPlus];
const VERSTAT_URI: &[Trait] =
    &[Trait::Asserted, Trait::AssertedPlus, Trait::Verstat, Trait::AssertedVerstatUri];
const VERSTAT_USER: &[Trait] =
    &[Trait::Asserted, Trait::AssertedPlus, Trait::Verstat, Trait::AssertedVerstatUser];
const NATIONAL: &[Trait] = &[Trait::Asserted, Trait::AssertedTen, Trait::Bare, Trait::BareNanp];

#[test]
fn a_trunk_that_stops_sending_an_asserted_identity() {
    let mut rig = Rig::default();
    rig.send(220, SECOND, ASSERTED);
    assert_eq!(rig.found(), []);
    // In the middle of a block.
    let stopped = rig.send(79, SECOND, &[Trait::FromPlus]);
    assert_eq!(rig.found(), [], "the block it began in tells of it, and one is not enough");
    rig.send(1, SECOND, &[Trait::FromPlus]);
    assert_eq!(rig.found(), [(Trait::Asserted, 100, 0)]);
    let [finding] = rig.watch.findings() else { panic!("one") };
    assert_eq!((finding.since, finding.until), (stopped, None));
    assert_eq!(finding.from, Share { had: 200, of: 200 });
    assert_eq!((finding.to, rig.watch.changes), (Share { had: 0, of: 50 }, 1));
    rig.send(50, SECOND, &[Trait::FromPlus]);
    assert_eq!(rig.watch.findings()[0].to.of, 100, "and it goes on being counted");
    assert_eq!(rig.watch.of_late(Trait::Asserted).hundredths(), 0);

    // It comes back: the finding ends, and there is no other.
    let back = rig.send(150, SECOND, ASSERTED);
    let [finding] = rig.watch.findings() else { panic!("one") };
    assert_eq!((finding.until, rig.watch.changes), (Some(back), 1));
    // And goes again.
    rig.send(100, SECOND, &[Trait::FromPlus]);
    assert_eq!(rig.watch.findings().len(), 2);
}

#[test]
fn a_trunk_that_moves_verstat() {
    let mut rig = Rig::default();
    rig.send(100, SECOND, VERSTAT_URI);
    let moved = rig.send(100, SECOND, VERSTAT_USER);
    assert_eq!(
        rig.found(),
        [(Trait::AssertedVerstatUser, 0, 100), (Trait::AssertedVerstatUri, 100, 0)]
    );
    assert!(rig.watch.findings().iter().all(|finding| finding.since == moved));
}

#[test]
fn a_trunk_that_goes_to_national_numbers() {
    let mut rig = Rig::default();
    rig.send(100, SECOND, ASSERTED);
    rig.send(100, SECOND, NATIONAL);
    let habits: Vec<_> = rig.found().into_iter().map(|(habit, ..)| habit).collect();
    assert_eq!(
        habits,
        [Trait::FromPlus, Trait::Bare, Trait::AssertedPlus, Trait::AssertedTen],
        "and what was never seen before, as their form, is nothing that changed"
    );
}

#[test]
fn a_few_odd_calls_are_no_change() {
    let mut rig = Rig::default();
    for _ in 0..40 {
        rig.send(40, SECOND, ASSERTED);
        rig.send(9, SECOND, &[Trait::FromAnonymous]);
    }
    // A whole block of them, once.
    rig.send(60, SECOND, &[Trait::FromAnonymous]);
    rig.send(200, SECOND, ASSERTED);
    assert_eq!(rig.found(), []);
}

#[test]
fn what_comes_and_goes_by_chance_is_no_change() {
    let mut rig = Rig::default();
    // One in three, in no order that blocks could see.
    let mut state = 1_u32;
    for _ in 0..20_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let forwarded = if state >> 16 & 3 == 0 { &[Trait::Diversion][..] } else { &[] };
        rig.send(1, SECOND, forwarded);
    }
    assert_eq!(rig.found(), []);
}

#[test]
fn from_half_to_hardly_any_is_a_change() {
    let mut rig = Rig::default();
    for _ in 0..100 {
        rig.send(1, SECOND, ASSERTED);
        rig.send(1, SECOND, &[Trait::FromPlus]);
    }
    rig.send(100, SECOND, &[Trait::FromPlus]);
    assert_eq!(rig.found(), [(Trait::Asserted, 50, 0)]);
}

#[test]
fn a_slow_trunk_is_seen_within_a_day() {
    let mut rig = Rig::default();
    rig.send(72, HOUR, ASSERTED);
    let stopped = rig.send(23, HOUR, &[Trait::FromPlus]);
    let [finding] = rig.watch.findings() else { panic!("one: {:?}", rig.found()) };
    assert_eq!((finding.habit, finding.since), (Trait::Asserted, stopped));
    // Nobody calls for a week, then three odd ones.
    rig.now = rig.now.after(168 * HOUR);
    rig.send(3, HOUR, ASSERTED);
    rig.send(40, HOUR, &[Trait::FromPlus]);
    assert_eq!(rig.found().len(), 1);
}

#[test]
fn a_change_at_the_end_of_a_capture_is_found() {
    let mut rig = Rig::default();
    rig.send(50, SECOND, ASSERTED);
    let stopped = rig.send(60, SECOND, &[Trait::FromPlus]);
    assert_eq!(rig.found(), []);
    rig.watch.finish(rig.now);
    assert_eq!(rig.found(), [(Trait::Asserted, 100, 0)]);
    assert_eq!(rig.watch.findings()[0].since, stopped);
}

#[test]
fn it_goes_on_where_it_was_left() {
    let mut rig = Rig::default();
    rig.send(275, SECOND, ASSERTED);
    let stopped = rig.send(60, SECOND, &[Trait::FromPlus]);
    let kept = serde_json::to_string(&rig.watch).expect("json");
    rig.watch = serde_json::from_str(&kept).expect("what was written");
    assert_eq!(serde_json::to_string(&rig.watch).expect("json"), kept);
    rig.send(100, SECOND, &[Trait::FromPlus]);
    assert_eq!(rig.watch.findings()[0].since, stopped);
    // What another version knew, or did not know, is passed over.
    let other: Watch =
        serde_json::from_str(r#"{"courses": {"no-such-habit": {}}, "more": 1}"#).expect("read");
    assert_eq!(other, Watch::default());
}

proptest! {
    /// Whatever comes, what is kept is bounded and what is found is a move that there was.
    #[test]
    fn findings_are_bounded_and_are_moves(
        runs in prop::collection::vec((any::<u64>(), 1..200_u32, 0..100_000_u64), 0..120),
    ) {
        let mut rig = Rig::default();
        for (bits, count, apart) in runs {
            let traits: Vec<_> = TRAITS
                .iter()
                .filter(|row| bits >> row.habit as u8 & 1 == 1)
                .map(|row| row.habit)
                .collect();
            rig.send(count, Duration::from_secs(apart), &traits);
        }
        rig.watch.finish(rig.now);
        prop_assert!(rig.watch.findings().len() <= MAX_FINDINGS);
        prop_assert!(rig.watch.changes >= rig.watch.findings().len() as u64);
        for finding in rig.watch.findings() {
            let (from, to) = (finding.from.hundredths(), finding.to.hundredths());
            prop_assert!(finding.since <= finding.found, "{finding:?}");
            prop_assert!(finding.from.of >= MIN_SETTLED, "{finding:?}");
            // Counted on after it was found, the share may come nearer again, but not all the way.
            prop_assert!(from != to || finding.to.of > 2 * BLOCK, "{finding:?}");
        }
    }
}
