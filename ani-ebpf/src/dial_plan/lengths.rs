//! The lengths that numbers have: one bit for each.

/// Lengths from 1 to 15 digits; bit `n` is set when a number may have `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Lengths(pub u16);

impl Lengths {
    /// No length at all.
    pub const NONE: Self = Self(0);

    /// From `7`, `9-11` and the like with spaces between; `None` for anything else, for 0 and for
    /// more than 15.
    pub const fn from_ascii(text: &[u8]) -> Option<Self> {
        let mut mask = 0_u32;
        let mut at = 0;
        while at < text.len() {
            let Some((from, behind)) = length(text, at) else { return None };
            let (to, behind) = if behind < text.len() && text[behind] == b'-' {
                let Some(range) = length(text, behind + 1) else { return None };
                range
            } else {
                (from, behind)
            };
            if to < from {
                return None;
            }
            mask |= (2 << to) - (1 << from);
            at = behind;
            if at < text.len() {
                if text[at] != b' ' || at + 1 == text.len() {
                    return None;
                }
                at += 1;
            }
        }
        Some(Self(mask as u16))
    }

    /// Whether a number may have this many digits.
    #[inline(always)]
    pub const fn has(self, len: u32) -> bool {
        len < 16 && self.0 >> len & 1 == 1
    }

    /// Those that are at least as long as the shortest of `other`; none when `other` has none.
    #[inline(always)]
    pub const fn from_shortest_of(self, other: Self) -> Self {
        // The lowest bit set, and from it on all above.
        Self(self.0 & (other.0 & other.0.wrapping_neg()).wrapping_neg())
    }
}

/// The number at `at`, 1 to 15, and where it ends.
const fn length(text: &[u8], at: usize) -> Option<(u32, usize)> {
    let mut value = 0;
    let mut end = at;
    while end < text.len() && end < at + 2 && text[end].is_ascii_digit() {
        value = value * 10 + (text[end] - b'0') as u32;
        end += 1;
    }
    if value == 0 || value > 15 { None } else { Some((value, end)) }
}
