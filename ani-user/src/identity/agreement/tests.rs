//! Messages that are plain, that were so once, and changed ones.

use proptest::prelude::*;

use super::*;
use crate::identity::attestation;

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
    "anonymous",
    "anonymous.invalid",
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
    Pad(usize, usize, u8),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        4 => (0usize..600, 0usize..PIECES.len()).prop_map(|(at, piece)| Change::Insert(at, piece)),
        1 => (0usize..600, 1usize..20).prop_map(|(at, len)| Change::Delete(at, len)),
        1 => (0usize..600, any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => (0usize..600, 0usize..600, 1usize..60)
            .prop_map(|(from, to, len)| Change::Repeat(from, to, len)),
        1 => (0usize..600, 1usize..2_100, prop_oneof![Just(b'a'), Just(b' '), Just(b';'), Just(b'0'), Just(b'\n')])
            .prop_map(|(at, len, byte)| Change::Pad(at, len, byte)),
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
            // Against the ends of searches, of the steps and of the window.
            Change::Pad(at, count, b'\n') => {
                let lines = b"X: y\r\n".repeat(count % 330);
                let at = at % (len + 1);
                let at = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
                bytes.splice(at..at, lines);
            }
            Change::Pad(at, count, byte) => {
                let at = at % (len + 1);
                bytes.splice(at..at, std::iter::repeat_n(byte, count));
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
        // Two values, the second one behind an empty parameter.
        (to, "P-Asserted-Identity: tel:+14155551234;,;x=tel:+13125550000"),
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
    #![proptest_config(ProptestConfig::with_cases(100_000))]

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
            identify(&invite, None, &Reading::UNTRUSTED);
            let passport = Passport::read(&invite);
            attestation(&invite, passport.as_ref(), &Reading::UNTRUSTED);
        }
    }
}
