//! Lists: who is stopped, let through, marked, and for which calls; and that nothing slips through
//! while they change.

use std::{
    os::fd::{AsFd as _, OwnedFd},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use ani_ebpf::abi::{
    counter::Counter,
    list::{Action, Rule},
    number::Number,
};
use ani_tests::{invite::Invite, live};
use ani_user::policy::{ALLOW, BLOCK, Enforce as _, GRAY, Listing, lists::Span};

use crate::harness::{CONFIG, FROM_ONLY, Harness, US, difference, frame, number};

/// A list of the tests' own.
const NAMED: u8 = 7;

const CALLER: &str = "14155551234";

fn listing(list: u8, span: Span) -> Listing {
    Listing { span, ..Listing::number(list, Number::NONE, None) }
}

fn prefix(list: u8, digits: &str) -> Listing {
    listing(list, Span::Prefix(number(digits)))
}

fn range(list: u8, low: &str, high: &str) -> Listing {
    listing(list, Span::Range(number(low), number(high)))
}

fn exact(list: u8, digits: &str) -> Listing {
    Listing::number(list, number(digits), None)
}

fn call(digits: &str) -> Invite {
    Invite::from(&format!("+{digits}"))
}

#[test]
fn what_lets_through_goes_before_what_stops_and_that_before_what_marks() {
    let mut harness = Harness::new();
    let lists = [
        prefix(GRAY, "1"),
        prefix(BLOCK, "1415"),
        range(BLOCK, "12125550000", "12125550999"),
        prefix(ALLOW, "1415555"),
        exact(BLOCK, "14155559999"),
        exact(GRAY, "12125550007"),
        exact(ALLOW, "12125550008"),
    ];
    harness.kernel.list(&lists).expect("listed");
    for (digits, exit, list, ranged) in [
        ("14155551234", Counter::PassAllowed, ALLOW, 1),
        ("14155559999", Counter::PassAllowed, ALLOW, 1),
        ("14155541234", Counter::DropBlocked, BLOCK, 1),
        ("12125550007", Counter::DropBlocked, BLOCK, 1),
        ("12125550008", Counter::PassAllowed, ALLOW, 0),
        ("12125551000", Counter::PassGray, GRAY, 1),
        ("442079460000", Counter::Pass, 0, 0),
    ] {
        let run = harness.invite(US, &call(digits));
        let header = run.header();
        assert_eq!((run.exit, header.list, header.ranged), (exit, list, ranged), "{digits}");
    }
    harness.kernel.unlist(&[prefix(ALLOW, "1415555")]).expect("taken off");
    let run = harness.invite(US, &call("14155559999"));
    assert_eq!((run.exit, run.header().ranged), (Counter::DropBlocked, 0), "the number first");
}

#[test]
fn an_emergency_call_goes_before_every_list() {
    let mut harness = Harness::new();
    harness.kernel.list(&[exact(BLOCK, CALLER), prefix(BLOCK, "1")]).expect("listed");
    assert_eq!(harness.invite(US, &call(CALLER).to("911")).exit, Counter::PassPriority);
    assert_eq!(harness.invite(US, &call(CALLER)).exit, Counter::DropBlocked);
}

#[test]
fn a_scope_is_a_trunk_and_what_is_claimed() {
    let mut harness = Harness::new();
    let scoped = |listing: Listing| Listing { trunk: Some(0), attestations: 0b1001, ..listing };
    for entry in [exact(BLOCK, CALLER), prefix(BLOCK, "1415"), range(BLOCK, CALLER, CALLER)] {
        harness.kernel.list(&[scoped(entry)]).expect("listed");
        for (source, invite, exit) in [
            (US, call(CALLER), Counter::DropBlocked),
            (US, call(CALLER).attested('C'), Counter::DropBlocked),
            (US, call(CALLER).attested('A'), Counter::Pass),
            (US, call(CALLER).attested('B'), Counter::Pass),
            // Not clear: it may be any.
            (US, call(CALLER).attested('x'), Counter::Pass),
            (FROM_ONLY, call(CALLER), Counter::Pass),
        ] {
            assert_eq!(harness.invite(source, &invite).exit, exit, "{entry:?} {invite:?}");
        }
        harness.kernel.unlist(&[scoped(entry)]).expect("taken off");
        assert_eq!(harness.invite(US, &call(CALLER)).exit, Counter::Pass);
    }
}

#[test]
fn a_list_that_is_observed_tells_what_it_would_do() {
    let mut harness = Harness::new();
    let rule = |observed| rule_of(Action::Block, observed);
    harness.kernel.set_rules(&[rule(true)]).expect("set");
    harness.kernel.list(&[prefix(NAMED, "1415"), prefix(GRAY, "1")]).expect("listed");
    let run = harness.invite(US, &call(CALLER));
    let header = run.header();
    assert_eq!((run.exit, header.list), (Counter::PassGray, GRAY));
    assert_eq!(header.observed_list, NAMED);
    harness.kernel.set_rules(&[rule(false)]).expect("set");
    let run = harness.invite(US, &call(CALLER));
    let header = run.header();
    assert_eq!((run.exit, header.list, header.observed_list), (Counter::DropBlocked, NAMED, 0));
    // A list without a rule does nothing.
    harness.kernel.set_rules(&[(NAMED, Rule::NONE)]).expect("set");
    assert_eq!(harness.invite(US, &call(CALLER)).exit, Counter::PassGray);
}

fn rule_of(action: Action, observed: bool) -> (u8, Rule) {
    (NAMED, Rule::new(action, observed))
}

#[test]
fn an_entry_ends_in_time_without_the_daemon() {
    let mut harness = Harness::new();
    let soon = ani_user::capture::clock::Clock::new().now().after(Duration::from_millis(600));
    let ending = |listing: Listing| Listing { expires: Some(soon), ..listing };
    let entries = [ending(exact(BLOCK, CALLER)), ending(prefix(BLOCK, "1212"))];
    harness.kernel.list(&entries).expect("listed");
    for digits in [CALLER, "12125550100"] {
        assert_eq!(harness.invite(US, &call(digits)).exit, Counter::DropBlocked);
    }
    thread::sleep(Duration::from_millis(800));
    for digits in [CALLER, "12125550100"] {
        assert_eq!(harness.invite(US, &call(digits)).exit, Counter::Pass);
    }
}

#[test]
fn a_list_put_on_later_stops_what_follows_of_a_call_that_passed() {
    let mut harness = Harness::with(&CONFIG.replace("max_attempts = 0", "max_attempts = 1024"));
    harness.kernel.list(&[exact(BLOCK, CALLER)]).expect("listed");
    assert_eq!(harness.invite(US, &call(CALLER)).exit, Counter::DropBlocked);
    // Let through meanwhile: what was stopped before is not, and its ACK goes on.
    harness.kernel.list(&[exact(ALLOW, CALLER)]).expect("listed");
    assert_eq!(harness.invite(US, &call(CALLER)).exit, Counter::PassAllowed);
    assert_eq!(harness.invite(US, &call(CALLER)).exit, Counter::PassRepeated, "counted once");
    let ack = Invite { method: "ACK", ..call(CALLER) };
    assert_eq!(harness.invite(US, &ack).exit, Counter::NotInvite);
}

/// Calls that run while lists change, from a thread of their own; counted by the program.
struct Calls {
    exit: Counter,
    frame: Vec<u8>,
    runs: AtomicU64,
}

impl Calls {
    fn new(digits: &str, exit: Counter) -> Self {
        Self { exit, frame: frame(US, &call(digits).bytes()).bytes(), runs: AtomicU64::new(0) }
    }

    fn run(&self, program: &OwnedFd) {
        const TIMES: u32 = 2_000;
        live::run(program.as_fd(), &self.frame, TIMES).expect("the kernel runs the frame");
        self.runs.fetch_add(u64::from(TIMES), Ordering::Relaxed);
    }
}

/// A million numbers come and go, three times over, one after the other and by new images, from exact
/// numbers to ranges and back: not one call of a blocked caller passes, not one of another is stopped.
#[test]
fn nothing_slips_through_while_a_million_numbers_are_loaded() {
    const NUMBERS: u64 = 1_000_000;
    const LEAST_PER_SECOND: u64 = 100_000;

    let harness = Harness::with(&CONFIG.replace("max_entries = 1024", "max_entries = 2000000"));
    let program = harness.with_program(|program| {
        program.fd().expect("loaded").as_fd().try_clone_to_owned().expect("a descriptor")
    });
    let calls = [
        Calls::new("14155551234", Counter::DropBlocked),
        Calls::new("12125550100", Counter::PassAllowed),
        Calls::new("442079460000", Counter::Pass),
    ];
    let load = |generation: u64| {
        // The blocked one by his number, by a range, or by a prefix; the allowed one lies in a prefix
        // that is blocked.
        let blocked = match generation % 3 {
            0 => exact(BLOCK, "14155551234"),
            1 => range(BLOCK, "14155551000", "14155551999"),
            _ => prefix(BLOCK, "14155551"),
        };
        let allowed = match generation % 2 {
            0 => exact(ALLOW, "12125550100"),
            _ => prefix(ALLOW, "121255501"),
        };
        let others = (0..NUMBERS).map(move |at| {
            let digits = format!("1312{:07}", at * 7 % 10_000_000 + generation);
            exact(BLOCK, &digits)
        });
        let mut all = [blocked, allowed, prefix(BLOCK, "12125")].into_iter().chain(others).map(Ok);
        harness.kernel.relist(&mut all).expect("loaded");
    };
    load(0);
    let before = harness.counters();
    let (stop, started) = (AtomicBool::new(false), Instant::now());
    thread::scope(|scope| {
        for calls in &calls {
            let (stop, program) = (&stop, &program);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    calls.run(program);
                }
            });
        }
        for generation in 1..=3 {
            load(generation);
            // One by one, beside them.
            for at in 0..200 {
                let other = exact(BLOCK, &format!("1313{at:07}"));
                harness.kernel.list(&[other]).expect("listed");
                harness.kernel.unlist(&[other]).expect("taken off");
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let delta = difference(&before, &harness.counters());
    let mut runs = 0;
    for calls in &calls {
        let own = calls.runs.load(Ordering::Relaxed);
        assert_eq!(delta.value(calls.exit), own, "{:?}", calls.exit);
        runs += own;
    }
    assert_eq!(delta.value(Counter::Packets), runs);
    let per_second = runs * 1_000 / (started.elapsed().as_millis() as u64).max(1);
    println!("{runs} INVITEs, {per_second} a second");
    assert!(per_second > LEAST_PER_SECOND, "{per_second}: too few for this to show anything");
}
