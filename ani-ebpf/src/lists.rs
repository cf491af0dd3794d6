//! Which list a caller is on: exact numbers, and prefixes and ranges of them.
//!
//! Both are images of [`Line`](crate::abi::list::Line)s, written by the daemon and looked into by the
//! program, and by the daemon for captures: 16 bytes a number with its entry, found in one of two
//! lines; ranges as a tree of the places where what holds changes.
//!
//! Of all entries that hold for a call, that of the strongest action counts (let through, stop, mark),
//! among those of one action a number's own entry before that of a range and a narrow range before a
//! wide one. What lists that are only observed would have done is told beside it.

use crate::{
    abi::{
        list::{Action, Entry, Layout, MAX_LISTS, MAX_OVERLAP, Rule, WAYS},
        number::Number,
        record::NO_TRUNK,
    },
    scan::Attestation,
    select::{either, equal, less},
};

/// Numbers, each with its entry.
pub mod exact;
/// Prefixes and ranges.
pub mod ranges;

/// A line of an image, wherever it is.
pub trait Words {
    /// One of its words; `at` is taken modulo their number.
    fn word(&self, at: usize) -> u64;
}

/// An image, wherever it is.
pub trait Lines {
    /// A line of it.
    type Line: Words;

    /// The line at an index; none behind the last.
    fn line(&self, at: u32) -> Option<Self::Line>;
}

/// A call, as lists look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The caller, E.164.
    pub number: Number,
    /// Index of the trunk.
    pub trunk: u16,
    /// [`Attestation`] as a number.
    pub attestation: u8,
    /// The time, CLOCK_MONOTONIC in units of 2^[`EXPIRY_BITS`](crate::abi::list::EXPIRY_BITS) ns.
    pub now: u32,
}

/// What lists say of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Found {
    /// [`Action`](crate::abi::list::Action) as a number; 0 for none.
    pub rank: u8,
    /// Id of the list that says so; 0 for none.
    pub list: u8,
    /// What a list that is only observed would have done.
    pub observed_rank: u8,
    /// Id of that list.
    pub observed: u8,
    /// Whether `list` says so of a prefix or a range, and not of the number itself: 0 or 1.
    pub ranged: u8,
}

impl Found {
    /// On no list.
    pub const NONE: Self = Self { rank: 0, list: 0, observed_rank: 0, observed: 0, ranged: 0 };

    /// Takes an entry into account; `counts` is 0 for one that is of another number,
    /// `ranged` 1 for one of a range.
    #[inline(always)]
    fn weigh(
        &mut self,
        entry: Entry,
        counts: u64,
        ranged: u64,
        asked: &Asked,
        rules: &[Rule; MAX_LISTS],
    ) {
        let rule = rules[entry.list() as usize % MAX_LISTS];
        let counts = counts & holds(entry, asked);
        let observed = u64::from(rule.0 >> 7);
        let rank = u64::from(rule.rank()) * counts;
        let (enforced, told) = (rank * (1 - observed), rank * observed);
        let list = u64::from(entry.list());
        let stronger = less(u64::from(self.rank), enforced);
        self.list = either(stronger, list, u64::from(self.list)) as u8;
        self.ranged = either(stronger, ranged, u64::from(self.ranged)) as u8;
        self.rank = either(stronger, enforced, u64::from(self.rank)) as u8;
        let stronger = less(u64::from(self.observed_rank), told);
        self.observed = either(stronger, list, u64::from(self.observed)) as u8;
        self.observed_rank = either(stronger, told, u64::from(self.observed_rank)) as u8;
    }
}

/// 1 where an entry holds for a call whose number it stands behind, else 0.
#[inline(always)]
fn holds(entry: Entry, asked: &Asked) -> u64 {
    let expires = u64::from(entry.expires());
    let lasts = equal(expires, 0) | less(u64::from(asked.now), expires);
    let trunk = u64::from(entry.trunk());
    let on_trunk = equal(trunk, u64::from(NO_TRUNK)) | equal(trunk, u64::from(asked.trunk));
    // A claim that is not clear may be any: it is in no narrower scope than all.
    let mask = u64::from(entry.attestations());
    let class = 1_u64 << (asked.attestation & 7);
    let clear = less(u64::from(asked.attestation), Attestation::Unclear as u64);
    let attested =
        equal(mask, u64::from(Entry::ANY_ATTESTATION)) | (clear & (1 ^ equal(mask & class, 0)));
    let length = entry.length();
    lasts & on_trunk & attested & (equal(u64::from(length), 0) | has_digits(asked.number, length))
}

/// 1 where a number has `length + 1` digits, else 0; `length` is 1 to 15.
#[inline(always)]
fn has_digits(number: Number, length: u32) -> u64 {
    let last = 60 - 4 * (length & 15);
    let behind = (1_u64 << last) - 1;
    equal(number.0 & behind, behind) & (1 ^ equal(number.0 >> last & 0xf, 0xf))
}

/// The two images of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Numbers, each with its entry.
    Exact = 0,
    /// Prefixes and ranges.
    Ranges = 1,
}

/// What lists say of a call; `image` finds the images, where there are any.
#[inline(always)]
pub fn find<L: Lines>(
    image: impl Fn(Kind) -> Option<L>,
    layout: &Layout,
    key: u64,
    asked: &Asked,
    rules: &[Rule; MAX_LISTS],
) -> Found {
    let mut found = Found::NONE;
    if layout.exact_lines != 0
        && let Some(image) = image(Kind::Exact)
    {
        in_exact(&mut found, &image, layout, key, asked, rules);
    }
    // Nothing among the ranges is stronger, unless one of them lets through.
    let open = found.rank < Action::Block as u8 || layout.allows != 0;
    if layout.depth != 0
        && open
        && let Some(image) = image(Kind::Ranges)
    {
        in_ranges(&mut found, &image, layout, asked, rules);
    }
    found
}

/// Takes what an image of exact numbers says into account.
#[inline(always)]
fn in_exact(
    found: &mut Found,
    image: &impl Lines,
    layout: &Layout,
    key: u64,
    asked: &Asked,
    rules: &[Rule; MAX_LISTS],
) {
    let (one, other) = exact::lines_of(exact::hash(asked.number, key), layout.exact_lines);
    for at in [one, other] {
        let Some(line) = image.line(at) else { return };
        if exact::holds(&line, asked.number) == 0 {
            continue;
        }
        for way in 0..WAYS {
            let own = equal(line.word(2 * way), asked.number.0);
            found.weigh(Entry(line.word(2 * way + 1)), own, 0, asked, rules);
        }
    }
}

/// Takes what an image of ranges says into account.
#[inline(always)]
fn in_ranges(
    found: &mut Found,
    image: &impl Lines,
    layout: &Layout,
    asked: &Asked,
    rules: &[Rule; MAX_LISTS],
) {
    let word = ranges::word(image, layout, asked.number);
    let entry = Entry(word);
    if word == 0 {
        return;
    }
    if entry.list() != Layout::SEVERAL {
        return found.weigh(entry, 1, 1, asked, rules);
    }
    let Some(line) = image.line(word as u32) else { return };
    for at in 0..MAX_OVERLAP {
        found.weigh(Entry(line.word(at)), 1, 1, asked, rules);
    }
}
