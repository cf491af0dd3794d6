//! From frames to whole messages: fragments are put together, TCP flows are followed, and what comes
//! whole goes straight through.
//!
//! Time comes in with the frames. All memory is bounded: what comes from configured trunks and what
//! strangers send stands on shelves of its own, and within each every source has a share.

/// What is being put together, in bounded memory.
pub mod shelves;

use std::{net::IpAddr, sync::Arc};

use super::{
    Content, Frame, Message, Transport,
    packet::{self, Packet, Skipped, Vlans},
};
use crate::telemetry::{Tallies, Tally};

/// Takes messages out of frames.
pub struct Assembly {
    tallies: Arc<Tallies>,
}

impl Assembly {
    /// Nothing put together yet; what happens is counted in `tallies`.
    pub fn new(tallies: Arc<Tallies>) -> Self {
        Self { tallies }
    }

    /// Hands out the messages that a frame makes whole. `trusted` says whether an address belongs
    /// to a configured trunk.
    pub fn frame(
        &mut self,
        frame: &Frame<'_>,
        _trusted: &dyn Fn(IpAddr) -> bool,
        each: &mut dyn FnMut(&Message<'_>),
    ) {
        self.tallies.add(Tally::Frames);
        let read = match frame.content {
            Content::Message { src, dst, transport, bytes } => {
                each(&Message {
                    frame: frame.number,
                    arrived: frame.arrived,
                    src,
                    dst,
                    transport,
                    vlan: Vlans::default(),
                    fragments: 1,
                    bytes,
                    first_len: bytes.len(),
                    cut: false,
                    overlong: false,
                    reach: frame.reach,
                    kernel: frame.kernel,
                });
                return;
            }
            Content::Link { link, bytes, .. } => packet::read(link, bytes),
        };
        match read {
            Ok(Packet::Datagram(datagram)) => each(&Message {
                frame: frame.number,
                arrived: frame.arrived,
                src: datagram.src,
                dst: datagram.dst,
                transport: Transport::Udp,
                vlan: datagram.vlan,
                fragments: 1,
                bytes: datagram.payload,
                first_len: datagram.payload.len(),
                cut: datagram.cut,
                overlong: datagram.overlong,
                reach: frame.reach,
                kernel: frame.kernel,
            }),
            Ok(Packet::Fragment(_)) => self.tallies.add(Tally::Fragments),
            Ok(Packet::Segment(_)) => self.tallies.add(Tally::TcpSegments),
            Err(skipped) => self.tallies.add(match skipped {
                Skipped::Damaged => Tally::Damaged,
                Skipped::NotIp => Tally::NotIp,
                Skipped::OtherTransport => Tally::OtherTransport,
                Skipped::TooDeep => Tally::TooDeep,
            }),
        }
    }
}
