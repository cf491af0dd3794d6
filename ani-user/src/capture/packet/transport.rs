//! UDP and TCP headers.

use std::net::SocketAddr;

use etherparse::TcpHeaderSlice;

use super::{Datagram, Segment, Skipped, network::Ip};

const UDP_HEADER_LEN: usize = 8;

pub(super) fn datagram(ip: Ip<'_>) -> Result<Datagram<'_>, Skipped> {
    let header = ip.payload.first_chunk::<UDP_HEADER_LEN>().ok_or(Skipped::Damaged)?;
    let [src_high, src_low, dst_high, dst_low, len_high, len_low, ..] = *header;
    let claimed = match u32::from(u16::from_be_bytes([len_high, len_low])) {
        // A jumbogram (RFC 2675 §4), or a sender that left it to the card.
        0 => ip.len,
        len if len < UDP_HEADER_LEN as u32 => return Err(Skipped::Damaged),
        len => len,
    };
    let there = ip.payload.get(..claimed as usize).unwrap_or(ip.payload);
    Ok(Datagram {
        src: SocketAddr::new(ip.src, u16::from_be_bytes([src_high, src_low])),
        dst: SocketAddr::new(ip.dst, u16::from_be_bytes([dst_high, dst_low])),
        vlan: ip.way.vlan,
        payload: there.get(UDP_HEADER_LEN..).unwrap_or_default(),
        cut: claimed as usize > there.len(),
        overlong: claimed > ip.len,
    })
}

pub(super) fn segment(ip: Ip<'_>) -> Result<Segment<'_>, Skipped> {
    let header = TcpHeaderSlice::from_slice(ip.payload).map_err(|_| Skipped::Damaged)?;
    let header_len = header.slice().len();
    Ok(Segment {
        src: SocketAddr::new(ip.src, header.source_port()),
        dst: SocketAddr::new(ip.dst, header.destination_port()),
        vlan: ip.way.vlan,
        // A SYN takes a number of its own (RFC 9293 §3.4).
        seq: header.sequence_number().wrapping_add(u32::from(header.syn())),
        syn: header.syn(),
        end: header.fin() || header.rst(),
        len: ip.len.saturating_sub(header_len as u32),
        payload: ip.payload.get(header_len..).unwrap_or_default(),
    })
}
