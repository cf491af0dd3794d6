//! Lists and limits at rest: what the commands, the status and the metrics say, and what the kernel is
//! told.

use ani_ebpf::abi::number::Number;
use ani_user::{
    config::Config,
    policy::{
        BLOCK,
        breaker::{Call, Outcome, Stopper},
    },
};
use serde_json::json;

use crate::{
    config,
    metrics::{samples, scrape},
    rig::Rig,
};

const PER_CALLER: Stopper = Stopper::Limit(1);

/// Of 30 callers over the trunk, all vouched for, 12 are stopped by it.
fn stop_many(rig: &Rig, by: Stopper) {
    let daemon = rig.daemon();
    for caller in 0..30 {
        let digits = format!("1415555{caller:04}");
        let caller_number = Number::from_ascii(digits.as_bytes()).expect("digits");
        let outcome = match caller % 5 < 2 {
            true => Outcome::Stopped { by, watched: true },
            false => Outcome::Passed,
        };
        let call = Call { trunk: 0, caller: caller_number, vouched: true, outcome };
        daemon.breaker.saw(&call, rig.clock.time());
    }
    daemon.settle_rests(rig.clock.time());
}

fn limited() -> String {
    config("[limits]\nper_caller = { calls = 5, within = '30s' }")
}

#[test]
fn what_is_at_rest_is_shown_and_an_operator_ends_it() {
    let rig = Rig::new(&limited());
    assert_eq!(rig.text(&["breaker"]), "nothing at rest; 0 callers known, 0 trips\n");
    assert!(
        rig.text(&["status"]).contains("breaker     nothing at rest; 0 callers known, 0 trips\n")
    );
    stop_many(&rig, PER_CALLER);
    assert!(rig.limit_observes());
    let rest = json!({
        "kind": "limit", "name": "per-caller", "until": "2023-11-14T22:23:20.000000Z",
        "trunk": "carrier-a", "good": 20, "stopped": 8, "stopped_by_it": 8, "share": 40,
    });
    let expected = json!({
        "enabled": true, "trips": 1, "known": 0, "forgotten": 0, "crowded": 0, "resting": [rest],
    });
    assert_eq!(rig.json(&["breaker", "show"]), expected);
    assert_eq!(rig.json(&["status"])["breaker"], expected);
    assert_eq!(
        rig.text(&["breaker", "show"]),
        "AT REST until 2023-11-14 22:23:20 UTC: the limit per-caller, see `ani breaker`; 0 callers \
         known, 1 trip\n\n\
         at rest  name        until (UTC)          trunk      good callers  stopped  by it  share\n\
         limit    per-caller  2023-11-14 22:23:20  carrier-a            20        8      8   40 %\n"
    );
    let refused = rig.ani(&["breaker", "resume", "block"]);
    assert_eq!(refused.code, 1);
    assert_eq!(refused.stderr, "ani: `block` is not at rest; at rest: per-caller\n");
    assert_eq!(
        rig.text(&["breaker", "resume", "per-caller"]),
        "limit per-caller stops calls again\n"
    );
    assert!(!rig.limit_observes());
    assert_eq!(rig.json(&["breaker"])["resting"], json!([]));
    let refused = rig.ani(&["breaker", "resume", "per-caller"]);
    assert_eq!(refused.stderr, "ani: `per-caller` is not at rest; at rest: nothing is\n");
}

#[test]
fn a_rest_outlasts_other_changes_and_ends_with_its_time() {
    let rig = Rig::new(&limited());
    stop_many(&rig, PER_CALLER);
    rig.text(&["limit", "set", "10", "per", "1m"]);
    assert_eq!((rig.limit().as_deref(), rig.limit_observes()), (Some("10 per 1m"), true));
    rig.text(&["limit", "reset"]);
    assert_eq!((rig.limit().as_deref(), rig.limit_observes()), (Some("5 per 30s"), true));
    let other =
        Config::parse(&config("[limits]\nper_caller = { calls = 7, within = '70s' }"), "ani.toml");
    rig.daemon().reload(other.expect("a configuration")).expect("reloaded");
    assert!(rig.limit_observes());
    rig.clock.advance(599);
    rig.daemon().settle_rests(rig.clock.time());
    assert!(rig.limit_observes());
    rig.clock.advance(1);
    rig.daemon().settle_rests(rig.clock.time());
    assert!(!rig.limit_observes());
}

#[test]
fn switched_off_it_ends_all_rests() {
    let rig = Rig::new(&limited());
    stop_many(&rig, PER_CALLER);
    let off = Config::parse(&(limited() + "\n[breaker]\nenabled = false"), "ani.toml");
    rig.daemon().reload(off.expect("a configuration")).expect("reloaded");
    rig.daemon().settle_rests(rig.clock.time());
    assert!(!rig.limit_observes());
    assert_eq!(rig.text(&["breaker"]), "off: breaker.enabled is false\n");
}

#[test]
fn what_the_kernel_refuses_is_tried_again() {
    let rig = Rig::new(&config(""));
    rig.enforce.fail(1);
    stop_many(&rig, Stopper::List(BLOCK));
    assert_eq!(rig.list_observes(BLOCK), Some(false));
    rig.daemon().settle_rests(rig.clock.time());
    assert_eq!(rig.list_observes(BLOCK), Some(true));
    // As records have it.
    rig.text(&["breaker", "resume", "list:block"]);
    assert_eq!(rig.list_observes(BLOCK), Some(false));
}

#[test]
fn the_metrics_name_what_is_at_rest() {
    let rig = Rig::new(&config(""));
    stop_many(&rig, Stopper::List(9));
    let (_, text) = scrape(&rig, "GET", "/metrics");
    let samples = samples(&text);
    for (series, value) in [
        ("ani_breaker_trips_total", 1.0),
        ("ani_breaker_forgotten_total", 0.0),
        ("ani_breaker_crowded_total", 0.0),
        ("ani_breaker_known", 0.0),
        ("ani_breaker_resting{kind=\"list\",name=\"#9\"}", 1.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series}\n{text}");
    }
}

#[test]
fn what_is_known_of_callers_goes_with_their_trunk_and_no_rest_does() {
    let rig = Rig::new(&limited());
    let caller = Number::from_ascii(b"14155550001").expect("digits");
    let call = Call { trunk: 0, caller, vouched: false, outcome: Outcome::Passed };
    rig.daemon().breaker.saw(&call, rig.clock.time());
    stop_many(&rig, PER_CALLER);
    let known = || rig.json(&["breaker"])["known"].clone();
    let reload = |text: String| {
        let config = Config::parse(&text, "ani.toml").expect("a configuration");
        rig.daemon().reload(config).expect("reloaded");
    };
    let other = "[[trunk]]\nname = 'other'\nsources = ['198.51.100.0/24']\n";
    reload(format!("{}\n{other}", limited()));
    assert_eq!(known(), 1);
    reload(format!("{other}{}", limited()));
    assert_eq!(known(), 1, "in another order it is the same trunk");
    let (_, limits) =
        limited().split_once("'US'\n").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("limits");
    reload(format!("{other}{limits}"));
    assert_eq!(known(), 0);
    assert!(rig.limit_observes());
    assert_eq!(rig.json(&["breaker"])["resting"][0]["name"], "per-caller");
}

#[test]
fn the_rest_of_what_is_gone_ends() {
    const LIST: &str = "[[list]]\nname = 'feed'\naction = 'block'\nmode = 'enforce'\n";
    const LIMIT: &str = "[[limit]]\nname = 'tight'\ncalls = 1\nwithin = '1m'\nper = ['called']\n\
                         mode = 'enforce'\n";
    let rig = Rig::new(&config(&format!("{LIST}{LIMIT}")));
    let reload = |text: &str| {
        let config = Config::parse(&config(text), "ani.toml").expect("a configuration");
        rig.daemon().reload(config).expect("reloaded");
    };
    for (stopper, kept, other) in
        [(Stopper::List(4), LIMIT, Stopper::Limit(2)), (Stopper::Limit(2), LIST, Stopper::List(4))]
    {
        stop_many(&rig, stopper);
        rig.clock.advance(61);
        stop_many(&rig, other);
        assert_eq!((rig.list_observes(4), rig.limit_observes()), (Some(true), true));
        reload(kept);
        let resting = rig.json(&["breaker"])["resting"].clone();
        assert_eq!(resting.as_array().map(Vec::len), Some(1), "{resting}");
        assert_eq!(resting[0]["kind"], other.kind());
        reload(&format!("{LIST}{LIMIT}"));
        let rests = (rig.list_observes(4), rig.limit_observes());
        assert_eq!(rests, (Some(other == Stopper::List(4)), other == Stopper::Limit(2)));
        rig.clock.advance(601);
        rig.daemon().settle_rests(rig.clock.time());
        assert_eq!((rig.list_observes(4), rig.limit_observes()), (Some(false), false));
    }
}
