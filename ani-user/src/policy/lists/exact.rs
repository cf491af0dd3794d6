//! An image of numbers, each with its entry.

use ani_ebpf::{
    abi::{
        list::{Entry, Line, MAX_OVERLAP, WAYS},
        number::Number,
    },
    lists::exact::{hash, lines_of},
};
use anyhow::{Result, bail};

/// Places for each number, in halves: a third of them stays free, so that numbers find a place in one
/// of their lines without others moving, as a rule.
const PLACES: usize = 3;

/// Numbers that move, one after the other, to make room for one.
const MAX_MOVES: usize = 500;

/// How often an image is made larger until all have a place.
const MAX_TRIES: usize = 16;

/// An image of numbers, and how many there are: of two entries that differ in nothing but their end,
/// the later one counts.
pub(super) fn build(mut numbers: Vec<(Number, Entry)>, key: u64) -> Result<(Vec<Line>, usize)> {
    // Stable: of equal ones the last stays last.
    numbers.sort_by_key(|(number, entry)| (number.0, entry.0 >> 32));
    let mut kept = 0;
    for at in 0..numbers.len() {
        let same = |other: &(Number, Entry)| {
            other.0 == numbers[at].0 && other.1.0 >> 32 == numbers[at].1.0 >> 32
        };
        if !numbers.get(at + 1).is_some_and(same) {
            numbers[kept] = numbers[at];
            kept += 1;
        }
    }
    numbers.truncate(kept);
    let one_number = |pair: &[(Number, Entry)]| pair[0].0 == pair[pair.len() - 1].0;
    if let Some(pair) = numbers.windows(MAX_OVERLAP + 1).find(|pair| one_number(pair)) {
        bail!(too_many(pair[0].0));
    }
    if numbers.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let mut lines = (numbers.len() * PLACES).div_ceil(2 * WAYS).max(2);
    for _ in 0..MAX_TRIES {
        if let Some(image) = fill(&numbers, lines, key) {
            return Ok((image, numbers.len()));
        }
        lines += lines / 4 + 1;
    }
    bail!("no image holds these {} numbers", numbers.len());
}

/// What is said where a number has more entries than are looked at.
pub(super) fn too_many(number: Number) -> String {
    format!(
        "+{number} would be on more than {MAX_OVERLAP} lists or in more than {MAX_OVERLAP} scopes; \
         take it off one first"
    )
}

/// All numbers with their entries.
pub(super) fn listed(lines: &[Line]) -> Vec<(Number, Entry)> {
    let ways = lines.iter().flat_map(|line| line.chunks_exact(2));
    ways.filter(|way| way[1] != 0).map(|way| (Number(way[0]), Entry(way[1]))).collect()
}

fn fill(numbers: &[(Number, Entry)], lines: usize, key: u64) -> Option<Vec<Line>> {
    let count = u32::try_from(lines).ok()?;
    let mut image = vec![[0; 2 * WAYS]; lines];
    for (number, entry) in numbers {
        place(&mut image, count, key, [number.0, entry.0])?;
    }
    Some(image)
}

/// Finds a place, in the emptier of both lines first; where both are full, another number moves to its
/// other line.
fn place(image: &mut [Line], count: u32, key: u64, mut moving: [u64; 2]) -> Option<()> {
    let mut from = None;
    for step in 0..MAX_MOVES {
        let (one, other) = lines_of(hash(Number(moving[0]), key), count);
        let (one, other) = (one as usize, other as usize);
        let free = |at: usize| (0..WAYS).filter(|way| image[at][2 * way + 1] == 0).count();
        let at = match from {
            Some(before) if before == one => other,
            Some(_) => one,
            None if free(other) > free(one) => other,
            None => one,
        };
        if let Some(way) = (0..WAYS).find(|way| image[at][2 * way + 1] == 0) {
            image[at][2 * way..2 * way + 2].copy_from_slice(&moving);
            return Some(());
        }
        let way = step % WAYS;
        let evicted = [image[at][2 * way], image[at][2 * way + 1]];
        image[at][2 * way..2 * way + 2].copy_from_slice(&moving);
        moving = evicted;
        from = Some(at);
    }
    None
}
