//! What stopped a call.

use serde::Serialize;

/// How many stoppers there can be.
pub(super) const STOPPERS: usize = 2 * IDS;

const IDS: usize = 1 << u8::BITS;

/// The list or limit that stopped a call, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stopper {
    /// A list.
    List(u8),
    /// A limit.
    Limit(u8),
}

impl Stopper {
    /// Place in a table of [`STOPPERS`]; they stand there in their own order.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::List(id) => id as usize,
            Self::Limit(id) => IDS + id as usize,
        }
    }

    /// The one at a place.
    pub(super) const fn at(index: usize) -> Self {
        let id = (index % IDS) as u8;
        if index < IDS { Self::List(id) } else { Self::Limit(id) }
    }
}
