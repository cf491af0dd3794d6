//! What is said of a trunk, and what is not.

use super::*;
use crate::{
    config::Config,
    sip,
    telemetry::habits::{Habits, tests::message},
};

const PAI: &str = "P-Asserted-Identity: <sip:+14155551234";

/// The kinds of what is said of so many INVITEs with these headers, on a trunk with these keys.
fn kinds(keys: &str, called: &str, from: &str, headers: &str) -> Vec<&'static str> {
    let text = format!("[[trunk]]\nname = 'a'\nsources = ['192.0.2.1']\n{keys}");
    let config = Config::parse(&text, "test").expect("a configuration");
    let message = message(called, from, headers);
    let invite = sip::invite(message.as_bytes(), false).expect("an INVITE");
    let habits = Habits::of(&invite, false);
    let mut watched = Watched::default();
    for second in 0..120 {
        let ts = Timestamp::new(second, 0);
        watched.record.add(&habits, ts);
        watched.watch.add(habits.traits, ts);
    }
    let lint = Lint::of("a", &watched, config.trunks.first());
    assert!(lint.changes.is_empty());
    lint.profile.into_iter().map(|mismatch| mismatch.kind).collect()
}

const CALLED: &str = "sip:+12025550100@h";
const FROM: &str = "<sip:+14155551234@h>";

#[test]
fn a_trunk_that_does_as_its_profile_says_is_left_alone() {
    for (keys, headers) in [
        ("", format!("{PAI}@h>\r\n")),
        ("profile = 'telnyx'", format!("{PAI}@h;verstat=TN-Validation-Passed-B>\r\n")),
        ("profile = 'twilio'", format!("{PAI}@h>\r\nX-Twilio-VerStat: No-TN-Validation\r\n")),
    ] {
        assert_eq!(kinds(keys, CALLED, FROM, &headers), [""; 0], "{keys}");
    }
}

#[test]
fn what_the_profile_does_not_read_or_awaits_in_vain() {
    let moved = format!("{PAI};verstat=TN-Validation-Passed@h>\r\n");
    assert_eq!(kinds("profile = 'telnyx'", CALLED, FROM, &moved), ["verstat-place"]);
    let other = format!("{PAI}@h;verstat=TN-Verification-Passed>\r\n");
    assert_eq!(kinds("profile = 'telnyx'", CALLED, FROM, &other), ["token-not-known"]);
    let asserted = format!("{PAI}@h>\r\n");
    assert_eq!(kinds("profile = 'twilio'", CALLED, FROM, &asserted), ["header-not-sent"]);
    let twilio = format!("{asserted}X-Twilio-VerStat: TN-Validation-Passed-A\r\n");
    assert_eq!(kinds("", CALLED, FROM, &twilio), ["header-not-read"]);
    assert_eq!(kinds("", CALLED, FROM, ""), ["first-of-order-not-sent"]);
    assert_eq!(kinds("ani = ['from']", CALLED, FROM, &asserted), ["caller-not-in-order"]);
    assert_eq!(kinds("", "sip:+18005550100@h", FROM, &asserted), ["charge-not-sent"]);
    let national = "P-Asserted-Identity: <sip:4155551234@h>\r\n";
    assert_eq!(kinds("", CALLED, FROM, national), ["no-country"]);
    assert_eq!(kinds("country = 'US'", CALLED, FROM, national), [""; 0]);
}
