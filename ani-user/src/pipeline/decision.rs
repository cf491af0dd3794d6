//! What becomes of an INVITE by the program, and by lists and limits where it left that open.

use ani_ebpf::{
    abi::{counter::Counter, limit::Spender, list::Action, number::Number},
    lists::Found,
};
use anyhow::Context as _;
use smallvec::SmallVec;

use super::{Analysis, reach};
use crate::{
    capture::{By, HoldState, KernelView, Message, Reach},
    identity::Identity,
    invite::HeldAs,
    policy::{
        Enforce as _, breaker,
        settle::{Decided, Held, Settled},
    },
    sip::{self, NameAddr},
    stir::Outcome,
    telemetry::Tally,
};

/// What was found out of an INVITE, of which nothing may be asked twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// What the program made of it, and of a held one what was decided since.
    pub(super) view: KernelView,
    /// How it was held.
    pub(super) held: Option<HeldAs>,
    /// Who decided; of a repeated INVITE the first time.
    pub(super) by: By,
    /// Whether it was seen before.
    pub(super) retransmission: bool,
    /// What the breaker is told.
    pub(super) attempt: Option<breaker::Call>,
    /// Whether lists and limits let it through and nothing is remembered of that: its signature may
    /// decide.
    pub(super) open: bool,
    /// What its signature came to, where that stops it.
    pub(super) refused: Option<Outcome>,
    /// The same where that is only observed.
    pub(super) would_refuse: Option<Outcome>,
}

impl Analysis {
    /// What becomes of an INVITE that was held, or would have been; what the program made of it
    /// otherwise. And whether that is open: with `refuse`, more than lists and limits decides.
    fn settled(
        &self,
        seen: &KernelView,
        facts: &Facts<'_, '_>,
        refuse: bool,
    ) -> (KernelView, Option<HeldAs>, bool) {
        let held = match seen.held {
            Some(held) => match held.state {
                HoldState::Open => HeldAs::Decided,
                HoldState::Late => HeldAs::Late,
                HoldState::Full => HeldAs::Full,
                HoldState::Old => return (*seen, Some(HeldAs::Old), false),
            },
            None if self.would_be_held(seen, facts.message) => HeldAs::Decided,
            None => return (*seen, None, false),
        };
        let undecided = KernelView { exit: seen.first_exit, ..*seen };
        if held != HeldAs::Decided {
            // One verdict for the call attempt: sent again, it passes too.
            self.pass(seen, facts);
            return (undecided, Some(held), false);
        }
        if seen.held.is_some() && seen.not_plain.is_none() {
            // Held for its signature: lists and limits have spoken.
            return (undecided, Some(held), true);
        }
        let by = if refuse { Decided::RulesFirst } else { Decided::Rules };
        match self.settle(seen, facts, by) {
            Ok(Settled { exit, first_exit, by }) => {
                // Who calls is the full parser's to say.
                let ani = facts.identity.number;
                let attestation = facts.attestation();
                let view = KernelView { exit, first_exit, by, ani, attestation, ..*seen };
                (view, Some(held), refuse && lets_through(exit))
            }
            Err(error) => {
                tracing::debug!("a held INVITE passes undecided: {error:#}");
                (undecided, Some(HeldAs::Failed), false)
            }
        }
    }

    /// What is found out of an INVITE that is new to this.
    pub(super) fn take(&mut self, seen: &KernelView, facts: &Facts<'_, '_>, refuse: bool) -> Taken {
        let (view, held, open) = self.settled(seen, facts, refuse);
        let repeated = matches!(view.exit, Counter::PassRepeated | Counter::DropRepeated);
        if !repeated {
            self.tallies.spoken.count(&view.by);
        }
        let first = self.repeats.seen(facts.parsed, &view.by, repeated);
        Taken {
            view,
            held,
            by: first.filter(|_| repeated).unwrap_or(view.by),
            retransmission: first.is_some(),
            attempt: None,
            open,
            refused: None,
            would_refuse: None,
        }
    }

    /// Has it remembered that the call passes.
    pub(super) fn pass(&self, view: &KernelView, facts: &Facts<'_, '_>) {
        if let Err(error) = self.settle(view, facts, Decided::Pass) {
            tracing::debug!("that a held INVITE passes is not remembered: {error:#}");
        }
    }

    /// Whether an INVITE that no program has seen would have been held.
    fn would_be_held(&self, seen: &KernelView, message: &Message<'_>) -> bool {
        message.kernel.is_none()
            && seen.exit == Counter::PassNotPlain
            && self.config.hold.not_plain
            && reach(message, seen.trunk) >= Reach::Stop
    }

    /// What becomes of the call, by those who have lists, limits and call attempts.
    pub(super) fn settle(
        &self,
        seen: &KernelView,
        facts: &Facts<'_, '_>,
        by: Decided,
    ) -> anyhow::Result<Settled> {
        let parsed = facts.parsed;
        let call = facts.spender(seen).context("from no configured trunk")?;
        let from = parsed.from.as_ref();
        let held = Held {
            ani: call.caller,
            called: call.called,
            trunk: call.trunk,
            attestation: call.attestation,
            priority: self.goes_first(parsed),
            in_dialog: facts.in_dialog(),
            call_id: parsed.call_id.unwrap_or_default(),
            from_tag: from.and_then(NameAddr::tag),
            by,
        };
        match &self.lists {
            Some(lists) => lists.settle(&held, facts.message.arrived),
            None => self.rules.settle(&held, facts.message.arrived),
        }
    }

    /// What lists say of the caller of an INVITE that passed undecided.
    pub(super) fn undecided(&self, view: &KernelView, facts: &Facts<'_, '_>) -> Option<Found> {
        let call = facts.spender(view).filter(|call| !call.caller.is_none())?;
        if self.goes_first(facts.parsed) {
            return None;
        }
        let now = facts.message.arrived;
        let found = match &self.lists {
            Some(lists) => lists.find(&call, now)?,
            None => self.rules.find(&call, now)?,
        };
        if found.rank == Action::Block as u8 {
            self.tallies.add(Tally::UndecidedBlocked);
        }
        Some(found)
    }

    /// Whether no rule may stop it: an emergency call, or one that asks for priority.
    pub(super) fn goes_first(&self, parsed: &sip::Invite<'_>) -> bool {
        let digits = dialled(parsed);
        let sos = b"urn:service:sos";
        parsed.request_uri.get(..sos.len()).is_some_and(|uri| uri.eq_ignore_ascii_case(sos))
            || !digits.is_none() && self.config.emergency.numbers.contains(&digits)
            || sip::asks_priority(parsed)
    }

    /// What the kernel program made of it, or would have made of it where it did not look.
    pub(super) fn view(&self, message: &Message<'_>) -> KernelView {
        let undecided = |exit| KernelView::of(exit, self.rules.trunk_of(message.src.ip()));
        if let Some(view) = message.kernel {
            // A segment or a fragment that it handed on as such was not looked into.
            let decided = view.exit as u32 >= Counter::PassUntrusted as u32;
            return if decided { view } else { undecided(view.exit) };
        }
        if reach(message, None) == Reach::Observe {
            return undecided(Counter::NotInvite);
        }
        if message.overlong {
            return undecided(Counter::Truncated);
        }
        let first = message.bytes.get(..message.first_len).unwrap_or(message.bytes);
        self.rules
            .decide(message.arrived, message.src.ip(), first)
            .unwrap_or_else(|| undecided(Counter::NotInvite))
    }
}

/// What a verdict is made of.
pub(super) struct Facts<'f, 'a> {
    pub(super) message: &'f Message<'a>,
    pub(super) parsed: &'f sip::Invite<'a>,
    pub(super) identity: &'f Identity<'a>,
    /// The attestation's, as the record has it.
    pub(super) level: &'static str,
}

/// Whether lists and limits let a call through without saying that it must pass: then something else
/// may stop it.
pub(super) const fn lets_through(exit: Counter) -> bool {
    matches!(exit, Counter::Pass | Counter::PassGray | Counter::PassNoAni | Counter::PassLimitFull)
}

impl Facts<'_, '_> {
    /// Whether it is within a dialog.
    pub(super) fn in_dialog(&self) -> bool {
        self.parsed.to.as_ref().and_then(NameAddr::tag).is_some()
    }

    /// What is claimed.
    fn attestation(&self) -> ani_ebpf::scan::Attestation {
        match self.level {
            "A" => ani_ebpf::scan::Attestation::A,
            "B" => ani_ebpf::scan::Attestation::B,
            "C" => ani_ebpf::scan::Attestation::C,
            _ => ani_ebpf::scan::Attestation::None,
        }
    }

    /// Who spends of which budgets; none where it is from no configured trunk.
    fn spender(&self, view: &KernelView) -> Option<Spender> {
        Some(Spender {
            caller: self.identity.number,
            called: dialled(self.parsed),
            trunk: view.trunk?,
            attestation: self.attestation() as u8,
        })
    }
}

/// The digits that were dialled; none where they are no digits.
fn dialled(parsed: &sip::Invite<'_>) -> Number {
    let user = sip::percent_decoded(parsed.request.user.unwrap_or_default());
    // Visual separators say nothing (RFC 3966 §5.1.1).
    let digits: SmallVec<[u8; 32]> =
        user.iter().copied().filter(|byte| !b"-.()".contains(byte)).take(32).collect();
    Number::from_ascii(digits.strip_prefix(b"+").unwrap_or(&digits)).unwrap_or(Number::NONE)
}
