//! Which XDP program an interface has, by rtnetlink.

use anyhow::{Context as _, Result, bail};
use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage, LinkXdp, XdpAttached},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

/// A program that is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its id, as bpftool shows it.
    pub program: u32,
    /// `native`, `generic`, `offloaded` or `several`.
    pub mode: &'static str,
}

/// The program on an interface; none when there is none.
///
/// # Errors
///
/// When there is no such interface, or the kernel does not answer.
pub fn of(interface: &str) -> Result<Option<Attached>> {
    let link = query(interface).with_context(|| format!("cannot look at {interface}"))?;
    Ok(attached(&link))
}

fn query(interface: &str) -> Result<LinkMessage> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;

    let mut link = LinkMessage::default();
    link.attributes.push(LinkAttribute::IfName(interface.to_owned()));
    let mut request = NetlinkMessage::new(
        NetlinkHeader::default(),
        NetlinkPayload::from(RouteNetlinkMessage::GetLink(link)),
    );
    request.header.flags = NLM_F_REQUEST;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0)?;

    let (answer, _) = socket.recv_from_full()?;
    match NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer)?.payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => Ok(link),
        NetlinkPayload::Error(error) => match error.to_io().raw_os_error() {
            Some(libc::ENODEV) => bail!(
                "there is no such interface: `ip -br link` lists them, `capture.interfaces` names them"
            ),
            _ => Err(error.to_io().into()),
        },
        other => bail!("the kernel answered with something else: {other:?}"),
    }
}

fn attached(link: &LinkMessage) -> Option<Attached> {
    let xdp = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::Xdp(xdp) => Some(xdp),
        _ => None,
    })?;
    let mode = xdp.iter().find_map(|part| match part {
        LinkXdp::Attached(XdpAttached::Driver) => Some("native"),
        LinkXdp::Attached(XdpAttached::SocketBuffer) => Some("generic"),
        LinkXdp::Attached(XdpAttached::Hardware) => Some("offloaded"),
        LinkXdp::Attached(XdpAttached::Multiple | XdpAttached::Other(_)) => Some("several"),
        _ => None,
    })?;
    let program = xdp.iter().find_map(|part| match part {
        LinkXdp::ProgId(id) | LinkXdp::DrvProgId(id) | LinkXdp::SkbProgId(id) => Some(*id),
        LinkXdp::HwProgId(id) => Some(*id),
        _ => None,
    });
    Some(Attached { program: program.unwrap_or(0), mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_can_be_looked_at() {
        assert_eq!(of("lo").expect("lo"), None);
    }

    #[test]
    fn an_interface_that_is_not_there_is_named_with_the_remedy() {
        let error = format!("{:#}", of("ani-none").expect_err("none"));
        assert!(error.contains("ani-none") && error.contains("ip -br link"), "{error}");
    }
}
