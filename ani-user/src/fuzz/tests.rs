//! The targets on stable: the seeds, and bytes of chance.

use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::*;
use crate::{
    capture::{fixture, hep::fixture as hep_fixture},
    stir::{
        authority::{Authority, Leaf, Signer},
        constraints::{Constraints, Permitted},
        tn_auth_list::Entry,
    },
};

/// A target and the folder of its seeds.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 9] = [
    ("certificate", |data| _ = certificate(data)),
    ("fragments", |data| _ = fragments(data)),
    ("hep", hep),
    ("identity", |data| _ = identity(data)),
    ("message", message),
    ("passport", |data| _ = passport(data)),
    ("pcap", pcap),
    ("rsip", |data| _ = rsip(data)),
    ("tcp", |data| _ = tcp(data)),
];

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds").join(target)
}

#[test]
fn seeds_hold() {
    for (name, target) in TARGETS {
        let mut seeds = 0;
        for entry in fs::read_dir(folder(name)).expect("folder") {
            target(&fs::read(entry.expect("entry").path()).expect("seed"));
            seeds += 1;
        }
        assert!(seeds > 0, "{name} has no seeds");
    }
}

#[test]
fn of_the_traffic_of_the_seeds_something_arrives() {
    let sum = |name, target: fn(&[u8]) -> usize| seeds(name).iter().map(|seed| target(seed)).sum();
    let (packets, messages): (usize, usize) = (sum("fragments", fragments), sum("tcp", tcp));
    assert!(packets > 0 && messages > 0, "{packets} packets, {messages} messages");
    let good: Vec<bool> = seeds("certificate").iter().map(|seed| certificate(seed)).collect();
    assert_eq!(good, [true, false, false, true], "the second and the third are revoked");
    assert!(seeds("passport").iter().all(|seed| passport(seed)), "they are PASSporTs");
    let valid: Vec<bool> = seeds("identity").iter().map(|seed| identity(seed)).collect();
    assert_eq!(valid, [true, true, true, false], "the last one is signed by nobody we know");
    assert!(seeds("rsip").iter().all(|seed| rsip(seed)), "rsip and the parser take the seeds");
}

proptest! {
    #[test]
    fn traffic_of_chance_holds(data in prop::collection::vec(any::<u8>(), 0..4_000)) {
        fragments(&data);
        tcp(&data);
        hep(&data);
    }

    /// Bytes of chance are no file; changed files are.
    #[test]
    fn changed_seeds_hold(
        seed: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        end: prop::sample::Index,
    ) {
        for (name, target) in TARGETS {
            let seeds = seeds(name);
            let mut data = seed.get(&seeds).clone();
            for (at, byte) in &changes {
                *at.get_mut(&mut data) = *byte;
            }
            data.truncate(data.len() - end.index(data.len()) / 8);
            target(&data);
        }
    }
}

/// What means something to a reader of SIP, for places where it does not belong.
const PIECES: [&str; 24] = [
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
    "%41",
    "=",
    "?",
    ".",
    "(",
    "_",
    "sip:",
    "sips:",
    "tel:",
    ";tag=x",
    "[2001:db8::1]",
    "\u{fc}",
    "\r\nIdentity: a.b.c",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn rsip_and_the_parser_agree(
        seed in any::<prop::sample::Index>(),
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(&PIECES[..])),
            0..4,
        ),
    ) {
        let seeds = seeds("rsip");
        let mut data = seed.get(&seeds).clone();
        for (at, piece) in changes {
            let at = at.index(data.len() + 1);
            data.splice(at..at, piece.bytes());
        }
        rsip(&data);
    }
}

/// What the seeds are made of.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let invite = fixture::invite("+14155551234", "b1");
    let datagram = fixture::udp(&invite);
    match target {
        "certificate" => certificates(),
        "identity" => identity::seeds(),
        "passport" => {
            let signer = Signer::alone(Leaf::spc("709J"));
            let x5u = "https://cert.example/1.pem";
            let shaken = signer.shaken(x5u, "12155550100", "12155550199", 'A', 1_767_225_600);
            let odd = signer.token(b"{}", br#"{"iat":1.5e9,"dest":{"tn":[]},"\u0061ttest":null}"#);
            vec![shaken.into_bytes(), odd.into_bytes()]
        }
        "message" => vec![
            invite,
            String::from_utf8(fixture::invite("anonymous", "b2"))
                .expect("ASCII")
                .replace("CSeq", "P-Asserted-Identity: \"A\" <tel:+14155551234>\r\nCSeq")
                .into_bytes(),
        ],
        "rsip" => vec![
            invite,
            String::from_utf8(fixture::invite("2025550100;cpc=ordinary", "b3"))
                .expect("ASCII")
                .replace(
                    "CSeq",
                    "P-Asserted-Identity: \"A, B\" <sip:+14155551234@h>, tel:+14155551234\r\n\
                     Identity: eyJhbGciOiJFUzI1NiJ9.e30.c2ln;info=<https://h/c>;ppt=shaken\r\n\
                     CSeq",
                )
                .into_bytes(),
        ],
        "hep" => vec![
            hep_fixture::packet(&hep_fixture::mirrored(&invite), None),
            [Some(b"key".as_slice()), None]
                .map(|key| hep_fixture::packet(&hep_fixture::mirrored(&invite), key))
                .concat(),
        ],
        "pcap" => {
            let piece = |start: usize, end: usize| {
                let more = end < datagram.len();
                let bytes = &datagram[start..end];
                fixture::fragment_v4([203, 0, 113, 9], 17, 7, start, more, bytes)
            };
            let v6 = |start: usize, end: usize| {
                let more = end < datagram.len();
                fixture::fragment_v6(17, 7, start, more, &datagram[start..end])
            };
            let end = datagram.len();
            let raw = [piece(96, end), piece(0, 96), v6(0, 160), v6(160, end)];
            let ethernet = [fixture::ethernet(&invite), fixture::ethernet(b"\r\n\r\n")];
            vec![
                fixture::pcap(false, false, 101, &raw),
                fixture::pcap(true, true, 101, &tcp_packets(&invite)),
                fixture::pcap(false, true, 1, &ethernet),
            ]
        }
        // Decisions: any bytes are some.
        _ => [60_usize, 400, 2_500]
            .into_iter()
            .map(|len| {
                let mut state = len as u32;
                let next = || {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                };
                std::iter::repeat_with(next).take(len).collect()
            })
            .collect(),
    }
}

/// A chain and its root, the same with lists that revoke it, and one that trusts itself.
fn certificates() -> Vec<Vec<u8>> {
    let root = Authority::root("Root");
    let issuing = root.below("Issuing");
    let numbers =
        [Entry::Range { start: "12155550100".into(), count: 9 }, Entry::One("911".into())];
    let permitted =
        vec![Permitted { claim: "attest".into(), values: vec!["A".into(), "{}".into()] }];
    let constraints = Constraints {
        must_include: vec!["attest".into()],
        permitted,
        must_exclude: vec!["rph".into()],
    };
    let leaf = Leaf { enhanced: Some(constraints), ..Leaf::numbers(&numbers) };
    let signer = issuing.issue(leaf);
    let served = [signer.chain().as_bytes(), certificate::TRUSTED].concat();
    vec![
        [&served, root.pem().as_bytes()].concat(),
        [&served, root.pem().as_bytes(), issuing.crl(&[b"SP"]).as_bytes()].concat(),
        [&served, root.pem().as_bytes(), root.indirect_crl(&[(&issuing, b"SP")]).as_bytes()]
            .concat(),
        Signer::alone(Leaf::spc("709J")).der().to_vec(),
    ]
}

/// A message in two segments, the second first, and a SYN before them.
fn tcp_packets(message: &[u8]) -> Vec<Vec<u8>> {
    let packet = |seq: u32, flags: u8, bytes: &[u8]| {
        let header = [
            &[0x9c, 0x40, 0x13, 0xc4][..],
            &seq.to_be_bytes(),
            &[0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0],
        ];
        fixture::ipv4([203, 0, 113, 9], 6, &[&header.concat(), bytes].concat())
    };
    let (first, second) = message.split_at(100);
    vec![packet(6, 2, &[]), packet(107, 0x18, second), packet(7, 0x10, first)]
}

#[test]
#[ignore = "writes the seeds: `cargo test -p ani-user --lib fuzz -- --ignored`"]
fn seeds_are_written() {
    for (name, _) in TARGETS {
        fs::create_dir_all(folder(name)).expect("folder");
        for (number, seed) in seeds(name).iter().enumerate() {
            fs::write(folder(name).join(number.to_string()), seed).expect("written");
        }
    }
}
