//! The table of rate limit buckets; see [`crate::bucket`].

use crate::abi::number::Number;

/// Whose budget a bucket is.
///
/// The attestation class is part of the key so that a spoofer who floods with an unattested number
/// spends a budget of his own and not that of the attested subscriber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(C)]
pub struct BucketKey {
    /// The caller, E.164.
    pub caller: Number,
    /// Index of the trunk he came over.
    pub trunk: u16,
    /// Index of the limit; 0 is `limits.per_caller`.
    pub limit: u16,
    /// [`crate::scan::Attestation`] as a number.
    pub attestation: u32,
}

const _: () = assert!(size_of::<BucketKey>() == 16);

/// Buckets in a set.
pub const WAYS: usize = 4;

/// The keys buckets are hashed under, drawn at random when the program is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct BucketKeys(pub [u64; 2]);

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
