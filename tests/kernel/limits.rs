//! Budgets, exact to the call.

use std::{sync::Barrier, thread, time::Duration};

use ani_ebpf::abi::counter::{Counter, Counters};
use ani_tests::invite::Invite;
use ani_user::policy::Enforce as _;
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

use crate::harness::{CONFIG, FROM_ONLY, Harness, US, US_V6, difference, frame, run, shown};

/// So long that no call comes back while a test runs.
const LONG: Duration = Duration::from_secs(24 * 3_600);

const CALLER: &str = "+14155551234";

fn calls(harness: &mut Harness, source: &str, invite: &Invite, times: u32) -> (u64, u64) {
    let delta = harness.repeat(&frame(source, &invite.bytes()).bytes(), times);
    let (passed, limited) = (delta.value(Counter::Pass), delta.value(Counter::DropLimited));
    assert_eq!(passed + limited, u64::from(times), "{}", shown(&delta));
    (passed, limited)
}

#[test]
fn the_configured_budget_is_exact() {
    let limits = "[limits]\nper_caller = { calls = 10, within = \"10m\" }\n";
    let mut harness = Harness::with(&format!("{CONFIG}{limits}"));
    let invite = Invite::from(CALLER);
    for call in 1..=100 {
        let expected = if call <= 10 { Counter::Pass } else { Counter::DropLimited };
        assert_eq!(harness.invite(US, &invite).exit, expected, "call {call}");
    }
}

#[test]
fn the_budget_is_exact_in_a_burst() {
    for budget in [1, 2, 10, 999] {
        let mut harness = Harness::new();
        harness.limit(budget, LONG);
        let passed = calls(&mut harness, US, &Invite::from(CALLER), 3_000);
        assert_eq!(passed, (budget, 3_000 - budget));
    }
}

#[test]
fn each_caller_trunk_and_attestation_has_a_budget_of_its_own() {
    let mut harness = Harness::new();
    harness.limit(10, LONG);
    let invite = Invite::from(CALLER);
    let spenders = [
        (US, invite.clone()),
        (US, Invite::from("+14155551235")),
        (FROM_ONLY, invite.clone()),
        (US, invite.clone().attested('A')),
        (US, invite.clone().attested('B')),
        (US, invite.clone().attested('C')),
        (US, invite.clone().attested('D')),
    ];
    for (source, invite) in &spenders {
        assert_eq!(calls(&mut harness, source, invite, 50), (10, 40), "{source} {invite:?}");
    }
    // The same caller by another name, address or header is the same caller.
    let mut same = Invite::from("+12125550100").pai(CALLER);
    same.body = 300;
    for (source, invite) in
        [(US_V6, invite.clone()), ("203.0.113.77", same), (US, Invite::from("4155551234"))]
    {
        assert_eq!(calls(&mut harness, source, &invite, 20), (0, 20), "{source} {invite:?}");
    }
}

#[test]
fn no_limit_is_none_and_a_change_is_in_force() {
    let mut harness = Harness::new();
    let invite = Invite::from(CALLER);
    assert_eq!(calls(&mut harness, US, &invite, 1_000), (1_000, 0));
    harness.limit(3, LONG);
    assert_eq!(calls(&mut harness, US, &invite, 1_000), (3, 997));
    harness.kernel.set_limits(&[]).expect("no limit");
    assert_eq!(calls(&mut harness, US, &invite, 1_000), (1_000, 0));
}

#[test]
fn a_budget_comes_back_with_time() {
    let mut harness = Harness::new();
    // One call in 200 ms: the test waits for longer than that, never for less.
    harness.limit(1, Duration::from_millis(200));
    let invite = Invite::from(CALLER);
    assert_eq!(harness.invite(US, &invite).exit, Counter::Pass);
    thread::sleep(Duration::from_millis(250));
    assert_eq!(harness.invite(US, &invite).exit, Counter::Pass);
}

#[test]
fn what_no_rule_stops_spends_no_budget() {
    let mut harness = Harness::new();
    harness.limit(1, LONG);
    let mut in_dialog = Invite::from(CALLER);
    in_dialog.to.push_str(";tag=b2");
    for _ in 0..5 {
        assert_eq!(harness.invite(US, &Invite::from(CALLER).to("911")).exit, Counter::PassPriority);
        assert_eq!(harness.invite(US, &in_dialog).exit, Counter::PassInDialog);
    }
    assert_eq!(calls(&mut harness, US, &Invite::from(CALLER), 5), (1, 4));
    assert_eq!(harness.invite(US, &Invite::from(CALLER).to("911")).exit, Counter::PassPriority);
    assert_eq!(harness.invite(US, &in_dialog).exit, Counter::PassInDialog);
}

/// Two CPUs spend the same budgets at the same time.
#[test]
fn the_budget_is_exact_on_two_cpus_at_once() {
    const THREADS: usize = 2;
    const RUNS: u32 = 20_000;

    let cpus = thread::available_parallelism().map_or(1, usize::from);
    for round in 0..10 {
        let harness = Harness::new();
        let budget = 5_000 + round * 1_000;
        harness.limit(budget, LONG);
        let frame = frame(US, &Invite::from(CALLER).bytes()).bytes();
        let before = harness.counters();
        harness.with_program(|program| {
            let start = Barrier::new(THREADS);
            thread::scope(|scope| {
                for thread in 0..THREADS {
                    let (start, frame) = (&start, &frame);
                    scope.spawn(move || {
                        pin(thread % cpus);
                        start.wait();
                        run(program, frame, RUNS);
                    });
                }
            });
        });
        let delta = difference(&before, &harness.counters());
        let all = u64::from(RUNS) * THREADS as u64;
        assert_eq!(delta.value(Counter::Packets), all, "{}", shown(&delta));
        assert_eq!(delta.value(Counter::Pass), budget, "{}", shown(&delta));
        assert_eq!(delta.value(Counter::DropLimited), all - budget, "{}", shown(&delta));
    }
}

#[test]
fn more_callers_than_are_remembered_only_forgets() {
    const REMEMBERED: usize = 64;
    const CALLERS: usize = 2_000;

    let text = CONFIG.replace("max_limited = 1024", &format!("max_limited = {REMEMBERED}"));
    let mut harness = Harness::with(&text);
    harness.limit(1, LONG);
    let before = harness.counters();
    let caller = |at: usize| Invite::from(&format!("+1212{:07}", 5_550_000 + at));
    for at in 0..CALLERS {
        assert_eq!(harness.invite(US, &caller(at)).exit, Counter::Pass, "first call of {at}");
    }
    assert_eq!(harness.invite(US, &caller(CALLERS - 1)).exit, Counter::DropLimited, "the last");
    assert_eq!(harness.invite(US, &caller(0)).exit, Counter::Pass, "the first is forgotten");
    let delta: Counters = difference(&before, &harness.counters());
    assert_eq!(delta.value(Counter::PassLimitFull), 0, "{}", shown(&delta));
}

/// Keeps the calling thread on one CPU.
fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu).expect("a CPU's number");
    sched_setaffinity(Pid::from_raw(0), &set).expect("the CPU is there");
}
