//! Ethernet frames around a UDP payload: right unless a field says otherwise.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// EtherType of an 802.1Q tag.
pub const DOT1Q: u16 = 0x8100;
/// EtherType of an 802.1ad tag.
pub const DOT1AD: u16 = 0x88a8;

/// IPv6 hop-by-hop options (RFC 8200 §4.3).
pub const HOP_BY_HOP: u8 = 0;
/// IPv6 routing header (RFC 8200 §4.4).
pub const ROUTING: u8 = 43;
/// IPv6 fragment header (RFC 8200 §4.5).
pub const FRAGMENT: u8 = 44;
/// IPv6 destination options (RFC 8200 §4.6).
pub const DESTINATION: u8 = 60;

const UDP: u8 = 17;
const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;

/// A frame to be; [`Frame::bytes`] makes it. Fields that are `None` are what is right.
#[derive(Clone, Debug)]
pub struct Frame {
    /// EtherType of each VLAN tag, the outermost first.
    pub tags: Vec<u16>,
    /// EtherType behind the tags.
    pub ethertype: Option<u16>,
    /// Where it comes from; says the IP version too.
    pub source: IpAddr,
    /// Where it goes; of the same version.
    pub destination: IpAddr,
    /// IPv4 options, bytes; a multiple of four, at most 40.
    pub options: usize,
    /// IPv4 header length in words of four bytes.
    pub ihl: Option<u8>,
    /// IPv4 flags and fragment offset.
    pub fragment: u16,
    /// IPv6 extension headers: kind and whole length, a multiple of eight bytes.
    pub extensions: Vec<(u8, usize)>,
    /// Protocol number of the payload.
    pub protocol: u8,
    /// IPv4 total length or IPv6 payload length.
    pub ip_len: Option<u16>,
    /// UDP ports, from and to.
    pub ports: (u16, u16),
    /// UDP length.
    pub udp_len: Option<u16>,
    /// Behind the UDP header.
    pub payload: Vec<u8>,
    /// Zeros behind the packet.
    pub padding: usize,
}

impl Frame {
    /// A datagram from port 5060 of `source` to port 5060 of a documentation address.
    pub fn new(source: IpAddr, payload: &[u8]) -> Self {
        let destination = match source {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(198, 51, 100, 20)),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x20)),
        };
        Self {
            tags: Vec::new(),
            ethertype: None,
            source,
            destination,
            options: 0,
            ihl: None,
            fragment: 0,
            extensions: Vec::new(),
            protocol: UDP,
            ip_len: None,
            ports: (5060, 5060),
            udp_len: None,
            payload: payload.to_vec(),
            padding: 0,
        }
    }

    /// The frame, from the destination's hardware address on.
    pub fn bytes(&self) -> Vec<u8> {
        let udp = self.udp();
        let mut frame = self.link();
        frame.extend(match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                self.ipv4(source, destination, udp.len())
            }
            (source, destination) => self.ipv6(v6(source), v6(destination), udp.len()),
        });
        frame.extend(udp);
        frame.resize(frame.len() + self.padding, 0);
        frame
    }

    /// The fragment with the bytes from `from` to `to` of what the network header carries; to its
    /// end when `to` is none. `from` and `to` are multiples of eight.
    pub fn fragment(&self, id: u32, from: usize, to: Option<usize>) -> Vec<u8> {
        let carried = self.udp();
        let part = &carried[from..to.unwrap_or(carried.len())];
        let more = u16::from(to.is_some_and(|to| to < carried.len()));
        let mut frame = self.link();
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let mut fragment = self.clone();
                fragment.fragment = more << 13 | (from / 8) as u16;
                let mut header = fragment.ipv4(source, destination, part.len());
                header[4..6].copy_from_slice(&(id as u16).to_be_bytes());
                header[10..12].fill(0);
                let sum = checksum(&header);
                header[10..12].copy_from_slice(&sum.to_be_bytes());
                frame.extend(header);
            }
            (source, destination) => {
                let mut fragment = self.clone();
                fragment.extensions.push((FRAGMENT, 8));
                let header = fragment.ipv6(v6(source), v6(destination), part.len());
                frame.extend(header);
                // Offset and flag, then the identification (RFC 8200 §4.5).
                let at = frame.len() - 6;
                let bits = (from as u16) | more;
                frame[at..at + 2].copy_from_slice(&bits.to_be_bytes());
                frame[at + 2..at + 6].copy_from_slice(&id.to_be_bytes());
            }
        }
        frame.extend(part);
        frame
    }

    /// Bytes before the payload.
    pub fn header_len(&self) -> usize {
        self.bytes().len() - self.padding - self.payload.len()
    }

    /// From the hardware addresses to the EtherType of the network header.
    fn link(&self) -> Vec<u8> {
        let mut header = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
        for (id, tag) in (100_u16..).zip(&self.tags) {
            header.extend(tag.to_be_bytes());
            header.extend(id.to_be_bytes());
        }
        let ethertype = if self.source.is_ipv4() { IPV4 } else { IPV6 };
        header.extend(self.ethertype.unwrap_or(ethertype).to_be_bytes());
        header
    }

    fn ipv4(&self, source: Ipv4Addr, destination: Ipv4Addr, payload_len: usize) -> Vec<u8> {
        let header_len = 20 + self.options;
        let ihl = self.ihl.unwrap_or((header_len / 4) as u8);
        let total_len = self.ip_len.unwrap_or((header_len + payload_len) as u16);
        let mut header = vec![0x40 | ihl, 0];
        header.extend(total_len.to_be_bytes());
        header.extend([0x12, 0x34]);
        header.extend(self.fragment.to_be_bytes());
        header.extend([64, self.protocol, 0, 0]);
        header.extend(source.octets());
        header.extend(destination.octets());
        // No-operations (RFC 791 §3.1).
        header.resize(header_len, 1);
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }

    fn ipv6(&self, source: Ipv6Addr, destination: Ipv6Addr, payload_len: usize) -> Vec<u8> {
        let extensions_len: usize = self.extensions.iter().map(|(_, len)| len).sum();
        let len = self.ip_len.unwrap_or((extensions_len + payload_len) as u16);
        let kinds: Vec<u8> =
            self.extensions.iter().map(|(kind, _)| *kind).chain([self.protocol]).collect();
        let mut header = vec![0x60, 0, 0, 0];
        header.extend(len.to_be_bytes());
        header.extend([kinds[0], 64]);
        header.extend(source.octets());
        header.extend(destination.octets());
        for ((kind, len), next) in self.extensions.iter().zip(&kinds[1..]) {
            header.extend(extension(*kind, *len, *next));
        }
        header
    }

    fn udp(&self) -> Vec<u8> {
        let len = self.udp_len.unwrap_or((8 + self.payload.len()) as u16);
        let mut datagram = Vec::new();
        datagram.extend(self.ports.0.to_be_bytes());
        datagram.extend(self.ports.1.to_be_bytes());
        datagram.extend(len.to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(&self.payload);
        let mut summed = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                [source.octets(), destination.octets()].concat()
            }
            (source, destination) => [v6(source).octets(), v6(destination).octets()].concat(),
        };
        summed.extend([0, UDP]);
        summed.extend(len.to_be_bytes());
        summed.extend(&datagram);
        // Zero would say that there is no checksum (RFC 768).
        let sum = match checksum(&summed) {
            0 => u16::MAX,
            sum => sum,
        };
        datagram[6..8].copy_from_slice(&sum.to_be_bytes());
        datagram
    }
}

/// An extension header of `len` bytes, filled with what its kind allows.
fn extension(kind: u8, len: usize, next: u8) -> Vec<u8> {
    let mut header = match kind {
        FRAGMENT => vec![next, 0, 0, 1, 0, 0, 0, 7],
        // One PadN option over the rest (RFC 8200 §4.2); a routing header of an unknown type with
        // no segments left is looked past all the same.
        _ => vec![next, (len / 8 - 1) as u8, 1, len.saturating_sub(4) as u8],
    };
    header.resize(len, 0);
    header
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0)))
        .sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}
