//! Captures made here, replayed.
