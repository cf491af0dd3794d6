//! UDP and TCP: SIP ports, keep-alives, and what may be an INVITE.

use ani_ebpf::{abi::counter::Counter, scan::MIN_MESSAGE_LEN};

use super::{
    attempt,
    frame::Frame,
    maps,
    network::{Packet, Part},
};

pub(super) const UDP_HEADER_LEN: u32 = 8;
const TCP_MIN_HEADER_LEN: u32 = 20;

/// In a STUN header from its fifth byte on (RFC 8489 §5).
const STUN_MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

/// What may be an INVITE.
pub(super) struct Message {
    /// Where it starts, bytes into the frame.
    pub(super) at: u32,
    /// Bytes of it that are in this frame.
    pub(super) len: u32,
    /// Whether it is an ACK, CANCEL or BYE, which may belong to a call that was stopped.
    pub(super) follows: bool,
}

/// Reads a UDP header and the first bytes behind it.
#[inline(always)]
pub(super) fn udp(frame: &Frame<'_>, packet: &Packet) -> Result<Message, Counter> {
    let header = frame.read::<8>(packet.at).ok_or(Counter::Truncated)?;
    let port = u16::from_be_bytes([header[2], header[3]]);
    if !maps::is_sip_port(port) {
        return Err(Counter::OtherPort);
    }
    let len = match u16::from_be_bytes([header[4], header[5]]) {
        // A jumbogram's (RFC 2675 §4); Linux takes it for the whole rest of any IPv6 packet, and
        // an INVITE that the SBC is handed must not get past the lists.
        0 => packet.len,
        len => u32::from(len),
    };
    let first = packet.part == Part::First;
    if len < UDP_HEADER_LEN || (len > packet.len && !first) {
        return Err(Counter::Truncated);
    }
    let here = if len > packet.len { packet.len } else { len };
    // A first fragment that is too short does not say what it starts.
    let short = if first { Counter::Fragment } else { Counter::Keepalive };
    if here < UDP_HEADER_LEN {
        return Err(short);
    }
    let len = here - UDP_HEADER_LEN;
    if len < MIN_MESSAGE_LEN {
        return Err(short);
    }
    let at = packet.at + UDP_HEADER_LEN as usize;
    let start = frame.read::<8>(at).ok_or(Counter::Truncated)?;
    let mut message = Message { at: at as u32, len, follows: false };
    // Some receivers take the method in any case.
    let lower = start.map(|byte| byte | 0x20);
    if let [b'i', b'n', b'v', b'i', b't', b'e', ..] = lower
        && let b' ' | b'\t' = start[6]
    {
        return Ok(message);
    }
    match *start {
        [b'A', b'C', b'K', b' ', ..]
        | [b'B', b'Y', b'E', b' ', ..]
        | [b'C', b'A', b'N', b'C', b'E', b'L', b' ', _]
            if packet.part == Part::Whole && attempt::stopped_lately() =>
        {
            message.follows = true;
            Ok(message)
        }
        [first, _, _, _, cookie @ ..] if first < 0x40 && cookie == STUN_MAGIC_COOKIE => {
            Err(Counter::Keepalive)
        }
        // White space before a request line is looked past by receivers, NULs included.
        [..=b' ', ..] => Ok(message),
        _ => Err(Counter::NotInvite),
    }
}

/// The way out of a TCP segment, which always passes: a stream with a hole in it is a broken one.
/// Carriers send requests on connections they opened and on those they accepted.
#[inline(always)]
pub(super) fn tcp(frame: &Frame<'_>, packet: &Packet) -> Counter {
    let Some(ports) = frame.read::<4>(packet.at) else {
        return Counter::Truncated;
    };
    let from = u16::from_be_bytes([ports[0], ports[1]]);
    let to = u16::from_be_bytes([ports[2], ports[3]]);
    if !maps::is_sip_port(to) && !maps::is_sip_port(from) {
        return Counter::OtherPort;
    }
    // A first fragment may end before the header does.
    if packet.part == Part::First {
        return Counter::TcpSegment;
    }
    let Some(header) = frame.read::<{ TCP_MIN_HEADER_LEN as usize }>(packet.at) else {
        return Counter::Truncated;
    };
    // In words of four bytes (RFC 9293 §3.1).
    let header_len = u32::from(header[12] >> 4) * 4;
    if header_len < TCP_MIN_HEADER_LEN || header_len > packet.len {
        return Counter::Truncated;
    }
    if header_len == packet.len { Counter::TcpControl } else { Counter::TcpSegment }
}
