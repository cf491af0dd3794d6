//! INVITEs that were changed: what hostile or merely odd senders put where it matters.

use ani_tests::{invite::Invite, random::Random};

/// INVITEs of all kinds that the program tells apart.
pub(crate) fn templates() -> Vec<Invite> {
    let mut long =
        Invite::from("+14155551234").pai("+12025550143").rpid("2125550100").attested('A');
    for header in 0..12 {
        long = long.line(&format!("X-Carrier-{header}: {}", "value ".repeat(header)));
    }
    long.body = 600;
    let mut named = Invite::from("+13105550100");
    named.from = "\"Alice Example\" <sip:+13105550100;npdi@gw.example;user=phone>;tag=77".into();
    named.to = "Bob <sip:8005550199@sbc.example;user=phone>;x=1".into();
    let mut tel = Invite::from("anonymous");
    tel.pai = Some("<tel:+442079460000;cpc=ordinary>".into());
    let mut bare = Invite::from("x");
    bare.from = "sip:4155551234@gw.example;tag=9".into();
    let mut in_dialog = Invite::from("+14155551234");
    in_dialog.to.push_str(";tag=b2");
    let mut sos = Invite::from("+14155551234");
    sos.uri = "urn:service:sos".into();
    vec![
        Invite::from("+14155551234"),
        Invite::from("+12015550123").attested('C'),
        Invite::from("anonymous").pai("01133145678901"),
        Invite::from("alice").line("Privacy: id"),
        Invite::from("12125550100").to("911"),
        Invite::from("+12065550111").line("Resource-Priority: ets.0, dsn.flash"),
        long,
        named,
        tel,
        bare,
        in_dialog,
        sos,
    ]
}

/// What means something to a reader of SIP, to be put where it should not be.
const TOKENS: &[&str] = &[
    "\r\n",
    "\r",
    "\n",
    "\0",
    " ",
    "\t",
    "\r\n ",
    "<",
    ">",
    "\"",
    "\\",
    ";",
    ":",
    ",",
    "@",
    "%31",
    "+",
    ";tag=",
    ";tag=x",
    ";phone-context=+1",
    "sip:",
    "sips:",
    "tel:",
    "urn:service:sos",
    "anonymous@",
    "From: <sip:+12025550111@h>;tag=2\r\n",
    "f: x\r\n",
    "To: <sip:a@b>\r\n",
    "P-Asserted-Identity: <tel:+12025550111>\r\n",
    "Remote-Party-ID: <sip:9@h>;party=called\r\n",
    "Identity: a.eyJhdHRlc3QiOiJB\r\n",
    "Identity: e30.eyJhdHRlc3QiOiJBIn0.c2ln;ppt=shaken\r\n",
    "y: e30.eyJhdHRlc3QiOiJCIn0.c2ln\r\n",
    "eyJhdHRlc3QiOiJDIiwi",
    "Resource-Priority: wps.1\r\n",
    "Resource-Priority:      ets.1\r\n",
    "Resource-Priority: q735.0,ets.1\r\n",
    "Call-ID : 2\r\n",
    "\r\n\r\n",
    "INVITE ",
    " SIP/2.0",
    "\tSIP/2.0",
    " sip/2.0",
    " SIP/2.0 ",
    "P-Charge-Info: <sip:2025550111@h>\r\n",
    "%2b",
    "(",
    "[",
    "?",
    "=",
    ";party=calling",
    ";verstat=TN-Validation-Passed",
    "14155551234",
    "00442079460000",
    "\u{fc}",
    "\u{7f}",
];

/// Changes a message in one way.
pub(crate) fn mutate(message: &mut Vec<u8>, random: &mut Random) {
    // Most of what is decided stands early in the message and most of a long one does not.
    let near = message.len().min(600) + 1;
    let at = random.below(near).min(message.len());
    let len = random.below(24).min(message.len() - at);
    match random.below(10) {
        0 if at < message.len() => message[at] = random.byte(),
        1 if at < message.len() => message[at] ^= 0x20,
        2 => drop(message.drain(at..at + len)),
        3 => {
            let copy = message[at..at + len].to_vec();
            let to = random.below(near).min(message.len());
            message.splice(to..to, copy);
        }
        4 => line(message, random),
        5 => message.truncate(random.below(message.len() + 1)),
        6 if at < message.len() && message[at].is_ascii_digit() => {
            message[at] = b'0' + random.below(10) as u8;
        }
        7 => {
            let filler = *random.of(&["x", "X: y\r\n", " ", "9"]);
            let filler = filler.repeat(random.below(300)).into_bytes();
            message.splice(at..at, filler);
        }
        _ => {
            let token = *random.of(TOKENS);
            message.splice(at..at, token.bytes());
        }
    }
    // What a frame of Ethernet carries, and less than a message may be at most.
    message.truncate(3_000);
}

/// Doubles, drops or moves a whole line.
fn line(message: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<Vec<u8>> =
        message.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let taken = random.below(lines.len());
    let line = lines[taken].clone();
    match random.below(3) {
        0 => drop(lines.remove(taken)),
        1 => lines.insert(random.below(lines.len()), line),
        _ => {
            lines.remove(taken);
            lines.insert(random.below(lines.len() + 1), line);
        }
    }
    *message = lines.concat();
}
