//! INVITEs made of forms: each part as carriers write it, as RFCs allow it, or as somebody writes it
//! who hopes that two readers differ.

use ani_tests::random::Random;

/// Callers: on the block list or not, in every form of a user part.
const USERS: &[&str] = &[
    "+14155551234",
    "14155551234",
    "4155551234",
    "01114155551234",
    "+12125550100",
    "2125550100",
    "+12025550143",
    "442079460000",
    "+442079460000",
    "+1415555123",
    "+141555512345",
    "+1-415-555-1234",
    "+1415%35551234",
    "%2B14155551234",
    "(415)5551234",
    "anonymous",
    "Anonymous",
    "restricted",
    "alice",
    "a4155551234",
    "1001",
    "911",
    "",
    "+",
    "12345678901234567",
    "+14155551234;cpc=ordinary",
    "+14155551234;verstat=TN-Validation-Passed",
    "+14155551234;npdi;rn=+12125550000",
    "5551234;phone-context=+1415",
    "+14155551234;phone-context=+1",
    "+14155551234:secret",
    "+14155551234;a;b;c;d;e;f;g",
];

/// How many of them a carrier would send.
const USUAL_USERS: usize = 9;

const HOSTS: &[&str] =
    &["h", "gw.example:5060", "203.0.113.9", "[2001:db8::1]", "anonymous.invalid", ""];

const DISPLAYS: &[&str] = &[
    "",
    "",
    "",
    "Bob ",
    "\"Bob\" ",
    "\"Bob\"",
    "\"\" ",
    "\"<sip:+12025550143@h>\" ",
    "\"P-Asserted-Identity: <sip:+12025550143@h>\" ",
    "\"a\\\"b\" ",
    "\"a\\\\\" ",
    "\"unterminated ",
    "A B C ",
    "a, b ",
    "sip:+12025550143@h ",
    "tel:+12025550143 ",
    "4155551234 ",
    "J\u{fc}rgen ",
];

const PARAMETERS: &[&str] = &[
    "",
    "",
    ";tag=a1",
    ";tag=a1;x=y",
    ";x=y;tag=b",
    ";tag=",
    ";tag",
    "; tag=a",
    ";TAG=a",
    ";tag=\"a\"",
    ";x=\";tag=1\"",
    ";x=<y>",
    ";party=calling",
    ";party=calling;screen=yes",
    ";party=called",
    ";screen=no;party=\"calling\"",
    ";party",
    ";privacy=full",
    ", <tel:+12025550143>",
    ",",
    " , \"x\" <sip:+12025550143@h>",
    ";phone-context=+1",
    "\t",
    "   ",
];

/// What stands between a name and its value.
const COLONS: &[&str] =
    &[": ", ":", ":  ", ":      ", " : ", "\t:", ":\t", ":\r\n ", ":\n ", ": \r\n\t"];

const FROM: &[&str] = &["From", "From", "f", "F", "FROM", "from", "From\0", "Fro", "Froms"];
const TO: &[&str] = &["To", "To", "t", "T", "TO", "Tos"];
const CALL_ID: &[&str] = &["Call-ID", "Call-ID", "i", "CALL-ID", "Call-Id", "CallID"];
const PAI: &[&str] =
    &["P-Asserted-Identity", "P-ASSERTED-IDENTITY", "p-asserted-identity", "P-Asserted-Identit"];
const RPID: &[&str] = &["Remote-Party-ID", "remote-party-id", "Remote-Party-Id", "Remote-Party"];
const CHARGE: &[&str] = &["P-Charge-Info", "P-CHARGE-INFO"];
const PPI: &[&str] = &["P-Preferred-Identity", "p-preferred-identity"];

const REQUEST_LINES: &[(&str, &str)] = &[
    ("INVITE ", " SIP/2.0\r\n"),
    ("INVITE ", " SIP/2.0\r\n"),
    ("INVITE ", " SIP/2.0\r\n"),
    ("INVITE ", " SIP/2.0\r\n"),
    ("INVITE ", " SIP/2.0\r\n"),
    ("INVITE ", " SIP/2.0\r\n"),
    ("\r\nINVITE ", " SIP/2.0\r\n"),
    ("\r\n\r\n\r\nINVITE ", " SIP/2.0\r\n"),
    ("\nINVITE ", " SIP/2.0\r\n"),
    (" INVITE ", " SIP/2.0\r\n"),
    ("\0INVITE ", " SIP/2.0\r\n"),
    ("INVITE\t", " SIP/2.0\r\n"),
    ("INVITE  ", " SIP/2.0\r\n"),
    ("INVITE ", "\tSIP/2.0\r\n"),
    ("INVITE ", "  SIP/2.0\r\n"),
    ("INVITE ", " sip/2.0\r\n"),
    ("invite ", " SIP/2.0\r\n"),
    ("INVITE ", " SIP/2.00\r\n"),
    ("INVITE ", " SIP/2.0 \r\n"),
    ("INVITE ", " SIP/2.0\n"),
    ("INVITE ", " SIP/2.0\r\r\n"),
    ("INVITE ", " SIP/3.0\r\n"),
    ("INVITE ", " SIP/2.0 x\r\n"),
    ("INVITE ", "SIP/2.0\r\n"),
    ("INVITE ", " a b c d e f g h i SIP/2.0\r\n"),
    ("invite ", " SIP/2.0\r\n"),
    ("INVITEX ", " SIP/2.0\r\n"),
    ("OPTIONS ", " SIP/2.0\r\n"),
];

const CALLED: &[&str] = &[
    "sip:+18005550199@sbc.example",
    "sip:+18005550199@sbc.example",
    "sip:+12125550199@sbc.example",
    "sip:+12125550199@sbc.example",
    "sip:2125550199@sbc.example",
    "sip:2125550199@sbc.example",
    "sip:+442079460000@sbc.example",
    "sip:+442079460000@sbc.example",
    "sip:+12125550199@sbc.example;user=phone",
    "sip:8885550199@sbc",
    "tel:+18005550199",
    "sip:911@sbc",
    "sip:+911@sbc",
    "sip:112;x=y@sbc",
    "tel:911",
    "sip:9%311@sbc",
    "sip:911;phone-context=+1@sbc",
    "urn:service:sos",
    "URN:service:sos.fire",
    "urn:service:sosx",
    "urn:service:counseling",
    "sip:support@sbc",
    "sip:sbc",
    "sip:1 2@sbc",
    "sip:1\t2@sbc",
    "http://sbc",
    "<sip:+18005550199@sbc>",
    "",
];

/// Header lines that say nothing about the caller, or should not.
const OTHERS: &[&str] = &[
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n",
    "CSeq: 1 INVITE\r\n",
    "Max-Forwards: 70\r\n",
    "Contact: <sip:h>\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 99999\r\n",
    "l: -1\r\n",
    "Subject: From: <sip:+12025550143@h>\r\n",
    "Subject: a\r\n From: <sip:+12025550143@h>\r\n",
    "Subject: a\rFrom: <sip:+12025550143@h>;tag=1\r\n",
    "Subject: a\nFrom: <sip:+12025550143@h>;tag=1\r\n",
    "Privacy: id\r\n",
    "X-P-Asserted-Identity: <sip:+12025550143@h>\r\n",
    "P-Asserted-Identity-X: <sip:+12025550143@h>\r\n",
    "no header at all\r\n",
    ": <sip:+12025550143@h>\r\n",
    "Resource-Priority: ets.0\r\n",
    "Resource-Priority: dsn.flash\r\n",
    "resource-priority:WPS.3\r\n",
    "Resource-Priority:      esnet.1\r\n",
    "Resource-Priority: dsn.flash, ets.0\r\n",
    "Resource-Priority: etsx.0\r\n",
    "P-DCS-Billing-Info: 1@h/2@h;calling=\"tel:+12025550143\"\r\n",
    "Identity: e30.eyJhdHRlc3QiOiJBIn0.c2ln;info=<https://h/c>;ppt=shaken\r\n",
    "Identity: e30.eyJhdHRlc3QiOiJCIn0.c2ln;ppt=\"shaken\"\r\n",
    "y: e30.eyJhdHRlc3QiOiJDIn0.c2ln\r\n",
    "Identity: e30.eyJhdHRlc3QiOiJBQSJ9.c2ln;ppt=shaken\r\n",
    "Identity: a;b=.eyJhdHRlc3QiOiJBIn0.c2ln;ppt=shaken\r\n",
    "Identity: a.b.c, e30.eyJhdHRlc3QiOiJBIn0.c2ln;ppt=shaken\r\n",
    "Identity:\r\n",
];

/// How many of them a carrier would send.
const USUAL_OTHERS: usize = 5;

/// A message of forms chosen by `random`: as it should be, with an odd part here and there, or with
/// many.
pub(crate) fn generated(random: &mut Random) -> Vec<u8> {
    let odds = *random.of(&[0, 4, 4, 12, 40]);
    Forms { random, odds }.message()
}

/// The choice of forms.
struct Forms<'a> {
    random: &'a mut Random,
    /// How often a part is odd, percent.
    odds: usize,
}

impl Forms<'_> {
    fn message(&mut self) -> Vec<u8> {
        let mut lines = Vec::new();
        for (names, percent, tag) in [
            (FROM, 98, ";tag=a1"),
            (TO, 98, ["", "", "", ";tag=b2"][self.random.below(4)]),
            (PAI, 30, ""),
            (RPID, 20, ";party=calling"),
            (CHARGE, 10, ""),
            (PPI, 10, ""),
            (FROM, self.odds / 4, ";tag=c3"),
            (PAI, self.odds / 4, ""),
        ] {
            if self.random.below(100) < percent {
                let (name, colon) = (self.name(names), self.name(COLONS));
                lines.push(format!("{name}{colon}{}\r\n", self.value(tag)));
            }
        }
        if self.random.below(100) < 98 {
            lines.push(format!("{}{}1@h\r\n", self.name(CALL_ID), self.name(COLONS)));
        }
        let others = if self.odds == 0 { &OTHERS[..USUAL_OTHERS] } else { OTHERS };
        for _ in 0..self.random.below(5) {
            lines.push((*self.random.of(others)).to_owned());
        }
        // Late, and more than the walk looks at.
        if self.random.below(60) == 0 {
            let line =
                *self.random.of(&["X: y\r\n", "X-Filler: 01234567890123456789012345678\r\n"]);
            lines.push(line.repeat(self.random.below(200)));
        }
        for at in (1..lines.len()).rev() {
            lines.swap(at, self.random.below(at + 1));
        }
        let (method, version) = self.part(REQUEST_LINES[0], REQUEST_LINES);
        let called = *self.random.of(CALLED);
        let end = self.part("\r\n", &["\n", "\r", "", " \r\n\r\n"]);
        let body = self.part(
            "",
            &[
                "v=0\r\nFrom: <sip:+12025550143@h>;tag=1\r\n\r\n",
                "INVITE sip:2@h SIP/2.0\r\nFrom: <sip:+12025550143@h>;tag=2\r\n\r\n",
            ],
        );
        format!("{method}{called}{version}{}{end}{body}", lines.concat()).into_bytes()
    }

    /// The usual form, or a choice of all.
    fn part<T: Copy>(&mut self, usual: T, all: &[T]) -> T {
        if self.random.below(100) < self.odds { *self.random.of(all) } else { usual }
    }

    /// The first of some names, or a choice of all.
    fn name(&mut self, all: &[&'static str]) -> &'static str {
        self.part(all[0], all)
    }

    /// A name, a URI and parameters.
    fn value(&mut self, tag: &'static str) -> String {
        let display = self.part("", DISPLAYS);
        let usual = USERS[self.random.below(USUAL_USERS)];
        let user = self.part(usual, USERS);
        let parameters = self.part(tag, PARAMETERS);
        let scheme = self.part("sip", &["sips", "tel", "SIP", "Tel", "mailto", "sip ", ""]);
        let uri = match self.part("h", HOSTS) {
            _ if scheme.eq_ignore_ascii_case("tel") => format!("{scheme}:{user}"),
            host if user.is_empty() => format!("{scheme}:{host}"),
            host => format!("{scheme}:{user}@{host}"),
        };
        match self.part(4, &[0, 1, 2, 3]) {
            0 => format!("{uri}{parameters}"),
            1 => format!("{display}<{uri};user=phone>{parameters}"),
            2 => format!("{display}< {uri}>{parameters}"),
            3 => format!("{display}<{uri}{parameters}"),
            _ => format!("{display}<{uri}>{parameters}"),
        }
    }
}
