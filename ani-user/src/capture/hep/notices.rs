//! What is said to the log about senders: each thing once for each of them, and not too often.

use std::{net::IpAddr, num::NonZeroUsize, time::Duration};

use lru::LruCache;

use crate::time::Timestamp;

/// What was said is remembered for so many senders; it is said again of one that gave way.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Nothing more is said for so long: over UDP anybody can send from any address.
const PAUSE: Duration = Duration::from_secs(5);

/// What was said, and when something was said last.
pub(super) struct Notices {
    said: LruCache<(IpAddr, &'static str), ()>,
    last: Option<Timestamp>,
}

impl Notices {
    /// Nothing said yet.
    pub(super) fn new() -> Self {
        Self { said: LruCache::new(REMEMBERED), last: None }
    }

    /// Whether something of this name is to be said of a sender now. What has to wait comes up
    /// again with his next packet.
    pub(super) fn due(&mut self, sender: IpAddr, name: &'static str, now: Timestamp) -> bool {
        if self.said.get(&(sender, name)).is_some() {
            return false;
        }
        // The time of day may have been set back.
        let waits =
            self.last.is_some_and(|last| Duration::from_nanos(now.0.abs_diff(last.0)) < PAUSE);
        if waits {
            return false;
        }
        self.last = Some(now);
        self.said.put((sender, name), ());
        true
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn sender(number: u32) -> IpAddr {
        Ipv4Addr::from(number).into()
    }

    #[test]
    fn each_thing_is_said_once_of_each_and_with_a_pause_between() {
        let mut notices = Notices::new();
        let at = |seconds| Timestamp::new(seconds, 0);
        assert!(notices.due(sender(1), "key", at(100)));
        assert!(!notices.due(sender(2), "key", at(104)), "too soon");
        assert!(notices.due(sender(2), "key", at(105)));
        assert!(!notices.due(sender(1), "key", at(200)), "said before");
        assert!(notices.due(sender(1), "length", at(200)));
        assert!(notices.due(sender(3), "key", at(50)), "the time of day was set back");
    }

    #[test]
    fn a_flood_of_senders_takes_no_memory() {
        let mut notices = Notices::new();
        for number in 0..10_000 {
            assert!(notices.due(sender(number), "key", Timestamp::new(i64::from(number) * 10, 0)));
        }
        assert_eq!(notices.said.len(), REMEMBERED.get());
    }
}
