//! TCP flows followed from segment to segment (RFC 9293 §3.4), as one who looks on sees them: out of
//! order, twice, from the middle on, and not always whole.

/// Bytes of a flow that wait for others before them.
mod waiting;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use self::waiting::{Waiting, distance};
use super::{
    Held,
    framing::{Framing, Out},
    shelves::{Bounds, Entry, Evicted, Shelves},
};
use crate::{
    capture::{
        Frame, KernelView, Message, Reach, Transport,
        packet::{Segment, Vlans},
    },
    sip::{self, Place, Start},
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

/// How long a gap may be there. A sender repeats after a second at the latest when it loses the
/// first one (RFC 6298 §2), and after two more the second.
pub const GAP_WAIT: Duration = Duration::from_secs(3);

/// Most bytes that wait behind a gap: a window of 64 KB, twice.
pub const MAX_WAITING_BYTES: usize = 128 << 10;

/// Most pieces that wait behind a gap: those of [`MAX_WAITING_BYTES`] at 512 bytes each.
pub const MAX_WAITING_PIECES: usize = 256;

/// How long a flow that was joined in the middle waits for what may have been overtaken at its
/// start.
pub const JOIN_WAIT: Duration = Duration::from_secs(1);

/// Most bytes it waits with.
pub const MAX_JOIN_BYTES: usize = 16 << 10;

/// Most pieces it waits with.
pub const MAX_JOIN_PIECES: usize = 16;

/// How far a segment may be from where the flow goes on, bytes. Beyond that it belongs to another
/// connection on the same ports: not to be large, since those start anywhere.
pub const WINDOW: i32 = 512 << 10;

/// Segments from elsewhere after which the flow is taken to go on there, though no message starts in
/// them.
pub const MAX_STRAYS: u8 = 4;

/// What a flow costs beside its own fields and bytes: its key, its place in two lists and tables,
/// and at worst a shelf of its own.
const OVERHEAD: usize = 1_024;

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
        let idle = i64::try_from(IDLE.as_nanos()).unwrap_or(i64::MAX);
        let before = Timestamp(now.0.saturating_sub(idle));
        flows.expire(before, &mut |flow, why| lost(&flow, why, tallies));
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
            });
        };
        work(&mut Out { tallies, message: &mut message });
    }
}

/// One flow.
struct Flow {
    sync: Sync,
    /// Sequence number of the byte that comes next; while the flow is joined, of the first one seen.
    next: u32,
    /// Where it was followed from.
    first: u32,
    /// Whether that is its very start, by a SYN.
    opened: bool,
    /// Where it ends, by a FIN or RST.
    end: Option<u32>,
    /// Segments from elsewhere in a row.
    strays: u8,
    framing: Framing,
    waiting: Waiting,
}

/// How much is known of a flow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sync {
    /// Nothing.
    New,
    /// No message is known to start in it; what came since then waits.
    Joined { since: Timestamp },
    /// What comes next.
    Followed,
}

impl Entry for Flow {
    fn bytes(&self) -> usize {
        OVERHEAD + size_of::<Self>() + self.framing.bytes() + self.waiting.bytes()
    }
}

impl Flow {
    fn new() -> Self {
        Self {
            sync: Sync::New,
            next: 0,
            first: 0,
            opened: false,
            end: None,
            strays: 0,
            framing: Framing::new(),
            waiting: Waiting::default(),
        }
    }

    fn is_unfinished(&self) -> bool {
        self.framing.in_message() || !self.waiting.is_empty()
    }

    /// Another connection on the same ports, or another place in this one.
    fn restart(&mut self, out: &Out<'_>) {
        if self.is_unfinished() {
            out.tallies.add(Tally::TcpUnfinished);
        }
        *self = Self::new();
    }

    /// Messages start at `seq`.
    fn follow(&mut self, seq: u32) {
        self.sync = Sync::Followed;
        self.next = seq;
        self.first = seq;
    }

    fn segment(&mut self, segment: &Segment<'_>, arrival: &Arrival, out: &mut Out<'_>) {
        let repeated = self.opened && self.first == segment.seq;
        if segment.syn && !repeated {
            self.restart(out);
            self.follow(segment.seq);
            self.opened = true;
        }
        if segment.len > 0 {
            self.payload(segment, arrival, out);
        }
        if segment.end {
            let end = segment.seq.wrapping_add(segment.len);
            if (0..=WINDOW).contains(&distance(self.next, end)) {
                self.end = Some(end);
            }
        }
        self.go_on(arrival.arrived, out);
    }

    fn payload(&mut self, segment: &Segment<'_>, arrival: &Arrival, out: &mut Out<'_>) {
        let at = distance(self.next, segment.seq);
        let ended = self.end == Some(self.next) && at >= 0;
        let elsewhere = !(-WINDOW..=WINDOW).contains(&at) || ended;
        if self.sync != Sync::New && elsewhere {
            self.strays += 1;
            if starts(segment.payload) == Start::No && self.strays < MAX_STRAYS {
                out.tallies.add(Tally::TcpNotSip);
                return;
            }
            self.restart(out);
        }
        self.strays = 0;
        match self.sync {
            Sync::Followed => self.followed(segment, arrival, out),
            _ if self.is_before_all(segment.seq) && starts(segment.payload) != Start::No => {
                self.follow(segment.seq);
                self.followed(segment, arrival, out);
            }
            sync => {
                if sync == Sync::New {
                    self.next = segment.seq;
                    self.sync = Sync::Joined { since: arrival.arrived };
                }
                self.wait(segment.seq, segment.payload, segment, arrival, out);
                if starts(segment.payload) == Start::Yes {
                    // What is before it has waited long enough.
                    self.search();
                    while distance(self.next, segment.seq) > 0 {
                        self.drain(out);
                        self.skip_to(self.waiting.first().unwrap_or(segment.seq), out);
                    }
                }
            }
        }
    }

    fn is_before_all(&self, seq: u32) -> bool {
        self.waiting.first().is_none_or(|first| distance(seq, first) > 0)
    }

    /// Looks for a message in what waits, wherever one starts.
    fn search(&mut self) {
        if let Some(first) = self.waiting.first() {
            self.follow(first);
            self.framing = Framing::in_the_middle();
        }
    }

    /// Takes a segment of a flow of which is known what comes next.
    fn followed(&mut self, segment: &Segment<'_>, arrival: &Arrival, out: &mut Out<'_>) {
        let at = distance(self.next, segment.seq);
        if at > 0 {
            self.wait(segment.seq, segment.payload, segment, arrival, out);
            return;
        }
        let known = at.unsigned_abs();
        if known >= segment.len {
            if !self.overtaken(segment, arrival, out) {
                out.tallies.add(Tally::TcpDuplicate);
            }
            return;
        }
        let new = segment.payload.get(known as usize..).unwrap_or_default();
        if !self.waiting.is_empty() {
            self.wait(self.next, new, segment, arrival, out);
            return;
        }
        if !new.is_empty() && !self.framing.feed(new, arrival, out) {
            out.tallies.add(Tally::TcpNotSip);
        }
        self.next = self.next.wrapping_add(new.len() as u32);
        let end = segment.seq.wrapping_add(segment.len);
        self.skip_to(end, out);
    }

    /// Keeps `bytes` of a segment, which belong at `seq`, until those before them are there.
    fn wait(
        &mut self,
        seq: u32,
        bytes: &[u8],
        segment: &Segment<'_>,
        arrival: &Arrival,
        out: &Out<'_>,
    ) {
        let missing = segment.len.saturating_sub(segment.payload.len() as u32);
        if !self.waiting.insert(seq, bytes, missing, arrival) {
            out.tallies.add(Tally::TcpDuplicate);
        }
    }

    /// Reads a segment right before the one that the flow is followed from: it was overtaken at
    /// the start of the flow. Whether it is one.
    fn overtaken(&mut self, segment: &Segment<'_>, arrival: &Arrival, out: &mut Out<'_>) -> bool {
        let whole = segment.payload.len() == segment.len as usize;
        let end = segment.seq.wrapping_add(segment.len);
        if self.opened || end != self.first || !whole || starts(segment.payload) == Start::No {
            return false;
        }
        self.first = segment.seq;
        let mut before = Framing::new();
        before.feed(segment.payload, arrival, out);
        if before.end() {
            out.tallies.add(Tally::TcpUnfinished);
        }
        true
    }

    /// Goes on with what waits, as far as it follows or has waited long enough.
    fn go_on(&mut self, now: Timestamp, out: &mut Out<'_>) {
        if let Sync::Joined { since } = self.sync {
            if since.after(JOIN_WAIT) > now && !self.waiting.over(MAX_JOIN_PIECES, MAX_JOIN_BYTES) {
                return;
            }
            self.search();
        }
        while !self.waiting.is_empty() {
            self.drain(out);
            let Some(first) = self.waiting.first() else { break };
            let full = self.waiting.over(MAX_WAITING_PIECES, MAX_WAITING_BYTES);
            if !full && !self.waiting.waited(GAP_WAIT, now) {
                return;
            }
            self.skip_to(first, out);
        }
        if self.end == Some(self.next) && self.framing.end() {
            out.tallies.add(Tally::TcpUnfinished);
        }
    }

    /// Reads what follows of what waits.
    fn drain(&mut self, out: &mut Out<'_>) {
        let Self { waiting, framing, next, .. } = self;
        *next = waiting.drain(*next, |piece, room| {
            if !framing.feed(&piece.bytes, &piece.arrival, out) {
                out.tallies.add(Tally::TcpNotSip);
            }
            let end = piece.seq.wrapping_add(piece.bytes.len() as u32);
            let missing = piece.missing.min(room);
            if missing > 0 {
                out.tallies.add(Tally::TcpGap);
                framing.gap(missing, out);
            }
            end.wrapping_add(missing)
        });
    }

    /// Gives up what is missing before `seq`.
    fn skip_to(&mut self, seq: u32, out: &mut Out<'_>) {
        let Ok(missing @ 1..) = u32::try_from(distance(self.next, seq)) else { return };
        out.tallies.add(Tally::TcpGap);
        self.framing.gap(missing, out);
        self.next = seq;
    }
}

/// Whether a payload starts with a start line, which may be the first of its flow.
fn starts(payload: &[u8]) -> Start {
    let blank = payload.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    sip::start(payload.get(blank..).unwrap_or_default(), 0, Place::First)
}

#[cfg(test)]
mod tests;
