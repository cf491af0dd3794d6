//! One captured INVITE in the ring buffer.

use crate::abi::number::Number;

/// Trunk index of an INVITE from no configured trunk.
pub const NO_TRUNK: u16 = u16::MAX;

/// Stands at the start of a ring record; the frame follows, from its link header on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct RecordHeader {
    /// CLOCK_MONOTONIC when the program looked at the frame, nanoseconds.
    pub seen_ns: u64,
    /// The caller as the program read him, E.164; [`Number::NONE`] when it read none.
    pub ani: Number,
    /// Interface the frame came in on.
    pub ifindex: u32,
    /// Length of the frame on the wire, bytes.
    pub wire_len: u32,
    /// How many bytes of it follow this header.
    pub captured_len: u32,
    /// Index of the trunk, or [`NO_TRUNK`].
    pub trunk: u16,
    /// Where the SIP message starts in the frame, bytes.
    pub sip_offset: u16,
    /// The way out: [`crate::abi::counter::Counter`] as a number.
    pub exit: u8,
    /// Why the message was not plain: [`crate::scan::NotPlain`] as a number, 0 when it was.
    pub not_plain: u8,
    /// [`crate::scan::Attestation`] as a number.
    pub attestation: u8,
    /// [`crate::scan::AniHeader`] the caller was read from, 0 for none.
    pub ani_header: u8,
    /// Zero; keeps the frame behind the header aligned.
    pub reserved: u32,
}

/// Bytes of [`RecordHeader`].
pub const HEADER_LEN: usize = size_of::<RecordHeader>();

impl RecordHeader {
    /// Reads a header from the start of a ring record. `None` when the record is shorter.
    pub fn read(record: &[u8]) -> Option<(Self, &[u8])> {
        let (header, frame) = record.split_at_checked(HEADER_LEN)?;
        let mut cursor = Cursor(header);
        let header = Self {
            seen_ns: u64::from_ne_bytes(cursor.take()?),
            ani: Number(u64::from_ne_bytes(cursor.take()?)),
            ifindex: u32::from_ne_bytes(cursor.take()?),
            wire_len: u32::from_ne_bytes(cursor.take()?),
            captured_len: u32::from_ne_bytes(cursor.take()?),
            trunk: u16::from_ne_bytes(cursor.take()?),
            sip_offset: u16::from_ne_bytes(cursor.take()?),
            exit: u8::from_ne_bytes(cursor.take()?),
            not_plain: u8::from_ne_bytes(cursor.take()?),
            attestation: u8::from_ne_bytes(cursor.take()?),
            ani_header: u8::from_ne_bytes(cursor.take()?),
            reserved: u32::from_ne_bytes(cursor.take()?),
        };
        Some((header, frame.get(..header.captured_len as usize)?))
    }
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
}

const _: () = assert!(HEADER_LEN == 40);
