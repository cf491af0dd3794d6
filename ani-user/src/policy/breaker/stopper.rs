//! What stopped a call.

use std::borrow::Cow;

use serde::Serialize;

use crate::{
    config::PER_CALLER,
    policy::{ALLOW, BLOCK, GRAY},
};

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
    /// Whether it can be a mistake that stops many; `ranged` says whether it decided by a prefix or a
    /// range. A list that is not built in is a feed's or has a name, and many come and go with it.
    pub const fn is_watched(self, ranged: bool) -> bool {
        match self {
            Self::List(id) => ranged || id > GRAY,
            Self::Limit(_) => true,
        }
    }

    /// `list` or `limit`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::List(_) => "list",
            Self::Limit(_) => "limit",
        }
    }

    /// What an operator calls it: the name of a built-in one, else its id; `?` for id 0, one that is not
    /// known.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::List(ALLOW) => "allow".into(),
            Self::List(BLOCK) => "block".into(),
            Self::List(GRAY) => "gray".into(),
            Self::Limit(PER_CALLER) => "per-caller".into(),
            Self::List(0) | Self::Limit(0) => "?".into(),
            Self::List(id) | Self::Limit(id) => format!("#{id}").into(),
        }
    }

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
