//! Frames that are held: dropped in the kernel, and released or let die when it is decided what
//! becomes of the call. Each is decided within its deadline or released; there are never more than
//! the configuration says.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use super::release::{Release, complete_checksum};
use crate::{
    capture::{
        Content, Frame, Hold, HoldState, LinkType,
        assembly::fragments,
        packet::{self, Packet},
    },
    config,
    telemetry::{Tallies, Tally},
};

/// First fragments that wait for their rest, at most: the oldest gives way. At a thousand a second with
/// one in a hundred whose rest never comes, 300 wait.
pub const MAX_UNFINISHED: usize = 4_096;

/// A frame older than this is let die: its caller has sent the INVITE again (RFC 3261 §17.1.1.2, timer
/// A), and to an SBC whose transaction has ended, this one would be another call.
pub const MOST_LATE: Duration = Duration::from_millis(500);

/// How long after a frame could not be released none is held.
const PAUSE: Duration = Duration::from_secs(10);

/// Held frames by their numbers.
pub struct Table {
    frames: HashMap<u64, Entry>,
    /// Whole ones, by when they are released at the latest; those that are gone stay until then.
    due: VecDeque<(Instant, u64)>,
    /// First fragments, by when their rest no longer comes.
    unfinished: VecDeque<(Instant, u64)>,
    deadline: Duration,
    max: usize,
    way: Arc<dyn Release>,
    /// Until when nothing is to be held.
    paused: Option<Instant>,
    tallies: Arc<Tallies>,
}

struct Entry {
    frame: Vec<u8>,
    ifindex: u32,
    payload_at: u16,
    /// Whether it is a first fragment: the stack makes nothing of it without its rest.
    fragment: bool,
    /// Whether somebody else finds out what becomes of it.
    waits: bool,
}

impl Table {
    /// None is held. What happens is counted in `tallies`.
    pub fn new(config: &config::Hold, way: Arc<dyn Release>, tallies: Arc<Tallies>) -> Self {
        Self {
            frames: HashMap::new(),
            due: VecDeque::new(),
            unfinished: VecDeque::new(),
            deadline: config.deadline,
            max: config.max,
            way,
            paused: None,
            tallies,
        }
    }

    /// Takes another configuration; what is held keeps its deadline.
    pub fn reconfigure(&mut self, config: &config::Hold) {
        (self.deadline, self.max) = (config.deadline, config.max);
    }

    /// Keeps a held frame; says in it when it could not be. `age` is how long ago the program looked at
    /// it.
    pub fn keep<'a>(&mut self, frame: &Frame<'a>, age: Duration, now: Instant) -> Frame<'a> {
        let mut frame = *frame;
        let Some(view) = &mut frame.kernel else { return frame };
        let (ifindex, Some(held)) = (view.ifindex, &mut view.held) else { return frame };
        let Content::Link { bytes, .. } = frame.content else { return frame };
        let entry = Entry {
            frame: bytes.to_vec(),
            ifindex,
            payload_at: held.payload_at,
            fragment: is_first_fragment(bytes),
            waits: false,
        };
        if age >= MOST_LATE {
            held.state = HoldState::Old;
            self.tallies.add(Tally::HeldOld);
        } else if age >= self.deadline && !entry.fragment {
            held.state = HoldState::Late;
            self.tallies.add(Tally::HeldLate);
            self.put_back(entry, now);
        } else if entry.fragment {
            if self.unfinished.len() >= MAX_UNFINISHED {
                self.forget_unfinished(None);
            }
            self.unfinished.push_back((now + fragments::TIMEOUT, held.number));
            self.frames.insert(held.number, entry);
        } else if self.due.len() >= self.max {
            held.state = HoldState::Full;
            self.tallies.add(Tally::HeldFull);
            self.put_back(entry, now);
        } else {
            self.due.push_back((now + self.deadline.saturating_sub(age), held.number));
            self.frames.insert(held.number, entry);
        }
        frame
    }

    /// Lets a frame go on, and counts why.
    pub fn release(&mut self, held: &Hold, why: Tally, now: Instant) {
        if let Some(entry) = self.frames.remove(&held.number) {
            self.tallies.add(why);
            self.put_back(entry, now);
        }
    }

    /// Lets a frame die, and counts why.
    pub fn stop(&mut self, held: &Hold, why: Tally) {
        if self.frames.remove(&held.number).is_some() {
            self.tallies.add(why);
        }
    }

    /// Lets a frame wait until its deadline for what somebody else finds out.
    pub fn wait(&mut self, held: &Hold, now: Instant) {
        let Some(entry) = self.frames.get_mut(&held.number) else { return };
        entry.waits = true;
        // The rest of its packet has come, or it would not be known whose call it is.
        if std::mem::take(&mut entry.fragment) {
            self.due.push_back((now + self.deadline, held.number));
        }
    }

    /// Lets a whole frame go on of which nobody has said what becomes of it.
    pub fn undecided(&mut self, held: &Hold, now: Instant) {
        if self.frames.get(&held.number).is_some_and(|entry| !entry.fragment && !entry.waits) {
            self.release(held, Tally::HeldUnread, now);
        }
    }

    /// Releases what has waited too long, and forgets first fragments whose rest did not come. Of those
    /// that wait for somebody else, the numbers: they are still held.
    #[must_use]
    pub fn expire(&mut self, now: Instant) -> Vec<u64> {
        let mut waiting = Vec::new();
        while let Some((due, number)) = self.due.front().copied()
            && (due <= now || !self.frames.contains_key(&number))
        {
            self.due.pop_front();
            if self.frames.get(&number).is_some_and(|entry| entry.waits) {
                waiting.push(number);
            } else if let Some(entry) = self.frames.remove(&number) {
                self.tallies.add(Tally::HeldLate);
                self.put_back(entry, now);
            }
        }
        self.forget_unfinished(Some(now));
        waiting
    }

    /// Releases all that is held: nobody will decide.
    pub fn finish(&mut self, now: Instant) {
        self.due.clear();
        self.unfinished.clear();
        for (_, entry) in std::mem::take(&mut self.frames) {
            self.tallies.add(if entry.fragment { Tally::HeldIncomplete } else { Tally::HeldLate });
            self.put_back(entry, now);
        }
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.due.front().map(|(due, _)| *due)
    }

    /// Whether frames can be held: not when the last one could not be released.
    pub fn is_open(&mut self, now: Instant) -> bool {
        self.paused = self.paused.filter(|until| *until > now);
        self.paused.is_none()
    }

    /// Forgets first fragments that are decided or gone, or due, or, for none, the oldest.
    fn forget_unfinished(&mut self, now: Option<Instant>) {
        let mut more = now.is_none();
        while let Some((due, number)) = self.unfinished.front().copied()
            && (more || now.is_some_and(|now| due <= now) || !self.frames.contains_key(&number))
        {
            self.unfinished.pop_front();
            let unfinished = self.frames.get(&number).is_some_and(|entry| entry.fragment);
            if unfinished && self.frames.remove(&number).is_some() {
                self.tallies.add(Tally::HeldIncomplete);
                more = false;
            }
        }
    }

    fn put_back(&mut self, mut entry: Entry, now: Instant) {
        complete_checksum(&mut entry.frame, usize::from(entry.payload_at));
        if let Err(error) = self.way.release(&entry.frame, entry.ifindex) {
            self.tallies.add(Tally::ReleaseFailed);
            if self.paused.is_none() {
                tracing::error!(
                    "a held INVITE cannot be put back ({error}); its caller sends it again, and for \
                     {} s none is held",
                    PAUSE.as_secs()
                );
            }
            self.paused = Some(now + PAUSE);
        }
    }
}

fn is_first_fragment(frame: &[u8]) -> bool {
    matches!(packet::read(LinkType::Ethernet, frame), Ok(Packet::Fragment(_)))
}

#[cfg(test)]
mod tests;
