//! What the daemon asks of a call that was held: it has read the INVITE, and the program, which has the
//! lists, limits and call attempts, says what becomes of it. The question is the packet of a test run,
//! the answer is written over its end.

use super::{counter::Counter, number::Number};

/// What the full parser read of an INVITE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Question {
    /// The caller, E.164.
    pub ani: Number,
    /// The digits that were dialled.
    pub called: Number,
    /// Hash of Call-ID and From tag, as of [`crate::scan::attempt`]; anything where `marks` has no
    /// [`Question::ATTEMPT`].
    pub attempt: u64,
    /// Index of the trunk.
    pub trunk: u16,
    /// [`crate::scan::Attestation`] as a number.
    pub attestation: u8,
    /// Of the bits below.
    pub marks: u8,
    /// Zero.
    pub reserved: [u8; 4],
}

impl Question {
    /// A priority call.
    pub const PRIORITY: u8 = 1;
    /// An INVITE within a dialog.
    pub const IN_DIALOG: u8 = 1 << 1;
    /// The call attempt can be told from others.
    pub const ATTEMPT: u8 = 1 << 2;
    /// It passes, whatever the rules say.
    pub const PASS: u8 = 1 << 3;
    /// It is stopped, whatever the rules say.
    pub const STOP: u8 = 1 << 4;
    /// Where the rules let it through, something else decides yet, and nothing is remembered till then:
    /// an INVITE that is sent again meanwhile must not pass.
    pub const WAITS: u8 = 1 << 5;
}

/// What becomes of it; ids as in [`RecordHeader`](super::record::RecordHeader).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Answer {
    /// The way out, a [`Counter`]; [`Counter::Held`] for one that is stopped whatever the rules say.
    pub exit: u8,
    /// The way out its call attempt was given first.
    pub first_exit: u8,
    /// The list that decided.
    pub list: u8,
    /// The limit that did.
    pub limit: u8,
    /// The list that would have.
    pub observed_list: u8,
    /// The limit that would have.
    pub observed_limit: u8,
    /// Whether the list decided by a range.
    pub ranged: u8,
    /// [`Answer::GIVEN`] where there is an answer.
    pub given: u8,
}

impl Answer {
    /// The program was there and has answered.
    pub const GIVEN: u8 = 1;
}

/// Bytes of [`Question`].
pub const QUESTION_LEN: usize = size_of::<Question>();

/// Bytes of both, one behind the other.
pub const LEN: usize = QUESTION_LEN + size_of::<Answer>();

impl Question {
    /// As the program reads it.
    pub const fn to_bytes(self) -> [u8; QUESTION_LEN] {
        let mut bytes = [0; QUESTION_LEN];
        let words = [self.ani.0, self.called.0, self.attempt];
        let mut at = 0;
        while at < 24 {
            bytes[at] = words[at / 8].to_ne_bytes()[at % 8];
            at += 1;
        }
        let [low, high] = self.trunk.to_ne_bytes();
        bytes[24] = low;
        bytes[25] = high;
        bytes[26] = self.attestation;
        bytes[27] = self.marks;
        bytes
    }

    /// What [`Question::to_bytes`] made.
    #[inline(always)]
    pub const fn from_bytes(bytes: &[u8; QUESTION_LEN]) -> Self {
        Self {
            ani: Number(word(bytes, 0)),
            called: Number(word(bytes, 8)),
            attempt: word(bytes, 16),
            trunk: u16::from_ne_bytes([bytes[24], bytes[25]]),
            attestation: bytes[26],
            marks: bytes[27],
            reserved: [0; 4],
        }
    }

    /// Whether one of `marks` is set.
    #[inline(always)]
    pub const fn has(&self, marks: u8) -> bool {
        self.marks & marks != 0
    }
}

#[inline(always)]
const fn word(bytes: &[u8; QUESTION_LEN], at: usize) -> u64 {
    u64::from_ne_bytes([
        bytes[at],
        bytes[at + 1],
        bytes[at + 2],
        bytes[at + 3],
        bytes[at + 4],
        bytes[at + 5],
        bytes[at + 6],
        bytes[at + 7],
    ])
}

impl Answer {
    /// As the program writes it.
    #[inline(always)]
    pub const fn to_bytes(self) -> [u8; 8] {
        [
            self.exit,
            self.first_exit,
            self.list,
            self.limit,
            self.observed_list,
            self.observed_limit,
            self.ranged,
            self.given,
        ]
    }

    /// What [`Answer::to_bytes`] made; none where the program did not answer.
    pub const fn from_bytes(bytes: [u8; 8]) -> Option<Self> {
        let [exit, first_exit, list, limit, observed_list, observed_limit, ranged, given] = bytes;
        if given != Self::GIVEN || exit as usize >= Counter::COUNT {
            return None;
        }
        Some(Self { exit, first_exit, list, limit, observed_list, observed_limit, ranged, given })
    }
}

const _: () = assert!(QUESTION_LEN == 32 && LEN == 40);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_go_there_and_back() {
        let question = Question {
            ani: Number(0x1415_5551_234f_ffff),
            called: Number(0x911f_ffff_ffff_ffff),
            attempt: 0x0123_4567_89ab_cdef,
            trunk: 0x1234,
            attestation: 3,
            marks: Question::PRIORITY | Question::STOP,
            reserved: [0; 4],
        };
        assert_eq!(Question::from_bytes(&question.to_bytes()), question);
        assert!(question.has(Question::PRIORITY) && !question.has(Question::PASS));
        let bytes = [Counter::DropBlocked as u8, 2, 3, 4, 5, 6, 1, Answer::GIVEN];
        assert_eq!(Answer::from_bytes(bytes).map(Answer::to_bytes), Some(bytes));
        assert_eq!(Answer::from_bytes([0; 8]), None);
        assert_eq!(Answer::from_bytes([u8::MAX, 0, 0, 0, 0, 0, 0, Answer::GIVEN]), None);
    }
}
