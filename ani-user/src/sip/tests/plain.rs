//! The short way and the long way to read a value come to the same.

use proptest::prelude::*;

use super::*;
use crate::sip::{fault::Faults, list::Values, via};

/// What a value is made of, most of it in its place.
const PIECES: [&str; 44] = [
    "\"",
    "Bob",
    "\u{fc}",
    "\\",
    " ",
    "<",
    "sip:",
    "sips:",
    "tel:",
    "+14155550100",
    "a.b-c_d~e",
    ";",
    "isub=1",
    ":",
    "pw",
    "@",
    "203.0.113.9",
    "[2001:db8::1]",
    "5060",
    "65536",
    "user=phone",
    "lr",
    "=",
    ">",
    "tag=1",
    ",",
    "?",
    "a=b",
    "%41",
    "%4",
    "\t",
    "\0",
    "\x7f",
    "\r\n ",
    "(",
    ")",
    "SIP/2.0/UDP",
    "h",
    "branch=",
    "z9hG4bK1",
    "BRANCH=x",
    "{",
    "'",
    "`",
];

/// Values that are plain, to be changed.
const PLAIN: [&str; 8] = [
    "\"Bob\" <sip:+14155550100@203.0.113.9:5060;user=phone>;tag=1;x",
    "<sip:a:pw@h>",
    "<sip:a;isub=2@h:5060>",
    "<sip:h.example;lr;maddr=203.0.113.9>",
    "sip:+14155550100;cpc=ordinary@h;user=phone",
    "SIP/2.0/UDP 203.0.113.9:5060;received=192.0.2.17;branch=z9hG4bK1;rport=5060",
    "SIP/2.0/TCP h",
    "\"A rather long name, longer than a window of the search is\" \
     <sip:a-rather-long-user-part@a-rather-long-host.example.org;transport=tcp>;tag=0123456789abcdef",
];

fn value() -> impl Strategy<Value = String> {
    let of_pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..24)
        .prop_map(|pieces| pieces.concat());
    let change = (any::<prop::sample::Index>(), 0..3_usize, prop::sample::select(&PIECES[..]));
    let changed = (prop::sample::select(&PLAIN[..]), prop::collection::vec(change, 0..3)).prop_map(
        |(plain, changes)| {
            let mut value: Vec<char> = plain.chars().collect();
            for (at, taken, piece) in changes {
                let at = at.index(value.len() + 1);
                let end = (at + taken).min(value.len());
                value.splice(at..end, piece.chars());
            }
            value.into_iter().collect()
        },
    );
    prop_oneof![1 => of_pieces, 3 => changed]
}

#[test]
fn plain_values_take_the_short_way() {
    for value in PLAIN {
        let bytes = value.as_bytes();
        let ways = [
            NameAddr::plain(bytes).is_some(),
            Uri::plain_whole(bytes).is_some(),
            via::plain(bytes).is_some(),
        ];
        assert_eq!(ways.iter().filter(|way| **way).count(), 1, "{value}: {ways:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn both_ways_come_to_the_same(value in value()) {
        let value = trim(value.as_bytes());
        if let Some(short) = NameAddr::plain(value) {
            prop_assert_eq!(format!("{short:?}"), format!("{:?}", NameAddr::any(value)));
            prop_assert!(!short.faulty);
            prop_assert_eq!(Values::new(value).collect::<Vec<_>>(), [value]);
        }
        if let Some(short) = Uri::plain_whole(value) {
            prop_assert_eq!(short, Uri::any(value));
        }
        if let Some(short) = via::plain(value) {
            let mut faults = Faults::NONE;
            prop_assert_eq!(Some(short), via::any(value, &mut faults));
            prop_assert!(faults.is_empty());
        }
    }

    /// Of the lines, too: control characters are found wherever they stand.
    #[test]
    fn control_characters_are_found(at in 0..400_usize, len in 0..150_usize, byte in any::<u8>()) {
        let mut message = format!("{LINE}{REST}Subject: {}\r\n\r\n\0\r\x07", "x".repeat(len)).into_bytes();
        let end = message.len() - 3;
        let at = 1 + at % (end + 2);
        message.insert(at, byte);
        let Some(invite) = invite(&message, false) else { return Ok(()) };
        let head = &message[..message.len() - invite.body.len()];
        let lines: Vec<_> = head.split(|byte| *byte == b'\n').collect();
        let texts = || lines.iter().enumerate().map(|(at, line)| {
            if at + 1 < lines.len() { line.strip_suffix(b"\r").unwrap_or(line) } else { line }
        });
        let control = |byte: &u8| matches!(*byte, 0..=8 | 11 | 12 | 14..=31 | 127);
        let found = |fault| invite.faults.contains(fault);
        prop_assert_eq!(found(Fault::ControlCharacter), texts().any(|line| line.iter().any(control)));
        prop_assert_eq!(found(Fault::BareCr), texts().any(|line| line.contains(&b'\r')));
    }
}
