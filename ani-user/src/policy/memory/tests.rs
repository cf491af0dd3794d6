//! The order of decision.

use std::time::Duration;

use super::*;
use crate::{
    config::{self, Rate},
    identity::Profile,
    policy::BLOCK,
};

const SECOND: i64 = 1_000_000_000;

fn config(per_caller: Option<Rate>, max_limited: u32) -> Config {
    let trunk = |name: &str, source: &str| {
        let sources = vec![source.parse().expect("network")];
        config::Trunk::new(name.to_owned(), sources, Profile::generic(), None)
    };
    Config {
        capture: Config::default().capture,
        control: Config::default().control,
        store: config::Store { path: "".into() },
        profiles: Vec::new(),
        trunks: vec![trunk("wide", "203.0.113.0/24"), trunk("narrow", "203.0.113.128/25")].into(),
        limits: config::Limits { per_caller, named: config::Numbered::default() },
        lists: config::Lists { max_entries: 2, max_limited, max_attempts: 0 },
        list: config::Numbered::default(),
        hold: config::Hold::default(),
        answers: config::Answers::default(),
        breaker: config::Breaker::default(),
        emergency: config::Emergency { numbers: vec![Number::from_ascii(b"911").expect("digits")] },
        stir: config::Stir::default(),
        telemetry: config::Telemetry { max_callers: 1 },
    }
}

fn invite(called: &str, from: &str, to: &str) -> Vec<u8> {
    format!(
        "INVITE sip:{called}@h SIP/2.0\r\nFrom: <sip:{from}@h>;tag=1\r\nTo: <sip:x@h>{to}\r\n\
         Call-ID: 1\r\n\r\n"
    )
    .into_bytes()
}

fn source() -> IpAddr {
    IpAddr::from([203, 0, 113, 9])
}

fn exit(rules: &Memory, seconds: i64, message: &[u8]) -> Counter {
    rules.decide(Timestamp(seconds * SECOND), source(), message).expect("INVITE").exit
}

fn block(rules: &Memory, number: &[u8], expires: Option<Timestamp>) -> anyhow::Result<()> {
    rules.list(&[Listing::number(BLOCK, Number::from_ascii(number).expect("digits"), expires)])
}

const CALLER: &str = "+14155551234";

#[test]
fn the_order_of_decision() {
    let rate = Rate { calls: 1, within: Duration::from_secs(60) };
    let rules = Memory::new(&config(Some(rate), 10));
    block(&rules, b"14155551234", None).expect("room");
    for (message, expected) in [
        (invite("911", CALLER, ""), Counter::PassPriority),
        (invite("1", CALLER, ";tag=2"), Counter::PassInDialog),
        (invite("1", "anonymous", ""), Counter::PassNoAni),
        (invite("1", "7040", ""), Counter::PassNoAni),
        (invite("1", CALLER, ""), Counter::DropBlocked),
        (invite("1", "+12125550000", ""), Counter::Pass),
        (invite("1", "+12125550000", ""), Counter::DropLimited),
        (b"INVITE sip:1@h SIP/2.0\r\nf: a\r\n b\r\n\r\n".to_vec(), Counter::PassNotPlain),
        (b"\r\nINVITE sip:1@h SIP/2.0\r\n\r\n".to_vec(), Counter::PassNotPlain),
    ] {
        assert_eq!(exit(&rules, 100, &message), expected, "{}", message.escape_ascii());
    }
    assert_eq!(rules.decide(Timestamp(0), source(), b"OPTIONS sip:1@h SIP/2.0\r\n\r\n"), None);
    assert_eq!(rules.decide(Timestamp(0), source(), b"INVITE sip:1@h "), None);
    let counters = rules.counters().expect("counters");
    assert_eq!(counters.value(Counter::Packets), 11);
    assert_eq!(counters.invites(), 9);
    assert_eq!(counters.value(Counter::Keepalive), 1);
    assert_eq!(counters.value(Counter::NotInvite), 1);
}

#[test]
fn no_trunk_is_untrusted_and_the_longest_prefix_wins() {
    let rules = Memory::new(&config(None, 10));
    let message = invite("1", CALLER, "");
    let decide = |source: &str| {
        let source = source.parse().expect("address");
        rules.decide(Timestamp(0), source, &message).map(|view| (view.trunk, view.exit))
    };
    assert_eq!(decide("203.0.113.9"), Some((Some(0), Counter::Pass)));
    assert_eq!(decide("203.0.113.200"), Some((Some(1), Counter::Pass)));
    assert_eq!(decide("::ffff:203.0.113.200"), Some((Some(1), Counter::Pass)));
    assert_eq!(decide("198.51.100.1"), Some((None, Counter::PassUntrusted)));
}

#[test]
fn a_block_ends_in_time_and_the_list_is_bounded() {
    let rules = Memory::new(&config(None, 10));
    let message = invite("1", CALLER, "");
    block(&rules, b"14155551234", Some(Timestamp(10 * SECOND))).expect("room");
    assert_eq!(exit(&rules, 9, &message), Counter::DropBlocked);
    assert_eq!(exit(&rules, 10, &message), Counter::Pass);
    block(&rules, b"12125550000", None).expect("room");
    let error = block(&rules, b"13125550000", None).expect_err("full");
    assert!(error.to_string().contains("full at 2 entries"), "{error}");
    block(&rules, b"14155551234", None).expect("known");
    assert_eq!(exit(&rules, 11, &message), Counter::DropBlocked);
    let number = Number::from_ascii(b"14155551234").expect("digits");
    rules.unlist(&[Listing::number(BLOCK, number, None)]).expect("there");
    assert_eq!(exit(&rules, 11, &message), Counter::Pass);
}

#[test]
fn the_budget_is_exact_and_its_buckets_are_bounded() {
    let rate = Rate { calls: 3, within: Duration::from_secs(60) };
    let rules = Memory::new(&config(Some(rate), 8));
    let message = invite("1", CALLER, "");
    let passed = (0..10).filter(|_| exit(&rules, 1_000, &message) == Counter::Pass).count();
    assert_eq!(passed, 3);
    assert_eq!(exit(&rules, 1_020, &message), Counter::Pass);
    assert_eq!(exit(&rules, 1_020, &message), Counter::DropLimited);
    for other in 0..100 {
        let message = invite("1", &format!("+1212555{other:04}"), "");
        assert_eq!(exit(&rules, 1_020, &message), Counter::Pass);
    }
    assert_eq!(rules.state().buckets.len(), 2);
    let counters = rules.counters().expect("memory");
    assert_eq!(counters.value(Counter::BucketForgotten), 100 + 1 - 8);
    rules.set_limits(&[]).expect("memory");
    assert_eq!(exit(&rules, 1_020, &message), Counter::Pass);
}
