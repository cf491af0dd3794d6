//! Values as carriers and strangers write them.

use super::*;

/// An INVITE with more headers, and what must be wrong with it.
fn with<'m>(message: &'m mut String, headers: &str, words: &[&str]) -> Invite<'m> {
    *message = format!("{LINE}{REST}{headers}\r\n");
    let invite = read(message);
    assert_eq!(invite.faults.words().collect::<Vec<_>>(), words, "{headers:?}");
    invite
}

/// An INVITE with another From, and what must be wrong with it.
fn from<'m>(message: &'m mut String, value: &str, words: &[&str]) -> NameAddr<'m> {
    *message = format!("{LINE}{}\r\n", REST.replace("<sip:a@h>;tag=1", value));
    let invite = read(message);
    assert_eq!(invite.faults.words().collect::<Vec<_>>(), words, "{value:?}");
    invite.from.expect("From")
}

fn users(names: &[NameAddr<'_>]) -> Vec<String> {
    names.iter().map(|name| text(name.uri.user)).collect()
}

#[test]
fn a_list_of_via_is_several() {
    let mut message = String::new();
    let via = "v:SIP/2.0/UDP a;x=\"b,;c\";branch=z9hG4bK7,\r\n\tSIP/2.0/TCP [2001:db8::1]:5060";
    message.push_str(&format!("{LINE}{via}\r\n{REST}\r\n"));
    let invite = read(&message);
    assert_eq!(text(invite.branch), "z9hG4bK7");
    assert!(invite.faults.is_empty(), "{:?}", words(&message));
    // The second of a list is looked at as well.
    let bad = message.replace("SIP/2.0/TCP", "SIP/1.0/TCP");
    assert_eq!(words(&bad), ["via"]);
}

/// RFC 2543 had a comment at the end of Via; RFC 3261 §20.42 has none.
#[test]
fn comments_hold_together_what_is_in_them() {
    for value in [
        "SIP/2.0/UDP h (a, b; branch=no \\) \"c\" (d));branch=z9hG4bK7",
        "SIP/2.0/UDP h;branch=z9hG4bK7 (SIP/1.0 x, ;;)",
        "SIP/2.0/UDP h;branch=z9hG4bK7(x",
    ] {
        let message = format!("{LINE}Via: {value}\r\n{REST}\r\n");
        assert_eq!(text(read(&message).branch), "z9hG4bK7", "{value}");
        assert_eq!(words(&message), ["via"], "{value}");
    }
    // In a quoted string a bracket is a bracket.
    let message = format!("{LINE}Via: SIP/2.0/UDP h;x=\"(\",SIP/2.0/UDP i;y=\")\"\r\n{REST}\r\n");
    assert!(words(&message).is_empty(), "{:?}", words(&message));
    let mut message = String::new();
    with(&mut message, "User-Agent: x/1 (a, b; c \\) \"d)\r\nServer: (((\r\n", &[]);
    // Of a URI it is a part (RFC 3261 §25.1, `mark`).
    let invite = with(&mut message, "P-Asserted-Identity: <sip:a(b@h>, <sip:c@h>\r\n", &[]);
    assert_eq!(users(&invite.p_asserted_identity), ["a(b", "c"]);
}

#[test]
fn a_header_without_a_value_is_there_and_says_nothing() {
    let mut message = String::new();
    let empty =
        "Subject:\r\nP-Asserted-Identity:\r\nIdentity: \r\nPrivacy:\t\r\nDiversion:\r\n \r\n";
    let invite = with(&mut message, empty, &[]);
    assert!(invite.p_asserted_identity.is_empty() && invite.diversion.is_empty());
    assert!(invite.identity.is_empty() && invite.privacy.is_empty());
    let mut message = String::new();
    assert!(with(&mut message, "P-Charge-Info:\r\n", &["p-charge-info"]).p_charge_info.is_some());
    let mut message = String::new();
    let from = from(&mut message, "", &["from"]);
    assert_eq!((from.uri.scheme, from.uri.user, from.tag()), (Scheme::None, None, None));
    let message = format!("{LINE}{}\r\n", REST.replace("1@h", ""));
    assert_eq!((read(&message).call_id, words(&message)), (None, vec!["call-id"]));
    let message = format!("{LINE}Via:\r\nVia: ,\r\n{REST}\r\n");
    assert_eq!(text(read(&message).branch), "z9hG4bK1");
}

#[test]
fn of_a_from_with_several_values_the_first_is_read() {
    let mut message = String::new();
    for (value, tag) in [
        ("<sip:a@h>;tag=1, <sip:b@h>;tag=2", "1"),
        // As the scanner reads it: without a tag it would be another call.
        ("<sip:a@h>,<sip:b@h>;tag=2", "2"),
        ("\"x, y\" <sip:a@h>;tag=1,sip:b@h", "1"),
        ("sip:a@h;tag=1, sip:b@h;tag=2", "1"),
        ("sip:a@h;tag=1,", "1"),
    ] {
        let from = from(&mut message, value, &["from"]);
        assert_eq!(
            (text(from.uri.user).as_str(), text(from.tag()).as_str()),
            ("a", tag),
            "{value}"
        );
    }
    // A comma in a quoted string separates nothing.
    let from = from(&mut message, "<sip:a@h>;x=\"1,2\";tag=1", &[]);
    assert_eq!(text(from.tag()), "1");
}

#[test]
fn what_stands_in_a_display_name_is_a_name() {
    let mut message = String::new();
    for name in ["<sip:x@y>", "a;tag=2, <tel:+1>", "P-Asserted-Identity: <sip:x@y>", "\\\\\\\"<"] {
        let from = from(&mut message, &format!("\"{name}\" <sip:a@h>;tag=1"), &[]);
        assert_eq!((text(from.uri.user), text(from.tag())), ("a".into(), "1".into()), "{name}");
        let list = format!("P-Asserted-Identity: \"{name}\"<sip:b@h>,\"{name}\" <tel:+1>\r\n");
        let mut message = String::new();
        assert_eq!(users(&with(&mut message, &list, &[]).p_asserted_identity), ["b", "+1"]);
    }
}

#[test]
fn white_space_around_separators_changes_nothing() {
    let mut message = String::new();
    for value in [
        "\"A\" <sip:a@h> ; tag = 1 ; x",
        "  A\t<sip:a@h>\t;tag\r\n =\r\n 1",
        "sip:a@h ; tag= 1",
        "\r\n <sip:a@h>;tag =1",
    ] {
        let from = from(&mut message, value, &[]);
        assert_eq!((text(from.uri.user), text(from.tag())), ("a".into(), "1".into()), "{value}");
    }
    let message = format!("{LINE}{}\r\n", REST.replace(": ", " \t :\t").replace(":\tSIP", ":SIP"));
    assert_eq!(text(read(&message).from.and_then(|from| from.uri.user)), "a");
    assert!(words(&message).is_empty());
    // Within a URI it is an error of the sender's.
    assert_eq!(text(from(&mut String::new(), "<sip:a@h ;x>;tag=1", &["from"]).uri.user), "a");
}

/// RFC 3261 §20.10: without brackets, what follows a semicolon is the header's.
#[test]
fn the_parameters_of_a_bare_tel_are_the_headers() {
    let mut message = String::new();
    let from = from(&mut message, "tel:+1-415-555-0100;verstat=No-TN-Validation;tag=1", &[]);
    assert_eq!(text(from.uri.user), "+1-415-555-0100");
    assert_eq!(text(from.parameters().get(b"verstat")), "No-TN-Validation");
    assert_eq!((text(from.tag()), from.uri.user_parameters().count()), ("1".into(), 0));
    let in_brackets = self::from(&mut message, "<tel:0100;phone-context=+1415555>;tag=1", &[]);
    assert_eq!(text(in_brackets.uri.user_parameters().get(b"Phone-Context")), "+1415555");
}

#[test]
fn parameters_of_the_user_are_none_of_his_name() {
    for (uri, user, parameters) in [
        (
            "sip:+14155550100;verstat=TN-Validation-Passed;isup-oli=62@h:5060",
            "+14155550100",
            &[("verstat", "TN-Validation-Passed"), ("isup-oli", "62")][..],
        ),
        // RFC 4904 §5, RFC 4694 §5.
        (
            "sips:+14155550100;tgrp=local;trunk-context=+1-630@h;user=phone",
            "+14155550100",
            &[("tgrp", "local"), ("trunk-context", "+1-630")],
        ),
        (
            "sip:+18005550199;npdi;rn=+14155550000;cic=+10288@h",
            "+18005550199",
            &[("npdi", ""), ("rn", "+14155550000"), ("cic", "+10288")],
        ),
        ("sip:2;phone-context=h.example;cpc=payphone:p@h", "2", &[("cpc", "payphone")]),
        ("tel:+1;npdi;rn=+14155550000;oli=27", "+1", &[("npdi", ""), ("OLI", "27")]),
        ("sip:%2B1415:se%63ret@h", "%2B1415", &[]),
        ("sip:a;@h", "a", &[]),
    ] {
        let read = Uri::read(uri.as_bytes());
        assert_eq!(text(read.user), user, "{uri}");
        assert!(!read.faulty, "{uri}");
        for (name, value) in parameters {
            let found = read.user_parameters().get(name.as_bytes());
            assert_eq!(found, Some(value.as_bytes()), "{uri}: {name}");
        }
    }
    assert_eq!(text(Uri::read(b"sip:a;cpc=x:p;w@h").password()), "p;w");
}

#[test]
fn hosts_of_ipv6_keep_their_colons() {
    for (uri, host, port) in [
        ("sip:a@[2001:db8::1]", "[2001:db8::1]", None),
        ("sip:[2001:db8::1]:5070;lr", "[2001:db8::1]", Some(5070)),
        ("sip:a:p@[::ffff:192.0.2.1]:5061?Subject=a", "[::ffff:192.0.2.1]", Some(5061)),
    ] {
        let read = Uri::read(uri.as_bytes());
        assert_eq!((lossy(read.host).as_ref(), read.port()), (host, port), "{uri}");
        assert!(!read.faulty, "{uri}");
    }
    for faulty in ["sip:a@[2001:db8::1", "sip:a@[2001:db8::1]5060", "sip:a@h:", "sip:a@h:65536"] {
        assert!(Uri::read(faulty.as_bytes()).faulty, "{faulty}");
    }
}

#[test]
fn a_name_that_is_no_token_is_no_header() {
    let mut message = String::new();
    for line in ["Fröm: <sip:b@h>", "Fr om: <sip:b@h>", "F\"rom: <sip:b@h>", "\u{202e}: x"] {
        let headers = format!("{line}\r\nP-Asserted-Identity: <sip:+1@h>\r\n");
        let invite = with(&mut message, &headers, &["header-line"]);
        assert_eq!(users(&invite.p_asserted_identity), ["+1"], "{line}");
        assert_eq!(text(invite.from.and_then(|from| from.uri.user)), "a", "{line}");
    }
}

#[test]
fn a_body_is_a_body_whatever_is_in_it() {
    let body = b"\0\x01\xff\r\nP-Asserted-Identity: <sip:x@h>\r\nFrom: <sip:x@h>\r\n\r\nINVITE \
                 sip:x@h SIP/2.0\r\n\x7f\r";
    for (length, expected) in [(Some(body.len()), body.len()), (Some(5), 5), (None, body.len())] {
        let length = length.map_or(String::new(), |length| format!("l: {length}\r\n"));
        let message = [format!("{LINE}{REST}{length}\r\n").as_bytes(), body].concat();
        let invite = invite(&message, false).expect("INVITE");
        assert_eq!(invite.body, &body[..expected]);
        assert!(invite.faults.is_empty() && invite.p_asserted_identity.is_empty());
        assert_eq!(text(invite.from.and_then(|from| from.uri.user)), "a");
        assert_eq!(invite.header(b"p-asserted-identity").count(), 0);
    }
}
