//! What each carrier says, and what somebody else says in his name.

use proptest::prelude::*;

use super::{hearing::MAX_TOLD, *};
use crate::{
    config::{Config, Trunk, countries, profiles},
    identity::{Profile, profile::GENERIC},
    sip,
};

fn profile(name: &str) -> Profile {
    let all = profiles::built_in().expect("profiles");
    all.into_iter().find(|profile| profile.name == name).expect("profile")
}

fn trunk(profile: Profile) -> Trunk {
    Trunk::new("t".to_owned(), Vec::new(), profile, countries::find("US"))
}

fn message(headers: &[&[u8]]) -> Vec<u8> {
    let mut message = b"INVITE sip:+18005550199@h SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n".to_vec();
    for header in headers {
        message.extend_from_slice(header);
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(b"\r\n");
    message
}

/// What is heard of the message; nothing of it borrowed.
fn heard(message: Vec<u8>, reading: &Reading<'_>) -> Attestation<'static> {
    let invite = sip::invite(message.leak(), false).expect("INVITE");
    let passport = Passport::read(&invite);
    attestation(&invite, passport.as_ref(), reading)
}

fn on(name: &str, headers: &[&str]) -> Attestation<'static> {
    let headers: Vec<_> = headers.iter().map(|header| header.as_bytes()).collect();
    heard(message(&headers), &trunk(profile(name)).reading())
}

/// Level, source, outcome, token.
fn shown<'t>(heard: &'t Attestation<'_>) -> (&'t str, &'t str, &'t str, &'t str) {
    let token = heard.verstat.as_deref().unwrap_or("-");
    (heard.level, heard.source.unwrap_or("-"), heard.outcome, token)
}

/// `{"attest":"A","origid":"9c"}`
const SIGNED_A: &str = "Identity: e30.eyJhdHRlc3QiOiJBIiwib3JpZ2lkIjoiOWMifQ.c2ln;ppt=shaken";

const FROM: &str = "From: <sip:+14155551234@h>;tag=1";

/// A profile, headers, and what is made of them.
type Row<'t> = (&'t str, &'t [&'t str], (&'t str, &'t str, &'t str, &'t str));

/// What carriers send, row by row of the dialects, and what is made of it by their profile.
#[test]
fn each_dialect_as_its_carrier_means_it() {
    #[rustfmt::skip]
    let rows: [Row; 43] = [
        // On the tel URI.
        ("3gpp", &["P-Asserted-Identity: <tel:+14155551234;verstat=TN-Validation-Passed>"],
            ("none", "verstat", "passed", "TN-Validation-Passed")),
        ("3gpp", &["P-Asserted-Identity: <tel:+14155551234;verstat=TN-Validation-Failed>"],
            ("none", "verstat", "failed", "TN-Validation-Failed")),
        ("3gpp", &["P-Asserted-Identity: <tel:+14155551234;verstat=No-TN-Validation>"],
            ("none", "verstat", "none", "No-TN-Validation")),
        ("3gpp", &["P-Asserted-Identity: <tel:+14155551234;verstat=TN-Validation-Passed>",
                "Attestation-Info: B", "Origination-Id: 9c"],
            ("B", "header", "passed", "TN-Validation-Passed")),
        // In the user part.
        ("bandwidth", &["P-Asserted-Identity: <sip:+13339990000;verstat=TN-Validation-Passed@192.0.2.1:5060>",
                "P-Attestation-Indicator: A", "P-Origination-ID: 9c"],
            ("A", "header", "passed", "TN-Validation-Passed")),
        // Behind the bracket.
        ("bandwidth", &["P-Asserted-Identity: <sip:+13339990000@192.0.2.1:5060>;verstat=TN-Validation-Passed",
                "P-Attestation-Indicator: B"],
            ("B", "header", "passed", "TN-Validation-Passed")),
        ("bandwidth", &["P-Asserted-Identity: <sip:+13339990000@192.0.2.1>;verstat=TN-Verification-Passed"],
            ("none", "verstat", "passed", "TN-Verification-Passed")),
        ("bandwidth", &["P-Asserted-Identity: <sip:+13339990000@192.0.2.1>;verstat=TN-Validation-Failed",
                "P-Attestation-Indicator: A"],
            ("none", "verstat", "failed", "TN-Validation-Failed")),
        ("bandwidth", &["P-Asserted-Identity: <sip:+13339990000@192.0.2.1>"], ("none", "-", "none", "-")),
        // The level alone: it is the carrier's header.
        ("bandwidth", &["P-Asserted-Identity: <sip:+13339990000@192.0.2.1>", "P-Attestation-Indicator: B"],
            ("B", "header", "unknown", "-")),
        // As its page prints it.
        ("bandwidth", &["P-Asserted-Identity: <sip:+13339990000@192.0.2.1>;verstat=TN-Validation-Passed \r\n \
                P-Attestation-Indicator=A;\r\n P-Origination-ID= 9c"],
            ("none", "verstat", "passed", "TN-Validation-Passed P-Attestation-Indicator=A")),
        ("bandwidth", &["P-Asserted-Identity: <sip:+13339990000@192.0.2.1>;verstat=TN-Validation-Passed;\
                P-Attestation-Indicator=A;P-Origination-ID=9c"],
            ("A", "verstat", "passed", "TN-Validation-Passed")),
        // Behind the host.
        ("telnyx", &["P-Asserted-Identity: <sip:+18889809750@sip.telnyx.com;verstat=TN-Validation-Passed>"],
            ("A", "verstat", "passed", "TN-Validation-Passed")),
        ("telnyx", &["P-Asserted-Identity: <sip:+18889809750@sip.telnyx.com;verstat=TN-Validation-Passed-B>"],
            ("B", "verstat", "passed", "TN-Validation-Passed-B")),
        ("telnyx", &["P-Asserted-Identity: <sip:+18889809750@sip.telnyx.com;verstat=TN-Validation-Passed-C>"],
            ("C", "verstat", "passed", "TN-Validation-Passed-C")),
        ("telnyx", &["P-Asserted-Identity: <sip:+18889809750@sip.telnyx.com;verstat=TN-Validation-Failed>", SIGNED_A],
            ("none", "verstat", "failed", "TN-Validation-Failed")),
        ("telnyx", &["P-Asserted-Identity: <sip:+18889809750@sip.telnyx.com;verstat=No-TN-Validation>"],
            ("none", "verstat", "none", "No-TN-Validation")),
        // In parameters beside it, and behind it.
        ("oracle", &["P-Asserted-Identity: <tel:+14155551234;verstat=TN-Validation-Passed;attest=A;origid=9c>"],
            ("A", "verstat", "passed", "TN-Validation-Passed")),
        ("oracle", &["P-Asserted-Identity: <sip:+14155551234@h>;verstat=TN-Validation-Passed;attest=\"b\";origid=9c@h"],
            ("B", "verstat", "passed", "TN-Validation-Passed")),
        ("oracle", &["P-Asserted-Identity: <tel:+14155551234;verstat=TN-Validation-Passed,attest=A,origid=9c>"],
            ("A", "verstat", "passed", "TN-Validation-Passed,attest=A,origid=9c")),
        ("oracle", &["P-Asserted-Identity: <tel:+14155551234;verstat=TN-Validation-Passed%7Cattest=C>"],
            ("C", "verstat", "passed", "TN-Validation-Passed%7Cattest=C")),
        ("oracle", &["P-Asserted-Identity: <sip:+1@h>;verstat=\"TN-Validation-Passed;attest=B;origid=9c\""],
            ("B", "verstat", "passed", "TN-Validation-Passed;attest=B;origid=9c")),
        ("oracle", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Failed;attest=A>"],
            ("none", "verstat", "failed", "TN-Validation-Failed")),
        ("oracle", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Maybe;attest=A>"],
            ("none", "-", "unknown", "TN-Validation-Maybe")),
        // On From, where nobody asserts an identity, or an anonymous one.
        ("oracle", &["From: <sip:anonymous@anonymous.invalid;verstat=TN-Validation-Passed>;tag=1", "Privacy: id"],
            ("none", "verstat", "passed", "TN-Validation-Passed")),
        ("oracle", &["From: <sip:anonymous;verstat=TN-Validation-Failed@anonymous.invalid>;tag=1"],
            ("none", "verstat", "failed", "TN-Validation-Failed")),
        ("3gpp", &["From: <tel:+14155551234;verstat=TN-Validation-Passed-C>;tag=1",
                "P-Asserted-Identity: <sip:anonymous@anonymous.invalid>"],
            ("C", "verstat", "passed", "TN-Validation-Passed-C")),
        // A header of its own.
        ("twilio", &["X-Twilio-VerStat: TN-Validation-Passed-A"],
            ("A", "verstat", "passed", "TN-Validation-Passed-A")),
        ("twilio", &["x-twilio-verstat: tn-validation-passed-b-diverted"],
            ("B", "verstat", "passed", "tn-validation-passed-b-diverted")),
        ("twilio", &["X-Twilio-VerStat: TN-Validation-Passed-C-Passthrough"],
            ("C", "verstat", "passed", "TN-Validation-Passed-C-Passthrough")),
        ("twilio", &["X-Twilio-VerStat: TN-Validation-Failed-A-Diverted", SIGNED_A],
            ("none", "verstat", "failed", "TN-Validation-Failed-A-Diverted")),
        ("twilio", &["X-Twilio-VerStat: No-TN-Validation"], ("none", "verstat", "failed", "No-TN-Validation")),
        ("twilio", &["X-Twilio-VerStat: NULL"], ("none", "verstat", "failed", "NULL")),
        ("twilio", &[FROM], ("none", "-", "none", "-")),
        // The level in a header.
        ("generic", &["P-Attestation-Indicator: B"], ("B", "header", "unknown", "-")),
        ("generic", &["Attestation-Info: \"c\";x=1"], ("C", "header", "unknown", "-")),
        ("generic", &["P-Attestation-Info: attest=A"], ("A", "header", "unknown", "-")),
        ("oracle", &["Attestation-Info: A", "Origination-ID: 9c"], ("A", "header", "unknown", "-")),
        // The same words with another meaning.
        ("livevox", &["P-Asserted-Identity: <sip:+14155551234;verstat=TN-Validation-Passed@h>"],
            ("A", "verstat", "passed", "TN-Validation-Passed")),
        ("livevox", &["P-Asserted-Identity: <sip:+14155551234;verstat=No-TN-Validation@h>", SIGNED_A],
            ("none", "verstat", "passed", "No-TN-Validation")),
        ("livevox", &["P-Asserted-Identity: <sip:+14155551234;verstat=TN-Validation-Failed@h>"],
            ("none", "verstat", "none", "TN-Validation-Failed")),
        // What the signer claims.
        ("french-man", &[SIGNED_A], ("A", "identity", "unknown", "-")),
        ("french-man", &["P-Identity-Bypass: AB12-0123456789ABCDEF"], ("none", "-", "unknown", "-")),
    ];
    for (name, headers, expected) in rows {
        let heard = on(name, headers);
        assert_eq!(shown(&heard), expected, "{name}: {headers:?}");
        assert_eq!(heard.told_left_out, 0);
        let believed = heard.told.iter().any(|told| told.believed);
        assert!(believed || (heard.verstat.is_none() && heard.source.is_none()));
        // The same from a stranger.
        let headers: Vec<_> = headers.iter().map(|header| header.as_bytes()).collect();
        let strange = self::heard(message(&headers), &Reading::UNTRUSTED);
        assert_eq!(shown(&strange), ("none", "-", "unknown", "-"), "{headers:?}");
        assert_eq!(strange.told.len(), heard.told.len());
        assert!(strange.told.iter().all(|told| told.why == Some(Doubt::Untrusted)));
        assert_eq!((strange.origination_id, strange.identity_bypass), (None, None));
    }
}

/// What a caller can write, where the carrier does not tell it: shown, with the reason, and without
/// effect.
#[test]
fn what_stands_at_the_wrong_place_is_not_believed() {
    const TOLD: &str = "TN-Validation-Passed-A";
    #[rustfmt::skip]
    let rows: [(&str, &[&str], &str, &str); 19] = [
        ("3gpp", &["P-Asserted-Identity: <tel:+14155551234>;verstat=TN-Validation-Passed-A"], TOLD, "other-place"),
        ("3gpp", &["P-Asserted-Identity: <tel:+14155551234>", "From: <tel:+1;verstat=TN-Validation-Passed-A>"],
            TOLD, "after-another"),
        ("3gpp", &["Remote-Party-ID: <tel:+1;verstat=TN-Validation-Passed-A>"], TOLD, "other-header"),
        ("3gpp", &["P-Attestation-Indicator: A"], "A", "other-header"),
        ("bandwidth", &["P-Asserted-Identity: <sip:+1@h;verstat=TN-Validation-Passed-A>"], TOLD, "other-place"),
        ("bandwidth", &["From: <sip:+1;verstat=TN-Validation-Passed-A@h>;tag=1"], TOLD, "other-header"),
        ("bandwidth", &["P-Asserted-Identity: <sip:+1;verstat=No-TN-Validation@h>", "P-Attestation-Indicator: A"],
            "A", "not-passed"),
        ("telnyx", &["P-Asserted-Identity: <sip:+1;verstat=TN-Validation-Passed-A@h>"], TOLD, "other-place"),
        ("telnyx", &["P-Asserted-Identity: <sip:+1@h>;verstat=TN-Validation-Passed-A"], TOLD, "other-place"),
        ("telnyx", &["P-Asserted-Identity: <sip:+1@h;verstat=No-TN-Validation;attest=A>"], "A", "other-place"),
        ("telnyx", &["X-Twilio-VerStat: TN-Validation-Passed-A"], TOLD, "other-header"),
        ("telnyx", &["P-Attestation-Info: A"], "A", "other-header"),
        ("twilio", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed-A>"], TOLD, "other-header"),
        ("twilio", &["Attestation-Info: A"], "A", "other-header"),
        ("oracle", &["X-Twilio-VerStat: TN-Validation-Passed-A"], TOLD, "other-header"),
        ("oracle", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Failed;attest=A>"], "A", "not-passed"),
        ("livevox", &[SIGNED_A], "A", "not-a-source"),
        ("french-man", &["X-Twilio-VerStat: TN-Validation-Passed-A"], TOLD, "other-header"),
        ("generic", &["P-Identity-Bypass: AB12-0123456789ABCDEF"], "AB12-0123456789ABCDEF", "other-header"),
    ];
    for (name, headers, token, why) in rows {
        let heard = on(name, headers);
        assert_eq!(heard.level, "none", "{name}: {headers:?}");
        assert_eq!(heard.identity_bypass, None);
        let told = heard.told.iter().find(|told| told.token == token).expect("kept");
        let found = told.why.map(Doubt::as_str);
        assert_eq!((found, told.believed), (Some(why), false), "{name}: {headers:?}");
    }
}

/// Of two that differ, the one that says less, wherever it stands.
#[test]
fn the_least_counts() {
    #[rustfmt::skip]
    let rows: [Row; 11] = [
        ("generic", &["P-Asserted-Identity: <sip:+1;verstat=TN-Validation-Passed-A@h>;verstat=TN-Validation-Passed"],
            ("none", "verstat", "passed", "TN-Validation-Passed")),
        ("generic", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed-A;verstat=TN-Validation-Failed>"],
            ("none", "verstat", "failed", "TN-Validation-Failed")),
        ("generic", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed-A>, <sip:+1;verstat=Else@h>"],
            ("none", "-", "unknown", "Else")),
        ("generic", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed-B;attest=A>"],
            ("B", "verstat", "passed", "TN-Validation-Passed-B")),
        ("generic", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed-B>", SIGNED_A],
            ("B", "verstat", "passed", "TN-Validation-Passed-B")),
        ("generic", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed-A>", SIGNED_A],
            ("A", "identity", "passed", "TN-Validation-Passed-A")),
        ("generic", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed-B;verstat=TN-Validation-Passed>",
                "Attestation-Info: A"],
            ("B", "verstat", "passed", "TN-Validation-Passed")),
        ("generic", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed-B;verstat=TN-Validation-Passed;attest=A>"],
            ("B", "verstat", "passed", "TN-Validation-Passed")),
        ("generic", &["P-Attestation-Indicator: A", "P-Attestation-Info: C"], ("C", "header", "unknown", "-")),
        ("generic", &["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Failed>", SIGNED_A],
            ("none", "verstat", "failed", "TN-Validation-Failed")),
        ("twilio", &["X-Twilio-VerStat: TN-Validation-Passed-A", "X-Twilio-VerStat: TN-Validation-Passed-C"],
            ("C", "verstat", "passed", "TN-Validation-Passed-C")),
    ];
    for (name, headers, expected) in rows {
        assert_eq!(shown(&on(name, headers)), expected, "{name}: {headers:?}");
    }
}

#[test]
fn where_each_word_stood_and_whose_it_is() {
    let asserted =
        "P-Asserted-Identity: <sip:+1;verstat=TN-Validation-Passed@h>, <sip:+1@h;verstat=X>";
    let heard = on(
        "oracle",
        &[
            "From: <sip:+1@h>;verstat=Y;tag=1",
            asserted,
            "Origination-ID: 9c",
            SIGNED_A,
            "ATTESTATION-Info: b",
        ],
    );
    let rows: Vec<_> = heard
        .told
        .iter()
        .map(|told| {
            let level = told.level.unwrap_or("-");
            let why = told.why.map_or("-", Doubt::as_str);
            format!(
                "{} {} {} {} {} {level} {why}",
                told.token, told.header, told.place, told.by, told.outcome
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "TN-Validation-Passed p-asserted-identity user carrier passed - -",
            "X p-asserted-identity uri carrier unknown - -",
            "Y from header carrier unknown - after-another",
            "b attestation-info value carrier unknown B not-passed",
            "9c origination-id value carrier unknown - -",
            "A identity value signer unknown A -",
        ]
    );
}

/// Of its own header, beside the token, in the PASSporT: the first of these that is there.
#[test]
fn where_the_call_began() {
    let beside = "P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed;origid=2a>";
    let header = "P-Origination-ID: 1a";
    for (headers, expected) in [
        (&[SIGNED_A, beside, header][..], Some(("1a", "header"))),
        (&[SIGNED_A, beside], Some(("2a", "verstat"))),
        (&[SIGNED_A], Some(("9c", "identity"))),
        (&[FROM, "P-Origination-ID:"], None),
    ] {
        let heard = on("generic", headers);
        assert_eq!(heard.origination_id.as_deref().zip(heard.origination_source), expected);
    }
    let bypass = on("french-man", &["P-Identity-Bypass: AB12"]);
    assert_eq!(bypass.identity_bypass.as_deref(), Some("AB12"));
}

/// Names and words that no carrier here uses.
#[test]
fn a_profile_of_ones_own_names_its_own() {
    let text = "
        [[profile]]
        name = 'own'
        base = 'telnyx'
        attestation = ['verstat', 'header']
        status_headers = ['X-Check']
        level_headers = ['X-Attestation-Info']
        origination_headers = ['X-Origin']
        tokens = { Fine = 'passed', Bad = 'failed' }
        [[trunk]]
        name = 'a'
        sources = ['192.0.2.1']
        profile = 'own'";
    let config = Config::parse(text, "ani.toml").expect("configuration");
    let of = |headers: &[&[u8]]| heard(message(headers), &config.trunks[0].reading());
    let fine = of(&[b"X-Origin: 9c", b"x-attestation-info: B", b"X-CHECK: fine"]);
    assert_eq!(shown(&fine), ("B", "header", "passed", "fine"));
    assert_eq!(fine.origination_id.as_deref(), Some("9c"));
    assert_eq!(
        fine.told.iter().map(|told| &*told.header).collect::<Vec<_>>(),
        ["x-check", "x-attestation-info", "x-origin"]
    );
    let bad = of(&[b"X-Attestation-Info: A", b"X-Check: bad"]);
    assert_eq!(shown(&bad), ("none", "verstat", "failed", "bad"));
}

#[test]
fn an_attest_that_is_no_level_is_kept_as_it_came() {
    // {"attest":"D"}
    let heard = on("generic", &["Identity: e30.eyJhdHRlc3QiOiJEIn0.c2ln;ppt=shaken"]);
    assert_eq!((heard.level, heard.source), ("none", None));
    assert_eq!((&*heard.told[0].token, heard.told[0].level), ("D", None));
}

#[test]
fn an_invite_that_tells_nothing_costs_nothing() {
    for headers in [&[FROM][..], &[FROM, "P-Asserted-Identity: <sip:+14155551234@h>"]] {
        for name in [GENERIC, "bandwidth", "oracle"] {
            assert_eq!(on(name, headers).told.capacity(), 0);
        }
    }
}

/// However much is told, little is kept; what is not still counts.
#[test]
fn what_is_not_kept_counts_all_the_same() {
    let many = ";verstat=TN-Validation-Passed-A".repeat(MAX_TOLD + 4);
    let header = format!("P-Asserted-Identity: <tel:+1{many};verstat=TN-Validation-Failed>");
    let heard = on(GENERIC, &[&header]);
    assert_eq!((heard.told.len(), heard.told_left_out), (MAX_TOLD, 5));
    assert_eq!(shown(&heard), ("none", "verstat", "failed", "TN-Validation-Failed"));
}

/// The carrier's header may be the one that the parser no longer keeps.
#[test]
fn a_message_with_more_than_is_read_has_no_attestation() {
    let mut headers = vec!["X-Twilio-VerStat: TN-Validation-Passed-A"; MAX_VALUES];
    assert_eq!(on("twilio", &headers).level, "A");
    headers.push("X-Twilio-VerStat: TN-Validation-Failed");
    let heard = on("twilio", &headers);
    assert_eq!(heard.level, "none");
    assert!(heard.told.iter().all(|told| told.why == Some(Doubt::TooMany)));
    let mut headers = vec!["X-Filler: 1"; 600];
    headers.insert(0, "X-Twilio-VerStat: TN-Validation-Passed-A");
    assert_eq!(on("twilio", &headers).told[0].why, Some(Doubt::TooMany));
}

/// What carriers say of a call that is not worth an A.
const MODEST: [(&str, &str); 10] = [
    ("3gpp", "P-Asserted-Identity: <tel:+14155551234;verstat=TN-Validation-Passed-B>"),
    ("3gpp", "P-Asserted-Identity: <tel:+14155551234;verstat=TN-Validation-Failed>"),
    ("bandwidth", "P-Asserted-Identity: <sip:+1@h>;verstat=TN-Validation-Failed"),
    ("telnyx", "P-Asserted-Identity: <sip:+1@h;verstat=TN-Validation-Passed-C>"),
    ("twilio", "X-Twilio-VerStat: TN-Validation-Passed-B-Diverted"),
    ("twilio", "X-Twilio-VerStat: No-TN-Validation"),
    ("oracle", "P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed;attest=B>"),
    ("oracle", "P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Failed;attest=A>"),
    ("livevox", "P-Asserted-Identity: <sip:+1;verstat=TN-Validation-Passed-C@h>"),
    ("generic", "P-Asserted-Identity: <sip:+1;verstat=TN-Validation-Failed@h>"),
];

/// What a caller would like to be said.
const BOASTS: [&str; 12] = [
    "P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Passed-A>",
    "P-Asserted-Identity: <sip:+1;verstat=TN-Validation-Passed-A@h>",
    "P-Asserted-Identity: <sip:+1@h;verstat=TN-Validation-Passed;attest=A>",
    "P-Asserted-Identity: <sip:+1@h>;verstat=TN-Validation-Passed-A",
    "From: <sip:+1;verstat=TN-Validation-Passed-A@h;verstat=TN-Validation-Passed-A>;attest=A",
    "P-Charge-Info: <sip:+1;verstat=TN-Validation-Passed-A@h>",
    "X-Twilio-VerStat: TN-Validation-Passed-A",
    "P-Attestation-Indicator: A",
    "P-Attestation-Info: A",
    "Attestation-Info: A",
    "P-Identity-Bypass: AB12-0123456789ABCDEF",
    SIGNED_A,
];

fn worth(level: &str) -> usize {
    ["none", "C", "B", "A"].iter().position(|known| *known == level).expect("a level")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn nothing_that_is_added_makes_it_worth_more(
        (name, told) in prop::sample::select(MODEST.to_vec()),
        added in prop::collection::vec(prop::sample::select(BOASTS.to_vec()), 0..6),
        at in any::<prop::sample::Index>(),
    ) {
        let alone = on(name, &[told]);
        let mut headers = added;
        headers.insert(at.index(headers.len() + 1), told);
        let heard = on(name, &headers);
        prop_assert!(worth(heard.level) <= worth(alone.level), "{name}: {headers:?}: {heard:?}");
        prop_assert!(heard.outcome == alone.outcome || heard.outcome == "failed");
    }

    #[test]
    fn any_bytes_are_heard_without_a_panic(
        headers in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "From: <sip:1;verstat=", "P-Asserted-Identity: <tel:1;verstat=TN-Validation-Passed",
                    "P-Asserted-Identity: <sip:1@h>;verstat=", "Identity: ", "X-Twilio-VerStat: ",
                    "P-Attestation-Indicator: ", "Attestation-Info: ", "Origination-ID: ",
                    "P-Identity-Bypass: ", "Remote-Party-ID: ",
                ]),
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..60),
                    "[-ABCabc;,|=\"%\\\\ @<>a-z]{0,40}".prop_map(String::into_bytes),
                ],
            ),
            0..8,
        ),
        which in 0_usize..9,
    ) {
        let lines: Vec<_> =
            headers.iter().map(|(name, value)| [name.as_bytes(), value].concat()).collect();
        let lines: Vec<_> = lines.iter().map(Vec::as_slice).collect();
        let bytes = message(&lines);
        let Some(invite) = sip::invite(&bytes, false) else { return Ok(()) };
        let passport = Passport::read(&invite);
        let known = profiles::built_in().expect("profiles").into_iter().nth(which).map(trunk);
        let reading = known.as_ref().map_or(Reading::UNTRUSTED, Trunk::reading);
        let heard = attestation(&invite, passport.as_ref(), &reading);
        worth(heard.level);
        prop_assert!(Outcome::ALL.iter().any(|outcome| outcome.as_str() == heard.outcome));
        prop_assert!(heard.told.len() <= MAX_TOLD);
        prop_assert!(heard.level == "none" || heard.source.is_some());
        for told in &heard.told {
            prop_assert_eq!(told.believed, told.why.is_none());
            prop_assert!(told.level.is_none_or(|level| worth(level) > 0));
            prop_assert!(reading.trusted || told.why == Some(Doubt::Untrusted));
        }
        prop_assert!(reading.trusted || heard.level == "none");
    }
}
