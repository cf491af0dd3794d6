//! Images in memory.

use ani_ebpf::{
    abi::list::{Layout, Line, MAX_LISTS, Rule},
    lists::{self, Asked, Found, Kind, Lines, Words},
};
use anyhow::{Context as _, Result};

use super::Images;

/// The images in force, and where things stand in them.
#[derive(Debug)]
pub struct Memory {
    exact: Vec<Line>,
    ranges: Vec<Line>,
    layout: Layout,
}

impl Memory {
    /// Nobody on any list.
    pub const EMPTY: Self = Self { exact: Vec::new(), ranges: Vec::new(), layout: Layout::EMPTY };

    /// What the lists say of a call.
    pub fn find(&self, key: u64, asked: &Asked, rules: &[Rule; MAX_LISTS]) -> Found {
        let image = |kind| match kind {
            Kind::Exact => Some(Image(&self.exact)),
            Kind::Ranges => Some(Image(&self.ranges)),
        };
        lists::find(image, &self.layout, key, asked, rules)
    }
}

impl Images for Memory {
    fn swap(
        &mut self,
        exact: Option<&[Line]>,
        ranges: Option<&[Line]>,
        layout: &Layout,
    ) -> Result<()> {
        if let Some(exact) = exact {
            self.exact = exact.to_vec();
        }
        if let Some(ranges) = ranges {
            self.ranges = ranges.to_vec();
        }
        self.layout = *layout;
        Ok(())
    }

    fn line(&self, at: u32) -> Result<Line> {
        self.exact.get(at as usize).copied().context("no such line")
    }

    fn lines(&self, count: u32) -> Result<Vec<Line>> {
        self.exact.get(..count as usize).map(<[Line]>::to_vec).context("no such lines")
    }

    fn set_line(&mut self, at: u32, line: &Line) -> Result<()> {
        *self.exact.get_mut(at as usize).context("no such line")? = *line;
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        Ok(())
    }
}

struct Image<'a>(&'a [Line]);

impl<'a> Lines for Image<'a> {
    type Line = Held<'a>;

    fn line(&self, at: u32) -> Option<Held<'a>> {
        self.0.get(at as usize).map(Held)
    }
}

struct Held<'a>(&'a Line);

impl Words for Held<'_> {
    fn word(&self, at: usize) -> u64 {
        self.0[at % self.0.len()]
    }
}
