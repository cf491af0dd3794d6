//! SIP messages in a stream of bytes: where one starts and where it ends.
//!
//! A message ends where its Content-Length says; without one it has no body (RFC 3261 §18.3 and
//! §20.14). Empty lines between messages are keep-alives (RFC 5626 §4.4.1). Where no message starts
//! as it should, or bytes are missing, the next line that is without doubt a start line is looked
//! for. The header walk sees line ends and folds as the parser in [`sip`] does.

/// From a start line to the empty line.
mod head;

use self::head::{Head, Length, Line};
use super::stream::Arrival;
use crate::{
    sip::{self, Place, Start},
    telemetry::{Tallies, Tally},
};

/// Longest message that is read, bytes: what UDP can carry.
pub const MAX_MESSAGE: usize = 65_535;

/// Most that is passed over of a longer message, bytes. Whoever claims more than any SBC takes is
/// not believed: a start line is looked for at once.
pub const MAX_SKIP: u32 = 1 << 20;

/// What the messages of a stream are handed to, and where is counted what else is found.
pub(super) struct Out<'a> {
    pub(super) tallies: &'a Tallies,
    /// Takes a message's bytes, whether its end is missing, and the segment that came last of those
    /// with bytes of it.
    pub(super) message: &'a mut dyn FnMut(&[u8], bool, &Arrival),
}

impl Out<'_> {
    fn whole(&mut self, bytes: &[u8], arrival: &Arrival) {
        self.tallies.add(Tally::TcpMessages);
        (self.message)(bytes, false, arrival);
    }

    /// Of a message without its end, only an INVITE is worth something.
    fn cut(&mut self, bytes: &[u8], arrival: &Arrival) {
        if sip::may_be_invite(bytes) {
            self.tallies.add(Tally::TcpMessages);
            (self.message)(bytes, true, arrival);
        }
    }
}

/// A stream as far as it has been read.
pub(super) struct Framing {
    state: State,
    /// The message in progress from its first byte on: `held.len() <= MAX_MESSAGE`.
    held: Vec<u8>,
    /// The segment that came last of those `held` is from; there when `held` is not empty.
    latest: Option<Arrival>,
    /// Whether nothing has been found yet in a stream that was joined in the middle.
    joining: bool,
}

/// What comes next.
enum State {
    /// A start line; `seen` bytes of it hold no line end.
    Start { place: Place, seen: usize },
    /// Headers.
    Head(Head),
    /// The rest of a message of `len` bytes.
    Body { len: usize },
    /// So many bytes of a message that is not read further.
    Skip { left: u32 },
    /// The rest of a line that says nothing.
    Search,
}

/// What the start of a text is.
enum Step {
    /// No part of a message, so many bytes of it.
    Pass(usize),
    /// A message of so many bytes.
    Whole(usize),
    /// So many bytes of a message that is longer than is read.
    TooLong(usize),
    /// The start of a message: more is needed.
    More,
}

impl Framing {
    /// Before the first message of a stream.
    pub(super) fn new() -> Self {
        Self::in_state(State::Start { place: Place::First, seen: 0 })
    }

    /// Somewhere in a stream.
    pub(super) fn in_the_middle() -> Self {
        Self { joining: true, ..Self::in_state(State::Search) }
    }

    fn in_state(state: State) -> Self {
        Self { state, held: Vec::new(), latest: None, joining: false }
    }

    /// Whether a message has begun and not ended.
    pub(super) fn in_message(&self) -> bool {
        !self.held.is_empty()
    }

    /// Memory held, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.held.capacity()
    }

    /// Takes what comes next. Whether any of it belongs to a message, or keeps the connection alive.
    pub(super) fn feed(&mut self, bytes: &[u8], arrival: &Arrival, out: &mut Out<'_>) -> bool {
        let mut rest = bytes;
        let mut useful = false;
        // A body need not end in a line end, but senders write message by message.
        if matches!(self.state, State::Search) && is_start(bytes) {
            self.state = State::Start { place: Place::Somewhere, seen: 0 };
        }
        while !rest.is_empty() {
            if let State::Skip { left } = self.state {
                let passed = rest.len().min(left as usize);
                self.skip(left, passed as u32);
                rest = rest.get(passed..).unwrap_or_default();
                useful = true;
                continue;
            }
            // What is held is completed by no more than it can need; what nothing is held of is read
            // where it lies.
            let mut held = std::mem::take(&mut self.held);
            let most = if let State::Body { len } = self.state { len } else { MAX_MESSAGE };
            let before = held.len();
            let taken = rest.len().min(most.saturating_sub(before));
            let fresh = rest.get(..taken).unwrap_or_default();
            let latest = match self.latest.take() {
                Some(latest) if latest.order > arrival.order => latest,
                _ => *arrival,
            };
            let text = if held.is_empty() {
                fresh
            } else {
                held.extend_from_slice(fresh);
                &held
            };
            let step = self.read(text, out.tallies);
            useful |= !matches!(step, Step::Pass(_)) || self.keeps_alive();
            let done = match step {
                Step::Pass(len) => len,
                Step::Whole(len) => {
                    out.whole(text.get(..len).unwrap_or(text), &latest);
                    len
                }
                Step::TooLong(len) => {
                    out.tallies.add(Tally::TcpTooLong);
                    out.cut(text.get(..len).unwrap_or(text), &latest);
                    len
                }
                Step::More => {
                    self.held = if held.is_empty() { fresh.to_vec() } else { held };
                    self.latest = Some(latest);
                    rest = rest.get(taken..).unwrap_or_default();
                    continue;
                }
            };
            match done.checked_sub(before) {
                Some(done) => rest = rest.get(done..).unwrap_or_default(),
                // A better start was found, and it began in what was held.
                None => {
                    held.truncate(before);
                    held.drain(..done);
                    self.held = held;
                    self.latest = Some(latest);
                }
            }
        }
        useful
    }

    /// `len` bytes never came, or not to be read.
    pub(super) fn gap(&mut self, len: u32, out: &mut Out<'_>) {
        let held = std::mem::take(&mut self.held);
        let latest = self.latest.take();
        let left = match self.state {
            State::Skip { left } => left,
            State::Body { len } => u32::try_from(len.saturating_sub(held.len())).unwrap_or(0),
            State::Start { .. } | State::Head(_) | State::Search => 0,
        };
        if let (State::Head(_) | State::Body { .. }, Some(latest)) = (&self.state, latest) {
            out.cut(&held, &latest);
        }
        self.skip(left, len);
    }

    /// The stream is at its end; whether that is within a message.
    pub(super) fn end(&mut self) -> bool {
        let unfinished = self.in_message();
        *self = Self::new();
        unfinished
    }

    /// Goes on behind `passed` bytes where `left` would end the message.
    fn skip(&mut self, left: u32, passed: u32) {
        self.state = match left.checked_sub(passed) {
            Some(0) if passed > 0 => State::Start { place: Place::Behind, seen: 0 },
            Some(left) if left > 0 => State::Skip { left },
            _ => State::Start { place: Place::Somewhere, seen: 0 },
        };
    }

    fn keeps_alive(&self) -> bool {
        matches!(self.state, State::Start { place: Place::Behind | Place::First, .. })
    }

    /// Reads on in `text`, which starts where the message in progress does.
    fn read(&mut self, text: &[u8], tallies: &Tallies) -> Step {
        loop {
            match &mut self.state {
                State::Start { place, seen } => {
                    let blank = text.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
                    let blank = blank.count();
                    if blank > 0 {
                        return Step::Pass(blank);
                    }
                    match sip::start(text, *seen, *place) {
                        Start::Yes => {
                            let sure = *place != Place::Somewhere;
                            self.state = State::Head(Head::new(sure));
                            if std::mem::take(&mut self.joining) {
                                tallies.add(Tally::TcpJoined);
                            }
                        }
                        Start::Open if text.len() < MAX_MESSAGE => {
                            *seen = text.len();
                            return Step::More;
                        }
                        Start::Open | Start::No => {
                            if *place == Place::Behind {
                                tallies.add(Tally::TcpResync);
                            }
                            self.state = State::Search;
                        }
                    }
                }
                State::Head(head) => match head.read(text) {
                    Line::Start(at) => {
                        self.state = State::Start { place: Place::Somewhere, seen: 0 };
                        return Step::Pass(at);
                    }
                    Line::End { len, body: Length::Bad } => {
                        tallies.add(Tally::TcpResync);
                        self.state = State::Start { place: Place::Somewhere, seen: 0 };
                        return Step::Whole(len);
                    }
                    Line::End { len: head, body } => {
                        let len = head.saturating_add(body.value());
                        if len <= MAX_MESSAGE {
                            self.state = State::Body { len };
                            continue;
                        }
                        return match u32::try_from(len.saturating_sub(text.len())) {
                            Ok(left) if left <= MAX_SKIP => {
                                self.state = State::Skip { left };
                                Step::TooLong(text.len())
                            }
                            _ => {
                                self.state = State::Start { place: Place::Somewhere, seen: 0 };
                                Step::TooLong(head)
                            }
                        };
                    }
                    Line::Open if text.len() < MAX_MESSAGE => return Step::More,
                    Line::Open => {
                        self.state = State::Search;
                        return Step::TooLong(text.len());
                    }
                },
                State::Body { len } => {
                    let len = *len;
                    if text.len() < len {
                        return Step::More;
                    }
                    self.state = State::Start { place: Place::Behind, seen: 0 };
                    return Step::Whole(len);
                }
                State::Search => {
                    let Some(end) = memchr::memchr(b'\n', text) else {
                        return Step::Pass(text.len());
                    };
                    self.state = State::Start { place: Place::Somewhere, seen: 0 };
                    return Step::Pass(end + 1);
                }
                State::Skip { .. } => return Step::Pass(0),
            }
        }
    }
}

/// Whether a line is a start line without doubt.
fn is_start(line: &[u8]) -> bool {
    sip::start(line, 0, Place::Somewhere) == Start::Yes
}

#[cfg(test)]
mod tests;
