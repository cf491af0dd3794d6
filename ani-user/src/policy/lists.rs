//! Callers on lists: the images that the program looks into, and how they change.
//!
//! One listing more or less is written in place; ranges, and many listings at once, make new images,
//! which come in force in one step. Nothing is written over what somebody may still look at.

/// Numbers, each with its entry.
mod exact;
/// The tree of prefixes and ranges.
mod ranges;
/// Images in memory.
mod memory;

use std::collections::{HashMap, HashSet};

use ani_ebpf::{
    abi::{
        list::{Entry, Layout, Line, MAX_OVERLAP, WAYS},
        number::Number,
    },
    lists::exact::{hash, lines_of},
};
use anyhow::{Result, bail};

pub use self::memory::Memory;

/// Listings of numbers that are written one by one; more make a new image.
const MAX_IN_PLACE: usize = 4_096;

/// Whose calls a listing is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Span {
    /// One number.
    Number(Number),
    /// All numbers that begin with these digits.
    Prefix(Number),
    /// The numbers from the first to the second, both with as many digits.
    Range(Number, Number),
}

/// A listing as the images have it: whose calls, on which list, for which of them, until when.
pub type Item = (Span, Entry);

/// Wherever the images are.
pub trait Images {
    /// Makes images the ones in force, all in one step; `None` leaves that image as it is. Returns when
    /// nobody looks at the old ones any more.
    fn swap(
        &mut self,
        exact: Option<&[Line]>,
        ranges: Option<&[Line]>,
        layout: &Layout,
    ) -> Result<()>;

    /// A line of the exact numbers in force.
    fn line(&self, at: u32) -> Result<Line>;

    /// All lines of the exact numbers in force; `count` of them.
    fn lines(&self, count: u32) -> Result<Vec<Line>>;

    /// Writes a line of the exact numbers in force: word by word, in any order.
    fn set_line(&mut self, at: u32, line: &Line) -> Result<()>;

    /// Returns when nobody looks at what was there before.
    fn settle(&mut self) -> Result<()>;
}

/// What is on the lists.
#[derive(Debug)]
pub struct Lists {
    /// What numbers are hashed under.
    key: u64,
    /// Listings there may be.
    max: usize,
    layout: Layout,
    /// Listings of numbers; they are in the images alone.
    numbers: usize,
    ranges: HashMap<Key, Entry>,
    /// Lists that ranges in the image are on.
    range_lists: HashSet<u8>,
}

/// Numbers and their entries.
type Numbers = Vec<(Number, Entry)>;

/// What tells a listing from others.
type Key = (Span, u32);

/// An entry but for its end.
const fn scope(entry: Entry) -> u32 {
    (entry.0 >> 32) as u32
}

const fn key_of((span, entry): &Item) -> Key {
    (*span, scope(*entry))
}

impl Lists {
    /// Nobody on any list; numbers are hashed under `key`, and there are at most `max` listings.
    pub fn new(key: u64, max: usize) -> Self {
        Self {
            key,
            max,
            layout: Layout::EMPTY,
            numbers: 0,
            ranges: HashMap::new(),
            range_lists: HashSet::new(),
        }
    }

    /// How many listings there are.
    pub fn len(&self) -> usize {
        self.numbers + self.ranges.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where things stand in the images in force.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Puts callers on lists; a listing that is there takes the new end. All or none.
    ///
    /// # Errors
    ///
    /// When a number would have more than [`MAX_OVERLAP`] entries, or the images refuse.
    pub fn put(&mut self, images: &mut impl Images, listings: &[Item]) -> Result<()> {
        let (numbers, ranges) = split(listings);
        let before = (!ranges.is_empty()).then(|| self.ranges.clone());
        self.ranges.extend(ranges);
        self.put_both(images, numbers, before.is_some()).inspect_err(|_| {
            if let Some(before) = before {
                self.ranges = before;
            }
        })
    }

    fn put_both(&mut self, images: &mut impl Images, numbers: Numbers, ranges: bool) -> Result<()> {
        if ranges || numbers.len() > MAX_IN_PLACE || self.layout.exact_lines == 0 {
            return self.rebuild(images, numbers, &HashMap::new(), ranges);
        }
        for (at, (number, entry)) in numbers.iter().enumerate() {
            if !self.put_in_place(images, *number, *entry)? {
                // No place is left in its lines: all move to an image with more of them.
                return self.rebuild(images, numbers[at..].to_vec(), &HashMap::new(), false);
            }
        }
        Ok(())
    }

    /// Takes callers off lists; a listing that is not there is no error.
    ///
    /// # Errors
    ///
    /// When the images refuse; then some may be off.
    pub fn take(&mut self, images: &mut impl Images, listings: &[Item]) -> Result<()> {
        let (numbers, ranges) = split(listings);
        let held = self.ranges.len();
        for (key, _) in ranges {
            self.ranges.remove(&key);
        }
        let changed = self.ranges.len() != held;
        if changed || numbers.len() > MAX_IN_PLACE {
            let gone =
                numbers.iter().map(|(number, entry)| ((*number, scope(*entry)), ())).collect();
            return self.rebuild(images, Vec::new(), &gone, changed);
        }
        let mut any = false;
        for (number, entry) in numbers {
            any |= self.take_in_place(images, number, entry)?;
        }
        // A place is given to another number only when nobody reads the old one there.
        if any { images.settle() } else { Ok(()) }
    }

    /// Makes these all the listings there are, in one step.
    ///
    /// # Errors
    ///
    /// As for [`Lists::put`]; then all stays as it was.
    pub fn replace(
        &mut self,
        images: &mut impl Images,
        listings: impl Iterator<Item = Result<Item>>,
    ) -> Result<()> {
        let (mut numbers, mut ranges) = (Vec::new(), HashMap::new());
        for listing in listings {
            let (span, entry) = listing?;
            match span {
                Span::Number(number) => numbers.push((number, entry)),
                _ => drop(ranges.insert(key_of(&(span, entry)), entry)),
            }
        }
        let (exact, count) = exact::build(numbers, self.key)?;
        let built = ranges::build(&ranges)?;
        let layout = Layout { exact_lines: lines(&exact), ..built.layout };
        self.bounded(count + ranges.len())?;
        images.swap(Some(&exact), Some(&built.lines), &layout)?;
        (self.layout, self.numbers) = (layout, count);
        self.range_lists = lists_of(&ranges);
        self.ranges = ranges;
        Ok(())
    }

    /// New images: of the numbers there are, without some and with others, and of the ranges where
    /// those have changed.
    fn rebuild(
        &mut self,
        images: &mut impl Images,
        more: Numbers,
        gone: &HashMap<(Number, u32), ()>,
        ranges: bool,
    ) -> Result<()> {
        let mut layout = self.layout;
        let built = if ranges { Some(ranges::build(&self.ranges)?) } else { None };
        if let Some(built) = &built {
            layout = Layout { exact_lines: layout.exact_lines, ..built.layout };
        }
        let (exact, count) = if more.is_empty() && gone.is_empty() {
            (None, self.numbers)
        } else {
            let mut numbers = exact::listed(&images.lines(self.layout.exact_lines)?);
            numbers.retain(|(number, entry)| !gone.contains_key(&(*number, scope(*entry))));
            numbers.extend(more);
            let (lines, count) = exact::build(numbers, self.key)?;
            (Some(lines), count)
        };
        if let Some(exact) = &exact {
            layout.exact_lines = lines(exact);
        }
        self.bounded(count + self.ranges.len())?;
        let ranges = built.as_ref().map(|built| &built.lines[..]);
        images.swap(exact.as_deref(), ranges, &layout)?;
        (self.layout, self.numbers) = (layout, count);
        self.range_lists = lists_of(&self.ranges);
        Ok(())
    }

    /// Writes a number into one of its lines; false where no place is left.
    fn put_in_place(
        &mut self,
        images: &mut impl Images,
        number: Number,
        entry: Entry,
    ) -> Result<bool> {
        let mut free = None;
        let mut same = 0;
        for at in self.lines_of(number) {
            let line = images.line(at)?;
            for way in 0..WAYS {
                let (held, there) = (Number(line[2 * way]), Entry(line[2 * way + 1]));
                if there == Entry::NONE {
                    free = free.or(Some((at, way, line)));
                } else if held == number {
                    same += 1;
                    if scope(there) == scope(entry) {
                        return set(images, at, line, way, number, entry).map(|()| true);
                    }
                }
            }
        }
        if same >= MAX_OVERLAP {
            bail!(exact::too_many(number));
        }
        let Some((at, way, line)) = free else { return Ok(false) };
        self.bounded(self.len() + 1)?;
        set(images, at, line, way, number, entry)?;
        self.numbers += 1;
        Ok(true)
    }

    fn take_in_place(
        &mut self,
        images: &mut impl Images,
        number: Number,
        entry: Entry,
    ) -> Result<bool> {
        if self.layout.exact_lines == 0 {
            return Ok(false);
        }
        for at in self.lines_of(number) {
            let line = images.line(at)?;
            for way in 0..WAYS {
                let there = Entry(line[2 * way + 1]);
                if Number(line[2 * way]) == number
                    && there != Entry::NONE
                    && scope(there) == scope(entry)
                {
                    set(images, at, line, way, Number(0), Entry::NONE)?;
                    self.numbers -= 1;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn bounded(&self, listings: usize) -> Result<()> {
        if listings > self.max {
            bail!("the lists are full at {} entries; raise lists.max_entries", self.max);
        }
        Ok(())
    }

    /// Ids of the lists that prefixes and ranges are on.
    pub fn range_lists(&self) -> &HashSet<u8> {
        &self.range_lists
    }

    /// A number's lines, one where both are the same.
    fn lines_of(&self, number: Number) -> impl Iterator<Item = u32> + use<> {
        let (one, other) = lines_of(hash(number, self.key), self.layout.exact_lines);
        [Some(one), (one != other).then_some(other)].into_iter().flatten()
    }
}

fn set(
    images: &mut impl Images,
    at: u32,
    mut line: Line,
    way: usize,
    number: Number,
    entry: Entry,
) -> Result<()> {
    (line[2 * way], line[2 * way + 1]) = (number.0, entry.0);
    images.set_line(at, &line)
}

/// The listings of numbers, and those of ranges.
fn split(listings: &[Item]) -> (Numbers, Vec<(Key, Entry)>) {
    let (mut numbers, mut ranges) = (Vec::new(), Vec::new());
    for listing in listings {
        match listing.0 {
            Span::Number(number) => numbers.push((number, listing.1)),
            _ => ranges.push((key_of(listing), listing.1)),
        }
    }
    (numbers, ranges)
}

fn lists_of(ranges: &HashMap<Key, Entry>) -> HashSet<u8> {
    ranges.values().map(|entry| entry.list()).collect()
}

fn lines(image: &[Line]) -> u32 {
    u32::try_from(image.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
