//! Numbers for mutations: the same from the same seed, for ever.

/// A xorshift (Marsaglia 2003).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed, which must not be 0: it would yield nothing else.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn word(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next byte.
    pub const fn byte(&mut self) -> u8 {
        // The low bits of a xorshift are its weakest.
        (self.word() >> 32) as u8
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: usize) -> usize {
        ((self.word() >> 16) as usize).checked_rem(bound).unwrap_or(0)
    }

    /// One of `choices`, of which there must be one.
    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}
