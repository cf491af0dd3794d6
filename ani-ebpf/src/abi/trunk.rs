//! A trunk: where it sends from and how its callers are read.

use crate::{dial_plan::DialPlan, scan::AniHeader};

/// How many headers a trunk's order can name.
pub const MAX_ANI_HEADERS: usize = 4;

/// How many trunks the program knows.
pub const MAX_TRUNKS: u32 = 1_024;

/// How many source networks all trunks may have together.
pub const MAX_SOURCES: u32 = 16_384;

/// The value behind a source network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Trunk {
    /// Index of the trunk in the configuration, from 0.
    pub index: u16,
    /// Zero.
    pub reserved: u16,
    /// [`AniHeader`] as numbers, in order of preference; 0 ends the list.
    pub ani_order: [u8; MAX_ANI_HEADERS],
    /// How its national numbers are completed.
    pub dial_plan: DialPlan,
}

impl Trunk {
    /// The order as header kinds; `None` behind the end and for numbers that mean none.
    pub fn headers(&self) -> [Option<AniHeader>; MAX_ANI_HEADERS] {
        self.ani_order.map(AniHeader::from_raw)
    }
}

const _: () = assert!(size_of::<Trunk>() == 8 + size_of::<DialPlan>());
