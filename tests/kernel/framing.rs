//! Kernel and daemon find the same message in the same frame, however odd its headers are.

use std::collections::BTreeMap;

use ani_ebpf::abi::{
    counter::{Counter, TABLE},
    record::NO_TRUNK,
};
use ani_tests::{
    frame::{DESTINATION, DOT1AD, DOT1Q, FRAGMENT, Frame, HOP_BY_HOP, ROUTING},
    invite::Invite,
    random::Random,
};
use ani_user::{
    capture::{
        LinkType,
        clock::Clock,
        packet::{self, Datagram, Fragment, Packet, Skipped},
    },
    policy::memory::Memory,
};

use crate::harness::{CONFIG, FROM_ONLY, Harness, Run, STRANGER, US, US_V6, config_of, frame};

const FRAMES: usize = 50_000;

/// The same frames each time.
const SEED: u64 = 0x2545_f491_4f6c_dd1d;

/// The SIP ports of [`CONFIG`].
const SIP_PORTS: [u16; 2] = [5060, 5080];

#[test]
fn kernel_and_daemon_agree_on_mutated_headers() {
    let mut harness = Harness::new();
    harness.block("14155551234", None);
    let host = Memory::new(&config_of(CONFIG));
    let mut random = Random::new(SEED);
    let mut exits = BTreeMap::<&str, usize>::new();
    for _ in 0..FRAMES {
        let (bytes, headers) = mutated(&mut random);
        let run = harness.frame(&bytes);
        *exits.entry(TABLE[run.exit as usize].name).or_default() += 1;
        let read = packet::read(LinkType::Ethernet, &bytes);
        if let Err(why) = agree(&host, &bytes, &run, &read) {
            let headers = &bytes[..headers];
            panic!("{why}: kernel: {:?}, daemon: {read:?}, headers: {headers:x?}", run.exit);
        }
    }
    println!("ways out: {exits:?}");
    for counter in [
        Counter::NotIp,
        Counter::Truncated,
        Counter::Fragment,
        Counter::OtherTransport,
        Counter::OtherPort,
        Counter::Keepalive,
        Counter::NotInvite,
        Counter::PassUntrusted,
        Counter::DropBlocked,
    ] {
        let name = TABLE[counter as usize].name;
        assert!(exits.get(name).is_some_and(|count| *count >= 20), "{name}: {exits:?}");
    }
}

/// What must hold between the kernel's way out and the daemon's reading of the same frame. The
/// kernel may pass what the daemon reads all the same (more tags, an unknown extension header); it
/// may never act on what the daemon reads in another way.
fn agree(
    host: &Memory,
    bytes: &[u8],
    run: &Run,
    read: &Result<Packet<'_>, Skipped>,
) -> Result<(), &'static str> {
    let datagram = match read {
        Ok(Packet::Fragment(fragment)) => return agree_on_fragment(host, bytes, run, fragment),
        Ok(Packet::Segment(_)) if run.record.is_some() && run.exit != Counter::TcpSegment => {
            return Err("a segment taken for something else");
        }
        Ok(Packet::Segment(_)) => return Ok(()),
        Ok(Packet::Datagram(_))
            if matches!(run.exit, Counter::Fragment | Counter::DropFragment) =>
        {
            return Err("a whole datagram taken for a fragment");
        }
        Ok(Packet::Datagram(datagram)) => Some(datagram),
        // A later fragment is handed on without a look at how long it is.
        Err(_) if matches!(run.exit, Counter::Fragment | Counter::DropFragment) => return Ok(()),
        Err(_) => None,
    };
    if let Some(record) = &run.record {
        let datagram = datagram.ok_or("an INVITE the daemon does not find")?;
        let at = datagram.payload.as_ptr().addr() - bytes.as_ptr().addr();
        if at != usize::from(record.header.sip_offset) {
            return Err("the message starts elsewhere");
        }
        if datagram.cut || datagram.overlong {
            return Err("the message is not whole");
        }
        if !SIP_PORTS.contains(&datagram.dst.port()) {
            return Err("to no SIP port");
        }
        let trunk = host.trunk_of(datagram.src.ip()).unwrap_or(NO_TRUNK);
        if trunk != record.header.trunk {
            return Err("from another trunk");
        }
        return Ok(());
    }
    match (run.exit, datagram) {
        (Counter::OtherPort, Some(datagram)) if SIP_PORTS.contains(&datagram.dst.port()) => {
            Err("to a SIP port after all")
        }
        (Counter::Truncated, Some(datagram))
            if datagram.cut || datagram.overlong || no_ip_len(bytes, datagram) =>
        {
            Ok(())
        }
        (Counter::Truncated | Counter::Keepalive | Counter::NotInvite, Some(datagram)) => {
            let to_sip = SIP_PORTS.contains(&datagram.dst.port());
            let now = Clock::new().now();
            match host.decide(now, datagram.src.ip(), datagram.payload) {
                Some(_) if to_sip => Err("an INVITE after all"),
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The same for a fragment: the first one may be decided, later ones are handed on as they are.
fn agree_on_fragment(
    host: &Memory,
    bytes: &[u8],
    run: &Run,
    fragment: &Fragment<'_>,
) -> Result<(), &'static str> {
    let Some(record) = &run.record else { return Ok(()) };
    if run.exit == Counter::Fragment {
        return Ok(());
    }
    // All have one identification, so a later one follows a first one that was dropped.
    if run.exit == Counter::DropFragment {
        return if fragment.offset != 0 {
            Ok(())
        } else {
            Err("a first fragment taken for a later")
        };
    }
    if run.exit == Counter::TcpSegment {
        return if fragment.offset == 0 { Ok(()) } else { Err("a segment without its header") };
    }
    if fragment.offset != 0 {
        return Err("decided on a later fragment");
    }
    let at = usize::from(record.header.sip_offset);
    let start = fragment.bytes.as_ptr().addr() - bytes.as_ptr().addr();
    if at < start + 8 {
        return Err("the message starts before the fragment does");
    }
    let to = u16::from_be_bytes([bytes[at - 6], bytes[at - 5]]);
    if !SIP_PORTS.contains(&to) {
        return Err("to no SIP port");
    }
    let trunk = host.trunk_of(fragment.whole.src).unwrap_or(NO_TRUNK);
    if trunk == record.header.trunk { Ok(()) } else { Err("from another trunk") }
}

/// Whether the IP header claims no length at all, which the daemon takes for a sender that left it
/// to the card; no stack takes such a packet off the wire.
fn no_ip_len(bytes: &[u8], datagram: &Datagram<'_>) -> bool {
    let network = 14 + 4 * datagram.vlan.as_slice().len();
    let len = network + if datagram.src.is_ipv4() { 2 } else { 4 };
    bytes[len..len + 2] == [0, 0]
}

/// A frame of a random stack of headers with some of their bytes changed, and where they end.
fn mutated(random: &mut Random) -> (Vec<u8>, usize) {
    let source = *random.of(&[US, US, US_V6, US_V6, FROM_ONLY, STRANGER]);
    let mut frame: Frame = frame(source, &Invite::from("+14155551234").bytes());
    frame.tags = (0..random.below(4)).map(|_| *random.of(&[DOT1Q, DOT1AD])).collect();
    frame.options = 4 * random.below(11);
    let kinds = [HOP_BY_HOP, ROUTING, DESTINATION, DESTINATION, DESTINATION, FRAGMENT];
    let extensions = random.below(7);
    frame.extensions = (0..extensions)
        .map(|_| match *random.of(&kinds) {
            FRAGMENT => (FRAGMENT, 8),
            kind => (kind, 8 * (1 + random.below(4))),
        })
        .collect();
    frame.padding = random.below(3) * 7;
    if random.below(8) == 0 {
        frame.ports.1 = *random.of(&[5061, 5080, 53]);
    }
    if random.below(8) == 0 {
        frame.payload = random.of(&[&b"\r\n\r\n"[..], b"OPTIONS sip:a SIP/2.0\r\n\r\n"]).to_vec();
    }
    let headers = frame.header_len();
    let mut bytes = frame.bytes();
    for _ in 0..random.below(3) {
        // Behind the hardware addresses, which nobody looks at.
        let at = 12 + random.below(headers - 12);
        bytes[at] = match random.below(3) {
            0 => random.byte(),
            1 => bytes[at] ^ (1 << random.below(8)),
            _ => *random.of(&[0, 1, 17, 44, 60, 0x45, 0x46, 0x60, 0xff]),
        };
    }
    if random.below(4) == 0 {
        // Lengths of two bytes, all of which stand at even offsets.
        let at = 12 + random.below((headers - 12) / 2) * 2;
        bytes[at..at + 2].fill(*random.of(&[0, 0xff]));
    }
    if random.below(10) == 0 {
        bytes.truncate(14 + random.below(bytes.len() - 13));
    }
    let headers = headers.min(bytes.len());
    (bytes, headers)
}
