//! Which call attempt a request belongs to: its Call-ID and From tag (RFC 3261 §12, §17.2.3).

use super::{
    DONE, Outcome, Scratch,
    bytes::{self, Name},
    headers,
};
use crate::{
    abi::attempt::{AttemptKeys, MAX_TEXT_WORDS, TAG_KEYS},
    nh,
};

/// Semicolons of a From header that are looked at.
const MAX_SEMICOLONS: u32 = 12;

const TAG: Name = Name::new(b"tag=");

/// Leaves in `scratch.attempt` the hash of Call-ID and From tag. [`super::NotPlain`]'s numbers are not
/// meant: 1 says that one of them is too long to be told from its like.
#[inline(always)]
pub(super) fn hash(scratch: &Scratch, keys: &AttemptKeys) -> Outcome {
    scratch.attempt.store(0);
    let call_id = scratch.skip_spaces(headers::call_id(scratch));
    if text(scratch, call_id, 0, keys) != DONE {
        return 1;
    }
    match tag(scratch) {
        0 => DONE,
        tag => text(scratch, tag, TAG_KEYS as u32, keys),
    }
}

/// Where the From tag starts, 0 for none: behind the first semicolon that `tag=` follows. Within
/// quotes or brackets it may be none, but then it is one for the whole attempt.
#[inline(always)]
fn tag(scratch: &Scratch) -> u32 {
    scratch.user_end.store(headers::from(scratch));
    for _ in 0..MAX_SEMICOLONS {
        let (semicolon, byte) = scratch.find(scratch.user_end.load(), b';');
        if byte != b';' {
            return 0;
        }
        if TAG.starts(scratch.word(semicolon + 1)) {
            return semicolon + 5;
        }
        scratch.user_end.store(semicolon + 1);
    }
    0
}

/// Adds the text at `at`, up to a semicolon or a control character, to the hash; 1 when it is longer
/// than there are keys. In none of the two texts stands a zero, so padding with them makes no two
/// equal.
#[inline(always)]
fn text(scratch: &Scratch, at: u32, first: u32, keys: &AttemptKeys) -> Outcome {
    let semicolons = bytes::repeat(b';');
    scratch.at.store(at);
    let keys = match keys.0.get(first as usize..first as usize + MAX_TEXT_WORDS) {
        Some(keys) => keys,
        None => return 1,
    };
    for key in keys {
        let at = scratch.at.load();
        let word = scratch.word(at);
        let end = bytes::equal(word, semicolons) | bytes::control(word);
        if end != 0 {
            // Ones in all bytes before the first that was found.
            let before = (end.wrapping_sub(1) & !end) >> 7;
            scratch.attempt.add(nh::share(word & before, *key));
            return DONE;
        }
        scratch.attempt.add(nh::share(word, *key));
        scratch.at.store(at + 8);
    }
    1
}
