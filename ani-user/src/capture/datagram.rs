//! From a frame to the UDP datagram it carries: link header, VLAN tags, IP, UDP.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, LaxIpSlice};

use super::{Frame, LinkType};

/// VLAN tags that are looked past; a frame with more is not read.
pub const MAX_VLAN_TAGS: usize = 8;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and what was sent for the outer tag before 802.1ad.
const ETHERTYPE_VLAN: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];

/// Bytes before the EtherType of an Ethernet header: two addresses.
const ETHERNET_ADDRESSES_LEN: usize = 12;
/// Bytes before the protocol of a Linux cooked header.
const SLL_PROTOCOL_AT: usize = 14;
/// Bytes of a Linux cooked header, version 2; its protocol comes first.
const SLL2_HEADER_LEN: usize = 20;
const UDP_HEADER_LEN: usize = 8;

/// VLAN identifiers, outermost first: `len <= MAX_VLAN_TAGS` of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vlans {
    ids: [u16; MAX_VLAN_TAGS],
    len: usize,
}

impl Vlans {
    /// As a slice.
    pub fn as_slice(&self) -> &[u16] {
        &self.ids[..self.len]
    }

    fn push(&mut self, id: u16) -> Option<()> {
        *self.ids.get_mut(self.len)? = id;
        self.len += 1;
        Some(())
    }
}

/// A UDP datagram within a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Who sent it.
    pub src: SocketAddr,
    /// Whom it was sent to.
    pub dst: SocketAddr,
    /// VLAN tags of the frame.
    pub vlan: Vlans,
    /// What it carries: as long as UDP says, or what is there of it.
    pub payload: &'a [u8],
    /// `udp`.
    pub transport: &'static str,
    /// Whether the end of the payload is missing.
    pub cut: bool,
    /// Whether UDP claims more than IP leaves for it: no stack takes such a datagram.
    pub overlong: bool,
}

/// Why a frame is not read as a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// A header is cut off or contradicts itself.
    Damaged,
    /// A fragment of an IP packet.
    Fragment,
    /// Neither IPv4 nor IPv6.
    NotIp,
    /// IP, but neither UDP nor TCP. A call quoted in an ICMP error is none.
    OtherTransport,
    /// A TCP segment.
    Tcp,
}

/// Finds the datagram of a frame.
pub fn read<'a>(frame: &Frame<'a>) -> Result<Datagram<'a>, Skipped> {
    let (vlan, packet) = link(frame)?;
    let (ip, _) = LaxIpSlice::from_slice(packet).map_err(|_| match packet.first() {
        Some(first) if !matches!(first >> 4, 4 | 6) => Skipped::NotIp,
        _ => Skipped::Damaged,
    })?;
    let payload = ip.payload();
    if payload.fragmented {
        return Err(Skipped::Fragment);
    }
    match payload.ip_number {
        IpNumber::UDP => {}
        IpNumber::TCP => return Err(Skipped::Tcp),
        _ => return Err(Skipped::OtherTransport),
    }
    let udp = payload.payload;
    let header = udp.first_chunk::<UDP_HEADER_LEN>().ok_or(Skipped::Damaged)?;
    let [src_high, src_low, dst_high, dst_low, len_high, len_low, ..] = *header;
    let len = usize::from(u16::from_be_bytes([len_high, len_low]));
    let claimed = match len {
        // A jumbogram (RFC 2675 §4), or a sender that left it to the card.
        0 => udp.len(),
        len if len < UDP_HEADER_LEN => return Err(Skipped::Damaged),
        len => len,
    };
    let address =
        |address: IpAddr, port: [u8; 2]| SocketAddr::new(address, u16::from_be_bytes(port));
    Ok(Datagram {
        src: address(ip.source_addr(), [src_high, src_low]),
        dst: address(ip.destination_addr(), [dst_high, dst_low]),
        vlan,
        payload: &udp[UDP_HEADER_LEN..claimed.min(udp.len())],
        transport: "udp",
        cut: claimed > udp.len() || (len == 0 && payload.incomplete),
        overlong: claimed > udp.len() && !payload.incomplete,
    })
}

/// The IP packet of a frame and its VLAN tags.
fn link<'a>(frame: &Frame<'a>) -> Result<(Vlans, &'a [u8]), Skipped> {
    let bytes = frame.bytes;
    match frame.link {
        LinkType::RawIp => Ok((Vlans::default(), bytes)),
        LinkType::Null => {
            let (family, packet) = bytes.split_first_chunk::<4>().ok_or(Skipped::Damaged)?;
            // AF_INET is 2 everywhere, AF_INET6 is 10, 24, 28 or 30 by system.
            let known = |family: u32| matches!(family, 2 | 10 | 24 | 28 | 30);
            if known(u32::from_le_bytes(*family)) || known(u32::from_be_bytes(*family)) {
                Ok((Vlans::default(), packet))
            } else {
                Err(Skipped::NotIp)
            }
        }
        LinkType::Ethernet => ethertype(bytes.get(ETHERNET_ADDRESSES_LEN..)),
        LinkType::Sll => ethertype(bytes.get(SLL_PROTOCOL_AT..)),
        LinkType::Sll2 => {
            let (header, packet) =
                bytes.split_first_chunk::<SLL2_HEADER_LEN>().ok_or(Skipped::Damaged)?;
            tags(u16::from_be_bytes([header[0], header[1]]), packet)
        }
    }
}

/// From the EtherType at the start of `bytes` on.
fn ethertype(bytes: Option<&[u8]>) -> Result<(Vlans, &[u8]), Skipped> {
    let (protocol, rest) =
        bytes.and_then(<[u8]>::split_first_chunk::<2>).ok_or(Skipped::Damaged)?;
    tags(u16::from_be_bytes(*protocol), rest)
}

fn tags(mut protocol: u16, mut rest: &[u8]) -> Result<(Vlans, &[u8]), Skipped> {
    let mut vlan = Vlans::default();
    while ETHERTYPE_VLAN.contains(&protocol) {
        let (tag, behind) = rest.split_first_chunk::<4>().ok_or(Skipped::Damaged)?;
        vlan.push(u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff).ok_or(Skipped::NotIp)?;
        protocol = u16::from_be_bytes([tag[2], tag[3]]);
        rest = behind;
    }
    match protocol {
        ETHERTYPE_IPV4 | ETHERTYPE_IPV6 => Ok((vlan, rest)),
        _ => Err(Skipped::NotIp),
    }
}

#[cfg(test)]
mod tests;
