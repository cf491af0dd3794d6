//! A run of digits that stands before a number: a country code, an international or national prefix.

use core::fmt;

use crate::abi::number::MAX_DIGITS;

/// Digits a prefix can have: Japan's `0033010` and China's `1790900` have as many.
pub const MAX_PREFIX_DIGITS: u32 = 7;

/// How many digits, in the lowest nibble.
const LEN: u32 = 0xf;

/// Up to seven digits in one word: BCD from the highest nibble down, their count in the lowest.
/// `011` is `0x0110_0003`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Prefix(u32);

impl Prefix {
    /// No digits.
    pub const NONE: Self = Self(0);

    /// From ASCII; `None` for more than seven characters or for one that is no digit.
    pub const fn from_ascii(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_PREFIX_DIGITS as usize {
            return None;
        }
        let mut word = text.len() as u32;
        let mut at = 0;
        while at < text.len() {
            if !text[at].is_ascii_digit() {
                return None;
            }
            word |= ((text[at] - b'0') as u32) << (28 - 4 * at);
            at += 1;
        }
        Some(Self(word))
    }

    /// How many digits, 0 to 7.
    #[inline(always)]
    pub const fn len(self) -> u32 {
        self.0 & LEN
    }

    /// Whether there is none.
    #[inline(always)]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The number behind this prefix, with its length; `None` when it does not start with it or
    /// nothing is behind it.
    #[inline(always)]
    pub fn strip(self, number: u64, len: u32) -> Option<(u64, u32)> {
        let digits = self.len();
        if digits == 0 || digits > MAX_PREFIX_DIGITS || len <= digits {
            return None;
        }
        if number >> (64 - 4 * digits) != (self.0 >> (32 - 4 * digits)) as u64 {
            return None;
        }
        Some((number << (4 * digits), len - digits))
    }

    /// This prefix, then the number; `None` when there is no prefix or no room for both.
    #[inline(always)]
    pub fn prepend(self, number: u64, len: u32) -> Option<(u64, u32)> {
        let digits = self.len();
        if digits == 0 || digits > MAX_PREFIX_DIGITS || len + digits > MAX_DIGITS {
            return None;
        }
        Some(((number >> (4 * digits)) | ((self.0 & !LEN) as u64) << 32, len + digits))
    }
}

/// The digits alone.
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for at in 0..self.len().min(MAX_PREFIX_DIGITS) {
            write!(f, "{}", (self.0 >> (28 - 4 * at)) & 0xf)?;
        }
        Ok(())
    }
}

const _: () = assert!(size_of::<Prefix>() == 4);
