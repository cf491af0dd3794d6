//! The frames that are timed: INVITEs as a carrier sends them, filled to a size.

use std::fmt::Write as _;

use etherparse::PacketBuilder;
use xtask::lab::passport;

/// Who is called.
const CALLED: &str = "12025550100";

/// An INVITE of `size` bytes from `caller`, digits; `id` tells it from others of the same caller.
/// From 1,000 bytes on it carries a signed Identity.
pub(crate) fn invite(size: usize, caller: &str, id: u64) -> Vec<u8> {
    let mut text = format!(
        "INVITE sip:+{CALLED}@198.51.100.20;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK{id:012x}\r\n\
         Max-Forwards: 69\r\n\
         From: \"Honest Caller\" <sip:+{caller}@203.0.113.9;user=phone>;tag={id:010x}\r\n\
         To: <sip:+{CALLED}@198.51.100.20;user=phone>\r\n\
         Call-ID: {id:016x}@203.0.113.9\r\n\
         CSeq: 314159 INVITE\r\n\
         Contact: <sip:203.0.113.9:5060>\r\n\
         P-Asserted-Identity: <sip:+{caller}@203.0.113.9>\r\n"
    );
    if size >= 1_000 {
        let token = passport::compact('A', caller, CALLED, 1_714_557_600 + id);
        let _ = write!(
            text,
            "Identity: {token};info=<https://certs.example.org/1.pem>;alg=ES256;ppt=shaken\r\n"
        );
    }
    text.push_str("Content-Type: application/sdp\r\n");
    // The body fills the message up; its length is written before it.
    let length_line = "Content-Length: 000\r\n\r\n".len();
    let body = size.saturating_sub(text.len() + length_line);
    let _ = write!(text, "Content-Length: {body:03}\r\n\r\n");
    while text.len() < size {
        text.push_str("a=rtpmap:101 telephone-event/8000\r\n");
    }
    text.truncate(size);
    text.into_bytes()
}

/// A UDP datagram in an Ethernet frame, from the trunk to the SBC.
pub(crate) fn frame(port: u16, payload: &[u8]) -> Vec<u8> {
    let udp_len = payload.len() as u16 + 8;
    let mut frame = vec![0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2, 0x08, 0x00];
    frame.extend([0x45, 0]);
    frame.extend((udp_len + 20).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 203, 0, 113, 9, 198, 51, 100, 20]);
    frame.extend(5_060_u16.to_be_bytes());
    frame.extend(port.to_be_bytes());
    frame.extend(udp_len.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}

/// A TCP segment with 1,050 bytes between two ports, from the trunk to the SBC.
pub(crate) fn tcp(from: u16, to: u16) -> Vec<u8> {
    let packet = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([203, 0, 113, 9], [198, 51, 100, 20], 64)
        .tcp(from, to, 1, 65_535);
    let mut frame = Vec::new();
    let written = packet.write(&mut frame, &[b'x'; 1_050]);
    assert!(written.is_ok(), "memory takes all that is written to it");
    frame
}

/// The end of a packet whose first fragment has not come, 1,050 bytes.
pub(crate) fn later_fragment() -> Vec<u8> {
    let mut frame = frame(5_060, &[b'x'; 1_050]);
    // In units of eight bytes; no fragment follows.
    frame[20..22].copy_from_slice(&185_u16.to_be_bytes());
    frame
}
