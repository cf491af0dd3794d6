//! Frames and files made for tests.

use etherparse::PacketBuilder;

/// An INVITE of `from`, to be told apart by `branch`.
pub(crate) fn invite(from: &str, branch: &str) -> Vec<u8> {
    format!(
        "INVITE sip:+18005550199@sbc.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch={branch}\r\n\
         From: <sip:{from}@h>;tag=1\r\nTo: <sip:+18005550199@sbc.example>\r\nCall-ID: 1@h\r\n\
         CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// An Ethernet frame with the payload from 203.0.113.9:5060 to 198.51.100.20:5060.
pub(crate) fn ethernet(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([203, 0, 113, 9], [198, 51, 100, 20], 64)
        .udp(5060, 5060)
        .write(&mut frame, payload)
        .expect("memory");
    frame
}

/// A UDP datagram from 5060 to 5060, without a checksum.
pub(crate) fn udp(payload: &[u8]) -> Vec<u8> {
    let len = (8 + payload.len()) as u16;
    [&[0x13, 0xc4, 0x13, 0xc4][..], &len.to_be_bytes(), &[0, 0], payload].concat()
}

/// An IPv4 packet to 198.51.100.20.
pub(crate) fn ipv4(source: [u8; 4], protocol: u8, payload: &[u8]) -> Vec<u8> {
    fragment_v4(source, protocol, 0, 0, false, payload)
}

/// A fragment of an IPv4 packet to 198.51.100.20; its offset is in bytes.
pub(crate) fn fragment_v4(
    source: [u8; 4],
    protocol: u8,
    id: u16,
    offset: usize,
    more: bool,
    payload: &[u8],
) -> Vec<u8> {
    let len = (20 + payload.len()) as u16;
    let place = (offset / 8) as u16 | u16::from(more) << 13;
    let mut packet = vec![0x45, 0];
    packet.extend([len.to_be_bytes(), id.to_be_bytes(), place.to_be_bytes()].as_flattened());
    packet.extend([64, protocol, 0, 0]);
    packet.extend([source, [198, 51, 100, 20]].as_flattened());
    packet.extend(payload);
    packet
}

/// An IPv6 packet from 2001:db8::1 to 2001:db8::2.
pub(crate) fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let address = |last| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, 64]);
    packet.extend([address(1), address(2)].as_flattened());
    packet.extend(payload);
    packet
}

/// A fragment of an IPv6 packet from 2001:db8::1 to 2001:db8::2; its offset is in bytes.
pub(crate) fn fragment_v6(next: u8, id: u32, offset: usize, more: bool, payload: &[u8]) -> Vec<u8> {
    let place = offset as u16 | u16::from(more);
    let header = [&[next, 0][..], &place.to_be_bytes(), &id.to_be_bytes()].concat();
    ipv6(44, &[&header, payload].concat())
}

/// A pcap file with records a second apart.
pub(crate) fn pcap(big_endian: bool, nanoseconds: bool, link: u32, records: &[Vec<u8>]) -> Vec<u8> {
    let word = |value: u32| {
        if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    };
    let half = |value: u16| {
        if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    };
    let mut file = word(if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }).to_vec();
    file.extend([half(2), half(4)].concat());
    file.extend([word(0), word(0), word(65_535), word(link)].concat());
    for (second, record) in (1u32..).zip(records) {
        let len = record.len() as u32;
        file.extend([word(second), word(123), word(len), word(len)].concat());
        file.extend(record);
    }
    file
}

/// A block of a pcapng file.
pub(crate) fn block(big_endian: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let word = |value: u32| {
        if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    };
    let padding = body.len().next_multiple_of(4) - body.len();
    let len = word((12 + body.len() + padding) as u32);
    [&word(kind)[..], &len, body, &[0; 3][..padding], &len].concat()
}

/// A pcapng file: an interface with nanoseconds and one of raw IP with the default microseconds;
/// the records on the first, each behind a block that holds no packet.
pub(crate) fn pcapng(big_endian: bool, records: &[Vec<u8>]) -> Vec<u8> {
    let word = |value: u32| {
        if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    };
    let half = |value: u16| {
        if big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    };
    let section = [&word(0x1a2b_3c4d)[..], &half(1), &half(0), &[0xff; 8]].concat();
    let resolution = [&half(9)[..], &half(1), &[9, 0, 0, 0], &half(0), &half(0)].concat();
    let interface = |link, options: &[u8]| {
        let body = [&half(link)[..], &half(0), &word(0), options].concat();
        block(big_endian, 1, &body)
    };
    let mut file = block(big_endian, 0x0a0d_0d0a, &section);
    file.extend(interface(1, &resolution));
    file.extend(interface(101, &[]));
    for (second, record) in (1u64..).zip(records) {
        file.extend(block(big_endian, 5, &[0; 12]));
        let ticks = second * 1_000_000_000 + 123;
        let len = word(record.len() as u32);
        let times = [word((ticks >> 32) as u32), word(ticks as u32)].concat();
        file.extend(block(big_endian, 6, &[&word(0)[..], &times, &len, &len, record].concat()));
    }
    file
}
