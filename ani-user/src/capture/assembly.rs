//! From frames to whole messages: fragments are put together, TCP flows are followed, and what comes
//! whole goes straight through.
//!
//! Time comes in with the frames. All memory is bounded: what comes from configured trunks and what
//! strangers send stands on shelves of its own, and within each every source has a share.

/// TCP flows, followed from segment to segment.
pub mod stream;
/// SIP messages in a stream of bytes.
pub mod framing;
/// What is being put together, in bounded memory.
pub mod shelves;

use std::{net::IpAddr, sync::Arc, time::Duration};

use self::{shelves::Bounds, stream::Streams};
use super::{
    Content, Frame, Message, Transport,
    packet::{self, Packet, Skipped, Vlans},
};
use crate::{
    telemetry::{Tallies, Tally},
    time::Timestamp,
};

/// How often it is looked for what has waited too long.
const SWEEP: Duration = Duration::from_secs(1);

/// Takes messages out of frames.
pub struct Assembly {
    trunks: Pool,
    strangers: Pool,
    /// When it was last looked for what has waited too long.
    swept: Timestamp,
    tallies: Arc<Tallies>,
}

/// What is being put together for one kind of source.
struct Pool {
    streams: Streams,
}

/// Memory that is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Packets and flows that are being put together.
    pub entries: usize,
    /// Bytes they take, with what it costs to find them.
    pub bytes: usize,
}

impl Pool {
    fn new(streams: Bounds, tallies: &Arc<Tallies>) -> Self {
        Self { streams: Streams::new(streams, Arc::clone(tallies)) }
    }
}

impl Assembly {
    /// Nothing put together yet; what happens is counted in `tallies`.
    pub fn new(tallies: Arc<Tallies>) -> Self {
        Self {
            trunks: Pool::new(stream::OF_TRUNKS, &tallies),
            strangers: Pool::new(stream::OF_STRANGERS, &tallies),
            swept: Timestamp::default(),
            tallies,
        }
    }

    /// Hands out the messages that a frame makes whole. `trusted` says whether an address belongs
    /// to a configured trunk.
    pub fn frame(
        &mut self,
        frame: &Frame<'_>,
        trusted: &dyn Fn(IpAddr) -> bool,
        each: &mut dyn FnMut(&Message<'_>),
    ) {
        self.tallies.add(Tally::Frames);
        self.expire(frame.arrived, each);
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
            Ok(Packet::Segment(segment)) => {
                if segment.len > 0 {
                    self.tallies.add(Tally::TcpSegments);
                }
                self.pool(trusted(segment.src.ip())).streams.push(&segment, frame, 1, each);
            }
            Err(skipped) => self.tallies.add(match skipped {
                Skipped::Damaged => Tally::Damaged,
                Skipped::NotIp => Tally::NotIp,
                Skipped::OtherTransport => Tally::OtherTransport,
                Skipped::TooDeep => Tally::TooDeep,
            }),
        }
    }

    /// Gives up what has waited too long; to be called when no frames come. Looks about once a
    /// second, however often it is called.
    pub fn expire(&mut self, now: Timestamp, each: &mut dyn FnMut(&Message<'_>)) {
        // A clock that was set back, or another capture, begins anew.
        if now >= self.swept && now < self.swept.after(SWEEP) {
            return;
        }
        self.swept = now;
        for pool in [&mut self.trunks, &mut self.strangers] {
            pool.streams.expire(now, each);
        }
    }

    /// Gives up all that is not whole: no more frames will come.
    pub fn finish(&mut self, each: &mut dyn FnMut(&Message<'_>)) {
        for pool in [&mut self.trunks, &mut self.strangers] {
            pool.streams.finish(each);
        }
    }

    /// What is held now.
    pub fn memory(&self) -> Held {
        [&self.trunks, &self.strangers].into_iter().fold(Held::default(), |held, pool| {
            let more = pool.streams.memory();
            Held { entries: held.entries + more.entries, bytes: held.bytes + more.bytes }
        })
    }

    fn pool(&mut self, trusted: bool) -> &mut Pool {
        if trusted { &mut self.trunks } else { &mut self.strangers }
    }
}
