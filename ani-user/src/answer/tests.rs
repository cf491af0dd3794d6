//! Whole answers: what is in them, where they go, and what is not answered.

use std::{fs, path::Path};

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TransportSlice};
use proptest::prelude::*;
use rsip::{Header, Response};

use super::*;
use crate::{
    capture::{self, Reach, Transport, packet::Vlans},
    config,
    sip::{self, Headers, Name},
    time::Timestamp,
};

const INVITE: &str = "INVITE sip:+12025550100@198.51.100.20 SIP/2.0\r\n\
    Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK1\r\n\
    Max-Forwards: 70\r\n\
    From: \"Caller\" <sip:+14155551234@203.0.113.9>;tag=1\r\n\
    To: <sip:+12025550100@198.51.100.20;user=phone>\r\n\
    Call-ID: 1@203.0.113.9\r\n\
    CSeq: 314159 INVITE\r\n\
    Content-Length: 0\r\n\r\n";

/// A message from 203.0.113.9:5070 to 198.51.100.20:5060, or between two addresses of IPv6.
fn message<'a>(bytes: &'a [u8], v6: bool, frame: Option<&'a [u8]>) -> Message<'a> {
    let ends = if v6 {
        ["[2001:db8::9]:5070", "[2001:db8::20]:5060"]
    } else {
        ["203.0.113.9:5070", "198.51.100.20:5060"]
    };
    let [src, dst] = ends.map(|end| end.parse().expect(end));
    Message {
        frame: 1,
        arrived: Timestamp::new(1_700_000_000, 0),
        src,
        dst,
        transport: Transport::Udp,
        vlan: Vlans::default(),
        fragments: 1,
        bytes,
        first_len: bytes.len(),
        cut: false,
        overlong: false,
        reach: Reach::Answer,
        kernel: None,
        wire: frame.map(|bytes| capture::Wire { bytes, ifindex: 7 }),
    }
}

fn prepared(answer: &str) -> Prepared {
    let settings = config::Answers::default();
    Prepared::new(&answer.parse().expect(answer), &settings).expect("an answer")
}

fn answer_to(text: &[u8], tags: &RandomState) -> Option<Reply> {
    let message = message(text, false, None);
    let invite = sip::invite(message.bytes, false)?;
    reply(&prepared("603"), &invite, &message, tags)
}

fn text(reply: &Reply) -> &str {
    str::from_utf8(&reply.message).expect("text")
}

#[test]
fn it_holds_what_it_should_and_no_more() {
    let tags = RandomState::new();
    let reply = answer_to(INVITE.as_bytes(), &tags).expect("an answer");
    let text = text(&reply);
    let tag = text.split(";tag=").nth(2).and_then(|rest| rest.split('\r').next()).expect("a tag");
    assert!(tag.len() == 16 && tag.bytes().all(|byte| byte.is_ascii_hexdigit()), "{tag}");
    assert_eq!(
        text,
        format!(
            "SIP/2.0 603 Decline\r\n\
             Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK1\r\n\
             From: \"Caller\" <sip:+14155551234@203.0.113.9>;tag=1\r\n\
             To: <sip:+12025550100@198.51.100.20;user=phone>;tag={tag}\r\n\
             Call-ID: 1@203.0.113.9\r\n\
             CSeq: 314159 INVITE\r\n\
             Content-Length: 0\r\n\r\n"
        )
    );
    assert_eq!(reply.to, "203.0.113.9:5060".parse().expect("an address"));
}

#[test]
fn a_repeated_invite_gets_the_same_bytes_and_another_transaction_another_tag() {
    let tags = RandomState::new();
    let first = answer_to(INVITE.as_bytes(), &tags);
    assert_eq!(answer_to(INVITE.as_bytes(), &tags), first);
    for (from, to) in [
        ("z9hG4bK1", "z9hG4bK2"),
        ("Call-ID: 1@", "Call-ID: 2@"),
        ("314159 INVITE", "314160 INVITE"),
        (";tag=1", ";tag=2"),
    ] {
        let other = answer_to(INVITE.replace(from, to).as_bytes(), &tags).expect(to);
        let tag = |reply: &Reply| text(reply).split(";tag=").nth(2).map(str::to_owned);
        assert_ne!(tag(&other), first.as_ref().and_then(tag), "{to}");
    }
    assert_ne!(answer_to(INVITE.as_bytes(), &RandomState::new()), first, "the key is secret");
}

#[test]
fn several_vias_compact_names_and_folds_come_back_in_their_order() {
    let invite = "INVITE sip:x@y SIP/2.0\r\n\
        v: SIP/2.0/UDP first.example;rport;branch=z9hG4bK1 ,SIP/2.0/TCP second:5061\r\n\
        f: sip:+14155551234@h;tag=1\r\n\
        VIA: SIP/2.0/UDP third\r\n \t;branch=3\r\n\
        t: \"B (, ;\\\"\" <sip:x@y>\r\n\
        i: 1\r\n\
        Cseq: 1\r\n INVITE\r\n\
        v: SIP/2.0/UDP fourth\r\n\r\n";
    let reply = answer_to(invite.as_bytes(), &RandomState::new()).expect("an answer");
    let text = text(&reply);
    let expected = "SIP/2.0 603 Decline\r\n\
        Via: SIP/2.0/UDP first.example;rport=5070;branch=z9hG4bK1 ;received=203.0.113.9,\
        SIP/2.0/TCP second:5061\r\n\
        Via: SIP/2.0/UDP third ;branch=3\r\n\
        Via: SIP/2.0/UDP fourth\r\n\
        From: sip:+14155551234@h;tag=1\r\n\
        To: \"B (, ;\\\"\" <sip:x@y>;tag=";
    // White space before the comma belongs to the list, not to the value.
    let expected = expected.replace(" ;received=203.0.113.9,", ";received=203.0.113.9 ,");
    assert!(text.starts_with(&expected), "{text}");
    assert!(
        text.ends_with("\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"),
        "{text}"
    );
    assert_eq!(reply.to.port(), 5_070);
}

#[test]
fn what_is_doubtful_or_in_a_dialog_is_not_answered() {
    let tags = RandomState::new();
    for (from, to) in [
        ("user=phone>", "user=phone>;tag=2"),
        ("To: ", "X: "),
        ("From: ", "X: "),
        ("Via: ", "X: "),
        ("Call-ID: ", "X: "),
        ("CSeq: ", "X: "),
        ("CSeq: 314159 INVITE", "CSeq: 1 ACK"),
        ("CSeq: 314159 INVITE", "CSeq: INVITE"),
        ("Max-Forwards: 70", "t: <sip:x@y>"),
        ("Max-Forwards: 70", "i: 2"),
        ("Max-Forwards: 70", "f: <sip:x@y>;tag=2"),
        ("Max-Forwards: 70", "CSeq: 2 INVITE"),
        ("203.0.113.9:5060", "203.0.113.9:0"),
        ("\"Caller\"", "\"Cal\u{1}ler\""),
        ("SIP/2.0/UDP", "SIP/7.0/UDP"),
    ] {
        let changed = INVITE.replacen(from, to, 1);
        assert_ne!(changed, INVITE, "{from}");
        assert_eq!(answer_to(changed.as_bytes(), &tags), None, "{to}");
    }
    let latin = INVITE.replace("Caller", "Caf\u{e9}");
    let bytes: Vec<u8> = latin.chars().map(|char| char as u8).collect();
    assert_eq!(answer_to(&bytes, &tags), None, "no UTF-8");
    let long = INVITE.replace("Caller", &"x".repeat(1_400));
    assert_eq!(answer_to(long.as_bytes(), &tags), None, "no room in a frame");
}

/// A frame of an INVITE with as many VLAN tags.
fn frame_of(payload: &[u8], v6: bool, tags: u8) -> Vec<u8> {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [4, 0, 0, 0, 0, 20]);
    let id = |id: u16| id.try_into().expect("an identifier");
    let (v4, six) = (([203, 0, 113, 9], [198, 51, 100, 20]), |last| {
        [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]
    });
    let mut frame = Vec::new();
    let written = match (tags, v6) {
        (0, false) => ethernet.ipv4(v4.0, v4.1, 9).udp(5070, 5060).write(&mut frame, payload),
        (0, true) => ethernet.ipv6(six(9), six(0x20), 9).udp(5070, 5060).write(&mut frame, payload),
        (1, false) => {
            let tagged = ethernet.single_vlan(id(7));
            tagged.ipv4(v4.0, v4.1, 9).udp(5070, 5060).write(&mut frame, payload)
        }
        _ => {
            let tagged = ethernet.double_vlan(id(100), id(7));
            tagged.ipv6(six(9), six(0x20), 9).udp(5070, 5060).write(&mut frame, payload)
        }
    };
    written.expect("memory");
    frame
}

#[test]
fn the_frame_goes_back_the_way_it_came() {
    for (v6, tags) in [(false, 0), (true, 0), (false, 1), (true, 2)] {
        let mut came = frame_of(INVITE.as_bytes(), v6, tags);
        // Priority bits of the first tag.
        if tags > 0 {
            came[14] |= 0b1010_0000;
        }
        let message = message(INVITE.as_bytes(), v6, Some(&came));
        let invite = sip::invite(message.bytes, false).expect("an INVITE");
        let reply = reply(&prepared("486"), &invite, &message, &RandomState::new());
        let reply = reply.expect("an answer");
        let wire = reply.wire.as_ref().expect("a frame");
        assert_eq!(wire.ifindex, 7);
        let sent = &wire.frame;
        let link = 14 + 4 * usize::from(tags);
        assert_eq!((&sent[..6], &sent[6..12]), (&came[6..12], &came[..6]));
        assert_eq!(sent[12..link], came[12..link]);

        let packet = SlicedPacket::from_ethernet(sent).expect("a packet");
        let Some(TransportSlice::Udp(udp)) = &packet.transport else { panic!("no UDP") };
        assert_eq!((udp.source_port(), udp.destination_port()), (5060, 5060));
        assert_eq!(udp.payload(), reply.message);
        let (header, payload) = (udp.to_header(), udp.payload());
        match packet.net.as_ref().expect("IP") {
            NetSlice::Ipv4(ip) => {
                let ip = ip.header().to_header();
                assert_eq!((ip.source, ip.destination), ([198, 51, 100, 20], [203, 0, 113, 9]));
                assert_eq!(ip.header_checksum, ip.calc_header_checksum());
                assert_eq!((ip.dont_fragment, ip.identification, ip.time_to_live), (true, 0, 64));
                assert_eq!(header.checksum, header.calc_checksum_ipv4(&ip, payload).expect("sum"));
            }
            NetSlice::Ipv6(ip) => {
                let ip = ip.header().to_header();
                assert_eq!((ip.source[15], ip.destination[15], ip.hop_limit), (0x20, 9, 64));
                assert_eq!(header.checksum, header.calc_checksum_ipv6(&ip, payload).expect("sum"));
            }
            NetSlice::Arp(_) => panic!("no IP"),
        }
    }
}

#[test]
fn a_frame_that_carries_something_else_or_is_for_a_group_is_not_answered() {
    let good = frame_of(INVITE.as_bytes(), false, 0);
    let answered = |came: &[u8], change: fn(&mut Message<'_>)| {
        let mut message = message(INVITE.as_bytes(), false, Some(came));
        change(&mut message);
        let invite = sip::invite(message.bytes, false).expect("an INVITE");
        reply(&prepared("603"), &invite, &message, &RandomState::new()).is_some()
    };
    assert!(answered(&good, |_| {}));
    for (at, byte) in [(0, 5), (6, 3), (12, 0x88), (13, 6), (26, 9), (33, 9)] {
        let mut other = good.clone();
        other[at] = byte;
        assert!(!answered(&other, |_| {}), "byte {at}");
    }
    for len in 0..34 {
        assert!(!answered(&good[..len], |_| {}), "{len} bytes");
    }
    assert!(!answered(&good, |message| message.dst.set_ip([224, 0, 0, 1].into())));
    assert!(!answered(&good, |message| message.src.set_ip(message.dst.ip())));
}

#[test]
fn answers_are_those_of_the_list_or_limit() {
    let text = "[lists]\nanswer = '603'\n[limits]\nper_caller = { answer = '480' }\n\
                [[list]]\nname = 'a'\naction = 'block'\nanswer = '607'\n\
                [[list]]\nname = 'b'\naction = 'block'\n\
                [[limit]]\nname = 'c'\ncalls = 1\nwithin = '1m'\nper = ['called']\nanswer = '503'\n";
    let config = Config::parse(text, "test").expect("a configuration");
    let mut answers = Answers::new(&config);
    let stopped = |list| Stopped {
        list,
        ranged: false,
        caller: ani_ebpf::abi::number::Number::from_ascii(b"14155551234").expect("digits"),
        trunk: 0,
        attestation: 0,
    };
    let codes = |answers: &Answers| {
        let list = |id| answers.of_list(&stopped(id)).map(|answer| answer.code);
        let limit = |id| answers.of_limit(id).map(|answer| answer.code);
        ([0, 1, 2, 3, 4, 5, 255].map(list), [0, 1, 2, 3].map(limit))
    };
    assert_eq!(
        codes(&answers),
        ([None, None, Some(603), None, Some(607), None, None], [None, Some(480), Some(503), None])
    );
    answers.reconfigure(&Config::default());
    assert_eq!(codes(&answers), ([None; 7], [None; 4]));
}

/// What both parsers read of an answer is what stood in the INVITE.
fn assert_copied(bytes: &[u8], reply: &Reply) {
    let response = Response::try_from(reply.message.clone())
        .unwrap_or_else(|error| panic!("{error}: {}", text(reply)));
    assert_eq!(response.status_code.code(), 603);
    let invite = sip::invite(bytes, false).expect("an INVITE");
    let (_, head) = text(reply).split_once("\r\n").expect("a status line");
    let sent = Headers::new(head.as_bytes(), false);
    let values = |headers: Headers<'_>, name: Name| -> Vec<String> {
        headers
            .filter(|header| header.name == name)
            .map(|header| sip::lossy(header.value).into_owned())
            .collect()
    };
    let came = Headers::new(invite.head, false);
    for name in [Name::From, Name::CallId, Name::CSeq] {
        assert_eq!(values(came.clone(), name), values(sent.clone(), name));
    }
    let (asked, told) = (values(came.clone(), Name::Via), values(sent.clone(), Name::Via));
    assert_eq!(asked[1..], told[1..]);
    let to = values(came, Name::To).concat();
    assert!(values(sent.clone(), Name::To).concat().starts_with(&format!("{to};tag=")));
    let by_rsip = response.headers.iter().filter(|header| matches!(header, Header::Via(_)));
    assert_eq!(by_rsip.count(), asked.len());
    // Read as an INVITE, the answer has the branch that the INVITE had.
    let again = format!("INVITE sip:x@y SIP/2.0\r\n{head}");
    let again =
        sip::invite(again.as_bytes(), false).and_then(|again| again.branch.map(<[u8]>::to_vec));
    assert_eq!(again.as_deref(), invite.branch);
}

#[test]
fn torture_messages_are_answered_or_not_and_never_more() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let mut folders = vec![folder.join("torture"), folder.join("rfc5118"), folder.join("messages")];
    if !folders[0].is_dir() {
        eprintln!("skipped: no shared data at {}", folder.display());
        return;
    }
    let (tags, mut invites, mut answered) = (RandomState::new(), 0, 0);
    while let Some(folder) = folders.pop() {
        for path in
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path())
        {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).expect("a file");
            invites += usize::from(sip::invite(&bytes, false).is_some());
            if let Some(reply) = answer_to(&bytes, &tags) {
                answered += 1;
                assert_copied(&bytes, &reply);
            }
        }
    }
    eprintln!("{answered} of {invites} INVITEs answered");
    assert!(answered * 3 > invites && answered < invites, "{answered} of {invites}");
}

proptest! {
    #[test]
    fn whatever_is_answered_is_read_back(
        vias in proptest::collection::vec(
            ("[a-z0-9.]{1,12}", "(:[0-9]{1,5})?", "(;rport|;received=1\\.2\\.3\\.4|;x=\"[a-z;,\\\\]{0,4}\"|;[a-z]{1,5}(=[a-z0-9.]{1,8})?){0,4}"),
            1..4,
        ),
        list in any::<bool>(),
        display in "(\"([ -!#-\\[\\]-~]|\\\\\")*\" |[a-zA-Z .]{0,12})",
        user in "[ -~]{0,12}",
        call_id in "[!-~]{1,20}",
        fold in "( |\r\n |\t)",
    ) {
        let vias: Vec<String> = vias
            .iter()
            .map(|(host, port, rest)| format!("SIP/2.0/UDP {host}{port};branch=z9hG4bK{host}{rest}"))
            .collect();
        let vias = if list {
            format!("Via:{fold}{}\r\n", vias.join(&format!("{fold},")))
        } else {
            vias.iter().map(|via| format!("Via: {via}\r\n")).collect()
        };
        let text = format!(
            "INVITE sip:x@y SIP/2.0\r\n{vias}From:{fold}{display}<sip:{user}@h>;tag=1\r\n\
             To: {display}<sip:{user}@h>\r\nCall-ID: {call_id}\r\nCSeq: 1{fold}INVITE\r\n\r\n"
        );
        if let Some(reply) = answer_to(text.as_bytes(), &RandomState::new()) {
            assert_copied(text.as_bytes(), &reply);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        at in 0_usize..INVITE.len(),
        noise in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let mut bytes = INVITE.as_bytes().to_vec();
        let end = (at + noise.len()).min(bytes.len());
        bytes.splice(at..end, noise);
        let came = frame_of(&bytes, false, 0);
        let message = message(&bytes, false, Some(&came));
        if let Some(invite) = sip::invite(message.bytes, false) {
            let _ = reply(&prepared("603"), &invite, &message, &RandomState::new());
        }
    }
}
