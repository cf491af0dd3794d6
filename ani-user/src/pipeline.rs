//! Frame in, facts out: message, caller, verdict. Knows all stages, does no I/O and reads
//! no clock. One thread calls it.

/// What becomes of an INVITE by the program, and by lists and limits.
mod decision;
/// Which INVITEs were seen before.
mod repeats;
/// What the breaker is told of a call.
mod attempt;
/// What signatures are worth.
mod verification;
/// What is refused for them.
mod refusal;
/// Held calls that wait for them.
mod waiting;
/// What a stopped call is told.
mod answer;

use std::{borrow::Cow, sync::Arc};

use ani_ebpf::{
    abi::{
        counter::{Counter, Kind, TABLE},
        list::{Action, NO_LIST},
    },
    scan::{AniHeader, MIN_MESSAGE_LEN},
};
use smallvec::SmallVec;

use self::{
    decision::{Facts, Taken},
    repeats::Repeats,
    verification::{Of, Verification},
    waiting::Waiting,
};
pub use self::{
    refusal::Time,
    verification::{Answer, Verifier, Whose},
};
use crate::{
    answer::{Answers, Entries},
    capture::{Frame, Hold, KernelView, Message, Reach, Transport, assembly::Assembly},
    config::{self, Config, Refuse},
    identity::{self, Identity, Passport, Reading},
    invite::{self, HeldAs, Invite},
    policy::{Enforce, Verdict, memory::Memory, names::Names},
    sip::{self, Fault, NameAddr},
    stir::{Judgement, results::Key},
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
    /// Held frames of what has turned out to be no INVITE.
    let_go: SmallVec<[Hold; 1]>,
    waiting: waiting::Queue,
    time: Option<Box<dyn Time>>,
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
                let_go: SmallVec::new(),
                waiting: waiting::Queue::default(),
                time: None,
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

    /// The same with somebody who knows whether the time is right; without him it is.
    #[must_use]
    pub fn timed_by(mut self, time: Box<dyn Time>) -> Self {
        self.analysis.time = Some(time);
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

    /// Held frames of what has turned out to be no INVITE since this was asked last: they go on.
    pub fn let_go(&mut self) -> SmallVec<[Hold; 1]> {
        std::mem::take(&mut self.analysis.let_go)
    }

    /// Held frames of calls that have begun to wait for their signatures since this was asked last.
    /// [`Pipeline::judged`] or [`Pipeline::late`] ends that.
    pub fn begun(&mut self) -> Vec<Hold> {
        self.analysis.waiting.begun()
    }

    /// Hands out what is known of the calls that waited for this, by the key of [`Whose`].
    pub fn judged(
        &mut self,
        key: Key,
        judgement: &Arc<Judgement>,
        each: &mut dyn FnMut(Invite<'_>),
    ) {
        for waiting in self.analysis.waiting.judged(key) {
            self.analysis.decided(&waiting, Some(Arc::clone(judgement)), each);
        }
    }

    /// The same of the call whose frame, of this number, can wait no longer.
    pub fn late(&mut self, number: u64, each: &mut dyn FnMut(Invite<'_>)) {
        if let Some(waiting) = self.analysis.waiting.late(number) {
            self.analysis.decided(&waiting, None, each);
        }
    }

    /// Gives up what has waited too long for its rest; to be called when no frames come. What is
    /// known of an INVITE with a hole is handed out.
    pub fn expire(&mut self, now: Timestamp, each: &mut dyn FnMut(Invite<'_>)) {
        let Self { assembly, analysis } = self;
        assembly.expire(now, &mut |message| analysis.hand_out(message, each));
    }

    /// Gives up all that is not whole, and all that waits: no more frames will come.
    pub fn finish(&mut self, each: &mut dyn FnMut(Invite<'_>)) {
        let Self { assembly, analysis } = self;
        assembly.finish(&mut |message| analysis.hand_out(message, each));
        for number in analysis.waiting.numbers() {
            self.late(number, each);
        }
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
            self.let_go.extend(message.kernel.and_then(|view| view.held));
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
            self.let_go.extend(message.kernel.and_then(|view| view.held));
            return None;
        };
        self.tallies.add(Tally::Invites);
        if message.cut {
            self.tallies.add(Tally::InvitesCut);
        }
        self.invite(message, parsed, None)
    }

    /// Goes on with a call that waited for its signature; none says that it is not known in time.
    fn decided(
        &mut self,
        waiting: &Waiting,
        judgement: Option<Arc<Judgement>>,
        each: &mut dyn FnMut(Invite<'_>),
    ) {
        let message = waiting.message.message();
        let mut taken = waiting.taken;
        if judgement.is_none() {
            taken.held = Some(HeldAs::Late);
        }
        let judgement = judgement.unwrap_or_else(|| Arc::clone(&waiting.judgement));
        // It could be read when it came.
        let parsed = sip::invite(message.bytes, message.cut);
        let invite =
            parsed.and_then(|parsed| self.invite(&message, parsed, Some((taken, judgement))));
        if let Some(invite) = invite {
            each(invite);
        }
    }

    /// What is known of an INVITE; none where it waits for its signature. `waited` is what was found
    /// out of one that did.
    fn invite<'a>(
        &'a mut self,
        message: &'a Message<'a>,
        mut parsed: sip::Invite<'a>,
        waited: Option<(Taken, Arc<Judgement>)>,
    ) -> Option<Invite<'a>> {
        parsed.faults.add_if(message.overlong, Fault::UdpLength);
        let seen = self.view(message);
        let config = Arc::clone(&self.config);
        let trunk = seen.trunk.and_then(|index| config.trunks.by_number(index));
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
        let to_tag = parsed.to.as_ref().and_then(NameAddr::tag);
        let refuse = trunk
            .map(|trunk| trunk.refuse)
            .filter(|refuse| !refuse.is_empty() && !self.goes_first(&parsed));
        let (mut taken, judged) = match waited {
            Some((taken, judgement)) => (taken, verification::known(judgement, &mut attestation)),
            None => {
                let mut taken = self.take(&seen, &facts, refuse.is_some_and(Refuse::is_in_force));
                let starts = !taken.retransmission && to_tag.is_none();
                let told = attempt::of(&taken.view, &identity, &attestation, &reading);
                let told = told.filter(|_| starts);
                let of = Of {
                    settings: &self.config.stir,
                    trunk: trunk.map(|trunk| trunk.name.as_str()),
                    identity: &identity,
                    reading: &reading,
                    starts,
                    attempt: told.filter(|told| told.may_be_signed).map(|told| told.call),
                    refuse,
                    now: message.arrived,
                };
                let judged = self.verification.judge(&parsed, &of, &mut attestation);
                taken.attempt =
                    told.and_then(|told| told.judged(judged.open, attestation.signature));
                (taken, judged)
            }
        };
        if self.waits(&mut taken, &facts, refuse, &judged) {
            return None;
        }
        let Taken { view, held, mut by, retransmission, attempt, refused, would_refuse, .. } =
            taken;
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
        let refusal = refused.map(|outcome| (outcome, judged.judgement.as_deref()));
        let given = answer::to(answers, &view, &by, refusal, &parsed, message, tallies);
        let (code, reply) = given.unzip();
        let text = |bytes: Option<&'a [u8]>| bytes.map(sip::lossy);
        let user = |name: &Option<NameAddr<'a>>| name.as_ref().and_then(|name| text(name.uri.user));
        let uris =
            |names: &[NameAddr<'a>]| names.iter().map(|name| sip::lossy(name.uri.raw)).collect();
        let named = seen.trunk.and_then(|index| self.config.trunks.by_number(index));
        let mut observed = self.names.observed(&by);
        observed.extend(would_refuse.and_then(|outcome| self.names.refusal(outcome)));
        Some(Invite {
            frame: message.frame,
            ts: message.arrived,
            src: message.src,
            dst: message.dst,
            transport: message.transport,
            reach: reach(message, view.trunk),
            vlan: message.vlan.as_slice().to_vec(),
            fragments: message.fragments,
            trunk: named.map(|trunk| Cow::Borrowed(trunk.name.as_str())),
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
            rule: match refused {
                Some(outcome) => self.names.refusal(outcome),
                None => self.names.rule(view.first_exit, &by),
            },
            observed,
            malformed: parsed.faults.words().collect(),
            habits: Habits::of(&parsed, identity.toll_free),
            attempt,
            reply: reply.map(Box::new),
        })
    }
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
