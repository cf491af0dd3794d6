//! Which XDP program an interface has, and what becomes of interfaces, by rtnetlink.

use std::io;

use anyhow::{Context as _, Result, bail};
use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{LinkAttribute, LinkMessage, LinkXdp, XdpAttached},
};
use netlink_sys::{
    AsyncSocket as _, AsyncSocketExt as _, Socket, SocketAddr, TokioSocket,
    protocols::NETLINK_ROUTE,
};

/// `RTNLGRP_LINK` of linux/rtnetlink.h: interfaces that come, change and go.
const RTNLGRP_LINK: u32 = 1;

/// Bytes of a notice that are read; what is in it is looked up anew.
const NOTICE: usize = 16;

/// An interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What it goes by as long as it is there.
    pub index: u32,
    /// What it is called now.
    pub name: String,
    /// Its XDP program.
    pub attached: Option<Attached>,
}

/// A program that is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attached {
    /// Its id, as bpftool shows it.
    pub program: u32,
    /// `native`, `generic`, `offloaded` or `several`.
    pub mode: &'static str,
}

/// The interface of a name.
///
/// # Errors
///
/// When there is none, or the kernel does not answer.
pub fn named(interface: &str) -> Result<Seen> {
    find(interface)?.with_context(|| {
        format!(
            "there is no interface {interface}: `ip -br link` lists them, `capture.interfaces` names \
             them"
        )
    })
}

/// The interface of a name; none where there is none.
///
/// # Errors
///
/// When the kernel does not answer.
pub fn find(interface: &str) -> Result<Option<Seen>> {
    let mut link = LinkMessage::default();
    link.attributes.push(LinkAttribute::IfName(interface.to_owned()));
    query(link).with_context(|| format!("cannot look at {interface}"))
}

/// The interface of an index; none where there is none.
///
/// # Errors
///
/// When the kernel does not answer.
pub fn indexed(index: u32) -> Result<Option<Seen>> {
    let mut link = LinkMessage::default();
    link.header.index = index;
    query(link).with_context(|| format!("cannot look at interface {index}"))
}

fn query(link: LinkMessage) -> Result<Option<Seen>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;

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
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => Ok(Some(seen(&link))),
        NetlinkPayload::Error(error) => match error.to_io().raw_os_error() {
            Some(libc::ENODEV) => Ok(None),
            _ => Err(error.to_io().into()),
        },
        other => bail!("the kernel answered with something else: {other:?}"),
    }
}

fn seen(link: &LinkMessage) -> Seen {
    let name = link.attributes.iter().find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    Seen {
        index: link.header.index,
        name: name.unwrap_or_else(|| link.header.index.to_string()),
        attached: attached(link),
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

/// Tells that something has become of an interface. What, is to be looked up.
pub struct Watch(TokioSocket);

impl Watch {
    /// Watches the interfaces of this network namespace, in a tokio runtime.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn new() -> Result<Self> {
        let open = || -> io::Result<TokioSocket> {
            let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
            socket.socket_mut().bind_auto()?;
            socket.socket_mut().add_membership(RTNLGRP_LINK)?;
            Ok(socket)
        };
        open().map(Self).context("cannot watch the interfaces")
    }

    /// Waits until something has happened, and takes all notices of it.
    ///
    /// # Errors
    ///
    /// The kernel's; not when notices were lost, which is one too.
    pub async fn next(&self) -> io::Result<()> {
        told(self.0.recv(&mut Vec::with_capacity(NOTICE)).await)?;
        loop {
            match self.0.socket_ref().recv(&mut Vec::with_capacity(NOTICE), 0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                more => told(more.map(drop))?,
            }
        }
    }
}

fn told(notice: io::Result<()>) -> io::Result<()> {
    match notice {
        Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => Ok(()),
        notice => notice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_can_be_looked_at() {
        let lo = named("lo").expect("lo");
        assert_eq!((lo.name.as_str(), lo.attached), ("lo", None));
        assert_eq!(indexed(lo.index).expect("an answer"), Some(lo));
    }

    #[test]
    fn an_interface_that_is_not_there_is_named_with_the_remedy() {
        let error = format!("{:#}", named("ani-none").expect_err("none"));
        assert!(error.contains("ani-none") && error.contains("ip -br link"), "{error}");
        assert_eq!(find("ani-none").expect("an answer"), None);
        assert_eq!(indexed(i32::MAX as u32).expect("an answer"), None);
    }
}
