//! IPv4, IPv6 and its extension headers.
//!
//! etherparse reads the headers one by one; the walk over them is here, because what follows a
//! fragment header is only a header in the first fragment, and in the others a piece of the middle.

use std::net::IpAddr;

use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice,
    Ipv6RawExtHeaderSlice,
};

use super::{Fragment, Packet, Skipped, Way, Whole, transport, tunnel};

/// Extension headers that are looked past (RFC 8200 §4.1 lists six before a transport header);
/// hop-by-hop options do not count.
pub const MAX_EXTENSION_HEADERS: usize = 8;

const HOP_BY_HOP: u8 = 0;
const IPV4: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const GRE: u8 = 47;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// An IP packet whose headers were read so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ip<'a> {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) way: Way,
    /// What comes next.
    pub(super) protocol: u8,
    /// How long that is by the IP header, bytes.
    pub(super) len: u32,
    /// What is there of it: `payload.len() <= len`.
    pub(super) payload: &'a [u8],
}

/// From the IP header on.
pub(super) fn read(way: Way, packet: &[u8]) -> Result<Packet<'_>, Skipped> {
    match packet.first().map(|first| first >> 4) {
        Some(4) => v4(way, packet),
        Some(6) => v6(way, packet),
        Some(_) => Err(Skipped::NotIp),
        None => Err(Skipped::Damaged),
    }
}

fn v4(way: Way, packet: &[u8]) -> Result<Packet<'_>, Skipped> {
    let header = Ipv4HeaderSlice::from_slice(packet).map_err(|_| Skipped::Damaged)?;
    let header_len = header.slice().len();
    let rest = packet.get(header_len..).ok_or(Skipped::Damaged)?;
    // A length that has no room for the header was left to the card that sends the packet.
    let len = usize::from(header.total_len()).checked_sub(header_len).unwrap_or(rest.len());
    let ip = Ip {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        way,
        protocol: header.protocol().0,
        len: u32::try_from(len).map_err(|_| Skipped::Damaged)?,
        payload: rest.get(..len).unwrap_or(rest),
    };
    if header.is_fragmenting_payload() {
        let id = u32::from(header.identification());
        let offset = header.fragments_offset().byte_offset();
        return fragment(ip, id, offset, header.more_fragments());
    }
    carried(ip)
}

fn v6(way: Way, packet: &[u8]) -> Result<Packet<'_>, Skipped> {
    let header = Ipv6HeaderSlice::from_slice(packet).map_err(|_| Skipped::Damaged)?;
    let rest = packet.get(header.slice().len()..).ok_or(Skipped::Damaged)?;
    // A jumbogram (RFC 2675 §3), or a sender that left it to the card.
    let len = match usize::from(header.payload_length()) {
        0 => rest.len(),
        len => len,
    };
    let mut ip = Ip {
        src: header.source_addr().into(),
        dst: header.destination_addr().into(),
        way,
        protocol: header.next_header().0,
        len: u32::try_from(len).map_err(|_| Skipped::Damaged)?,
        payload: rest.get(..len).unwrap_or(rest),
    };
    // Anywhere else no stack takes it (RFC 8200 §4.1).
    if ip.protocol == HOP_BY_HOP {
        ip = options(ip)?;
    }
    carried(ip)
}

/// From the header that comes next on, up to the innermost that is read.
pub(super) fn carried(mut ip: Ip<'_>) -> Result<Packet<'_>, Skipped> {
    for _ in 0..=MAX_EXTENSION_HEADERS {
        ip = match ip.protocol {
            UDP => return datagram(ip),
            TCP => return transport::segment(ip).map(Packet::Segment),
            IPV4 | IPV6 => return tunnel::ip(ip),
            GRE => return tunnel::gre(ip),
            ROUTING | DESTINATION_OPTIONS if ip.src.is_ipv6() => options(ip)?,
            FRAGMENT if ip.src.is_ipv6() => {
                let header = Ipv6FragmentHeaderSlice::from_slice(ip.payload)
                    .map_err(|_| Skipped::Damaged)?;
                let behind = ip.behind(header.slice().len(), header.next_header().0)?;
                if header.is_fragmenting_payload() {
                    let offset = header.fragment_offset().byte_offset();
                    return fragment(
                        behind,
                        header.identification(),
                        offset,
                        header.more_fragments(),
                    );
                }
                behind
            }
            AUTHENTICATION => {
                let header =
                    IpAuthHeaderSlice::from_slice(ip.payload).map_err(|_| Skipped::Damaged)?;
                ip.behind(header.slice().len(), header.next_header().0)?
            }
            _ => return Err(Skipped::OtherTransport),
        };
    }
    Err(Skipped::TooDeep)
}

/// A datagram, or what is in the tunnel that it belongs to. What comes on a tunnel's port and does
/// not read as one is a datagram like others.
fn datagram(ip: Ip<'_>) -> Result<Packet<'_>, Skipped> {
    let datagram = transport::datagram(ip)?;
    match tunnel::gtp_u(ip.way, &datagram) {
        None | Some(Err(Skipped::NotIp | Skipped::Damaged)) => Ok(Packet::Datagram(datagram)),
        Some(inner) => inner,
    }
}

/// Behind a header of options or of a route: both have the same shape (RFC 8200 §4.3, §4.4).
fn options(ip: Ip<'_>) -> Result<Ip<'_>, Skipped> {
    let header = Ipv6RawExtHeaderSlice::from_slice(ip.payload).map_err(|_| Skipped::Damaged)?;
    ip.behind(header.slice().len(), header.next_header().0)
}

fn fragment(ip: Ip<'_>, id: u32, offset: u16, more: bool) -> Result<Packet<'_>, Skipped> {
    let Ip { src, dst, way: Way { vlan, tunnels }, protocol, len, payload } = ip;
    let whole = Whole { src, dst, protocol, id, vlan, tunnels };
    Ok(Packet::Fragment(Fragment { whole, offset: u32::from(offset), len, more, bytes: payload }))
}

impl Ip<'_> {
    /// What is behind a header of `len` bytes that is followed by `protocol`.
    fn behind(self, len: usize, protocol: u8) -> Result<Self, Skipped> {
        let payload = self.payload.get(len..).ok_or(Skipped::Damaged)?;
        let header_len = u32::try_from(len).map_err(|_| Skipped::Damaged)?;
        let len = self.len.checked_sub(header_len).ok_or(Skipped::Damaged)?;
        Ok(Self { protocol, len, payload, ..self })
    }
}
