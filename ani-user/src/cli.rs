//! The command line.

/// `ani replay`: a capture through the pipeline, without root.
pub mod replay;
