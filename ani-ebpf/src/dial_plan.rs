//! From the digits a trunk sends to an E.164 number, the same for the kernel and the daemon.
//!
//! The rules, in order, for digits without `+`:
//!
//! 1. an international prefix (`00`, `011`), then a number that could be E.164 → that number;
//! 2. the national prefix (`0`; `1` in North America), then a number of a length that stands behind
//!    it → with the country code before it;
//! 3. a number of a length that is dialled bare → with the country code before it. Where there is a
//!    national prefix and the digits can as well be read by the next rule, that one holds: who
//!    leaves out a `+` is more usual than who leaves out the prefix;
//! 4. the country code itself, then a number of national length → as it is (carriers that leave
//!    out the `+`);
//! 5. anything else (short codes, service numbers, extensions) is no E.164 number and stays as it
//!    came.
//!
//! What comes out was checked: not too short, not too long, no leading zero, in North America
//! [2-9]XX[2-9]XXXXXX behind the 1, and no zero behind the plan's own country code where zero is the
//! national prefix. Only what is certain is refused: no lengths of other countries, since plans change
//! and routing prefixes (France's) make numbers longer, and no country codes without an owner, since
//! they get one.

use crate::abi::number::Number;

pub use self::{
    dialled::Dialled,
    lengths::Lengths,
    prefix::{MAX_PREFIX_DIGITS, Prefix},
};

/// Digits as they came.
mod dialled;
/// Lengths of numbers.
mod lengths;
/// What stands before a number.
mod prefix;

/// Fewer digits than this are no E.164 number even behind a `+`: the shortest in use have seven
/// (country code and subscriber number of Niue: 683 and four digits).
pub const MIN_E164_DIGITS: u32 = 7;

/// Digits of an E.164 number (ITU-T E.164 §6.2.1), unless a trunk says otherwise.
pub const DEFAULT_MAX_DIGITS: u8 = 15;

/// How many international prefixes a plan knows.
pub const MAX_INTERNATIONAL: usize = 6;

/// Digits of a number in North America, country code included.
const NANP_DIGITS: u32 = 11;

/// How a country dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct DialPlan {
    /// Country code; without one only numbers with a `+` are E.164.
    pub country: Prefix,
    /// Dialled before a national number; none where there is none.
    pub national: Prefix,
    /// Dialled before a number of another country, in order of trial; none ends the list.
    pub international: [Prefix; MAX_INTERNATIONAL],
    /// Lengths of the numbers behind the national prefix and behind the country code.
    pub national_lengths: Lengths,
    /// Lengths of the numbers that are dialled without any prefix.
    pub bare_lengths: Lengths,
    /// Longest E.164 number believed from this trunk, digits (at most 16).
    pub max_digits: u8,
    /// 1 when no national number begins with 0, so that one behind the country code is a national
    /// prefix that should not be there.
    pub no_leading_zero: u8,
    /// Zero.
    pub reserved: [u8; 2],
}

/// How a number was understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// `+` and the whole number.
    Plus,
    /// An international prefix and the whole number.
    International,
    /// The national prefix and a national number.
    National,
    /// A national number alone.
    Bare,
    /// The whole number without a `+`.
    CountryCode,
}

/// An E.164 number and how it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The number.
    pub number: Number,
    /// How it was understood.
    pub way: Way,
    /// The prefix that was taken away; none for the ways that have none.
    pub prefix: Prefix,
}

/// Why digits are no E.164 number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Fewer than [`MIN_E164_DIGITS`].
    TooShort,
    /// More than [`DialPlan::max_digits`].
    TooLong,
    /// No country code begins with 0.
    ZeroFirst,
    /// Not 1 and ten digits, or an area code or exchange code that begins with 0 or 1.
    NorthAmerican,
    /// A 0 behind the country code of a plan that has no such numbers.
    ZeroBehindCountry,
}

impl Fault {
    /// Why, for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooShort => "fewer than 7 digits",
            Self::TooLong => "too many digits",
            Self::ZeroFirst => "no country code begins with 0",
            Self::NorthAmerican => {
                "not ten digits as in North America behind the 1, the first and the fourth from 2 to 9"
            }
            Self::ZeroBehindCountry => "a 0 behind the country code, where it is never dialled",
        }
    }
}

impl DialPlan {
    /// No country: only numbers with a `+` are E.164.
    pub const NONE: Self = Self {
        country: Prefix::NONE,
        national: Prefix::NONE,
        international: [Prefix::NONE; MAX_INTERNATIONAL],
        national_lengths: Lengths::NONE,
        bare_lengths: Lengths::NONE,
        max_digits: DEFAULT_MAX_DIGITS,
        no_leading_zero: 0,
        reserved: [0; 2],
    };

    /// The E.164 number for `dialled`, which came with a `+` or without one. `None` when it cannot
    /// be made one.
    #[inline(always)]
    pub fn e164(&self, dialled: Dialled) -> Option<Number> {
        self.read(dialled).map(|reading| reading.number)
    }

    /// The E.164 number for `dialled`, and how it was found.
    #[inline(always)]
    pub fn read(&self, dialled: Dialled) -> Option<Reading> {
        let Dialled { nibbles, len, plus } = dialled;
        let reading = |number, way, prefix| Some(Reading { number, way, prefix });
        if plus {
            return reading(self.checked(nibbles, len)?, Way::Plus, Prefix::NONE);
        }
        for prefix in self.international {
            if let Some((rest, rest_len)) = prefix.strip(nibbles, len)
                && let Some(number) = self.checked(rest, rest_len)
            {
                return reading(number, Way::International, prefix);
            }
        }
        if let Some((rest, rest_len)) = self.national.strip(nibbles, len)
            && self.national_lengths.has(rest_len)
            && let Some(number) = self.with_country(rest, rest_len)
        {
            return reading(number, Way::National, self.national);
        }
        let behind_country = self.country.strip(nibbles, len).map_or(0, |(_, rest_len)| rest_len);
        let either = !self.national.is_empty() && self.bare_lengths.has(behind_country);
        if self.bare_lengths.has(len)
            && !either
            && let Some(number) = self.with_country(nibbles, len)
        {
            return reading(number, Way::Bare, Prefix::NONE);
        }
        // Not the shortest ones: digits that happen to begin like the country code are more often an
        // extension than a service number without its `+`.
        if self.national_lengths.from_shortest_of(self.bare_lengths).has(behind_country) {
            return reading(self.checked(nibbles, len)?, Way::CountryCode, Prefix::NONE);
        }
        None
    }

    /// What is wrong with a whole number, its digits from the highest nibble down.
    #[inline(always)]
    pub fn fault(&self, nibbles: u64, len: u32) -> Option<Fault> {
        let digit = |at: u32| nibbles >> (60 - 4 * at) & 0xf;
        if digit(0) == 0 {
            return Some(Fault::ZeroFirst);
        }
        if len < MIN_E164_DIGITS {
            return Some(Fault::TooShort);
        }
        if len > self.max_digits as u32 {
            return Some(Fault::TooLong);
        }
        // NANP, "NANPA: about the North American Numbering Plan": NXX-NXX-XXXX, N from 2 to 9.
        if digit(0) == 1 && (len != NANP_DIGITS || digit(1) < 2 || digit(4) < 2) {
            return Some(Fault::NorthAmerican);
        }
        if self.no_leading_zero != 0
            && let Some((rest, _)) = self.country.strip(nibbles, len)
            && rest >> 60 == 0
        {
            return Some(Fault::ZeroBehindCountry);
        }
        None
    }

    #[inline(always)]
    fn with_country(&self, nibbles: u64, len: u32) -> Option<Number> {
        let (nibbles, len) = self.country.prepend(nibbles, len)?;
        self.checked(nibbles, len)
    }

    #[inline(always)]
    fn checked(&self, nibbles: u64, len: u32) -> Option<Number> {
        match self.fault(nibbles, len) {
            None => Some(Number::from_nibbles(nibbles, len)),
            Some(_) => None,
        }
    }
}

const _: () = assert!(size_of::<DialPlan>() == 40);

#[cfg(test)]
mod tests;
