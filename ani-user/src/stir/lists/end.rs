//! How the fetch of a revocation list ended, in a word.

use crate::stir::Outcome;

/// How it ended; never the fault of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It came, and is in force.
    Current,
    /// It came and is in force, but the next one should have been made by now.
    Outdated,
    /// It was made before the one that is at hand, which stays.
    Older,
    /// It cannot be read.
    Malformed,
    /// Nobody signed it who may.
    Foreign,
    /// Nothing came.
    Failed(Outcome),
}

impl End {
    /// As it is written: those of [`Outcome`] where nothing came.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Outdated => "outdated",
            Self::Older => "older",
            Self::Malformed => "malformed",
            Self::Foreign => "foreign",
            Self::Failed(outcome) => outcome.as_str(),
        }
    }
}
