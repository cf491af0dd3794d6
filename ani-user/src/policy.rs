//! What is done with the call, and why.

/// Entries of lists as they are kept.
pub mod entry;
/// Callers on lists: the images that the program looks into.
pub mod lists;
/// What becomes of a call that was held.
pub mod settle;
/// When a list or limit is taken for a mistake.
pub mod breaker;
/// What lists and limits are called.
pub mod names;
/// Rules without those at rest.
pub mod rests;
/// Rules in memory, for captures that are replayed.
pub mod memory;

use std::hash::{BuildHasher as _, RandomState};

use ani_ebpf::{
    abi::{
        counter::Counters,
        limit::{Limit, Spender},
        list::{Action, EXPIRY_BITS, Entry, MAX_LISTS, Rule},
        number::Number,
    },
    lists::Found,
};
use serde::Serialize;

use self::{
    lists::{Item, Span},
    settle::{Held, Settled},
};
use crate::time::Timestamp;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The INVITE ends at the NIC, and its sender is told so.
    Answer,
    /// The INVITE ends at the NIC.
    Drop,
    /// The INVITE goes on to the SBC.
    Pass,
}

/// Id of the list that `ani allow` changes.
pub const ALLOW: u8 = 1;
/// Id of the list that `ani block` changes.
pub const BLOCK: u8 = 2;
/// Id of the list that `ani gray` changes.
pub const GRAY: u8 = 3;

/// What the lists that are always there do, and no others.
pub fn built_in_rules() -> [Rule; MAX_LISTS] {
    let mut rules = [Rule::NONE; MAX_LISTS];
    for (list, action) in [(ALLOW, Action::Allow), (BLOCK, Action::Block), (GRAY, Action::Gray)] {
        rules[usize::from(list)] = Rule::new(action, false);
    }
    rules
}

/// Callers on a list: whose calls, and which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Id of the list.
    pub list: u8,
    /// Whose calls.
    pub span: Span,
    /// Only those over this trunk, by its index; over any for none.
    pub trunk: Option<u16>,
    /// Only those of these claimed attestations: one bit each, by [`Attestation`] as a number.
    ///
    /// [`Attestation`]: ani_ebpf::scan::Attestation
    pub attestations: u8,
    /// When it ends; never for none.
    pub expires: Option<Timestamp>,
}

impl Listing {
    /// A number on a list, whatever its calls.
    pub const fn number(list: u8, number: Number, expires: Option<Timestamp>) -> Self {
        let span = Span::Number(number);
        Self { list, span, trunk: None, attestations: Entry::ANY_ATTESTATION, expires }
    }

    /// As the images have it; `at` says when a time comes on their clock, nanoseconds.
    pub fn item(&self, at: impl Fn(Timestamp) -> u64) -> Item {
        let mut entry = Entry::new(self.list).attested(self.attestations);
        if let Some(trunk) = self.trunk {
            entry = entry.on_trunk(trunk);
        }
        // What ends beyond the clock's reach, the daemon takes off by then.
        if let Some(units) = self.expires.and_then(|time| units(at(time))) {
            entry = entry.until(units);
        }
        (self.span, entry)
    }
}

/// A time as entries have it; none for one beyond their reach.
fn units(nanoseconds: u64) -> Option<u32> {
    u32::try_from(nanoseconds >> EXPIRY_BITS).ok()
}

/// Whatever carries the rules out: the kernel's maps, or memory when a capture is replayed.
///
/// A call that returns `Ok` is in force.
pub trait Enforce: Send + Sync {
    /// Says what lists do, by their ids.
    fn set_rules(&self, rules: &[(u8, Rule)]) -> anyhow::Result<()>;

    /// Puts callers on lists, all or none; a listing that is there takes the new end.
    fn list(&self, listings: &[Listing]) -> anyhow::Result<()>;

    /// Takes callers off lists; a listing that is not there is no error.
    fn unlist(&self, listings: &[Listing]) -> anyhow::Result<()>;

    /// Makes these all the listings there are, in one step: no call meets a list that is half of the
    /// one and half of the other.
    fn relist(
        &self,
        listings: &mut dyn Iterator<Item = anyhow::Result<Listing>>,
    ) -> anyhow::Result<()>;

    /// Makes these all the limits there are, in the order they are looked at.
    fn set_limits(&self, limits: &[Limit]) -> anyhow::Result<()>;

    /// What the lists say of a call; none when they are being changed.
    fn find(&self, call: &Spender, now: Timestamp) -> Option<Found>;

    /// What becomes of a call that was held; its attempt is remembered, and budgets are spent.
    ///
    /// # Errors
    ///
    /// When nobody can say: then it passes.
    fn settle(&self, call: &Held<'_>, now: Timestamp) -> anyhow::Result<Settled>;

    /// The program's counters, all CPUs together.
    fn counters(&self) -> anyhow::Result<Counters>;

    /// The interfaces it listens on.
    fn interfaces(&self) -> Vec<Interface>;

    /// Whether INVITEs are held; they are not where nothing could be.
    fn holding(&self) -> Holding {
        Holding::Off
    }
}

/// Keys to hash under: others each time.
pub fn hash_keys<const N: usize>() -> [u64; N] {
    let random = RandomState::new();
    std::array::from_fn(|at| random.hash_one(at))
}

/// Whether INVITEs are held for the daemon to decide, and why not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Holding {
    /// They are.
    On,
    /// `hold.not_plain` says no.
    Off,
    /// Nothing is there that could be against a call.
    Idle,
    /// These interfaces take VLAN tags out of frames, which would be lost.
    TagsLost {
        /// Their names.
        interfaces: Vec<String>,
    },
    /// It is not known what becomes of VLAN tags.
    TagsUnknown,
}

/// An interface the program is on, or is to be on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// What it is called now.
    pub name: String,
    /// The name it is configured by.
    pub configured: String,
    /// `native` or `generic`; `none` where the program is not on it.
    pub mode: &'static str,
    /// Why the program is not on it.
    pub trouble: Option<String>,
}
