//! What the tests share.

/// Ethernet frames, right or wrong on purpose.
pub mod frame;
/// SIP INVITEs as text.
pub mod invite;
/// Numbers for mutations.
pub mod random;
