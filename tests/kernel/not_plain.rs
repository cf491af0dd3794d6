//! Forms that are left to the full parser: each passes, blocked or not, and the record says why.

use ani_ebpf::{
    abi::{counter::Counter, number::Number},
    scan::NotPlain,
};
use ani_tests::invite::Invite;

use crate::harness::{CHARGED, Harness, STRANGER, US, US_INDEX, US_V6};

const BLOCKED: &str = "14155551234";
const BLOCKED_USER: &str = "+14155551234";

/// What is changed in a plain INVITE of a blocked caller, and the reason it is plain no more.
fn cases() -> Vec<(NotPlain, Vec<u8>)> {
    let invite = Invite::from(BLOCKED_USER);
    let text = invite.text();
    let from = invite.from.clone();
    let with_from = |value: &str| Invite { from: value.into(), ..invite.clone() }.text();
    let with_to = |value: &str| Invite { to: value.into(), ..invite.clone() }.text();
    let with_uri = |value: &str| Invite { uri: value.into(), ..invite.clone() }.text();
    let with_pai = |value: &str| Invite { pai: Some(value.into()), ..invite.clone() }.text();
    let with_rpid = |value: &str| Invite { rpid: Some(value.into()), ..invite.clone() }.text();
    let line = |line: &str| invite.clone().line(line).text();
    let without = |name: &str| {
        let kept = text.split_inclusive("\r\n").filter(|line| !line.starts_with(name));
        kept.collect::<String>()
    };

    use NotPlain::*;
    let cases: Vec<(NotPlain, String)> = vec![
        (LeadingCrlf, format!("\r\n{text}")),
        (RequestUri, with_uri("sip:+1800 5550199@sbc.example")),
        (RequestUri, with_uri("http://sbc.example")),
        (RequestUri, with_uri("sip:+1800%35550199@sbc.example")),
        (RequestLine, text.replacen(" SIP/2.0\r\n", " sip/2.0\r\n", 1)),
        (RequestLine, text.replacen("INVITE ", "invite ", 1)),
        (RequestLine, text.replacen(" SIP/2.0\r\n", "\tSIP/2.0\r\n", 1)),
        (RequestLine, text.replacen(" SIP/2.0\r\n", " SIP/2.0 \r\n", 1)),
        (Folded, line("Subject: a\r\n b")),
        (Folded, line("Subject: a\r\n\tb")),
        (Folded, text.replace("From: ", "From:\r\n ")),
        (LineEnd, line("Subject: a\rb")),
        (LineEnd, line("Subject: a\nb")),
        (LineEnd, line("Subject: a\0b")),
        (LineEnd, text.replacen(" SIP/2.0\r\n", " SIP/2.0\r", 1)),
        (SpaceBeforeColon, text.replace("From:", "From :")),
        (SpaceBeforeColon, text.replace("To:", "To\t:")),
        (SpaceBeforeColon, line("P-Asserted-Identity : <sip:+12125550100@c.example>")),
        (Doubled, line("From: <sip:+12125550100@c.example>;tag=2")),
        (Doubled, line("f: <sip:+12125550100@c.example>;tag=2")),
        (Doubled, line("t: <sip:+12125550100@c.example>")),
        (Doubled, line("i: 2@c.example")),
        (Doubled, invite.clone().pai(BLOCKED_USER).line("P-ASSERTED-IDENTITY: <tel:+12>").text()),
        (Missing, without("From:")),
        (Missing, without("To:")),
        (Missing, without("Call-ID:")),
        (Window, line(&format!("X-Long: {}", "x".repeat(2_000)))),
        (Window, text.trim_end_matches("\r\n").to_owned()),
        (Steps, line(&vec!["X: y"; 170].join("\r\n"))),
        (DisplayName, with_from(&format!("\"a\\\"b\" {from}"))),
        (DisplayName, with_from(&format!("\"a {from}"))),
        (DisplayName, with_from(&format!("a, b {from}"))),
        (DisplayName, with_from(&format!("\"{}\" {from}", "a".repeat(600)))),
        (Scheme, with_from("<mailto:+14155551234@c.example>;tag=1")),
        (Scheme, with_pai("<+14155551234@c.example>")),
        (User, with_from("<sip:+1415%35551234@c.example>;tag=1")),
        (User, with_from("<sip:+1415-555-1234@c.example>;tag=1")),
        (User, with_from("<sip:+14155551234:secret@c.example>;tag=1")),
        (User, with_pai("<sip:+12345678901234567@c.example>")),
        (PhoneContext, with_from("<sip:5551234;phone-context=+1415@c.example>;tag=1")),
        (PhoneContext, with_pai("<tel:5551234;phone-context=+1415>")),
        (Tail, with_pai("<sip:+12125550100@c.example>, <tel:+14155551234>")),
        (Tail, with_rpid("<sip:+14155551234@c.example>;party=called")),
        (Tail, with_to("<sip:+18005550199@sbc.example>; tag=1")),
        (Tail, with_to("<sip:+18005550199@sbc.example>;tag=")),
        (Tail, line("Resource-Priority: dsn.flash, ets.0")),
        (Tail, line("Resource-Priority:      ets.0")),
    ];
    cases.into_iter().map(|(why, text)| (why, text.into_bytes())).collect()
}

#[test]
fn each_reason_passes_and_is_told() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    for source in [US, US_V6] {
        for (why, message) in cases() {
            let shown = String::from_utf8_lossy(&message);
            let run = harness.message(source, &message);
            assert_eq!(run.exit, Counter::PassNotPlain, "{why:?}: {shown}");
            let header = run.header();
            let told = NotPlain::from_raw(header.not_plain);
            assert_eq!(told, Some(why), "{shown}");
            assert_eq!((header.trunk, header.ani), (US_INDEX, Number::NONE), "{why:?}");
        }
    }
}

#[test]
fn each_reason_is_among_the_cases() {
    let reasons: Vec<_> = (1..=u8::MAX).map_while(NotPlain::from_raw).collect();
    assert!(reasons.len() >= 14);
    // Not the message alone makes it: it has a test of its own.
    for reason in reasons.into_iter().filter(|reason| *reason != NotPlain::CallerHeader) {
        assert!(cases().iter().any(|(why, _)| *why == reason), "{reason:?}");
    }
}

/// Where the trunk's order names a header that only the full parser reads, and it is there before any
/// other of the order.
#[test]
fn a_caller_in_a_header_of_the_full_parsers() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    let invite = Invite::from(BLOCKED_USER);
    for line in [
        "P-DCS-Billing-Info: 1@h/2@h;calling=\"tel:+12125550100\"",
        "p-dcs-billing-info: 1@h/2@h",
        "Identity: e30.e30.x;info=<https://h/c>",
        "y: e30.e30.x;info=<https://h/c>",
    ] {
        let run = harness.invite(CHARGED, &invite.clone().line(line));
        assert_eq!(run.exit, Counter::PassNotPlain, "{line}");
        let told = NotPlain::from_raw(run.header().not_plain);
        assert_eq!(told, Some(NotPlain::CallerHeader), "{line}");
        // Another trunk does not read it.
        assert_eq!(harness.invite(US, &invite.clone().line(line)).exit, Counter::DropBlocked);
    }
    assert_eq!(harness.invite(CHARGED, &invite).exit, Counter::DropBlocked);
}

/// Without the change they all are plain: it is the change that makes the difference.
#[test]
fn the_same_without_the_change_is_dropped() {
    let mut harness = Harness::new();
    harness.block(BLOCKED, None);
    let run = harness.invite(US, &Invite::from(BLOCKED_USER).line("Subject: a\tb"));
    assert_eq!((run.exit, run.header().not_plain), (Counter::DropBlocked, 0));
}

/// Whatever the message looks like: who is no trunk is untrusted.
#[test]
fn from_a_stranger_all_is_untrusted() {
    let mut harness = Harness::new();
    for (why, message) in cases() {
        let run = harness.message(STRANGER, &message);
        assert_eq!(run.exit, Counter::PassUntrusted, "{why:?}");
    }
}
