//! Where frames come from.

/// The clocks, and what they make of the kernel's.
pub mod clock;
/// The kernel's ring buffer.
pub mod ring;
/// From the reader's thread to the worker's.
pub mod queue;
/// From a frame to the UDP datagram it carries.
pub mod datagram;
/// pcap and pcapng files.
pub mod file;
/// Frames and files made for tests.
#[cfg(test)]
pub(crate) mod fixture;

use ani_ebpf::{
    abi::{counter::Counter, number::Number},
    scan::{AniHeader, Attestation, NotPlain},
};

use crate::time::Timestamp;

/// One frame as it was captured, borrowed from its source.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Number of the record in its capture, from 1.
    pub number: u64,
    /// When it arrived.
    pub arrived: Timestamp,
    /// What its bytes start with.
    pub link: LinkType,
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// Length on the wire, bytes; more than was captured when it was cut.
    pub wire_len: u32,
    /// What the XDP program made of it; none for a frame that did not come through it.
    pub kernel: Option<KernelView>,
}

/// What a frame starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkType {
    /// Ethernet II.
    Ethernet,
    /// BSD loopback: address family in four bytes, the byte order of the machine that captured.
    Null,
    /// IPv4 or IPv6 without a link header.
    RawIp,
    /// Linux cooked capture.
    Sll,
    /// Linux cooked capture, version 2.
    Sll2,
}

/// What the XDP program made of an INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelView {
    /// The way out it took.
    pub exit: Counter,
    /// Why it was left undecided; none when it was plain.
    pub not_plain: Option<NotPlain>,
    /// The caller, E.164; [`Number::NONE`] when none was read.
    pub ani: Number,
    /// The header he was read from.
    pub ani_header: Option<AniHeader>,
    /// What the Identity header claims.
    pub attestation: Attestation,
    /// Index of the trunk.
    pub trunk: Option<u16>,
}
