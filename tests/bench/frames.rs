//! The frames that are timed: INVITEs as a carrier sends them, filled to a size.

use std::fmt::Write as _;

/// A number on the block list, without its `+`.
pub(crate) const BLOCKED: &[u8] = b"12025550166";

/// Who calls.
#[derive(Clone, Copy)]
pub(crate) enum Caller {
    Blocked,
    Honest,
}

/// An INVITE of `size` bytes. From 1,000 bytes on it carries a signed Identity.
pub(crate) fn invite(size: usize, caller: Caller) -> Vec<u8> {
    let number = match caller {
        Caller::Blocked => "12025550166",
        Caller::Honest => "12015550101",
    };
    let mut text = format!(
        "INVITE sip:+12025550100@198.51.100.20;user=phone SIP/2.0\r\n\
         Via: SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK776asdhds\r\n\
         Max-Forwards: 69\r\n\
         From: \"Honest Caller\" <sip:+{number}@203.0.113.9;user=phone>;tag=1928301774\r\n\
         To: <sip:+12025550100@198.51.100.20;user=phone>\r\n\
         Call-ID: a84b4c76e66710@203.0.113.9\r\n\
         CSeq: 314159 INVITE\r\n\
         Contact: <sip:203.0.113.9:5060>\r\n\
         P-Asserted-Identity: <sip:+{number}@203.0.113.9>\r\n"
    );
    if size >= 1_000 {
        let header = "eyJhbGciOiJFUzI1NiIsInBwdCI6InNoYWtlbiIsInR5cCI6InBhc3Nwb3J0IiwieDV1\
                      IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3JnL3NoYWtlbi5wZW0ifQ";
        let claims = "eyJhdHRlc3QiOiJBIiwiZGVzdCI6eyJ0biI6WyIxMjAyNTU1MDEwMCJdfSwiaWF0Ijox\
                      NzE0NTU3NjAwLCJvcmlnIjp7InRuIjoiMTIwMTU1NTAxMDEifSwib3JpZ2lkIjoiMTIz\
                      ZTQ1NjctZTg5Yi0xMmQzLWE0NTYtNDI2NjU1NDQwMDAwIn0";
        let signature = "s".repeat(86);
        let _ = write!(
            text,
            "Identity: {header}.{claims}.{signature};info=<https://cert.example.org/shaken.pem>;\
             alg=ES256;ppt=shaken\r\n"
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
