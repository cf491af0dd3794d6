//! `cargo xtask demo`: real calls through ani and a kamailio, and what became of each.

/// What is expected and what was seen.
mod checks;

use std::{process::ExitCode, time::Duration};

use xtask::{
    cleanup,
    lab::{
        Lab,
        daemon::{self, Daemon, METRICS, Settings},
        process::wait_for,
        sbc::Sbc,
        uac::{Callers, Outcome, Plan, Route, Uac},
    },
    preflight, provision,
    workspace::{self, Profile},
};

use self::checks::{Checks, Seen};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Leave everything running afterwards, until Ctrl-C
    #[arg(long)]
    keep: bool,
}

/// Calls a caller may place, and within what: nothing comes back while the demo runs.
const BUDGET: u32 = 5;
const WITHIN: &str = "10m";

const BLOCKED: &str = "+12015550166";
const LIMITED: &str = "+12015550177";

/// Calls placed; no honest caller reaches the budget.
const HONEST_V4_CALLS: u32 = 40;
const HONEST_V6_CALLS: u32 = 20;
const BLOCKED_CALLS: u32 = 6;
const LIMITED_CALLS: u32 = 12;
const ANONYMOUS_CALLS: u32 = 4;
const TCP_CALLS: u32 = 10;
const LARGE_CALLS: u32 = 10;

/// Who places those whose INVITE comes in fragments.
const LARGE_PREFIX: &str = "+161755501";
const LARGE_CALLERS: std::ops::RangeInclusive<u32> = 31..=32;

/// What makes an INVITE too large for a frame.
const PADDING: usize = 2_000;

/// How long one who will get no answer waits for it.
const PATIENCE: Duration = Duration::from_secs(3);

/// When the daemon is looked at while calls run.
const MIDST: Duration = Duration::from_millis(2_500);

/// How soon after the last call the counters have to be right.
const SETTLE: Duration = Duration::from_secs(3);

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    preflight::network("demo")?;
    provision::build_tools()?;
    provision::lab_packages()?;
    println!("demo: building ani (a minute or two the first time)");
    let ani = workspace::build_ani(Profile::Release)?;

    println!("demo: two network namespaces, a carrier and an SBC, joined by a veth pair");
    let lab = Lab::new()?;
    println!("demo: kamailio as the SBC, sipp answering behind it");
    let sbc = Sbc::start(&lab)?;
    println!("demo: ani run before the SBC, {BUDGET} calls within {WITHIN} for each caller");
    let settings = Settings { per_caller: Some((BUDGET, WITHIN)), ..Settings::default() };
    let daemon = Daemon::start(&lab, &ani, &settings)?;
    println!("demo: ani block add {BLOCKED}");
    daemon.cli(&["block", "add", BLOCKED, "--reason", "demo"])?;

    let calls = place_calls(&lab, &daemon)?;
    println!("\ndemo: after the calls");
    show(&daemon)?;

    let checks = judge(&lab, &sbc, &daemon, &calls)?;
    println!("{checks}");
    let passed = checks.passed();
    if options.keep {
        keep(&lab, &ani, passed);
    }
    daemon.stop()?;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

struct Calls {
    honest_v4: Outcome,
    honest_v6: Outcome,
    blocked: Outcome,
    limited: Outcome,
    anonymous: Outcome,
    tcp: Outcome,
    large: Outcome,
}

fn place_calls(lab: &Lab, daemon: &Daemon) -> anyhow::Result<Calls> {
    println!(
        "demo: calls: {HONEST_V4_CALLS} honest over IPv4, {HONEST_V6_CALLS} over IPv6, \
         {BLOCKED_CALLS} of a blocked caller, {LIMITED_CALLS} of one caller with a budget of \
         {BUDGET}, {ANONYMOUS_CALLS} anonymous, {TCP_CALLS} over TCP, {LARGE_CALLS} whose INVITE comes \
         in fragments"
    );
    let start = |plan: Plan| Uac::start(lab, &plan);
    let honest_v4 = start(Plan::new(numbers("+120155501", 1..=10), HONEST_V4_CALLS, 10))?;
    let honest_v6 =
        start(Plan::new(numbers("+131255501", 11..=15), HONEST_V6_CALLS, 5).over(Route::V6))?;
    // Sent again and again: not one of the retransmissions may slip through either.
    let blocked = start(Plan {
        answer_within: PATIENCE,
        ..Plan::new(Callers::one(BLOCKED), BLOCKED_CALLS, 2)
    })?;
    // Sent once each, so that a call is one INVITE and the budget can be counted.
    let limited = start(Plan::new(Callers::one(LIMITED), LIMITED_CALLS, 6).once(PATIENCE))?;
    let anonymous = start(Plan::new(Callers::Anonymous, ANONYMOUS_CALLS, 1))?;
    let tcp = start(Plan::new(numbers("+141555501", 21..=22), TCP_CALLS, 5).tcp())?;
    let large = Plan::new(numbers(LARGE_PREFIX, LARGE_CALLERS), LARGE_CALLS, 5).padded(PADDING);
    let large = start(large)?;

    std::thread::sleep(MIDST);
    println!("\ndemo: while calls run");
    show(daemon)?;
    Ok(Calls {
        honest_v4: honest_v4.finish()?,
        honest_v6: honest_v6.finish()?,
        blocked: blocked.finish()?,
        limited: limited.finish()?,
        anonymous: anonymous.finish()?,
        tcp: tcp.finish()?,
        large: large.finish()?,
    })
}

/// Numbers kept for fiction: two digits behind a prefix.
fn numbers(prefix: &str, last: std::ops::RangeInclusive<u32>) -> Callers {
    Callers::Numbers(last.map(|last| format!("{prefix}{last:02}")).collect())
}

fn show(daemon: &Daemon) -> anyhow::Result<()> {
    for arguments in [["status"].as_slice(), &["top", "callers"]] {
        println!("$ ani {}\n{}", arguments.join(" "), daemon.cli(arguments)?.trim_end());
    }
    Ok(())
}

fn judge(lab: &Lab, sbc: &Sbc, daemon: &Daemon, calls: &Calls) -> anyhow::Result<Checks> {
    let mut checks = Checks::default();
    let honest = [
        ("honest calls completed, IPv4", HONEST_V4_CALLS, &calls.honest_v4),
        ("honest calls completed, IPv6", HONEST_V6_CALLS, &calls.honest_v6),
        ("anonymous calls completed", ANONYMOUS_CALLS, &calls.anonymous),
        ("calls over TCP completed", TCP_CALLS, &calls.tcp),
        ("calls in fragments completed", LARGE_CALLS, &calls.large),
        ("calls completed of the one over his limit", BUDGET, &calls.limited),
        ("calls completed of the blocked one", 0, &calls.blocked),
    ];
    for (what, expected, outcome) in honest {
        checks.equal(what, u64::from(expected), outcome.completed);
    }
    let seen = Seen::by(sbc)?;
    checks.equal("INVITEs of the blocked one at the SBC", 0, seen.of(BLOCKED));
    checks.equal("INVITEs at the SBC of the one over his limit", BUDGET.into(), seen.of(LIMITED));

    let blocked = calls.blocked.placed + calls.blocked.retransmitted;
    let limited = u64::from(LIMITED_CALLS - BUDGET);
    let anonymous = seen.of(checks::ANONYMOUS);
    // The program hands TCP on and decides nothing there; of an INVITE in fragments, the first ends
    // before the headers do, and is held for the daemon to decide.
    let datagrams = seen.all() - calls.tcp.placed;
    let large = LARGE_CALLERS.map(|last| seen.of(&format!("{LARGE_PREFIX}{last:02}"))).sum::<u64>();
    let expected = [
        ("invites", datagrams + blocked + limited),
        ("passed", datagrams - large),
        ("passed_default", datagrams - anonymous - large),
        ("held", large),
        ("undecided", 0),
        ("passed_no_ani", anonymous),
        ("dropped", blocked + limited),
        ("dropped_blocked", calls.blocked.placed),
        ("dropped_repeated", calls.blocked.retransmitted),
        ("dropped_limited", limited),
    ];
    // What is read may be a moment old; if it does not come right, the checks below say so.
    let _late = wait_for("the counters", SETTLE, || {
        daemon.metrics(lab).is_ok_and(|metrics| {
            expected.iter().all(|(name, value)| metrics.value(&metric(name)) == Some(*value))
        })
    });
    let metrics = daemon.metrics(lab)?;
    for (name, value) in expected {
        checks.equal(&format!("status: {name}"), value, daemon.counter(name)?);
        checks.equal(&format!("metrics: {}", metric(name)), value, metrics.value(&metric(name)));
    }
    let analysed = seen.all() + blocked + limited;
    let _late = wait_for("the daemon", SETTLE, || {
        daemon.tally("invites").is_ok_and(|invites| invites == analysed)
    });
    checks.equal("INVITEs the daemon has analysed", analysed, daemon.tally("invites")?);
    let together = daemon.tally("fragments_reassembled")?;
    checks.equal("of those, put together from fragments", large, together);
    Ok(checks)
}

fn metric(counter: &str) -> String {
    format!("ani_{counter}_total")
}

/// Says how to look around and waits for the signal that ends the process.
fn keep(lab: &Lab, ani: &std::path::Path, passed: bool) -> ! {
    cleanup::exit_code_when_interrupted(i32::from(!passed));
    let socket = daemon::socket(lab);
    let ani = format!("{} --socket {}", ani.display(), socket.display());
    let (carrier, sbc) = (lab.carrier.name(), lab.sbc.name());
    let directory = lab.directory().display();
    let route = Route::V4;
    println!(
        "\nAll of it still runs. From another terminal, as root:\n\
         \n  {ani} status\
         \n  {ani} top callers\
         \n  {ani} caller {LIMITED}\
         \n  {ani} block list\
         \n  ip netns exec {sbc} curl http://{METRICS}/metrics\
         \n  ip netns exec {carrier} sipp {to} -i {from} -sf {directory}/calls-0.xml \
         -inf {directory}/calls-0.csv -m 10 -r 2\
         \n\nConfiguration, logs and scenarios: {directory}\
         \nCtrl-C ends it and removes all of it.",
        to = route.to(),
        from = route.from(),
    );
    loop {
        std::thread::park();
    }
}
