//! Frames onto the wire as they are: what no socket would send.

use std::{
    os::fd::{AsRawFd as _, OwnedFd},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use nix::{
    ifaddrs::getifaddrs,
    sys::socket::{
        AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, sendto,
        socket,
    },
};
use xtask::lab::{CARRIER_INTERFACE, Lab, SBC_INTERFACE, namespace::Namespace};

/// The carrier's end of the wire.
pub(crate) struct Wire {
    socket: OwnedFd,
    from: LinkAddr,
    to: LinkAddr,
}

impl Wire {
    pub(crate) fn new(lab: &Lab) -> Self {
        let open =
            || Ok(socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?);
        Self {
            socket: lab.carrier.enter(open).expect("a packet socket"),
            from: link_address(&lab.carrier, CARRIER_INTERFACE),
            to: link_address(&lab.sbc, SBC_INTERFACE),
        }
    }

    /// Sends a frame to the SBC; its hardware addresses are made those of the two ends.
    pub(crate) fn send(&self, mut frame: Vec<u8>) {
        let (from, to) = (self.from.addr().expect("MAC"), self.to.addr().expect("MAC"));
        frame[..6].copy_from_slice(&to);
        frame[6..12].copy_from_slice(&from);
        let sent = sendto(self.socket.as_raw_fd(), &frame, &self.from, MsgFlags::empty());
        assert_eq!(sent.expect("a sent frame"), frame.len());
    }
}

/// What goes out at an interface, and comes in.
pub(crate) struct Tap(OwnedFd);

impl Tap {
    pub(crate) fn new(namespace: &Namespace, interface: &str) -> Self {
        let address = link_address(namespace, interface);
        let open = || {
            let all = Some(SockProtocol::EthAll);
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let socket = socket(AddressFamily::Packet, SockType::Raw, flags, all)?;
            bind(socket.as_raw_fd(), &address)?;
            Ok(socket)
        };
        Self(namespace.enter(open).expect("a packet socket"))
    }

    /// The next frame that `wanted` takes; none within a time.
    pub(crate) fn next(&self, limit: Duration, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let end = Instant::now() + limit;
        let mut frame = vec![0; 65_536];
        while Instant::now() < end {
            match recv(self.0.as_raw_fd(), &mut frame, MsgFlags::empty()) {
                Ok(len) if wanted(&frame[..len]) => return Some(frame[..len].to_vec()),
                Ok(_) => {}
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        None
    }
}

fn link_address(namespace: &Namespace, interface: &str) -> LinkAddr {
    let found = namespace.enter(|| {
        getifaddrs()?
            .filter(|found| found.interface_name == interface)
            .find_map(|found| found.address?.as_link_addr().copied())
            .with_context(|| format!("no link address of {interface}"))
    });
    found.expect("link address")
}
