//! What `verstat` is worth, by the trunk's profile: budgets, scopes of lists, odd forms, and the compiled
//! program against the full parser.

use std::{collections::BTreeMap, time::Duration};

use ani_ebpf::{abi::counter::Counter, scan::Attestation};
use ani_tests::{invite::Invite, random::Random};
use ani_user::policy::{BLOCK, Enforce as _, Listing};

use crate::{
    generated::generated,
    harness::{Harness, frame, number},
    judge::Judge,
    mutation::{mutate, templates},
};

/// A trunk for each way to believe it, and one that believes nothing.
const CONFIG: &str = r#"
[capture]
sip_ports = [5060]
ring_bytes = 1048576

[lists]
max_entries = 1024
max_limited = 1024
max_attempts = 0

[[profile]]
name = "from-first"
base = "oracle"
verstat_headers = ["from", "p-asserted-identity"]

[[profile]]
name = "nothing"
base = "generic"
attestation = ["header"]

[[profile]]
name = "three-headers"
base = "generic"
verstat_headers = ["p-asserted-identity", "remote-party-id", "from"]

[[trunk]]
name = "generic"
sources = ["203.0.113.0/32"]
country = "US"

[[trunk]]
name = "3gpp"
sources = ["203.0.113.1/32"]
country = "US"
profile = "3gpp"

[[trunk]]
name = "bandwidth"
sources = ["203.0.113.2/32"]
country = "US"
profile = "bandwidth"

[[trunk]]
name = "telnyx"
sources = ["203.0.113.3/32"]
country = "US"
profile = "telnyx"

[[trunk]]
name = "livevox"
sources = ["203.0.113.4/32"]
country = "US"
profile = "livevox"

[[trunk]]
name = "from-first"
sources = ["203.0.113.5/32"]
country = "US"
profile = "from-first"

[[trunk]]
name = "nothing"
sources = ["203.0.113.6/32"]
country = "US"
profile = "nothing"

[[trunk]]
name = "three-headers"
sources = ["203.0.113.7/32"]
country = "US"
profile = "three-headers"
"#;

const TRUNKS: u16 = 8;

const GENERIC: &str = "203.0.113.0";
const THREE_GPP: &str = "203.0.113.1";
const TELNYX: &str = "203.0.113.3";
const LIVEVOX: &str = "203.0.113.4";
const NOTHING: &str = "203.0.113.6";

const CALLER: &str = "+14155551234";

/// So long that no call comes back while a test runs.
const LONG: Duration = Duration::from_secs(24 * 3_600);

/// With `value` as P-Asserted-Identity.
fn pai(value: &str) -> Invite {
    Invite { pai: Some(value.to_owned()), ..Invite::from(CALLER) }
}

/// In the user part.
fn told(token: &str) -> Invite {
    pai(&format!("<sip:{CALLER};verstat={token}@h;user=phone>"))
}

fn class(harness: &mut Harness, source: &str, invite: &Invite) -> Attestation {
    let run = harness.invite(source, invite);
    assert_eq!(run.header().not_plain, 0, "{invite:?}");
    Attestation::from_raw(run.header().attestation)
}

#[test]
fn the_least_that_is_believed_counts() {
    use Attestation::{A, B, C, None, Unclear};

    let mut harness = Harness::with(CONFIG);
    let passed = "TN-Validation-Passed";
    let [a, b, c] = ["A", "B", "C"].map(|level| told(&format!("{passed}-{level}")));
    for (source, invite, expected) in [
        (GENERIC, a.clone(), A),
        (GENERIC, b.clone(), B),
        (GENERIC, c.clone(), C),
        (GENERIC, told("tn-validation-PASSED-a"), A),
        (GENERIC, told(passed), None),
        (GENERIC, told("TN-Validation-Failed"), None),
        (GENERIC, told("No-TN-Validation"), None),
        // Beside the signer's claim.
        (GENERIC, a.clone().attested('C'), C),
        (GENERIC, b.clone().attested('A'), B),
        (GENERIC, a.clone().attested('D'), Unclear),
        (GENERIC, told(passed).attested('A'), A),
        (GENERIC, told("No-TN-Validation").attested('B'), B),
        (GENERIC, told("TN-Validation-Failed").attested('A'), None),
        // In each place, quoted or not.
        (GENERIC, pai(&format!("<sip:{CALLER}@h;verstat={passed}-B>")), B),
        (GENERIC, pai(&format!("<sip:{CALLER}@h>;verstat={passed}-B")), B),
        (GENERIC, pai(&format!("<sip:{CALLER}@h>;verstat=\"{passed}-B\"")), B),
        (GENERIC, pai(&format!("<tel:{CALLER};verstat={passed}-B>")), B),
        (GENERIC, pai(&format!("\"x\" <tel:{CALLER};VerStat={passed}-B>")), B),
        // On From where that names the caller, and not behind a P-Asserted-Identity.
        (
            GENERIC,
            Invite {
                from: format!("<sip:{CALLER};verstat={passed}-A@h>;tag=1"),
                ..Invite::from("x")
            },
            A,
        ),
        (
            GENERIC,
            Invite {
                from: format!("<sip:{CALLER};verstat={passed}-A@h>;tag=1"),
                ..pai(&format!("<sip:{CALLER}@h>"))
            },
            None,
        ),
        // What the profile makes of it.
        (TELNYX, pai(&format!("<sip:{CALLER}@h;verstat={passed}>")), A),
        (TELNYX, a.clone(), None),
        (LIVEVOX, told(passed), A),
        (LIVEVOX, told(passed).attested('C'), A),
        (LIVEVOX, Invite::from(CALLER).attested('A'), None),
        (THREE_GPP, pai(&format!("<sip:{CALLER}@h>;verstat={passed}-A")), None),
        (NOTHING, a.clone(), None),
        (NOTHING, Invite::from(CALLER).attested('A'), None),
    ] {
        assert_eq!(class(&mut harness, source, &invite), expected, "{source} {invite:?}");
    }
}

#[test]
fn odd_forms_are_no_level() {
    let mut harness = Harness::with(CONFIG);
    let passed = "TN-Validation-Passed-A";
    for value in [
        format!("<sip:{CALLER};verstat={passed};verstat={passed}@h>"),
        format!("<sip:{CALLER};verstat={passed}@h;verstat=TN-Validation-Failed>"),
        format!("<sip:{CALLER};verstat={passed}@h>;attest=C"),
        format!("<sip:{CALLER};verstat = {passed}@h>"),
        format!("<sip:{CALLER};verstat= {passed}@h>"),
        format!("<sip:{CALLER};verstat@h>"),
        format!("<sip:{CALLER};verstat=@h>"),
        format!("<sip:{CALLER};verstat={passed}|attest=C@h>"),
        format!("<sip:{CALLER};verstat={passed}-Diverted@h>"),
        format!("<sip:{CALLER};verstat=TN-Validation-Passed-D@h>"),
        format!("<sip:{CALLER};verstat=TN-Validation-Passed%2DA@h>"),
        format!("<sip:{CALLER};verstat=TN-Validation@h>"),
        format!("<sip:{CALLER}@h?x=y;verstat={passed}>"),
        format!("<sip:{CALLER}@h>;verstat=\"{passed}"),
        format!("<sip:{CALLER}@h>;verstat=\"{passed}\"x"),
        format!("<sip:{CALLER}@h>;x=\";verstat={passed}\""),
        format!("<sip:{CALLER}@h>;a;b;c;d;e;f;g;h;i;j;verstat={passed}"),
    ] {
        let class = class(&mut harness, GENERIC, &pai(&value));
        assert_eq!(class, Attestation::Unclear, "{value}");
    }
}

#[test]
fn each_class_has_a_budget_of_its_own() {
    let mut harness = Harness::with(CONFIG);
    harness.limit(10, LONG);
    let tokens = ["TN-Validation-Passed-A", "TN-Validation-Passed-B", "TN-Validation-Passed-C"];
    for token in tokens.into_iter().chain(["No-TN-Validation", "else"]) {
        let delta = harness.repeat(&frame(GENERIC, &told(token).bytes()).bytes(), 50);
        assert_eq!(delta.value(Counter::Pass), 10, "{token}");
        assert_eq!(delta.value(Counter::DropLimited), 40, "{token}");
    }
    // The class is that of the claim, wherever it stands.
    let delta = harness.repeat(&frame(GENERIC, &told(tokens[1]).attested('A').bytes()).bytes(), 5);
    assert_eq!(delta.value(Counter::DropLimited), 5);
}

#[test]
fn a_list_is_for_the_claims_it_names() {
    let mut harness = Harness::with(CONFIG);
    let mut listing = Listing::number(BLOCK, number(&CALLER[1..]), None);
    // Anybody but those attested A or B.
    listing.attestations = 1 << Attestation::None as u8 | 1 << Attestation::C as u8;
    harness.kernel.list(&[listing]).expect("blocked");
    for (token, exit) in [
        ("TN-Validation-Passed-A", Counter::Pass),
        ("TN-Validation-Passed-B", Counter::Pass),
        ("TN-Validation-Passed-C", Counter::DropBlocked),
        ("TN-Validation-Passed", Counter::DropBlocked),
        ("TN-Validation-Failed", Counter::DropBlocked),
        // In no narrower scope than all.
        ("else", Counter::Pass),
    ] {
        assert_eq!(harness.invite(GENERIC, &told(token)).exit, exit, "{token}");
    }
}

/// Messages of [`the_program_gives_no_other_level_than_the_parser`]: six seconds.
const MESSAGES: usize = 300_000;

/// The same messages each time.
const SEED: u64 = 0x7e57_a7e5_7e57_a7e5;

/// What is put behind a part of a message.
const FORMS: &[&str] = &[
    ";verstat=TN-Validation-Passed-A",
    ";verstat=TN-Validation-Passed-A",
    ";verstat=TN-Validation-Passed-B",
    ";verstat=TN-Validation-Passed-C",
    ";verstat=TN-Validation-Passed",
    ";verstat=TN-Validation-Failed",
    ";verstat=No-TN-Validation",
    ";VERSTAT=tn-validation-passed-b",
    ";verstat=\"TN-Validation-Passed-A\"",
    ";verstat=\"TN-Validation-Passed-C\";x=y",
    "; verstat=TN-Validation-Passed-C",
    ";  verstat=TN-Validation-Passed-C",
    ";\tverstat=TN-Validation-Passed-C",
    ";verstat =TN-Validation-Passed-C",
    ";verstat=TN-Validation-Passed-C ",
    ";verstat=TN-Validation-Passed-A;attest=C",
    ";attest=B;verstat=TN-Validation-Passed-A",
    ";P-Attestation-Indicator=B",
    ";verstat=TN-Validation-Passed-A|attest=C",
    ";verstat=TN-Validation-Passed-A,attest=C",
    ";verstat=TN-Validation%2dPassed-A",
    ";%76erstat=TN-Validation-Passed-A",
    ";verstats=TN-Validation-Passed-A",
    ";verstat=TN-Validation-Passed-D",
    ";verstat=TN-Validation-Passed-A-Diverted",
    ";verstat",
    ";verstat=",
    ";x=\"",
    "\"",
    ";x=\";verstat=TN-Validation-Passed-A\"",
    ":pw;verstat=TN-Validation-Passed-A",
    "?x=y;verstat=TN-Validation-Passed-A",
    "<x>;verstat=TN-Validation-Passed-A",
    ">;verstat=TN-Validation-Passed-A",
    "@h;verstat=TN-Validation-Passed-A",
    ", <tel:+1;verstat=TN-Validation-Passed-A>",
    "anonymous@anonymous.invalid",
];

/// Behind which byte: the user part, the host, the bracket.
const PLACES: &[u8] = b"@@@>>>\r\r;,\"<:";

/// `message` with a form put into one of its places.
fn put(message: &mut Vec<u8>, random: &mut Random) {
    let place = *random.of(PLACES);
    let places: Vec<_> = (0..message.len()).filter(|at| message[*at] == place).collect();
    if places.is_empty() {
        return;
    }
    let at = *random.of(&places);
    let form = random.of(FORMS).bytes();
    message.splice(at..at, form);
}

#[test]
fn the_program_gives_no_other_level_than_the_parser() {
    let mut random = Random::new(SEED);
    let mut harness = Harness::with(CONFIG);
    let judge = Judge::of(CONFIG, &[]);
    let mut templates = templates().iter().map(Invite::bytes).collect::<Vec<_>>();
    templates.extend(
        [pai(&format!("<sip:{CALLER}@h>")), pai(&format!("<tel:{CALLER}>"))]
            .map(|invite| invite.bytes()),
    );
    let mut classes = BTreeMap::<&str, u64>::new();
    for _ in 0..MESSAGES {
        let mut message = match random.below(2) {
            0 => random.of(&templates).clone(),
            _ => generated(&mut random),
        };
        for _ in 0..*random.of(&[1, 1, 1, 2, 3]) {
            put(&mut message, &mut random);
        }
        for _ in 0..*random.of(&[0, 0, 0, 1]) {
            mutate(&mut message, &mut random);
        }
        let trunk = random.below(usize::from(TRUNKS)) as u16;
        let source = format!("203.0.113.{trunk}");
        let run = harness.message(&source, &message);
        if let Err(what) = judge.check(&run, trunk, &message) {
            let text = String::from_utf8_lossy(&message);
            panic!("{what}; from {source}: {run:?}\n{text:?}");
        }
        if let Some(record) = run.record.filter(|record| record.header.not_plain == 0) {
            let class = Attestation::from_raw(record.header.attestation);
            *classes.entry(class.as_str()).or_default() += 1;
        }
    }
    println!("{MESSAGES} messages: {classes:?}");
    // Were all unclear, nothing would be shown.
    for class in ["A", "B", "C", "none", "unclear"] {
        assert!(classes.get(class).is_some_and(|count| *count > 500), "{class}: {classes:?}");
    }
}
