//! Which way each packet took through the program, and what was lost.
//!
//! Every packet is counted once on its way in ([`Counter::Packets`]) and exactly once on its way
//! out (an *exit*); the exits add up to the packets. The rest, *notes* and *losses*, are counted beside
//! an exit and add up to nothing. [`TABLE`] defines each once: the name serves the status document
//! and the metrics alike.

/// Where a counter belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Packets that came in.
    Entry,
    /// A way out on which the packet went on to the stack.
    Passed,
    /// A way out on which the packet ended here.
    Dropped,
    /// A way out on which the packet ended here until the daemon has decided on it.
    Held,
    /// Counted beside a way out.
    Note,
    /// Counted beside a way out: something the daemon does not get to see.
    Loss,
}

macro_rules! counters {
    ($($variant:ident, $name:literal, $kind:ident, $help:literal;)+) => {
        /// Index into [`Counters`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Counter {
            $(#[doc = $help] $variant,)+
        }

        /// Name, kind and help of each counter, at the index of its variant.
        pub const TABLE: &[Definition] = &[
            $(Definition { counter: Counter::$variant, name: $name, kind: Kind::$kind, help: $help },)+
        ];
    };
}

/// One row of [`TABLE`].
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The counter described.
    pub counter: Counter,
    /// Stable name: `counters.<name>` in the status document, `ani_<name>_total` as a metric.
    pub name: &'static str,
    /// What it adds up to.
    pub kind: Kind,
    /// One sentence for the operator.
    pub help: &'static str,
}

counters! {
    Packets, "packets", Entry, "Packets that reached the program";

    NotIp, "not_ip", Passed, "Passed: neither IPv4 nor IPv6";
    Truncated, "truncated", Passed, "Passed: a link, network or transport header was cut off or inconsistent";
    TooDeep, "too_deep", Passed, "Passed: behind more IPv6 extension headers than are looked past";
    OtherTransport, "other_transport", Passed, "Passed: IP, but neither UDP nor TCP";
    OtherPort, "other_port", Passed, "Passed: UDP or TCP on ports that are not configured for SIP";
    OtherFragment, "other_fragment", Passed, "Passed: a later IP fragment of something that is no INVITE";
    Fragment, "fragment", Passed, "Passed: an IP fragment that is, or may be, a part of an INVITE";
    DropFragment, "dropped_fragment", Dropped, "Dropped: a later IP fragment of an INVITE that was stopped";
    TcpControl, "tcp_control", Passed, "Passed: TCP on a SIP port, without payload";
    TcpSegment, "tcp_segment", Passed, "Passed: TCP on a SIP port, with payload";
    Keepalive, "keepalive", Passed, "Passed: a keep-alive (CRLF, STUN or shorter than a request line) on a SIP port";
    Released, "released", Passed, "Passed: an INVITE that was held, on its way through a generic program again";
    NotInvite, "not_invite", Passed, "Passed: on a SIP port, but no INVITE request";
    DropFollowUp, "dropped_follow_up", Dropped, "Dropped: ACK, CANCEL or BYE of a call that was stopped";
    PassUntrusted, "passed_untrusted", Passed, "Passed: an INVITE from no configured trunk";
    PassUnfinished, "passed_unfinished", Passed, "Passed undecided: the program that decides was not there";
    PassNotPlain, "undecided", Passed, "Passed undecided: an INVITE whose caller could be read in two ways";
    PassInDialog, "passed_in_dialog", Passed, "Passed: an INVITE within a dialog";
    PassPriority, "passed_priority", Passed, "Passed: an emergency or priority call";
    PassAllowed, "passed_allowed", Passed, "Passed: the caller is on an allow list";
    PassGray, "passed_gray", Passed, "Passed: the caller is on a gray list";
    PassNoAni, "passed_no_ani", Passed, "Passed: no caller number (anonymous or not a number)";
    PassLimitFull, "passed_limit_full", Passed, "Passed without its limit: other CPUs changed the bucket each time it was read";
    Pass, "passed_default", Passed, "Passed: nothing against it";
    PassRepeated, "passed_repeated", Passed, "Passed: a repeated INVITE of a call that passed";
    DropBlocked, "dropped_blocked", Dropped, "Dropped: the caller is on a block list";
    DropLimited, "dropped_limited", Dropped, "Dropped: over a limit";
    DropRepeated, "dropped_repeated", Dropped, "Dropped: a repeated INVITE of a call that was stopped";
    Held, "held", Held, "Held: for the daemon to decide, which releases it or stops it";

    Captured, "captured", Note, "INVITEs handed to the daemon";
    CapturedParts, "captured_parts", Note, "Fragments and TCP segments handed to the daemon";
    HoldStale, "hold_stale", Loss, "INVITEs that passed instead of being held: no sign of life of the daemon for a second";
    HoldBehind, "hold_behind", Loss, "INVITEs that passed instead of being held: the ring buffer was half full";
    HoldTooLong, "hold_too_long", Loss, "INVITEs that passed instead of being held: their frame is longer than can be released";
    Lost, "lost", Loss, "INVITEs not handed to the daemon because the ring buffer was full";
    LostParts, "lost_parts", Loss, "Fragments and TCP segments not handed to the daemon because the ring buffer was half full";
    CaptureCut, "capture_cut", Loss, "Packets handed to the daemon without their end";
    BucketForgotten, "buckets_forgotten", Loss, "Budgets that gave way to others before they had come back: spent anew then";
    AttemptForgotten, "attempts_forgotten", Loss, "Call attempts that gave way to others while they could still repeat: decided anew then";
    AttemptTooLong, "attempts_too_long", Loss, "INVITEs with a Call-ID or From tag over 128 bytes: decided anew each time";
    FragmentUntracked, "fragment_untracked", Loss, "First fragments that could not be remembered: later ones are handed on unseen";
}

impl Counter {
    /// How many there are.
    pub const COUNT: usize = TABLE.len();
}

/// One CPU's counters since the program was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Counters {
    /// Indexed by [`Counter`].
    pub values: [u64; Counter::COUNT],
}

impl Counters {
    /// All at zero.
    pub const ZERO: Self = Self { values: [0; Counter::COUNT] };

    /// The count of `counter`.
    pub const fn value(&self, counter: Counter) -> u64 {
        self.values[counter as usize]
    }

    /// Adds another CPU's counters, wrapping like the kernel does.
    pub fn add(&mut self, other: &Self) {
        for (sum, value) in self.values.iter_mut().zip(other.values) {
            *sum = sum.wrapping_add(value);
        }
    }

    /// The sum of all counters of a kind.
    pub fn sum(&self, kind: Kind) -> u64 {
        TABLE
            .iter()
            .filter(|row| row.kind == kind)
            .fold(0, |sum, row| sum.wrapping_add(self.value(row.counter)))
    }

    /// INVITE requests seen: every way out behind the recognition of a request line.
    pub fn invites(&self) -> u64 {
        self.invites_by(|kind| matches!(kind, Kind::Passed | Kind::Dropped | Kind::Held))
    }

    fn invites_by(&self, kind: impl Fn(Kind) -> bool) -> u64 {
        TABLE
            .iter()
            .filter(|row| row.counter as u32 >= Counter::PassUntrusted as u32 && kind(row.kind))
            .fold(0, |sum, row| sum.wrapping_add(self.value(row.counter)))
    }

    /// INVITE requests that went on to the stack.
    pub fn invites_passed(&self) -> u64 {
        self.invites_by(|kind| kind == Kind::Passed)
    }

    /// INVITE requests that ended here.
    pub fn invites_dropped(&self) -> u64 {
        self.invites_by(|kind| kind == Kind::Dropped)
    }

    /// INVITE requests that were held.
    pub const fn invites_held(&self) -> u64 {
        self.value(Counter::Held)
    }

    /// Packets by all ways out.
    pub fn out(&self) -> u64 {
        [Kind::Passed, Kind::Dropped, Kind::Held]
            .into_iter()
            .fold(0, |sum, kind| sum.wrapping_add(self.sum(kind)))
    }

    /// UDP payloads that came to a SIP port.
    pub fn sip(&self) -> u64 {
        self.invites()
            .wrapping_add(self.value(Counter::NotInvite))
            .wrapping_add(self.value(Counter::Keepalive))
            .wrapping_add(self.value(Counter::DropFollowUp))
    }
}

const _: () = assert!(size_of::<Counters>() == 8 * Counter::COUNT);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_variants() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(row.counter as usize, index, "{}", row.name);
        }
    }

    #[test]
    fn names_are_distinct_and_fit_a_metric() {
        for (index, row) in TABLE.iter().enumerate() {
            assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", row.name);
            assert!(TABLE[..index].iter().all(|other| other.name != row.name), "{}", row.name);
        }
    }

    #[test]
    fn invites_are_the_exits_from_untrusted_on() {
        let mut counters = Counters::ZERO;
        for row in TABLE {
            counters.values[row.counter as usize] = 1;
        }
        assert_eq!(counters.invites(), 15);
        let (passed, dropped) = (counters.invites_passed(), counters.invites_dropped());
        assert_eq!((passed, dropped, counters.invites_held()), (11, 3, 1));
        assert_eq!(counters.sip(), 18);
        assert_eq!(counters.out(), 29);
    }
}
