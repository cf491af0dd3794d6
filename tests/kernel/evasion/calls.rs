//! Entries 1, 2, 15 and 16: whose calls count for whom.

use std::time::Duration;

use ani_ebpf::{abi::counter::Counter, scan::Attestation};
use ani_tests::invite::Invite;

use super::{BLOCKED, HONEST, Suite};
use crate::harness::{CONFIG, Harness, STRANGER, US, US_V6, frame};

/// So long that no call comes back while a test runs.
const LONG: Duration = Duration::from_secs(24 * 3_600);

/// Entry 1, "spoofed-ANI poisoning of a customer": a flood under his number, without a claim or with
/// one that cannot be read, from trunks and strangers, spends nothing of what his attested calls have.
#[test]
fn a_flood_under_a_customers_number() {
    const BUDGET: u64 = 20;

    let mut harness = Harness::new();
    harness.limit(BUDGET, LONG);
    let customer = Invite::from(&format!("+{HONEST}"));
    for (source, flood) in [
        (US, customer.clone()),
        (US, customer.clone().line("Identity: no-token")),
        (US, customer.clone().attested('B')),
        (US, customer.clone().attested('C')),
        (US_V6, customer.clone()),
        (STRANGER, customer.clone().attested('A')),
    ] {
        harness.repeat(&frame(source, &flood.bytes()).bytes(), 5_000);
    }
    let calls = harness.repeat(&frame(US, &customer.attested('A').bytes()).bytes(), BUDGET as u32);
    assert_eq!(calls.value(Counter::Pass), BUDGET);
}

/// Entry 1 again, for customers whose carrier vouches by Identity and by `verstat`: 100,000 calls in
/// their names without either, and each of their own calls passes.
#[test]
fn a_flood_under_the_numbers_of_attested_customers() {
    const FLOOD: u32 = 50_000;
    const BUDGET: u32 = 20;

    let mut harness = Harness::new();
    harness.limit(u64::from(BUDGET), LONG);
    let by_identity = Invite::from(&format!("+{HONEST}"));
    let by_verstat = Invite::from("+12025550143");
    let attested = [
        by_identity.clone().attested('A'),
        by_verstat.clone().pai("+12025550143;verstat=TN-Validation-Passed-A"),
    ];
    for customer in [&by_identity, &by_verstat] {
        let flood = harness.repeat(&frame(US, &customer.bytes()).bytes(), FLOOD);
        assert_eq!(flood.value(Counter::Pass), u64::from(BUDGET));
        assert_eq!(flood.value(Counter::DropLimited), u64::from(FLOOD - BUDGET));
    }
    for calls in &attested {
        let delta = harness.repeat(&frame(US, &calls.bytes()).bytes(), BUDGET);
        assert_eq!(delta.value(Counter::Pass), u64::from(BUDGET), "{calls:?}");
    }
}

/// Entry 2, "unique-ANI flood against map capacity": however many numbers come, who is blocked stays so,
/// who is over his limit a moment ago is so now, and new callers pass.
#[test]
fn a_flood_of_numbers() {
    const NUMBERS: usize = 60_000;
    const EVERY: usize = 500;

    let text = CONFIG.replace("max_limited = 1024", "max_limited = 4096");
    let mut harness = Harness::with(&text);
    harness.block(BLOCKED, None);
    harness.limit(1, LONG);
    let blocked = Invite::from(&format!("+{BLOCKED}"));
    let mut invite = Invite::from("x");
    for at in 0..NUMBERS {
        let caller = format!("+1{}{:07}", 212 + at % 7, 2_000_000 + at);
        invite.from = format!("<sip:{caller}@h>;tag=1");
        assert_eq!(harness.invite(US, &invite).exit, Counter::Pass, "{caller}");
        if at % EVERY == 0 {
            assert_eq!(harness.invite(US, &invite).exit, Counter::DropLimited, "{caller} again");
            assert_eq!(harness.invite(US, &blocked).exit, Counter::DropBlocked, "after {at}");
        }
    }
    harness.unblock(BLOCKED);
    assert_eq!(harness.invite(US, &blocked).exit, Counter::Pass);
}

/// Entry 15, "forged verstat/X-Twilio-VerStat from an untrusted trunk": it changes neither who calls nor
/// what he is worth.
#[test]
fn a_forged_verstat() {
    let mut suite = Suite::new();
    let passed = "verstat=TN-Validation-Passed";
    for verstat in [format!(";{passed}"), format!(";{passed}-A"), ";VERSTAT=x".to_owned()] {
        suite.disguised(&verstat, None, |caller, _| {
            Invite { from: format!("<sip:{caller}{verstat}@h>;tag=1"), ..Invite::from("x") }.text()
        });
        suite.disguised("in tel", None, |caller, _| {
            Invite { from: format!("<tel:{caller}{verstat}>;tag=1"), ..Invite::from("x") }.text()
        });
    }
    for line in ["X-Twilio-VerStat: TN-Validation-Passed-A", "P-Attestation-Indicator: A"] {
        suite.disguised(line, None, |caller, _| Invite::from(caller).line(line).text());
        for source in [US, STRANGER] {
            let run = suite.harness.invite(source, &Invite::from(&format!("+{HONEST}")).line(line));
            let exit = if source == US { Counter::Pass } else { Counter::PassUntrusted };
            assert_eq!(run.exit, exit, "{line}");
            assert_eq!(run.header().attestation, Attestation::None as u8, "{line}");
        }
    }
}

/// Entry 16, "emergency call and `rph` call under active block rule": in odd forms too, such a call is
/// never stopped.
#[test]
fn emergency_calls_in_odd_forms() {
    let mut suite = Suite::new();
    let blocked = Invite::from(&format!("+{BLOCKED}"));
    let to = |uri: &str| Invite { uri: uri.into(), ..blocked.clone() }.text();
    let line = |line: &str| blocked.clone().line(line).text();
    for text in [
        to("sip:911@h;user=phone"),
        to("sip:911;x=y@h"),
        to("tel:911"),
        to("tel:911;phone-context=+1"),
        to("sip:+911@h"),
        to("sip:9%311@h"),
        to("sip:9-1-1@h"),
        to("urn:service:sos.ambulance"),
        to("urn:service:sos;x"),
        to("<sip:911@h>"),
        to("sip:911@h").replace("INVITE ", "INVITE  "),
        "\n".to_owned() + &to("sip:911@h"),
        line("Resource-Priority:ets.0"),
        line("Resource-Priority:       ets.0"),
        line("Resource-Priority:\tets.0"),
        line("Resource-Priority:\r\n ets.0"),
        line("Resource-Priority : ets.0"),
        line("Resource-Priority: dsn.flash,ets.0"),
        line("Resource-Priority: ETS.0"),
        line("RESOURCE-PRIORITY: wps.1;x"),
        line("Resource-Priority: dsn.flash\r\nResource-Priority: wps.1"),
    ] {
        let run = suite.harness.message(US, text.as_bytes());
        let passes = [Counter::PassPriority, Counter::PassNotPlain];
        assert!(passes.contains(&run.exit), "{run:?}: {text}");
        suite.judge.check(&run, 0, text.as_bytes()).unwrap_or_else(|what| panic!("{what}: {text}"));
    }
    // What only looks like one is a call like any other.
    for text in [
        to("sip:+19115550100@h"),
        to("urn:service:sosx").replace("urn:service:sosx", "sip:sos@h"),
        line("X-Resource-Priority: ets.0"),
        line("Resource-Priority: etsx.0"),
        line("Subject: Resource-Priority: ets.0"),
        blocked.text() + "Resource-Priority: ets.0\r\n\r\n",
    ] {
        assert_eq!(suite.harness.message(US, text.as_bytes()).exit, Counter::DropBlocked, "{text}");
    }
}
