//! UDP: SIP ports, keep-alives, and what may be an INVITE.

use ani_ebpf::{abi::counter::Counter, scan::MIN_MESSAGE_LEN};

use super::{maps, network::Datagram, packet::Packet};

const UDP_HEADER_LEN: u32 = 8;

/// In a STUN header from its fifth byte on (RFC 8489 §5).
const STUN_MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// What may be an INVITE.
pub(super) struct Message {
    /// Where it starts, bytes into the frame.
    pub(super) at: u32,
    /// Its length, bytes.
    pub(super) len: u32,
}

/// Reads the UDP header and the first bytes behind it.
#[inline(always)]
pub(super) fn read(packet: &Packet<'_>, datagram: &Datagram) -> Result<Message, Counter> {
    let header = packet.read::<8>(datagram.at).ok_or(Counter::Truncated)?;
    let port = u16::from_be_bytes([header[2], header[3]]);
    if !maps::is_sip_port(port) {
        return Err(Counter::OtherPort);
    }
    let len = match u16::from_be_bytes([header[4], header[5]]) {
        // A jumbogram's (RFC 2675 §4); Linux takes it for the whole rest of any IPv6 packet, and
        // an INVITE that the SBC is handed must not get past the lists.
        0 => datagram.len,
        len => u32::from(len),
    };
    if len < UDP_HEADER_LEN || len > datagram.len {
        return Err(Counter::Truncated);
    }
    let len = len - UDP_HEADER_LEN;
    if len < MIN_MESSAGE_LEN {
        return Err(Counter::Keepalive);
    }
    let at = datagram.at + UDP_HEADER_LEN as usize;
    let start = packet.read::<8>(at).ok_or(Counter::Truncated)?;
    let message = Message { at: at as u32, len };
    match *start {
        [b'I', b'N', b'V', b'I', b'T', b'E', b' ', _] | [b'\r', b'\n', ..] => Ok(message),
        [first, _, _, _, cookie @ ..] if first < 0x40 && cookie == STUN_MAGIC_COOKIE => {
            Err(Counter::Keepalive)
        }
        _ => Err(Counter::NotInvite),
    }
}
