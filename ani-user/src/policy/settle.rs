//! What becomes of a call that was held, by what the full parser read of it.

use ani_ebpf::{
    abi::{
        attempt::AttemptKeys,
        counter::{Counter, TABLE},
        number::Number,
        settle::{Answer, Question},
    },
    scan::{self, Scratch},
};

use crate::capture::By;

/// A call that was held.
#[derive(Clone, Copy, Debug)]
pub struct Held<'a> {
    /// The caller, E.164.
    pub ani: Number,
    /// The digits that were dialled.
    pub called: Number,
    /// Index of the trunk.
    pub trunk: u16,
    /// What is claimed: [`scan::Attestation`] as a number.
    pub attestation: u8,
    /// Whether no rule may stop it.
    pub priority: bool,
    /// Whether it is within a dialog.
    pub in_dialog: bool,
    /// Call-ID.
    pub call_id: &'a [u8],
    /// Tag of From.
    pub from_tag: Option<&'a [u8]>,
    /// By whom it is decided.
    pub by: Decided,
}

/// By whom a held call is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// By what its attempt was told before, lists and limits.
    Rules,
    /// By the same where they stop it, or allow it; else by somebody yet to be asked, and nothing is
    /// remembered.
    RulesFirst,
    /// It passes.
    Pass,
    /// It is stopped.
    Stop,
}

/// What becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The way out; [`Counter::Held`] for one that is stopped by [`Decided::Stop`].
    pub exit: Counter,
    /// The way out its call attempt was given first.
    pub first_exit: Counter,
    /// Which lists and limits spoke.
    pub by: By,
}

impl Held<'_> {
    /// As the program reads it.
    pub fn question(&self, scratch: &mut Scratch, keys: &AttemptKeys) -> Question {
        let attempt = self.attempt(scratch, keys);
        let mark = |mark: u8, is: bool| if is { mark } else { 0 };
        Question {
            ani: self.ani,
            called: self.called,
            attempt: attempt.unwrap_or(0),
            trunk: self.trunk,
            attestation: self.attestation,
            marks: mark(Question::PRIORITY, self.priority)
                | mark(Question::IN_DIALOG, self.in_dialog)
                | mark(Question::ATTEMPT, attempt.is_some())
                | mark(Question::PASS, self.by == Decided::Pass)
                | mark(Question::STOP, self.by == Decided::Stop)
                | mark(Question::WAITS, self.by == Decided::RulesFirst),
            reserved: [0; 4],
        }
    }

    /// The hash of its Call-ID and From tag; none where the program would have none. It is that of a
    /// plain ACK, CANCEL or BYE of the call: of such a message, read by the same scanner.
    fn attempt(&self, scratch: &mut Scratch, keys: &AttemptKeys) -> Option<u64> {
        let mut request = Vec::with_capacity(512);
        request.extend_from_slice(b"ACK sip:a SIP/2.0\r\nTo: <sip:a>\r\nFrom: <sip:a>");
        if let Some(tag) = self.from_tag {
            request.extend_from_slice(b";tag=");
            request.extend_from_slice(tag);
        }
        request.extend_from_slice(b"\r\nCall-ID: ");
        request.extend_from_slice(self.call_id);
        request.extend_from_slice(b"\r\n\r\n");
        scratch.load(&request);
        scan::request(scratch).ok().and_then(|()| scan::attempt(scratch, keys))
    }
}

impl Settled {
    /// What the program answers; none for what is no answer.
    pub fn read(answer: [u8; 8]) -> Option<Self> {
        let answer = Answer::from_bytes(answer)?;
        let counter = |raw: u8| Some(TABLE.get(usize::from(raw))?.counter);
        Some(Self {
            exit: counter(answer.exit)?,
            first_exit: counter(answer.first_exit)?,
            by: By {
                list: answer.list,
                ranged: answer.ranged != 0,
                limit: answer.limit,
                observed_list: answer.observed_list,
                observed_limit: answer.observed_limit,
            },
        })
    }

    /// Whether it goes on to the SBC.
    pub const fn passes(&self) -> bool {
        !matches!(
            self.exit,
            Counter::DropBlocked | Counter::DropLimited | Counter::DropRepeated | Counter::Held
        )
    }
}

#[cfg(test)]
mod tests {
    use ani_ebpf::abi::attempt::KEYS;

    use super::*;

    fn keys() -> AttemptKeys {
        AttemptKeys(std::array::from_fn::<_, KEYS, _>(|at| {
            (at as u64 + 3).wrapping_mul(0x9e37_79b9)
        }))
    }

    fn held<'a>(call_id: &'a [u8], from_tag: Option<&'a [u8]>) -> Held<'a> {
        Held {
            ani: Number::NONE,
            called: Number::NONE,
            trunk: 7,
            attestation: 2,
            priority: false,
            in_dialog: false,
            call_id,
            from_tag,
            by: Decided::Rules,
        }
    }

    #[test]
    fn its_attempt_is_that_of_the_ack() {
        let mut scratch = Scratch::new();
        let ack = |call_id: &str, from: &str| {
            let mut scratch = Scratch::new();
            scratch.load(
                format!(
                    "ACK sip:+18005550100@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: {from}\r\n\
                     t: <sip:x@h>;tag=9\r\ni: {call_id}\r\nCSeq: 1 ACK\r\n\r\n"
                )
                .as_bytes(),
            );
            scan::request(&scratch).expect("plain");
            scan::attempt(&scratch, &keys()).expect("short")
        };
        let mut attempt = |call_id: &str, tag: Option<&str>| {
            held(call_id.as_bytes(), tag.map(str::as_bytes)).attempt(&mut scratch, &keys())
        };
        let from = "\"A\" <sip:+14155551234@h>;tag=88sja8x";
        assert_eq!(attempt("abc@h", Some("88sja8x")), Some(ack("abc@h", from)));
        assert_eq!(attempt("abc@h", None), Some(ack("abc@h", "<sip:+14155551234@h>")));
        assert_ne!(attempt("abc@i", Some("88sja8x")), Some(ack("abc@h", from)));
        assert_ne!(attempt("abc@h", Some("88sja8y")), Some(ack("abc@h", from)));
        assert_eq!(attempt(&"x".repeat(200), None), None, "longer than is told apart");
    }

    #[test]
    fn the_question_has_what_was_read() {
        let question = held(b"1", Some(b"2")).question(&mut Scratch::new(), &keys());
        assert_eq!(
            (question.trunk, question.attestation, question.marks),
            (7, 2, Question::ATTEMPT)
        );
        let stop = Held { priority: true, in_dialog: true, by: Decided::Stop, ..held(b"1", None) };
        let marks = stop.question(&mut Scratch::new(), &keys()).marks;
        let expected =
            Question::PRIORITY | Question::IN_DIALOG | Question::ATTEMPT | Question::STOP;
        assert_eq!(marks, expected);
    }

    #[test]
    fn what_was_not_answered_is_no_answer() {
        assert_eq!(Settled::read([0; 8]), None);
        let answer =
            [Counter::DropLimited as u8, Counter::DropLimited as u8, 0, 4, 5, 6, 0, Answer::GIVEN];
        let settled = Settled::read(answer).expect("given");
        assert!(!settled.passes() && settled.by.limit == 4);
        assert!(Settled { exit: Counter::PassGray, ..settled }.passes());
    }
}
