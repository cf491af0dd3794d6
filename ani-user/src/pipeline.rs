//! Frame in, facts out: message, caller, verdict. Knows all stages, does no I/O and reads
//! no clock. One thread calls it.

/// What a stopped call is told.
mod answer;
/// What the breaker is told of a call.
mod attempt;
/// Which INVITEs were seen before.
mod repeats;
/// What signatures are worth.
mod verification;

use std::{borrow::Cow, sync::Arc};

use ani_ebpf::{
    abi::{
        counter::{Counter, Kind, TABLE},
        limit::Spender,
        list::{Action, NO_LIST},
        number::Number,
    },
    lists::Found,
    scan::{AniHeader, MIN_MESSAGE_LEN},
};
use anyhow::Context as _;

use smallvec::SmallVec;

pub use self::verification::{Answer, Verifier, Whose};
use self::{
    repeats::Repeats,
    verification::{Of, Verification},
};
use crate::{
    answer::{Answers, Entries},
    capture::{By, Frame, HoldState, KernelView, Message, Reach, Transport, assembly::Assembly},
    config::{self, Config},
    identity::{self, Identity, Passport, Reading},
    invite::{self, HeldAs, Invite},
    policy::{
        Enforce, Verdict,
        memory::Memory,
        names::Names,
        settle::{Decided, Held, Settled},
    },
    sip::{self, Fault, NameAddr},
    telemetry::{Tallies, Tally, habits::Habits},
    time::Timestamp,
};

/// The way from a frame to what is known of the INVITEs in it.
pub struct Pipeline {
    assembly: Assembly,
    analysis: Analysis,
}

/// The way from a message to what is known of it.
struct Analysis {
    config: Arc<Config>,
    names: Box<Names>,
    rules: Arc<Memory>,
    /// Who knows the lists; the rules, but where the kernel has them.
    lists: Option<Arc<dyn Enforce>>,
    repeats: Repeats,
    verification: Verification,
    answers: Answers,
    tallies: Arc<Tallies>,
}

impl Pipeline {
    /// `rules` decide the frames that no kernel program has decided; what happens is counted in
    /// `tallies`. Signatures are not verified.
    pub fn new(config: Arc<Config>, rules: Arc<Memory>, tallies: Arc<Tallies>) -> Self {
        Self {
            assembly: Assembly::new(Arc::clone(&tallies)),
            analysis: Analysis {
                names: Box::new(Names::new(&config)),
                answers: Answers::new(&config),
                config,
                rules,
                lists: None,
                repeats: Repeats::new(),
                verification: Verification::new(),
                tallies,
            },
        }
    }

    /// The same with somebody who verifies signatures, where the configuration says so.
    #[must_use]
    pub fn verifying(mut self, verifier: Box<dyn Verifier>) -> Self {
        self.analysis.verification.set(verifier);
        self
    }

    /// The same with lists that are elsewhere than in the rules.
    #[must_use]
    pub fn listed_by(mut self, lists: Arc<dyn Enforce>) -> Self {
        self.analysis.lists = Some(lists);
        self
    }

    /// The same with entries of lists that have an answer of their own.
    #[must_use]
    pub fn answering(mut self, entries: Arc<Entries>) -> Self {
        self.analysis.answers.hear(entries);
        self
    }

    /// Takes another configuration from the next frame on.
    pub fn reconfigure(&mut self, config: Arc<Config>, rules: Arc<Memory>) {
        *self.analysis.names = Names::new(&config);
        self.analysis.answers.reconfigure(&config);
        self.analysis.config = config;
        self.analysis.rules = rules;
    }

    /// Hands out what is known of each INVITE that a frame makes whole.
    pub fn frame(&mut self, frame: &Frame<'_>, each: &mut dyn FnMut(Invite<'_>)) {
        let Self { assembly, analysis } = self;
        let rules = Arc::clone(&analysis.rules);
        assembly.frame(frame, &|source| rules.trunk_of(source).is_some(), &mut |message| {
            analysis.hand_out(message, each);
        });
    }

    /// Gives up what has waited too long for its rest; to be called when no frames come. What is
    /// known of an INVITE with a hole is handed out.
    pub fn expire(&mut self, now: Timestamp, each: &mut dyn FnMut(Invite<'_>)) {
        let Self { assembly, analysis } = self;
        assembly.expire(now, &mut |message| analysis.hand_out(message, each));
    }

    /// Gives up all that is not whole: no more frames will come.
    pub fn finish(&mut self, each: &mut dyn FnMut(Invite<'_>)) {
        let Self { assembly, analysis } = self;
        assembly.finish(&mut |message| analysis.hand_out(message, each));
    }
}

impl Analysis {
    fn hand_out(&mut self, message: &Message<'_>, each: &mut dyn FnMut(Invite<'_>)) {
        if let Some(invite) = self.message(message) {
            each(invite);
        }
    }

    fn message<'a>(&'a mut self, message: &'a Message<'a>) -> Option<Invite<'a>> {
        if message.bytes.len() < MIN_MESSAGE_LEN as usize {
            self.tallies.add(Tally::Keepalives);
            return None;
        }
        let parsed = if sip::may_be_invite(message.bytes) {
            sip::invite(message.bytes, message.cut)
        } else {
            None
        };
        let Some(parsed) = parsed else {
            // The program hands over whole frames only for what it takes for an INVITE.
            let captured = message.kernel.is_some() && message.fragments == 1;
            self.tallies.add(match message.transport {
                Transport::Udp if captured => Tally::MessageBad,
                _ => Tally::NotInvite,
            });
            return None;
        };
        self.tallies.add(Tally::Invites);
        if message.cut {
            self.tallies.add(Tally::InvitesCut);
        }
        Some(self.invite(message, parsed))
    }

    fn invite<'a>(
        &'a mut self,
        message: &'a Message<'a>,
        mut parsed: sip::Invite<'a>,
    ) -> Invite<'a> {
        parsed.faults.add_if(message.overlong, Fault::UdpLength);
        let seen = self.view(message);
        let trunk = seen.trunk.and_then(|index| self.config.trunks.by_number(index));
        let reading = trunk.map_or(Reading::UNTRUSTED, config::Trunk::reading);
        let passport = Passport::read(&parsed);
        let passport = passport.as_ref();
        let identity = identity::identify(&parsed, passport, &reading);
        let oli = identity::line(&parsed, &identity, &reading);
        let candidates = identity::candidates(&parsed, passport, &identity, &reading);
        let mut kernel = kernel(&seen, &identity);
        let mut attestation = identity::attestation(&parsed, passport, &reading);
        let facts =
            Facts { message, parsed: &parsed, identity: &identity, level: attestation.level };
        let (view, held) = self.settled(&seen, &facts);
        let repeated = matches!(view.exit, Counter::PassRepeated | Counter::DropRepeated);
        if !repeated {
            self.tallies.spoken.count(&view.by);
        }
        let first = self.repeats.seen(&parsed, &view.by, repeated);
        let retransmission = first.is_some();
        let mut by = first.filter(|_| repeated).unwrap_or(view.by);
        let to_tag = parsed.to.as_ref().and_then(NameAddr::tag);
        let starts = !retransmission && to_tag.is_none();
        let told = attempt::of(&view, &identity, &attestation, &reading).filter(|_| starts);
        let of = Of {
            settings: &self.config.stir,
            trunk: trunk.map(|trunk| trunk.name.as_str()),
            identity: &identity,
            reading: &reading,
            starts,
            attempt: told.filter(|told| told.may_be_signed).map(|told| told.call),
            now: message.arrived,
        };
        let open = self.verification.judge(&parsed, &of, &mut attestation);
        let attempt = told.and_then(|told| told.judged(open, attestation.signature));
        if view.exit == Counter::PassNotPlain
            && to_tag.is_none()
            && let Some(found) = self.undecided(&view, &facts)
        {
            kernel.lists = action(found.rank);
            kernel.rule = kernel.lists.map(|_| self.names.list(found.list));
            by.observed_list =
                if found.observed_rank > found.rank { found.observed } else { NO_LIST };
        }
        let (answers, tallies) = (&mut self.answers, &self.tallies);
        let given = answer::to(answers, &view, &by, &parsed, message, tallies);
        let (code, reply) = given.unzip();
        let text = |bytes: Option<&'a [u8]>| bytes.map(sip::lossy);
        let user = |name: &Option<NameAddr<'a>>| name.as_ref().and_then(|name| text(name.uri.user));
        let uris =
            |names: &[NameAddr<'a>]| names.iter().map(|name| sip::lossy(name.uri.raw)).collect();
        Invite {
            frame: message.frame,
            ts: message.arrived,
            src: message.src,
            dst: message.dst,
            transport: message.transport,
            reach: reach(message, view.trunk),
            vlan: message.vlan.as_slice().to_vec(),
            fragments: message.fragments,
            trunk: trunk.map(|trunk| Cow::Borrowed(trunk.name.as_str())),
            call_id: text(parsed.call_id),
            cseq: parsed.cseq,
            from_tag: text(parsed.from.as_ref().and_then(NameAddr::tag)),
            to_tag: text(to_tag),
            retransmission,
            request_uri: sip::lossy(parsed.request_uri),
            request_user: text(parsed.request.user),
            from_user: user(&parsed.from),
            from_display: parsed.from.as_ref().and_then(sip::display),
            to_user: user(&parsed.to),
            p_asserted_identity: uris(&parsed.p_asserted_identity),
            remote_party_id: uris(&parsed.remote_party_id),
            p_charge_info: parsed.p_charge_info.as_ref().map(|name| sip::lossy(name.uri.raw)),
            diversion: uris(&parsed.diversion),
            privacy: parsed.privacy.iter().map(|word| sip::lossy(word)).collect(),
            ani_source: identity.source().map(AniHeader::as_str),
            ani: identity.ani,
            ani_status: identity.status,
            ani_form: identity.form,
            oli,
            caller_id: identity.caller_id,
            caller_id_matches: identity.caller_id_matches,
            display_matches: identity.display_matches,
            dnis: identity.dnis,
            toll_free: identity.toll_free,
            candidates,
            attestation,
            kernel,
            held,
            hold: seen.held,
            verdict: if code.is_some() { Verdict::Answer } else { verdict(view.exit) },
            answer: code,
            rule: self.names.rule(view.first_exit, &by),
            observed: self.names.observed(&by),
            malformed: parsed.faults.words().collect(),
            habits: Habits::of(&parsed, identity.toll_free),
            attempt,
            reply: reply.map(Box::new),
        }
    }

    /// What becomes of an INVITE that was held, or would have been; what the program made of it
    /// otherwise.
    fn settled(&self, seen: &KernelView, facts: &Facts<'_, '_>) -> (KernelView, Option<HeldAs>) {
        let held = match seen.held {
            Some(held) => match held.state {
                HoldState::Open => HeldAs::Decided,
                HoldState::Late => HeldAs::Late,
                HoldState::Full => HeldAs::Full,
                HoldState::Old => return (*seen, Some(HeldAs::Old)),
            },
            None if self.would_be_held(seen, facts.message) => HeldAs::Decided,
            None => return (*seen, None),
        };
        let undecided = KernelView { exit: seen.first_exit, ..*seen };
        if held != HeldAs::Decided {
            return (undecided, Some(held));
        }
        match self.settle(seen, facts) {
            Ok(Settled { exit, first_exit, by }) => {
                // Who calls is the full parser's to say.
                let ani = facts.identity.number;
                let attestation = facts.attestation();
                (KernelView { exit, first_exit, by, ani, attestation, ..*seen }, Some(held))
            }
            Err(error) => {
                tracing::debug!("a held INVITE passes undecided: {error:#}");
                (undecided, Some(HeldAs::Failed))
            }
        }
    }

    /// Whether an INVITE that no program has seen would have been held.
    fn would_be_held(&self, seen: &KernelView, message: &Message<'_>) -> bool {
        message.kernel.is_none()
            && seen.exit == Counter::PassNotPlain
            && self.config.hold.not_plain
            && reach(message, seen.trunk) >= Reach::Stop
    }

    fn settle(&self, seen: &KernelView, facts: &Facts<'_, '_>) -> anyhow::Result<Settled> {
        let parsed = facts.parsed;
        let call = facts.spender(seen).context("from no configured trunk")?;
        let from = parsed.from.as_ref();
        let held = Held {
            ani: call.caller,
            called: call.called,
            trunk: call.trunk,
            attestation: call.attestation,
            priority: self.is_emergency(parsed) || sip::asks_priority(parsed),
            in_dialog: parsed.to.as_ref().and_then(NameAddr::tag).is_some(),
            call_id: parsed.call_id.unwrap_or_default(),
            from_tag: from.and_then(NameAddr::tag),
            by: Decided::Rules,
        };
        match &self.lists {
            Some(lists) => lists.settle(&held, facts.message.arrived),
            None => self.rules.settle(&held, facts.message.arrived),
        }
    }

    /// What lists say of the caller of an INVITE that passed undecided.
    fn undecided(&self, view: &KernelView, facts: &Facts<'_, '_>) -> Option<Found> {
        let call = facts.spender(view).filter(|call| !call.caller.is_none())?;
        if self.is_emergency(facts.parsed) || sip::asks_priority(facts.parsed) {
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

    /// Whether no rule may stop it.
    fn is_emergency(&self, parsed: &sip::Invite<'_>) -> bool {
        let digits = dialled(parsed);
        let sos = b"urn:service:sos";
        parsed.request_uri.get(..sos.len()).is_some_and(|uri| uri.eq_ignore_ascii_case(sos))
            || !digits.is_none() && self.config.emergency.numbers.contains(&digits)
    }

    /// What the kernel program made of it, or would have made of it where it did not look.
    fn view(&self, message: &Message<'_>) -> KernelView {
        let undecided = |exit| KernelView {
            exit,
            first_exit: exit,
            not_plain: None,
            ani: Number::NONE,
            ani_header: None,
            attestation: ani_ebpf::scan::Attestation::None,
            trunk: self.rules.trunk_of(message.src.ip()),
            by: By::default(),
            held: None,
            ifindex: 0,
        };
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
struct Facts<'f, 'a> {
    message: &'f Message<'a>,
    parsed: &'f sip::Invite<'a>,
    identity: &'f Identity<'a>,
    /// The attestation's, as the record has it.
    level: &'static str,
}

impl Facts<'_, '_> {
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

/// Out of a TCP stream nothing can be taken, and strangers are not answered.
fn reach(message: &Message<'_>, trunk: Option<u16>) -> Reach {
    let most = match message.transport {
        Transport::Udp if trunk.is_some() => Reach::Answer,
        Transport::Udp => Reach::Stop,
        Transport::Sctp | Transport::Tcp | Transport::Tls | Transport::Ws => Reach::Observe,
    };
    message.reach.min(most)
}

fn kernel<'a>(view: &KernelView, identity: &Identity<'a>) -> invite::Kernel<'a> {
    let recognised = view.exit as u32 >= Counter::PassUntrusted as u32;
    let ani = if view.ani == identity.number {
        identity.ani.clone()
    } else {
        Some(Cow::Owned(format!("+{}", view.ani)))
    };
    invite::Kernel {
        plain: recognised && view.trunk.is_some() && view.not_plain.is_none(),
        not_plain: view.not_plain.map(ani_ebpf::scan::NotPlain::as_str),
        ani: ani.filter(|_| !view.ani.is_none()),
        attestation: view.attestation.as_str(),
        lists: None,
        rule: None,
    }
}

fn verdict(exit: Counter) -> Verdict {
    match TABLE.get(exit as usize).map(|row| row.kind) {
        Some(Kind::Dropped | Kind::Held) => Verdict::Drop,
        _ => Verdict::Pass,
    }
}

/// What lists say, as a word; none where they say nothing.
fn action(rank: u8) -> Option<&'static str> {
    let known = [Action::Allow, Action::Block, Action::Gray];
    known.into_iter().find(|action| *action as u8 == rank).map(Action::as_str)
}

#[cfg(test)]
mod tests;
