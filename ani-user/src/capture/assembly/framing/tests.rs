//! Streams as they should and should not be, in pieces of any size.

use super::*;

/// The messages in a stream that comes in `pieces`: their bytes, `cut`, and the number of the piece
/// that came last.
fn read(pieces: &[&[u8]]) -> (Vec<(String, bool, u64)>, Tallies, Framing) {
    let tallies = Tallies::default();
    let mut framing = Framing::new();
    let found = with(&tallies, |out| {
        for (number, piece) in (1u64..).zip(pieces) {
            framing.feed(piece, &Arrival::numbered(number), out);
        }
    });
    (found, tallies, framing)
}

fn with(tallies: &Tallies, work: impl FnOnce(&mut Out<'_>)) -> Vec<(String, bool, u64)> {
    let mut found = Vec::new();
    let mut message = |bytes: &[u8], cut: bool, arrival: &Arrival| {
        found.push((String::from_utf8_lossy(bytes).into_owned(), cut, arrival.order));
    };
    work(&mut Out { tallies, message: &mut message });
    found
}

fn texts(stream: &str) -> Vec<String> {
    read(&[stream.as_bytes()]).0.into_iter().map(|(text, ..)| text).collect()
}

const LINE: &str = "INVITE sip:bob@h SIP/2.0\r\n";
const BYE: &str = "BYE sip:bob@h SIP/2.0\r\nl: 0\r\n\r\n";
const OK: &str = "SIP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nv=0";

#[test]
fn messages_end_where_content_length_says() {
    for length in [
        "Content-Length: 3\r\n",
        "content-LENGTH\t : 3\r\n",
        "l: 3\r\n",
        "L :3\r\n",
        "l:\r\n 3\r\n",
        "Content-Length:\r\n\t3 \r\n",
        "l\r\n : 3\r\n",
        "l: 3\n",
        "l: 3\r\nContent-Length: 0003\r\n",
        "Subject: x\r\n l: 9\r\nContent-Language: 7\r\nl: 3\r\n",
    ] {
        let invite = format!("{LINE}{length}\r\nabc");
        let stream = format!("{invite}{BYE}{OK}{invite}");
        assert_eq!(texts(&stream), [&invite, BYE, OK, &invite], "{length:?}");
    }
    let without = format!("{LINE}i: 1\r\n\r\n");
    assert_eq!(texts(&format!("{without}{BYE}")), [&without, BYE]);
    let bare = "INVITE sip:bob@h SIP/2.0\nl: 2\n\nhi";
    assert_eq!(texts(&format!("{bare}{BYE}")), [bare, BYE]);
}

#[test]
fn a_stream_in_bytes_is_read_as_in_one_piece() {
    let invite = format!("{LINE}Subject:\r\n folded\r\nl: 5\r\n\r\nINVIT");
    let stream = format!("\r\n\r\n{invite}\r\n\r\n{BYE}{OK}\r\n{invite}");
    let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
    let (found, tallies, framing) = read(&bytes);
    let mut end = 0;
    for ((text, cut, last), expected) in found.iter().zip([&invite, BYE, OK, &invite]) {
        end += stream.get(end..).and_then(|rest| rest.find(expected)).expect("sent");
        end += expected.len();
        assert_eq!((text.as_str(), *cut, *last), (expected, false, end as u64));
    }
    assert_eq!(found.len(), 4);
    assert_eq!(tallies.value(Tally::TcpMessages), 4);
    assert_eq!((framing.in_message(), framing.bytes()), (false, 0), "nothing is held on to");
}

#[test]
fn a_message_has_the_arrival_of_its_own_bytes() {
    let stream = format!("{BYE}{OK}{BYE}");
    let (first, rest) = stream.as_bytes().split_at(BYE.len() + 5);
    let (found, ..) = read(&[first, rest]);
    let last: Vec<_> = found.iter().map(|(_, _, last)| *last).collect();
    assert_eq!(last, [1, 2, 2]);
    // The second piece came before the first.
    let tallies = Tallies::default();
    let mut framing = Framing::new();
    let found = with(&tallies, |out| {
        framing.feed(first, &Arrival::numbered(2), out);
        framing.feed(rest, &Arrival::numbered(1), out);
    });
    let last: Vec<_> = found.iter().map(|(_, _, last)| *last).collect();
    assert_eq!(last, [2, 2, 1]);
}

#[test]
fn what_is_no_length_is_none_and_the_next_message_is_found() {
    for length in ["-1", "x", "", "3, 3", "99999999999", "3\r\nl: 4", "3\r\nContent-Length: x"] {
        let invite = format!("{LINE}l: {length}\r\n\r\n");
        let stream = format!("{invite}abc INVITE sip:a@h SIP/2.0\r\nv=0\r\n{BYE}{OK}");
        assert_eq!(texts(&stream), [&invite, BYE, OK], "{length:?}");
        assert_eq!(texts(&format!("{invite}{BYE}")), [&invite, BYE], "{length:?}");
        let (_, tallies, _) = read(&[invite.as_bytes()]);
        assert_eq!(tallies.value(Tally::TcpResync), 1);
    }
}

#[test]
fn a_length_that_lies_costs_what_it_costs_the_sbc() {
    let short = format!("{LINE}l: 2\r\n\r\n");
    let stream = format!("{short}v=0\r\no=- 1\r\nno: sip:start SIP/2.0\r\n\r\n{BYE}{OK}");
    let (found, tallies, _) = read(&[stream.as_bytes()]);
    let found: Vec<_> = found.into_iter().map(|(text, ..)| text).collect();
    assert_eq!(found, [&format!("{short}v="), BYE, OK]);
    assert_eq!(tallies.value(Tally::TcpResync), 1);

    let long = format!("{LINE}l: 10\r\n\r\nv=0");
    assert_eq!(texts(&format!("{long}{BYE}{OK}{BYE}")), [&format!("{long}BYE sip"), OK, BYE]);
}

#[test]
fn a_message_above_the_limit_is_cut_and_passed_over() {
    let head = format!("{LINE}l: 100000\r\n\r\n");
    let stream = format!("{head}{}{BYE}", "x".repeat(100_000));
    for size in [1, 7, 1_000, 65_535, 200_000] {
        let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
        let (found, tallies, framing) = read(&pieces);
        assert_eq!(found.len(), 2, "{size}");
        assert!(found[0].0.starts_with(&head) && found[0].1 && !found[1].1);
        assert_eq!(found[1].0, BYE);
        assert_eq!(tallies.value(Tally::TcpTooLong), 1);
        assert_eq!(framing.bytes(), 0);
    }
    // No SBC waits for so much: a message that follows is found.
    let stream = format!("{LINE}l: 4000000000\r\n\r\nv=0\r\n{BYE}");
    let (found, ..) = read(&[stream.as_bytes()]);
    assert_eq!((found.len(), found[0].1, found[1].0.as_str()), (2, true, BYE));
    // Of another request, nothing is worth handing out.
    let stream = format!("NOTIFY sip:a@h SIP/2.0\r\nl: 70000\r\n\r\n{}{OK}", "x".repeat(70_000));
    assert_eq!(texts(&stream), [OK]);
}

#[test]
fn headers_without_an_end_are_bounded() {
    let stream = format!("{LINE}{}\r\n{BYE}", "X: y\r\n".repeat(20_000));
    for size in [1, 1_460, 200_000] {
        let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
        let (found, tallies, _) = read(&pieces);
        assert_eq!((found.len(), found[0].0.len(), found[0].1), (2, MAX_MESSAGE, true), "{size}");
        assert_eq!(found[1].0, BYE);
        assert_eq!(tallies.value(Tally::TcpTooLong), 1);
    }
    let (found, _, framing) = read(&["INVITE ".as_bytes(), &[b'x'; 3 * MAX_MESSAGE]]);
    assert!(found.is_empty() && framing.bytes() == 0);
}

#[test]
fn what_looks_like_a_message_gives_way_to_a_better_start() {
    // The end of a NOTIFY whose body is the status line of another call (RFC 3420).
    let stream = format!("x\r\n\r\nSIP/2.0 180 Ringing\r\n{LINE}i: 1\r\n\r\n{BYE}");
    for size in 1..stream.len() {
        let tallies = Tallies::default();
        let mut framing = Framing::in_the_middle();
        let found = with(&tallies, |out| {
            for piece in stream.as_bytes().chunks(size) {
                framing.feed(piece, &Arrival::numbered(1), out);
            }
        });
        let found: Vec<_> = found.into_iter().map(|(text, ..)| text).collect();
        assert_eq!(found, [&format!("{LINE}i: 1\r\n\r\n"), BYE], "{size}");
        assert_eq!(tallies.value(Tally::TcpJoined), 1);
    }
    // However many of them there are.
    let stream = format!("INVITE sip:bob@h SIP/2.0\r\n{}{BYE}", LINE.repeat(100_000));
    let tallies = Tallies::default();
    let mut framing = Framing::in_the_middle();
    let found = with(&tallies, |out| {
        let (start, rest) = stream.as_bytes().split_at(30);
        framing.feed(b"\r\n", &Arrival::numbered(1), out);
        framing.feed(start, &Arrival::numbered(1), out);
        framing.feed(rest, &Arrival::numbered(2), out);
    });
    assert_eq!(found, [(BYE.to_owned(), false, 2)]);
    // Where it had to start, a message is one: the SBC takes the second for a header of the first.
    let stream = format!("{LINE}{BYE}");
    assert_eq!(texts(&stream), [stream.as_str()]);
}

#[test]
fn behind_a_gap_a_message_ends_where_it_should() {
    let invite = format!("{LINE}l: 10\r\n\r\n");
    let bye = "BYE sip:bob@h SIP/2.0\r\nl: 10\r\n\r\n";
    for (start, gap, behind, expected) in [
        // Within the body, up to its end, beyond it, and with nothing of it there.
        (format!("{invite}ab"), 6, format!("yz{OK}"), vec![(format!("{invite}ab"), true)]),
        (format!("{invite}ab"), 8, OK.to_owned(), vec![(format!("{invite}ab"), true)]),
        (format!("{invite}ab"), 9, format!("x\r\n{OK}"), vec![(format!("{invite}ab"), true)]),
        (invite.clone(), 10, OK.to_owned(), vec![(invite.clone(), true)]),
        // Within the headers, and before anything.
        (LINE.to_owned(), 6, format!("x\r\nl: 0\r\n\r\n{OK}"), vec![(LINE.to_owned(), true)]),
        (String::new(), 6, format!("@h SIP/2.0\r\n\r\n{OK}"), vec![]),
        (String::new(), 6, OK.to_owned(), vec![]),
        // What is no INVITE says nothing without its end.
        (format!("{bye}ab"), 6, format!("yz{OK}"), vec![]),
        ("INV".to_owned(), 6, OK.to_owned(), vec![]),
    ] {
        let tallies = Tallies::default();
        let mut framing = Framing::new();
        let found = with(&tallies, |out| {
            framing.feed(start.as_bytes(), &Arrival::numbered(1), out);
            framing.gap(gap, out);
            framing.feed(behind.as_bytes(), &Arrival::numbered(2), out);
        });
        let found: Vec<_> = found.into_iter().map(|(text, cut, _)| (text, cut)).collect();
        let expected: Vec<_> = expected.into_iter().chain([(OK.to_owned(), false)]).collect();
        assert_eq!(found, expected, "{start:?} {gap}");
    }
}
