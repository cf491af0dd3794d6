//! The message and the walk's state, in one map value.

use core::cell::Cell;

use super::{bytes, name_addr::UserCell};
use crate::select;

/// How much of a message is looked at, bytes.
///
/// One less than the power of two that offsets are masked with: the byte behind the longest message
/// is then still a zero that stops every search before it could wrap around.
pub const WINDOW: usize = SIZE - 1;

/// Bytes the offsets can address.
const SIZE: usize = 2_048;

/// Bytes behind the window that a word read may touch.
const PAD: usize = 64;

/// Bytes a step of a search looks at.
pub(super) const STEP: u32 = 64;

/// Steps a search may take: 512 bytes. A request line or a value that is longer is not plain.
const FIND_STEPS: u32 = 8;

/// Bytes a search looks at, at most.
pub(super) const SEARCHED: u32 = STEP * FIND_STEPS;

/// A message to walk over and where the walk stands. One per CPU in the kernel.
///
/// `0 <= len <= WINDOW`; the [`PAD`] bytes from `len` on are zero, so a read across the end sees a
/// control character that stops every search.
#[repr(C, align(8))]
pub struct Scratch {
    window: [u8; SIZE + PAD],
    /// Length of the message.
    len: Offset,
    /// The cursor of the loop that runs; read back at each of its steps (see [`super`]).
    pub(super) at: Offset,
    /// Where the request line ends: the offset of its CR.
    pub(super) line_end: Offset,
    /// Offsets of the values of the headers of interest, 0 for one that is not there.
    pub(super) headers: [Offset; super::headers::KINDS],
    /// The header that names the caller, as a number.
    pub(super) chosen: Offset,
    /// The called number and the caller's, E.164.
    pub(super) called_number: WordCell,
    pub(super) caller_number: WordCell,
    /// Who calls.
    pub(super) caller: UserCell,
    /// Who is called.
    pub(super) called: UserCell,
    /// The URI found last: where it starts, and whether it stands in angle brackets.
    pub(super) uri: Offset,
    pub(super) bracketed: Offset,
    /// Where reading the last user part stopped.
    pub(super) user_end: Offset,
    /// The fields of [`super::Plain`] of the same names.
    pub(super) priority: Offset,
    pub(super) in_dialog: Offset,
    pub(super) attestation: Offset,
    /// What `verstat` says: an [`super::Attestation`] as a number, or
    /// [`Telling::FAILED`](crate::abi::trunk::Telling::FAILED).
    pub(super) verstat: Offset,
    /// Where its token starts; 0 for none.
    pub(super) verstat_at: Offset,
    /// Where the URI it stands on ends, and the first `@` behind its start; 0 for none.
    pub(super) uri_end: Offset,
    pub(super) at_sign: Offset,
    /// What is doubtful about that value, and whether one before it may be of somebody anonymous.
    pub(super) odd: Offset,
    pub(super) anonymous: Offset,
    /// Whether a second Identity header was seen: 0 or 1.
    pub(super) more_identities: Offset,
    /// The hash of Call-ID and From tag.
    pub(super) attempt: WordCell,
}

impl Scratch {
    /// An empty one.
    pub const fn new() -> Self {
        Self {
            window: [0; SIZE + PAD],
            len: Offset::new(),
            at: Offset::new(),
            line_end: Offset::new(),
            headers: [const { Offset::new() }; super::headers::KINDS],
            chosen: Offset::new(),
            called_number: WordCell::new(),
            caller_number: WordCell::new(),
            caller: UserCell::new(),
            called: UserCell::new(),
            uri: Offset::new(),
            bracketed: Offset::new(),
            user_end: Offset::new(),
            priority: Offset::new(),
            in_dialog: Offset::new(),
            attestation: Offset::new(),
            verstat: Offset::new(),
            verstat_at: Offset::new(),
            uri_end: Offset::new(),
            at_sign: Offset::new(),
            odd: Offset::new(),
            anonymous: Offset::new(),
            more_identities: Offset::new(),
            attempt: WordCell::new(),
        }
    }

    /// Copies the start of `message` in; what is longer than the window is cut.
    pub fn load(&mut self, message: &[u8]) {
        let len = message.len().min(WINDOW);
        self.window[..len].copy_from_slice(&message[..len]);
        self.loaded(len as u32);
    }

    /// Where a caller that fills the window by other means writes.
    #[inline(always)]
    pub fn window_mut(&mut self) -> &mut [u8; SIZE + PAD] {
        &mut self.window
    }

    /// Says that the first `len` bytes of the window are a message; more than [`WINDOW`] is read as
    /// that. Resets the walk.
    #[inline(always)]
    pub fn loaded(&mut self, len: u32) {
        let len = if len > WINDOW as u32 { WINDOW as u32 } else { len };
        self.len.store(len);
        let end = len as usize;
        if let Some(pad) = self.window.get_mut(end..end + PAD) {
            let (words, _) = pad.as_chunks_mut::<8>();
            for word in words.iter_mut().take(PAD / 8) {
                *word = select::zero().to_ne_bytes();
            }
        }
        for header in &self.headers {
            header.store(0);
        }
        self.more_identities.store(0);
    }

    /// Bytes of the message in the window.
    #[inline(always)]
    pub fn len(&self) -> u32 {
        self.len.load()
    }

    /// Whether there is nothing in the window.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The eight bytes from `at` on, the first lowest. `at` is taken modulo the window.
    #[inline(always)]
    pub(super) fn word(&self, at: u32) -> u64 {
        let at = at as usize & (SIZE - 1);
        match self.window[at..].first_chunk::<8>() {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => 0,
        }
    }

    /// The byte at `at`, modulo the window.
    #[inline(always)]
    pub(super) fn byte(&self, at: u32) -> u8 {
        self.window[at as usize & (SIZE - 1)]
    }

    /// The offset of the first `needle` or control character from `from` on, and which byte it is;
    /// behind the message that is zero.
    #[inline(always)]
    pub(super) fn find(&self, from: u32, needle: u8) -> (u32, u8) {
        let found = search(self, from, u32::from(needle));
        (found, self.byte(found))
    }

    /// Like [`Scratch::find`], for either of two needles.
    #[inline(always)]
    pub(super) fn find_either(&self, from: u32, one: u8, other: u8) -> (u32, u8) {
        let found = search_either(self, from, u32::from(one) | u32::from(other) << 8);
        (found, self.byte(found))
    }

    /// The offset of the first byte above a space; behind the message when there is none, or none
    /// among the first [`SEARCHED`] bytes.
    #[inline(always)]
    pub(super) fn first_graphic(&self) -> u32 {
        search_by(self, 0, bytes::graphic)
    }

    /// The first byte that `mask` marks among the [`STEP`] bytes from `at` on.
    ///
    /// Past the window's end it may look at what an earlier message left in the padding: by then a
    /// zero behind this one has ended the search.
    #[inline(always)]
    pub(super) fn step(&self, at: u32, mask: &impl Fn(u64) -> u64) -> Option<u32> {
        let start = at as usize & (SIZE - 1);
        let bytes = self.window[start..].first_chunk::<{ STEP as usize }>()?;
        // Masked once, the words stand at fixed offsets.
        let (words, _) = bytes.as_chunks::<8>();
        let mut offset = 0;
        for word in words {
            let marked = mask(u64::from_le_bytes(*word));
            if marked != 0 {
                return Some(at + offset + bytes::index(marked));
            }
            offset += 8;
        }
        None
    }
}

/// The offset of the first `needle` or control character.
#[inline(always)]
fn search(scratch: &Scratch, from: u32, needle: u32) -> u32 {
    let needle = bytes::repeat(needle as u8);
    search_by(scratch, from, |word| bytes::equal(word, needle) | bytes::control(word))
}

/// [`search`] for two needles, in the two low bytes.
#[inline(always)]
fn search_either(scratch: &Scratch, from: u32, needles: u32) -> u32 {
    let one = bytes::repeat(needles as u8);
    let other = bytes::repeat((needles >> 8) as u8);
    search_by(scratch, from, |word| {
        bytes::equal(word, one) | bytes::equal(word, other) | bytes::control(word)
    })
}

#[inline(always)]
fn search_by(scratch: &Scratch, from: u32, mask: impl Fn(u64) -> u64) -> u32 {
    scratch.at.store(from);
    for _ in 0..FIND_STEPS {
        let at = scratch.at.load();
        if let Some(found) = scratch.step(at, &mask) {
            return found;
        }
        scratch.at.store(at + STEP);
    }
    scratch.len()
}

/// A number that is in memory between one step and the next, not in a register; see [`super`] for
/// why. (The compiler knows relaxed atomics for this, the BPF backend does not.)
#[repr(transparent)]
pub(super) struct Offset(Cell<u32>);

#[expect(unsafe_code, reason = "a volatile access has no safe name")]
impl Offset {
    pub(super) const fn new() -> Self {
        Self(Cell::new(0))
    }

    #[inline(always)]
    pub(super) fn load(&self) -> u32 {
        // SAFETY: the cell's own memory, aligned and initialised; a cell is never shared between
        // threads.
        unsafe { self.0.as_ptr().read_volatile() }
    }

    #[inline(always)]
    pub(super) fn store(&self, value: u32) {
        // SAFETY: as for `load`; nobody holds a reference into a cell.
        unsafe { self.0.as_ptr().write_volatile(value) };
    }
}

/// Eight bytes in memory, like an [`Offset`].
#[repr(C)]
pub(super) struct WordCell {
    high: Offset,
    low: Offset,
}

impl WordCell {
    pub(super) const fn new() -> Self {
        Self { high: Offset::new(), low: Offset::new() }
    }

    #[inline(always)]
    pub(super) fn load(&self) -> u64 {
        u64::from(self.high.load()) << 32 | u64::from(self.low.load())
    }

    #[inline(always)]
    pub(super) fn store(&self, word: u64) {
        self.high.store((word >> 32) as u32);
        self.low.store(word as u32);
    }

    #[inline(always)]
    pub(super) fn add(&self, word: u64) {
        self.store(self.load().wrapping_add(word));
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}
