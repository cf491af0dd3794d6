//! Choices and numbers.

use super::*;
use crate::{
    config::{Trunk, countries},
    invite::Attestation,
};

/// A trunk of the United States.
fn trunk() -> Trunk {
    Trunk::new("us".to_owned(), Vec::new(), Profile::generic(), countries::find("US"))
}

/// The attestation of an INVITE from that trunk.
fn claimed<'a>(invite: &Invite<'a>) -> Attestation<'a> {
    attestation(invite, Passport::read(invite).as_ref(), &trunk().reading())
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
    let trunk = trunk();
    let reading = trunk.reading();
    identify(&invite, None, &reading)
}

#[test]
fn the_first_header_that_is_there_is_the_one() {
    let chosen = identity(&[
        "From: <sip:2125550000@h>;tag=1",
        "Remote-Party-ID: <sip:3125550000@h>;party=calling",
        "P-Asserted-Identity: <sip:+14155551234@h>",
    ]);
    assert_eq!(chosen.ani.as_deref(), Some("+14155551234"));
    assert_eq!(chosen.source(), Some(AniHeader::PAssertedIdentity));
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
        "sip:2025550199@h",
        &[
            "From: <sip:2125550000@h>;tag=1",
            "Remote-Party-ID: <sip:3125550000@h>;party=calling",
            "P-Asserted-Identity: <sip:+14155551234@h>",
            "Subject: none",
        ],
    );
    let trunk = trunk();
    let reading = trunk.reading();
    let mut known = 0;
    for len in 0..bytes.len() {
        let Some(invite) = sip::invite(&bytes[..len], true) else { continue };
        let identity = identify(&invite, None, &reading);
        match identity.ani.as_deref() {
            None => assert_eq!((identity.status, identity.source()), (AniStatus::Missing, None)),
            Some(ani) => {
                assert_eq!(ani, "+14155551234", "{len} bytes");
                known += 1;
            }
        }
        let reason = claimed(&invite).reason;
        assert_eq!(reason, invite.headers_cut.then_some("cut-short"), "{len} bytes");
        let untrusted = identify(&invite, None, &Reading::UNTRUSTED);
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
    assert_eq!((chosen.ani.as_deref(), chosen.status), (None, AniStatus::Anonymous));
    assert_eq!(chosen.source(), Some(AniHeader::PAssertedIdentity));
    assert_eq!(chosen.caller_id_matches, None);
}

#[test]
fn a_called_party_is_no_caller() {
    let from = "From: <sip:2125550000@h>;tag=1";
    let chosen = identity(&[from, "Remote-Party-ID: <sip:3125550000@h>;party=called"]);
    assert_eq!(chosen.source(), Some(AniHeader::From));
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
    let chosen = identify(&invite, None, &Reading::UNTRUSTED);
    assert_eq!(chosen.ani.as_deref(), Some("+12125550000"));
    assert_eq!((chosen.source(), chosen.status), (Some(AniHeader::From), AniStatus::Untrusted));
    let nothing = attestation(&invite, None, &Reading::UNTRUSTED);
    assert_eq!((nothing.level, nothing.source, nothing.verstat), ("none", None, None));
    assert_eq!(claimed(&invite).level, "A");
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
            let claimed = claimed(&invite);
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
        let claimed = claimed(&invite);
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
            let claimed = claimed(&invite);
            assert_eq!(claimed.verstat.as_deref(), Some(token), "{name}: {value}");
            assert_eq!((claimed.level, claimed.source), (level, Some("verstat")), "{value}");
            assert_eq!(claimed.signature, "absent");
        }
    }
}

/// The number that is charged goes first where the called one is toll-free, and nowhere else.
#[test]
fn a_toll_free_number_is_called_by_who_is_charged() {
    let headers = [
        "From: <sip:+12125550000@h>;tag=1",
        "P-Asserted-Identity: <sip:+14155551234@h>",
        "P-Charge-Info: <sip:+13125550000@h>;npi=ISDN;noa=2",
    ];
    for (called, toll_free, ani) in [
        ("sip:8005550199@h", true, "+13125550000"),
        ("sip:+18885550199@h", true, "+13125550000"),
        ("sip:2125550199@h", false, "+14155551234"),
        ("sip:support@h", false, "+14155551234"),
    ] {
        let bytes = message(called, &headers);
        let invite = sip::invite(&bytes, false).expect("INVITE");
        let chosen = identify(&invite, None, &trunk().reading());
        assert_eq!((chosen.toll_free, chosen.ani.as_deref()), (toll_free, Some(ani)), "{called}");
    }
}

/// One of each: all are shown, each with its reason.
#[test]
fn everybody_who_is_named_is_kept_with_a_reason() {
    // {"attest":"A","orig":{"tn":"13475550000"}}
    let payload = "eyJhdHRlc3QiOiJBIiwib3JpZyI6eyJ0biI6IjEzNDc1NTUwMDAwIn19";
    let bytes = message(
        "sip:+12125550199@h",
        &[
            "From: \"B\" <sip:+12125550000@h>;tag=1",
            "P-Asserted-Identity: <sip:b@h>, <tel:+14155551234>",
            "P-Preferred-Identity: <sip:+16175550000@h>",
            "Remote-Party-ID: <sip:+12125550199@h>;party=called, <sip:+13125550000@h>;screen=yes",
            "P-Charge-Info: <sip:+15125550000@h>",
            "P-DCS-Billing-Info: 1@h/2@h;calling=\"sip:+17185550000@h\";charge=\"tel:+19175550000\"",
            "Diversion: <sip:+12065550000@h>;reason=unconditional",
            "History-Info: <sip:+12065550001@h>;index=1",
            &format!("Identity: {SHAKEN}.{payload}.x"),
        ],
    );
    let invite = sip::invite(&bytes, false).expect("INVITE");
    let shown = |reading: &Reading<'_>| {
        let passport = Passport::read(&invite);
        let identity = identify(&invite, passport.as_ref(), reading);
        let all = candidates(&invite, passport.as_ref(), &identity, reading);
        let line = |one: Candidate<'_>| {
            let number = one.number.unwrap_or_default();
            format!("{} {} {number} {}", one.header, one.value, one.why.as_str())
        };
        all.into_iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        shown(&trunk().reading()),
        [
            "p-asserted-identity 1 b other-value",
            "p-asserted-identity 2 +14155551234 chosen",
            "remote-party-id 1 +12125550199 not-calling",
            "remote-party-id 2 +13125550000 after-chosen",
            "from 1 +12125550000 after-chosen",
            "p-charge-info 1 +15125550000 not-in-order",
            "p-preferred-identity 1 +16175550000 not-in-order",
            "p-dcs-billing-info 1 +17185550000 not-in-order",
            "p-dcs-billing-info 2 +19175550000 not-in-order",
            "passport 1 +13475550000 not-in-order",
            "diversion 1 +12065550000 forwarded",
            "history-info 1 +12065550001 forwarded",
        ]
    );
    let untrusted = shown(&Reading::UNTRUSTED);
    assert_eq!(untrusted[0], "from 1 +12125550000 chosen");
    assert!(untrusted.contains(&"p-asserted-identity 2 +14155551234 untrusted".to_owned()));
    let ours = Profile { ani: vec![AniHeader::Passport], ..Profile::generic() };
    let ours = Trunk::new("ours".to_owned(), Vec::new(), ours, countries::find("US"));
    assert_eq!(shown(&ours.reading())[0], "passport 1 +13475550000 chosen");
}

/// A number in From's display name says whom the caller wants to be taken for.
#[test]
fn a_number_in_the_display_name_is_held_against_the_caller() {
    for (display, matches) in [
        ("\"415-555-1234\"", Some(true)),
        ("\"+1 415 555 1234\"", Some(true)),
        ("\"8005550100\"", Some(false)),
        ("\"00442079460000\"", Some(false)),
        ("\"Room 415\"", None),
        ("\"4711\"", None),
        ("", None),
    ] {
        let chosen = identity(&[&format!("From: {display} <sip:+14155551234@h>;tag=1")]);
        assert_eq!(chosen.display_matches, matches, "{display}");
    }
}

/// What is no number is never taken for one, and says what it is instead.
#[test]
fn each_kind_of_caller_has_a_form() {
    use AniStatus::{Anonymous, Missing, NotANumber, Ok};
    for (from, status, form) in [
        ("<sip:+14155551234@h>", Ok, "e164"),
        ("<sip:415-555-1234@h>", Ok, "e164"),
        ("<sip:anonymous@anonymous.invalid>", Anonymous, "anonymous"),
        ("<sip:h>", Missing, "missing"),
        ("<sip:alice@h>", NotANumber, "alphabetic"),
        ("<sip:7040@h>", NotANumber, "short"),
        ("<sip:911@h>", NotANumber, "short"),
        ("<sip:*67@h>", NotANumber, "short"),
        ("<sip:0000000000@h>", NotANumber, "impossible"),
        ("<sip:+10155551234@h>", NotANumber, "impossible"),
        ("<sip:123456789012345678901@h>", NotANumber, "impossible"),
    ] {
        let chosen = identity(&[&format!("From: {from};tag=1")]);
        assert_eq!((chosen.status, chosen.form), (status, form), "{from}");
        assert_eq!(chosen.number.is_none(), status != Ok, "{from}");
    }
    assert_eq!(identity(&["Subject: none"]).form, "missing");
    // Without a country nobody knows whose number it is.
    let bytes = message("sip:1@h", &["From: <sip:4155551234@h>;tag=1"]);
    let invite = sip::invite(&bytes, false).expect("INVITE");
    let chosen = identify(&invite, None, &Reading::UNTRUSTED);
    assert_eq!((chosen.status, chosen.form), (AniStatus::Untrusted, "national"));
}

/// The chosen header says it, or the first of the order that does; a stranger nothing.
#[test]
fn what_the_network_says_of_the_callers_line() {
    let read = |headers: &[&str], reading: &Reading<'_>| {
        let bytes = message("sip:+12125550199@h", headers).leak();
        let invite = sip::invite(bytes, false).expect("INVITE");
        line(&invite, &identify(&invite, None, reading), reading)
    };
    let trunk = trunk();
    let from = "From: <sip:+12125550000@h;isup-oli=27>;tag=1";
    let asserted = "P-Asserted-Identity: <sip:+14155551234;isup-oli=62@h>";
    for (headers, header, line_type) in [
        (&[from, asserted][..], "p-asserted-identity", LineType::Mobile),
        (&[from, "P-Asserted-Identity: <sip:+14155551234@h>"], "from", LineType::Payphone),
        (&[from], "from", LineType::Payphone),
    ] {
        let line = read(headers, &trunk.reading()).expect("said");
        assert_eq!((line.header, line.line_type), (header, Some(line_type)));
    }
    assert_eq!(read(&["From: <sip:+12125550000@h>;tag=1"], &trunk.reading()), None);
    assert_eq!(read(&[from], &Reading::UNTRUSTED), None);
}
