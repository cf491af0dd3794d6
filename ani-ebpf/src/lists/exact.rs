//! Numbers, each with its entry: a line holds four, and a number stands in one of two.

use super::Words;
use crate::{
    abi::{list::WAYS, number::Number},
    nh,
    select::equal,
};

/// A number's hash under a key drawn at each start.
#[inline(always)]
pub const fn hash(number: Number, key: u64) -> u64 {
    nh::mixed(number.0.wrapping_mul(key | 1))
}

/// The two lines of an image of `lines` that a number may stand in; they may be one.
#[inline(always)]
pub fn lines_of(hash: u64, lines: u32) -> (u32, u32) {
    let line = |half: u64| ((half * lines as u64) >> 32) as u32;
    (line(hash >> 32), line(hash & 0xffff_ffff))
}

/// 0 where a number is not in a line.
#[inline(always)]
pub fn holds(line: &impl Words, number: Number) -> u64 {
    let mut held = 0;
    for way in 0..WAYS {
        held |= equal(line.word(2 * way), number.0);
    }
    held
}
