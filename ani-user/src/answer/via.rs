//! The Via that the answer goes by: `received` and `rport` are filled in as the server does that the
//! INVITE was for (RFC 3261 §18.2.1, RFC 3581 §4); nothing else of it changes.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

use crate::sip::Values;

/// The port of a sent-by without one (RFC 3261 §18.2.2).
const DEFAULT_PORT: u16 = 5_060;

/// A Via header as it goes back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Filled {
    /// Its value.
    pub(super) value: String,
    /// The port that the answer is for.
    pub(super) port: u16,
}

/// The first Via header of an INVITE that came from `source`; none where it cannot be read for sure.
/// `maddr` is not followed: an answer goes nowhere but to its source.
pub(super) fn filled(header: &str, source: SocketAddr) -> Option<Filled> {
    let top = Values::new(header.as_bytes()).next()?;
    // A part of the header, so there is no end of it before its start.
    let at = top.as_ptr().addr().checked_sub(header.as_ptr().addr())?;
    let (top, rest) = header.get(at..)?.split_at_checked(top.len())?;
    let mut parts = parts(top);
    let head = parts.next()?;
    let (host, port) = sent_by(head)?;

    let mut value = String::with_capacity(header.len() + 64);
    value.push_str(head);
    let rport = parts.clone().any(|part| is(part, "rport"));
    let from = source.ip().to_canonical();
    let received = rport || host.parse::<IpAddr>().ok().is_none_or(|host| host != from);
    for part in parts {
        if is(part, "rport") {
            // A `String` takes all that is written to it.
            let _ = write!(value, ";rport={}", source.port());
        } else if !(received && is(part, "received")) {
            value.extend([";", part]);
        }
    }
    if received {
        let _ = write!(value, ";received={from}");
    }
    value.push_str(rest);
    let port = if rport { source.port() } else { port.unwrap_or(DEFAULT_PORT) };
    Some(Filled { value, port })
}

/// Whether a parameter has this name, in any case.
fn is(parameter: &str, name: &str) -> bool {
    let own = parameter.split_once('=').map_or(parameter, |(own, _)| own);
    own.trim().eq_ignore_ascii_case(name)
}

/// What stands between semicolons outside quotes.
fn parts(value: &str) -> impl Iterator<Item = &str> + Clone {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |char| {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' => return !quoted,
            _ => {}
        }
        false
    })
}

/// Host and port of `SIP/2.0/UDP host:port`, with white space where it may be. The brackets of an IPv6
/// reference are not part of the host.
fn sent_by(head: &str) -> Option<(&str, Option<u16>)> {
    let mut words = head.splitn(3, '/').map(str::trim);
    let (protocol, version, rest) = (words.next()?, words.next()?, words.next()?);
    if !protocol.eq_ignore_ascii_case("SIP") || version != "2.0" {
        return None;
    }
    let (_, sent_by) = rest.split_once([' ', '\t'])?;
    let sent_by = sent_by.trim();
    let (host, behind) = match sent_by.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => sent_by.split_at(sent_by.find(':').unwrap_or(sent_by.len())),
    };
    let host = host.trim();
    let fits = |char: char| char.is_ascii_alphanumeric() || ".-_:".contains(char);
    if host.is_empty() || !host.chars().all(fits) {
        return None;
    }
    match behind.trim() {
        "" => Some((host, None)),
        port => match port.strip_prefix(':')?.trim().parse() {
            Ok(0) | Err(_) => None,
            Ok(port) => Some((host, Some(port))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(header: &str, source: &str) -> Option<(String, u16)> {
        filled(header, source.parse().expect(source)).map(|via| (via.value, via.port))
    }

    #[test]
    fn received_and_rport_are_filled_in_and_nothing_else() {
        let v4 = "192.0.2.9:5070";
        for (header, value, port) in [
            (
                "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1",
                "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1",
                5060,
            ),
            (
                "SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK1",
                "SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK1",
                5062,
            ),
            (
                "SIP/2.0/UDP host.example:5062;branch=z9hG4bK1",
                "SIP/2.0/UDP host.example:5062;branch=z9hG4bK1;received=192.0.2.9",
                5062,
            ),
            (
                "SIP/2.0/UDP 192.0.2.9:5062;rport;branch=z9hG4bK1",
                "SIP/2.0/UDP 192.0.2.9:5062;rport=5070;branch=z9hG4bK1;received=192.0.2.9",
                5070,
            ),
            (
                "SIP/2.0/UDP 10.0.0.1 ; branch=z9hG4bK1 ; RPort = 1;received=203.0.113.7;ttl=3",
                "SIP/2.0/UDP 10.0.0.1 ; branch=z9hG4bK1 ;rport=5070;ttl=3;received=192.0.2.9",
                5070,
            ),
            (
                "SIP / 2.0 / UDP  host.example : 5062;branch=z9hG4bK1, SIP/2.0/UDP next;rport",
                "SIP / 2.0 / UDP  host.example : 5062;branch=z9hG4bK1;received=192.0.2.9, \
                 SIP/2.0/UDP next;rport",
                5062,
            ),
            (
                "SIP/2.0/UDP h;x=\"a;rport,\\\"\";maddr=203.0.113.7;branch=z9hG4bK1",
                "SIP/2.0/UDP h;x=\"a;rport,\\\"\";maddr=203.0.113.7;branch=z9hG4bK1;received=192.0.2.9",
                5060,
            ),
        ] {
            assert_eq!(of(header, v4), Some((value.to_owned(), port)), "{header}");
        }
    }

    #[test]
    fn ipv6_stands_in_brackets_before_the_parameters_and_without_within() {
        let v6 = "[2001:db8::9]:5070";
        assert_eq!(
            of("SIP/2.0/UDP [2001:db8::9]:5062;branch=z9hG4bK1", v6),
            Some(("SIP/2.0/UDP [2001:db8::9]:5062;branch=z9hG4bK1".to_owned(), 5062))
        );
        assert_eq!(
            of("SIP/2.0/UDP [2001:db8:0:0::9];rport", v6),
            Some((
                "SIP/2.0/UDP [2001:db8:0:0::9];rport=5070;received=2001:db8::9".to_owned(),
                5070
            ))
        );
        assert_eq!(
            of("SIP/2.0/UDP [2001:db8::8]", v6),
            Some(("SIP/2.0/UDP [2001:db8::8];received=2001:db8::9".to_owned(), 5060))
        );
    }

    #[test]
    fn what_cannot_be_read_for_sure_is_none() {
        for header in [
            "",
            " , ",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/3.0/UDP h",
            "HTTP/2.0/UDP h",
            "SIP/2.0/UDP h:0",
            "SIP/2.0/UDP h:65536",
            "SIP/2.0/UDP h:",
            "SIP/2.0/UDP [::1",
            "SIP/2.0/UDP [::1]5060",
            "SIP/2.0/UDP a b",
            "SIP/2.0/UDP h (a comment)",
            "SIP/2.0/UDP \"h\"",
        ] {
            assert_eq!(of(header, "192.0.2.9:5070"), None, "{header}");
        }
    }
}
