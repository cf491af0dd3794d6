//! Digits as they came, before any plan is applied.

use crate::abi::number::{MAX_DIGITS, Number};

/// The digits of a number as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialled {
    /// The first digit in the highest nibble; the nibbles behind the last mean nothing.
    pub nibbles: u64,
    /// How many digits, 0 to 16.
    pub len: u32,
    /// Whether a `+` stood before them.
    pub plus: bool,
}

impl Dialled {
    /// The digits alone, whatever they mean.
    #[inline(always)]
    pub const fn digits(self) -> Number {
        Number::from_nibbles(self.nibbles, self.len)
    }

    /// From text as it stands in a URI or on a command line: `+` first or not at all, then digits,
    /// with the visual separators of RFC 3966 §5.1.1 and spaces ignored. `None` when anything else
    /// stands in it, or no digit, or more than 16.
    pub fn from_text(text: &str) -> Option<Self> {
        let (plus, rest) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut digits = Self { nibbles: 0, len: 0, plus };
        for byte in rest.bytes() {
            match byte {
                b'0'..=b'9' if digits.len < MAX_DIGITS => {
                    digits.nibbles |= u64::from(byte - b'0') << (60 - 4 * digits.len);
                    digits.len += 1;
                }
                b'-' | b'.' | b'(' | b')' | b' ' => {}
                _ => return None,
            }
        }
        (digits.len > 0).then_some(digits)
    }
}
