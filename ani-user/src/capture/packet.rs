//! From a frame to what it carries: link header, VLAN tags, IP, then a UDP datagram, a TCP segment
//! or a fragment of either.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, Ipv6ExtensionSlice, LaxIpSlice, TcpHeaderSlice};

use super::LinkType;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
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

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// A whole UDP datagram.
    Datagram(Datagram<'a>),
    /// A fragment of an IP packet.
    Fragment(Fragment<'a>),
    /// A TCP segment.
    Segment(Segment<'a>),
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
    /// Whether the end of the payload is missing.
    pub cut: bool,
    /// Whether UDP claims more than IP leaves for it: no stack takes such a datagram.
    pub overlong: bool,
}

/// A fragment of an IP packet (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment<'a> {
    /// Which packet it is a part of.
    pub whole: Whole,
    /// Where in that packet's payload it belongs, bytes.
    pub offset: u32,
    /// Bytes of payload it has by its header; [`Self::bytes`] has fewer when it was cut.
    pub len: u32,
    /// Whether more come behind it.
    pub more: bool,
    /// The payload, as far as it was captured.
    pub bytes: &'a [u8],
}

/// An IP packet that comes in fragments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Who sent it.
    pub src: IpAddr,
    /// Whom it was sent to.
    pub dst: IpAddr,
    /// Protocol number of its payload as the fragment has it; for IPv6 that of the first fragment
    /// counts (RFC 8200 §4.5).
    pub protocol: u8,
    /// Its identification; 16 bits with IPv4.
    pub id: u32,
    /// VLAN tags of the frame.
    pub vlan: Vlans,
}

/// A TCP segment within a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Who sent it.
    pub src: SocketAddr,
    /// Whom it was sent to.
    pub dst: SocketAddr,
    /// VLAN tags of the frame.
    pub vlan: Vlans,
    /// Sequence number of the first byte of its payload.
    pub seq: u32,
    /// Whether it opens the flow.
    pub syn: bool,
    /// Whether it ends the flow, in order (FIN) or not (RST).
    pub end: bool,
    /// Bytes of payload it has by the IP header; [`Self::payload`] has fewer when it was cut.
    pub len: u32,
    /// The payload, as far as it was captured.
    pub payload: &'a [u8],
}

/// Why a frame is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// A header is cut off or contradicts itself.
    Damaged,
    /// Neither IPv4 nor IPv6.
    NotIp,
    /// IP, but neither UDP nor TCP. A call quoted in an ICMP error is none.
    OtherTransport,
    /// More tags or tunnels, one in the other, than are looked into.
    TooDeep,
}

/// Finds out what a frame carries.
pub fn read(link: LinkType, bytes: &[u8]) -> Result<Packet<'_>, Skipped> {
    let (vlan, packet) = self::link(link, bytes)?;
    let (ip, _) = LaxIpSlice::from_slice(packet).map_err(|_| match packet.first() {
        Some(first) if !matches!(first >> 4, 4 | 6) => Skipped::NotIp,
        _ => Skipped::Damaged,
    })?;
    let payload = ip.payload();
    let (src, dst) = (ip.source_addr(), ip.destination_addr());
    if payload.fragmented {
        return fragment(&ip, vlan).map(Packet::Fragment);
    }
    match payload.ip_number {
        IpNumber::UDP => datagram(src, dst, vlan, payload.payload, payload.incomplete),
        IpNumber::TCP => segment(src, dst, vlan, payload.payload, payload.incomplete),
        _ => Err(Skipped::OtherTransport),
    }
}
fn fragment<'a>(ip: &LaxIpSlice<'a>, vlan: Vlans) -> Result<Fragment<'a>, Skipped> {
    let bytes = ip.payload().payload;
    let (id, offset, more, len) = match ip {
        LaxIpSlice::Ipv4(v4) => {
            let header = v4.header();
            let len = u32::from(header.total_len()).saturating_sub(u32::from(header.ihl()) * 4);
            (
                u32::from(header.identification()),
                header.fragments_offset().byte_offset(),
                header.more_fragments(),
                len,
            )
        }
        LaxIpSlice::Ipv6(v6) => {
            let header = v6
                .extensions()
                .clone()
                .into_iter()
                .find_map(|extension| match extension {
                    Ipv6ExtensionSlice::Fragment(header) => Some(header),
                    _ => None,
                })
                .ok_or(Skipped::Damaged)?;
            let behind = v6.extensions().slice().len();
            let len = u32::from(v6.header().payload_length()).saturating_sub(behind as u32);
            (
                header.identification(),
                header.fragment_offset().byte_offset(),
                header.more_fragments(),
                len,
            )
        }
    };
    let whole = Whole {
        src: ip.source_addr(),
        dst: ip.destination_addr(),
        protocol: ip.payload().ip_number.0,
        id,
        vlan,
    };
    Ok(Fragment { whole, offset: u32::from(offset), len, more, bytes })
}

fn datagram(
    src: IpAddr,
    dst: IpAddr,
    vlan: Vlans,
    udp: &[u8],
    incomplete: bool,
) -> Result<Packet<'_>, Skipped> {
    let header = udp.first_chunk::<UDP_HEADER_LEN>().ok_or(Skipped::Damaged)?;
    let [src_high, src_low, dst_high, dst_low, len_high, len_low, ..] = *header;
    let len = usize::from(u16::from_be_bytes([len_high, len_low]));
    let claimed = match len {
        // A jumbogram (RFC 2675 §4), or a sender that left it to the card.
        0 => udp.len(),
        len if len < UDP_HEADER_LEN => return Err(Skipped::Damaged),
        len => len,
    };
    Ok(Packet::Datagram(Datagram {
        src: SocketAddr::new(src, u16::from_be_bytes([src_high, src_low])),
        dst: SocketAddr::new(dst, u16::from_be_bytes([dst_high, dst_low])),
        vlan,
        payload: &udp[UDP_HEADER_LEN..claimed.min(udp.len())],
        cut: claimed > udp.len() || (len == 0 && incomplete),
        overlong: claimed > udp.len() && !incomplete,
    }))
}

fn segment(
    src: IpAddr,
    dst: IpAddr,
    vlan: Vlans,
    tcp: &[u8],
    incomplete: bool,
) -> Result<Packet<'_>, Skipped> {
    let header = TcpHeaderSlice::from_slice(tcp).map_err(|_| Skipped::Damaged)?;
    let payload = &tcp[header.slice().len()..];
    Ok(Packet::Segment(Segment {
        src: SocketAddr::new(src, header.source_port()),
        dst: SocketAddr::new(dst, header.destination_port()),
        vlan,
        // A SYN takes a number of its own (RFC 9293 §3.4).
        seq: header.sequence_number().wrapping_add(u32::from(header.syn())),
        syn: header.syn(),
        end: header.fin() || header.rst(),
        len: payload.len() as u32 + u32::from(incomplete),
        payload,
    }))
}

/// The IP packet of a frame and its VLAN tags.
fn link(link: LinkType, bytes: &[u8]) -> Result<(Vlans, &[u8]), Skipped> {
    match link {
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
        vlan.push(u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff).ok_or(Skipped::TooDeep)?;
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
