//! `ani`.

fn main() {}
