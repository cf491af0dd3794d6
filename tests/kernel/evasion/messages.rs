//! Entries 7 to 10: what is a message, and where its parts end.

use ani_ebpf::{abi::counter::Counter, scan::NotPlain};
use ani_tests::invite::Invite;

use super::{BLOCKED, Suite};
use crate::harness::US;

/// Entry 7, "dblreq: two messages in a datagram": the first one is the message.
#[test]
fn two_messages_in_a_datagram() {
    let mut suite = Suite::new();
    suite.disguised("two INVITEs", None, |caller, other| {
        Invite::from(caller).text() + &Invite::from(other).text()
    });
    suite.disguised("two behind empty lines", Some(NotPlain::LeadingCrlf), |caller, other| {
        format!("\r\n{}\r\n{}", Invite::from(caller).text(), Invite::from(other).text())
    });
    // Of something else before it, a datagram's reader sees no more than that: kamailio too.
    let options = Invite { method: "OPTIONS", ..Invite::from("+12125550100") };
    let both = options.text() + &Invite::from(&format!("+{BLOCKED}")).text();
    assert_eq!(suite.harness.message(US, both.as_bytes()).exit, Counter::NotInvite);
}

/// Entry 8, "Content-Length lies": the headers end at the blank line, whatever it says.
#[test]
fn content_length_lies() {
    let mut suite = Suite::new();
    for length in ["0", "1", "99999", "4294967297", "-1", "", "0x10", "10, 20"] {
        for name in ["Content-Length", "l", "CONTENT-LENGTH"] {
            suite.disguised(length, None, |caller, other| {
                let mut invite = Invite::from(caller).line(&format!("{name}: {length}"));
                invite.body = 40;
                invite.text() + &format!("From: <sip:{other}@h>;tag=1\r\n\r\n")
            });
        }
    }
}

/// Entry 9, "INVITE line > 64 bytes, URI > 48 chars".
#[test]
fn long_lines() {
    let mut suite = Suite::new();
    for len in [49, 64, 200, 400] {
        suite.disguised("a long Request-URI", None, |caller, _| {
            let uri = format!("sip:+18005550199@{}.example", "h".repeat(len));
            Invite { uri, ..Invite::from(caller) }.text()
        });
    }
    for len in [500, 600, 1_500] {
        suite.disguised("a longer one", Some(NotPlain::Window), |caller, _| {
            let uri = format!("sip:+18005550199@{}.example", "h".repeat(len));
            Invite { uri, ..Invite::from(caller) }.text()
        });
    }
    for len in [64, 400, 500, 600] {
        let why = (len > 400).then_some(NotPlain::DisplayName);
        suite.disguised("a long name", why, |caller, _| {
            let from = format!("\"{}\" <sip:{caller}@h>;tag=1", "n".repeat(len + 20));
            Invite { from, ..Invite::from(caller) }.text()
        });
    }
    suite.disguised("a long line before it", None, |caller, other| {
        Invite::from(other).line(&format!("X: {}", "x".repeat(1_200))).line(&pai(caller)).text()
    });
}

/// Entry 9, "> 100 headers before PAI".
#[test]
fn many_headers() {
    let mut suite = Suite::new();
    for count in [50, 101, 140] {
        suite.disguised("lines before it", None, |caller, other| {
            let lines = vec!["X: y"; count].join("\r\n");
            Invite::from(other).line(&lines).line(&pai(caller)).text()
        });
    }
    for count in [160, 250] {
        suite.disguised("more lines before it", Some(NotPlain::Steps), |caller, other| {
            let lines = vec!["X: y"; count].join("\r\n");
            Invite::from(other).line(&lines).line(&pai(caller)).text()
        });
    }
}

/// Entry 9, "PAI beyond first 2 KB".
#[test]
fn late_headers() {
    let mut suite = Suite::new();
    for (lines, why) in [(15, None), (25, Some(NotPlain::Window)), (60, Some(NotPlain::Window))] {
        suite.disguised("a late header", why, |caller, other| {
            let line = format!("X-Filler: {}", "x".repeat(80));
            let mut invite = Invite::from(other);
            invite.more = vec![line; lines];
            invite.line(&pai(caller)).text()
        });
    }
    // What stands beyond the window takes the place of nothing that stands before it.
    suite.disguised("a second one beyond", Some(NotPlain::Window), |caller, other| {
        let mut invite = Invite::from(other).pai(caller);
        invite.more = vec![format!("X-Filler: {}", "x".repeat(80)); 30];
        invite.line("Subject: late").text()
    });
}

/// Entry 10, "`INVITEX`": no INVITE, to the parser as to the kernel. (`invite`, which is not SIP, is
/// taken for one by kamailio 5.6: see [`request_lines_that_others_take`].)
#[test]
fn what_is_not_the_method() {
    let mut suite = Suite::new();
    for method in ["invitex", "INVITEX", "INVITE\0", "INVITE/", "XINVITE"] {
        let text = Invite::from(&format!("+{BLOCKED}")).text().replacen("INVITE", method, 1);
        let run = suite.harness.message(US, text.as_bytes());
        assert_eq!((run.exit, run.record.is_none()), (Counter::NotInvite, true), "{method:?}");
        assert_eq!(suite.judge.caller(0, text.as_bytes()), None, "{method:?}");
    }
}

/// Entry 10, and "odd line ends": a request line that kamailio 5.6 takes though it is not as it should
/// be. It is left to the daemon, and not passed over as no INVITE.
#[test]
fn request_lines_that_others_take() {
    let mut suite = Suite::new();
    for before in ["\r\n", "\r\n\r\n\r\n", "\n", "\r", "\n\r\n\r", " ", "\t", "\0", "\0\0\0 \r\n"] {
        suite.disguised(before, Some(NotPlain::LeadingCrlf), |caller, _| {
            format!("{before}{}", Invite::from(caller).text())
        });
    }
    suite.disguised("many empty lines", Some(NotPlain::LeadingCrlf), |caller, _| {
        "\r\n".repeat(250) + &Invite::from(caller).text()
    });
    suite.disguised("more than are looked at", Some(NotPlain::Window), |caller, _| {
        "\r\n".repeat(260) + &Invite::from(caller).text()
    });
    for (line, why) in [
        ("INVITE\tsip:1@h SIP/2.0\r\n", NotPlain::RequestUri),
        ("INVITE  sip:1@h SIP/2.0\r\n", NotPlain::RequestUri),
        ("INVITE sip:1@h\tSIP/2.0\r\n", NotPlain::RequestLine),
        ("INVITE sip:1@h sip/2.0\r\n", NotPlain::RequestLine),
        ("Invite sip:1@h SIP/2.0\r\n", NotPlain::RequestLine),
        ("INVITE sip:1@h SIP/2.00\r\n", NotPlain::RequestLine),
        ("INVITE sip:1@h SIP/2.0 \r\n", NotPlain::RequestLine),
        ("INVITE sip:1@h SIP/2.0  \t \r\n", NotPlain::RequestLine),
        ("INVITE sip:1@h;x=\t SIP/2.0\r\n", NotPlain::RequestLine),
        ("\nINVITE sip:1@h\tSip/2.0\t\n", NotPlain::RequestLine),
        ("INVITE sip:1@h SIP/2.0\n", NotPlain::LineEnd),
        ("INVITE sip:1@h SIP/2.0\r\r\n", NotPlain::LineEnd),
    ] {
        suite.disguised(line, Some(why), |caller, _| {
            let text = Invite::from(caller).text();
            let (_, headers) = text.split_once("\r\n").expect("lines");
            format!("{line}{headers}")
        });
    }
}

/// Of the issue's own list: "odd line ends" among the headers.
#[test]
fn odd_line_ends() {
    let mut suite = Suite::new();
    suite.disguised("LF everywhere", Some(NotPlain::LineEnd), |caller, _| {
        Invite::from(caller).text().replace("\r\n", "\n")
    });
    suite.disguised("one LF", Some(NotPlain::LineEnd), |caller, other| {
        Invite::from(other).line("Subject: a").line(&pai(caller)).text().replace("a\r\n", "a\n")
    });
    // To the parser a CR alone ends no line, so that nothing of this is a header.
    suite.disguised("a CR alone", Some(NotPlain::LineEnd), |caller, other| {
        Invite::from(caller).line(&format!("Subject: a\r{}", pai(other))).text()
    });
    suite.disguised("a NUL", Some(NotPlain::LineEnd), |caller, other| {
        Invite::from(caller).line(&format!("Subject: a\0{}", pai(other))).text()
    });
    suite.disguised("no blank line", Some(NotPlain::Window), |caller, _| {
        Invite::from(caller).text().trim_end().to_owned() + "\r\n"
    });
}

fn pai(user: &str) -> String {
    format!("P-Asserted-Identity: <sip:{user}@h>")
}
