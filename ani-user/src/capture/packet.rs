//! From a frame to what it carries: a UDP datagram, a TCP segment, or a fragment of an IP packet.
//!
//! Tunnels are looked into: the addresses are those of the innermost packet. No function here
//! panics, whatever the bytes.

/// Link headers, VLAN tags and labels, up to the IP header.
mod link;
/// IPv4, IPv6 and its extension headers.
mod network;
/// IP packets within IP packets.
mod tunnel;
/// UDP and TCP headers.
mod transport;

use std::net::{IpAddr, SocketAddr};

use self::network::Ip;
pub use self::{
    link::{MAX_LABELS, MAX_VLAN_TAGS, Vlans},
    network::MAX_EXTENSION_HEADERS,
    tunnel::{MAX_GTP_EXTENSIONS, MAX_TUNNELS},
};
use super::LinkType;

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
    /// Tunnels it came out of, and packets it was a fragment within: `tunnels <= MAX_TUNNELS`.
    pub tunnels: u8,
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

/// Where a packet was found.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    vlan: Vlans,
    tunnels: u8,
}

/// Finds out what a frame carries.
///
/// # Errors
///
/// When it carries nothing that is read, and why.
pub fn read(link: LinkType, bytes: &[u8]) -> Result<Packet<'_>, Skipped> {
    let (way, packet) = link::read(Way::default(), link, bytes)?;
    network::read(way, packet)
}

/// Finds out what an IP packet carries whose payload was put together from fragments: `len` bytes,
/// of which only the first may be there.
///
/// # Errors
///
/// When it carries nothing that is read, and why.
pub fn reassembled(whole: Whole, payload: &[u8], len: u32) -> Result<Packet<'_>, Skipped> {
    let Whole { src, dst, protocol, vlan, tunnels, .. } = whole;
    network::carried(Ip { src, dst, way: Way { vlan, tunnels }, protocol, len, payload })
}

#[cfg(test)]
mod tests;
