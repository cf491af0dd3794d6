//! Frames onto the wire, on the interface they are for: a packet socket that sends and never receives.
//!
//! They go through the interface's queue as all packets do, so that who looks at the SBC's traffic
//! sees what ani answers in its place.

use std::{
    io,
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd},
};

use anyhow::{Context as _, Result};

use crate::answer::{Transmit, Wire};

/// Bytes of an Ethernet address.
const ADDRESS_LEN: usize = 6;

/// The socket.
pub struct Transmitter(OwnedFd);

impl Transmitter {
    /// Opens it; CAP_NET_RAW is needed for that, and not afterwards.
    ///
    /// # Errors
    ///
    /// When the system refuses: says what may be missing.
    pub fn open() -> Result<Self> {
        // Protocol 0 receives nothing.
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: makes a descriptor and touches no memory.
        let socket = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        if socket < 0 {
            return Err(io::Error::last_os_error()).context(
                "cannot open a packet socket, so stopped calls are not answered; give the daemon \
                 CAP_NET_RAW, and let it use AF_PACKET",
            );
        }
        // SAFETY: just made, and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(socket) }))
    }
}

impl Transmit for Transmitter {
    fn transmit(&self, wire: &Wire) -> io::Result<()> {
        let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
        let frame = &wire.frame;
        let to = frame.first_chunk::<ADDRESS_LEN>().ok_or_else(invalid)?;
        // SAFETY: all zero is a socket address of no kind.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as libc::c_ushort;
        address.sll_ifindex = libc::c_int::try_from(wire.ifindex).map_err(|_| invalid())?;
        address.sll_halen = ADDRESS_LEN as libc::c_uchar;
        address.sll_addr[..ADDRESS_LEN].copy_from_slice(to);
        // SAFETY: the frame and the address are read during the call only, as long as they say.
        let sent = unsafe {
            libc::sendto(
                self.0.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                libc::MSG_DONTWAIT,
                (&raw const address).cast(),
                size_of::<libc::sockaddr_ll>() as libc::socklen_t,
            )
        };
        match usize::try_from(sent) {
            Ok(_) => Ok(()),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }
}
