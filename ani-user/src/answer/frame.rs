//! The frame that an answer goes in: the INVITE's link header with its addresses swapped, VLAN tags as
//! they came, and headers of its own behind it.

use std::net::{IpAddr, SocketAddr};

use etherparse::{IpNumber, Ipv4Header, Ipv6FlowLabel, Ipv6Header, UdpHeader};

/// Bytes of an IP packet that every link carries.
const MTU: usize = 1_500;

/// Hops it may take.
const TTL: u8 = 64;

/// Bytes before the EtherType: two addresses.
const ADDRESSES_LEN: usize = 12;

/// 802.1Q, 802.1ad, and what was sent for the outer tag before 802.1ad.
const ETHERTYPE_VLAN: [[u8; 2]; 4] = [[0x81, 0x00], [0x88, 0xa8], [0x91, 0x00], [0x92, 0x00]];
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];

/// Bytes of a message that one packet takes to an address.
pub(super) fn room(to: IpAddr) -> usize {
    let header = if to.is_ipv4() { Ipv4Header::MIN_LEN } else { Ipv6Header::LEN };
    MTU - header - UdpHeader::LEN
}

/// The way back of a frame that came from `source` for `dst`; none where it does not carry just that
/// packet, or nobody could be meant.
pub(super) fn back(
    came: &[u8],
    source: IpAddr,
    dst: SocketAddr,
    port: u16,
    message: &[u8],
) -> Option<Vec<u8>> {
    let (link, packet) = came.split_at_checked(link_len(came)?)?;
    let udp = |len: usize| UdpHeader {
        source_port: dst.port(),
        destination_port: port,
        length: u16::try_from(len).unwrap_or(u16::MAX),
        checksum: 0,
    };
    if message.len() > room(source) || port == 0 || source == dst.ip() {
        return None;
    }
    let len = UdpHeader::LEN + message.len();
    let mut udp = udp(len);
    let mut frame = Vec::with_capacity(link.len() + MTU);
    let ([to, from], rest) = link
        .as_chunks::<6>()
        .0
        .split_first_chunk::<2>()
        .map(|(ends, _)| (*ends, link.get(ADDRESSES_LEN..).unwrap_or_default()))?;
    // A group has no address that anything comes from (IEEE 802 §8.2.2).
    if to[0] & 1 != 0 || from[0] & 1 != 0 {
        return None;
    }
    frame.extend_from_slice(&from);
    frame.extend_from_slice(&to);
    frame.extend_from_slice(rest);
    match (source, dst.ip()) {
        (IpAddr::V4(source), IpAddr::V4(dst)) if rest.ends_with(&ETHERTYPE_IPV4) => {
            let ends = [source.octets(), dst.octets()];
            let group = dst.is_multicast() || dst.is_broadcast() || source.is_unspecified();
            if group || packet.get(12..20)? != ends.as_flattened() {
                return None;
            }
            let [to, from] = ends;
            let len = u16::try_from(len).ok()?;
            let mut ip = Ipv4Header::new(len, TTL, IpNumber::UDP, from, to).ok()?;
            ip.header_checksum = ip.calc_header_checksum();
            udp.checksum = udp.calc_checksum_ipv4(&ip, message).ok()?;
            frame.extend_from_slice(&ip.to_bytes());
        }
        (IpAddr::V6(source), IpAddr::V6(dst)) if rest.ends_with(&ETHERTYPE_IPV6) => {
            let ends = [source.octets(), dst.octets()];
            let group = dst.is_multicast() || source.is_multicast() || source.is_unspecified();
            if group || packet.get(8..40)? != ends.as_flattened() {
                return None;
            }
            let [to, from] = ends;
            let ip = Ipv6Header {
                traffic_class: 0,
                flow_label: Ipv6FlowLabel::ZERO,
                payload_length: u16::try_from(len).ok()?,
                next_header: IpNumber::UDP,
                hop_limit: TTL,
                source: from,
                destination: to,
            };
            udp.checksum = udp.calc_checksum_ipv6(&ip, message).ok()?;
            frame.extend_from_slice(&ip.to_bytes());
        }
        _ => return None,
    }
    frame.extend_from_slice(&udp.to_bytes());
    frame.extend_from_slice(message);
    Some(frame)
}

/// Bytes up to the IP header.
fn link_len(frame: &[u8]) -> Option<usize> {
    let mut at = ADDRESSES_LEN;
    while ETHERTYPE_VLAN.iter().any(|tag| frame.get(at..at + 2) == Some(tag)) {
        at += 4;
    }
    frame.get(at..at + 2)?;
    Some(at + 2)
}
