//! When a habit changes: its share among the INVITEs of a block is held against its share in the
//! settled past, and two blocks in a row that tell of the same move make a finding.
//!
//! A block is [`BLOCK`] INVITEs, or those of [`BLOCK_TIME`] where they are fewer, but at least
//! [`MIN_BLOCK`]: a few odd calls change no block, and a trunk with a call an hour is judged within a
//! day. Time is that of the INVITEs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::traits::{Base, PerTrait, Trait, Traits};
use crate::time::Timestamp;

/// INVITEs of a block.
pub const BLOCK: u32 = 50;

/// A block is closed after this time, with what is there.
pub const BLOCK_TIME: Duration = Duration::from_secs(6 * 60 * 60);

/// INVITEs of a block at least.
pub const MIN_BLOCK: u32 = 5;

/// INVITEs of the settled past at least, before anything is held against it.
pub const MIN_SETTLED: u32 = 20;

/// INVITEs of the settled past at most; then older ones count half.
const MAX_SETTLED: u32 = 2_000;

/// INVITEs of a block at least to tell of a move from and to anywhere; a handful of INVITEs tells
/// only of all or nothing.
const MIN_MOVE: u32 = 20;

/// Hundredths of a share that such a move has at least.
const MOVE: u32 = 40;

/// Hundredths: what nearly all have, and what hardly any has.
const NEARLY_ALL: u32 = 90;
const HARDLY_ANY: u32 = 10;

/// Hundredths within which a share is the one it was before.
const BACK: u32 = 25;

/// Findings kept of a trunk; one that has ended gives way first.
pub const MAX_FINDINGS: usize = 32;

/// How many had a habit, of how many that could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// How many had it.
    pub had: u32,
    /// Of how many.
    pub of: u32,
}

impl Share {
    /// In hundredths, cut; 0 of none.
    pub fn hundredths(self) -> u32 {
        let part = u64::from(self.had) * 100;
        part.checked_div(self.of.into()).map_or(0, |part| part as u32)
    }

    fn and(self, other: Self) -> Self {
        Self { had: self.had.saturating_add(other.had), of: self.of.saturating_add(other.of) }
    }
}

/// A habit that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which.
    pub habit: Trait,
    /// Its share before, of the last INVITEs that settled it.
    pub from: Share,
    /// Its share since.
    pub to: Share,
    /// Time of the first INVITE that was otherwise.
    pub since: Timestamp,
    /// Time of the INVITE by which it was found.
    pub found: Timestamp,
    /// When it ended: the first INVITE that was as before, or otherwise again.
    pub until: Option<Timestamp>,
}

/// Where a share went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Up,
    Down,
}

/// A block that tells of a move; the next one says whether it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Suspect {
    share: Share,
    way: Way,
    since: Timestamp,
}

/// What is known of one habit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Course {
    settled: Share,
    suspect: Option<Suspect>,
    /// INVITEs of the block with it.
    had: u32,
    /// Since when the INVITEs are as the last one is, with it or without.
    since: Option<Timestamp>,
    /// The first INVITE with it, and the first without, in the block, or before it where they were
    /// the same up to the block.
    with: Option<Timestamp>,
    without: Option<Timestamp>,
}

/// A block of a base's INVITEs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Block {
    of: u32,
    started: Option<Timestamp>,
    /// Habits of the last INVITE; none before the first.
    last: Option<Traits>,
}

/// Watches the habits of a trunk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Watch {
    blocks: [Block; Base::ALL.len()],
    courses: PerTrait<Course>,
    /// In the order they were found.
    findings: Vec<Finding>,
    /// Findings that there ever were.
    pub changes: u64,
}

impl Watch {
    /// Takes what an INVITE that starts a call shows; returns whether something was found.
    pub fn add(&mut self, traits: Traits, ts: Timestamp) -> bool {
        let before = self.changes;
        for base in Base::ALL.into_iter().filter(|base| traits.are(*base)) {
            let now = traits.and(base.traits());
            let block = &mut self.blocks[base as usize];
            let changed = match block.last.replace(now) {
                Some(last) => last.differing(now),
                None => base.traits(),
            };
            block.of += 1;
            let started = *block.started.get_or_insert(ts);
            let old = ts >= started.after(BLOCK_TIME);
            let full = block.of >= BLOCK || old && block.of >= MIN_BLOCK;
            for habit in changed.iter() {
                self.courses.get_mut(habit).turn(now.has(habit), ts);
            }
            for habit in now.iter() {
                self.courses.get_mut(habit).had += 1;
            }
            if full {
                self.close(base, ts);
            }
        }
        self.changes > before
    }

    /// Closes blocks as if their time were over, of INVITEs that were the last ones.
    pub fn finish(&mut self, now: Timestamp) {
        for base in Base::ALL {
            if self.blocks[base as usize].of >= MIN_BLOCK {
                self.close(base, now);
            }
        }
    }

    /// What was found, in that order.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The share of a habit of late: at most a few thousand INVITEs.
    pub fn of_late(&self, habit: Trait) -> Share {
        let course = self.courses.get(habit);
        let block = &self.blocks[habit.definition().base as usize];
        let suspect = course.suspect.map(|suspect| suspect.share).unwrap_or_default();
        course.settled.and(suspect).and(Share { had: course.had, of: block.of })
    }

    fn close(&mut self, base: Base, now: Timestamp) {
        let block = &mut self.blocks[base as usize];
        let (of, last) = (block.of, block.last.unwrap_or(Traits::NONE));
        (block.of, block.started) = (0, None);
        for habit in base.traits().iter() {
            let open = self
                .findings
                .iter()
                .rposition(|finding| finding.habit == habit && finding.until.is_none());
            let open = open.and_then(|at| self.findings.get_mut(at));
            let course = self.courses.get_mut(habit);
            let moved = course.judge(Share { had: course.had, of }, now, open);
            course.begin(last.has(habit));
            if let Some((from, to, since)) = moved {
                self.found(Finding { habit, from, to, since, found: now, until: None });
            }
        }
    }

    fn found(&mut self, finding: Finding) {
        if self.findings.len() >= MAX_FINDINGS {
            let ended = self.findings.iter().position(|finding| finding.until.is_some());
            self.findings.remove(ended.unwrap_or(0));
        }
        self.findings.push(finding);
        self.changes = self.changes.saturating_add(1);
    }
}

impl Course {
    /// The INVITEs are otherwise from now on.
    fn turn(&mut self, with: bool, ts: Timestamp) {
        self.since = Some(ts);
        let first = if with { &mut self.with } else { &mut self.without };
        first.get_or_insert(ts);
    }

    /// A new block begins.
    fn begin(&mut self, with: bool) {
        self.had = 0;
        (self.with, self.without) = if with { (self.since, None) } else { (None, self.since) };
    }

    /// Holds a block against the past. Returns a move from a share to another that is not the way
    /// back from one that is `open`.
    fn judge(
        &mut self,
        share: Share,
        now: Timestamp,
        open: Option<&mut Finding>,
    ) -> Option<(Share, Share, Timestamp)> {
        let way = self.way(share);
        let suspect = self.suspect.take();
        let Some(way) = way else {
            self.settle(suspect.map_or(share, |suspect| suspect.share.and(share)), open);
            return None;
        };
        let Some(suspect) = suspect.filter(|suspect| suspect.way == way) else {
            if let Some(other) = suspect {
                self.settle(other.share, open);
            }
            let since = match way {
                Way::Up => self.with,
                Way::Down => self.without,
            };
            self.suspect = Some(Suspect { share, way, since: since.unwrap_or(now) });
            return None;
        };
        // The first of the two blocks may have begun before the move.
        let to = if share.of >= MIN_SETTLED { share } else { suspect.share.and(share) };
        let from = std::mem::replace(&mut self.settled, to);
        if let Some(open) = open {
            open.until = Some(suspect.since);
            if to.hundredths().abs_diff(open.from.hundredths()) <= BACK {
                return None;
            }
        }
        Some((from, to, suspect.since))
    }

    fn way(&self, share: Share) -> Option<Way> {
        if self.settled.of < MIN_SETTLED {
            return None;
        }
        let (before, after) = (self.settled.hundredths(), share.hundredths());
        let all = before >= NEARLY_ALL && after <= HARDLY_ANY
            || before <= HARDLY_ANY && after >= NEARLY_ALL;
        let far = share.of >= MIN_MOVE && before.abs_diff(after) >= MOVE;
        (all || far).then_some(if after > before { Way::Up } else { Way::Down })
    }

    fn settle(&mut self, share: Share, open: Option<&mut Finding>) {
        self.settled = self.settled.and(share);
        if self.settled.of > MAX_SETTLED {
            self.settled.had /= 2;
            self.settled.of /= 2;
        }
        if let Some(open) = open {
            open.to = open.to.and(share);
        }
    }
}

#[cfg(test)]
mod tests;
