//! Lists of callers as the program reads them: images of lines, each one line of a cache; see
//! [`crate::lists`].

use crate::abi::record::NO_TRUNK;

/// How many lists there may be; their ids are 1 to 255.
pub const MAX_LISTS: usize = 256;

/// Id of no list.
pub const NO_LIST: u8 = 0;

/// Words of a line.
pub const LINE_WORDS: usize = 8;

/// 64 bytes of an image.
pub type Line = [u64; LINE_WORDS];

/// Numbers, each with its entry, in a line of [`Exact`](crate::lists::exact).
pub const WAYS: usize = LINE_WORDS / 2;

/// Levels of the tree of ranges at most: 8^6 places where one ends or begins.
pub const MAX_DEPTH: usize = 6;

/// Places where a range of numbers begins or ends at most.
pub const MAX_BOUNDS: usize = LINE_WORDS.pow(MAX_DEPTH as u32);

/// Entries that may hold for one number: a line.
pub const MAX_OVERLAP: usize = LINE_WORDS;

/// Images in the map `LISTS`: exact numbers and ranges, of the lists in force and of those to come.
pub const IMAGES: u32 = 4;

/// A unit of [`Entry::expires`], as a power of two of nanoseconds: 67 ms, and nine years in all.
pub const EXPIRY_BITS: u32 = 26;

/// `BPF_F_INNER_MAP` (linux/bpf.h): maps of one array of maps may have different sizes.
pub const INNER_MAP: u32 = 1 << 12;

/// What stands behind a number or a range: which list it is on, and for which calls.
///
/// From the lowest bit: when it ends (32 bits, CLOCK_MONOTONIC in units of 2^[`EXPIRY_BITS`] ns; 0 is
/// never), trunk (16; [`NO_TRUNK`] for any), list (8), attestations (4, one bit each, by
/// [`crate::scan::Attestation`] as a number), how many digits the number must have, less one (4; 0 for
/// any number).
///
/// The kernel looks at the end itself: an entry ends in time even when the daemon is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Entry(pub u64);

impl Entry {
    /// No entry.
    pub const NONE: Self = Self(0);

    /// All attestations.
    pub const ANY_ATTESTATION: u8 = 0xf;

    /// On a list, for every call, for ever.
    pub const fn new(list: u8) -> Self {
        Self((list as u64) << 48 | (NO_TRUNK as u64) << 32 | (Self::ANY_ATTESTATION as u64) << 56)
    }

    /// The same until `at`, in units of 2^[`EXPIRY_BITS`] ns; never 0.
    #[must_use]
    pub const fn until(self, at: u32) -> Self {
        Self(self.0 & !0xffff_ffff | if at == 0 { 1 } else { at as u64 })
    }

    /// The same for one trunk.
    #[must_use]
    pub const fn on_trunk(self, trunk: u16) -> Self {
        Self(self.0 & !(0xffff << 32) | (trunk as u64) << 32)
    }

    /// The same for some attestations: one bit each.
    #[must_use]
    pub const fn attested(self, mask: u8) -> Self {
        Self(self.0 & !(0xf << 56) | ((mask & 0xf) as u64) << 56)
    }

    /// The same for numbers of `digits`, 2 to 16.
    #[must_use]
    pub const fn of_length(self, digits: u32) -> Self {
        Self(self.0 & !(0xf << 60) | (((digits - 1) & 0xf) as u64) << 60)
    }

    /// When it ends; 0 for never.
    #[inline(always)]
    pub const fn expires(self) -> u32 {
        self.0 as u32
    }

    /// The trunk it is for; [`NO_TRUNK`] for any.
    #[inline(always)]
    pub const fn trunk(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// The list it is on.
    #[inline(always)]
    pub const fn list(self) -> u8 {
        (self.0 >> 48) as u8
    }

    /// The attestations it is for: one bit each.
    #[inline(always)]
    pub const fn attestations(self) -> u8 {
        (self.0 >> 56) as u8 & 0xf
    }

    /// How many digits the number must have, less one; 0 for any.
    #[inline(always)]
    pub const fn length(self) -> u32 {
        (self.0 >> 60) as u32
    }
}

/// What is done with callers on a list, and whether it is done.
///
/// A number for each, the stronger the higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Action {
    /// They are marked.
    Gray = 1,
    /// They are stopped.
    Block = 2,
    /// They are let through, whatever else is said of them.
    Allow = 3,
}

impl Action {
    /// Stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gray => "gray",
            Self::Block => "block",
            Self::Allow => "allow",
        }
    }
}

/// A list's row in the settings: an [`Action`] as a number, and [`Rule::OBSERVED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Rule(pub u8);

impl Rule {
    /// No list of this id.
    pub const NONE: Self = Self(0);

    /// What the list would do is only told.
    pub const OBSERVED: u8 = 0x80;

    /// From what is done and whether it is.
    pub const fn new(action: Action, observed: bool) -> Self {
        Self(action as u8 | if observed { Self::OBSERVED } else { 0 })
    }

    /// [`Action`] as a number; 0 for none.
    #[inline(always)]
    pub const fn rank(self) -> u8 {
        self.0 & 3
    }

    /// Whether it is only told.
    #[inline(always)]
    pub const fn is_observed(self) -> bool {
        self.0 & Self::OBSERVED != 0
    }
}

/// Where things stand in a generation's two images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Layout {
    /// Lines of the exact numbers; 0 for no number.
    pub exact_lines: u32,
    /// Levels of the tree of ranges; 0 for no range.
    pub depth: u32,
    /// First line of each level, the root first.
    pub levels: [u32; MAX_DEPTH],
    /// First line of the words that stand behind the places of the last level: an [`Entry`], or,
    /// with [`Layout::SEVERAL`] for its list, the number of a line of them.
    pub words: u32,
    /// Whether any range is on a list that lets through: 0 or 1.
    pub allows: u32,
}

impl Layout {
    /// No number on any list.
    pub const EMPTY: Self =
        Self { exact_lines: 0, depth: 0, levels: [0; MAX_DEPTH], words: 0, allows: 0 };

    /// For the list of a word: several entries, in a line of their own.
    pub const SEVERAL: u8 = 0;

    /// Whether no number is on any list.
    pub const fn is_empty(&self) -> bool {
        self.exact_lines == 0 && self.depth == 0
    }
}

const _: () = {
    assert!(size_of::<Layout>() == 40);
    assert!(size_of::<Line>() == 64);
};
