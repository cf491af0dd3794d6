//! Packets cut here, put together again; and what attackers send.

use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;
use crate::capture::{Content, Frame, LinkType, Reach, assembly::Assembly, fixture};

const TRUNK: [u8; 4] = [192, 0, 2, 1];
const STRANGER: [u8; 4] = [203, 0, 113, 9];

/// What came out.
#[derive(Debug, PartialEq)]
struct Got {
    frame: u64,
    payload: Vec<u8>,
    fragments: u32,
    first_len: usize,
    cut: bool,
    kernel: Option<KernelView>,
}

/// An assembly of its own, whose trunks are in 192.0.2.0/24 and 2001:db8::/32.
struct Rig {
    assembly: Assembly,
    tallies: Arc<Tallies>,
    frames: u64,
    now: Timestamp,
    got: Vec<Got>,
}

impl Rig {
    fn new() -> Self {
        let tallies = Arc::new(Tallies::default());
        let assembly = Assembly::new(Arc::clone(&tallies));
        Self { assembly, tallies, frames: 0, now: Timestamp::new(1_000, 0), got: Vec::new() }
    }

    fn send(&mut self, packet: &[u8]) {
        self.send_on(LinkType::RawIp, packet, None);
    }

    fn send_on(&mut self, link: LinkType, bytes: &[u8], kernel: Option<KernelView>) {
        self.frames += 1;
        let frame = Frame {
            number: self.frames,
            arrived: self.now,
            content: Content::Link { link, bytes, wire_len: bytes.len() as u32 },
            reach: Reach::Answer,
            kernel,
        };
        let trusted = |source: IpAddr| match source {
            IpAddr::V4(source) => source.octets().starts_with(&[192, 0, 2]),
            IpAddr::V6(source) => source.octets().starts_with(&[0x20, 1, 0xd, 0xb8]),
        };
        self.assembly.frame(&frame, &trusted, &mut |message| {
            self.got.push(Got {
                frame: message.frame,
                payload: message.bytes.to_vec(),
                fragments: message.fragments,
                first_len: message.first_len,
                cut: message.cut,
                kernel: message.kernel,
            });
        });
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    fn payloads(&self) -> Vec<&[u8]> {
        self.got.iter().map(|got| got.payload.as_slice()).collect()
    }

    /// The counts named are these, and all others of fragments are zero, but for how many were
    /// received and put together.
    fn counts(&self, expected: &[(Tally, u64)]) {
        for row in crate::telemetry::TALLIES {
            if !row.name.starts_with("fragments_") || row.tally == Tally::FragmentsWhole {
                continue;
            }
            let named = expected.iter().find(|(tally, _)| *tally == row.tally);
            let count = named.map_or(0, |(_, count)| *count);
            assert_eq!(self.tallies.value(row.tally), count, "{}", row.name);
        }
    }
}

/// A payload whose bytes tell where they belong.
fn payload(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 7 + at * 31) as u8).collect()
}

/// The fragments of a UDP datagram from `TRUNK`, cut at the places given.
fn cut(id: u32, v6: bool, payload: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let udp = fixture::udp(payload);
    let ends = cuts.iter().copied().chain([udp.len()]);
    let mut from = 0;
    ends.map(|end| {
        let part = &udp[from..end];
        let fragment = piece(id, v6, from, end < udp.len(), part);
        from = end;
        fragment
    })
    .collect()
}

/// A fragment from `TRUNK`.
fn piece(id: u32, v6: bool, offset: usize, more: bool, part: &[u8]) -> Vec<u8> {
    if v6 {
        fixture::fragment_v6(17, id, offset, more, part)
    } else {
        fixture::fragment_v4(TRUNK, 17, id as u16, offset, more, part)
    }
}

#[test]
fn in_order_reversed_and_from_the_middle() {
    for v6 in [false, true] {
        let sent = payload(2_500);
        let parts = cut(7, v6, &sent, &[800, 1_600]);
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0], [0, 2, 1], [2, 0, 1]] {
            let mut rig = Rig::new();
            for at in order {
                rig.send(&parts[at]);
            }
            let got = Got {
                frame: 3,
                payload: sent.clone(),
                fragments: 3,
                first_len: 792,
                cut: false,
                kernel: None,
            };
            assert_eq!(rig.got, [got], "{order:?}");
            assert_eq!(rig.tallies.value(Tally::Fragments), 3);
            assert_eq!(rig.tallies.value(Tally::FragmentsWhole), 1);
            rig.counts(&[]);
            assert_eq!(rig.assembly.memory(), Held::default());
        }
    }
}

#[test]
fn the_kernels_view_is_that_of_the_first_fragment() {
    use ani_ebpf::abi::counter::Counter;
    let view = |exit| KernelView::of(exit, Some(0));
    let parts = cut(7, false, &payload(100), &[48]);
    for order in [[0, 1], [1, 0]] {
        let mut rig = Rig::new();
        for at in order {
            let exit = [Counter::PassInDialog, Counter::Fragment][at];
            rig.send_on(LinkType::RawIp, &parts[at], Some(view(exit)));
        }
        assert_eq!(rig.got[0].kernel, Some(view(Counter::PassInDialog)), "{order:?}");
    }
}

#[test]
fn a_large_invite_in_the_smallest_pieces_comes_out() {
    let sent = payload(16 * 1_024);
    let cuts: Vec<usize> = (8..sent.len() + 8).step_by(8).collect();
    let mut rig = Rig::new();
    for part in cut(7, false, &sent, &cuts).iter().rev() {
        rig.send(part);
    }
    assert_eq!(rig.payloads(), [sent.as_slice()]);
    assert_eq!(rig.got[0].first_len, 0, "the first had the UDP header only");
    assert_eq!(rig.got[0].fragments, 2_049);
}

#[test]
fn too_many_pieces_are_given_up() {
    let mut rig = Rig::new();
    for number in 1..=MAX_FRAGMENTS + 2 {
        rig.send(&piece(7, false, number * 8, true, &[0; 8]));
    }
    rig.counts(&[(Tally::FragmentsTooMany, 1)]);
    assert!(rig.assembly.memory().bytes < 2_000, "holds nothing: {:?}", rig.assembly.memory());
}

#[test]
fn what_is_there_already_is_a_duplicate() {
    let sent = payload(100);
    let udp = fixture::udp(&sent);
    for v6 in [false, true] {
        let mut rig = Rig::new();
        rig.send(&piece(7, v6, 0, true, &udp[..32]));
        rig.send(&piece(7, v6, 32, true, &udp[32..64]));
        rig.send(&piece(7, v6, 0, true, &udp[..32]));
        rig.send(&piece(7, v6, 8, true, &[0xff; 16]));
        rig.send(&piece(7, v6, 16, true, &[0xff; 32]));
        rig.send(&piece(7, v6, 64, false, &udp[64..]));
        assert_eq!(rig.payloads(), [sent.as_slice()], "as what came first has it");
        rig.counts(&[(Tally::FragmentsDuplicate, 3)]);
    }
}

#[test]
fn pieces_that_came_one_by_one_have_no_duplicate_across_them() {
    let udp = fixture::udp(&payload(100));
    let mut rig = Rig::new();
    rig.send(&piece(7, false, 32, true, &udp[32..64]));
    rig.send(&piece(7, false, 0, true, &udp[..32]));
    rig.send(&piece(7, false, 16, true, &udp[16..48]));
    rig.counts(&[(Tally::FragmentsOverlap, 1)]);
}

#[test]
fn a_duplicate_may_say_that_it_was_the_last() {
    let sent = payload(100);
    let udp = fixture::udp(&sent);
    let mut rig = Rig::new();
    rig.send(&piece(7, false, 80, true, &[&udp[80..], &[0; 4]].concat()));
    rig.send(&piece(7, false, 96, false, &[&udp[96..], &[0; 4]].concat()));
    rig.send(&piece(7, false, 0, true, &udp[..80]));
    assert_eq!(rig.payloads(), [sent.as_slice()]);
    rig.counts(&[(Tally::FragmentsDuplicate, 1)]);
}

#[test]
fn an_overlap_gives_up_what_came_and_not_what_is_sent_again() {
    let sent = payload(100);
    let parts = cut(7, true, &sent, &[32, 64]);
    for (offset, len) in [(24, 16), (16, 48), (56, 16), (32, 40)] {
        let mut rig = Rig::new();
        rig.send(&parts[0]);
        rig.send(&parts[2]);
        rig.send(&piece(7, true, offset, true, &vec![0xff; len]));
        rig.send(&parts[1]);
        assert!(rig.got.is_empty(), "{offset}");
        rig.counts(&[(Tally::FragmentsOverlap, 1)]);
        rig.send(&parts[2]);
        rig.send(&parts[0]);
        assert_eq!(rig.payloads(), [sent.as_slice()], "{offset}");
        rig.send(&parts[0]);
        rig.send(&piece(7, true, offset, true, &vec![0xff; len]));
        rig.send(&parts[2]);
        rig.assembly.finish(&mut |_| panic!("a message of fragments"));
        assert_eq!(rig.got.len(), 1, "{offset}");
    }
}

#[test]
fn the_rest_of_what_was_given_up_is_not_counted_again() {
    let parts = cut(7, false, &payload(100), &[32, 64]);
    let mut rig = Rig::new();
    rig.send(&parts[0]);
    rig.send(&piece(7, false, 24, true, &[0; 16]));
    rig.send(&parts[1]);
    rig.send(&parts[2]);
    rig.assembly.finish(&mut |_| panic!("a message of fragments"));
    rig.counts(&[(Tally::FragmentsOverlap, 1)]);
}

#[test]
fn what_no_packet_can_have_is_refused() {
    let udp = fixture::udp(&payload(100));
    // Offset, length, whether more follow; whether the packet survives it, as it does in Linux.
    for (v6, offset, len, more, survives) in [
        (true, 32, 30, true, true),
        (false, 32, 30, true, false),
        (true, 65_528, 16, false, true),
        (false, 65_528, 16, true, false),
        (true, 0, 0, true, true),
        (true, 32, 0, true, false),
        (false, 32, 0, false, false),
        (false, 120, 8, true, false),
        (true, 96, 16, true, false),
        (false, 96, 16, false, false),
        (true, 64, 8, false, false),
    ] {
        let mut rig = Rig::new();
        rig.send(&piece(7, v6, 0, true, &udp[..32]));
        rig.send(&piece(7, v6, 64, false, &udp[64..]));
        rig.send(&piece(7, v6, offset, more, &vec![0xff; len]));
        rig.send(&piece(7, v6, 32, true, &udp[32..64]));
        let case = format!("v6 {v6}, {len} at {offset}, more {more}");
        assert_eq!(rig.got.len(), usize::from(survives), "{case}");
        assert_eq!(rig.tallies.value(Tally::FragmentsBad), 1, "{case}");
    }
}

#[test]
fn with_ipv4_what_is_no_multiple_of_eight_is_cut_to_one() {
    let sent = payload(100);
    let udp = fixture::udp(&sent);
    let mut rig = Rig::new();
    rig.send(&piece(7, false, 0, true, &udp[..39]));
    rig.send(&piece(7, false, 32, false, &udp[32..]));
    assert_eq!(rig.payloads(), [sent.as_slice()]);
    rig.counts(&[(Tally::FragmentsBad, 1)]);
}

#[test]
fn time_counts_from_the_first_fragment() {
    let sent = payload(100);
    let parts = cut(7, false, &sent, &[32, 64]);
    let mut rig = Rig::new();
    rig.send(&parts[0]);
    rig.wait(29);
    rig.send(&parts[1]);
    rig.send(&parts[2]);
    assert_eq!(rig.got.len(), 1, "in time");

    rig.send(&parts[0]);
    rig.wait(20);
    rig.send(&parts[1]);
    rig.wait(10);
    rig.send(&parts[2]);
    assert_eq!(rig.got.len(), 1, "too late");
    rig.counts(&[(Tally::FragmentsTimeout, 1)]);

    rig.wait(31);
    rig.assembly.expire(rig.now, &mut |_| panic!("a message of fragments"));
    rig.counts(&[(Tally::FragmentsTimeout, 2)]);
    assert_eq!(rig.assembly.memory(), Held::default());

    rig.send(&parts[0]);
    rig.assembly.finish(&mut |_| panic!("a message of fragments"));
    rig.counts(&[(Tally::FragmentsTimeout, 3)]);
    assert_eq!(rig.assembly.memory(), Held::default());
}

#[test]
fn a_fragment_cut_in_the_capture_cuts_the_message_there() {
    let sent = payload(200);
    let parts = cut(7, false, &sent, &[64, 128]);
    for (which, there) in [(0, 56 - 5), (1, 120 - 5), (2, 200 - 5)] {
        let mut rig = Rig::new();
        for (at, part) in parts.iter().enumerate().rev() {
            let missing = if at == which { 5 } else { 0 };
            rig.send(&part[..part.len() - missing]);
        }
        assert_eq!(rig.payloads(), [&sent[..there]], "{which}");
        assert!(rig.got[0].cut);
        rig.counts(&[]);
    }
}

#[test]
fn packets_are_told_apart() {
    let sent = payload(100);
    let first = &cut(7, false, &sent, &[64])[0];
    let udp = fixture::udp(&sent);
    let mut rig = Rig::new();
    rig.send(first);
    rig.send(&piece(8, false, 64, false, &udp[64..]));
    rig.send(&fixture::fragment_v4(STRANGER, 17, 7, 64, false, &udp[64..]));
    rig.send(&fixture::fragment_v4(TRUNK, 6, 7, 64, false, &udp[64..]));
    let tagged = [&[0; 12][..], &[0x81, 0, 0, 5, 8, 0]].concat();
    let last = piece(7, false, 64, false, &udp[64..]);
    rig.send_on(LinkType::Ethernet, &[&tagged[..], &last].concat(), None);
    assert!(rig.got.is_empty());
    assert_eq!(rig.assembly.memory().entries, 5);
    rig.send(&last);
    assert_eq!(rig.payloads(), [sent.as_slice()]);
}

#[test]
fn headers_behind_the_fragment_header_belong_to_the_packet() {
    let sent = payload(100);
    let options = [17, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let whole = [&options[..], &fixture::udp(&sent)].concat();
    // The second fragment starts within the options; what its header names next says nothing.
    for (next, order) in [(60, [0, 1, 2]), (60, [2, 1, 0]), (17, [1, 2, 0])] {
        let part = |at: usize| match at {
            0 => fixture::fragment_v6(60, 7, 0, true, &whole[..8]),
            1 => fixture::fragment_v6(next, 7, 8, true, &whole[8..48]),
            _ => fixture::fragment_v6(next, 7, 48, false, &whole[48..]),
        };
        let mut rig = Rig::new();
        for at in order {
            rig.send(&part(at));
        }
        assert_eq!(rig.payloads(), [sent.as_slice()], "{order:?}");
    }
}

#[test]
fn fragments_in_tunnels_and_tunnels_in_fragments() {
    const IP_IN_IP: u8 = 4;
    const GATEWAY: [u8; 4] = [10, 0, 0, 1];
    let sent = payload(100);
    let inner = cut(7, false, &sent, &[48]);
    let mut rig = Rig::new();
    for part in &inner {
        rig.send(&fixture::ipv4(GATEWAY, IP_IN_IP, part));
    }
    assert_eq!((rig.got[0].fragments, rig.got[0].first_len), (2, 40));

    let whole = fixture::ipv4(TRUNK, 17, &fixture::udp(&sent));
    for (offset, more, part) in [(64, false, &whole[64..]), (0, true, &whole[..64])] {
        rig.send(&fixture::fragment_v4(GATEWAY, IP_IN_IP, 7, offset, more, part));
    }
    assert_eq!((rig.got[1].fragments, rig.got[1].first_len), (2, 64 - 20 - 8));

    // A tunnel that cuts what was cut before, in packets of the same number.
    rig.send(&fixture::ipv4(GATEWAY, IP_IN_IP, &inner[1]));
    for (offset, more, part) in [(0, true, &inner[0][..40]), (40, false, &inner[0][40..])] {
        rig.send(&fixture::fragment_v4(TRUNK, IP_IN_IP, 7, offset, more, part));
    }
    assert_eq!((rig.got[2].fragments, rig.got[2].first_len), (3, 40));
    assert_eq!(rig.payloads(), [sent.as_slice(); 3]);
    rig.counts(&[]);
    assert_eq!(rig.assembly.memory(), Held::default());
}

#[test]
fn a_flood_of_unfinished_packets_stays_within_bounds() {
    const FLOOD: u32 = 100_000;
    let sent = payload(2_000);
    let udp = fixture::udp(&sent);
    let honest = |source, rig: &mut Rig, last: bool| {
        let (offset, part) = if last { (1_480, &udp[1_480..]) } else { (0, &udp[..1_480]) };
        rig.send(&fixture::fragment_v4(source, 17, 1, offset, !last, part));
    };
    // From one source, and each from another.
    for forged in [false, true] {
        let mut rig = Rig::new();
        honest(TRUNK, &mut rig, false);
        honest(STRANGER, &mut rig, false);
        for number in 0..FLOOD {
            let [_, high, middle, low] = number.to_be_bytes();
            let (source, id) = if forged {
                ([10, high, middle, low], 9)
            } else {
                ([10, 0, 0, 1], (number % 65_536) as u16)
            };
            let len = 8 + 8 * (number % 180) as usize;
            let protocol = 17 + (number / 65_536) as u8;
            rig.send(&fixture::fragment_v4(source, protocol, id, 1_480, true, &vec![0; len]));
            let held = rig.assembly.memory();
            assert!(held.bytes <= OF_STRANGERS.bytes + (16 << 10), "{held:?}");
            assert!(held.entries <= OF_STRANGERS.entries + 1, "{held:?}");
        }
        honest(TRUNK, &mut rig, true);
        honest(STRANGER, &mut rig, true);
        // Who is quiet longest gives way to a flood from many sources; trunks never do.
        let expected = if forged { 1 } else { 2 };
        assert_eq!(rig.payloads(), vec![sent.as_slice(); expected]);
        let why = if forged { Tally::FragmentsEvicted } else { Tally::FragmentsShare };
        assert!(rig.tallies.value(why) > u64::from(FLOOD) * 9 / 10);
        rig.assembly.finish(&mut |_| panic!("a message of fragments"));
        let lost = [Tally::FragmentsTimeout, Tally::FragmentsShare, Tally::FragmentsEvicted];
        let lost: u64 = lost.map(|tally| rig.tallies.value(tally)).iter().sum();
        let unfinished = u64::from(FLOOD) + if forged { 2 } else { 0 };
        assert_eq!(lost, unfinished, "each is counted once");
    }
}

/// A datagram's payload, where it is cut, and an order to send the parts in.
fn cut_payload() -> impl Strategy<Value = (Vec<u8>, Vec<usize>, Vec<Index>)> {
    (vec(any::<u8>(), 1..3_000), vec(any::<Index>(), 1..12), vec(any::<Index>(), 0..20)).prop_map(
        |(payload, cuts, order)| {
            let units = payload.len().div_ceil(8);
            let mut cuts: Vec<_> = cuts.iter().map(|cut| (cut.index(units) + 1) * 8).collect();
            cuts.retain(|&cut| cut < payload.len() + 8);
            cuts.sort_unstable();
            cuts.dedup();
            (payload, cuts, order)
        },
    )
}

/// The parts in another order, some of them twice.
fn shuffled(parts: &[Vec<u8>], order: &[Index]) -> Vec<Vec<u8>> {
    let mut left: Vec<_> = parts.iter().collect();
    let mut sent: Vec<Vec<u8>> = Vec::new();
    for index in order {
        if left.is_empty() {
            break;
        }
        let part = index.index(left.len() + sent.len());
        if part < left.len() {
            sent.push(left.swap_remove(part).clone());
        } else {
            sent.push(sent[part - left.len()].clone());
        }
    }
    sent.extend(left.into_iter().cloned());
    sent
}

proptest! {
    #[test]
    fn what_was_sent_comes_out_once(
        (sent, cuts, order) in cut_payload(),
        v6: bool,
    ) {
        prop_assume!(!cuts.is_empty());
        let parts = cut(7, v6, &sent, &cuts);
        let mut rig = Rig::new();
        let all = shuffled(&parts, &order);
        for part in &all {
            rig.send(part);
            if !rig.got.is_empty() {
                break;
            }
        }
        prop_assert_eq!(rig.payloads(), [sent.as_slice()]);
        prop_assert_eq!(rig.got[0].fragments as usize, parts.len());
        prop_assert_eq!(rig.got[0].first_len, cuts[0] - 8);
        prop_assert_eq!(rig.assembly.memory(), Held::default());
    }

    #[test]
    fn without_one_of_its_fragments_nothing_comes_out(
        (sent, cuts, order) in cut_payload(),
        v6: bool,
        missing: Index,
    ) {
        prop_assume!(!cuts.is_empty());
        let mut parts = cut(7, v6, &sent, &cuts);
        parts.remove(missing.index(parts.len()));
        let mut rig = Rig::new();
        for part in shuffled(&parts, &order) {
            rig.send(&part);
        }
        prop_assert!(rig.got.is_empty());
        rig.assembly.finish(&mut |_| panic!("a message of fragments"));
        prop_assert_eq!(rig.tallies.value(Tally::FragmentsTimeout), 1);
    }

    #[test]
    fn with_an_overlap_nothing_comes_out_and_it_is_counted(
        (sent, cuts, order) in cut_payload(),
        v6: bool,
        at: Index,
    ) {
        prop_assume!(!cuts.is_empty());
        let parts = cut(7, v6, &sent, &cuts);
        let nth = at.index(cuts.len());
        let boundary = cuts[nth];
        // Else both its neighbours are wholly in it, and duplicates.
        let before = if nth == 0 { 0 } else { cuts[nth - 1] };
        let behind = cuts.get(nth + 1).copied().unwrap_or(sent.len() + 8);
        prop_assume!(before + 8 < boundary || boundary + 8 < behind);
        let crossing = piece(7, v6, boundary - 8, true, &[0; 16]);
        let mut rig = Rig::new();
        rig.send(&crossing);
        // Each once: a packet that is sent again whole behind an overlap is one.
        let mut again = std::collections::HashSet::new();
        for part in shuffled(&parts, &order) {
            if again.insert(part.clone()) {
                rig.send(&part);
            }
        }
        let counted = rig.tallies.value(Tally::FragmentsOverlap) + rig.tallies.value(Tally::FragmentsBad);
        prop_assert_eq!((rig.got.len(), counted), (0, 1));
        rig.assembly.finish(&mut |_| panic!("a message of fragments"));
        prop_assert_eq!(rig.tallies.value(Tally::FragmentsTimeout), 0);
    }

    #[test]
    fn any_fragments_are_taken_without_a_panic(
        fragments in vec((0u16..64, any::<bool>(), 0usize..80, 0usize..90, any::<bool>()), 0..40),
    ) {
        let mut rig = Rig::new();
        for (unit, more, len, there, v6) in fragments {
            let packet = piece(7, v6, usize::from(unit) * 8, more, &vec![1; len]);
            rig.send(&packet[..packet.len() - len + there.min(len)]);
            for got in &rig.got {
                prop_assert!(got.first_len <= got.payload.len());
            }
        }
        prop_assert!(rig.assembly.memory().entries <= 2);
    }
}
