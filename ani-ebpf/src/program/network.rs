//! IPv4, IPv6 and its extension headers.

use ani_ebpf::abi::counter::Counter;

use super::{
    frame::{Frame, MAX_HEADER_OFFSET},
    link::Network,
};

/// Extension headers that are looked past (RFC 8200 §4.1 lists five before a transport header).
const MAX_EXTENSION_HEADERS: usize = 5;

const IPV4_MIN_HEADER_LEN: usize = 20;
const IPV6_HEADER_LEN: usize = 40;

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// More-fragments flag of an IPv4 header.
const IPV4_MORE: u16 = 0x2000;
/// Fragment offset of an IPv4 header.
const IPV4_OFFSET: u16 = 0x1fff;
/// Bytes of an IPv6 fragment header.
const FRAGMENT_HEADER_LEN: u32 = 8;
/// More-fragments flag of an IPv6 fragment header.
const IPV6_MORE: u16 = 1;
/// Fragment offset of an IPv6 fragment header.
const IPV6_OFFSET: u16 = 0xfff8;

/// An IPv6 address or an IPv4 address mapped into one (RFC 4291 §2.5.5.2), as words that hold the
/// network order. Words and not bytes: the stack is only read by aligned words.
pub(super) type Address = [u32; 4];

/// How much of an IP packet a frame has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// Its start; the rest comes in other frames.
    First,
    /// Something behind its start, without a transport header.
    Later,
}

/// An IP packet within a frame, or a part of one.
pub(super) struct Packet {
    pub(super) source: Address,
    pub(super) destination: Address,
    /// Protocol number of what it carries.
    pub(super) protocol: u8,
    /// Where that starts, bytes into the frame.
    pub(super) at: usize,
    /// How many bytes the network header leaves for it.
    pub(super) len: u32,
    pub(super) part: Part,
    /// Its identification, and its protocol number where that belongs to it; 0 for a whole one.
    pub(super) id: u32,
    pub(super) id_protocol: u32,
}

/// Reads the network header, up to the transport header.
#[inline(always)]
pub(super) fn read(frame: &Frame<'_>, network: Network) -> Result<Packet, Counter> {
    match network {
        Network::V4(at) => v4(frame, at),
        Network::V6(at) => v6(frame, at),
    }
}

#[inline(always)]
fn v4(frame: &Frame<'_>, at: usize) -> Result<Packet, Counter> {
    let header = frame.read::<IPV4_MIN_HEADER_LEN>(at).ok_or(Counter::Truncated)?;
    if header[0] >> 4 != 4 {
        return Err(Counter::NotIp);
    }
    let protocol = header[9];
    if protocol != UDP && protocol != TCP {
        return Err(Counter::OtherTransport);
    }
    let header_len = usize::from(header[0] & 0xf) * 4;
    let total_len = u32::from(u16::from_be_bytes([header[2], header[3]]));
    if header_len < IPV4_MIN_HEADER_LEN || total_len < header_len as u32 {
        return Err(Counter::Truncated);
    }
    let bits = u16::from_be_bytes([header[6], header[7]]);
    let part = part(bits & IPV4_OFFSET != 0, bits & IPV4_MORE != 0);
    Ok(Packet {
        source: [0, 0, 0xffff_u32.to_be(), word(header, 12)],
        destination: [0, 0, 0xffff_u32.to_be(), word(header, 16)],
        protocol,
        at: at + header_len,
        len: total_len - header_len as u32,
        part,
        id: u32::from(u16::from_be_bytes([header[4], header[5]])),
        id_protocol: u32::from(protocol),
    })
}

#[inline(always)]
fn v6(frame: &Frame<'_>, at: usize) -> Result<Packet, Counter> {
    let header = frame.read::<IPV6_HEADER_LEN>(at).ok_or(Counter::Truncated)?;
    if header[0] >> 4 != 6 {
        return Err(Counter::NotIp);
    }
    let mut next = header[6];
    let mut left = u32::from(u16::from_be_bytes([header[4], header[5]]));
    let mut at = at + IPV6_HEADER_LEN;
    let mut part = Part::Whole;
    let mut id = 0;
    for place in 0..MAX_EXTENSION_HEADERS {
        match next {
            // Anywhere else no stack takes it (RFC 8200 §4.1).
            HOP_BY_HOP if place == 0 => {}
            ROUTING | DESTINATION_OPTIONS => {}
            FRAGMENT if part == Part::Whole => {}
            _ => break,
        }
        if at > MAX_HEADER_OFFSET {
            return Err(Counter::TooDeep);
        }
        let extension = frame.read::<8>(at).ok_or(Counter::Truncated)?;
        let len = if next == FRAGMENT {
            let bits = u16::from_be_bytes([extension[2], extension[3]]);
            part = self::part(bits & IPV6_OFFSET != 0, bits & IPV6_MORE != 0);
            id = word(extension, 4);
            FRAGMENT_HEADER_LEN
        } else {
            // In units of eight bytes, the first not counted (RFC 8200 §4.3).
            (u32::from(extension[1]) + 1) * 8
        };
        if left < len {
            return Err(Counter::Truncated);
        }
        left -= len;
        at += len as usize;
        next = extension[0];
        if part == Part::Later {
            break;
        }
    }
    match next {
        // What stands there is what the first fragment has behind its fragment header.
        UDP | TCP | ROUTING | DESTINATION_OPTIONS if part == Part::Later => {}
        _ if part == Part::Later => return Err(Counter::OtherTransport),
        UDP | TCP if at <= MAX_HEADER_OFFSET => {}
        UDP | TCP | ROUTING | DESTINATION_OPTIONS | FRAGMENT => return Err(Counter::TooDeep),
        _ => return Err(Counter::OtherTransport),
    }
    Ok(Packet {
        source: [word(header, 8), word(header, 12), word(header, 16), word(header, 20)],
        destination: [word(header, 24), word(header, 28), word(header, 32), word(header, 36)],
        protocol: next,
        at,
        len: left,
        part,
        id,
        id_protocol: 0,
    })
}

/// An IPv6 packet with a fragment header that is whole all the same is just that (RFC 6946 §4).
#[inline(always)]
fn part(behind_the_start: bool, more: bool) -> Part {
    match (behind_the_start, more) {
        (true, _) => Part::Later,
        (false, true) => Part::First,
        (false, false) => Part::Whole,
    }
}

/// Four bytes of a header as they stand.
#[inline(always)]
fn word<const N: usize>(header: &[u8; N], at: usize) -> u32 {
    u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
}
