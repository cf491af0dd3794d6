//! What is done with the call, and why.

/// When a list or limit is taken for a mistake.
pub mod breaker;
/// Rules in memory, for captures that are replayed.
pub mod memory;

use std::hash::{BuildHasher as _, RandomState};

use ani_ebpf::abi::{counter::Counters, number::Number};
use serde::Serialize;

use crate::{config::Rate, time::Timestamp};

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The INVITE ends at the NIC.
    Drop,
    /// The INVITE goes on to the SBC.
    Pass,
}

/// An entry of the block list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// E.164.
    pub number: Number,
    /// When it ends; never for none.
    pub expires: Option<Timestamp>,
    /// Why it was made; may be empty.
    pub reason: String,
    /// When it was made.
    pub added: Timestamp,
}

/// Whatever carries the rules out: the kernel's maps, or memory when a capture is replayed.
///
/// A call that returns `Ok` is in force.
pub trait Enforce: Send + Sync {
    /// Puts numbers on the block list; an entry that is there takes the new expiry.
    fn block(&self, entries: &[Block]) -> anyhow::Result<()>;

    /// Takes numbers off the block list; one that is not there is no error.
    fn unblock(&self, numbers: &[Number]) -> anyhow::Result<()>;

    /// Sets the limit for each caller; `None` is no limit.
    fn limit_per_caller(&self, rate: Option<Rate>) -> anyhow::Result<()>;

    /// The program's counters, all CPUs together.
    fn counters(&self) -> anyhow::Result<Counters>;

    /// The interfaces it listens on.
    fn interfaces(&self) -> Vec<Interface>;
}

/// Keys to hash under: others each time.
pub fn hash_keys<const N: usize>() -> [u64; N] {
    let random = RandomState::new();
    std::array::from_fn(|at| random.hash_one(at))
}

/// An interface the program is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// `native` or `generic`.
    pub mode: &'static str,
}
