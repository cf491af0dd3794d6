//! NH, the hash below UMAC (RFC 4418 §5.2.2), over 64-bit words: each word's halves are added to
//! those of a key and multiplied with each other, and the products are added up.
//!
//! Whoever does not know the keys finds two messages of one hash with a probability of 2^-32, however
//! he chooses them. Six instructions a word; SipHash takes thirty.

/// The share of one word under its key; the hash is the wrapping sum of the shares of all words,
/// each under a key of its own.
#[inline(always)]
pub const fn share(word: u64, key: u64) -> u64 {
    let low = (word as u32).wrapping_add(key as u32);
    let high = ((word >> 32) as u32).wrapping_add((key >> 32) as u32);
    low as u64 * high as u64
}

/// A hash's bits mixed, to take a few of them: NH is weak in some.
#[inline(always)]
pub const fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ hash >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_added_without_carry_and_multiplied() {
        assert_eq!(share(0x0000_0003_0000_0005, 0x0000_0001_0000_0002), 4 * 7);
        assert_eq!(share(0xffff_ffff_ffff_ffff, 0x0000_0002_0000_0003), 1 << 1);
        assert_eq!(share(0xffff_fffe_ffff_fffe, 0), 0xffff_fffe * 0xffff_fffe);
    }
}
