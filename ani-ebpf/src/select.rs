//! Choices without a branch: each branch would be two states more to verify. What the compiler cannot
//! see through it cannot make one.

/// A value that the compiler knows nothing of: it would know a choice by it, and make it a branch.
///
/// A move of a register to itself, which might have been anything. (`black_box` goes through memory,
/// which costs a nanosecond each time; nothing at all would leave two source lines at one instruction,
/// which the kernel refuses.)
#[inline(always)]
#[cfg_attr(target_arch = "bpf", expect(unsafe_code, reason = "assembly"))]
fn opaque(value: u64) -> u64 {
    #[cfg(target_arch = "bpf")]
    {
        let mut value = value;
        // SAFETY: it does nothing.
        unsafe {
            core::arch::asm!("{0} = {0}", inout(reg) value, options(pure, nomem, nostack));
        }
        value
    }
    #[cfg(not(target_arch = "bpf"))]
    core::hint::black_box(value)
}

/// A zero that the compiler does not know: to write several in a row it would call `memset`, which goes
/// by the byte here.
#[inline(always)]
pub fn zero() -> u64 {
    opaque(0)
}

/// 1 where both are equal, else 0.
#[inline(always)]
pub(crate) fn equal(one: u64, other: u64) -> u64 {
    let bits = one ^ other;
    1 ^ opaque((bits | bits.wrapping_neg()) >> 63)
}

/// 1 where `one` is less, else 0. Both must be below 2^63.
#[inline(always)]
pub(crate) fn less(one: u64, other: u64) -> u64 {
    opaque(one.wrapping_sub(other) >> 63)
}

/// 1 where `one` is less, else 0, for any two.
#[inline(always)]
pub(crate) fn below(one: u64, other: u64) -> u64 {
    opaque(((!one & other) | (!(one ^ other) & one.wrapping_sub(other))) >> 63)
}

/// `one` where `choice` is 1, `other` where it is 0.
#[inline(always)]
pub(crate) fn either(choice: u64, one: u64, other: u64) -> u64 {
    let mask = opaque(choice.wrapping_neg());
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
