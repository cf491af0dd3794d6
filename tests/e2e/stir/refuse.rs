//! Calls of a trunk that refuses what is wrong with a signature: held until that is known, answered or let
//! go on.

use std::time::Duration;

use ani_user::stir::authority::{Authority, Leaf};
use serde_json::json;
use xtask::lab::{
    CARRIER_V4,
    daemon::{Settings, Trunk},
    process::wait_for,
    uac::{self, Callers, Plan},
};

use super::{Ground, HTTPS, LOCAL, Server, caller::Caller, changed, now, silence};
use crate::{
    hold::{adds_up, tally},
    rig::SETTLE,
};

/// The certificate of a signer whose root no anchor is.
const OTHERS: &str = "https://certs.example.org/other.pem";

const CALLS: u32 = 1_000;

/// A trunk that refuses so, and a time for verifying.
fn refusing(keys: &'static str, tables: &'static str) -> Settings {
    let sources = Settings::default().trunks.remove(0).sources;
    let trunk = Trunk { name: "carrier-a", sources, keys };
    Settings { trunks: vec![trunk], tables, ..Settings::default() }
}

const ENFORCED: &str = "refuse = [\"failed\", \"no-identity\"]\nrefuse_mode = \"enforce\"";

/// Time enough for a certificate that is fetched.
const PATIENT: &str = "[hold]\ndeadline = \"400ms\"\n";

/// The status line and the values of Reason of an answer.
fn said(answer: &str) -> (String, Vec<String>) {
    let status = answer.lines().next().unwrap_or_default().to_owned();
    let reasons = answer.lines().filter_map(|line| line.strip_prefix("Reason: "));
    (status, reasons.map(str::to_owned).collect())
}

#[test]
fn what_is_wrong_with_a_signature_is_answered() {
    let ground = Ground::with(refusing(ENFORCED, ""), false, |lab| {
        let other = Authority::root("Another root").issue(Leaf::spc("0000"));
        lab.write("certs/certs.example.org/other.pem", &other.chain()).expect("a certificate");
    });
    let mut caller = Caller::new(&ground.rig.lab);
    let stale = |orig: &str| ground.identity(LOCAL, orig, 90);
    // While no signer has agreed with this host's clock, nobody is refused by it.
    caller.call("+12015550100", Some(&stale("12015550100")));
    assert_eq!(tally(&ground.rig, "refuse_clock"), 1);
    for _ in 0..2 {
        caller.call("+12015550101", Some(&ground.identity(LOCAL, "12015550101", 0)));
    }
    let bad = changed(ground.identity(LOCAL, "12015550103", 0));
    let refused = [
        ("+12015550102", Some(stale("12015550102")), "403 Stale Date"),
        ("+12015550103", Some(bad), "438 Invalid Identity Header"),
        (
            "+12015550104",
            Some(ground.identity(LOCAL, "12015550999", 0)),
            "438 Invalid Identity Header",
        ),
        (
            "+12015550105",
            Some(ground.identity(OTHERS, "12015550105", 0)),
            "437 Unsupported Credential",
        ),
        (
            "+12015550106",
            Some(ground.identity("http://certs.example.org/1.pem", "12015550106", 0)),
            "436 Bad Identity Info",
        ),
        ("+12015550107", None, "428 Use Identity Header"),
    ];
    for (from, identity, expected) in &refused {
        let invite = caller.invite(from, identity.as_deref());
        let answer = caller.refused(&invite);
        let (status, reasons) = said(&answer);
        assert_eq!(status, format!("SIP/2.0 {expected}"), "{from}: {answer}");
        let (code, phrase) = expected.split_once(' ').expect("a phrase");
        assert_eq!(reasons.len(), 1, "{from}: {answer}");
        let reason = format!("STIR ;cause={code} ;text=\"{phrase}\"");
        assert!(reasons[0].starts_with(&reason), "{from}: {answer}");
        assert_eq!(identity.is_some(), reasons[0].contains(" ;ppi=\".."), "{from}: {answer}");
        // Sent again, it gets the same; whoever sends the ACK is heard by nobody.
        assert_eq!(caller.refused(&invite), answer, "{from}");
    }
    for (from, ..) in &refused {
        assert_eq!(ground.rig.received(from), 0, "{from} reached the SBC");
    }
    for from in ["+12015550100", "+12015550101"] {
        assert!(ground.rig.received(from) > 0, "{from} did not reach the SBC");
    }
    adds_up(&ground.rig);
    let expected = json!({
        "stale": 1, "signature-invalid": 1, "orig-mismatch": 1, "certificate-incomplete": 1,
        "url-refused": 1, "no-identity": 1,
    });
    assert_eq!(ground.stir()["refused"], expected);
    assert_eq!(tally(&ground.rig, "held_stopped"), refused.len() as u64);
    assert_eq!(
        ground.rig.daemon.counter("dropped_follow_up").expect("counter"),
        2 * refused.len() as u64
    );
}

#[test]
fn a_thousand_of_a_thousand_signed_calls_complete() {
    let ground = Ground::with(refusing(ENFORCED, ""), false, |_| ());
    let callers = (0..CALLS).map(|at| {
        let orig = format!("120155{:05}", 50_000 + at);
        let token = ground.signer.shaken(LOCAL, &orig, uac::CALLED, 'A', now());
        (format!("+{orig}"), token)
    });
    let outcome = ground.rig.call(&Plan::new(Callers::Signed(callers.collect()), CALLS, 200));
    assert!(outcome.all_completed(CALLS), "{outcome:?}");
    adds_up(&ground.rig);
    let (held, released) =
        (ground.rig.daemon.counter("held").expect("counter"), tally(&ground.rig, "held_released"));
    assert_eq!(ground.stir()["outcomes"], json!({ "valid": CALLS }));
    assert!(held >= CALLS.into() && released * 10 > held * 9, "{released} of {held}: {outcome:?}");
}

#[test]
fn a_call_goes_on_when_its_certificate_does_not_come() {
    let ground = Ground::with(refusing(ENFORCED, PATIENT), true, silence);
    let mut caller = Caller::new(&ground.rig.lab);
    let url = format!("https://{CARRIER_V4}:{HTTPS}/1.pem");
    let from = "+12015550101";
    let invite = caller.invite(from, Some(&ground.identity(&url, "12015550101", 0)));
    // The same again while it is held: one call.
    let again = caller.again(&invite, Duration::from_millis(150));
    let took = caller.place(&invite);
    again.join().expect("sent");
    assert!((400..1_000).contains(&took.as_millis()), "{took:?}");
    assert_eq!(ground.rig.received(from), 1);
    adds_up(&ground.rig);
    assert_eq!(["held_late", "held_repeated"].map(|name| tally(&ground.rig, name)), [1, 1]);
    // Once let go on, it is not stopped any more, whatever comes of the signature.
    caller.place(&invite);
}

#[test]
fn a_certificate_that_comes_in_time_decides() {
    let mut server = None;
    let ground = Ground::with(refusing(ENFORCED, PATIENT), true, |lab| {
        server = Some(Server::start(lab, Duration::from_millis(20)));
    });
    let mut caller = Caller::new(&ground.rig.lab);
    let url = format!("https://{CARRIER_V4}:{HTTPS}/1.pem");
    let invite = caller.invite("+12015550102", Some(&ground.identity(&url, "12015550999", 0)));
    let answer = caller.refused(&invite);
    assert!(answer.starts_with("SIP/2.0 438 "), "{answer}");
    let took = caller.call("+12015550101", Some(&ground.identity(&url, "12015550101", 0)));
    assert!(took < Duration::from_millis(400), "{took:?}");
    assert_eq!(ground.rig.received("+12015550102"), 0);
    adds_up(&ground.rig);
    assert_eq!(
        ["held_late", "held_stopped", "held_released"].map(|name| tally(&ground.rig, name)),
        [0, 1, 1]
    );
    drop(server);
}

#[test]
fn what_is_observed_is_told_and_nobody_waits() {
    let keys = "refuse = [\"failed\", \"no-identity\"]\nrefuse_mode = \"observe\"";
    let ground = Ground::with(refusing(keys, ""), false, |_| ());
    let mut caller = Caller::new(&ground.rig.lab);
    for identity in [None, Some(ground.identity(LOCAL, "12015550999", 0))] {
        caller.call("+12015550101", identity.as_deref());
    }
    assert_eq!(ground.rig.daemon.counter("held").expect("counter"), 0);
    let expected = json!({"no-identity": 1, "orig-mismatch": 1});
    let told = wait_for("what would be", SETTLE, || ground.stir()["would_refuse"] == expected);
    assert!(told.is_ok(), "{}", ground.stir());
    let text = ground.rig.daemon.cli(&["status"]).expect("status");
    assert!(text.contains("only observed: no-identity 1, orig-mismatch 1\n"), "{text}");
    let metrics = ground.rig.daemon.metrics(&ground.rig.lab).expect("metrics");
    let series = "ani_rule_would_have_decided_total{kind=\"stir\",name=\"orig-mismatch\"}";
    assert_eq!(metrics.value(series), Some(1));
    // From now on it is in force: the program holds what it did not.
    let file = ground.rig.lab.path("ani.toml");
    let text = std::fs::read_to_string(&file).expect("a configuration");
    std::fs::write(&file, text.replace("\"observe\"", "\"enforce\"")).expect("a configuration");
    let changed = ground.rig.daemon.cli(&["reload"]).expect("reload");
    assert!(changed.contains("refuse_mode"), "{changed}");
    let taken = wait_for("the reload", SETTLE, || {
        let invite = caller.invite("+12015550103", None);
        caller.refused_within(&invite, Duration::from_millis(300)).is_some()
    });
    taken.expect("refused");
}
