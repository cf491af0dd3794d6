//! IP packets within IP packets: IP-in-IP, GRE, and GTP-U on mobile networks.

use super::network::Ip;
use super::{Datagram, Packet, Skipped, Way, link, network};
use crate::capture::LinkType;

/// Tunnels in one another that are looked into, and fragments within fragments: mobile networks put
/// GTP-U into GRE or IP-in-IP, mirrors put that into another GRE.
pub const MAX_TUNNELS: u8 = 4;

/// GTP-U extension headers that are looked past; 3GPP defines nine.
pub const MAX_GTP_EXTENSIONS: usize = 8;

/// Both sides of a GTP-U tunnel may send from any port, but to this one (3GPP TS 29.281 §4.4.2).
const GTP_U_PORT: u16 = 2152;
/// Version 1, and GTP, not GTP' (3GPP TS 29.281 §5.1).
const GTP_FLAGS: u8 = 0x30;
const GTP_FLAGS_MASK: u8 = 0xf0;
/// Extension header, sequence number, N-PDU number: if one is there, room for all is.
const GTP_OPTIONAL: u8 = 0x07;
const GTP_EXTENSION: u8 = 0x04;
/// Message type of a packet of a user.
const GTP_G_PDU: u8 = 255;

/// Checksum, key, sequence number: four bytes each (RFC 2784 §2.1, RFC 2890 §2).
const GRE_OPTIONS: [u16; 3] = [0x8000, 0x2000, GRE_SEQUENCE];
const GRE_SEQUENCE: u16 = 0x1000;
/// Routing, and any version but 0: not read.
const GRE_OTHER: u16 = 0x4007;
const GRE_ETHERNET: u16 = 0x6558;
const GRE_ERSPAN: u16 = 0x88be;
/// Type II has a header of its own, and a sequence number, which type I has not.
const ERSPAN_HEADER_LEN: usize = 8;

/// IP-in-IP (RFC 2003, RFC 4213 §3): what the protocol number says shows again in the version.
pub(super) fn ip(ip: Ip<'_>) -> Result<Packet<'_>, Skipped> {
    network::read(ip.way.inside()?, ip.payload)
}

/// GRE, version 0.
pub(super) fn gre(ip: Ip<'_>) -> Result<Packet<'_>, Skipped> {
    let (header, mut rest) = ip.payload.split_first_chunk::<4>().ok_or(Skipped::Damaged)?;
    let flags = u16::from_be_bytes([header[0], header[1]]);
    if flags & GRE_OTHER != 0 {
        return Err(Skipped::OtherTransport);
    }
    for option in GRE_OPTIONS {
        if flags & option != 0 {
            rest = rest.get(4..).ok_or(Skipped::Damaged)?;
        }
    }
    let way = ip.way.inside()?;
    let (way, packet) = match u16::from_be_bytes([header[2], header[3]]) {
        GRE_ETHERNET => link::read(way, LinkType::Ethernet, rest)?,
        GRE_ERSPAN => {
            let header_len = if flags & GRE_SEQUENCE != 0 { ERSPAN_HEADER_LEN } else { 0 };
            let frame = rest.get(header_len..).ok_or(Skipped::Damaged)?;
            link::read(way, LinkType::Ethernet, frame)?
        }
        ethertype => link::protocol(way, ethertype, rest)?,
    };
    network::read(way, packet)
}

/// What a datagram carries for a user of a mobile network; none when it is no such datagram.
pub(super) fn gtp_u<'a>(way: Way, datagram: &Datagram<'a>) -> Option<Result<Packet<'a>, Skipped>> {
    if datagram.src.port() != GTP_U_PORT && datagram.dst.port() != GTP_U_PORT {
        return None;
    }
    // The length says what UDP and IP say too, and the tunnel's identifier nothing of interest.
    let (&[flags, kind, ..], mut rest) = datagram.payload.split_first_chunk::<8>()?;
    if flags & GTP_FLAGS_MASK != GTP_FLAGS || kind != GTP_G_PDU {
        return None;
    }
    if flags & GTP_OPTIONAL != 0 {
        let (&[.., mut next], behind) = rest.split_first_chunk::<4>()?;
        rest = behind;
        for _ in 0..MAX_GTP_EXTENSIONS {
            if flags & GTP_EXTENSION == 0 || next == 0 {
                next = 0;
                break;
            }
            // In units of four bytes; the last byte says what follows (3GPP TS 29.281 §5.2.1).
            let len = usize::from(*rest.first()?).checked_mul(4).filter(|&len| len != 0)?;
            let (extension, behind) = rest.split_at_checked(len)?;
            next = *extension.last()?;
            rest = behind;
        }
        if next != 0 {
            return Some(Err(Skipped::TooDeep));
        }
    }
    Some(way.inside().and_then(|way| network::read(way, rest)))
}

impl Way {
    /// The way of what is inside.
    fn inside(self) -> Result<Self, Skipped> {
        let tunnels = self.tunnels + 1;
        if tunnels > MAX_TUNNELS { Err(Skipped::TooDeep) } else { Ok(Self { tunnels, ..self }) }
    }
}

#[cfg(test)]
mod tests;
