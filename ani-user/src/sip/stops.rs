//! Where bytes stand that mean something, found sixteen at a time.
//!
//! One look at a value gives a bit for each byte that a reader must stop at, and the way from stop to
//! stop is what is left to do: for the values of the bench's INVITE 2,900 instructions, and 3,900
//! byte by byte.

use wide::u8x16;

/// The bytes that separate the parts of a value, and all that make a reader look twice: white space,
/// quotes, brackets, escapes, control characters. What is left is letters, digits, `*+-./=_` and
/// whatever is not ASCII.
#[derive(Debug)]
pub(super) struct Stops<'a> {
    bytes: &'a [u8],
    /// Where the window starts, and which of its bytes are still to come.
    base: usize,
    window: u64,
}

impl<'a> Stops<'a> {
    /// Those of a value, from its start on.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, base: 0, window: window(bytes, 0) }
    }

    /// The next one, and where it stands.
    #[inline]
    pub(super) fn next(&mut self) -> Option<(usize, u8)> {
        while self.window == 0 {
            self.base += WINDOW;
            if self.base >= self.bytes.len() {
                return None;
            }
            self.window = window(self.bytes, self.base);
        }
        let at = self.base + self.window.trailing_zeros() as usize;
        self.window &= self.window - 1;
        Some((at, *self.bytes.get(at)?))
    }
}

/// Bytes of a window, one bit each.
const WINDOW: usize = u64::BITS as usize;

/// Bytes that are compared at once: what every x86-64 and AArch64 has.
const STEP: usize = 16;

/// A bit for each byte from `base` on that is a stop.
fn window(bytes: &[u8], base: usize) -> u64 {
    let end = bytes.len().min(base + WINDOW);
    let (chunks, rest) = bytes[base..end].as_chunks::<STEP>();
    let mut bits = 0;
    for (at, chunk) in chunks.iter().enumerate() {
        bits |= stops(*chunk) << (at * STEP);
    }
    if !rest.is_empty() {
        let of_rest = match bytes[..end].last_chunk::<STEP>() {
            // The last sixteen once more, without those that were seen.
            Some(last) => stops(*last) >> (STEP - rest.len()),
            None => {
                let mut padded = [b'0'; STEP];
                padded[..rest.len()].copy_from_slice(rest);
                stops(padded)
            }
        };
        bits |= of_rest << (chunks.len() * STEP);
    }
    bits
}

/// A bit for each stop.
#[inline]
fn stops(bytes: [u8; STEP]) -> u64 {
    let bytes = u8x16::new(bytes);
    let within = |first: u8, last: u8| {
        let above = bytes - u8x16::splat(first);
        above.simd_eq(above.min(u8x16::splat(last - first)))
    };
    let found = within(0, b')')
        | bytes.simd_eq(u8x16::splat(b','))
        | (within(b':', b'@') ^ bytes.simd_eq(u8x16::splat(b'=')))
        | within(b'[', b'^')
        | bytes.simd_eq(u8x16::splat(b'`'))
        | within(b'{', 127);
    found.to_bitmask().into()
}

/// The ends of lines, one after the other, and a look for control characters on the way.
#[derive(Clone, Debug)]
pub(super) struct LineEnds<'a> {
    bytes: &'a [u8],
    /// Where the window starts, and which of its line ends are still to come.
    base: usize,
    window: u64,
    /// Whether the last byte of the window is a control character that a LF behind it would explain.
    open: bool,
    /// Whether there is one that no LF explains.
    odd: bool,
}

impl<'a> LineEnds<'a> {
    /// Those of some lines.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut ends = Self { bytes, base: 0, window: 0, open: false, odd: false };
        ends.look();
        ends
    }

    /// Where the next LF stands.
    #[inline]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.window == 0 {
            self.base += WINDOW;
            if self.base >= self.bytes.len() {
                return None;
            }
            self.look();
        }
        let at = self.base + self.window.trailing_zeros() as usize;
        self.window &= self.window - 1;
        Some(at)
    }

    /// Whether there may be a control character but for LF and what stands before one, in the first
    /// `len` bytes, which were looked at.
    pub(super) fn is_odd(&self, len: usize) -> bool {
        self.odd || self.open && self.base + WINDOW <= len
    }

    /// At the window from `base` on.
    fn look(&mut self) {
        let rest = &self.bytes[self.base..];
        let (line_ends, controls) = match rest.first_chunk::<WINDOW>() {
            Some(chunk) => lines_and_controls(chunk),
            None => {
                let mut padded = [b' '; WINDOW];
                padded[..rest.len()].copy_from_slice(rest);
                lines_and_controls(&padded)
            }
        };
        // Whether it is a CR that stands before a LF, the reader of the line sees.
        let other = controls & !line_ends & !(line_ends >> 1);
        self.odd |= self.open && line_ends & 1 == 0 || other << 1 != 0;
        self.open = other >> (WINDOW - 1) != 0;
        self.window = line_ends;
    }
}

/// A bit for each LF, and for each control character.
#[inline]
fn lines_and_controls(bytes: &[u8; WINDOW]) -> (u64, u64) {
    let (chunks, _) = bytes.as_chunks::<STEP>();
    let (mut line_ends, mut controls) = (0, 0);
    for (at, chunk) in chunks.iter().enumerate() {
        let bytes = u8x16::new(*chunk);
        let control = bytes.simd_eq(bytes.min(u8x16::splat(31))) | bytes.simd_eq(u8x16::splat(127));
        let lf = bytes.simd_eq(u8x16::splat(b'\n'));
        line_ends |= u64::from(lf.to_bitmask()) << (at * STEP);
        controls |= u64::from(control.to_bitmask()) << (at * STEP);
    }
    (line_ends, controls)
}
