//! What the words mean.

use crate::{
    identity::profile::{Meaning, Outcome},
    sip,
};

/// What may stand between a token and what is put behind it in the same value; with `;` they are
/// parameters of their own (Oracle, `verstat-delimiter`).
const DELIMITERS: &[u8] = b";,|";

/// What may stand behind the level (Twilio): it was the one who forwarded the call that signed; a
/// signature of the customer's own was passed on. The level is the same.
const MODIFIERS: [&[u8]; 2] = [b"-Diverted", b"-Passthrough"];

/// What is said of the verification, and the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) level: Option<&'static str>,
}

impl Verdict {
    pub(super) const UNKNOWN: Self = Self { outcome: Outcome::Unknown, level: None };

    /// The more it is worth, the greater.
    pub(super) fn worth(self) -> (u8, u8) {
        let outcome = match self.outcome {
            Outcome::Failed => 0,
            Outcome::None => 1,
            Outcome::Unknown => 2,
            Outcome::Passed => 3,
        };
        let level = match self.level {
            None => 0,
            Some("A") => 3,
            Some("B") => 2,
            Some(_) => 1,
        };
        (outcome, level)
    }
}

/// The lower of two levels; of one that is not told, the other.
pub(super) fn least(
    one: Option<&'static str>,
    other: Option<&'static str>,
) -> Option<&'static str> {
    one.max(other)
}

/// The token of a value, and names and values of what stands behind it.
pub(super) fn split(value: &[u8]) -> (&[u8], impl Iterator<Item = (&[u8], &[u8])>) {
    let mut pieces = value.split(|byte| DELIMITERS.contains(byte)).map(sip::trim);
    let first = pieces.next().unwrap_or_default();
    // Printed without the semicolon by some, a header goes on behind it.
    let end = first.iter().position(u8::is_ascii_whitespace).unwrap_or(first.len());
    let named = |piece: &'_ [u8]| piece.iter().position(|byte| *byte == b'=');
    let behind = pieces.filter_map(move |piece| {
        let (name, value) = piece.split_at(named(piece)?);
        Some((sip::trim(name), sip::trim(value.get(1..)?)))
    });
    (first.get(..end).unwrap_or(first), behind)
}

/// What a token says: as it stands in the table, in any case; else what the one without a level
/// behind it says, with that level.
pub(super) fn verdict(token: &[u8], tokens: &[(String, Meaning)]) -> Verdict {
    let known = |token: &[u8]| {
        let mut tokens = tokens.iter();
        let found = tokens.find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(token));
        found.map(|(_, Meaning { outcome, level })| Verdict { outcome: *outcome, level: *level })
    };
    let unmodified = MODIFIERS.iter().find_map(|modifier| without(token, modifier));
    let bare = unmodified.unwrap_or(token);
    let levelled = || {
        let [rest @ .., b'-', letter] = bare else { return None };
        let level = level(&[*letter])?;
        let Verdict { outcome, .. } = known(rest)?;
        let level = (outcome == Outcome::Passed).then_some(level);
        Some(Verdict { outcome, level })
    };
    known(token).or_else(|| known(bare)).or_else(levelled).unwrap_or(Verdict::UNKNOWN)
}

fn without<'t>(token: &'t [u8], ending: &[u8]) -> Option<&'t [u8]> {
    let (rest, end) = token.split_at(token.len().checked_sub(ending.len())?);
    end.eq_ignore_ascii_case(ending).then_some(rest)
}

/// A level alone, in either case: quoted, with parameters behind it, with `=` before it.
pub(super) fn level(value: &[u8]) -> Option<&'static str> {
    let value = sip::unquoted(sip::trim(value));
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    let alone = sip::trim(value.get(..end)?);
    let alone = alone.iter().position(|byte| *byte == b'=').map_or(alone, |at| &alone[at + 1..]);
    match *sip::unquoted(sip::trim(alone)) {
        [b'A' | b'a'] => Some("A"),
        [b'B' | b'b'] => Some("B"),
        [b'C' | b'c'] => Some("C"),
        _ => None,
    }
}
