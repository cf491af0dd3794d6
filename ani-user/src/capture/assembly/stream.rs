//! TCP flows followed from segment to segment (RFC 9293 §3.4), as one who looks on sees them: out of
//! order, twice, from the middle on, and not always whole.

/// One flow.
mod flow;
/// Bytes of a flow that wait for others before them.
mod waiting;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use self::flow::Flow;
use super::{
    Held,
    framing::Out,
    shelves::{Bounds, Evicted, Shelves},
};
use crate::{
    capture::{
        Frame, KernelView, Message, Reach, Transport,
        packet::{Segment, Vlans},
    },
    telemetry::{Tallies, Tally},
    time::Timestamp,
};

/// Flows of all trunks together. An SBC has a few hundred connections of carriers; each half of one
/// is a flow, and one in the middle of the largest message takes 64 KB.
pub const OF_TRUNKS: Bounds = Bounds { entries: 16_384, bytes: 32 << 20, share: 4 };

/// Flows of strangers: enough to see who calls, not worth more.
pub const OF_STRANGERS: Bounds = Bounds { entries: 8_192, bytes: 16 << 20, share: 8 };

/// How long a flow is remembered in which nothing happens. One that is only quiet loses nothing by
/// it; a message that has stood still for so long, its sender has given up (RFC 3261 §17.1.1.2,
/// timer B: 32 s).
pub const IDLE: Duration = Duration::from_secs(60);

/// The TCP flows of one kind of source.
pub struct Streams {
    flows: Shelves<Key, Flow>,
    /// Segments so far: later ones are known by it, whatever their clocks say.
    segments: u64,
    tallies: Arc<Tallies>,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    src: SocketAddr,
    dst: SocketAddr,
    vlan: Vlans,
}

/// How a segment came here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Its number among all segments.
    pub(super) order: u64,
    frame: u64,
    arrived: Timestamp,
    fragments: u32,
    reach: Reach,
    kernel: Option<KernelView>,
}

impl Streams {
    /// None yet.
    pub fn new(bounds: Bounds, tallies: Arc<Tallies>) -> Self {
        Self { flows: Shelves::new(bounds), segments: 0, tallies }
    }

    /// Hands out the messages that a segment makes whole. It came in `frame`, in so many IP
    /// `fragments`.
    pub fn push(
        &mut self,
        segment: &Segment<'_>,
        frame: &Frame<'_>,
        fragments: u32,
        each: &mut dyn FnMut(&Message<'_>),
    ) {
        let Self { flows, segments, tallies } = self;
        let key = Key { src: segment.src, dst: segment.dst, vlan: segment.vlan };
        let source = segment.src.ip();
        let says_something =
            segment.len > 0 || segment.syn || segment.end && flows.contains(source, &key);
        if !says_something {
            return;
        }
        *segments += 1;
        let arrival = Arrival {
            order: *segments,
            frame: frame.number,
            arrived: frame.arrived,
            fragments,
            reach: frame.reach,
            kernel: frame.kernel,
        };
        flows.with(
            source,
            &key,
            frame.arrived,
            Flow::new,
            |flow| key.run(tallies, each, |out| flow.segment(segment, &arrival, out)),
            &mut |flow, why| lost(&flow, why, tallies),
        );
    }

    /// Gives up what has waited too long by `now`. Costs a look at each flow.
    pub fn expire(&mut self, now: Timestamp, each: &mut dyn FnMut(&Message<'_>)) {
        let Self { flows, tallies, .. } = self;
        flows.each(&mut |key, flow| key.run(tallies, each, |out| flow.go_on(now, out)));
        flows.expire(now.before(IDLE), &mut |flow, why| lost(&flow, why, tallies));
    }

    /// Gives up all that is not whole: no more segments will come.
    pub fn finish(&mut self, each: &mut dyn FnMut(&Message<'_>)) {
        let Self { flows, tallies, .. } = self;
        let end = Timestamp(i64::MAX);
        flows.each(&mut |key, flow| key.run(tallies, each, |out| flow.go_on(end, out)));
        flows.clear(&mut |flow, why| lost(&flow, why, tallies));
    }

    /// What is held now.
    pub fn memory(&self) -> Held {
        Held { entries: self.flows.len(), bytes: self.flows.bytes() }
    }
}

/// Counts what is lost with a flow that gives way: nothing, when it is between two messages.
fn lost(flow: &Flow, why: Evicted, tallies: &Tallies) {
    if flow.is_unfinished() {
        tallies.add(match why {
            Evicted::Idle => Tally::TcpUnfinished,
            Evicted::Share => Tally::TcpShare,
            Evicted::Full => Tally::TcpEvicted,
        });
    }
}

impl Key {
    /// Does something with the flow whose messages go to `each`.
    fn run(
        &self,
        tallies: &Tallies,
        each: &mut dyn FnMut(&Message<'_>),
        work: impl FnOnce(&mut Out<'_>),
    ) {
        let mut message = |bytes: &[u8], cut: bool, arrival: &Arrival| {
            each(&Message {
                frame: arrival.frame,
                arrived: arrival.arrived,
                src: self.src,
                dst: self.dst,
                transport: Transport::Tcp,
                vlan: self.vlan,
                fragments: arrival.fragments,
                bytes,
                first_len: bytes.len(),
                cut,
                overlong: false,
                reach: arrival.reach,
                kernel: arrival.kernel,
                wire: None,
            });
        };
        work(&mut Out { tallies, message: &mut message });
    }
}

#[cfg(test)]
mod tests;
