//! One captured packet in the ring buffer: an INVITE, or a fragment or TCP segment that may hold a
//! part of one.

use crate::abi::number::Number;

/// Trunk index of an INVITE from no configured trunk, and of every fragment and segment.
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
    /// Where the SIP message starts in the frame, bytes; 0 for a fragment or a segment.
    pub sip_offset: u16,
    /// The way out: [`crate::abi::counter::Counter`] as a number.
    pub exit: u8,
    /// Why the message was not plain: [`crate::scan::NotPlain`] as a number, 0 when it was.
    pub not_plain: u8,
    /// [`crate::scan::Attestation`] as a number.
    pub attestation: u8,
    /// [`crate::scan::AniHeader`] the caller was read from, 0 for none.
    pub ani_header: u8,
    /// The way out its call attempt was given first, where this INVITE is a repeated one; else the
    /// same as `exit`.
    pub first_exit: u8,
    /// Id of the list that decided, or that marks the caller; 0 for none. Lists are not looked into
    /// for a repeated INVITE that passes.
    pub list: u8,
    /// Id of the limit that decided; 0 for none.
    pub limit: u8,
    /// Id of the list that would have decided otherwise, were it not only observed; 0 for none.
    pub observed_list: u8,
    /// Id of the limit of which the same is true; 0 for none.
    pub observed_limit: u8,
    /// Whether `list` decided by a prefix or a range, and not by the number itself: 0 or 1.
    pub ranged: u8,
    /// Zero; keeps the frame behind the header aligned.
    pub reserved: [u8; 6],
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
            first_exit: u8::from_ne_bytes(cursor.take()?),
            list: u8::from_ne_bytes(cursor.take()?),
            limit: u8::from_ne_bytes(cursor.take()?),
            observed_list: u8::from_ne_bytes(cursor.take()?),
            observed_limit: u8::from_ne_bytes(cursor.take()?),
            ranged: u8::from_ne_bytes(cursor.take()?),
            reserved: cursor.take()?,
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

// The reader takes the fields one after the other: no padding, in this order.
const _: () = {
    use core::mem::offset_of;

    assert!(HEADER_LEN == 48);
    assert!(offset_of!(RecordHeader, ani) == 8);
    assert!(offset_of!(RecordHeader, ifindex) == 16);
    assert!(offset_of!(RecordHeader, wire_len) == 20);
    assert!(offset_of!(RecordHeader, captured_len) == 24);
    assert!(offset_of!(RecordHeader, trunk) == 28);
    assert!(offset_of!(RecordHeader, sip_offset) == 30);
    assert!(offset_of!(RecordHeader, exit) == 32);
    assert!(offset_of!(RecordHeader, not_plain) == 33);
    assert!(offset_of!(RecordHeader, attestation) == 34);
    assert!(offset_of!(RecordHeader, ani_header) == 35);
    assert!(offset_of!(RecordHeader, first_exit) == 36);
    assert!(offset_of!(RecordHeader, list) == 37);
    assert!(offset_of!(RecordHeader, observed_limit) == 40);
    assert!(offset_of!(RecordHeader, ranged) == 41);
};

#[cfg(test)]
mod tests {
    use super::*;

    /// A record as the program writes it: fields in order, then the frame, then the rest of the
    /// ring's slot.
    fn bytes() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(1_u64.to_ne_bytes());
        bytes.extend(0x1415_5551_234f_ffff_u64.to_ne_bytes());
        for word in [3_u32, 4, 5] {
            bytes.extend(word.to_ne_bytes());
        }
        for half in [6_u16, 42] {
            bytes.extend(half.to_ne_bytes());
        }
        bytes.extend([8, 9, 1, 2, 7, 10, 11, 12, 13, 1, 0, 0, 0, 0, 0, 0]);
        bytes.extend(b"frame and more");
        bytes
    }

    #[test]
    fn a_record_is_read_field_by_field() {
        let bytes = bytes();
        let (header, frame) = RecordHeader::read(&bytes).expect("whole");
        let expected = RecordHeader {
            seen_ns: 1,
            ani: Number(0x1415_5551_234f_ffff),
            ifindex: 3,
            wire_len: 4,
            captured_len: 5,
            trunk: 6,
            sip_offset: 42,
            exit: 8,
            not_plain: 9,
            attestation: 1,
            ani_header: 2,
            first_exit: 7,
            list: 10,
            limit: 11,
            observed_list: 12,
            observed_limit: 13,
            ranged: 1,
            reserved: [0; 6],
        };
        assert_eq!((header, frame), (expected, &b"frame"[..]));
    }

    #[test]
    fn a_record_cut_anywhere_is_refused() {
        let bytes = bytes();
        let whole = HEADER_LEN + 5;
        for len in 0..whole {
            assert_eq!(RecordHeader::read(&bytes[..len]), None, "{len} bytes");
        }
        assert!(RecordHeader::read(&bytes[..whole]).is_some());
    }
}
