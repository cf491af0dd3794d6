//! IPv4, IPv6 and its extension headers.

use ani_ebpf::abi::counter::Counter;

use super::{
    link::Network,
    packet::{MAX_HEADER_OFFSET, Packet},
};

/// Extension headers that are looked past (RFC 8200 §4.1 lists five before a transport header).
const MAX_EXTENSION_HEADERS: usize = 5;

const IPV4_MIN_HEADER_LEN: usize = 20;
const IPV6_HEADER_LEN: usize = 40;

const UDP: u8 = 17;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// More-fragments flag and fragment offset of an IPv4 header.
const IPV4_FRAGMENT_BITS: u16 = 0x3fff;

/// Source address, an IPv6 address or an IPv4 address mapped into one (RFC 4291 §2.5.5.2), as words
/// that hold the network order. Words and not bytes: the stack is only read by aligned words.
#[derive(Clone, Copy)]
pub(super) struct Source(pub(super) [u32; 4]);

/// A UDP datagram within a packet.
pub(super) struct Datagram {
    /// Where its header starts, bytes into the frame.
    pub(super) at: usize,
    /// How many bytes the network header leaves for it.
    pub(super) len: u32,
}

/// Reads the network header, up to the UDP header.
#[inline(always)]
pub(super) fn read(packet: &Packet<'_>, network: Network) -> Result<(Source, Datagram), Counter> {
    match network {
        Network::V4(at) => v4(packet, at),
        Network::V6(at) => v6(packet, at),
    }
}

#[inline(always)]
fn v4(packet: &Packet<'_>, at: usize) -> Result<(Source, Datagram), Counter> {
    let header = packet.read::<IPV4_MIN_HEADER_LEN>(at).ok_or(Counter::Truncated)?;
    if header[0] >> 4 != 4 {
        return Err(Counter::NotIp);
    }
    if header[9] != UDP {
        return Err(Counter::NotUdp);
    }
    if u16::from_be_bytes([header[6], header[7]]) & IPV4_FRAGMENT_BITS != 0 {
        return Err(Counter::Fragment);
    }
    let header_len = usize::from(header[0] & 0xf) * 4;
    let total_len = u32::from(u16::from_be_bytes([header[2], header[3]]));
    if header_len < IPV4_MIN_HEADER_LEN || total_len < header_len as u32 {
        return Err(Counter::Truncated);
    }
    let source = Source([0, 0, 0xffff_u32.to_be(), word(header, 12)]);
    Ok((source, Datagram { at: at + header_len, len: total_len - header_len as u32 }))
}

#[inline(always)]
fn v6(packet: &Packet<'_>, at: usize) -> Result<(Source, Datagram), Counter> {
    let header = packet.read::<IPV6_HEADER_LEN>(at).ok_or(Counter::Truncated)?;
    if header[0] >> 4 != 6 {
        return Err(Counter::NotIp);
    }
    let mut next = header[6];
    let mut left = u32::from(u16::from_be_bytes([header[4], header[5]]));
    let mut at = at + IPV6_HEADER_LEN;
    for place in 0..MAX_EXTENSION_HEADERS {
        match next {
            // Anywhere else no stack takes it (RFC 8200 §4.1).
            HOP_BY_HOP if place == 0 => {}
            ROUTING | DESTINATION_OPTIONS => {}
            FRAGMENT => return Err(Counter::Fragment),
            _ => break,
        }
        if at > MAX_HEADER_OFFSET {
            return Err(Counter::TooDeep);
        }
        let &[following, len] = packet.read::<2>(at).ok_or(Counter::Truncated)?;
        // In units of eight bytes, the first not counted (RFC 8200 §4.3).
        let len = (u32::from(len) + 1) * 8;
        if left < len {
            return Err(Counter::Truncated);
        }
        left -= len;
        at += len as usize;
        next = following;
    }
    match next {
        UDP if at <= MAX_HEADER_OFFSET => {}
        UDP | ROUTING | DESTINATION_OPTIONS => return Err(Counter::TooDeep),
        _ => return Err(Counter::NotUdp),
    }
    let source = Source([word(header, 8), word(header, 12), word(header, 16), word(header, 20)]);
    Ok((source, Datagram { at, len: left }))
}

/// Four bytes of a header as they stand.
#[inline(always)]
fn word<const N: usize>(header: &[u8; N], at: usize) -> u32 {
    u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}
