//! What is a mistake and what is an attack, at the very figures that are set.

use std::time::Duration;

use super::{known::HOUR, *};

const LIST: Stopper = Stopper::List(3);
const LIMIT: Stopper = Stopper::Limit(3);

fn settings() -> config::Breaker {
    config::Breaker::default()
}

/// A moment of the day, in milliseconds.
fn at(ms: i64) -> Timestamp {
    Timestamp::new(1_714_557_600, 0).after(Duration::from_millis(ms as u64))
}

/// The moment in which those of [`warm`] have had their hour.
const LATER: i64 = 3_600_001 + 60_000;

fn number(of: u64) -> Number {
    // No `format!`: what is allocated is counted.
    let digits = std::array::from_fn(|place| (of / 10_u64.pow(7 - place as u32) % 10) as u8 + b'0');
    let digits: [u8; 8] = digits;
    Number::from_ascii(&digits).expect("digits")
}

fn call(caller: u64, outcome: Outcome) -> Call {
    Call { trunk: 0, caller: number(caller), vouched: false, outcome }
}

fn passed(caller: u64) -> Call {
    call(caller, Outcome::Passed)
}

fn stopped(caller: u64, by: Stopper) -> Call {
    call(caller, Outcome::Stopped { by, watched: true })
}

fn vouched(call: Call) -> Call {
    Call { vouched: true, ..call }
}

/// A breaker to whom callers 0 to `callers` are known, an hour before [`LATER`].
fn warm(callers: u64) -> Breaker {
    let mut breaker = Breaker::new(settings());
    for caller in 0..callers {
        assert_eq!(breaker.saw(&passed(caller), at(caller as i64 % 60_000)), None);
    }
    breaker
}

/// All trips of some calls, a millisecond apart.
fn trips(breaker: &mut Breaker, from: i64, calls: impl IntoIterator<Item = Call>) -> Vec<Trip> {
    let timed = calls.into_iter().zip(from..);
    timed.filter_map(|(call, ms)| breaker.saw(&call, at(ms))).collect()
}

/// Of `callers`, those below `share` per cent of each hundred are stopped by a list.
fn some_stopped(callers: u64, share: u64) -> impl Iterator<Item = Call> {
    // Spread evenly: one after the other would stop all of the first ones.
    (0..callers).map(move |caller| match (caller * share) % 100 + share >= 100 {
        true => stopped(caller, LIST),
        false => passed(caller),
    })
}

#[test]
fn a_wrong_prefix_that_stops_two_in_five_trips_and_is_named() {
    let mut breaker = warm(1_000);
    let trips = trips(&mut breaker, LATER, some_stopped(1_000, 40));
    // As soon as there are twenty; then nothing more is heard of it.
    assert_eq!(
        trips,
        [Trip {
            trunk: 0,
            stopper: LIST,
            until: at(LATER + 19 + 600_000),
            good: 20,
            stopped: 8,
            stopped_by_it: 8,
            share: 40,
        }]
    );
    assert!(breaker.resting().eq(&trips));
    assert_eq!(breaker.figures().trips, 1);
}

#[test]
fn one_that_stops_a_quarter_does_not() {
    let mut breaker = warm(1_000);
    for round in 0..10 {
        let from = LATER + round * 3_700_000;
        assert_eq!(trips(&mut breaker, from, some_stopped(1_000, 25)), []);
    }
    assert_eq!(breaker.figures().trips, 0);
}

#[test]
fn the_share_itself_is_not_over_it() {
    let mut breaker = warm(100);
    let seven_pass = (0..70).map(passed);
    let three_do_not = (70..100).map(|caller| stopped(caller, LIST));
    assert_eq!(trips(&mut breaker, LATER, seven_pass.chain(three_do_not)), []);
    let one_more = trips(&mut breaker, LATER + 100, [stopped(0, LIST)]);
    assert_eq!((one_more[0].stopped, one_more[0].good, one_more[0].share), (31, 100, 31));
}

#[test]
fn nineteen_callers_say_nothing() {
    let mut breaker = warm(20);
    assert_eq!(trips(&mut breaker, LATER, (0..19).map(|caller| stopped(caller, LIST))), []);
    // Nor if they try again and again.
    let again = (0..1_000).map(|n| stopped(n % 19, LIST));
    assert_eq!(trips(&mut breaker, LATER + 20, again), []);
    let twentieth = trips(&mut breaker, LATER + 2_000, [stopped(19, LIST)]);
    assert_eq!((twentieth[0].stopped, twentieth[0].good), (20, 20));
}

#[test]
fn a_flood_of_strangers_never_trips_nor_blinds() {
    let mut breaker = warm(100);
    let before = breaker.figures();
    // Ten strangers stopped between any two good callers' calls, for a million of them.
    let flood = (0..1_000_000).map(|n| match n % 10 {
        0 => passed(n / 10 % 100),
        _ => stopped(1_000_000 + n, if n % 2 == 0 { LIST } else { LIMIT }),
    });
    assert_eq!(trips(&mut breaker, LATER, flood), []);
    assert_eq!(breaker.figures(), before, "no record made, none given up");
    let found = trips(&mut breaker, LATER + 1_000_000, some_stopped(100, 40));
    assert_eq!(found.len(), 1, "and then the mistake");
}

#[test]
fn a_flood_of_strangers_that_passes_pushes_out_one_another() {
    let mut breaker = warm(100);
    let flood = (1_000_000..2_000_000).map(passed);
    assert_eq!(trips(&mut breaker, LATER, flood), []);
    let figures = breaker.figures();
    assert_eq!(figures.known, settings().max_known);
    assert_eq!(figures.forgotten, 1_000_100 - settings().max_known as u64);
    assert_eq!(trips(&mut breaker, LATER + 1_000_000, (0..100).map(passed)), []);
    let good = breaker.minutes[0].as_ref().map(|minute| minute.good());
    assert_eq!(good, Some(100), "the good ones are known still, all of them");
    let found = trips(&mut breaker, LATER + 1_100_000, some_stopped(100, 40));
    assert_eq!(found.len(), 1);
}

#[test]
fn the_known_leave_a_quarter_to_newcomers() {
    let mut breaker = Breaker::new(config::Breaker { max_known: 1_000, ..settings() });
    // All of the table have had their hour.
    assert_eq!(trips(&mut breaker, 0, (0..1_000).map(passed)), []);
    assert_eq!(trips(&mut breaker, LATER, (0..1_000).map(passed)), []);
    assert_eq!(breaker.figures().forgotten, 0);
    let newcomers = 10_000..20_000;
    assert_eq!(trips(&mut breaker, LATER + 1_000, newcomers.map(passed)), []);
    assert_eq!((breaker.figures().known, breaker.figures().forgotten), (1_000, 10_000));
    // Of the known, those gave way who were seen longest ago; of the newcomers, the first. To be
    // stopped makes no record, so each can be asked for his.
    let later = LATER + 3_700_000;
    let is_good = |breaker: &mut Breaker, caller: u64| {
        let key = Key { trunk: 0, caller: number(caller) };
        breaker.known.stopped(key, None, at(later))
    };
    assert!(!is_good(&mut breaker, 249) && is_good(&mut breaker, 250));
    assert!(is_good(&mut breaker, 999));
    assert!(!is_good(&mut breaker, 19_749) && is_good(&mut breaker, 19_750));
}

#[test]
fn a_smaller_table_lets_the_others_go() {
    let mut breaker = warm(5_000);
    breaker.set(config::Breaker { max_known: 1_000, ..settings() });
    assert_eq!((breaker.figures().known, breaker.figures().forgotten), (1_000, 4_000));
    let last = (4_000..5_000).map(|caller| stopped(caller, LIST));
    assert_eq!(trips(&mut breaker, LATER, last).len(), 1);
}

#[test]
fn a_claim_that_is_not_believed_counts_for_nothing() {
    let mut breaker = Breaker::new(settings());
    let claims = (0..10_000).map(|caller| stopped(caller, LIMIT));
    assert_eq!(trips(&mut breaker, 0, claims), []);
    assert_eq!(breaker.figures(), Figures::default());
    // One that is, at once, and for each call.
    let believed = (0..10_000).map(|caller| vouched(stopped(caller, LIMIT)));
    let trips = trips(&mut breaker, 20_000, believed);
    assert_eq!((trips.len(), trips[0].stopper, trips[0].good), (1, LIMIT, 20));
}

#[test]
fn who_uses_an_attested_callers_number_is_not_he() {
    let mut breaker = Breaker::new(settings());
    for round in 0..200 {
        let from = round * 60_000;
        let customers = (0..100).map(passed).map(vouched);
        assert_eq!(trips(&mut breaker, from, customers), []);
        let spoofed = (0..100).cycle().take(10_000).map(|caller| stopped(caller, LIMIT));
        assert_eq!(trips(&mut breaker, from + 100, spoofed), []);
    }
    let customers = (0..100).map(|caller| vouched(stopped(caller, LIST)));
    assert_eq!(trips(&mut breaker, 200 * 60_000, customers).len(), 1, "and they count");
}

#[test]
fn exact_numbers_never_trip() {
    let mut breaker = warm(1_000);
    let exact = Outcome::Stopped { by: LIST, watched: false };
    assert_eq!(trips(&mut breaker, LATER, (0..900).map(|caller| call(caller, exact))), []);
    let vouched_for = (0..900).map(|caller| vouched(call(caller, exact)));
    assert_eq!(trips(&mut breaker, LATER + 1_000, vouched_for), []);
    // Whom they stopped has no good record, whatever comes after.
    let list = (0..900).map(|caller| stopped(caller, LIST));
    assert_eq!(trips(&mut breaker, LATER + 100_000, list), []);
}

#[test]
fn of_two_lists_the_one_that_stopped_most_rests_then_the_other() {
    let mut breaker = Breaker::new(config::Breaker { callers: 100, ..settings() });
    assert_eq!(trips(&mut breaker, 0, (0..100).map(passed)), []);
    let calls = (0..100).map(|caller| match caller {
        0..40 => stopped(caller, LIMIT),
        40..90 => stopped(caller, LIST),
        _ => passed(caller),
    });
    let first = trips(&mut breaker, LATER, calls);
    assert_eq!((first.len(), first[0].stopper), (1, LIST));
    assert_eq!((first[0].good, first[0].stopped, first[0].stopped_by_it), (100, 90, 50));
    // The limit is over the share by itself: the next call that counts shows it.
    let second = trips(&mut breaker, LATER + 200, [passed(99)]);
    assert_eq!((second[0].stopper, second[0].stopped, second[0].share), (LIMIT, 40, 40));
    let resting: Vec<_> = breaker.resting().map(|trip| trip.stopper).collect();
    assert_eq!(resting, [LIST, LIMIT]);
}

#[test]
fn the_first_of_two_that_stopped_as_many() {
    let mut breaker = warm(20);
    let by = |caller| if caller % 2 == 0 { Stopper::Limit(0) } else { Stopper::List(9) };
    let trips = trips(&mut breaker, LATER, (0..20).map(|caller| stopped(caller, by(caller))));
    assert_eq!((trips[0].stopper, trips[0].stopped_by_it), (Stopper::List(9), 10));
}

#[test]
fn a_caller_counts_for_what_stopped_him_last() {
    let mut breaker = warm(20);
    let both = (0..19).flat_map(|caller| [stopped(caller, LIST), stopped(caller, LIMIT)]);
    assert_eq!(trips(&mut breaker, LATER, both), []);
    let trip = trips(&mut breaker, LATER + 100, [stopped(19, LIST)]);
    assert_eq!((trip[0].stopper, trip[0].stopped, trip[0].stopped_by_it), (LIMIT, 20, 19));
}

#[test]
fn after_its_rest_it_stops_again_and_may_trip_again() {
    let mut breaker = warm(100);
    let first = trips(&mut breaker, LATER, some_stopped(100, 40))[0];
    assert_eq!(breaker.due(first.until.before(Duration::from_nanos(1))), []);
    assert_eq!(breaker.due(first.until), [LIST]);
    assert_eq!((breaker.due(first.until), breaker.resting().count()), (vec![], 0));
    // Its mistake was pardoned: the same callers count again, and at once.
    let again = trips(&mut breaker, LATER + 700_000, some_stopped(100, 40));
    assert_eq!((again.len(), again[0].good, again[0].stopped), (1, 20, 8));
}

#[test]
fn callers_that_a_mistake_stopped_have_their_record_back() {
    let mut breaker = warm(200);
    // A few a minute for half an hour, too few to tell by; among them one whom an operator stopped.
    for minute in 0..30_i64 {
        let caller = minute as u64;
        assert_eq!(breaker.saw(&stopped(caller, LIST), at(LATER + minute * 60_000)), None);
        assert_eq!(breaker.saw(&stopped(caller, LIST), at(LATER + minute * 60_000 + 1)), None);
    }
    let exact = Outcome::Stopped { by: LIMIT, watched: false };
    assert_eq!(breaker.saw(&call(0, exact), at(LATER + 1_800_000)), None);
    let calls = (100..200).map(|caller| stopped(caller, LIST));
    assert_eq!(trips(&mut breaker, LATER + 1_900_000, calls).len(), 1);
    // While it rests, what it still stops is not held against the caller.
    assert_eq!(breaker.saw(&stopped(2, LIST), at(LATER + 1_910_000)), None);
    // All but the operator's are good ones again: 29 and nothing else within this minute.
    let later = LATER + 2_000_000;
    let trips = trips(&mut breaker, later, (0..30).map(|caller| stopped(caller, LIMIT)));
    assert_eq!((trips.len(), trips[0].good, trips[0].stopper), (1, 20, LIMIT));
    let good = breaker.minutes[0].as_ref().map(|minute| minute.good());
    assert_eq!(good, Some(20), "what stands at rest is not told on");
}

#[test]
fn a_second_stopper_is_not_pardoned_with_the_first() {
    let mut breaker = warm(100);
    for (ms, by) in [(0, LIST), (100_000, LIMIT)] {
        // Not all at once: that would trip.
        let calls = (0..10).map(|caller| stopped(caller, by));
        assert_eq!(trips(&mut breaker, LATER + ms, calls), []);
    }
    let mistake = (10..100).map(|caller| stopped(caller, LIST));
    assert_eq!(trips(&mut breaker, LATER + 200_000, mistake).len(), 1);
    let calls = (0..10).chain(11..21).map(passed);
    assert_eq!(trips(&mut breaker, LATER + 300_000, calls), []);
    assert_eq!(breaker.minutes[0].as_ref().map(|minute| minute.good()), Some(10));
}

#[test]
fn a_trickle_trips_only_within_a_minute() {
    let mut breaker = warm(4_000);
    // Nineteen a minute, all of them stopped, for three hours.
    let step = 60_000 / 19 + 1;
    for caller in 0..3_400 {
        let now = at(LATER + caller as i64 * step);
        assert_eq!(breaker.saw(&stopped(caller, LIST), now), None, "{caller}");
    }
    // One more in the same time.
    let step = 60_000 / 20;
    let begin = LATER + 4_000 * 60_000 / 19;
    let calls = (3_400..3_420).map(|caller| {
        let now = at(begin + (caller as i64 - 3_400) * step);
        breaker.saw(&stopped(caller, LIST), now)
    });
    assert_eq!(calls.flatten().count(), 1);
}

#[test]
fn the_minute_ends_to_the_nanosecond() {
    for (ns, trips) in [(0, 0), (1, 1)] {
        let mut breaker = warm(20);
        assert_eq!(breaker.saw(&stopped(0, LIST), at(LATER)), None);
        let end = at(LATER + 60_000).before(Duration::from_nanos(ns));
        let calls = (1..20).filter_map(|caller| breaker.saw(&stopped(caller, LIST), end));
        assert_eq!(calls.count(), trips);
    }
}

#[test]
fn a_record_is_good_when_its_hour_is_over() {
    for (ns, trips) in [(0, 0), (1, 1)] {
        let mut breaker = Breaker::new(settings());
        (0..20).for_each(|caller| assert_eq!(breaker.saw(&passed(caller), at(0)), None));
        let now = at(0).after(HOUR).after(Duration::from_nanos(ns));
        let calls = (0..20).filter_map(|caller| breaker.saw(&stopped(caller, LIST), now));
        assert_eq!(calls.count(), trips);
    }
}

#[test]
fn a_caller_who_is_stopped_begins_anew() {
    let mut breaker = warm(20);
    let by_number = Outcome::Stopped { by: LIST, watched: false };
    assert_eq!(trips(&mut breaker, LATER, (0..20).map(|caller| call(caller, by_number))), []);
    assert_eq!(trips(&mut breaker, LATER + 100_000, (0..20).map(passed)), []);
    let later = LATER + 3_000_000;
    assert_eq!(trips(&mut breaker, later, (0..20).map(|caller| stopped(caller, LIST))), []);
    assert_eq!(trips(&mut breaker, later + 1_000, (0..20).map(passed)), []);
    let later = later + 3_700_000;
    assert_eq!(trips(&mut breaker, later, (0..20).map(|caller| stopped(caller, LIST))).len(), 1);
}

#[test]
fn within_the_minute_a_good_caller_stays_the_one_he_was() {
    let mut breaker = warm(30);
    // Each of fifteen is stopped, tries again, and is let through another way.
    for caller in 0..15 {
        let ms = LATER + caller as i64 * 10;
        let calls = [stopped(caller, LIST), stopped(caller, LIST), passed(caller)];
        assert_eq!(trips(&mut breaker, ms, calls), []);
    }
    let trip = trips(&mut breaker, LATER + 1_000, (15..30).map(passed));
    assert_eq!((trip.len(), trip[0].good, trip[0].stopped), (1, 20, 15));
}

#[test]
fn trunks_are_apart() {
    let mut breaker = Breaker::new(settings());
    let on = |trunk: u16, call: Call| Call { trunk, ..call };
    let everywhere = (0..40).flat_map(|caller| [on(1, passed(caller)), on(1_023, passed(caller))]);
    assert_eq!(trips(&mut breaker, 0, everywhere), []);
    // Nineteen on one, nineteen on the other, and on a third where nobody is known.
    let calls =
        (0..19).flat_map(|caller| [1, 2, 1_023].map(|trunk| on(trunk, stopped(caller, LIST))));
    assert_eq!(trips(&mut breaker, LATER, calls), []);
    let trip = trips(&mut breaker, LATER + 100, [on(1_023, stopped(19, LIST))]);
    assert_eq!((trip[0].trunk, trip[0].good), (1_023, 20));
    // It rests on all.
    assert_eq!(trips(&mut breaker, LATER + 200, [on(1, stopped(19, LIST))]), []);
    // Beyond what the kernel knows there is none.
    let beyond = (0..40).map(|caller| vouched(on(1_024, stopped(caller, LIMIT))));
    assert_eq!(trips(&mut breaker, LATER + 300, beyond), []);
    let nobody = Call { caller: Number::NONE, ..vouched(stopped(0, LIMIT)) };
    assert_eq!(trips(&mut breaker, LATER + 400, [nobody; 40]), []);
}

#[test]
fn of_more_than_are_counted_the_last_ones_are() {
    let mut breaker = Breaker::new(settings());
    let pass = (0..3 * MAX_GOOD as u64).map(passed).map(vouched);
    assert_eq!(trips(&mut breaker, 0, pass), []);
    assert_eq!(breaker.figures().crowded, 2 * MAX_GOOD as u64);
    let minute = |breaker: &Breaker| {
        let minute = breaker.minutes[0].as_ref().expect("a minute");
        (minute.good(), minute.all_stopped(), minute.stopped_by(LIST))
    };
    assert_eq!(minute(&breaker), (MAX_GOOD, 0, 0));
    // A tenth of all is stopped, for a minute and more: those who go take their stop with them.
    let calls =
        (0..30_000).map(|n| vouched(if n % 10 == 0 { stopped(n, LIST) } else { passed(n) }));
    assert_eq!(trips(&mut breaker, 30_000, calls), []);
    let (good, all, by_list) = minute(&breaker);
    assert_eq!((good, all), (MAX_GOOD, by_list));
    assert!(all.abs_diff(MAX_GOOD / 10) <= 1, "{all}");
    // And all of them go with their time.
    assert_eq!(trips(&mut breaker, 200_000, [vouched(passed(0))]), []);
    assert_eq!(minute(&breaker), (1, 0, 0));
}

#[test]
fn what_is_gone_is_forgotten() {
    let mut breaker = warm(100);
    assert_eq!(trips(&mut breaker, LATER, (0..19).map(|caller| stopped(caller, LIST))), []);
    // The operator was faster.
    assert!(!breaker.forget(LIST));
    assert_eq!(trips(&mut breaker, LATER + 100, [passed(19)]), []);
    let trip = trips(&mut breaker, LATER + 200, (0..7).map(|caller| stopped(caller, LIST)));
    assert_eq!((trip[0].good, trip[0].stopped), (20, 7), "and their record is a good one");
    assert!(breaker.forget(LIST));
    assert_eq!((breaker.due(Timestamp(i64::MAX)), breaker.resting().count()), (vec![], 0));
}

#[test]
fn callers_of_a_trunk_that_is_gone_are_forgotten_and_no_others() {
    let mut breaker = warm(40);
    let on_two = |call: Call| Call { trunk: 2, ..call };
    assert_eq!(trips(&mut breaker, 0, (0..40).map(passed).map(on_two)), []);
    let some = (0..19).flat_map(|caller| [stopped(caller, LIST), on_two(stopped(caller, LIST))]);
    assert_eq!(trips(&mut breaker, LATER, some), []);
    breaker.forget_trunks(&[2, 7]);
    assert_eq!(breaker.figures().known, 40);
    assert_eq!(
        trips(&mut breaker, LATER + 100, (19..40).map(|caller| on_two(stopped(caller, LIST)))),
        []
    );
    let trip = trips(&mut breaker, LATER + 200, [stopped(19, LIST)]);
    assert_eq!((trip[0].trunk, trip[0].good), (0, 20));
    breaker.forget_trunks(&[0]);
    assert_eq!((breaker.figures().known, breaker.resting().count()), (0, 1), "rests stay");
}

#[test]
fn switched_off_it_knows_nobody_and_rests_end() {
    let mut breaker = warm(100);
    assert_eq!(trips(&mut breaker, LATER, some_stopped(100, 40)).len(), 1);
    breaker.set(config::Breaker { enabled: false, ..settings() });
    assert_eq!(breaker.due(at(LATER + 100)), [LIST]);
    let believed = (0..100).map(|caller| vouched(stopped(caller, LIST)));
    assert_eq!(trips(&mut breaker, LATER + 1_000, believed), []);
    assert_eq!(breaker.figures().known, 0);
    breaker.set(settings());
    assert_eq!(trips(&mut breaker, LATER + 2_000, (0..100).map(|n| stopped(n, LIST))), []);
}

#[test]
fn a_clock_that_is_put_back_hides_no_mistake_and_makes_none() {
    let mut breaker = warm(100);
    assert_eq!(trips(&mut breaker, LATER + 86_400_000, (0..19).map(|n| stopped(n, LIST))), []);
    // A day back. What was seen then is not of this minute.
    assert_eq!(trips(&mut breaker, LATER, [stopped(19, LIST)]), []);
    let trip = trips(&mut breaker, LATER + 1, (20..40).map(|n| stopped(n, LIST)));
    assert_eq!((trip[0].good, trip[0].until), (20, at(LATER + 19 + 600_000)));
    // Back again, and the rest is as long as is set.
    let before = at(LATER - 3_000_000);
    assert_eq!(breaker.due(before), []);
    assert_eq!(breaker.due(before.after(settings().rest)), [LIST]);
    // Whoever begins in a future that is put back has his hour from now.
    let mut breaker = Breaker::new(settings());
    let ahead = 1_000_000_000;
    assert_eq!(trips(&mut breaker, ahead, (0..20).map(passed)), []);
    assert_eq!(trips(&mut breaker, 0, (0..20).map(passed)), []);
    assert_eq!(trips(&mut breaker, LATER, (0..20).map(|n| stopped(n, LIST))).len(), 1);
}

#[test]
fn calls_a_little_out_of_order_are_of_the_same_minute() {
    let mut breaker = warm(20);
    let calls = (0..20).filter_map(|caller| {
        breaker.saw(&stopped(caller, LIST), at(LATER - caller as i64 * 2_000))
    });
    assert_eq!(calls.count(), 1);
}

#[test]
fn nothing_is_allocated_call_by_call() {
    let max_known = 2_000;
    let mut breaker = Breaker::new(config::Breaker { max_known, ..settings() });
    // Known and new ones, vouched for and not, a few of each stopped; more than the table holds.
    let round = |breaker: &mut Breaker, from: i64| {
        for n in 0..20_000 {
            let caller = if n % 2 == 0 { n % 1_000 } else { from as u64 + n };
            let call = match n % 20 {
                0 | 7 => stopped(caller, LIST),
                4 | 9 => vouched(passed(caller)),
                _ => passed(caller),
            };
            assert_eq!(breaker.saw(&call, at(from + n as i64 * 20)), None);
        }
    };
    for minutes in 0..20 {
        round(&mut breaker, minutes * 400_000);
    }
    let taken = allocation_counter::measure(|| round(&mut breaker, 20 * 400_000));
    // When each of the four tables grows to what it needs beside what was removed is left to the keys
    // of its hash.
    assert!(taken.count_total <= 4, "{taken:?}");
}

#[test]
fn memory_is_as_much_as_is_said() {
    let taken = allocation_counter::measure(|| {
        let mut breaker = warm(0);
        let flood = (0..200_000).map(passed);
        assert_eq!(trips(&mut breaker, 0, flood), []);
        std::mem::forget(breaker);
    });
    let each = taken.bytes_current as usize / settings().max_known;
    assert!((60..=110).contains(&each), "{each} bytes a caller");
    let taken = allocation_counter::measure(|| {
        let mut breaker = Breaker::new(config::Breaker { share: 99, ..settings() });
        let twice = (0..2 * MAX_GOOD as u64).flat_map(|n| [passed(n), stopped(n, LIST)]);
        let calls = twice.map(vouched).take(2 * MAX_GOOD);
        for (call, ms) in calls.zip(0..) {
            breaker.saw(&call, at(ms));
        }
        std::mem::forget(breaker);
    });
    assert!(taken.bytes_current < 3 << 20, "{} bytes a trunk", taken.bytes_current);
}
