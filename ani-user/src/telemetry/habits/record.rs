//! What many INVITEs of one sender have shown, in bounded memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    look::Habits,
    traits::{Base, PerTrait, TRAITS, Trait, Traits},
};
use crate::{
    sip::{self, Headers, Name},
    time::Timestamp,
};

/// Tokens and levels kept apart; the sender chooses them.
pub const MAX_WORDS: usize = 24;

/// Characters kept of one.
pub const MAX_WORD_CHARS: usize = 48;

/// Country codes kept apart.
pub const MAX_CODES: usize = 32;

/// Characters of an example: a header line as it came.
pub const MAX_EXAMPLE_CHARS: usize = 96;

/// Lengths of numbers: 0, which is none, to 16.
const LENGTHS: usize = 17;

/// What is called which, of [`Habits::words`].
const WORD_KINDS: [&str; 3] = ["verstat", "x-twilio-verstat", "level"];

/// The habits of a sender.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// INVITEs that start a call and are whole.
    pub invites: u64,
    /// INVITEs left out because not all of their headers were captured.
    pub cut: u64,
    /// When the first one came.
    pub first: Option<Timestamp>,
    /// When the last one came.
    pub last: Option<Timestamp>,
    /// How many had each habit.
    pub counts: PerTrait<u64>,
    /// The header line on which it was first seen, cut, control characters replaced.
    pub examples: BTreeMap<String, String>,
    /// Tokens and levels, in the order they came.
    pub words: Vec<Word>,
    /// INVITEs whose token was not among the first [`MAX_WORDS`].
    pub words_beyond: u64,
    /// Callers without `+`, by the count of their digits.
    pub bare_digits: [u64; LENGTHS],
    /// Callers with `+`, by country code.
    pub caller_codes: Vec<Code>,
    /// Called numbers with `+`, by country code.
    pub called_codes: Vec<Code>,
    /// INVITEs whose country code was not among the first [`MAX_CODES`].
    pub codes_beyond: u64,
    /// Habits for which an example was looked for already.
    #[serde(skip)]
    looked: Traits,
}

/// A token and how often it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// `verstat`, `x-twilio-verstat`, or `level` for one in a header of its own.
    pub kind: String,
    /// As it came, cut, control characters replaced.
    pub word: String,
    /// How often.
    pub count: u64,
}

/// A country code and how often it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// As in ITU-T E.164.
    pub code: u16,
    /// How often.
    pub count: u64,
}

impl Record {
    /// Takes what an INVITE that starts a call shows.
    pub fn add(&mut self, habits: &Habits<'_>, ts: Timestamp) {
        // Frames of several CPUs may come out of order.
        self.first = Some(self.first.map_or(ts, |first| first.min(ts)));
        self.last = Some(self.last.map_or(ts, |last| last.max(ts)));
        if habits.headers_cut {
            more(&mut self.cut);
            return;
        }
        more(&mut self.invites);
        for habit in habits.traits.iter() {
            more(self.counts.get_mut(habit));
        }
        let new = habits.traits.without(self.looked);
        if new != Traits::NONE {
            self.looked = self.looked.or(new);
            self.exemplify(new, habits.head);
        }
        for (kind, word) in WORD_KINDS.into_iter().zip(habits.words) {
            if !word.is_empty() {
                self.word(kind, word);
            }
        }
        if let Some(count) = self.bare_digits.get_mut(usize::from(habits.bare_digits)) {
            more(count);
        }
        for (codes, code) in [
            (&mut self.caller_codes, habits.caller_code),
            (&mut self.called_codes, habits.called_code),
        ] {
            if code != 0 {
                count_code(codes, Code { code, count: 1 }, &mut self.codes_beyond);
            }
        }
    }

    /// How many had a habit.
    pub fn count(&self, habit: Trait) -> u64 {
        *self.counts.get(habit)
    }

    /// How many there were of a base.
    pub fn of_base(&self, base: Base) -> u64 {
        base.made_by().map_or(self.invites, |habit| self.count(habit))
    }

    /// How many had a habit, of how many that could.
    pub fn share(&self, habit: Trait) -> (u64, u64) {
        (self.count(habit), self.of_base(habit.definition().base))
    }

    /// Puts the INVITEs of another sender to these.
    pub fn join(&mut self, other: &Self) {
        let add = |to: &mut u64, count: u64| *to = to.saturating_add(count);
        add(&mut self.invites, other.invites);
        add(&mut self.cut, other.cut);
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        for row in TRAITS {
            add(self.counts.get_mut(row.habit), other.count(row.habit));
        }
        for (name, example) in &other.examples {
            self.examples.entry(name.clone()).or_insert_with(|| example.clone());
        }
        for word in &other.words {
            self.count_word(word.clone());
        }
        add(&mut self.words_beyond, other.words_beyond);
        for (to, count) in self.bare_digits.iter_mut().zip(other.bare_digits) {
            add(to, count);
        }
        for (codes, others) in [
            (&mut self.caller_codes, &other.caller_codes),
            (&mut self.called_codes, &other.called_codes),
        ] {
            for other in others {
                count_code(codes, *other, &mut self.codes_beyond);
            }
        }
        add(&mut self.codes_beyond, other.codes_beyond);
    }

    fn word(&mut self, kind: &str, word: &[u8]) {
        // Compared as it came: what is shown of it is made once.
        if let Some(known) =
            self.words.iter_mut().find(|known| known.kind == kind && known.word.as_bytes() == word)
        {
            return more(&mut known.count);
        }
        let word = shown(word, MAX_WORD_CHARS);
        self.count_word(Word { kind: kind.to_owned(), word, count: 1 });
    }

    fn count_word(&mut self, word: Word) {
        let is_it = |known: &Word| known.kind == word.kind && known.word == word.word;
        if let Some(at) = self.words.iter().position(is_it) {
            let known = &mut self.words[at].count;
            *known = known.saturating_add(word.count);
        } else if self.words.len() < MAX_WORDS {
            self.words.push(word);
        } else {
            self.words_beyond = self.words_beyond.saturating_add(word.count);
        }
    }

    /// Looks for the header lines of habits that are seen for the first time.
    fn exemplify(&mut self, new: Traits, head: &[u8]) {
        for habit in new.iter() {
            let row = habit.definition();
            let Some(name) = row.header else { continue };
            let line = Headers::new(head, false).find(|header| {
                header.name == name
                    && (name != Name::Vouching
                        || row.name.as_bytes().eq_ignore_ascii_case(header.raw_name))
            });
            if let Some(header) = line {
                let line = [header.raw_name, b": ", sip::trim(header.value)].concat();
                self.examples
                    .entry(row.name.to_owned())
                    .or_insert_with(|| shown(&line, MAX_EXAMPLE_CHARS));
            }
        }
    }
}

fn count_code(codes: &mut Vec<Code>, code: Code, beyond: &mut u64) {
    if let Some(at) = codes.iter().position(|known| known.code == code.code) {
        let known = &mut codes[at].count;
        *known = known.saturating_add(code.count);
    } else if codes.len() < MAX_CODES {
        codes.push(code);
    } else {
        *beyond = beyond.saturating_add(code.count);
    }
}

fn more(count: &mut u64) {
    *count = count.saturating_add(1);
}

/// A stranger's text: unfolded, cut, control characters replaced.
fn shown(bytes: &[u8], chars: usize) -> String {
    // A character has at most four bytes, and a fold becomes shorter.
    let part = bytes.get(..chars * 4).unwrap_or(bytes);
    let text = sip::lossy(part);
    let clean = |char: char| if char.is_control() { '\u{fffd}' } else { char };
    let mut shown: String = text.chars().take(chars).map(clean).collect();
    if part.len() < bytes.len() || text.chars().nth(chars).is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}
