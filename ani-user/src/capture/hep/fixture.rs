//! Packets made for tests.

use std::net::{IpAddr, SocketAddr};

use super::packet::Mirrored;
use crate::{capture::Transport, time::Timestamp};

/// A message over TLS from 203.0.113.9 at 10:00 on 1 May 2024.
pub(crate) fn mirrored(message: &[u8]) -> Mirrored<'_> {
    Mirrored {
        src: SocketAddr::from(([203, 0, 113, 9], 40_001)),
        dst: SocketAddr::from(([198, 51, 100, 20], 5_061)),
        transport: Transport::Tls,
        seen: Some(Timestamp::new(1_714_557_600, 123_000)),
        message,
    }
}

/// The packet a mirror makes of a message.
pub(crate) fn packet(mirrored: &Mirrored<'_>, key: Option<&[u8]>) -> Vec<u8> {
    whole(&chunks(mirrored, key))
}

/// The chunks of that packet: type and value.
pub(crate) fn chunks(mirrored: &Mirrored<'_>, key: Option<&[u8]>) -> Vec<(u16, Vec<u8>)> {
    let Mirrored { src, dst, transport, seen, message } = mirrored;
    let protocol = match transport {
        Transport::Tcp => 6,
        Transport::Udp => 17,
        Transport::Tls => 22,
        Transport::Ws => 50,
        Transport::Sctp => 132,
    };
    let (family, types) = if src.is_ipv4() { (2, [3, 4]) } else { (10, [5, 6]) };
    let mut chunks = vec![
        (1, vec![family]),
        (2, vec![protocol]),
        (types[0], octets(src.ip())),
        (types[1], octets(dst.ip())),
        (7, src.port().to_be_bytes().to_vec()),
        (8, dst.port().to_be_bytes().to_vec()),
    ];
    if let Some(Timestamp(nanoseconds)) = seen {
        let (seconds, part) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
        chunks.push((9, (seconds as u32).to_be_bytes().to_vec()));
        chunks.push((10, (part as u32 / 1_000).to_be_bytes().to_vec()));
    }
    chunks.extend([(11, vec![1]), (12, vec![0, 0, 0, 7])]);
    chunks.extend(key.map(|key| (14, key.to_vec())));
    chunks.push((15, message.to_vec()));
    chunks
}

/// A packet of generic chunks.
pub(crate) fn whole(chunks: &[(u16, Vec<u8>)]) -> Vec<u8> {
    framed(&chunks.iter().flat_map(|(kind, value)| chunk(0, *kind, value)).collect::<Vec<_>>())
}

/// One chunk.
pub(crate) fn chunk(vendor: u16, kind: u16, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(6 + value.len()).expect("it fits");
    [&vendor.to_be_bytes(), &kind.to_be_bytes(), &len.to_be_bytes(), value].concat()
}

/// The header before what follows it.
pub(crate) fn framed(chunks: &[u8]) -> Vec<u8> {
    let len = u16::try_from(6 + chunks.len()).expect("it fits");
    [b"HEP3", &len.to_be_bytes()[..], chunks].concat()
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
