//! Choices without a branch: each branch would be two states more to verify. What the compiler cannot
//! see through it cannot make one.

use core::hint;

/// 1 where both are equal, else 0.
#[inline(always)]
pub(crate) const fn equal(one: u64, other: u64) -> u64 {
    let bits = one ^ other;
    1 ^ hint::black_box((bits | bits.wrapping_neg()) >> 63)
}

/// 1 where `one` is less, else 0. Both must be below 2^63.
#[inline(always)]
pub(crate) const fn less(one: u64, other: u64) -> u64 {
    hint::black_box(one.wrapping_sub(other) >> 63)
}

/// 1 where `one` is less, else 0, for any two.
#[inline(always)]
pub(crate) const fn below(one: u64, other: u64) -> u64 {
    hint::black_box(((!one & other) | (!(one ^ other) & one.wrapping_sub(other))) >> 63)
}

/// `one` where `choice` is 1, `other` where it is 0.
#[inline(always)]
pub(crate) fn either(choice: u64, one: u64, other: u64) -> u64 {
    let mask = hint::black_box(choice.wrapping_neg());
    other ^ (one ^ other) & mask
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_choose_as_a_branch_would(one in 0..1_u64 << 63, other in 0..1_u64 << 63) {
            prop_assert_eq!(equal(one, other) == 1, one == other);
            prop_assert_eq!(equal(one, one), 1);
            prop_assert_eq!(less(one, other) == 1, one < other);
            prop_assert_eq!(less(one, one), 0);
            let (high, other_high) = (one << 1, other << 1);
            prop_assert_eq!(below(high, other_high) == 1, high < other_high);
            prop_assert_eq!((either(1, one, other), either(0, one, other)), (one, other));
        }
    }
}
