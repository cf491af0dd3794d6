//! From the digits a trunk sends to an E.164 number, the same for the kernel and the daemon.
//!
//! The rules, in order, for digits without `+`:
//!
//! 1. the international prefix (`00`, `011`), then a number that could be E.164 → that number;
//! 2. the national prefix (`0`; `1` in North America), then a number of national length → with the
//!    country code before it;
//! 3. a number of national length → with the country code before it;
//! 4. the country code itself, then a number of national length → as it is (carriers that leave
//!    out the `+`);
//! 5. anything else (short codes, service numbers, extensions) is no E.164 number and stays as it
//!    came.

use crate::abi::number::{MAX_DIGITS, Number};

/// Fewer digits than this are no E.164 number even behind a `+`: the shortest in use have seven
/// (country code and subscriber number of Niue: 683 and four digits).
pub const MIN_E164_DIGITS: u32 = 7;

/// Digits of an E.164 number (ITU-T E.164 §6.2.1), unless a trunk says otherwise.
pub const DEFAULT_MAX_DIGITS: u8 = 15;

/// A run of up to four digits, such as a prefix, right-aligned BCD.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Digits {
    /// `0x0011` with `len` 3 is `011`.
    pub bcd: u16,
    /// How many digits, 0 to 4.
    pub len: u16,
}

impl Digits {
    /// No digits.
    pub const NONE: Self = Self { bcd: 0, len: 0 };

    /// From ASCII; `None` for more than four characters or for one that is no digit.
    pub const fn from_ascii(text: &[u8]) -> Option<Self> {
        if text.len() > 4 {
            return None;
        }
        let mut bcd = 0;
        let mut at = 0;
        while at < text.len() {
            if !text[at].is_ascii_digit() {
                return None;
            }
            bcd = (bcd << 4) | (text[at] - b'0') as u16;
            at += 1;
        }
        Some(Self { bcd, len: text.len() as u16 })
    }

    /// The number behind this prefix, with its length; `None` when it does not start with it.
    #[inline(always)]
    fn strip(self, number: u64, len: u32) -> Option<(u64, u32)> {
        let digits = (self.len & 7) as u32;
        if digits == 0 || digits > 4 || len <= digits {
            return None;
        }
        if number >> (64 - 4 * digits) != self.bcd as u64 {
            return None;
        }
        Some((number << (4 * digits), len - digits))
    }

    /// This prefix, then the number.
    #[inline(always)]
    fn prepend(self, number: u64, len: u32) -> Option<(u64, u32)> {
        let digits = (self.len & 7) as u32;
        if digits == 0 || digits > 4 || len + digits > MAX_DIGITS {
            return None;
        }
        Some(((number >> (4 * digits)) | ((self.bcd as u64) << (64 - 4 * digits)), len + digits))
    }
}

/// How a country dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct DialPlan {
    /// Country code; without one only numbers with a `+` are E.164.
    pub country: Digits,
    /// Dialled before a number of another country.
    pub international: Digits,
    /// Dialled before a national number; none where there is none.
    pub national: Digits,
    /// Shortest national significant number, digits.
    pub national_min: u8,
    /// Longest national significant number, digits.
    pub national_max: u8,
    /// Longest E.164 number believed from this trunk, digits (at most 16).
    pub max_digits: u8,
    /// Zero.
    pub reserved: u8,
}

impl DialPlan {
    /// No country: only numbers with a `+` are E.164.
    pub const NONE: Self = Self {
        country: Digits::NONE,
        international: Digits::NONE,
        national: Digits::NONE,
        national_min: 0,
        national_max: 0,
        max_digits: DEFAULT_MAX_DIGITS,
        reserved: 0,
    };

    /// The E.164 number for `dialled`, which came with a `+` or without one. `None` when it cannot
    /// be made one.
    #[inline(always)]
    pub fn e164(&self, dialled: Dialled) -> Option<Number> {
        let Dialled { nibbles, len, plus } = dialled;
        if plus {
            return self.checked(nibbles, len);
        }
        if let Some((rest, rest_len)) = self.international.strip(nibbles, len)
            && let Some(number) = self.checked(rest, rest_len)
        {
            return Some(number);
        }
        if let Some((rest, rest_len)) = self.national.strip(nibbles, len)
            && self.is_national(rest_len)
        {
            return self.with_country(rest, rest_len);
        }
        if self.is_national(len) {
            return self.with_country(nibbles, len);
        }
        if let Some((_, rest_len)) = self.country.strip(nibbles, len)
            && self.is_national(rest_len)
        {
            return self.checked(nibbles, len);
        }
        None
    }

    #[inline(always)]
    fn is_national(&self, len: u32) -> bool {
        len >= self.national_min as u32 && len <= self.national_max as u32
    }

    #[inline(always)]
    fn with_country(&self, nibbles: u64, len: u32) -> Option<Number> {
        let (nibbles, len) = self.country.prepend(nibbles, len)?;
        self.checked(nibbles, len)
    }

    /// E.164: no leading zero, not too short, not too long.
    #[inline(always)]
    fn checked(&self, nibbles: u64, len: u32) -> Option<Number> {
        if len < MIN_E164_DIGITS || len > self.max_digits as u32 || nibbles >> 60 == 0 {
            return None;
        }
        Some(Number::from_nibbles(nibbles, len))
    }
}

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

const _: () = assert!(size_of::<DialPlan>() == 16);

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(country: &str, international: &str, national: &str, lengths: (u8, u8)) -> DialPlan {
        let digits = |text: &str| Digits::from_ascii(text.as_bytes()).expect("prefix");
        DialPlan {
            country: digits(country),
            international: digits(international),
            national: digits(national),
            national_min: lengths.0,
            national_max: lengths.1,
            ..DialPlan::NONE
        }
    }

    fn e164(plan: &DialPlan, text: &str) -> Option<String> {
        let dialled = Dialled::from_text(text).expect("digits");
        plan.e164(dialled).map(|number| number.to_string())
    }

    #[test]
    fn north_america() {
        let us = plan("1", "011", "1", (10, 10));
        for text in
            ["+14155551234", "14155551234", "4155551234", "(415) 555-1234", "01114155551234"]
        {
            assert_eq!(e164(&us, text).as_deref(), Some("14155551234"), "{text}");
        }
        assert_eq!(e164(&us, "011442079460000").as_deref(), Some("442079460000"));
        for text in ["911", "5551234", "1001", "0", "00000000000", "+0123456789"] {
            assert_eq!(e164(&us, text), None, "{text}");
        }
    }

    #[test]
    fn a_national_prefix_of_zero() {
        let gb = plan("44", "00", "0", (9, 10));
        for text in ["+442079460000", "02079460000", "2079460000", "442079460000", "00442079460000"]
        {
            assert_eq!(e164(&gb, text).as_deref(), Some("442079460000"), "{text}");
        }
        assert_eq!(e164(&gb, "999"), None);
    }

    #[test]
    fn no_national_prefix() {
        let es = plan("34", "00", "", (9, 9));
        assert_eq!(e164(&es, "911234567").as_deref(), Some("34911234567"));
        assert_eq!(e164(&es, "0034911234567").as_deref(), Some("34911234567"));
    }

    #[test]
    fn without_a_country_only_plus_counts() {
        assert_eq!(e164(&DialPlan::NONE, "14155551234"), None);
        assert_eq!(e164(&DialPlan::NONE, "+14155551234").as_deref(), Some("14155551234"));
    }

    #[test]
    fn the_longest_number_is_a_setting() {
        let mut fr = plan("33", "00", "0", (9, 9));
        assert_eq!(e164(&fr, "+3310200612345678"), None);
        fr.max_digits = 16;
        assert_eq!(e164(&fr, "+3310200612345678").as_deref(), Some("3310200612345678"));
    }

    #[test]
    fn text_that_is_no_number() {
        for text in ["", "+", "anonymous", "415x", "++1", "1+", "12345678901234567"] {
            assert_eq!(Dialled::from_text(text), None, "{text}");
        }
    }
}
