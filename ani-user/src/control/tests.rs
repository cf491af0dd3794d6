//! Changes when the kernel does not play along.
