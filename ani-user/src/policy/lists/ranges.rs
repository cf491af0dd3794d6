//! The image of prefixes and ranges.

use std::collections::{BTreeMap, HashMap};

use ani_ebpf::abi::{
    list::{Entry, LINE_WORDS, Layout, Line, MAX_BOUNDS, MAX_DEPTH, MAX_OVERLAP},
    number::Number,
};
use anyhow::{Result, ensure};

use super::{Key, Span};

/// The image, and where things stand in it.
pub(super) struct Built {
    pub(super) lines: Vec<Line>,
    /// Of the ranges alone.
    pub(super) layout: Layout,
}

/// First word, first word behind it (none at the very end), and the entry.
type Stretch = (u64, Option<u64>, Entry);

/// Makes the image of these listings.
pub(super) fn build(ranges: &HashMap<Key, Entry>) -> Result<Built> {
    if ranges.is_empty() {
        return Ok(Built { lines: Vec::new(), layout: Layout::EMPTY });
    }
    let stretches: Vec<Stretch> =
        ranges.iter().map(|((span, _), entry)| stretch(*span, *entry)).collect();
    let places = places(stretches)?;
    ensure!(
        places.len() <= MAX_BOUNDS,
        "{} places where a prefix or range begins or ends: at most {MAX_BOUNDS} can be held",
        places.len()
    );
    let mut layout = Layout { allows: 1, ..Layout::EMPTY };
    let mut lines = Vec::new();
    // From the last level up: each line's first place stands in the line above.
    let mut levels = vec![packed(places.iter().map(|(start, _)| *start), u64::MAX)];
    while let Some(below) = levels.last().filter(|below| below.len() > 1) {
        let above = packed(below.iter().map(|line| line[0]), u64::MAX);
        levels.push(above);
    }
    ensure!(levels.len() <= MAX_DEPTH, "the tree of ranges has {} levels", levels.len());
    layout.depth = levels.len() as u32;
    for (place, level) in layout.levels.iter_mut().zip(levels.iter().rev()) {
        *place = at(&lines);
        lines.extend_from_slice(level);
    }
    let (words, several) = words(&places);
    layout.words = at(&lines);
    let behind = layout.words + words.len().div_ceil(LINE_WORDS) as u32;
    lines.extend(packed(
        words.iter().map(|word| match word {
            Word::None => 0,
            Word::One(entry) => entry.0,
            Word::Several(at) => u64::from(behind + at),
        }),
        0,
    ));
    lines.extend(several);
    Ok(Built { lines, layout })
}

enum Word {
    None,
    One(Entry),
    /// In which of the lines behind.
    Several(u32),
}

/// What stands behind each place, and the lines of those with several entries, each once.
fn words(places: &[(u64, Vec<Entry>)]) -> (Vec<Word>, Vec<Line>) {
    let mut lines: Vec<Line> = Vec::new();
    let mut known: HashMap<Line, u32> = HashMap::new();
    let words = places.iter().map(|(_, entries)| match entries[..] {
        [] => Word::None,
        [entry] => Word::One(entry),
        _ => {
            let mut line = [0; LINE_WORDS];
            for (place, entry) in line.iter_mut().zip(entries) {
                *place = entry.0;
            }
            Word::Several(*known.entry(line).or_insert_with(|| {
                lines.push(line);
                at(&lines) - 1
            }))
        }
    });
    (words.collect(), lines)
}

/// Where what holds changes, and what holds from there on, the narrowest first. The first place is 0.
fn places(mut stretches: Vec<Stretch>) -> Result<Vec<(u64, Vec<Entry>)>> {
    // By start, then the widest first; entries last, so that the order is the same each time.
    stretches.sort_by_key(|(start, end, entry)| {
        (*start, std::cmp::Reverse(end.unwrap_or(u64::MAX)), entry.0)
    });
    let mut changes: Vec<u64> = stretches
        .iter()
        .flat_map(|(start, end, _)| [Some(*start), *end])
        .flatten()
        .chain([0])
        .collect();
    changes.sort_unstable();
    changes.dedup();
    // What holds, by width and then by entry.
    let mut open: BTreeMap<(u64, u64, u64), Entry> = BTreeMap::new();
    let mut ends: BTreeMap<u64, Vec<(u64, u64, u64)>> = BTreeMap::new();
    let mut next = stretches.into_iter().peekable();
    let mut places: Vec<(u64, Vec<Entry>)> = Vec::with_capacity(changes.len());
    for change in changes {
        for key in ends.remove(&change).unwrap_or_default() {
            open.remove(&key);
        }
        while let Some((start, end, entry)) = next.next_if(|(start, ..)| *start == change) {
            let width = end.unwrap_or(u64::MAX) - start;
            let key = (width, start, entry.0);
            open.insert(key, entry);
            if let Some(end) = end {
                ends.entry(end).or_default().push(key);
            }
        }
        let entries = lasting(open.values());
        ensure!(
            entries.len() <= MAX_OVERLAP,
            "{} prefixes and ranges of different lists or scopes hold for {} and what follows; at most \
             {MAX_OVERLAP} can",
            entries.len(),
            shown(change)
        );
        if places.last().is_none_or(|(_, before)| *before != entries) {
            places.push((change, entries));
        }
    }
    Ok(places)
}

/// The entries without those that say nothing a narrower one does not say, for as long.
fn lasting<'a>(open: impl Iterator<Item = &'a Entry>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for entry in open {
        let ends = |entry: &Entry| match entry.expires() {
            0 => u64::from(u32::MAX) + 1,
            at => u64::from(at),
        };
        let told = |before: &Entry| before.0 >> 32 == entry.0 >> 32 && ends(before) >= ends(entry);
        if !entries.iter().any(told) {
            entries.push(*entry);
        }
    }
    entries
}

fn stretch(span: Span, entry: Entry) -> Stretch {
    match span {
        Span::Number(number) => (number.0, number.0.checked_add(1), entry),
        Span::Prefix(digits) => (first(digits), digits.0.checked_add(1), entry),
        Span::Range(low, high) => {
            (first(low), high.0.checked_add(1), entry.of_length(low.len().max(2)))
        }
    }
}

/// The least word that begins with these digits.
fn first(digits: Number) -> u64 {
    match digits.len() {
        0 => 0,
        len @ 1..16 => digits.0 & (u64::MAX << (64 - 4 * len)),
        _ => digits.0,
    }
}

fn packed(words: impl Iterator<Item = u64>, filler: u64) -> Vec<Line> {
    let words: Vec<u64> = words.collect();
    let line = |chunk: &[u64]| {
        let mut line = [filler; LINE_WORDS];
        line[..chunk.len()].copy_from_slice(chunk);
        line
    };
    words.chunks(LINE_WORDS).map(line).collect()
}

fn at(lines: &[Line]) -> u32 {
    u32::try_from(lines.len()).unwrap_or(u32::MAX)
}

fn shown(start: u64) -> String {
    let digits: String = format!("{start:016x}").trim_end_matches('0').to_owned();
    format!("+{digits}")
}
