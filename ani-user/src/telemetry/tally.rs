//! What the daemon itself counts between the capture and the callers' counters: one table, from
//! which the status document, the metrics and the summary of a replay take their names.

use std::sync::atomic::{AtomicU64, Ordering};

use super::spoken::Spoken;

/// What a count says about the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// An INVITE, or a part of one, that the daemon does not know of, or not all of it.
    Loss,
    /// Something that was seen and is in order.
    Work,
}

/// One row of [`TALLIES`].
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The count described.
    pub tally: Tally,
    /// Stable name: `daemon.<name>` in the status document, `ani_daemon_<name>_total` as a metric.
    pub name: &'static str,
    /// Whether it is a loss.
    pub sort: Sort,
    /// One sentence for the operator.
    pub help: &'static str,
}

macro_rules! tallies {
    ($($variant:ident, $name:literal, $sort:ident, $help:literal;)+) => {
        /// Something the daemon counts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Tally {
            $(#[doc = $help] $variant,)+
        }

        /// Each count with its name and help, at the index of its variant.
        pub const TALLIES: &[Definition] = &[
            $(Definition { tally: Tally::$variant, name: $name, sort: Sort::$sort, help: $help },)+
        ];
    };
}

tallies! {
    RecordBad, "record_bad", Loss, "Ring buffer records the daemon could not read";
    QueueFull, "queue_full", Loss, "INVITEs not analysed because the worker was behind";
    QueueFullParts, "queue_full_parts", Loss, "Fragments and TCP segments not analysed because the worker was behind";

    Frames, "frames", Work, "Frames and mirrored messages that came to the pipeline";
    Damaged, "damaged", Loss, "Frames with a header that is cut off or contradicts itself";
    TooDeep, "too_deep", Loss, "Frames with more tunnels or tags one in the other than are looked into";
    NotIp, "not_ip", Work, "Frames that are neither IPv4 nor IPv6";
    OtherTransport, "other_transport", Work, "Packets that are neither UDP nor TCP; a call quoted in an ICMP error is none";

    Fragments, "fragments", Work, "IP fragments";
    FragmentsWhole, "fragments_reassembled", Work, "Packets put together from fragments";
    FragmentsDuplicate, "fragments_duplicate", Work, "Fragments that were there already";
    FragmentsBad, "fragments_bad", Loss, "Fragments whose length or offset no packet can have";
    FragmentsOverlap, "fragments_overlapping", Loss, "Packets given up because their fragments overlap";
    FragmentsTooMany, "fragments_too_many", Loss, "Packets given up because they came in too many fragments";
    FragmentsTimeout, "fragments_timed_out", Loss, "Packets given up because a fragment did not come in time";
    FragmentsShare, "fragments_over_share", Loss, "Packets given up because their source has too many unfinished ones";
    FragmentsEvicted, "fragments_evicted", Loss, "Packets given up because there are too many unfinished ones";

    TcpSegments, "tcp_segments", Work, "TCP segments with payload";
    TcpMessages, "tcp_messages", Work, "SIP messages read from TCP";
    TcpDuplicate, "tcp_duplicate", Work, "TCP segments whose payload was there already";
    TcpJoined, "tcp_joined", Work, "TCP flows followed from the middle";
    TcpNotSip, "tcp_not_sip", Work, "TCP segments in which no SIP message starts or goes on";
    TcpGap, "tcp_gaps", Loss, "Places in a TCP flow whose bytes never came";
    TcpResync, "tcp_resynchronised", Loss, "Places in a TCP flow where a SIP message should have started and none did";
    TcpTooLong, "tcp_too_long", Loss, "SIP messages over TCP longer than are read; their start is";
    TcpUnfinished, "tcp_unfinished", Loss, "SIP messages over TCP whose end never came";
    TcpShare, "tcp_over_share", Loss, "TCP flows given up because their source has too many";
    TcpEvicted, "tcp_evicted", Loss, "TCP flows given up because there are too many";

    HepPackets, "hep_packets", Work, "HEP packets from allowed sources";
    HepRefused, "hep_refused", Loss, "HEP packets and connections from sources that are not allowed";
    HepBadKey, "hep_bad_key", Loss, "HEP packets with another authentication key";
    HepBad, "hep_bad", Loss, "HEP packets that cannot be read";
    HepKeepalives, "hep_keepalives", Work, "HEP packets that carry nothing";
    HepNotSip, "hep_not_sip", Work, "HEP packets that carry no SIP";
    HepBusy, "hep_busy", Loss, "HEP connections turned away because there are too many";
    HepQueueFull, "hep_queue_full", Loss, "HEP packets not analysed because the worker was behind";

    Keepalives, "keepalives", Work, "Payloads too short for a request line";
    NotInvite, "not_invite", Work, "Messages that are no INVITE request";
    MessageBad, "message_bad", Loss, "INVITEs captured in one frame that could not be parsed";
    Invites, "invites", Work, "INVITE requests analysed";
    UndecidedBlocked, "undecided_blocked", Work, "INVITEs that passed undecided though their caller is on a block list";
    HeldReleased, "held_released", Work, "Held INVITEs that were released: nothing is against them";
    HeldStopped, "held_stopped", Work, "Held INVITEs that were stopped by a list, a limit or their signature";
    HeldRepeated, "held_repeated", Work, "Held INVITEs that repeat one that is held: that one is decided for both";
    HeldLate, "held_late", Loss, "Held INVITEs released undecided: it took too long to come to them";
    HeldOld, "held_old", Loss, "Held INVITEs let die: so late that their callers have sent them again";
    HeldFull, "held_full", Loss, "Held INVITEs released undecided: too many were held";
    HeldQueueFull, "held_queue_full", Loss, "Held INVITEs released undecided: the worker was behind";
    HeldUnread, "held_unread", Loss, "Held frames released undecided: no INVITE for the full parser, or nobody could decide";
    HeldIncomplete, "held_incomplete", Loss, "Held first fragments whose rest did not come: no stack makes a call of them";
    ReleaseFailed, "release_failed", Loss, "Held INVITEs that could not be put back: their callers send them again";
    RefuseMissed, "refuse_missed", Loss, "INVITEs that passed though their trunk refuses such: they could not be held";
    RefuseClock, "refuse_clock", Loss, "INVITEs that passed though they are too old or too new by this host's clock: no signer agrees with it";
    AnswersSent, "answers_sent", Work, "Stopped INVITEs that were answered";
    AnswersLimited, "answers_limited", Work, "Stopped INVITEs not answered because there were too many, of their source or in all";
    AnswersImpossible, "answers_impossible", Loss, "Stopped INVITEs not answered because it is doubtful what to copy, or the answer does not fit a frame";
    AnswersUnsent, "answers_unsent", Loss, "Answers that the system did not send";
    InvitesCut, "invites_cut", Loss, "INVITE requests analysed without their end";
}

/// The counts, all at zero at first; any thread adds.
#[derive(Debug)]
pub struct Tallies {
    counts: [AtomicU64; TALLIES.len()],
    /// What lists and limits did.
    pub spoken: Spoken,
}

impl Tallies {
    /// Counts one.
    pub fn add(&self, tally: Tally) {
        self.add_many(tally, 1);
    }

    /// Counts some.
    pub fn add_many(&self, tally: Tally, count: u64) {
        if let Some(counter) = self.counts.get(tally as usize) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// How many there were.
    pub fn value(&self, tally: Tally) -> u64 {
        self.counts.get(tally as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

impl Default for Tallies {
    fn default() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; TALLIES.len()], spoken: Spoken::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_variants() {
        let tallies = Tallies::default();
        for (index, row) in TALLIES.iter().enumerate() {
            assert_eq!(row.tally as usize, index, "{}", row.name);
            tallies.add_many(row.tally, index as u64);
            tallies.add(row.tally);
            assert_eq!(tallies.value(row.tally), index as u64 + 1);
        }
    }

    #[test]
    fn names_are_distinct_and_fit_a_metric() {
        for (index, row) in TALLIES.iter().enumerate() {
            assert!(row.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", row.name);
            assert!(TALLIES[..index].iter().all(|other| other.name != row.name), "{}", row.name);
        }
    }
}
