//! What the program costs.

fn main() {}
