//! A trunk: where it sends from and how its callers are read.

use core::mem::offset_of;

use crate::{abi::number::Number, dial_plan::DialPlan, scan::AniHeader};

/// How many headers a trunk's order can name.
pub const MAX_ANI_HEADERS: usize = 8;

/// How many prefixes of toll-free numbers a trunk can have.
pub const MAX_TOLL_FREE: usize = 16;

/// How many trunks the program knows.
pub const MAX_TRUNKS: u32 = 1_024;

/// How many source networks all trunks may have together.
pub const MAX_SOURCES: u32 = 16_384;

/// The value behind a source network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Trunk {
    /// Index of the trunk in the configuration, from 0.
    pub index: u16,
    /// Where the attestation is told, and what its words mean.
    pub telling: Telling,
    /// Where its callers stand.
    pub orders: Orders,
    /// How its national numbers are completed.
    pub dial_plan: DialPlan,
    /// Which of its plain calls are held though nothing is against them: of the bits below.
    pub hold: u64,
}

impl Trunk {
    /// Those with an Identity header.
    pub const HOLD_SIGNED: u64 = 1;
    /// Those without.
    pub const HOLD_UNSIGNED: u64 = 1 << 1;
}

/// Headers a caller is read from, the most trusted first.
///
/// [`AniHeader`]s as numbers, the first in the lowest byte; a zero ends the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct AniOrder(pub u64);

impl AniOrder {
    /// No header at all.
    pub const NONE: Self = Self(0);

    /// From the headers; those beyond [`MAX_ANI_HEADERS`] are left out.
    pub const fn new(headers: &[AniHeader]) -> Self {
        let mut order = 0;
        let mut at = 0;
        while at < headers.len() && at < MAX_ANI_HEADERS {
            order |= (headers[at] as u64) << (8 * at);
            at += 1;
        }
        Self(order)
    }

    /// The header at `at` (0 is the first); none behind the last.
    #[inline(always)]
    pub const fn header(self, at: u32) -> Option<AniHeader> {
        if at >= MAX_ANI_HEADERS as u32 {
            return None;
        }
        AniHeader::from_raw((self.0 >> (8 * at)) as u8)
    }

    /// The headers, the first one first.
    pub fn headers(self) -> impl Iterator<Item = AniHeader> + Clone {
        (0..MAX_ANI_HEADERS as u32).map_while(move |at| self.header(at))
    }
}

/// How many headers a trunk's `verstat` may stand on.
pub const MAX_VERSTAT_HEADERS: u32 = 2;

/// Where a carrier tells how far it vouches for the caller, and what its words mean.
///
/// From the lowest bit: [`Telling::IDENTITY`] and the other six of one bit each; the headers `verstat`
/// stands on, the most trusted first ([`AniHeader`] as a number, 3 bits each; a zero is none); what the
/// [`Token`]s mean, in order (3 bits each): [`crate::scan::Attestation`] as a number, or
/// [`Telling::FAILED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Telling([u16; 3]);

/// A word of `verstat` (3GPP TS 24.229 §7.2A.20), with the level behind it as its dialects have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Token {
    /// `TN-Validation-Passed`
    Passed = 0,
    /// `TN-Validation-Passed-A`
    PassedA = 1,
    /// `TN-Validation-Passed-B`
    PassedB = 2,
    /// `TN-Validation-Passed-C`
    PassedC = 3,
    /// `TN-Validation-Failed`
    Failed = 4,
    /// `No-TN-Validation`
    Nothing = 5,
    /// Any other: only the full parser tells what it means.
    Unknown = 6,
}

impl Token {
    /// Those that are known, as they are written.
    pub const ALL: [(Self, &str); 6] = [
        (Self::Passed, "TN-Validation-Passed"),
        (Self::PassedA, "TN-Validation-Passed-A"),
        (Self::PassedB, "TN-Validation-Passed-B"),
        (Self::PassedC, "TN-Validation-Passed-C"),
        (Self::Failed, "TN-Validation-Failed"),
        (Self::Nothing, "No-TN-Validation"),
    ];
}

impl Telling {
    /// The claim in Identity is believed.
    pub const IDENTITY: u64 = 1;
    /// `verstat` is believed, in one of the places below.
    pub const VERSTAT: u64 = 1 << 1;
    /// In the user part of the URI, or in a `tel:` URI.
    pub const USER: u64 = 1 << 2;
    /// Behind the URI's host.
    pub const URI: u64 = 1 << 3;
    /// Behind the header's bracket.
    pub const HEADER: u64 = 1 << 4;
    /// What stands beside it may say a level, in words that only the full parser knows.
    pub const ODD: u64 = 1 << 5;
    /// `verstat` may stand on headers that have no place here, where those that have do not name the
    /// caller.
    pub const MORE: u64 = 1 << 6;

    /// What a [`Token`] means that says that the number is not the caller's.
    pub const FAILED: u32 = 5;

    const HEADERS_AT: u32 = 7;
    const MEANINGS_AT: u32 = Self::HEADERS_AT + 3 * MAX_VERSTAT_HEADERS;
    const BITS: u32 = Self::MEANINGS_AT + 3 * Token::ALL.len() as u32;

    /// Nothing is believed.
    pub const NONE: Self = Self([0; 3]);

    /// Only the claim in Identity is.
    pub const SIGNER: Self = Self::from_word(Self::IDENTITY);

    /// From the bits above. Headers beyond [`MAX_VERSTAT_HEADERS`] are left out.
    pub fn new(bits: u64, headers: &[AniHeader], meanings: [u32; Token::ALL.len()]) -> Self {
        let mut word = bits;
        for (at, header) in headers.iter().take(MAX_VERSTAT_HEADERS as usize).enumerate() {
            word |= (*header as u64) << (Self::HEADERS_AT + 3 * at as u32);
        }
        for (at, meaning) in meanings.into_iter().enumerate() {
            word |= u64::from(meaning & 7) << (Self::MEANINGS_AT + 3 * at as u32);
        }
        Self::from_word(word)
    }

    /// All in one word.
    #[inline(always)]
    pub const fn word(self) -> u64 {
        let [low, middle, high] = self.0;
        low as u64 | (middle as u64) << 16 | (high as u64) << 32
    }

    /// From [`Telling::word`].
    #[inline(always)]
    pub const fn from_word(word: u64) -> Self {
        Self([word as u16, (word >> 16) as u16, (word >> 32) as u16])
    }

    /// Whether one of `bits` is set.
    #[inline(always)]
    pub const fn has(self, bits: u64) -> bool {
        self.word() & bits != 0
    }

    /// The header at `at` (0 is the first) as a number; 0 for none.
    #[inline(always)]
    pub const fn header(self, at: u32) -> u64 {
        self.word() >> (Self::HEADERS_AT + 3 * at) & 7
    }

    /// What a [`Token`], as a number, means; [`crate::scan::Attestation::Unclear`] for an unknown one.
    #[inline(always)]
    pub const fn meaning(self, token: u32) -> u32 {
        if token >= Token::ALL.len() as u32 {
            return crate::scan::Attestation::Unclear as u32;
        }
        (self.word() >> (Self::MEANINGS_AT + 3 * token)) as u32 & 7
    }
}

/// The first digits of numbers: those of `value`, a [`Number`]'s word, where `mask` has ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct TollFree {
    /// The digits, zeros behind them.
    pub value: u64,
    /// Ones over the digits.
    pub mask: u64,
}

impl TollFree {
    /// No number begins with it: its value is none that the mask leaves.
    pub const NONE: Self = Self { value: u64::MAX, mask: 0 };

    /// The first digits of `number`, all that it has.
    pub const fn new(digits: Number) -> Self {
        let len = digits.len();
        if len == 0 {
            return Self::NONE;
        }
        let mask = u64::MAX << (64 - 4 * len);
        Self { value: digits.0 & mask, mask }
    }

    /// Whether `number` begins with it.
    #[inline(always)]
    pub const fn starts(self, number: Number) -> bool {
        self.difference(number) == 0
    }

    /// 1 when `number` does not begin with it, else 0; without a branch, of which each would be two
    /// states more to verify.
    #[inline(always)]
    const fn difference(self, number: Number) -> u64 {
        let bits = (number.0 & self.mask) ^ self.value;
        (bits | bits.wrapping_neg()) >> 63
    }
}

/// Where the callers of a trunk stand, by the number they call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Orders {
    /// For every called number that is not toll-free.
    pub usual: AniOrder,
    /// For a toll-free one; [`AniOrder::NONE`] for no difference.
    pub toll_free: AniOrder,
    /// What toll-free numbers begin with, E.164.
    pub toll_free_prefixes: [TollFree; MAX_TOLL_FREE],
}

impl Orders {
    /// One order, whoever is called.
    pub const fn one(headers: &[AniHeader]) -> Self {
        Self {
            usual: AniOrder::new(headers),
            toll_free: AniOrder::NONE,
            toll_free_prefixes: [TollFree::NONE; MAX_TOLL_FREE],
        }
    }

    /// The order for a called number, E.164; [`Number::NONE`] for one that is none.
    #[inline(always)]
    pub fn of(&self, called: Number) -> AniOrder {
        let apart = self.differ() && self.is_toll_free(called);
        if apart { self.toll_free } else { self.usual }
    }

    /// Whether toll-free numbers have an order of their own.
    #[inline(always)]
    pub fn differ(&self) -> bool {
        self.toll_free.0 != 0
    }

    /// Whether a called number is toll-free; [`Number::NONE`] is not.
    #[inline(always)]
    pub fn is_toll_free(&self, called: Number) -> bool {
        let mut none = 1;
        for prefix in &self.toll_free_prefixes {
            none &= prefix.difference(called);
        }
        none == 0
    }
}

const _: () = {
    assert!(size_of::<Orders>() == 16 + 16 * MAX_TOLL_FREE);
    assert!(offset_of!(Trunk, orders) == 8);
    assert!(offset_of!(Trunk, dial_plan) == 8 + size_of::<Orders>());
    assert!(offset_of!(Trunk, hold) == offset_of!(Trunk, dial_plan) + size_of::<DialPlan>());
    assert!(size_of::<Trunk>() == offset_of!(Trunk, hold) + 8);
    assert!(offset_of!(Trunk, telling) == 2);
    assert!(Telling::BITS <= 48);
    assert!(AniHeader::ALL.len() <= 7);
    // An order has a byte for each.
    assert!(AniHeader::ALL.len() <= MAX_ANI_HEADERS);
};

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str) -> Number {
        Number::from_ascii(digits.as_bytes()).expect("digits")
    }

    #[test]
    fn an_order_keeps_its_headers_in_place() {
        let order = AniOrder::new(&AniHeader::ALL);
        assert!(order.headers().eq(AniHeader::ALL));
        assert_eq!(AniOrder::NONE.headers().count(), 0);
        assert_eq!(order.header(MAX_ANI_HEADERS as u32), None);
    }

    #[test]
    fn toll_free_numbers_have_an_order_of_their_own() {
        let mut orders = Orders::one(&[AniHeader::From]);
        orders.toll_free = AniOrder::new(&[AniHeader::PChargeInfo, AniHeader::From]);
        orders.toll_free_prefixes[3] = TollFree::new(number("1800"));
        for (called, apart) in [
            (number("18005551234"), true),
            (number("18015551234"), false),
            (number("180"), false),
            (Number::NONE, false),
        ] {
            let expected = if apart { orders.toll_free } else { orders.usual };
            assert_eq!(orders.of(called), expected, "{called}");
        }
        orders.toll_free = AniOrder::NONE;
        assert_eq!(orders.of(number("18005551234")), orders.usual);
    }
}
