//! Addresses that a stranger's URL must not make us ask: those that are not of the public internet.
//!
//! RFC 6890 and what the IANA registries of special-purpose addresses and of multicast have added
//! since.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

macro_rules! nets {
    ($type:ident, $($a:expr, $length:literal;)*) => {
        &[$($type::new_assert($a, $length),)*]
    };
}

const fn v4(a: u8, b: u8, c: u8) -> std::net::Ipv4Addr {
    std::net::Ipv4Addr::new(a, b, c, 0)
}

const fn v6(a: u16, b: u16, c: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)
}

const SPECIAL_V4: &[Ipv4Net] = nets! { Ipv4Net,
    v4(0, 0, 0), 8; // this network
    v4(10, 0, 0), 8; // private
    v4(100, 64, 0), 10; // shared, behind carriers' NAT
    v4(127, 0, 0), 8; // loopback
    v4(169, 254, 0), 16; // link-local, where clouds keep their secrets
    v4(172, 16, 0), 12; // private
    v4(192, 0, 0), 24; // protocol assignments
    v4(192, 0, 2), 24; // documentation
    v4(192, 31, 196), 24; // AS112
    v4(192, 52, 193), 24; // AMT
    v4(192, 88, 99), 24; // 6to4 relays
    v4(192, 168, 0), 16; // private
    v4(192, 175, 48), 24; // AS112
    v4(198, 18, 0), 15; // benchmarks
    v4(198, 51, 100), 24; // documentation
    v4(203, 0, 113), 24; // documentation
    v4(224, 0, 0), 4; // multicast
    v4(240, 0, 0), 4; // reserved, broadcast
};

/// IPv4 within IPv6 is looked at apart.
const SPECIAL_V6: &[Ipv6Net] = nets! { Ipv6Net,
    v6(0, 0, 0), 8; // unspecified, loopback, IPv4-compatible, reserved
    v6(0x64, 0xff9b, 0), 96; // NAT64: leads to any IPv4 address, private ones too
    v6(0x64, 0xff9b, 1), 48; // NAT64 of a network's own
    v6(0x100, 0, 0), 32; // discarded, dummies
    v6(0x2001, 0, 0), 23; // protocol assignments, Teredo, benchmarks
    v6(0x2001, 0xdb8, 0), 32; // documentation
    v6(0x2002, 0, 0), 16; // 6to4
    v6(0x2620, 0x4f, 0x8000), 48; // AS112
    v6(0x3fff, 0, 0), 20; // documentation
    v6(0x5f00, 0, 0), 16; // segment routing
    v6(0xfc00, 0, 0), 7; // unique local
    v6(0xfe80, 0, 0), 10; // link-local
    v6(0xfec0, 0, 0), 10; // site-local, until 2004
    v6(0xff00, 0, 0), 8; // multicast
};

/// Whether a certificate may be asked for at this address. `allow` goes before what is denied.
pub fn permitted(address: IpAddr, allow: &[IpNet]) -> bool {
    // ::ffff:0:0/96 reaches the IPv4 address within.
    let address = address.to_canonical();
    allow.iter().any(|net| net.contains(&address)) || !special(address)
}

fn special(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => SPECIAL_V4.iter().any(|net| net.contains(&address)),
        IpAddr::V6(address) => SPECIAL_V6.iter().any(|net| net.contains(&address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_purpose_addresses_are_denied_to_their_edges() {
        for text in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::808:808",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ffff::1",
        ] {
            let address = text.parse().expect("an address");
            assert!(!permitted(address, &[]), "{text}");
        }
    }

    #[test]
    fn their_neighbours_are_not() {
        for text in [
            "1.0.0.0",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.114.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "2001:200::1",
            "2001:db7::1",
            "2001:db9::1",
            "2003::1",
            "2600::1",
            "2606:4700::1111",
            "3ffe::1",
            "4000::1",
            "5eff::1",
            "5f01::1",
        ] {
            let address = text.parse().expect("an address");
            assert!(permitted(address, &[]), "{text}");
        }
    }

    #[test]
    fn an_operators_own_networks_go_first() {
        let allow =
            ["10.1.0.0/16".parse().expect("a network"), "::1/128".parse().expect("a network")];
        for (text, expected) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.2.3", false),
            ("::1", true),
            ("127.0.0.1", false),
            ("8.8.8.8", true),
        ] {
            assert_eq!(permitted(text.parse().expect("an address"), &allow), expected, "{text}");
        }
    }
}
