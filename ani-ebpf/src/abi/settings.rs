//! What the daemon tells the program at load and on reload.

use crate::abi::{
    attempt::{AttemptKeys, KEYS},
    limit::{BucketKeys, Limit, MAX_LIMITS},
    list::{Layout, MAX_LISTS, Rule},
    number::Number,
    record::HEADER_LEN,
};

/// How many emergency numbers the program knows.
pub const MAX_EMERGENCY: usize = 8;

/// `u64` words in the bitmap of SIP ports: one bit for each of 65,536 ports.
pub const PORT_WORDS: u32 = 65_536 / 64;

/// Most bytes of a datagram's frame that are handed to the daemon, whatever the settings say.
pub const MAX_WINDOW: usize = 16_384;

/// Most bytes of a TCP segment's frame that are handed to the daemon: segments come merged into one
/// of 64 KB where the network card or the stack before the program does that (GRO, TSO over veth),
/// and what is missing of one is missing in the stream. The kernel copies no more at a time.
pub const MAX_SEGMENT: usize = 65_535;

/// Ring record sizes the program reserves, header included; the smallest that holds the frame. The
/// last byte of each is never used: two kilobytes hold what comes at an MTU of 1,500, nine a jumbo
/// frame, the last two [`MAX_WINDOW`] and [`MAX_SEGMENT`].
pub const RECORD_SIZES: [usize; 6] =
    [1_024, 2_048, 4_096, 9_216, MAX_WINDOW + HEADER_LEN + 8, MAX_SEGMENT + HEADER_LEN + 1];

/// The one element of the settings map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Settings {
    /// Dialled digits (not E.164) that make an emergency call; unused places are
    /// [`Number::NONE`].
    pub emergency: [Number; MAX_EMERGENCY],
    /// The limits, in the order they are looked at.
    pub limits: [Limit; MAX_LIMITS],
    /// What each list does, by its id.
    pub rules: [Rule; MAX_LISTS],
    /// Where things stand in the images of lists of two generations: one in force, one to come.
    pub layouts: [Layout; 2],
    /// What numbers on lists are hashed under.
    pub list_key: u64,
    /// Which generation is in force: 0 or 1. Its images are those at twice this and the next in the
    /// map `LISTS`.
    pub generation: u32,
    /// How many limits there are.
    pub limit_count: u32,
    /// Whether INVITEs are written to the ring buffer: 0 or 1.
    pub capture: u32,
    /// Most bytes of a datagram's frame that are handed to the daemon; at most [`MAX_WINDOW`].
    pub window: u32,
    /// Sets in the table of attempts, less one; `u32::MAX` for no table: each INVITE is then decided
    /// by itself.
    pub attempts_mask: u32,
    /// Fragments and TCP segments are handed to the daemon while fewer bytes than this wait in the
    /// ring buffer: the rest of it is for whole INVITEs.
    pub parts_room: u64,
    /// What attempts are hashed under.
    pub attempt_keys: AttemptKeys,
    /// What buckets are hashed under.
    pub bucket_keys: BucketKeys,
    /// Sets in the table of buckets, less one.
    pub buckets_mask: u32,
    /// Whether INVITEs that are not plain are held: 0 or 1.
    pub hold: u32,
    /// What a released frame carries to a generic program, behind [`RELEASED`]: only the daemon knows
    /// it.
    pub ticket: u64,
}

/// Ethertype of a released frame on its way to a generic program, which would hold it again: the first
/// for local experiments (IEEE 802, clause 9.2.3). The ticket follows, then the frame's own ethertype.
pub const RELEASED: u16 = 0x88b5;

/// Bytes of ethertype and ticket.
pub const TICKET_LEN: usize = 2 + size_of::<u64>();

/// Most bytes of a frame that can be released: what fits into a page of 4 KiB beside what the kernel
/// keeps there (`TEST_XDP_FRAME_SIZE`, <https://elixir.bootlin.com/linux/v6.18/source/net/bpf/test_run.c>),
/// less a ticket. Linux 6.18 takes 3,392 and refuses 3,442.
pub const MAX_HELD: usize = 3_328;

/// An INVITE is held only while the daemon's last sign of life is younger, nanoseconds.
pub const HEARTBEAT_NS: u64 = 1_000_000_000;

impl Settings {
    /// Nothing configured: all passes, nothing is captured.
    pub const EMPTY: Self = Self {
        emergency: [Number::NONE; MAX_EMERGENCY],
        limits: [Limit::NONE; MAX_LIMITS],
        rules: [Rule::NONE; MAX_LISTS],
        layouts: [Layout::EMPTY; 2],
        list_key: 0,
        generation: 0,
        limit_count: 0,
        capture: 0,
        window: MAX_WINDOW as u32,
        attempts_mask: u32::MAX,
        parts_room: 0,
        attempt_keys: AttemptKeys([0; KEYS]),
        bucket_keys: BucketKeys([0; 3]),
        buckets_mask: 0,
        hold: 0,
        ticket: 0,
    };
}

const _: () = assert!(
    size_of::<Settings>()
        == 8 * MAX_EMERGENCY
            + size_of::<[Limit; MAX_LIMITS]>()
            + MAX_LISTS
            + size_of::<[Layout; 2]>()
            + 40
            + 8 * KEYS
            + size_of::<BucketKeys>()
            + 16
);
