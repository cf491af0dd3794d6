//! What is an INVITE and what is not. The caller is blocked, so that what is taken for an INVITE
//! shows.

use ani_ebpf::{abi::counter::Counter, scan::NotPlain};
use ani_tests::invite::Invite;

use crate::harness::{Harness, US, US_V6};

const BLOCKED: &str = "14155551234";

fn harness() -> Harness {
    let harness = Harness::new();
    harness.block(BLOCKED, None);
    harness
}

fn invite() -> String {
    Invite::from("+14155551234").text()
}

/// The INVITE with another request line.
fn with_line(line: &str) -> String {
    let text = invite();
    let (_, rest) = text.split_once("\r\n").expect("lines");
    format!("{line}\r\n{rest}")
}

#[test]
fn an_invite_is_one() {
    let mut harness = harness();
    for source in [US, US_V6] {
        assert_eq!(harness.message(source, invite().as_bytes()).exit, Counter::DropBlocked);
    }
}

#[test]
fn what_is_no_invite_request_goes_on_to_the_sbc() {
    let mut harness = harness();
    let uri = "sip:+18005550199@sbc.example";
    let methods = [
        "ACK",
        "BYE",
        "CANCEL",
        "INFO",
        "MESSAGE",
        "NOTIFY",
        "OPTIONS",
        "PRACK",
        "PUBLISH",
        "REFER",
        "REGISTER",
        "SUBSCRIBE",
        "UPDATE",
        "invitex",
        "INVITEX",
        "INVIT",
        "XINVITE",
    ];
    let mut lines: Vec<String> =
        methods.iter().map(|method| format!("{method} {uri} SIP/2.0")).collect();
    lines.extend(
        [
            "INVITE sip:+18005550199@sbc.example",
            "INVITE sip:+18005550199@sbc.example SIP/3.0",
            "INVITE sip:+18005550199@sbc.example SIP/2.1",
            "INVITE sip:+18005550199@sbc.example SIP/2.0 x",
            "INVITE sip:+18005550199@sbc.example HTTP/1.1",
            "INVITE sip:+18005550199@sbc.exampleSIP/2.0",
            "INVITE\x0bsip:+18005550199@sbc.example SIP/2.0",
            "SIP/2.0 200 OK",
            "SIP/2.0 100 Trying",
            "SIP/2.0 486 Busy Here",
            "GET /INVITE HTTP/1.1",
            "NOTIFY * HTTP/1.1",
            "M-SEARCH * HTTP/1.1",
            "INVITE * HTTP/1.1",
        ]
        .map(String::from),
    );
    for line in lines {
        let run = harness.message(US, with_line(&line).as_bytes());
        assert_eq!(run.exit, Counter::NotInvite, "{line:?}");
        assert!(run.record.is_none(), "{line:?}");
    }
}

#[test]
fn keep_alives_are_told_from_messages() {
    let mut harness = harness();
    let stun = |first: u8| {
        let mut binding = vec![first, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        binding.resize(20, 7);
        binding
    };
    let short = &b"INVITE a SIP/2.0\r\n"[..15];
    let keep_alives: [&[u8]; 8] =
        [b"", b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0", b" ", b"jaK", short];
    for payload in keep_alives {
        let exit = harness.message(US, payload).exit;
        assert_eq!(exit, Counter::Keepalive, "{payload:?}");
    }
    for first in [0, 1] {
        assert_eq!(harness.message(US, &stun(first)).exit, Counter::Keepalive, "STUN {first}");
    }
    // One byte more could be a request line, without its end.
    let run = harness.message(US, b"INVITE a SIP/2.0");
    assert_eq!(run.exit, Counter::PassNotPlain);
    // The magic cookie alone makes no STUN: its first two bits are zero (RFC 8489 §5).
    assert_eq!(harness.message(US, &stun(0x40)).exit, Counter::NotInvite);
    for payload in [&[b'\r', b'\n'][..], &[0], b" "] {
        let long = payload.repeat(40);
        assert_eq!(harness.message(US, &long).exit, Counter::NotInvite, "{payload:?} repeated");
    }
}

#[test]
fn empty_lines_before_an_invite_leave_it_to_the_parser() {
    let mut harness = harness();
    for lines in ["\r\n", "\r\n\r\n"] {
        let run = harness.message(US, format!("{lines}{}", invite()).as_bytes());
        assert_eq!(run.exit, Counter::PassNotPlain, "{lines:?}");
        assert_eq!(run.header().not_plain, NotPlain::LeadingCrlf as u8);
    }
    // However many there are, and what else receivers look past.
    for lines in ["\r\n\r\n\r\n", "\n", "\r", "\n\r\n", "\r\n\n", " ", "\0"] {
        let run = harness.message(US, format!("{lines}{}", invite()).as_bytes());
        assert_eq!(run.exit, Counter::PassNotPlain, "{lines:?}");
        assert_eq!(run.header().not_plain, NotPlain::LeadingCrlf as u8);
    }
    // Some receivers compare methods in any case, and behind an empty line too.
    for method in ["invite", "Invite", "INVITe"] {
        let text = invite().replacen("INVITE", method, 1);
        for (before, why) in [("", NotPlain::RequestLine), ("\r\n", NotPlain::LeadingCrlf)] {
            let run = harness.message(US, format!("{before}{text}").as_bytes());
            assert_eq!(run.exit, Counter::PassNotPlain, "{method}");
            assert_eq!(run.header().not_plain, why as u8, "{method}");
        }
    }
}

#[test]
fn a_request_line_may_be_long() {
    let mut harness = harness();
    // 512 bytes behind the method are searched for the line's end.
    for (parameter, plain) in [(100, true), (400, true), (600, false), (1_900, false)] {
        let uri = format!("sip:+18005550199@sbc.example;x={}", "y".repeat(parameter));
        let run = harness.message(US, with_line(&format!("INVITE {uri} SIP/2.0")).as_bytes());
        if plain {
            assert_eq!(run.exit, Counter::DropBlocked, "{parameter} bytes");
        } else {
            assert_eq!(run.exit, Counter::PassNotPlain, "{parameter} bytes");
            assert_eq!(run.header().not_plain, NotPlain::Window as u8, "{parameter} bytes");
        }
    }
}
