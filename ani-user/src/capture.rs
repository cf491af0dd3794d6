//! Where frames come from, and how SIP messages are taken out of them.

/// The clocks, and what they make of the kernel's.
pub mod clock;
/// The kernel's ring buffer.
#[cfg(feature = "daemon")]
pub mod ring;
/// From where something comes in to the worker's thread.
pub mod queue;
/// Messages that others mirror.
pub mod hep;
/// pcap and pcapng files.
pub mod file;
/// From a frame to the datagram, segment or fragment it carries.
pub mod packet;
/// From packets to whole messages: fragments and TCP flows are put together.
pub mod assembly;
/// A message that outlives its frame.
pub mod kept;
/// Frames and files made for tests.
#[cfg(test)]
pub(crate) mod fixture;

use std::{net::SocketAddr, ops::ControlFlow};

use ani_ebpf::{
    abi::{counter::Counter, number::Number},
    scan::{AniHeader, Attestation, NotPlain},
};
use serde::Serialize;

use self::packet::Vlans;
use crate::time::Timestamp;

/// Where frames come from. What is behind it, the pipeline does not know; what may be done with a
/// call in a frame, the frame says.
pub trait Source {
    /// Why it cannot be read on.
    type Error;

    /// Hands out the frames that are there in their order until there are no more, or `each`
    /// breaks off: all of a file, what has come by now from the network.
    ///
    /// # Errors
    ///
    /// When the source ends before its time; what came before has been handed out.
    fn frames(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), Self::Error>;
}

/// One frame as it was captured, borrowed from its source.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Number of the record in its capture, from 1.
    pub number: u64,
    /// When it arrived.
    pub arrived: Timestamp,
    /// What there is of it.
    pub content: Content<'a>,
    /// The most that may be done with a call in it.
    pub reach: Reach,
    /// What the XDP program made of it; none for a frame that did not come through it.
    pub kernel: Option<KernelView>,
}

/// What there is of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content<'a> {
    /// Its bytes, from the link header on.
    Link {
        /// What they start with.
        link: LinkType,
        /// Those that were captured.
        bytes: &'a [u8],
        /// Length on the wire, bytes; more than was captured when it was cut.
        wire_len: u32,
    },
    /// A SIP message that its source took out of the packets itself.
    Message {
        /// Who sent it.
        src: SocketAddr,
        /// Whom it was sent to.
        dst: SocketAddr,
        /// What it came over.
        transport: Transport,
        /// The message.
        bytes: &'a [u8],
    },
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
    /// PPP, with or without the HDLC-like framing before it.
    Ppp,
    /// A PPPoE header, without Ethernet before it.
    PppEther,
}

/// The most that can be done with a call, from the least on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// It can be looked at: a mirrored one has long gone by, and out of a TCP stream nothing can be
    /// taken without breaking it.
    Observe,
    /// It can be stopped at the NIC.
    Stop,
    /// It can be stopped and answered in the SBC's place: its sender is known, and UDP has no state
    /// an answer would disturb.
    Answer,
}

/// What a message came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS, opened by whoever mirrors it.
    Tls,
    /// SCTP, read by whoever mirrors it.
    Sctp,
    /// WebSocket, read by whoever mirrors it.
    Ws,
}

/// A SIP message, or what claims to be one, with what is known of its way here.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Number of the frame in which it became whole.
    pub frame: u64,
    /// When that arrived.
    pub arrived: Timestamp,
    /// Who sent it.
    pub src: SocketAddr,
    /// Whom it was sent to.
    pub dst: SocketAddr,
    /// What it came over.
    pub transport: Transport,
    /// VLAN identifiers of that frame.
    pub vlan: Vlans,
    /// IP fragments it came in; 1 for a whole packet.
    pub fragments: u32,
    /// Its bytes: as many as its transport says, or what is there of them.
    pub bytes: &'a [u8],
    /// How many of them came in the first packet: what the XDP program can decide on.
    pub first_len: usize,
    /// Whether its end is missing.
    pub cut: bool,
    /// Whether UDP claims more than IP leaves for it: no stack takes such a datagram.
    pub overlong: bool,
    /// The most that can be done with it.
    pub reach: Reach,
    /// What the XDP program made of it; of a fragmented one, of its first fragment.
    pub kernel: Option<KernelView>,
    /// The Ethernet frame in which it became whole; none where it did not come in one.
    pub wire: Option<Wire<'a>>,
}

/// An Ethernet frame, for an answer to go back the way it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire<'a> {
    /// Its bytes, as far as they were captured.
    pub bytes: &'a [u8],
    /// The interface that the XDP program saw it on; 0 where it saw none of it.
    pub ifindex: u32,
}

/// What the XDP program made of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelView {
    /// The way out it took.
    pub exit: Counter,
    /// The way out its call attempt was given first; another than `exit` for a repeated INVITE.
    pub first_exit: Counter,
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
    /// Which lists and limits spoke.
    pub by: By,
    /// What is known of a frame that was held; none for one that went its way.
    pub held: Option<Hold>,
    /// The interface it came in on; 0 for none.
    pub ifindex: u32,
}

/// A frame that was held: dropped in the kernel, for the daemon to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Number of the frame; of a call in fragments, of the first.
    pub number: u64,
    /// Where the UDP payload starts in it, bytes.
    pub payload_at: u16,
    /// CLOCK_MONOTONIC when the program looked at it, nanoseconds.
    pub seen_ns: u64,
    /// Whether it still is.
    pub state: HoldState,
}

/// Whether a held frame still is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldState {
    /// It waits for a decision.
    Open,
    /// It was released: the daemon came to it too late.
    Late,
    /// It was released: too many were held.
    Full,
    /// It was let die: so late that its caller has sent it again.
    Old,
}

/// Ids of the lists and limits that decided, and of those that would have, were they not only observed;
/// 0 for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct By {
    /// The list that decided, or that marks the caller.
    pub list: u8,
    /// Whether it did by a prefix or a range, and not by the number itself.
    pub ranged: bool,
    /// The limit that decided.
    pub limit: u8,
    /// The list that would have decided.
    pub observed_list: u8,
    /// The limit that would have.
    pub observed_limit: u8,
}
