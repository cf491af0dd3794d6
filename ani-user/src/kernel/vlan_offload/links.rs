//! VLAN devices among the links of this network namespace, by rtnetlink.

use anyhow::{Context as _, Result, ensure};
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// What of a link matters to VLAN tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) name: String,
    /// Whether it is a VLAN device.
    pub(super) is_vlan: bool,
    /// Index of the link it stands on, if that is in this namespace.
    pub(super) lower: Option<u32>,
    /// Index of the bond or bridge it is a part of.
    pub(super) controller: Option<u32>,
}

impl Link {
    fn new(message: &LinkMessage) -> Self {
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            is_vlan: false,
            lower: None,
            controller: None,
        };
        let mut elsewhere = false;
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Link(index) => link.lower = Some(*index),
                LinkAttribute::LinkNetNsId(_) => elsewhere = true,
                LinkAttribute::Controller(index) => link.controller = Some(*index),
                LinkAttribute::LinkInfo(infos) => {
                    link.is_vlan = infos.contains(&LinkInfo::Kind(InfoKind::Vlan));
                }
                _ => {}
            }
        }
        // The index is another namespace's, and may be anybody's here.
        link.lower = link.lower.filter(|_| !elsewhere);
        link
    }
}

/// All of them.
///
/// # Errors
///
/// When the kernel does not answer.
pub(super) fn all() -> Result<Vec<Link>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;

    let mut request = NetlinkMessage::new(
        NetlinkHeader::default(),
        NetlinkPayload::from(RouteNetlinkMessage::GetLink(LinkMessage::default())),
    );
    request.header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0)?;

    let mut links = Vec::new();
    loop {
        let (answer, _) = socket.recv_from_full()?;
        ensure!(!answer.is_empty(), "the kernel's answer has no end");
        if read(&answer, &mut links)? {
            return Ok(links);
        }
    }
}

/// Takes links out of a part of the answer; says whether that was the last.
pub(super) fn read(answer: &[u8], links: &mut Vec<Link>) -> Result<bool> {
    let mut rest = answer;
    while !rest.is_empty() {
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
            .context("the kernel's answer cannot be read")?;
        match &message.payload {
            NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => {
                links.push(Link::new(link));
            }
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(error) => return Err(error.to_io().into()),
            _ => {}
        }
        // Messages start at multiples of four (NLMSG_ALIGN).
        let len = (message.header.length as usize).next_multiple_of(4).max(4);
        rest = rest.get(len..).unwrap_or_default();
    }
    Ok(false)
}
