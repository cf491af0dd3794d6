//! Choices and numbers, and the scanner held against the parser.

use proptest::prelude::*;

use super::*;
use ani_ebpf::dial_plan::Digits;

fn us() -> DialPlan {
    let digits = |text: &[u8]| Digits::from_ascii(text).expect("prefix");
    DialPlan {
        country: digits(b"1"),
        international: digits(b"011"),
        national: digits(b"1"),
        national_min: 10,
        national_max: 10,
        ..DialPlan::NONE
    }
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

fn identity(headers: &[&str]) -> Identity {
    let bytes = message("sip:8005550199@h", headers);
    let invite = sip::invite(&bytes, false).expect("INVITE");
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
        assert_eq!(claimed.reason.as_deref(), reason, "{token}");
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

/// Pieces that mean something to a reader of SIP, to be put where they should not be.
const PIECES: [&str; 37] = [
    "<",
    ">",
    "\"",
    "\\",
    ";",
    ",",
    "@",
    ":",
    " ",
    "\t",
    "\r\n ",
    "\r\n",
    "\r",
    "\n",
    "\0",
    "%",
    "%3B",
    "=",
    "+",
    "?",
    "[",
    "]",
    "sip:",
    "SIPS:",
    "tel:",
    ";tag=x",
    ";tag=",
    ";tag =x",
    ";phone-context=+1",
    ";party=called",
    ";party=calling",
    "<sip:+19995550000@evil>",
    "\"<sip:999@e>\"",
    "\r\nP-Asserted-Identity: <sip:+18885550000@h>",
    "\r\nf: <sip:777@h>",
    "anonymous", "anonymous.invalid",
];

const BASES: [&str; 5] = [
    "INVITE sip:+18005550199@sbc.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: \
     \"Bob\" <sip:+12125550000@h>;tag=1\r\nTo: <sip:+18005550199@h>\r\nCall-ID: 1@h\r\nCSeq: 1 \
     INVITE\r\nP-Asserted-Identity: \"Bob\" <sip:+14155551234@h;user=phone>\r\nContent-Length: \
     0\r\n\r\n",
    "INVITE sip:8005550199@h SIP/2.0\r\nf: Bob <sip:2125550000;isub=1@h:5060>;tag=1\r\nt: \
     sip:8005550199@h;tag=2\r\ni: 1@h\r\nRemote-Party-ID: \
     <sip:4155551234@h>;party=calling;screen=yes\r\n\r\n",
    "INVITE tel:+18005550199 SIP/2.0\r\nFrom: tel:+12125550000;tag=1\r\nTo: \
     <tel:+18005550199>\r\nCall-ID: 1@h\r\n\r\nFrom: <sip:body@h>\r\n\r\n",
    "INVITE sip:bob@h SIP/2.0\r\nFrom: sip:anonymous@anonymous.invalid;tag=1\r\nTo: \"B\" \
     <sip:bob@h>\r\nCall-ID: 1@h\r\nP-Asserted-Identity: tel:+14155551234\r\n\r\n",
    "INVITE sip:8005550199;cpc=x@h SIP/2.0\r\nTo: <sip:8005550199@h>;x=y;tag=2\r\nFrom: A B \
     <sip:+14155551234;cpc=ordinary@h>;x=\"a@b\";tag=1\r\nCall-ID: 1@h\r\n\r\n",
];

#[derive(Clone, Debug)]
enum Change {
    Insert(usize, usize),
    Delete(usize, usize),
    Byte(usize, u8),
    Repeat(usize, usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        4 => (0usize..600, 0usize..PIECES.len()).prop_map(|(at, piece)| Change::Insert(at, piece)),
        1 => (0usize..600, 1usize..20).prop_map(|(at, len)| Change::Delete(at, len)),
        1 => (0usize..600, any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => (0usize..600, 0usize..600, 1usize..60)
            .prop_map(|(from, to, len)| Change::Repeat(from, to, len)),
    ];
    proptest::collection::vec(change, 0..5)
}

fn changed(base: usize, changes: &[Change]) -> Vec<u8> {
    let mut bytes = BASES[base].as_bytes().to_vec();
    for change in changes {
        let len = bytes.len();
        match *change {
            Change::Insert(at, piece) => {
                let at = at % (len + 1);
                bytes.splice(at..at, PIECES[piece].bytes());
            }
            Change::Delete(at, count) => {
                let at = at % (len + 1);
                bytes.drain(at..(at + count).min(len));
            }
            Change::Byte(at, byte) => {
                if let Some(there) = bytes.get_mut(at % (len + 1)) {
                    *there = byte;
                }
            }
            Change::Repeat(from, to, count) => {
                let from = from % (len + 1);
                let piece = bytes[from..(from + count).min(len)].to_vec();
                let to = to % (len + 1);
                bytes.splice(to..to, piece);
            }
        }
    }
    bytes
}

#[test]
fn the_unchanged_messages_are_plain() {
    for base in BASES {
        assert_eq!(agreement(base.as_bytes()), Ok(true), "{base}");
    }
}

/// Each of these was plain to the scanner once, and another message to whoever reads all of it.
#[test]
fn doubtful_values_are_not_plain() {
    let to = "To: <sip:8005550199@h>";
    let from = "From: <sip:+14155551234@h>;tag=1";
    for (to, caller) in [
        // An `@` behind the bracket makes no user of a host.
        (to, "From: <sip:14155551234;x>;y=\"a@b\""),
        (to, "P-Asserted-Identity: sip:+14155551234@h <sip:+13125550000@h>"),
        (to, "Remote-Party-ID: <sip:+14155551234@h>;party =called"),
        (to, "Remote-Party-ID: <sip:+14155551234@h>;party=callingcard"),
        // Whether a call is within a dialog decides whether rules apply.
        ("To: <sip:8005550199@h>;x=\";tag=1\"", from),
        ("To: <sip:8005550199@h>;x=<;tag=1>", from),
        ("To: <sip:8005550199@h>;tag=", from),
        ("To: <sip:8005550199@h>;tag;x=1", from),
        ("To: <sip:8005550199@h>;tag =1", from),
        ("To: sip:8005550199@h;x=\";tag=1\"", from),
    ] {
        let message = if caller.starts_with("From") {
            format!("INVITE sip:1@h SIP/2.0\r\n{to}\r\n{caller}\r\nCall-ID: 1\r\n\r\n")
        } else {
            format!("INVITE sip:1@h SIP/2.0\r\n{to}\r\n{caller}\r\nCall-ID: 1\r\n{from}\r\n\r\n")
        };
        assert_eq!(agreement(message.as_bytes()), Ok(false), "{message}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn whatever_the_scanner_calls_plain_the_parser_reads_alike(
        base in 0..BASES.len(),
        changes in changes(),
    ) {
        let bytes = changed(base, &changes);
        if let Err(what) = agreement(&bytes) {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            return Err(TestCaseError::fail(format!("{what}\n{text:?}")));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut message = b"INVITE ".to_vec();
        message.extend(bytes);
        message.extend(b" SIP/2.0\r\nFrom: ");
        let tail = message.clone();
        message.extend(tail);
        prop_assert!(agreement(&message).is_ok());
        if let Some(invite) = sip::invite(&message, true) {
            identify(&invite, &Profile::UNTRUSTED);
            attestation(&invite, true);
        }
    }
}
