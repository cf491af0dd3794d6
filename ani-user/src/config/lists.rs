//! Lists beside those that are always there, and how much all of them hold.

use std::path::PathBuf;

use ani_ebpf::abi::{attempt, limit, list::Action};

use crate::answer::Answer;

/// How much the kernel's maps hold. Changed only by a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lists {
    /// Entries of all lists at most.
    pub max_entries: u32,
    /// Callers whose rate limit is remembered, about; who has spent least gives way.
    pub max_limited: u32,
    /// Call attempts whose verdict is remembered; 0 remembers none.
    pub max_attempts: u32,
}

impl Lists {
    /// Sets of the table of attempts: a power of two; none where none is remembered.
    pub fn attempt_sets(&self) -> Option<u32> {
        (self.max_attempts > 0).then(|| sets(self.max_attempts, attempt::WAYS))
    }

    /// Sets of the table of buckets: a power of two.
    pub fn bucket_sets(&self) -> u32 {
        sets(self.max_limited, limit::WAYS)
    }
}

fn sets(places: u32, ways: usize) -> u32 {
    places.div_ceil(ways as u32).next_power_of_two()
}

/// A list beside those that are always there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its name; unique, and none of the built-in ones.
    pub name: String,
    /// What is done with callers on it.
    pub action: Action,
    /// Whether that is only told, unless an operator says otherwise by command.
    pub observed: bool,
    /// What it is read from at start and on reload; none where commands change it.
    pub file: Option<PathBuf>,
    /// What calls are told that it stops.
    pub answer: Answer,
}
