//! Messages as they should and should not be.
