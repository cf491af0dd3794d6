//! What INVITEs show, and that memory ends.

use proptest::prelude::*;

use super::*;
use crate::{sip, time::Timestamp};

/// An INVITE with a From and other headers.
pub(in crate::telemetry) fn message(called: &str, from: &str, headers: &str) -> String {
    format!(
        "INVITE {called} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: {from};tag=1\r\n\
         To: <{called}>\r\nCall-ID: 1@h\r\nCSeq: 1 INVITE\r\n{headers}\r\n"
    )
}

/// The names of the habits an INVITE shows.
fn names(called: &str, from: &str, headers: &str) -> Vec<&'static str> {
    let message = message(called, from, headers);
    let invite = sip::invite(message.as_bytes(), false).expect("an INVITE");
    Habits::of(&invite, false).traits.iter().map(|habit| habit.definition().name).collect()
}

const CALLED: &str = "sip:+12025550100@h";
const FROM: &str = "<sip:+14155551234@h>";

#[test]
fn names_are_distinct_and_read_back() {
    for (at, row) in TRAITS.iter().enumerate() {
        assert_eq!(row.habit as usize, at);
        assert_eq!(Trait::from_name(row.name), Some(row.habit), "{}", row.name);
    }
    for base in Base::ALL {
        assert!(base.made_by().is_none_or(|habit| habit.definition().base == Base::Any));
    }
}

#[test]
fn headers_forms_and_places() {
    assert_eq!(names(CALLED, FROM, ""), ["from-plus", "called-plus"]);
    let asserted = "P-Asserted-Identity: <sip:4155551234@h>, <tel:4155551234>\r\nPrivacy: id\r\n";
    assert_eq!(
        names("sip:2025550100@h", FROM, asserted),
        [
            "p-asserted-identity",
            "privacy-id",
            "p-asserted-identity-two",
            "p-asserted-identity-tel",
            "p-asserted-identity-ten-digits",
            "from-is-p-asserted-identity",
            "from-plus",
            "bare",
            "bare-north-american",
            "called-bare",
        ]
    );
    let anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>";
    assert_eq!(
        names("sip:18005550100@h", anonymous, "P-Charge-Info: <sip:0207946000@h>\r\n"),
        ["p-charge-info", "from-anonymous", "called-bare", "toll-free", "toll-free-charge"]
    );
    assert_eq!(
        names("sip:bob@h", "<tel:0207946000>", "y: ..sig;info=<u>, a.b.c\r\n"),
        [
            "identity",
            "from-tel",
            "from-ten-digits",
            "bare",
            "bare-zero",
            "identity-several",
            "identity-compact",
        ]
    );
    assert_eq!(names(CALLED, "<sip:alice@h>", ""), ["from-no-number", "called-plus"]);
    assert_eq!(names(CALLED, "<sip:+3310200123456789@h>", "")[1], "sixteen-digits");
}

#[test]
fn verstat_in_each_place() {
    let on = |value: &str| {
        names(CALLED, FROM, &format!("P-Asserted-Identity: {value}\r\n"))
            .into_iter()
            .filter(|name| name.contains("verstat"))
            .collect::<Vec<_>>()
    };
    for (value, expected) in [
        ("<tel:+1415;verstat=TN-Validation-Passed>", ["verstat-user", "verstat-passed"]),
        ("<sip:+1415;verstat=No-TN-Validation@h>", ["verstat-user", "verstat-none"]),
        ("<sip:+1415@h;verstat=TN-Validation-Failed>", ["verstat-uri", "verstat-failed"]),
        (
            "<sip:+1415@h>;VERSTAT=\"TN-Validation-Passed-B\"",
            ["verstat-header", "verstat-passed-level"],
        ),
        ("<sip:+1415@h>;verstat=x", ["verstat-header", "verstat-other"]),
    ] {
        assert_eq!(on(value), [&["verstat"][..], &expected].concat(), "{value}");
    }
    let oracle = on("<sip:+1415;verstat=TN-Validation-Passed;attest=A@h>");
    assert!(oracle.contains(&"verstat-attest"), "{oracle:?}");
    let from = names(CALLED, "<sip:+1415@h;verstat=TN-Validation-Passed>", "");
    assert!(from.contains(&"from-verstat-uri"), "{from:?}");
    let elsewhere =
        names(CALLED, FROM, "Remote-Party-ID: <sip:+1415@h>;verstat=TN-Validation-Passed\r\n");
    assert!(elsewhere.contains(&"verstat-elsewhere"), "{elsewhere:?}");
}

#[test]
fn many_are_counted_with_examples_words_lengths_and_countries() {
    let mut record = Record::default();
    for second in 0..30 {
        let headers = if second % 3 == 0 {
            "P-Asserted-Identity: <sip:+442079460000@h;verstat=TN-Validation-Passed>\r\n\
             X-Twilio-VerStat: TN-Validation-Passed-A\r\n"
        } else {
            ""
        };
        let message = message(CALLED, "<sip:02079460000@h>", headers);
        let invite = sip::invite(message.as_bytes(), false).expect("an INVITE");
        record.add(&Habits::of(&invite, false), Timestamp::new(second, 0));
    }
    assert_eq!(record.share(Trait::Asserted), (10, 30));
    assert_eq!(record.share(Trait::AssertedVerstatUri), (10, 10));
    assert_eq!(record.share(Trait::BareZero), (20, 20));
    assert_eq!(record.bare_digits[11], 20);
    assert_eq!(record.caller_codes, [Code { code: 44, count: 10 }]);
    assert_eq!(record.called_codes, [Code { code: 1, count: 30 }]);
    let words: Vec<_> =
        record.words.iter().map(|w| (w.kind.as_str(), w.word.as_str(), w.count)).collect();
    assert_eq!(
        words,
        [
            ("verstat", "TN-Validation-Passed", 10),
            ("x-twilio-verstat", "TN-Validation-Passed-A", 10)
        ]
    );
    assert_eq!(
        record.examples["verstat-uri"],
        "P-Asserted-Identity: <sip:+442079460000@h;verstat=TN-Validation-Passed>"
    );
    assert_eq!(record.examples["x-twilio-verstat"], "X-Twilio-VerStat: TN-Validation-Passed-A");
    assert_eq!(record.last, Some(Timestamp::new(29, 0)));

    let json = serde_json::to_string(&record).expect("json");
    let read: Record = serde_json::from_str(&json).expect("what was written");
    assert_eq!(serde_json::to_string(&read).expect("json"), json);
    let mut twice = read.clone();
    twice.join(&read);
    assert_eq!(twice.share(Trait::Asserted), (20, 60));
    assert_eq!((twice.words[0].count, twice.called_codes[0].count), (20, 60));
}

#[test]
fn an_invite_without_its_end_says_nothing_of_what_is_not_there() {
    let message = message(CALLED, FROM, "P-Asserted-Identity: <sip:+1415");
    let invite = sip::invite(message.trim_end().as_bytes(), true).expect("an INVITE");
    let mut record = Record::default();
    record.add(&Habits::of(&invite, false), Timestamp::new(1, 0));
    assert_eq!((record.invites, record.cut), (0, 1));
}

#[test]
fn what_a_sender_makes_up_takes_bounded_memory() {
    let mut record = Record::default();
    for n in 0..10_000 {
        let long = "é\u{7}".repeat(200);
        let headers = format!(
            "P-Asserted-Identity: <sip:+{}5551234567@h;verstat={n}{long}>\r\n\
             P-Attestation-Indicator: {n}\r\n",
            20 + n % 900
        );
        let message = message(CALLED, FROM, &headers);
        let invite = sip::invite(message.as_bytes(), false).expect("an INVITE");
        record.add(&Habits::of(&invite, false), Timestamp::new(n, 0));
    }
    assert_eq!((record.words.len(), record.caller_codes.len()), (MAX_WORDS, MAX_CODES));
    assert_eq!(record.words_beyond + record.words.iter().map(|w| w.count).sum::<u64>(), 20_000);
    assert!(record.codes_beyond > 0);
    let shown = record.words.iter().map(|word| &word.word).chain(record.examples.values());
    for text in shown {
        assert!(text.chars().count() <= MAX_EXAMPLE_CHARS, "{text}");
        assert!(!text.chars().any(char::is_control), "{text}");
    }
    assert!(serde_json::to_string(&record).expect("json").len() < 16_000);
}

proptest! {
    #[test]
    fn no_bytes_break_it(
        called in "\\PC{0,20}", from in "[ -~]{0,40}", headers in "[ -~\r\n]{0,200}",
    ) {
        let message = message(&called, &from, &format!("P-Asserted-Identity: {headers}\r\n"));
        if let Some(invite) = sip::invite(message.as_bytes(), false) {
            let habits = Habits::of(&invite, false);
            let mut record = Record::default();
            record.add(&habits, Timestamp::new(1, 0));
            for habit in habits.traits.iter() {
                let (had, of) = record.share(habit);
                prop_assert!(had == 1 && of == 1, "{habit}: {had} of {of}");
            }
            prop_assert!(habits.bare_digits <= 16);
        }
    }
}
