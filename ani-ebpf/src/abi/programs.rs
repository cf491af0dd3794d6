//! The programs of the object that others go on to by a tail call, and their places in the map
//! `PROGRAMS`.

/// Place of [`DECIDE_NAME`].
pub const DECIDE: u32 = 0;

/// Place of [`FOLLOW_UP_NAME`].
pub const FOLLOW_UP: u32 = 1;

/// How many there are.
pub const COUNT: u32 = 2;

/// Decides an INVITE that was read.
pub const DECIDE_NAME: &str = "ani_decide";

/// Takes an ACK, CANCEL or BYE to its call.
pub const FOLLOW_UP_NAME: &str = "ani_follow_up";

/// Names and places.
pub const TABLE: [(u32, &str); COUNT as usize] =
    [(DECIDE, DECIDE_NAME), (FOLLOW_UP, FOLLOW_UP_NAME)];

/// Says what becomes of a call that was held: see [`super::settle`]. Run by the daemon alone.
pub const SETTLE_NAME: &str = "ani_settle";

/// Passes everything: what a released frame goes through.
pub const PASS_NAME: &str = "ani_pass";
