//! Which calls are held until the daemon has decided, and for how long.

use std::time::Duration;

/// `[hold]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Whether those are that the program cannot decide.
    pub not_plain: bool,
    /// What is not decided by then is released. A caller sends an INVITE again after 500 ms (RFC 3261
    /// §17.1.1.2, timer A).
    pub deadline: Duration,
    /// Frames that are held at once, at most; more are released.
    pub max: usize,
}

impl Default for Hold {
    fn default() -> Self {
        Self { not_plain: true, deadline: Duration::from_millis(50), max: 1_024 }
    }
}
