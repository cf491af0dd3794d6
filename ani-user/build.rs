//! Builds the XDP object that the daemon carries.

fn main() {}
