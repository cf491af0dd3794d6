//! The limits, and the table of their buckets; see [`crate::bucket`].

use crate::abi::number::Number;

/// How many limits there may be.
pub const MAX_LIMITS: usize = 8;

/// How many calls there may be of those who share a budget.
///
/// Whose budget a call spends is said by what of it counts: the limits of a caller, a prefix, a called
/// number, a trunk or an attestation differ in nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Limit {
    /// Nanoseconds between two calls at the steady rate; 0 is no limit.
    pub interval_ns: u64,
    /// How far ahead of time a burst may run, nanoseconds.
    pub tolerance_ns: u64,
    /// Ones over the digits of the caller's [`Number`] that count; 0 where the caller does not.
    pub caller: u64,
    /// The same for the dialled digits.
    pub called: u64,
    /// Ones where the trunk counts, and zeros where it does not.
    pub trunk: u16,
    /// Ones where the claimed attestation counts, and zeros where it does not.
    pub attestation: u8,
    /// Its id, in buckets and in records; never 0.
    pub id: u8,
    /// Whether what it would do is only told: 0 or 1.
    pub observed: u8,
    /// Whether it is for callers on a gray list only: 0 or 1.
    pub gray: u8,
    /// Zero.
    pub reserved: u16,
}

impl Limit {
    /// No limit.
    pub const NONE: Self = Self {
        interval_ns: 0,
        tolerance_ns: 0,
        caller: 0,
        called: 0,
        trunk: 0,
        attestation: 0,
        id: 0,
        observed: 0,
        gray: 0,
        reserved: 0,
    };

    /// Ones over the first `digits` of a [`Number`]; over all from 16 on.
    pub const fn digits(digits: u32) -> u64 {
        match digits {
            0 => 0,
            1..16 => u64::MAX << (64 - 4 * digits),
            _ => u64::MAX,
        }
    }
}

/// A call, as limits look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spender {
    /// The caller, E.164; [`Number::NONE`] where he is not known.
    pub caller: Number,
    /// The digits that were dialled.
    pub called: Number,
    /// Index of the trunk.
    pub trunk: u16,
    /// [`crate::scan::Attestation`] as a number.
    pub attestation: u8,
}

const _: () = assert!(size_of::<Limit>() == 40);

/// Buckets in a set.
pub const WAYS: usize = 4;

/// The keys buckets are hashed under, drawn at random when the program is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct BucketKeys(pub [u64; 3]);

/// Buckets of one set: one line of a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(8))]
pub struct BucketSet {
    /// A key's hash and its theoretical arrival time, CLOCK_MONOTONIC nanoseconds; a hash of 0 is an
    /// empty place.
    pub ways: [[u64; 2]; WAYS],
}

impl BucketSet {
    /// Nothing spent.
    pub const EMPTY: Self = Self { ways: [[0; 2]; WAYS] };
}

const _: () = assert!(size_of::<BucketSet>() == 64);
