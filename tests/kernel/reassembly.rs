//! Fragments through the machine's own stack and through the assembly: what the one hands to a
//! socket, the other hands to the parser, and nothing else.

use std::{
    collections::BTreeMap,
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::fd::AsRawFd as _,
    process::Command,
    thread,
    time::Duration,
};

use ani_tests::random::Random;
use ani_user::{
    capture::{Content, Frame, LinkType, Reach, assembly::Assembly},
    time::Timestamp,
};
use etherparse::UdpHeader;
use nix::{
    sched::{CloneFlags, unshare},
    sys::socket::{
        AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, sendto, socket,
    },
};

/// Packets a run; each in an order and with mistakes of its own.
const PACKETS: u32 = 3_000;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// How often each payload came out.
type Delivered = BTreeMap<Vec<u8>, usize>;

/// A piece of a packet: from where, to where, and whether it says that more follow.
type Piece = (usize, usize, bool);

#[test]
fn the_stack_and_the_assembly_make_the_same_of_any_fragments() {
    for (host, seed) in [(V4, 0x5eed), (V6, 0x5eed), (V4, 0xf00d), (V6, 0xf00d)] {
        let sent: Vec<Vec<u8>> = packets(host, &mut Random::new(seed)).concat();
        let ours = assembled(&sent);
        let theirs = delivered(host, sent);
        assert!(theirs.len() > PACKETS as usize / 2, "{host}: {} delivered", theirs.len());
        let differing: Vec<_> = ours
            .keys()
            .chain(theirs.keys())
            .filter(|payload| ours.get(*payload) != theirs.get(*payload))
            .map(|payload| String::from_utf8_lossy(payload))
            .collect();
        assert!(differing.is_empty(), "{host}, seed {seed:#x}: {differing:#?}");
    }
}

/// For each packet its fragments in the order they are sent.
fn packets(host: IpAddr, random: &mut Random) -> Vec<Vec<Vec<u8>>> {
    (1..=PACKETS)
        .map(|number| {
            let payload = format!("packet {number} {}", "-".repeat(40 + random.below(160)));
            let udp = udp(host, payload.as_bytes());
            let pieces = pieces(udp.len(), random);
            let fragment = |&(from, to, more): &Piece| {
                let mut part = udp.get(from..to.min(udp.len())).unwrap_or_default().to_vec();
                part.resize(to - from, b'x');
                fragment(host, number, from, more, &part)
            };
            pieces.iter().map(fragment).collect()
        })
        .collect()
}

/// Cuts `len` bytes, shuffles the pieces, and makes up to three mistakes.
fn pieces(len: usize, random: &mut Random) -> Vec<Piece> {
    let units = len.div_ceil(8);
    let mut cuts: Vec<_> =
        (0..1 + random.below(4)).map(|_| 8 * (1 + random.below(units - 1))).collect();
    cuts.extend([0, len]);
    cuts.sort_unstable();
    cuts.dedup();
    let whole: Vec<Piece> = cuts.windows(2).map(|ends| (ends[0], ends[1], ends[1] < len)).collect();
    let mut sent = whole.clone();
    if random.below(3) > 0 {
        for at in (1..sent.len()).rev() {
            sent.swap(at, random.below(at + 1));
        }
    }
    for _ in 0..random.below(4) {
        let at = random.below(sent.len() + 1);
        let unit = random.below(units - 1);
        let from = 8 * unit;
        let wrong = match random.below(10) {
            0 | 1 => *random.of(&whole),
            // Over boundaries or within one.
            2 | 3 => (from, 8 * (unit + 1 + random.below(units - 1 - unit)), true),
            // Of no multiple of eight.
            4 => (from, len.min(from + 1 + random.below(23)), true),
            // Nothing in it.
            5 => (from, from, random.below(2) == 0),
            // An end where none is, and something behind the end.
            6 => (from, len.min(from + 1 + random.below(39)), false),
            7 => (8 * units, 8 * units + 16, random.below(2) == 0),
            8 => {
                sent.extend(&whole);
                continue;
            }
            _ => {
                if sent.len() > 1 {
                    sent.swap_remove(random.below(sent.len()));
                }
                continue;
            }
        };
        sent.insert(at, wrong);
    }
    sent
}

/// A datagram from port 5060 to port 5060.
fn udp(host: IpAddr, payload: &[u8]) -> Vec<u8> {
    let mut header = UdpHeader::without_ipv4_checksum(5060, 5060, payload.len()).expect("short");
    let checksum = match host {
        IpAddr::V4(host) => header.calc_checksum_ipv4_raw(host.octets(), host.octets(), payload),
        IpAddr::V6(host) => header.calc_checksum_ipv6_raw(host.octets(), host.octets(), payload),
    };
    header.checksum = checksum.expect("short");
    [&header.to_bytes()[..], payload].concat()
}

fn fragment(host: IpAddr, number: u32, from: usize, more: bool, part: &[u8]) -> Vec<u8> {
    let (from, len) = (from as u16, part.len() as u16);
    match host {
        IpAddr::V4(host) => {
            let place = (from / 8) | (u16::from(more) << 13);
            // The stack fills in the checksum.
            [
                &[0x45, 0][..],
                &(20 + len).to_be_bytes(),
                &(number as u16).to_be_bytes(),
                &place.to_be_bytes(),
                &[64, 17, 0, 0],
                &host.octets(),
                &host.octets(),
                part,
            ]
            .concat()
        }
        IpAddr::V6(host) => [
            &[0x60, 0, 0, 0][..],
            &(8 + len).to_be_bytes(),
            &[44, 64],
            &host.octets(),
            &host.octets(),
            &[17, 0],
            &(from | u16::from(more)).to_be_bytes(),
            &number.to_be_bytes(),
            part,
        ]
        .concat(),
    }
}

fn assembled(sent: &[Vec<u8>]) -> Delivered {
    let mut assembly = Assembly::new(Default::default());
    let mut delivered = Delivered::new();
    for (number, bytes) in (1..).zip(sent) {
        let wire_len = bytes.len() as u32;
        let frame = Frame {
            number,
            arrived: Timestamp::new(1_000, 0),
            content: Content::Link { link: LinkType::RawIp, bytes, wire_len },
            reach: Reach::Observe,
            kernel: None,
        };
        assembly.frame(&frame, &|_| true, &mut |message| {
            // Shown to the operator, and said to be taken by no stack.
            if !message.overlong {
                *delivered.entry(message.bytes.to_vec()).or_default() += 1;
            }
        });
    }
    delivered
}

/// What a socket gets in a network namespace that ends with its thread.
fn delivered(host: IpAddr, sent: Vec<Vec<u8>>) -> Delivered {
    let stack = move || {
        unshare(CloneFlags::CLONE_NEWNET).expect("a namespace: needs root");
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        assert!(up.expect("ip").success());
        // Room for all that stays unfinished.
        for file in ["ipv4/ipfrag_high_thresh", "ipv6/ip6frag_high_thresh"] {
            fs::write(format!("/proc/sys/net/{file}"), "268435456").expect("sysctl");
        }
        let receiver = UdpSocket::bind((host, 5060)).expect("socket");
        receiver.set_nonblocking(true).expect("socket");
        let mut delivered = Delivered::new();
        let mut drain = || {
            let mut buffer = [0; 2_048];
            while let Ok(len) = receiver.recv(&mut buffer) {
                *delivered.entry(buffer[..len].to_vec()).or_default() += 1;
            }
        };
        let family = if host.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
        let sender = socket(family, SockType::Raw, SockFlag::empty(), SockProtocol::Raw);
        let sender = sender.expect("raw socket");
        let to = SockaddrStorage::from(SocketAddr::new(host, 0));
        for packet in sent {
            sendto(sender.as_raw_fd(), &packet, &to, MsgFlags::empty()).expect("sent");
            drain();
        }
        thread::sleep(Duration::from_millis(200));
        drain();
        delivered
    };
    thread::spawn(stack).join().expect("the stack's thread")
}
