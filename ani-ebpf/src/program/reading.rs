//! What was read of an INVITE: what the first program leaves for the one that decides.
//!
//! Two programs, because the verifier follows each way through the scan to the end of the program:
//! behind a tail call, in memory, all ways look alike to it.

use ani_ebpf::{
    abi::{number::Number, record::NO_TRUNK, settle::Question, trunk::Trunk},
    dial_plan::Dialled,
    scan::{self, NotPlain, Plain, Scratch},
    select,
};

use super::{maps, network::Address};

/// An INVITE as it was read; [`scan::Plain`] in words of memory.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct Reading {
    /// The caller, E.164.
    pub(super) ani: Number,
    /// The digits that were dialled.
    pub(super) called: Number,
    /// Where its message starts, bytes into the frame.
    pub(super) at: u32,
    /// Index of the trunk, or [`NO_TRUNK`].
    pub(super) trunk: u16,
    /// Of the bits below.
    pub(super) marks: u8,
    /// [`NotPlain`] as a number; 0 for plain.
    pub(super) not_plain: u8,
    /// [`scan::Attestation`] as a number.
    pub(super) attestation: u8,
    /// [`scan::AniHeader`] as a number; 0 for none.
    pub(super) ani_header: u8,
    pub(super) priority: u8,
    pub(super) in_dialog: u8,
}

/// It comes in a first fragment.
const FIRST_FRAGMENT: u8 = 1;
/// It is held though it is plain, where nothing is against it.
const HOLD: u8 = 1 << 1;

impl Reading {
    /// Nothing read.
    pub(super) const NONE: Self = Self {
        ani: Number::NONE,
        called: Number::NONE,
        at: 0,
        trunk: NO_TRUNK,
        marks: 0,
        not_plain: 0,
        attestation: 0,
        ani_header: 0,
        priority: 0,
        in_dialog: 0,
    };

    #[inline(always)]
    fn new(trunk: u16, at: u32, first_fragment: bool) -> Self {
        let none = Number(!select::zero());
        let [not_plain, attestation, ani_header, priority, in_dialog, ..] =
            select::zero().to_ne_bytes();
        Self {
            ani: none,
            called: none,
            at,
            trunk,
            marks: if first_fragment { FIRST_FRAGMENT } else { 0 },
            not_plain,
            attestation,
            ani_header,
            priority,
            in_dialog,
        }
    }

    /// What the full parser read of a call that was held.
    #[inline(always)]
    pub(super) fn of(question: &Question) -> Self {
        let Question { ani, called, trunk, attestation, .. } = *question;
        let mut reading = Self::new(trunk, 0, false);
        reading.ani = ani;
        reading.called = called;
        reading.attestation = attestation;
        reading.priority = u8::from(question.has(Question::PRIORITY));
        reading.in_dialog = u8::from(question.has(Question::IN_DIALOG));
        reading
    }

    /// Whether it comes in a first fragment.
    #[inline(always)]
    pub(super) fn is_first_fragment(&self) -> bool {
        self.marks & FIRST_FRAGMENT != 0
    }

    /// Whether it is held though it is plain, where nothing is against it.
    #[inline(always)]
    pub(super) fn is_to_be_held(&self) -> bool {
        self.marks & HOLD != 0
    }

    #[inline(always)]
    fn take(&mut self, plain: &Plain) {
        self.ani = plain.ani;
        self.called = plain.called.digits().map_or(Number::NONE, Dialled::digits);
        self.attestation = plain.attestation as u8;
        self.ani_header = plain.ani_header.map_or(0, |header| header as u8);
        self.priority = u8::from(plain.priority);
        self.in_dialog = u8::from(plain.in_dialog);
    }
}

/// Reads an INVITE whose request line was recognised, and leaves what it found.
///
/// What is known before the scan is left before it: what has to be kept through it would make another
/// scan to verify of each way to it.
#[inline(always)]
pub(super) fn invite(scratch: &Scratch, source: Address, at: u32, first_fragment: bool) {
    let trunk = maps::trunk(source);
    let index = trunk.map_or(NO_TRUNK, |trunk| trunk.index);
    maps::leave(&Reading::new(index, at, first_fragment));
    let Some(trunk) = trunk else { return };
    let plain = scan::invite(scratch, &trunk.orders, &trunk.dial_plan, trunk.telling);
    let why = plain.map_or_else(|why| why as u8, |()| 0);
    let Some(reading) = maps::reading_mut() else { return };
    reading.not_plain = why;
    if why == 0 {
        reading.take(&scan::plain(scratch));
        let of = if scan::is_signed(scratch) { Trunk::HOLD_SIGNED } else { Trunk::HOLD_UNSIGNED };
        if trunk.hold & of != 0 {
            reading.marks |= HOLD;
        }
    }
}

/// Leaves that an INVITE cannot be read from its request line on.
#[inline(always)]
pub(super) fn not_plain(source: Address, at: u32, first_fragment: bool, why: NotPlain) {
    let index = maps::trunk(source).map_or(NO_TRUNK, |trunk| trunk.index);
    let mut reading = Reading::new(index, at, first_fragment);
    reading.not_plain = why as u8;
    maps::leave(&reading);
}
