//! Calls that ask for priority (RFC 4412 §3.1).

use super::{Invite, trim};

/// Namespaces that no rule may stop: emergency services (RFC 7135), government emergency
/// telecommunications and wireless priority (RFC 4412 §10).
const NAMESPACES: [&[u8]; 3] = [b"esnet.", b"ets.", b"wps."];

/// Whether an INVITE asks for a priority that no rule may stop. Walks through the headers once more.
pub fn asks_priority(invite: &Invite<'_>) -> bool {
    invite.header(b"resource-priority").any(|values| {
        values.split(|byte| *byte == b',').map(trim).any(|value| {
            NAMESPACES.iter().any(|namespace| {
                value
                    .get(..namespace.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(namespace))
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::sip;

    #[test]
    fn it_is_found_anywhere_in_any_of_the_lists() {
        let asks = |lines: &str| {
            let message = format!("INVITE sip:911@h SIP/2.0\r\n{lines}Call-ID: 1\r\n\r\n");
            super::asks_priority(&sip::invite(message.as_bytes(), false).expect("an INVITE"))
        };
        assert!(asks("Resource-Priority: ets.0\r\n"));
        assert!(asks("RESOURCE-PRIORITY:  dsn.flash ,  WPS.1\r\n"));
        assert!(asks("Resource-Priority: dsn.flash\r\nResource-Priority: esnet.1\r\n"));
        assert!(asks("Resource-Priority:\r\n ets.0\r\n"), "folded");
        assert!(!asks("Resource-Priority: dsn.flash\r\n"));
        assert!(!asks("Resource-Priority: xets.0\r\nSubject: ets.0\r\n"));
        assert!(!asks(""));
    }
}
