//! The breaker against a plain one that keeps each call and goes through all of them each time.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{known::HOUR, *};

/// What has been of a caller on a trunk that nobody vouched for.
#[derive(Clone, Copy, PartialEq)]
enum Event {
    Passed(Timestamp),
    Stopped(Stopper),
}

type Caller = (u16, Number, bool);

#[derive(Default)]
struct Model {
    histories: HashMap<Caller, Vec<Event>>,
    /// When each was last seen with a good record.
    good: HashMap<Caller, Timestamp>,
    stopped: HashMap<Caller, (Stopper, Timestamp)>,
    resting: BTreeMap<Stopper, Timestamp>,
}

impl Model {
    fn saw(&mut self, call: &Call, now: Timestamp, settings: &config::Breaker) -> Option<Trip> {
        let watched = match call.outcome {
            Outcome::Stopped { by, .. } if self.resting.contains_key(&by) => return None,
            Outcome::Stopped { by, watched } => watched.then_some(by),
            Outcome::Passed => None,
        };
        let caller = (call.trunk, call.caller, call.vouched);
        let within = |at: &Timestamp| now.0 - at.0 < 60_000_000_000;
        self.good.retain(|_, at| within(at));
        self.stopped.retain(|caller, (_, at)| within(at) && self.good.contains_key(caller));

        let history = self.histories.entry(caller).or_default();
        if call.vouched || let_through_an_hour_ago(history, now) {
            self.good.insert(caller, now);
        }
        match (call.outcome, watched) {
            (Outcome::Passed, _) => history.push(Event::Passed(now)),
            (_, None) => history.clear(),
            (_, Some(by)) => {
                let other = |event: &Event| matches!(event, Event::Stopped(one) if *one != by);
                if let Some(last) = history.iter().rposition(other) {
                    history.drain(..=last);
                }
                history.push(Event::Stopped(by));
            }
        }
        if !self.good.contains_key(&caller) {
            return None;
        }
        if let Some(by) = watched {
            self.stopped.insert(caller, (by, now));
        }

        let good = self.good.keys().filter(|caller| caller.0 == call.trunk).count();
        let mut by = BTreeMap::<Stopper, usize>::new();
        for (_, (stopper, _)) in self.stopped.iter().filter(|(caller, _)| caller.0 == call.trunk) {
            *by.entry(*stopper).or_default() += 1;
        }
        let stopped: usize = by.values().sum();
        if good < settings.callers
            || stopped as f64 / good as f64 <= f64::from(settings.share) / 100.0
        {
            return None;
        }
        let most = *by.values().max()?;
        let stopper = *by.iter().find(|(_, count)| **count == most)?.0;
        let until = now.after(settings.rest);
        self.resting.insert(stopper, until);
        self.stopped.retain(|_, (by, _)| *by != stopper);
        for history in self.histories.values_mut() {
            history.retain(|event| *event != Event::Stopped(stopper));
        }
        let share = (100 * stopped / good) as u8;
        Some(Trip { trunk: call.trunk, stopper, until, good, stopped, stopped_by_it: most, share })
    }

    fn due(&mut self, now: Timestamp) -> Vec<Stopper> {
        let over = self.resting.iter().filter(|(_, until)| **until <= now);
        let over: Vec<_> = over.map(|(stopper, _)| *stopper).collect();
        self.resting.retain(|stopper, _| !over.contains(stopper));
        over
    }
}

fn let_through_an_hour_ago(history: &[Event], now: Timestamp) -> bool {
    let since = history.iter().rev().take_while(|event| matches!(event, Event::Passed(_)));
    since.last().is_some_and(|event| matches!(event, Event::Passed(at) if at.after(HOUR) < now))
}

/// Time that goes by, then a call, or the question which rest is over.
type Step = (Duration, Option<Call>);

fn step() -> impl Strategy<Value = Step> {
    let time = prop_oneof![
        60 => (0_u64..2_000).prop_map(Duration::from_millis),
        4 => (0_u64..70).prop_map(Duration::from_secs),
        1 => (0_u64..70).prop_map(|minutes| Duration::from_secs(60 * minutes)),
    ];
    let stopper = prop_oneof![
        4 => Just(Stopper::List(0)),
        2 => Just(Stopper::List(255)),
        2 => Just(Stopper::Limit(0)),
    ];
    let outcome = prop_oneof![
        6 => Just(Outcome::Passed),
        3 => stopper.prop_map(|by| Outcome::Stopped { by, watched: true }),
        1 => Just(Outcome::Stopped { by: Stopper::List(1), watched: false }),
    ];
    let trunk = prop_oneof![5 => Just(0_u16), 1 => Just(7)];
    let vouched = prop::bool::weighted(0.2);
    let call =
        (trunk, 0_u64..16, vouched, outcome).prop_map(|(trunk, caller, vouched, outcome)| Call {
            trunk,
            caller: Number(caller << 60),
            vouched,
            outcome,
        });
    (time, prop::option::weighted(0.95, call))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..600)
}

/// Both take the same; returns what was taken for a mistake.
fn compare(steps: &[Step]) -> Result<Vec<Trip>, TestCaseError> {
    let rest = Duration::from_secs(120);
    let settings = config::Breaker { callers: 6, rest, ..config::Breaker::default() };
    let (mut breaker, mut model) = (Breaker::new(settings), Model::default());
    let mut now = Timestamp::new(1_714_557_600, 0);
    let mut trips = Vec::new();
    for (span, call) in steps {
        now = now.after(*span);
        match call {
            Some(call) => {
                let trip = breaker.saw(call, now);
                prop_assert_eq!(trip, model.saw(call, now, &settings));
                trips.extend(trip);
            }
            None => prop_assert_eq!(breaker.due(now), model.due(now)),
        }
        let resting: Vec<_> = breaker.resting().map(|trip| (trip.stopper, trip.until)).collect();
        prop_assert!(model.resting.iter().map(|(by, until)| (*by, *until)).eq(resting));
    }
    prop_assert_eq!(breaker.figures().trips, trips.len() as u64);
    Ok(trips)
}

proptest! {
    #[test]
    fn as_the_plain_one(steps in steps()) {
        compare(&steps)?;
    }
}

/// What is compared trips often enough, by each stopper and for callers nobody vouches for too.
#[test]
fn what_is_compared_says_something() {
    let found = std::cell::RefCell::new(Vec::new());
    let mut runner = TestRunner::new_with_rng(
        Config { failure_persistence: None, ..Config::with_cases(200) },
        prop::test_runner::TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha),
    );
    let compared = runner.run(&steps(), |steps| {
        found.borrow_mut().extend(compare(&steps)?);
        Ok(())
    });
    assert_eq!(compared, Ok(()));
    let found = found.into_inner();
    for stopper in [Stopper::List(0), Stopper::List(255), Stopper::Limit(0)] {
        assert!(found.iter().filter(|trip| trip.stopper == stopper).count() > 20, "{stopper:?}");
    }
    assert!(found.iter().all(|trip| trip.stopper != Stopper::List(1)), "it is not watched");
    assert!(found.iter().any(|trip| trip.stopped_by_it < trip.stopped));
}
