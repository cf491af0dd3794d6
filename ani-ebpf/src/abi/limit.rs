//! What the rate limit map holds.

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
