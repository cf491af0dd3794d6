//! What the tests share.

/// The replay against what tshark reads of the same captures.
pub mod conformance;
/// Messages and captures of other projects.
pub mod data;
/// Ethernet frames, right or wrong on purpose.
pub mod frame;
/// SIP INVITEs as text.
pub mod invite;
/// Frames at millions a second.
pub mod live;
/// Numbers for mutations.
pub mod random;
