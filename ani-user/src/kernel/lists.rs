//! The images of lists in the kernel.

use ani_ebpf::{
    abi::{
        list::{Layout, Line},
        settings::Settings,
    },
    lists::{Kind, Lines, Words},
};
use anyhow::{Context as _, Result};

use super::{array, maps::Maps};
use crate::policy::lists::Images;

/// The images in force, exact numbers and ranges.
#[derive(Default)]
pub(super) struct Held([Option<array::Lines>; 2]);

impl Held {
    /// An image, where there is one.
    pub(super) fn image(&self, kind: Kind) -> Option<&array::Lines> {
        self.0[kind as usize].as_ref()
    }
}

/// A line that was read.
pub(super) struct Read(Line);

impl Words for Read {
    fn word(&self, at: usize) -> u64 {
        self.0[at % self.0.len()]
    }
}

impl Lines for &array::Lines {
    type Line = Read;

    fn line(&self, at: u32) -> Option<Read> {
        self.get(at).ok().map(Read)
    }
}

/// The images, and what it takes to change them.
pub(super) struct KernelImages<'a> {
    pub(super) maps: &'a mut Maps,
    pub(super) settings: &'a mut Settings,
    pub(super) held: &'a mut Held,
}

impl KernelImages<'_> {
    fn exact(&self) -> Result<&array::Lines> {
        self.held.0[0].as_ref().context("there is no image of numbers")
    }
}

impl Images for KernelImages<'_> {
    fn swap(
        &mut self,
        exact: Option<&[Line]>,
        ranges: Option<&[Line]>,
        layout: &Layout,
    ) -> Result<()> {
        let next = 1 - (self.settings.generation & 1);
        let mut made = [None, None];
        for (at, (lines, held)) in [exact, ranges].into_iter().zip(&self.held.0).enumerate() {
            made[at] = lines.map(array::Lines::new).transpose()?;
            if let Some(image) = made[at].as_ref().or(held.as_ref()) {
                self.maps.set_image(2 * next + at as u32, image.map())?;
            }
        }
        let before = *self.settings;
        self.settings.layouts[next as usize] = *layout;
        // Nobody reads the layout before the generation says so, and that is one word.
        let taken = self.maps.set_settings(self.settings).and_then(|()| {
            self.settings.generation = next;
            self.maps.set_settings(self.settings)
        });
        if let Err(error) = taken {
            *self.settings = before;
            return Err(error);
        }
        for (held, made) in self.held.0.iter_mut().zip(made) {
            if made.is_some() {
                *held = made;
            }
        }
        // Both generations show the same images from here on, and the old ones are given back.
        for (at, image) in self.held.0.iter().enumerate() {
            if let Some(image) = image {
                self.maps.set_image(2 * (1 - next) + at as u32, image.map())?;
            }
        }
        Ok(())
    }

    fn line(&self, at: u32) -> Result<Line> {
        self.exact()?.get(at)
    }

    fn lines(&self, count: u32) -> Result<Vec<Line>> {
        if count == 0 { Ok(Vec::new()) } else { self.exact()?.first(count) }
    }

    fn set_line(&mut self, at: u32, line: &Line) -> Result<()> {
        self.held.0[0].as_mut().context("there is no image of numbers")?.set(at, line)
    }

    /// The kernel waits for all programs that may look at what an array of maps pointed to before: a
    /// write of what is there does.
    fn settle(&mut self) -> Result<()> {
        let at = 2 * (self.settings.generation & 1);
        if let Some(image) = &self.held.0[0] {
            self.maps.set_image(at, image.map())?;
        }
        Ok(())
    }
}
