//! The attack list: what callers, honest on no account, send to get past a list or a limit, or to have
//! somebody else stopped. Each test names its entry.
//!
//! A message in disguise is sent twice: of a blocked caller, with another's number where it may be taken
//! for his, and the other way round. The blocked one is stopped or left to the daemon, whose parser
//! reads his number; the honest one is never stopped.
//!
//! | entry | held by |
//! |---|---|
//! | 1 a customer's number, spoofed | [`calls`], `limits::each_caller_trunk_and_attestation_has_a_budget_of_its_own` |
//! | 2 a flood of numbers | [`calls`], `limits::more_callers_than_are_remembered_only_forgets` |
//! | 3 where x5u points to | `ani-user/tests/certificates/ends.rs` |
//! | 4 a passport replayed to another number | `attempts::a_verdict_once_passed_is_no_ticket`; its signature by `stir::verify`'s tests |
//! | 5 fragments | [`packets`], `fragments`, `reassembly` |
//! | 6 who calls | [`callers`], `not_plain` |
//! | 7 two messages in a datagram | [`messages`] |
//! | 8 Content-Length | [`messages`] |
//! | 9 long lines, many headers, late ones | [`messages`], `recognition::a_request_line_may_be_long` |
//! | 10 the method | [`messages`], `recognition::what_is_no_invite_request_goes_on_to_the_sbc` |
//! | 11 headers below | [`packets`], `headers::each_stack_of_headers_has_its_way_out` |
//! | 12 lengths that differ | [`packets`], `headers::each_stack_of_headers_has_its_way_out` |
//! | 13 retransmissions and forks | `attempts::a_retransmission_spends_no_budget`, `attempts::what_follows_a_stopped_call_goes_with_it` |
//! | 14 what belongs to a call | `attempts`, `verdicts::calls_within_a_dialog_pass` |
//! | 15 a forged verstat | [`calls`], `identity::attestation`'s tests |
//! | 16 emergency and priority calls | [`calls`], `verdicts::emergency_and_priority_calls_pass` |
//! | 17 a clock that is wrong | `stir::skew`'s tests, `e2e::stir` |
//! | 18 the daemon killed | `e2e::faults` |
//! | 19 somebody else's program | `e2e::faults` |
//! | 20 keep-alives | `recognition::keep_alives_are_told_from_messages` |

/// Entries 1, 2, 15 and 16: whose calls count for whom.
mod calls;
/// Entry 6: who calls.
mod callers;
/// Entries 7 to 10: what is a message, and where it ends.
mod messages;
/// Entries 5, 11 and 12: where a message is in its packets.
mod packets;

use ani_ebpf::{
    abi::{counter::Counter, number::Number},
    scan::NotPlain,
};

use crate::{
    harness::{Harness, Run, US, US_INDEX, US_V6, number},
    judge::Judge,
};

/// On the block list.
const BLOCKED: &str = "14155551234";
/// On no list.
const HONEST: &str = "12125550100";

/// The program with one blocked caller, and who says what must become of a message.
struct Suite {
    harness: Harness,
    judge: Judge,
}

impl Suite {
    fn new() -> Self {
        let harness = Harness::new();
        harness.block(BLOCKED, None);
        Self { harness, judge: Judge::new(&[BLOCKED]) }
    }

    /// Sends the message of a caller that names another too, both ways round. `None` for one that is
    /// plain.
    fn disguised(
        &mut self,
        form: &str,
        why: Option<NotPlain>,
        message: impl Fn(&str, &str) -> String,
    ) {
        for source in [US, US_V6] {
            for (caller, other) in [(BLOCKED, HONEST), (HONEST, BLOCKED)] {
                let message = message(&format!("+{caller}"), &format!("+{other}")).into_bytes();
                let run = self.harness.message(source, &message);
                let told = || format!("{form}, called by {caller}: {run:?}");
                self.judged(&run, caller, &message).unwrap_or_else(|what| {
                    panic!("{what}; {}", told());
                });
                assert_eq!(NotPlain::from_raw(run.header().not_plain), why, "{}", told());
            }
        }
    }

    /// What must hold for a call of `caller`, in whatever form.
    fn judged(&self, run: &Run, caller: &str, message: &[u8]) -> Result<(), String> {
        self.judge.check(run, US_INDEX, message)?;
        let read = self.judge.caller(US_INDEX, message);
        if read != Some(number(caller)) {
            return Err(format!("the full parser reads {read:?}"));
        }
        let header = run.header();
        let fits = match run.exit {
            Counter::DropBlocked => caller == BLOCKED && header.ani == number(BLOCKED),
            Counter::Pass => caller == HONEST && header.ani == number(HONEST),
            Counter::PassNotPlain => header.ani == Number::NONE,
            _ => false,
        };
        fits.then_some(()).ok_or_else(|| "not his way out".to_owned())
    }
}
