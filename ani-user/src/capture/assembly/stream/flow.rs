//! One flow: where it goes on, what waits, and when that is given up.

use std::time::Duration;

use super::{
    Arrival,
    waiting::{Waiting, distance},
};
use crate::{
    capture::{
        assembly::{
            framing::{Framing, Out},
            shelves::Entry,
        },
        packet::Segment,
    },
    sip::{self, Place, Start},
    telemetry::Tally,
    time::Timestamp,
};

/// How long a gap may be there. A sender repeats after a second at the latest when it loses the
/// first one (RFC 6298 §2), and after two more the second.
pub(super) const GAP_WAIT: Duration = Duration::from_secs(3);

/// Most bytes that wait behind a gap: what a carrier sends in half a second at 1,000 INVITEs a second
/// of 1 KB.
pub(super) const MAX_WAITING_BYTES: usize = 512 << 10;

/// Most pieces that wait behind a gap: those of [`MAX_WAITING_BYTES`] at 1 KB each.
pub(super) const MAX_WAITING_PIECES: usize = 512;

/// How long a flow that was joined in the middle waits for what may have been overtaken at its
/// start.
pub(super) const JOIN_WAIT: Duration = Duration::from_secs(1);

/// Most bytes it waits with.
pub(super) const MAX_JOIN_BYTES: usize = 16 << 10;

/// Most pieces it waits with.
pub(super) const MAX_JOIN_PIECES: usize = 16;

/// How far a segment may be from where the flow goes on, bytes. Beyond that it belongs to another
/// connection on the same ports: not to be large, since those start anywhere, but larger than what
/// may wait.
pub(super) const WINDOW: i32 = 1 << 20;

const _: () = assert!(MAX_WAITING_BYTES < WINDOW as usize);

/// Segments from elsewhere after which the flow is taken to go on there, though no message starts in
/// them.
pub(super) const MAX_STRAYS: u8 = 4;

/// What a flow costs beside its own fields and bytes: its key, its place in two lists and tables,
/// and at worst a shelf of its own.
const OVERHEAD: usize = 1_024;

/// One direction of a connection.
pub(super) struct Flow {
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
    /// Nothing is known of it.
    pub(super) fn new() -> Self {
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

    /// Whether something would be lost with it.
    pub(super) fn is_unfinished(&self) -> bool {
        self.framing.in_message() || !self.waiting.is_empty()
    }

    /// Another connection on the same ports, or another place in this one. What waits is read first.
    fn restart(&mut self, out: &mut Out<'_>) {
        self.go_on(Timestamp(i64::MAX), out);
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

    /// Takes a segment of it.
    pub(super) fn segment(&mut self, segment: &Segment<'_>, arrival: &Arrival, out: &mut Out<'_>) {
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

    /// Goes on with what waits, as far as it follows or has waited long enough by `now`.
    pub(super) fn go_on(&mut self, now: Timestamp, out: &mut Out<'_>) {
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
