//! An entry of the block list.

/// What stands behind a blocked number. The key is a [`crate::abi::number::Number`], E.164.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct BlockEntry {
    /// CLOCK_MONOTONIC in nanoseconds from which on the entry no longer holds; 0 is never.
    ///
    /// The kernel looks at it itself: an entry ends in time even when the daemon is gone.
    pub expires_ns: u64,
}

const _: () = assert!(size_of::<BlockEntry>() == 8);
