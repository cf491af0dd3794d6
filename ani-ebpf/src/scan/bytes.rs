//! Bytes, eight at a time: tests on a little-endian word whose lowest byte is the first.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// `byte` in all eight places.
#[inline(always)]
pub(super) const fn repeat(byte: u8) -> u64 {
    ONES * byte as u64
}

/// A mask whose lowest set bit is in the first byte equal to the one repeated in `pattern`; zero
/// when there is none. Bits above the lowest mean nothing.
#[inline(always)]
pub(super) const fn equal(word: u64, pattern: u64) -> u64 {
    let x = word ^ pattern;
    x.wrapping_sub(ONES) & !x & HIGHS
}

/// Like [`equal`], for the first control character (below 0x20).
#[inline(always)]
pub(super) const fn control(word: u64) -> u64 {
    word.wrapping_sub(repeat(0x20)) & !word & HIGHS
}

/// Like [`equal`], for the first byte that is no ASCII digit.
#[inline(always)]
pub(super) const fn no_digit(word: u64) -> u64 {
    let x = word ^ repeat(b'0');
    (x.wrapping_add(repeat(0x76)) | x) & HIGHS
}

/// Exactly the bytes above a space.
#[inline(always)]
pub(super) const fn graphic(word: u64) -> u64 {
    (((word & repeat(0x7f)) + repeat(0x5f)) | word) & HIGHS
}

/// Index of the byte that holds a mask's lowest set bit: 0 to 7, and 8 for no bit at all.
///
/// BPF has no instruction that counts zeros. The ones below the lowest set bit (at bit 7 of its
/// byte) fill `index` whole bytes and seven bits more; one bit of each whole byte is summed into the
/// top byte by the multiplication.
#[inline(always)]
pub(super) const fn index(mask: u64) -> u32 {
    let below = mask.wrapping_sub(1) & !mask;
    if mask == 0 { 8 } else { (((below >> 7) & ONES).wrapping_mul(ONES) >> 56) as u32 }
}

/// Eight ASCII digits as eight BCD nibbles, the first in the highest.
#[inline(always)]
pub(super) const fn pack(word: u64) -> u64 {
    let x = (word & repeat(0x0f)).swap_bytes();
    let x = (x | (x >> 4)) & 0x00ff_00ff_00ff_00ff;
    let x = (x | (x >> 8)) & 0x0000_ffff_0000_ffff;
    (x | (x >> 16)) & 0xffff_ffff
}

/// Up to eight bytes of a name that are compared at once, upper and lower case alike.
#[derive(Clone, Copy)]
pub(super) struct Name {
    /// The bytes, letters in lower case.
    bytes: u64,
    /// Ones where a byte is compared; letters without the case bit.
    mask: u64,
}

impl Name {
    /// The first eight bytes of `text` at most.
    pub(super) const fn new(text: &[u8]) -> Self {
        let mut bytes = 0;
        let mut mask = 0;
        let mut at = 0;
        while at < text.len() && at < 8 {
            let byte = text[at].to_ascii_lowercase();
            bytes |= (byte as u64) << (8 * at);
            let compare: u64 = if byte.is_ascii_alphabetic() { 0xdf } else { 0xff };
            mask |= compare << (8 * at);
            at += 1;
        }
        Self { bytes: bytes & mask, mask }
    }

    /// Exactly these bytes, case included.
    pub(super) const fn exact(text: &[u8]) -> Self {
        let mut name = Self { bytes: 0, mask: 0 };
        let mut at = 0;
        while at < text.len() && at < 8 {
            name.bytes |= (text[at] as u64) << (8 * at);
            name.mask |= 0xff << (8 * at);
            at += 1;
        }
        name
    }

    /// Whether `word` starts with it.
    #[inline(always)]
    pub(super) const fn starts(self, word: u64) -> bool {
        (word ^ self.bytes) & self.mask == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn masks_find_the_first_match(bytes: [u8; 8], needle: u8) {
            let word = u64::from_le_bytes(bytes);
            let first = |test: &dyn Fn(u8) -> bool| bytes.iter().position(|b| test(*b)).unwrap_or(8);
            prop_assert_eq!(index(equal(word, repeat(needle))) as usize, first(&|b| b == needle));
            prop_assert_eq!(index(control(word)) as usize, first(&|b| b < 0x20));
            prop_assert_eq!(index(no_digit(word)) as usize, first(&|b| !b.is_ascii_digit()));
            prop_assert_eq!(index(graphic(word)) as usize, first(&|b| b > b' '));
        }

        #[test]
        fn digits_pack_first_to_the_top(digits in proptest::collection::vec(0u8..10, 8)) {
            let ascii: Vec<u8> = digits.iter().map(|d| d + b'0').collect();
            let word = u64::from_le_bytes(ascii.as_slice().try_into().expect("eight"));
            let expected = digits.iter().fold(0u64, |sum, d| (sum << 4) | u64::from(*d));
            prop_assert_eq!(pack(word), expected);
        }

        #[test]
        fn names_ignore_case_of_letters_only(word: u64) {
            let name = Name::new(b"p-A:");
            let bytes = word.to_le_bytes();
            let expected = bytes[..4].eq_ignore_ascii_case(b"p-a:");
            prop_assert_eq!(name.starts(word), expected);
        }
    }

    #[test]
    fn a_name_matches_itself_in_any_case() {
        for text in [&b"call-id:"[..], b"CALL-ID:", b"Call-Id:"] {
            let word = u64::from_le_bytes(text.try_into().expect("eight"));
            assert!(Name::new(b"call-id:").starts(word));
        }
        let word = u64::from_le_bytes(*b"CALL\rID:");
        assert!(!Name::new(b"call-id:").starts(word), "CR is not the hyphen's lower case");
        assert!(!Name::exact(b"INVITE ").starts(u64::from_le_bytes(*b"invite s")));
    }
}
