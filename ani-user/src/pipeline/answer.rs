//! What a stopped call is told: which of the rules that stopped it has something to say.

use std::sync::Arc;

use ani_ebpf::abi::{counter::Counter, list::NO_LIST};

use super::reach;
use crate::{
    answer::{Answers, Prepared, Reply, Silence, Stopped},
    capture::{By, KernelView, Message, Reach},
    sip::{Invite, NameAddr},
    stir::{Judgement, Outcome},
    telemetry::{Tallies, Tally},
};

/// A reply, and the code in it.
pub(super) type Given = (u16, Reply);

/// What a signature came to that a call is refused for.
pub(super) type Refused<'j> = (Outcome, Option<&'j Judgement>);

/// The answer to an INVITE that was stopped; `by` is who decided, of a repeated one the first time. None
/// where nothing is to be said, where it is no initial INVITE over UDP from a configured trunk, and
/// where it cannot or must not be said; the latter is counted.
pub(super) fn to(
    answers: &mut Answers,
    view: &KernelView,
    by: &By,
    refused: Option<Refused<'_>>,
    invite: &Invite<'_>,
    message: &Message<'_>,
    tallies: &Tallies,
) -> Option<Given> {
    let what = match refused {
        Some((outcome, judgement)) => Arc::new(Prepared::refusal(outcome, judgement)?),
        None => said(answers, view, by)?,
    };
    let initial = invite.to.as_ref().and_then(NameAddr::tag).is_none();
    if !initial || reach(message, view.trunk) != Reach::Answer {
        return None;
    }
    match answers.reply(&what, invite, message) {
        Ok(reply) => Some((what.code, reply)),
        Err(silence) => {
            tallies.add(match silence {
                Silence::Impossible => Tally::AnswersImpossible,
                Silence::Limited => Tally::AnswersLimited,
            });
            None
        }
    }
}

/// What the rule says that stopped a call; a repeated INVITE's is that of the first.
fn said(answers: &Answers, view: &KernelView, by: &By) -> Option<Arc<Prepared>> {
    let exit = match view.exit {
        Counter::DropRepeated => view.first_exit,
        exit => exit,
    };
    match exit {
        Counter::DropBlocked if by.list != NO_LIST => answers.of_list(&Stopped {
            list: by.list,
            ranged: by.ranged,
            caller: view.ani,
            trunk: view.trunk?,
            attestation: view.attestation as u8,
        }),
        Counter::DropLimited => answers.of_limit(by.limit),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
