//! Link headers, VLAN tags and labels, up to the IP header.

use super::{Skipped, Way};
use crate::capture::LinkType;

/// VLAN tags that are looked past, those of tunnelled frames included; a frame with more is not read.
pub const MAX_VLAN_TAGS: usize = 8;

/// MPLS labels that are looked past; networks stack four or five.
pub const MAX_LABELS: usize = 8;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and what was sent for the outer tag before 802.1ad.
const ETHERTYPE_VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];
/// Unicast, and what was multicast (RFC 5332 §3).
const ETHERTYPE_MPLS: [u16; 2] = [0x8847, 0x8848];
const ETHERTYPE_PPPOE_SESSION: u16 = 0x8864;

/// Version 1, type 1, code 0: session data (RFC 2516 §4).
const PPPOE_SESSION_START: [u8; 2] = [0x11, 0];
/// IPv4 and IPv6 (RFC 1332 §2, RFC 5072 §2).
const PPP_IP: [u16; 2] = [0x0021, 0x0057];
/// All stations, unnumbered information (RFC 1662 §3.1); may be left away.
const PPP_ADDRESS_CONTROL: [u8; 2] = [0xff, 0x03];

/// Bytes before the EtherType of an Ethernet header: two addresses.
const ETHERNET_ADDRESSES_LEN: usize = 12;
/// Bytes before the protocol of a Linux cooked header.
const SLL_PROTOCOL_AT: usize = 14;
/// Bytes of a Linux cooked header, version 2; its protocol comes first.
const SLL2_HEADER_LEN: usize = 20;

/// VLAN identifiers, outermost first: `len <= MAX_VLAN_TAGS` of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Vlans {
    ids: [u16; MAX_VLAN_TAGS],
    len: usize,
}

impl Vlans {
    /// As a slice.
    pub fn as_slice(&self) -> &[u16] {
        self.ids.get(..self.len).unwrap_or_default()
    }

    fn push(&mut self, id: u16) -> Option<()> {
        *self.ids.get_mut(self.len)? = id;
        self.len += 1;
        Some(())
    }
}

/// The IP packet of a frame.
pub(super) fn read(way: Way, link: LinkType, bytes: &[u8]) -> Result<(Way, &[u8]), Skipped> {
    match link {
        LinkType::RawIp => Ok((way, bytes)),
        LinkType::Null => {
            let (family, packet) = bytes.split_first_chunk::<4>().ok_or(Skipped::Damaged)?;
            // AF_INET is 2 everywhere, AF_INET6 is 10, 24, 28 or 30 by system.
            let known = |family: u32| matches!(family, 2 | 10 | 24 | 28 | 30);
            if known(u32::from_le_bytes(*family)) || known(u32::from_be_bytes(*family)) {
                Ok((way, packet))
            } else {
                Err(Skipped::NotIp)
            }
        }
        LinkType::Ethernet => ethertype(way, bytes.get(ETHERNET_ADDRESSES_LEN..)),
        LinkType::Sll => ethertype(way, bytes.get(SLL_PROTOCOL_AT..)),
        LinkType::Sll2 => {
            let (header, packet) =
                bytes.split_first_chunk::<SLL2_HEADER_LEN>().ok_or(Skipped::Damaged)?;
            protocol(way, u16::from_be_bytes([header[0], header[1]]), packet)
        }
        LinkType::Ppp => Ok((way, ppp(bytes)?)),
        LinkType::PppEther => Ok((way, pppoe(bytes)?)),
    }
}

/// From the EtherType at the start of `bytes` on.
fn ethertype(way: Way, bytes: Option<&[u8]>) -> Result<(Way, &[u8]), Skipped> {
    let (ethertype, rest) =
        bytes.and_then(<[u8]>::split_first_chunk::<2>).ok_or(Skipped::Damaged)?;
    protocol(way, u16::from_be_bytes(*ethertype), rest)
}

/// From what stands behind an EtherType on.
pub(super) fn protocol(
    mut way: Way,
    mut ethertype: u16,
    mut rest: &[u8],
) -> Result<(Way, &[u8]), Skipped> {
    while ETHERTYPE_VLAN.contains(&ethertype) {
        let (tag, behind) = rest.split_first_chunk::<4>().ok_or(Skipped::Damaged)?;
        way.vlan.push(u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff).ok_or(Skipped::TooDeep)?;
        ethertype = u16::from_be_bytes([tag[2], tag[3]]);
        rest = behind;
    }
    match ethertype {
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Ok((way, rest)),
        ETHERTYPE_PPPOE_SESSION => Ok((way, pppoe(rest)?)),
        ethertype if ETHERTYPE_MPLS.contains(&ethertype) => Ok((way, mpls(rest)?)),
        _ => Err(Skipped::NotIp),
    }
}

/// What is behind the last label. That does not say what it is: what does not look like IP is found
/// out by whoever reads it on (RFC 4928 §2).
fn mpls(mut rest: &[u8]) -> Result<&[u8], Skipped> {
    for _ in 0..MAX_LABELS {
        let (label, behind) = rest.split_first_chunk::<4>().ok_or(Skipped::Damaged)?;
        rest = behind;
        // Bottom of stack (RFC 3032 §2.1).
        if label[2] & 1 != 0 {
            return Ok(rest);
        }
    }
    Err(Skipped::TooDeep)
}

/// Of a PPPoE session (RFC 2516 §4). Its length is not asked for: IP has its own.
fn pppoe(bytes: &[u8]) -> Result<&[u8], Skipped> {
    let (header, rest) = bytes.split_first_chunk::<6>().ok_or(Skipped::Damaged)?;
    if header.starts_with(&PPPOE_SESSION_START) { ppp(rest) } else { Err(Skipped::NotIp) }
}

fn ppp(bytes: &[u8]) -> Result<&[u8], Skipped> {
    let bytes = bytes.strip_prefix(&PPP_ADDRESS_CONTROL).unwrap_or(bytes);
    let (protocol, rest) = match bytes {
        // Compressed: only the last byte of a protocol number is odd (RFC 1661 §2).
        [low, rest @ ..] if low & 1 != 0 => (u16::from(*low), rest),
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return Err(Skipped::Damaged),
    };
    if PPP_IP.contains(&protocol) { Ok(rest) } else { Err(Skipped::NotIp) }
}

#[cfg(test)]
mod tests;
