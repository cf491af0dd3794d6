//! The table of call attempts that were decided; see [`crate::attempt`].

/// Attempts in a set.
pub const WAYS: usize = 4;

/// Words of a Call-ID, and as many of a From tag, that are looked at: 128 bytes each. An attempt with
/// a longer one is decided anew each time.
pub const MAX_TEXT_WORDS: usize = 16;

/// Where among the keys those of the From tag start.
pub const TAG_KEYS: usize = MAX_TEXT_WORDS;

/// The trunk's key.
pub const TRUNK_KEY: usize = 2 * MAX_TEXT_WORDS;

/// Those of caller and called number.
pub const CHECK_KEYS: usize = TRUNK_KEY + 1;

/// Keys in all.
pub const KEYS: usize = CHECK_KEYS + 2;

/// The keys attempts are hashed under, drawn at random when the program is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct AttemptKeys(pub [u64; KEYS]);

/// Attempts of one set: one line of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct AttemptSet {
    /// The key and what is told of it, a [`crate::attempt::Told`]; a key of 0 is an empty place.
    pub ways: [[u64; 2]; WAYS],
}

impl AttemptSet {
    /// Nothing remembered.
    pub const EMPTY: Self = Self { ways: [[0; 2]; WAYS] };
}

const _: () = assert!(size_of::<AttemptSet>() == 64 && size_of::<AttemptKeys>() == 8 * KEYS);
