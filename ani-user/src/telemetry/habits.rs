//! What a sender's INVITEs are like: which headers name the caller, in which form, and what vouches
//! for him. Seen of every INVITE that starts a call, trusted or not: a carrier's habits are learned
//! before his trunk is configured, and watched from then on.
//!
//! INVITEs within a dialog are left out, since many carriers assert nobody in them, and so are
//! repetitions and those whose headers were not all captured: what is not there may be what was cut.

/// Of each trunk, and of each source while somebody learns.
mod book;
/// What does not go with the profile.
mod lint;
/// What one INVITE shows.
mod look;
/// What many have shown.
mod record;
/// The habits there are, by name.
mod traits;
/// When one changes.
mod watch;

pub use self::{
    book::{Book, Lesson, MAX_LESSON_SOURCES, MAX_LESSONS, Watched},
    lint::{Change, Lint, Mismatch},
    look::Habits,
    record::{Code, MAX_CODES, MAX_EXAMPLE_CHARS, MAX_WORD_CHARS, MAX_WORDS, Record, Word},
    traits::{Base, Definition, PerTrait, TRAITS, Trait, Traits},
    watch::{BLOCK, BLOCK_TIME, Finding, MAX_FINDINGS, MIN_BLOCK, MIN_SETTLED, Share, Watch},
};

#[cfg(test)]
pub(super) mod tests;
