//! What is proposed for what is sent; each proposal is read as a configuration.

use super::*;
use crate::{
    config::{Config, profiles},
    sip,
    telemetry::habits::Habits,
    time::Timestamp,
};

/// A record of so many INVITEs with these headers.
fn record(count: i64, from: &str, headers: &str) -> Record {
    let message =
        format!("INVITE sip:+18005550100@h SIP/2.0\r\nFrom: <sip:{from}@h>;tag=1\r\n{headers}\r\n");
    let invite = sip::invite(message.as_bytes(), false).expect("an INVITE");
    let mut record = Record::default();
    for second in 0..count {
        record.add(&Habits::of(&invite, false), Timestamp::new(1_714_557_600 + second, 0));
    }
    record
}

fn proposal(record: &Record) -> Proposal {
    let profiles = profiles::built_in().expect("profiles");
    let source = "203.0.113.9/32".parse().expect("a network");
    propose("203.0.113.9", None, &[source], record, None, &profiles)
}

/// The configuration that a proposal is.
fn read(proposal: &Proposal) -> Config {
    Config::parse(&format!("{HEAD}\n{}", proposal.toml), "proposal").expect(&proposal.toml)
}

const PAI: &str = "P-Asserted-Identity: <sip:+14155551234";

#[test]
fn the_profile_is_that_of_the_places_that_are_used() {
    for (headers, profile) in [
        (format!("{PAI}@h>\r\n"), "generic"),
        (format!("{PAI};verstat=TN-Validation-Passed@h>\r\n"), "3gpp"),
        (format!("{PAI}@h;verstat=TN-Validation-Passed>\r\n"), "telnyx"),
        (format!("{PAI}@h>;verstat=TN-Validation-Passed\r\n"), "bandwidth"),
        (
            format!("{PAI};verstat=TN-Validation-Passed@h>\r\nP-Attestation-Indicator: A\r\n"),
            "bandwidth",
        ),
        (format!("{PAI}@h>\r\nX-Twilio-VerStat: TN-Validation-Passed-A\r\n"), "twilio"),
        (format!("{PAI};verstat=TN-Validation-Passed;attest=A@h>\r\n"), "oracle"),
        (format!("{PAI}@h>\r\nP-Identity-Bypass: token\r\n"), "french-man"),
    ] {
        let proposal = proposal(&record(30, "+14155551234", &headers));
        assert_eq!(proposal.profile, profile, "{headers}");
        let config = read(&proposal);
        let [trunk] = &config.trunks[..] else { panic!("one trunk: {}", proposal.toml) };
        assert_eq!(trunk.profile.name, profile, "{}", proposal.toml);
        assert_eq!(trunk.sources, ["203.0.113.9/32".parse().expect("a network")]);
        assert!(proposal.enough);
    }
}

#[test]
fn what_no_built_in_profile_reads_makes_one_of_its_own() {
    let headers = format!(
        "{PAI}@h;verstat=TN-Verification-Passed>\r\nX-Twilio-VerStat: TN-Validation-Passed-A\r\n"
    );
    let proposal = proposal(&record(30, "+3310200123456789", &headers));
    let config = read(&proposal);
    let profile = &config.trunks[0].profile;
    assert_eq!((proposal.profile, profile.name.as_str()), ("twilio", "carrier-203.0.113.9"));
    assert_eq!(profile.telling.verstat, [crate::identity::profile::Place::Uri]);
    assert_eq!(profile.telling.status_headers, ["x-twilio-verstat"]);
    let (_, meaning) = profile
        .telling
        .tokens
        .iter()
        .find(|(token, _)| token == "TN-Verification-Passed")
        .expect("the token");
    assert_eq!(meaning.outcome.as_str(), "unknown");
    assert!(
        proposal.toml.contains("\"TN-Verification-Passed\" (30) is not known to the profile"),
        "{}",
        proposal.toml
    );
    assert!(proposal.toml.contains("\"TN-Validation-Passed-A\" (30) is read as passed A"));
}

#[test]
fn the_whole_of_a_small_one() {
    let proposal = proposal(&record(2, "anonymous", "P-Asserted-Identity: <sip:4155551234@h>\r\n"));
    assert_eq!(
        proposal.toml,
        "\
# 203.0.113.9: INVITEs that start a call: 2, 2024-05-01 10:00:00 to 2024-05-01 10:00:01 UTC
# Few INVITEs: look at more before you rely on it; 20 say something.
#   2 of 2 INVITEs have P-Asserted-Identity
#       P-Asserted-Identity: <sip:4155551234@h>
#   2 of 2 INVITEs have an anonymous caller in From
#       From: <sip:anonymous@h>;tag=1
#   2 of 2 INVITEs have a caller without +
#   2 of 2 INVITEs call a number with +
#   2 of 2 INVITEs call a toll-free number
#   2 of 2 INVITEs with P-Asserted-Identity have ten digits without + in it
#   2 of 2 INVITEs with a caller without + have one of North America's form
#   digits of callers without +: 10 (2)
#   country codes of called numbers with +: 1 (2)
# Profile: generic, since nothing in it is peculiar to a carrier.
# Country: nearly all called numbers with + have +1: United States, or another one of that code.
[[trunk]]
name = \"carrier-203.0.113.9\"
sources = [\"203.0.113.9\"]
profile = \"generic\"
country = \"US\"
"
    );
    assert_eq!(read(&proposal).trunks[0].country.as_deref(), Some("US"));
    assert!(!proposal.enough);
}

#[test]
fn a_country_is_told_by_codes_and_never_by_length_alone() {
    let told = |called: &str, from: &str| {
        let message = format!("INVITE {called} SIP/2.0\r\nFrom: <sip:{from}@h>\r\n\r\n");
        let invite = sip::invite(message.as_bytes(), false).expect("an INVITE");
        let mut record = Record::default();
        record.add(&Habits::of(&invite, false), Timestamp::new(1, 0));
        let told = country::told(&record, None);
        (told.country.map(|country| country.code), told.guess.map(|country| country.code))
    };
    assert_eq!(told("sip:+442079460000@h", "02079460000"), (Some("GB"), None));
    assert_eq!(told("sip:bob@h", "+33123456789"), (Some("FR"), None));
    // Called in Germany by what no German number looks like.
    assert_eq!(told("sip:+493012345678@h", "4711"), (None, Some("DE")));
    assert_eq!(told("sip:bob@h", "4155551234"), (None, Some("US")));
    assert_eq!(told("sip:bob@h", "0123456789"), (None, None));
    assert_eq!(told("sip:bob@h", "alice"), (None, None));
}

#[test]
fn every_country_code_with_a_plan_is_found_by_a_number_of_it() {
    for country in crate::config::countries::COUNTRIES {
        let message = format!("INVITE sip:+{}23456789@h SIP/2.0\r\n\r\n", country.calling_code());
        let invite = sip::invite(message.as_bytes(), false).expect("an INVITE");
        let code = Habits::of(&invite, false).called_code;
        assert_eq!(code.to_string(), country.calling_code(), "{}", country.code);
    }
}

proptest::proptest! {
    /// A proposal is a configuration, whatever the sender puts into his messages.
    #[test]
    fn what_is_proposed_can_be_read(
        from in "[ -~]{0,30}",
        headers in "(P-Asserted-Identity: [ -~\u{e9}\t\u{1}]{0,60}\r\n|Identity: [ -~]{0,20}\r\n){0,3}",
        token in "[ -~\u{e9}\u{7}]{0,60}",
    ) {
        let headers = format!(
            "{headers}X-Twilio-VerStat: {token}\r\nP-Asserted-Identity: <sip:a@h>;verstat={token}\r\n"
        );
        let message = format!(
            "INVITE sip:+18005550100@h SIP/2.0\r\nFrom: <sip:{from}@h>;tag=1\r\n{headers}\r\n"
        );
        if let Some(invite) = sip::invite(message.as_bytes(), false) {
            let mut record = Record::default();
            record.add(&Habits::of(&invite, false), Timestamp::new(1, 0));
            let proposal = proposal(&record);
            let config = Config::parse(&proposal.toml, "proposal");
            proptest::prop_assert!(config.is_ok(), "{}\n{:?}", proposal.toml, config);
        }
    }
}
