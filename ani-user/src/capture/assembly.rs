//! From frames to whole messages: fragments are put together, TCP flows are followed, and what comes
//! whole goes straight through.
//!
//! Time comes in with the frames. All memory is bounded: what comes from configured trunks and what
//! strangers send stands on shelves of its own, and within each every source has a share.

/// Packets put together from their fragments.
pub mod fragments;
/// TCP flows, followed from segment to segment.
pub mod stream;
/// SIP messages in a stream of bytes.
pub mod framing;
/// What is being put together, in bounded memory.
pub mod shelves;

use std::{net::IpAddr, sync::Arc, time::Duration};

use self::{
    fragments::{Came, Fragments},
    shelves::Bounds,
    stream::Streams,
};
use super::{
    Content, Frame, KernelView, LinkType, Message, Transport, Wire,
    packet::{self, Packet, Skipped, Vlans},
};
use crate::{
    telemetry::{Tallies, Tally},
    time::Timestamp,
};

/// How often it is looked for what has waited too long.
const SWEEP: Duration = Duration::from_secs(1);

/// Bytes all that is being put together may take.
pub const MAX_BYTES: usize = fragments::OF_TRUNKS.bytes
    + fragments::OF_STRANGERS.bytes
    + stream::OF_TRUNKS.bytes
    + stream::OF_STRANGERS.bytes;

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
    fragments: Fragments,
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

/// How a packet came out of its frames.
#[derive(Clone, Copy)]
struct Origin {
    fragments: u32,
    kernel: Option<KernelView>,
    /// Bytes of the message that were in the first fragment; none when it came whole.
    first_len: Option<usize>,
}

impl Assembly {
    /// Nothing put together yet; what happens is counted in `tallies`.
    pub fn new(tallies: Arc<Tallies>) -> Self {
        Self {
            trunks: Pool::new(fragments::OF_TRUNKS, stream::OF_TRUNKS, &tallies),
            strangers: Pool::new(fragments::OF_STRANGERS, stream::OF_STRANGERS, &tallies),
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
        match frame.content {
            Content::Message { src, dst, transport, bytes } => each(&Message {
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
                wire: None,
            }),
            Content::Link { link, bytes, .. } => {
                // A mirrored message has its sender's time, which says nothing about packets here.
                self.expire(frame.arrived, each);
                let origin = Origin { fragments: 1, kernel: frame.kernel, first_len: None };
                self.packet(packet::read(link, bytes), origin, frame, trusted, each);
            }
        }
    }

    /// Gives up what has waited too long; to be called when no frames come. Looks about once a
    /// second, however often it is called. What is known of a message with a hole is handed out.
    pub fn expire(&mut self, now: Timestamp, each: &mut dyn FnMut(&Message<'_>)) {
        // Frames come a little out of order; a clock that was set back, or another capture, begins
        // anew.
        if now < self.swept.after(SWEEP) && now > self.swept.before(SWEEP) {
            return;
        }
        self.swept = now;
        for pool in [&mut self.trunks, &mut self.strangers] {
            pool.fragments.expire(now);
            pool.streams.expire(now, each);
        }
    }

    /// Gives up all that is not whole: no more frames will come.
    pub fn finish(&mut self, each: &mut dyn FnMut(&Message<'_>)) {
        for pool in [&mut self.trunks, &mut self.strangers] {
            pool.fragments.finish();
            pool.streams.finish(each);
        }
    }

    /// What is held now.
    pub fn memory(&self) -> Held {
        [&self.trunks, &self.strangers].into_iter().fold(Held::default(), |held, pool| {
            [pool.fragments.memory(), pool.streams.memory()].into_iter().fold(held, |held, more| {
                Held { entries: held.entries + more.entries, bytes: held.bytes + more.bytes }
            })
        })
    }

    /// Goes on with what was read of a frame, or of a packet put together. That may again carry a
    /// fragment, of a packet in a tunnel: as often as [`packet::MAX_TUNNELS`] lets it.
    fn packet(
        &mut self,
        read: Result<Packet<'_>, Skipped>,
        origin: Origin,
        frame: &Frame<'_>,
        trusted: &dyn Fn(IpAddr) -> bool,
        each: &mut dyn FnMut(&Message<'_>),
    ) {
        match read {
            Ok(Packet::Datagram(datagram)) => each(&Message {
                frame: frame.number,
                arrived: frame.arrived,
                src: datagram.src,
                dst: datagram.dst,
                transport: Transport::Udp,
                vlan: datagram.vlan,
                fragments: origin.fragments,
                bytes: datagram.payload,
                first_len: origin.first_len.unwrap_or(datagram.payload.len()),
                cut: datagram.cut,
                overlong: datagram.overlong,
                reach: frame.reach,
                kernel: origin.kernel,
                wire: wire(frame, origin.kernel),
            }),
            Ok(Packet::Fragment(fragment)) => {
                self.tallies.add(Tally::Fragments);
                let Origin { fragments, kernel, .. } = origin;
                let came = Came { arrived: frame.arrived, fragments, kernel };
                let pool = self.pool(trusted(fragment.whole.src));
                if let Some(whole) = pool.fragments.push(&fragment, came) {
                    let origin = Origin {
                        fragments: whole.fragments,
                        kernel: whole.kernel,
                        first_len: Some(whole.first_len()),
                    };
                    self.packet(whole.read(), origin, frame, trusted, each);
                }
            }
            Ok(Packet::Segment(segment)) => {
                if segment.len > 0 {
                    self.tallies.add(Tally::TcpSegments);
                }
                let frame = Frame { kernel: origin.kernel, ..*frame };
                let pool = self.pool(trusted(segment.src.ip()));
                pool.streams.push(&segment, &frame, origin.fragments, each);
            }
            Err(skipped) => self.tallies.add(match skipped {
                Skipped::Damaged => Tally::Damaged,
                Skipped::NotIp => Tally::NotIp,
                Skipped::OtherTransport => Tally::OtherTransport,
                Skipped::TooDeep => Tally::TooDeep,
            }),
        }
    }

    fn pool(&mut self, trusted: bool) -> &mut Pool {
        if trusted { &mut self.trunks } else { &mut self.strangers }
    }
}

/// The frame that an answer goes back as.
fn wire<'a>(frame: &Frame<'a>, kernel: Option<KernelView>) -> Option<Wire<'a>> {
    match frame.content {
        Content::Link { link: LinkType::Ethernet, bytes, .. } => {
            Some(Wire { bytes, ifindex: kernel.map_or(0, |view| view.ifindex) })
        }
        Content::Link { .. } | Content::Message { .. } => None,
    }
}

impl Pool {
    fn new(fragments: Bounds, streams: Bounds, tallies: &Arc<Tallies>) -> Self {
        Self {
            fragments: Fragments::new(fragments, Arc::clone(tallies)),
            streams: Streams::new(streams, Arc::clone(tallies)),
        }
    }
}

#[cfg(test)]
mod tests;
