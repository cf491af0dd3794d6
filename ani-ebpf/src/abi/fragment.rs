//! What the program remembers of a packet that comes in fragments, from its first one.

/// Packets in fragments that are remembered; the one seen longest ago gives way. At 10,000 of them a
/// second those of the last second and a half, [`LIFE_NS`] at the least.
pub const MAX_FRAGMENTED: u32 = 16_384;

/// How long what was remembered holds, nanoseconds: identifications come round again, with IPv4
/// after 65,536 packets. A later fragment whose first came longer ago is taken for one of an INVITE.
pub const LIFE_NS: u64 = 1_000_000_000;

/// No INVITE.
pub const OTHER: u64 = 0;
/// What is, or may be, an INVITE that goes on.
pub const INVITE: u64 = 1;
/// An INVITE that was stopped.
pub const STOPPED: u64 = 2;

/// Which packet a fragment is a part of (RFC 791 §3.2, RFC 8200 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FragmentKey {
    /// Who sent it, as in the trunks' map.
    pub source: [u32; 4],
    /// Whom it was sent to.
    pub destination: [u32; 4],
    /// Its identification.
    pub id: u32,
    /// Its protocol number with IPv4, where it is a part of the key; 0 with IPv6.
    pub protocol: u32,
}

/// What its first fragment said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Fragmented {
    /// CLOCK_MONOTONIC when that came, nanoseconds.
    pub seen_ns: u64,
    /// What the others are parts of: [`OTHER`], [`INVITE`] or [`STOPPED`].
    pub what: u64,
}

const _: () = assert!(size_of::<FragmentKey>() == 40 && size_of::<Fragmented>() == 16);
