//! Carries out what was decided of calls that are held.

/// Puts a held frame back on its way.
pub mod release;
/// Frames that are held.
pub mod held;
