//! Frames through the compiled program.
