//! A telephone number as the kernel compares it: up to 16 BCD digits in one 64-bit word.

use core::fmt;

/// Digits a [`Number`] can hold. E.164 allows 15; French portability prefixes make it 16.
pub const MAX_DIGITS: u32 = 16;

/// Filler for the nibbles after the last digit.
const FILLER: u64 = 0xf;

/// Up to 16 decimal digits, the first in the highest nibble, the rest of the word filled with `f`.
///
/// `+14155551234` is `0x1415_5551_234f_ffff`. Whether it is an E.164 number or digits as they were
/// dialled is said by where it stands. The order of the words is the order of the numbers' prefixes,
/// so the big-endian bytes can key a longest-prefix map.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Number(pub u64);

impl Number {
    /// No digit at all: the value of a field that holds no number.
    pub const NONE: Self = Self(u64::MAX);

    /// A number from its first `len` nibbles, counted from the top; the others are ignored.
    /// `len` over 16 is read as 16.
    #[inline(always)]
    pub const fn from_nibbles(nibbles: u64, len: u32) -> Self {
        if len >= MAX_DIGITS { Self(nibbles) } else { Self(nibbles | (u64::MAX >> (4 * len))) }
    }

    /// A number from ASCII digits. `None` when a byte is no digit, or for more than 16, or for none.
    pub const fn from_ascii(digits: &[u8]) -> Option<Self> {
        if digits.is_empty() || digits.len() > MAX_DIGITS as usize {
            return None;
        }
        let mut nibbles = u64::MAX;
        let mut at = 0;
        while at < digits.len() {
            if !digits[at].is_ascii_digit() {
                return None;
            }
            let shift = 60 - 4 * at as u32;
            nibbles = (nibbles & !(FILLER << shift)) | (((digits[at] - b'0') as u64) << shift);
            at += 1;
        }
        Some(Self(nibbles))
    }

    /// How many digits it has, 0 to 16.
    pub const fn len(self) -> u32 {
        let mut len = 0;
        while len < MAX_DIGITS && self.digit(len) <= 9 {
            len += 1;
        }
        len
    }

    /// Whether this is [`Number::NONE`].
    #[inline(always)]
    pub const fn is_none(self) -> bool {
        self.0 == u64::MAX
    }

    /// Whether there is no digit; the same as [`Number::is_none`].
    pub const fn is_empty(self) -> bool {
        self.is_none()
    }

    /// The digits in ASCII, and how many of the array's bytes they are.
    pub const fn ascii(self) -> ([u8; MAX_DIGITS as usize], usize) {
        let mut digits = [0; MAX_DIGITS as usize];
        let mut len = 0;
        while len < digits.len() && self.digit(len as u32) <= 9 {
            digits[len] = b'0' + self.digit(len as u32);
            len += 1;
        }
        (digits, len)
    }

    /// The digit at `at` (0 is the first); 15 behind the last one.
    #[inline(always)]
    pub const fn digit(self, at: u32) -> u8 {
        if at >= MAX_DIGITS { 0xf } else { ((self.0 >> (60 - 4 * at)) & 0xf) as u8 }
    }
}

/// The digits alone; who knows that they are E.164 writes the `+`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, len) = self.ascii();
        let digits = digits.get(..len).and_then(|digits| str::from_utf8(digits).ok());
        f.write_str(digits.unwrap_or_default())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Number({self})")
    }
}

const _: () = assert!(size_of::<Number>() == 8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_round_trips() {
        for text in ["1", "112", "14155551234", "331020012345678", "3310200123456789"] {
            let number = Number::from_ascii(text.as_bytes()).expect(text);
            assert_eq!(number.to_string(), text);
            assert_eq!(number.len() as usize, text.len());
        }
    }

    #[test]
    fn layout_is_digits_from_the_top_and_f_behind() {
        let number = Number::from_ascii(b"14155551234").expect("digits");
        assert_eq!(number.0, 0x1415_5551_234f_ffff);
        assert_eq!(Number::from_nibbles(0x1415_5551_2349_8765, 11), number);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "+1", "12a", "12345678901234567"] {
            assert_eq!(Number::from_ascii(text.as_bytes()), None, "{text}");
        }
    }
}
