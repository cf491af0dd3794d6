//! Puts a held frame back on its way: into the stack of the interface it came in on, as it came.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use etherparse::checksum::Sum16BitWords;

use crate::capture::{
    LinkType,
    packet::{self, Packet},
};

const UDP: u8 = 17;
const UDP_HEADER_LEN: usize = 8;
/// Where the checksum stands in a UDP header, and the length (RFC 768).
const CHECKSUM_AT: usize = 6;
const LENGTH_AT: usize = 4;

/// Whoever can release frames.
pub trait Release: Send + Sync {
    /// Puts a frame into the stack of an interface; it gets there as if it had just come in.
    ///
    /// # Errors
    ///
    /// The system's: above all for an interface that is gone or down.
    fn release(&self, frame: &[u8], ifindex: u32) -> io::Result<()>;
}

/// Completes a UDP checksum that was left to the network card; `at` is where the UDP payload starts in
/// the frame.
///
/// A sender on the same machine (veth, virtio) has only the sum over the pseudo-header there
/// (`CHECKSUM_PARTIAL`), and whoever receives knows so; a released frame's does not, and drops it. One
/// that is right stays, and so does one that is wrong: such a datagram is the stack's to drop.
pub fn complete_checksum(frame: &mut [u8], at: usize) {
    let Ok(Packet::Datagram(datagram)) = packet::read(LinkType::Ethernet, frame) else {
        // A fragment's is over the whole datagram, and never left to a card.
        return;
    };
    let (src, dst) = (datagram.src, datagram.dst);
    let Some(header_at) = at.checked_sub(UDP_HEADER_LEN) else { return };
    let Some((header, behind)) =
        frame.get(header_at..).and_then(|udp| udp.split_at_checked(UDP_HEADER_LEN))
    else {
        return;
    };
    let word = |at: usize| Some(u16::from_be_bytes([*header.get(at)?, *header.get(at + 1)?]));
    let (Some(stated), Some(len)) = (word(CHECKSUM_AT), word(LENGTH_AT)) else { return };
    let Some(payload) =
        usize::from(len).checked_sub(UDP_HEADER_LEN).and_then(|len| behind.get(..len))
    else {
        return;
    };
    let Some(mut pseudo) = pseudo_header(src, dst, len) else { return };
    // Of the complement: the sum itself, as a card is given it.
    let partial = !pseudo.ones_complement().to_be();
    if stated != partial {
        return;
    }
    let ports = header.first_chunk::<4>().copied().unwrap_or_default();
    let sum = pseudo.add_4bytes(ports).add_2bytes(len.to_be_bytes()).add_slice(payload);
    let checksum = sum.to_ones_complement_with_no_zero().to_be();
    if let Some(place) = frame.get_mut(header_at + CHECKSUM_AT..header_at + CHECKSUM_AT + 2) {
        place.copy_from_slice(&checksum.to_be_bytes());
    }
}

/// The sum over what UDP's checksum takes in of the network header (RFC 768, RFC 8200 §8.1).
fn pseudo_header(src: SocketAddr, dst: SocketAddr, len: u16) -> Option<Sum16BitWords> {
    let mut sum = Sum16BitWords::new();
    let sum = match (src.ip(), dst.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => sum.add_4bytes(src.octets()).add_4bytes(dst.octets()),
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            sum.add_16bytes(src.octets()).add_16bytes(dst.octets())
        }
        _ => return None,
    };
    Some(sum.add_2bytes([0, UDP]).add_2bytes(len.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use etherparse::PacketBuilder;

    use super::*;

    /// A frame of etherparse's, right, and where its payload starts.
    fn frame(v6: bool, payload: &[u8]) -> (Vec<u8>, usize) {
        let link = PacketBuilder::ethernet2([2; 6], [4; 6]);
        let builder = if v6 {
            let address = |last| [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last];
            link.ipv6(address(1), address(2), 64)
        } else {
            link.ipv4([203, 0, 113, 9], [198, 51, 100, 20], 64)
        }
        .udp(5060, 5062);
        let mut frame = Vec::new();
        builder.write(&mut frame, payload).expect("memory takes all");
        let at = frame.len() - payload.len();
        (frame, at)
    }

    /// The same as a sender on this machine leaves it: the sum over the pseudo-header, by hand.
    fn partial(frame: &[u8], at: usize, v6: bool) -> Vec<u8> {
        let addresses = if v6 { &frame[22..54] } else { &frame[26..34] };
        let len = (frame.len() - at + UDP_HEADER_LEN) as u32;
        let mut sum: u32 = addresses
            .chunks_exact(2)
            .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])))
            .sum::<u32>()
            + len
            + u32::from(UDP);
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        let mut frame = frame.to_vec();
        frame[at - 2..at].copy_from_slice(&(sum as u16).to_be_bytes());
        frame
    }

    #[test]
    fn what_was_left_to_a_card_is_completed() {
        for v6 in [false, true] {
            for payload in [&b"INVITE sip:x@y SIP/2.0\r\n"[..], b"odd", b"", &[0xff; 1_400]] {
                let (right, at) = frame(v6, payload);
                let mut completed = partial(&right, at, v6);
                assert_ne!(completed, right);
                complete_checksum(&mut completed, at);
                assert_eq!(completed, right, "{} bytes, v6 {v6}", payload.len());
            }
        }
    }

    #[test]
    fn what_is_right_or_wrong_stays_so() {
        for v6 in [false, true] {
            let (right, at) = frame(v6, b"INVITE sip:x@y SIP/2.0\r\n");
            let mut same = right.clone();
            complete_checksum(&mut same, at);
            assert_eq!(same, right);
            let mut wrong = right.clone();
            wrong[at - 1] ^= 0x55;
            let before = wrong.clone();
            complete_checksum(&mut wrong, at);
            assert_eq!(wrong, before);
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let (right, at) = frame(false, b"INVITE sip:x@y SIP/2.0\r\n");
        for len in 0..right.len() {
            for at in [0, 7, 8, at, len, usize::MAX] {
                complete_checksum(&mut right[..len].to_vec(), at);
            }
        }
    }
}
