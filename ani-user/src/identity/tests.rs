//! Choices and numbers.

use super::*;
use crate::config::countries;

fn us() -> DialPlan {
    countries::find("US").expect("listed").dial_plan()
}

fn message(uri: &str, headers: &[&str]) -> Vec<u8> {
    let mut text = format!("INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n");
    text.push_str("To: <sip:8005550199@h>\r\nCall-ID: 1@h\r\nCSeq: 1 INVITE\r\n");
    for header in headers {
        text.push_str(header);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

fn identity(headers: &[&str]) -> Identity<'static> {
    let bytes = message("sip:8005550199@h", headers).leak();
    let invite = sip::invite(bytes, false).expect("INVITE");
    let profile = Profile { order: &AniHeader::ALL, dial_plan: us(), trusted: true };
    identify(&invite, &profile)
}

#[test]
fn the_first_header_that_is_there_is_the_one() {
    let chosen = identity(&[
        "From: <sip:2125550000@h>;tag=1",
        "Remote-Party-ID: <sip:3125550000@h>;party=calling",
        "P-Asserted-Identity: <sip:+14155551234@h>",
    ]);
    assert_eq!(chosen.ani.as_deref(), Some("+14155551234"));
    assert_eq!(chosen.source, Some(AniHeader::PAssertedIdentity));
    assert_eq!(chosen.status, AniStatus::Ok);
    assert_eq!(chosen.caller_id.as_deref(), Some("+12125550000"));
    assert_eq!(chosen.caller_id_matches, Some(false));
    assert_eq!(chosen.dnis.as_deref(), Some("+18005550199"));
}

/// A cut goes through each byte of the message: what is said of the caller is what the whole message
/// says, or nothing.
#[test]
fn no_caller_is_made_up_where_headers_are_missing() {
    let bytes = message(
        "sip:8005550199@h",
        &[
            "From: <sip:2125550000@h>;tag=1",
            "Remote-Party-ID: <sip:3125550000@h>;party=calling",
            "P-Asserted-Identity: <sip:+14155551234@h>",
            "Subject: none",
        ],
    );
    let profile = Profile { order: &AniHeader::ALL, dial_plan: us(), trusted: true };
    let mut known = 0;
    for len in 0..bytes.len() {
        let Some(invite) = sip::invite(&bytes[..len], true) else { continue };
        let identity = identify(&invite, &profile);
        match identity.ani.as_deref() {
            None => assert_eq!((identity.status, identity.source), (AniStatus::Missing, None)),
            Some(ani) => {
                assert_eq!(ani, "+14155551234", "{len} bytes");
                known += 1;
            }
        }
        let reason = attestation(&invite, true).reason;
        assert_eq!(reason, invite.headers_cut.then_some("cut-short"), "{len} bytes");
        let untrusted = identify(&invite, &Profile::UNTRUSTED);
        assert!(matches!(untrusted.ani.as_deref(), None | Some("2125550000")), "{len} bytes");
    }
    assert!((10..30).contains(&known), "from the next header's first byte on: {known}");
}

#[test]
fn an_anonymous_asserted_identity_is_not_replaced_by_from() {
    let chosen = identity(&[
        "From: <sip:2125550000@h>;tag=1",
        "P-Asserted-Identity: <sip:anonymous@anonymous.invalid>",
    ]);
    assert_eq!((chosen.ani, chosen.status), (None, AniStatus::Anonymous));
    assert_eq!(chosen.source, Some(AniHeader::PAssertedIdentity));
    assert_eq!(chosen.caller_id_matches, None);
}

#[test]
fn a_called_party_is_no_caller() {
    let from = "From: <sip:2125550000@h>;tag=1";
    let chosen = identity(&[from, "Remote-Party-ID: <sip:3125550000@h>;party=called"]);
    assert_eq!(chosen.source, Some(AniHeader::From));
    let chosen = identity(&[
        from,
        "Remote-Party-ID: <sip:3125550000@h>;party=called, <sip:4155551234@h>;party=\"calling\"",
    ]);
    assert_eq!(chosen.ani.as_deref(), Some("+14155551234"));
}

#[test]
fn of_two_asserted_values_the_number_counts() {
    for header in [
        "P-Asserted-Identity: \"Dr, Who\" <sip:who@h>, <tel:+14155551234>",
        "P-Asserted-Identity: <sip:+13125550000@h>, <tel:+1-415-555-1234>",
        "P-Asserted-Identity: <tel:7040>, <sip:4155551234@h>",
        "P-Asserted-Identity: <sip:who@h>\r\nP-Asserted-Identity: tel:+14155551234",
    ] {
        assert_eq!(identity(&[header]).ani.as_deref(), Some("+14155551234"), "{header}");
    }
}

#[test]
fn what_is_no_number_stays_as_it_came() {
    for (header, ani, status) in [
        ("From: \"Bob\" <sip:bob@h>;tag=1", Some("bob"), AniStatus::NotANumber),
        ("From: <sip:7040@h>;tag=1", Some("7040"), AniStatus::NotANumber),
        ("From: <sip:h>;tag=1", None, AniStatus::Missing),
        ("From: <sip:Anonymous@h>;tag=1", None, AniStatus::Anonymous),
        ("Subject: none", None, AniStatus::Missing),
    ] {
        let chosen = identity(&[header]);
        assert_eq!((chosen.ani.as_deref(), chosen.status), (ani, status), "{header}");
    }
}

#[test]
fn numbers_in_the_forms_carriers_send() {
    for user in [
        "sip:%2B14155551234@h",
        "sip:+1(415)555-1234@h",
        "sip:+1.415.555.1234;verstat=TN-Validation-Passed@h",
        "sip:4155551234;phone-context=+1@h",
        "sip:5551234;phone-context=+1415@h",
        "sip:+14155551234;phone-context=national@h",
        "tel:4155551234;phone-context=+1",
        "sips:0114155551234@h",
    ] {
        let expected = if user.starts_with("sips") { "+4155551234" } else { "+14155551234" };
        let header = format!("From: <{user}>;tag=1");
        assert_eq!(identity(&[&header]).ani.as_deref(), Some(expected), "{user}");
    }
    for user in [
        "tel:4155551234;phone-context=example.com",
        "tel:911;phone-context=+1",
        "tel:0155551234;phone-context=+1",
        "tel:4155551234;phone-context=+44",
        "sip:4155551234x@h",
        "sip:12345678901234567@h",
    ] {
        let chosen = identity(&[&format!("From: <{user}>;tag=1")]);
        assert_eq!(chosen.status, AniStatus::NotANumber, "{user}");
    }
}

#[test]
fn an_unknown_source_is_untrusted() {
    let bytes = message(
        "sip:+18005550199@h",
        &[
            "From: <sip:+12125550000@h>;tag=1",
            "P-Asserted-Identity: <sip:+14155551234@h;verstat=TN-Validation-Passed-A>",
        ],
    );
    let invite = sip::invite(&bytes, false).expect("INVITE");
    let chosen = identify(&invite, &Profile::UNTRUSTED);
    assert_eq!(chosen.ani.as_deref(), Some("+12125550000"));
    assert_eq!((chosen.source, chosen.status), (Some(AniHeader::From), AniStatus::Untrusted));
    let claimed = attestation(&invite, false);
    assert_eq!((claimed.level, claimed.source, claimed.verstat), ("none", None, None));
    assert_eq!(attestation(&invite, true).level, "A");
}

/// `{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://h/c"}`
const SHAKEN: &str =
    "eyJhbGciOiJFUzI1NiIsInBwdCI6InNoYWtlbiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9oL2MifQ";

#[test]
fn the_claimed_attestation_in_any_order_of_claims() {
    // {"attest":"B","dest":{}} and {"iat":1,"attest":"C"}
    for (payload, level) in
        [("eyJhdHRlc3QiOiJCIiwiZGVzdCI6e319", "B"), ("eyJpYXQiOjEsImF0dGVzdCI6IkMifQ", "C")]
    {
        for tail in
            [";info=<https://h/c>;alg=ES256;ppt=shaken", ";info=<https://h/c>;ppt=\"shaken\"", ""]
        {
            let header = format!("Identity: {SHAKEN}.{payload}.c2ln{tail}");
            let bytes = message("sip:1@h", &["y: e30.e30.x;info=<https://h>;ppt=div", &header]);
            let invite = sip::invite(&bytes, false).expect("INVITE");
            let claimed = attestation(&invite, true);
            assert_eq!((claimed.level, claimed.source), (level, Some("identity")), "{header}");
            assert_eq!(claimed.signature, "unverified");
        }
    }
}

#[test]
fn an_identity_that_cannot_be_read_says_why() {
    for (token, reason) in [
        ("e30.!!.x", Some("passport payload is not base64url")),
        ("e30.W10.x", Some("passport payload is not a JSON object of claims")),
        ("e30.e30.x", None),
    ] {
        let header = format!("Identity: {token};info=<https://h/c>;ppt=shaken");
        let bytes = message("sip:1@h", &[&header]);
        let invite = sip::invite(&bytes, false).expect("INVITE");
        let claimed = attestation(&invite, true);
        assert_eq!((claimed.level, claimed.source), ("none", None));
        assert_eq!(claimed.reason, reason, "{token}");
    }
}

#[test]
fn verstat_in_all_the_places_carriers_put_it() {
    for (value, token, level) in [
        ("<tel:+14155551234;verstat=TN-Validation-Passed-B>", "TN-Validation-Passed-B", "B"),
        ("<sip:+14155551234;verstat=TN-Validation-Passed-C@h>", "TN-Validation-Passed-C", "C"),
        ("<sip:+14155551234@h;verstat=TN-Validation-Passed-A>", "TN-Validation-Passed-A", "A"),
        ("<sip:+1@h>;verstat=TN-Validation-Passed;attest=A", "TN-Validation-Passed", "A"),
        ("<sip:+1@h>;verstat=TN-Validation-Passed", "TN-Validation-Passed", "none"),
        ("<sip:+1@h>;verstat=TN-Validation-Failed-A", "TN-Validation-Failed-A", "none"),
        ("<sip:+1@h>;verstat=No-TN-Validation", "No-TN-Validation", "none"),
    ] {
        for name in ["P-Asserted-Identity", "From"] {
            let bytes = message("sip:1@h", &[&format!("{name}: {value}")]);
            let invite = sip::invite(&bytes, false).expect("INVITE");
            let claimed = attestation(&invite, true);
            assert_eq!(claimed.verstat.as_deref(), Some(token), "{name}: {value}");
            assert_eq!((claimed.level, claimed.source), (level, Some("verstat")), "{value}");
            assert_eq!(claimed.signature, "absent");
        }
    }
}
