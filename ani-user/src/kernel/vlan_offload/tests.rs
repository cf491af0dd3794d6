use netlink_packet_core::{DoneMessage, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
};

use super::*;

const ETH0: u32 = 2;
const BOND0: u32 = 3;

/// A message of the kernel's, in bytes.
fn bytes(payload: NetlinkPayload<RouteNetlinkMessage>) -> Vec<u8> {
    let mut message = NetlinkMessage::new(NetlinkHeader::default(), payload);
    message.finalize();
    let mut bytes = vec![0; message.buffer_len().next_multiple_of(4)];
    message.serialize(&mut bytes);
    bytes
}

fn link(index: u32, name: &str, attributes: Vec<LinkAttribute>) -> Vec<u8> {
    let mut link = LinkMessage::default();
    link.header.index = index;
    link.attributes = vec![LinkAttribute::IfName(name.to_owned())];
    link.attributes.extend(attributes);
    bytes(NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)))
}

fn kind(kind: InfoKind) -> LinkAttribute {
    LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)])
}

fn vlan(index: u32, name: &str, on: u32) -> Vec<u8> {
    link(index, name, vec![LinkAttribute::Link(on), kind(InfoKind::Vlan)])
}

fn done() -> Vec<u8> {
    bytes(NetlinkPayload::Done(DoneMessage::default()))
}

/// What stands on `eth0`, which is a part of `bond0`, beside other links.
fn on_eth0(others: &[Vec<u8>]) -> Option<String> {
    let bond = link(BOND0, "bond0", vec![kind(InfoKind::Bond)]);
    let eth0 = link(ETH0, "eth0", vec![LinkAttribute::Controller(BOND0)]);
    let mut links = Vec::new();
    assert!(!links::read(&[eth0, bond].concat(), &mut links).expect("links"));
    assert!(links::read(&[others.concat(), done()].concat(), &mut links).expect("links"));
    assert_eq!(links.len(), 2 + others.len());
    device_on(&links, &links[0]).map(str::to_owned)
}

#[test]
fn vlan_devices_are_found_where_they_stand() {
    assert_eq!(on_eth0(&[]), None);
    assert_eq!(on_eth0(&[vlan(9, "eth0.100", ETH0)]).as_deref(), Some("eth0.100"));
    assert_eq!(on_eth0(&[vlan(9, "bond0.7", BOND0)]).as_deref(), Some("bond0.7"));
    assert_eq!(on_eth0(&[vlan(9, "eth1.7", 4)]), None);
    let macvlan = link(9, "mac0", vec![LinkAttribute::Link(ETH0), kind(InfoKind::MacVlan)]);
    assert_eq!(on_eth0(&[macvlan]), None);
    // Its number is another namespace's.
    let elsewhere =
        vec![LinkAttribute::Link(ETH0), LinkAttribute::LinkNetNsId(0), kind(InfoKind::Vlan)];
    assert_eq!(on_eth0(&[link(9, "eth0.100", elsewhere)]), None);
    let nowhere = link(9, "odd", vec![kind(InfoKind::Vlan)]);
    assert_eq!(on_eth0(&[nowhere]), None);
}

#[test]
fn a_vlan_device_that_stands_on_nothing_is_on_no_link_without_a_controller() {
    let mut links = Vec::new();
    let answer = [link(ETH0, "eth0", vec![]), link(9, "odd", vec![kind(InfoKind::Vlan)])].concat();
    links::read(&answer, &mut links).expect("links");
    assert_eq!(device_on(&links, &links[0]), None);
}

#[test]
fn a_cut_answer_is_no_answer() {
    let whole = vlan(9, "eth0.100", ETH0);
    for len in 1..whole.len() {
        let mut links = Vec::new();
        let read = links::read(&whole[..len], &mut links);
        // The last bytes may be filling.
        assert!(read.is_err() || links.len() == 1, "{len} bytes: {links:?}");
    }
    assert!(links::read(&whole[..20], &mut Vec::new()).is_err());
}

#[test]
fn tags_are_lost_where_they_are_stripped_and_matter() {
    for (stripped, device, lost, says) in [
        (false, None, false, "off"),
        (false, Some("eth0.100"), false, "off"),
        (true, None, false, "no VLAN device"),
        (true, Some("eth0.100"), true, "`ethtool -K eth0 rxvlan off`"),
    ] {
        let device = device.map(str::to_owned);
        let tags = Tags { interface: "eth0".to_owned(), stripped, device };
        assert_eq!(tags.are_lost(), lost, "{tags:?}");
        assert!(tags.to_string().contains(says), "{tags}");
    }
}

#[test]
fn the_interfaces_of_this_machine_can_be_looked_at() {
    let tags = of(["lo", "ani-none"]).expect("links");
    assert_eq!(tags.len(), 1, "{tags:?}");
    assert_eq!((tags[0].interface.as_str(), tags[0].are_lost()), ("lo", false));
}
