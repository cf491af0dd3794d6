//! Entry 6: two P-Asserted-Identity headers, a list with tel second, folding, compact names, quoted
//! names that hold a URI or a header, header text within a body.

use ani_ebpf::scan::NotPlain;
use ani_tests::invite::Invite;

use super::Suite;

/// An INVITE of `from` with more header lines.
fn with(from: &str, lines: &[String]) -> String {
    let mut invite = Invite::from(from);
    invite.more.extend(lines.iter().cloned());
    invite.text()
}

/// An INVITE with this From.
fn from(value: &str) -> String {
    Invite { from: value.into(), ..Invite::from("x") }.text()
}

/// Entry 6, "two PAI headers, PAI list with tel second": the full parser knows which one counts.
#[test]
fn several_asserted_identities() {
    let mut suite = Suite::new();
    suite.disguised("two P-Asserted-Identity", Some(NotPlain::Doubled), |caller, other| {
        let value = |user: &str| format!("P-Asserted-Identity: <sip:{user}@h>");
        with(other, &[value(caller), value(other)])
    });
    suite.disguised("in two cases", Some(NotPlain::Doubled), |caller, other| {
        let lines = [
            format!("P-ASSERTED-IDENTITY: <sip:{caller}@h>"),
            format!("p-asserted-identity: <sip:{other}@h>"),
        ];
        with(other, &lines)
    });
    for list in ["<sip:{other}@h>, <tel:{caller}>", "<sip:{other}@h>,<tel:{caller}>"] {
        suite.disguised(list, Some(NotPlain::Tail), |caller, other| {
            let list = list.replace("{caller}", caller).replace("{other}", other);
            with(other, &[format!("P-Asserted-Identity: {list}")])
        });
    }
    suite.disguised("a list without brackets", Some(NotPlain::Tail), |caller, other| {
        with(other, &[format!("P-Asserted-Identity: sip:alice@h, tel:{caller}")])
    });
    suite.disguised("another behind a name", Some(NotPlain::Tail), |caller, other| {
        let list = format!("P-Asserted-Identity: <sip:{caller}@h> , \"x\" <sip:{other}@h>");
        with(other, &[list])
    });
}

/// Entry 6, "folded PAI": in the line of the header, before its value and within it.
#[test]
fn folded_headers() {
    let mut suite = Suite::new();
    for fold in ["\r\n ", "\r\n\t", "\r\n  \t "] {
        suite.disguised("a folded value", Some(NotPlain::Folded), |caller, other| {
            with(other, &[format!("P-Asserted-Identity:{fold}<sip:{caller}@h>")])
        });
        suite.disguised("a folded name", Some(NotPlain::Folded), |caller, other| {
            with(other, &[format!("P-Asserted-Identity: \"A{fold}B\" <sip:{caller}@h>")])
        });
        suite.disguised("a header folded away", Some(NotPlain::Folded), |caller, other| {
            let lines = [
                format!("P-Asserted-Identity: <sip:{caller}@h>"),
                format!("Subject: a{fold}P-Asserted-Identity: <sip:{other}@h>"),
            ];
            with(other, &lines)
        });
    }
}

/// Entry 6, "compact `f:`/`y:`": the same header by another name is the same header.
#[test]
fn compact_names() {
    let mut suite = Suite::new();
    for name in ["f", "F"] {
        suite.disguised("compact From", None, |caller, _| {
            Invite::from(caller).text().replace("From:", &format!("{name}:"))
        });
        suite.disguised("From by both names", Some(NotPlain::Doubled), |caller, other| {
            with(caller, &[format!("{name}: <sip:{other}@h>;tag=2")])
        });
    }
    suite.disguised("all names compact", None, |caller, _| {
        let text = Invite::from(caller).text();
        text.replace("From:", "f:").replace("To:", "t:").replace("Call-ID:", "i:")
    });
    suite.disguised("an Identity by its compact name", None, |caller, other| {
        with(caller, &[format!("y: {other}.{other}.{other}")])
    });
    for name in ["From ", "From\t", "f ", "F\t"] {
        suite.disguised(
            "a space before the colon",
            Some(NotPlain::SpaceBeforeColon),
            |caller, _| Invite::from(caller).text().replace("From:", &format!("{name}:")),
        );
    }
}

/// Entry 6, "names in any case".
#[test]
fn names_in_any_case() {
    let mut suite = Suite::new();
    for name in ["P-ASSERTED-IDENTITY", "p-asserted-identity", "p-aSSERTED-iDENTITY"] {
        suite.disguised(name, None, |caller, other| {
            with(other, &[format!("{name}:<sip:{caller}@h>")])
        });
    }
    for name in ["FROM", "from", "fROM"] {
        suite.disguised(name, None, |caller, _| {
            Invite::from(caller).text().replace("From:", &format!("{name}:"))
        });
    }
    for (scheme, plain) in [("SIP", None), ("SIPS", None), ("Sip", None)] {
        suite.disguised(scheme, plain, |caller, _| from(&format!("<{scheme}:{caller}@h>;tag=1")));
    }
    suite.disguised("TEL", None, |caller, _| from(&format!("<TEL:{caller}>;tag=1")));
}

/// Entry 6, "quoted display name containing `<sip:+1…>` or `P-Asserted-Identity:` text".
#[test]
fn display_names_that_look_like_more() {
    let mut suite = Suite::new();
    for name in [
        "\"<sip:{other}@h>\" ",
        "\"{other}\" ",
        "\"sip:{other}@h;tag=1\"",
        "\"P-Asserted-Identity: <sip:{other}@h>\" ",
        "{other} ",
    ] {
        suite.disguised(name, None, |caller, other| {
            from(&format!("{}<sip:{caller}@h>;tag=1", name.replace("{other}", other)))
        });
    }
    for name in ["\"\\\"<sip:{other}@h>\" ", "\"a\\\\\" ", "sip:{other}@h ", "tel:{other} "] {
        suite.disguised(name, Some(NotPlain::DisplayName), |caller, other| {
            from(&format!("{}<sip:{caller}@h>;tag=1", name.replace("{other}", other)))
        });
    }
    // Behind the brackets, for whoever looks for an `@` or a bracket from the end.
    for tail in [";x=\"<sip:{other}@h>\"", ";x=<sip:{other}@h>", ";x=\"@{other}\""] {
        suite.disguised(tail, None, |caller, other| {
            from(&format!("<sip:{caller}@h>;tag=1{}", tail.replace("{other}", other)))
        });
    }
}

/// Entry 6, "header text inside SDP body": behind the blank line stands no header.
#[test]
fn header_text_in_a_body() {
    let mut suite = Suite::new();
    for line in [
        "From: <sip:{other}@h>;tag=1\r\n",
        "P-Asserted-Identity: <sip:{other}@h>\r\n",
        "v=0\r\nP-Asserted-Identity: <sip:{other}@h>\r\n\r\nFrom: <sip:{other}@h>\r\n",
    ] {
        suite.disguised(line, None, |caller, other| {
            Invite::from(caller).text() + &line.replace("{other}", other)
        });
    }
    // A line of white space is none: it continues the header before it.
    suite.disguised("a blank line with a space", Some(NotPlain::Folded), |caller, other| {
        with(other, &[" ".into(), format!("P-Asserted-Identity: <sip:{caller}@h>")])
    });
}

/// Of the issue's own list: escapes, separators and what else changes the digits but not the number.
#[test]
fn the_same_number_in_other_signs() {
    let mut suite = Suite::new();
    let escaped = |caller: &str| caller.replace('5', "%35");
    let dashed = |caller: &str| format!("{}-{}", &caller[..5], &caller[5..]);
    suite.disguised("escaped digits", Some(NotPlain::User), |caller, _| {
        from(&format!("<sip:{}@h>;tag=1", escaped(caller)))
    });
    suite.disguised("an escaped plus", Some(NotPlain::User), |caller, _| {
        from(&format!("<sip:%2B{}@h>;tag=1", &caller[1..]))
    });
    suite.disguised("separators", Some(NotPlain::User), |caller, _| {
        from(&format!("<tel:{}>;tag=1", dashed(caller)))
    });
    suite.disguised("a password", Some(NotPlain::User), |caller, other| {
        from(&format!("<sip:{caller}:{}@h>;tag=1", &other[1..]))
    });
    suite.disguised("a context", Some(NotPlain::PhoneContext), |caller, _| {
        from(&format!("<tel:{};phone-context={}>;tag=1", &caller[5..], &caller[..5]))
    });
    suite.disguised("a national number", None, |caller, _| {
        from(&format!("<sip:{}@h>;tag=1", &caller[2..]))
    });
    suite.disguised("an international prefix", None, |caller, _| {
        from(&format!("<sip:011{}@h>;tag=1", &caller[1..]))
    });
    suite.disguised("without brackets", None, |caller, _| from(&format!("sip:{caller}@h;tag=1")));
    suite.disguised("of the other party", Some(NotPlain::Tail), |caller, other| {
        with(caller, &[format!("Remote-Party-ID: <sip:{other}@h>;party=called")])
    });
}
