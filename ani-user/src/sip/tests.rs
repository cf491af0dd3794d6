//! Messages as they should and should not be.

/// The short way to read a value, and the long one.
mod plain;
/// Values as carriers and strangers write them.
mod values;

use std::borrow::Cow;

use super::*;

fn read(message: &str) -> Invite<'_> {
    invite(message.as_bytes(), false).expect("INVITE")
}

fn words(message: &str) -> Vec<&'static str> {
    read(message).faults.words().collect()
}

fn text(bytes: Option<&[u8]>) -> String {
    bytes.map(|bytes| lossy(bytes).into_owned()).unwrap_or_default()
}

const LINE: &str = "INVITE sip:bob@h SIP/2.0\r\n";
const REST: &str = "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: \
                    <sip:bob@h>\r\nCall-ID: 1@h\r\nCSeq: 1 INVITE\r\n";

#[test]
fn a_plain_invite() {
    let message = format!("{LINE}{REST}Content-Length: 4\r\n\r\nv=0\nFrom: <sip:x@h>\r\n");
    let invite = read(&message);
    assert!(invite.faults.is_empty(), "{:?}", invite.faults.words().collect::<Vec<_>>());
    assert_eq!(invite.request_uri, b"sip:bob@h");
    assert_eq!(text(invite.from.as_ref().and_then(|from| from.uri.user)), "a");
    assert_eq!(text(invite.from.as_ref().and_then(NameAddr::tag)), "1");
    assert_eq!(text(invite.call_id), "1@h");
    assert_eq!(invite.cseq, Some(1));
    assert_eq!(text(invite.branch), "z9hG4bK1");
    assert_eq!(invite.body, b"v=0\n");
}

#[test]
fn only_an_invite_request_is_one() {
    for start in [
        "invites sip:bob@h SIP/2.0",
        "INVITES sip:bob@h SIP/2.0",
        "INVITE sip:bob@h",
        "INVITE sip:bob@h HTTP/1.1",
        "INVITE sip:bob@hSIP/2.0",
        "OPTIONS sip:bob@h SIP/2.0",
        "SIP/2.0 200 INVITE SIP/2.0",
        "INVITE sip:bob@h SIP/2.1",
        "INVITE sip:bob@h SIP/2.0/UDP",
        "INVITE sip:bob@h SIP/2.0 x",
        "xINVITE sip:bob@h SIP/2.0",
        "INVITE",
        "",
        "\r\n\r\n",
    ] {
        let message = format!("{start}\r\n{REST}\r\n");
        assert!(invite(message.as_bytes(), false).is_none(), "{start}");
        assert!(invite(start.as_bytes(), false).is_none(), "{start}");
    }
}

#[test]
fn a_request_line_that_is_wrong_is_read_and_named() {
    for (start, uri, word) in [
        ("INVITE  sip:bob@h SIP/2.0", "sip:bob@h", "request-line"),
        ("INVITE sip:bob@h SIP/2.0 ", "sip:bob@h", "request-line"),
        ("INVITE sip:bob@h sip/2.0", "sip:bob@h", "request-line"),
        ("Invite sip:bob@h SIP/2.0", "sip:bob@h", "request-line"),
        // As kamailio 5.6 takes them too.
        ("INVITE sip:bob@h SIP/2.00", "sip:bob@h", "request-line"),
        (" INVITE sip:bob@h SIP/2.0", "sip:bob@h", "request-line"),
        ("\0INVITE sip:bob@h SIP/2.0", "sip:bob@h", "request-line"),
        ("INVITE sip:bob@h; lr SIP/2.0", "sip:bob@h; lr", "request-uri"),
        ("INVITE <sip:bob@h> SIP/2.0", "<sip:bob@h>", "request-uri"),
        (
            "INVITE sip:bob@h?Route=%3Csip:x%3E SIP/2.0",
            "sip:bob@h?Route=%3Csip:x%3E",
            "request-uri-headers",
        ),
    ] {
        let message = format!("{start}\r\n{REST}\r\n");
        assert_eq!(words(&message), [word], "{start}");
        assert_eq!(lossy(read(&message).request_uri), uri);
        assert_eq!(text(read(&message).request.user), "bob");
    }
    assert!(words(&format!("\r\n\r\n\r\n{LINE}{REST}\r\n")).is_empty());
}

#[test]
fn folding_compact_names_case_and_space_before_the_colon() {
    let message = "INVITE sip:bob@h SIP/2.0\r\nv : SIP / 2.0\r\n / UDP h\r\n ;branch = b1 ,\r\n \
                   SIP/2.0/TCP i\r\nFROM\t:\r\n  \"J \\\"R\\\\\" \r\n\t<sip:a@h> ; tag = 1\r\nt: \
                   bob <sip:bob@h>\r\ni:1\r\n 2\r\nCseQ: 0009\r\n INVITE\r\nP-ASSERTED-identity: \
                   \"x, y\" <sip:+1@h>\r\n , tel:+2\r\n\r\n";
    let invite = read(message);
    let from = invite.from.expect("From");
    assert_eq!(display(&from).as_deref(), Some("J \"R\\"));
    assert_eq!(text(from.tag()), "1");
    assert_eq!(text(invite.branch), "b1");
    assert_eq!(invite.cseq, Some(9));
    assert_eq!(lossy(invite.call_id.expect("Call-ID")), "1 2");
    let asserted: Vec<_> =
        invite.p_asserted_identity.iter().map(|value| lossy(value.uri.raw)).collect();
    assert_eq!(asserted, ["sip:+1@h", "tel:+2"]);
    assert_eq!(invite.faults.words().collect::<Vec<_>>(), ["call-id"]);
}

#[test]
fn the_message_ends_where_content_length_says() {
    let second = format!("{LINE}From: <sip:second@h>\r\n\r\n");
    let message = format!("{LINE}{REST}l: 0\r\n\r\n{second}");
    let invite = read(&message);
    assert_eq!(text(invite.from.and_then(|from| from.uri.user)), "a");
    assert!(invite.body.is_empty());
    for (length, word) in [
        ("999", "body-short"),
        ("-1", "content-length"),
        ("99999999999999999999", "content-length"),
        ("0\r\nl: 1", "doubled-content-length"),
    ] {
        assert_eq!(words(&format!("{LINE}{REST}l: {length}\r\n\r\nab")), [word], "{length}");
    }
    let cut = format!("{LINE}{REST}l: 99\r\n\r\nab");
    let cut = super::invite(cut.as_bytes(), true).expect("INVITE");
    assert_eq!(cut.faults.words().collect::<Vec<_>>(), ["cut-short"]);
}

#[test]
fn what_a_cut_goes_through_is_not_read() {
    let message = format!(
        "{LINE}{REST}P-Asserted-Identity: <sip:+14155550100@h>\r\n , <tel:+14155550101>\r\n\
         Diversion: <sip:+14155550102@h>\r\nRemote-Party-ID:\r\n <sip:+14155550103@h>\r\n\
         Identity: eyJ.abc.def;info=<https://h/c>\r\nl: 4\r\n\r\nv=0\n"
    );
    let whole = read(&message);
    fn uris<'a>(names: &[NameAddr<'a>]) -> Vec<Cow<'a, str>> {
        names.iter().map(|name| lossy(name.uri.raw)).collect()
    }
    fn value<'a>(name: &Option<NameAddr<'a>>) -> Option<Cow<'a, str>> {
        name.as_ref().map(|name| lossy(name.uri.raw))
    }
    let all = uris(&whole.p_asserted_identity);
    assert_eq!(all.len(), 2);
    for end in 0..message.len() {
        let start = &message[..end];
        let Some(cut) = invite(start.as_bytes(), true) else {
            assert!(end < LINE.len(), "{start:?}");
            continue;
        };
        assert!(end >= LINE.len(), "{start:?}");
        assert_eq!(cut.request_uri, b"sip:bob@h");
        assert_eq!(cut.faults.words().collect::<Vec<_>>(), ["cut-short"], "{start:?}");
        for (there, whole) in [
            (value(&cut.from), value(&whole.from)),
            (value(&cut.to), value(&whole.to)),
            (cut.call_id.map(lossy), whole.call_id.map(lossy)),
            (cut.branch.map(lossy), whole.branch.map(lossy)),
            (cut.cseq.map(|number| number.to_string().into()), Some("1".into())),
            (cut.identity.first().copied().map(lossy), whole.identity.first().copied().map(lossy)),
        ] {
            assert!(there.is_none() || there == whole, "{start:?}: {there:?}");
        }
        for (there, whole) in [
            (uris(&cut.p_asserted_identity), &all),
            (uris(&cut.diversion), &uris(&whole.diversion)),
            (uris(&cut.remote_party_id), &uris(&whole.remote_party_id)),
        ] {
            assert!(there.is_empty() || there == *whole, "{start:?}: {there:?}");
        }
    }
    // One byte behind a line tells that it is not folded.
    let at = message.find("Diversion").expect("there");
    let asserted = |end: usize| {
        invite(&message.as_bytes()[..end], true).expect("INVITE").p_asserted_identity.len()
    };
    assert_eq!((asserted(at), asserted(at + 1)), (0, 2));
}

#[test]
fn a_start_line_is_told_from_any_other() {
    use Place::{Behind, First, Somewhere};
    let yes = |line: &str, places: &[Place]| {
        for place in [Behind, First, Somewhere] {
            let expected = if places.contains(&place) { Start::Yes } else { Start::No };
            assert_eq!(start(line.as_bytes(), 0, place), expected, "{line:?} {place:?}");
            assert_eq!(start(line.as_bytes(), line.len() - 1, place), expected, "{line:?}");
            if expected == Start::Yes && line.starts_with("INVITE") {
                for end in 0..line.len() {
                    assert_eq!(start(&line.as_bytes()[..end], 0, place), Start::Open, "{line:?}");
                }
            }
        }
    };
    yes("INVITE sip:bob@h SIP/2.0\r\n", &[Behind, First, Somewhere]);
    yes("INVITE tel:+1 SIP/2.0\n", &[Behind, First, Somewhere]);
    yes("SIP/2.0 200 OK\r\n", &[Behind, First, Somewhere]);
    yes("SIP/2.0 200\r\n", &[Behind, First, Somewhere]);
    yes("INVITE  sip:bob@h SIP/2.0\r\n", &[Behind, First]);
    yes("INVITE\tsip:bob@h sip/2.0 \r\n", &[Behind, First]);
    yes("INVITE sip:bob@h and more SIP/2.0\r\n", &[Behind, First]);
    yes("INVITE nothing SIP/2.0\r\n", &[Behind, First]);
    yes("KDMQ sip:bob@h SIP/2.0\r\n", &[Behind]);
    yes("VITE sip:bob@h SIP/2.0\r\n", &[Behind]);
    yes("sip/2.0 200 OK\r\n", &[Behind]);
    for line in [
        "INVITE sip:bob@h\r\n",
        "GET / HTTP/1.1\r\n",
        "HTTP/1.1 200 OK\r\n",
        "SIP/2.0 2x0 OK\r\n",
        "SIP/2.0\r\n",
        "SIP/2.01 200 OK\r\n",
        "Via: SIP/2.0/TCP h\r\n",
        " INVITE sip:bob@h SIP/2.0\r\n",
        "\u{16}\u{3}\u{1}\r\n",
        "thisisatokenthatislongerthananymethodis sip:bob@h SIP/2.0\r\n",
    ] {
        yes(line, &[]);
    }
}

#[test]
fn what_is_wrong_with_headers_is_named() {
    for (headers, word) in [
        ("From: <sip:second@h>\r\n", "doubled-from"),
        ("t: <sip:second@h>\r\n", "doubled-to"),
        ("i: 2\r\n", "doubled-call-id"),
        ("CSeq: 2 INVITE\r\n", "doubled-cseq"),
        ("no colon\r\n", "header-line"),
        (": no name\r\n", "header-line"),
        ("Contact: <sip:a@h>;;;;\r\n", "contact"),
        ("Via: SIP/2.0/UDP h;;,;\r\n", "via"),
        ("Max-Forwards: 300\r\n", "max-forwards"),
        ("Subject: a\rb\r\n", "bare-cr"),
        ("Subject: a\0b\r\n", "control-character"),
        ("Subject: a\n", "bare-lf"),
        ("P-Asserted-Identity: \"Bob <sip:1@h>\r\n", "p-asserted-identity"),
        ("P-Asserted-Identity: sip:1@h <sip:2@h>\r\n", "p-asserted-identity"),
        ("P-Asserted-Identity: <sip:1@h\r\n", "p-asserted-identity"),
        ("P-Asserted-Identity: <sip:%zz@h>\r\n", "p-asserted-identity"),
    ] {
        let message = format!("{LINE}{REST}{headers}\r\n");
        assert!(words(&message).contains(&word), "{headers:?}: {:?}", words(&message));
        assert_eq!(text(read(&message).from.and_then(|from| from.uri.user)), "a");
    }
    let missing = [
        "headers-unterminated",
        "missing-cseq",
        "missing-call-id",
        "missing-from",
        "missing-to",
        "missing-via",
    ];
    assert_eq!(words(LINE), missing);
    assert_eq!(
        words(&format!("{LINE}{}", REST.replace("1 INVITE", "1 ACK") + "\r\n")),
        ["cseq-method"]
    );
    assert_eq!(
        words(&format!("{LINE}{}", REST.replace("1 INVITE", "2147483648 INVITE") + "\r\n")),
        ["cseq"]
    );
}

#[test]
fn a_flood_of_lines_and_values_is_bounded() {
    let values = "P-Asserted-Identity: <sip:1@h>,<sip:2@h>\r\n".repeat(20);
    let message = format!("{LINE}{REST}{values}\r\n");
    assert_eq!(read(&message).p_asserted_identity.len(), MAX_VALUES);
    assert_eq!(words(&message), ["too-many-values"]);
    let message = format!("{LINE}{REST}{}\r\n", "a: b\r\n".repeat(20_000));
    assert_eq!(words(&message), ["too-many-headers"]);
}

#[test]
fn the_parts_of_a_uri() {
    let uri = Uri::read(b"SIP:+1;isub=2:secret@[2001:db8::1]:5070;user=phone;lr?Subject=a%20b");
    assert_eq!(uri.scheme, Scheme::Sip);
    assert_eq!((text(uri.user), text(uri.password())), ("+1".to_owned(), "secret".to_owned()));
    // The password ends the parameters of the user.
    assert_eq!(lossy(uri.user_parameters), ";isub=2");
    assert_eq!((lossy(uri.host), uri.port()), ("[2001:db8::1]".into(), Some(5070)));
    assert_eq!(text(uri.parameters().get(b"USER")), "phone");
    assert_eq!(uri.parameters().get(b"lr"), Some(&b""[..]));
    assert_eq!(lossy(uri.headers), "Subject=a%20b");
    assert!(!uri.faulty);

    let tel = Uri::read(b"tel:+1-415;phone-context=+1");
    assert_eq!((tel.scheme, text(tel.user)), (Scheme::Tel, "+1-415".to_owned()));
    assert_eq!(text(tel.user_parameters().get(b"phone-context")), "+1");

    assert_eq!(Uri::read(b"sip:h;x=1").user, None);
    assert_eq!(Uri::read(b"urn:service:sos").scheme, Scheme::Urn);
    assert!(!Uri::read(b"nobodyKnowsThisScheme:totallyopaquecontent").faulty);
    for faulty in [
        &b"bob"[..],
        b"sip:",
        b"sip:@h",
        b"sip:a@b@c",
        b"sip:h:x",
        b"sip:a b@h",
        b"sip:%4",
        b"tel:",
    ] {
        assert!(Uri::read(faulty).faulty, "{}", faulty.escape_ascii());
    }
}

/// rsip as a second opinion on messages both should read.
#[test]
fn rsip_reads_the_same() {
    use rsip::prelude::{HeadersExt, ToTypedHeader, UntypedHeader};
    for headers in [
        REST.to_owned(),
        REST.replace("<sip:a@h>", "\"A, B\" <sips:+1415@h:5061;user=phone>"),
        REST.replace("<sip:a@h>", "sip:a@h"),
        REST.replace("<sip:bob@h>", "\"Bob\" <sip:bob@h:5061>;tag=9"),
    ] {
        let message = format!("{LINE}{headers}Content-Length: 0\r\n\r\n");
        let ours = read(&message);
        let theirs = rsip::Request::try_from(message.as_bytes()).expect("rsip reads it");
        let from = theirs.from_header().and_then(|from| from.typed()).expect("From");
        let our_from = ours.from.expect("From");
        assert_eq!(from.uri.user().unwrap_or_default(), text(our_from.uri.user), "{message}");
        assert_eq!(from.tag().map(|tag| tag.to_string()).unwrap_or_default(), text(our_from.tag()));
        let to = theirs.to_header().and_then(|to| to.typed()).expect("To");
        assert_eq!(
            to.tag().map(|tag| tag.to_string().into()),
            ours.to.and_then(|to| to.tag()).map(lossy)
        );
        let call_id = theirs.call_id_header().expect("Call-ID").value().to_owned();
        assert_eq!(call_id, text(ours.call_id));
    }
}
