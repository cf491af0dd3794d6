//! Ethernet and VLAN tags.

use ani_ebpf::abi::counter::Counter;

use super::frame::Frame;

/// VLAN tags that are looked past: a customer's and a provider's.
const MAX_VLAN_TAGS: usize = 2;

const ETHERNET_HEADER_LEN: usize = 14;
const ETHERTYPE_OFFSET: usize = 12;
const VLAN_TAG_LEN: usize = 4;

const ETHERTYPE_IPV4: u16 = 0x0800;
const ETHERTYPE_IPV6: u16 = 0x86dd;
/// 802.1Q.
const ETHERTYPE_VLAN: u16 = 0x8100;
/// 802.1ad.
const ETHERTYPE_QINQ: u16 = 0x88a8;

/// Where the network header starts, bytes into the frame.
pub(super) enum Network {
    V4(usize),
    V6(usize),
}

/// Reads the link header.
#[inline(always)]
pub(super) fn read(frame: &Frame<'_>) -> Result<Network, Counter> {
    let mut at = ETHERNET_HEADER_LEN;
    let mut ethertype = ethertype(frame, ETHERTYPE_OFFSET)?;
    for _ in 0..MAX_VLAN_TAGS {
        if ethertype != ETHERTYPE_VLAN && ethertype != ETHERTYPE_QINQ {
            break;
        }
        // A tag is its control information, then the next ethertype.
        ethertype = self::ethertype(frame, at + 2)?;
        at += VLAN_TAG_LEN;
    }
    match ethertype {
        ETHERTYPE_IPV4 => Ok(Network::V4(at)),
        ETHERTYPE_IPV6 => Ok(Network::V6(at)),
        _ => Err(Counter::NotIp),
    }
}

#[inline(always)]
fn ethertype(frame: &Frame<'_>, at: usize) -> Result<u16, Counter> {
    frame.read::<2>(at).map(|bytes| u16::from_be_bytes(*bytes)).ok_or(Counter::Truncated)
}
