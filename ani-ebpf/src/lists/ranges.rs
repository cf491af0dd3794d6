//! Prefixes and ranges of numbers: the places, in the order of [`Number`]s, where what holds
//! changes, as a tree of lines of eight.
//!
//! A prefix is the range from its digits followed by zeros to its digits followed by the filler. A
//! range of numbers of one length is the range of what begins with them, its entries good for
//! numbers of that length only.

use super::{Lines, Words};
use crate::{
    abi::{
        list::{LINE_WORDS, Layout, MAX_DEPTH},
        number::Number,
    },
    select::below,
};

/// What stands behind the last place that is not behind `number`: an entry, a line of them, or 0.
#[inline(always)]
pub fn word(image: &impl Lines, layout: &Layout, number: Number) -> u64 {
    let mut at: u32 = 0;
    for level in 0..MAX_DEPTH {
        if level as u32 >= layout.depth {
            break;
        }
        let Some(line) = image.line(layout.levels[level].wrapping_add(at)) else { return 0 };
        let mut behind = 0;
        for place in 1..LINE_WORDS {
            behind += 1 ^ below(number.0, line.word(place));
        }
        at = at.wrapping_mul(LINE_WORDS as u32).wrapping_add(behind as u32);
    }
    let line = layout.words.wrapping_add(at / LINE_WORDS as u32);
    match image.line(line) {
        Some(line) => line.word(at as usize),
        None => 0,
    }
}
