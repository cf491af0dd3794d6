//! Frame in, facts out: datagram, message, caller, verdict. Knows all stages, does no I/O and reads
//! no clock. One thread calls it.

/// Which INVITEs were seen before.
mod repeats;

use std::sync::Arc;

use ani_ebpf::{
    abi::counter::{Counter, Kind, TABLE},
    scan::MIN_MESSAGE_LEN,
};

use self::repeats::Repeats;
use crate::{
    capture::{
        Frame, KernelView,
        datagram::{self, Datagram, Skipped},
    },
    config::Config,
    identity::{self, Profile},
    invite::{self, Invite},
    policy::{Verdict, memory::Memory},
    sip::{self, Fault, NameAddr},
};

/// What became of the frames: `frames` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Stats {
    /// Frames that came in.
    pub frames: u64,
    /// INVITE requests.
    pub invites: u64,
    /// UDP, but no INVITE request.
    pub not_invite: u64,
    /// Too short for a request line.
    pub keepalives: u64,
    /// IP fragments, which are not put together.
    pub fragments: u64,
    /// TCP segments, which are not followed.
    pub tcp: u64,
    /// Other transports.
    pub other_transport: u64,
    /// Neither IPv4 nor IPv6.
    pub not_ip: u64,
    /// A header that is cut off or contradicts itself.
    pub damaged: u64,
}

/// The way from a frame to what is known of an INVITE.
pub struct Pipeline {
    config: Arc<Config>,
    rules: Arc<Memory>,
    repeats: Repeats,
    stats: Stats,
}

impl Pipeline {
    /// `rules` decide the frames that no kernel program has decided.
    pub fn new(config: Arc<Config>, rules: Arc<Memory>) -> Self {
        Self { config, rules, repeats: Repeats::new(), stats: Stats::default() }
    }

    /// Takes another configuration from the next frame on.
    pub fn reconfigure(&mut self, config: Arc<Config>, rules: Arc<Memory>) {
        self.config = config;
        self.rules = rules;
    }

    /// What became of the frames so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// What is known of the INVITE in a frame; none when there is none in it.
    pub fn frame(&mut self, frame: &Frame<'_>) -> Option<Invite> {
        self.stats.frames += 1;
        let datagram = match datagram::read(frame) {
            Ok(datagram) => datagram,
            Err(skipped) => {
                *match skipped {
                    Skipped::Damaged => &mut self.stats.damaged,
                    Skipped::Fragment => &mut self.stats.fragments,
                    Skipped::NotIp => &mut self.stats.not_ip,
                    Skipped::OtherTransport => &mut self.stats.other_transport,
                    Skipped::Tcp => &mut self.stats.tcp,
                } += 1;
                return None;
            }
        };
        if datagram.payload.len() < MIN_MESSAGE_LEN as usize {
            self.stats.keepalives += 1;
            return None;
        }
        let message = if sip::may_be_invite(datagram.payload) {
            sip::invite(datagram.payload, datagram.cut)
        } else {
            None
        };
        let Some(message) = message else {
            self.stats.not_invite += 1;
            return None;
        };
        self.stats.invites += 1;
        Some(self.invite(frame, &datagram, message))
    }

    fn invite(
        &mut self,
        frame: &Frame<'_>,
        datagram: &Datagram<'_>,
        mut message: sip::Invite<'_>,
    ) -> Invite {
        message.faults.add_if(datagram.overlong, Fault::UdpLength);
        let view = match frame.kernel {
            Some(view) => view,
            None => self.decided(frame, datagram),
        };
        let trunk = view.trunk.and_then(|index| self.config.trunks.get(usize::from(index)));
        let profile = trunk.map_or(Profile::UNTRUSTED, |trunk| Profile {
            order: &trunk.ani,
            dial_plan: trunk.dial_plan,
            trusted: true,
        });
        let identity = identity::identify(&message, &profile);
        let retransmission = self.repeats.seen(&message);
        let text = |bytes: Option<&[u8]>| bytes.map(sip::lossy);
        let user = |name: &Option<NameAddr<'_>>| name.as_ref().and_then(|name| text(name.uri.user));
        let uris =
            |names: &[NameAddr<'_>]| names.iter().map(|name| sip::lossy(name.uri.raw)).collect();
        Invite {
            frame: frame.number,
            ts: frame.arrived,
            src: datagram.src,
            dst: datagram.dst,
            transport: datagram.transport,
            vlan: datagram.vlan.as_slice().to_vec(),
            fragments: 1,
            trunk: trunk.map(|trunk| trunk.name.clone()),
            call_id: text(message.call_id),
            cseq: message.cseq,
            from_tag: text(message.from.as_ref().and_then(NameAddr::tag)),
            to_tag: text(message.to.as_ref().and_then(NameAddr::tag)),
            retransmission,
            request_uri: sip::lossy(message.request_uri),
            request_user: text(message.request.user),
            from_user: user(&message.from),
            from_display: message.from.as_ref().and_then(sip::display),
            to_user: user(&message.to),
            p_asserted_identity: uris(&message.p_asserted_identity),
            remote_party_id: uris(&message.remote_party_id),
            p_charge_info: message.p_charge_info.as_ref().map(|name| sip::lossy(name.uri.raw)),
            diversion: uris(&message.diversion),
            privacy: message.privacy.iter().map(|word| sip::lossy(word)).collect(),
            ani: identity.ani,
            ani_source: identity.source.map(ani_ebpf::scan::AniHeader::as_str),
            ani_status: identity.status,
            caller_id: identity.caller_id,
            caller_id_matches: identity.caller_id_matches,
            dnis: identity.dnis,
            attestation: identity::attestation(&message, profile.trusted),
            kernel: kernel(&view),
            verdict: verdict(view.exit),
            answer: None,
            rule: rule(view.exit),
            malformed: message.faults.words().collect(),
        }
    }

    /// What the kernel program would have made of it.
    fn decided(&self, frame: &Frame<'_>, datagram: &Datagram<'_>) -> KernelView {
        let undecided = |exit| KernelView {
            exit,
            not_plain: None,
            ani: ani_ebpf::abi::number::Number::NONE,
            ani_header: None,
            attestation: ani_ebpf::scan::Attestation::None,
            trunk: self.rules.trunk_of(datagram.src.ip()),
        };
        if datagram.overlong {
            return undecided(Counter::Truncated);
        }
        self.rules
            .decide(frame.arrived, datagram.src.ip(), datagram.payload)
            .unwrap_or_else(|| undecided(Counter::NotInvite))
    }
}

fn kernel(view: &KernelView) -> invite::Kernel {
    let recognised = view.exit as u32 >= Counter::PassUntrusted as u32;
    invite::Kernel {
        plain: recognised && view.trunk.is_some() && view.not_plain.is_none(),
        not_plain: view.not_plain.map(ani_ebpf::scan::NotPlain::as_str),
        ani: (!view.ani.is_none()).then(|| format!("+{}", view.ani)),
        attestation: view.attestation.as_str(),
    }
}

fn verdict(exit: Counter) -> Verdict {
    match TABLE.get(exit as usize).map(|row| row.kind) {
        Some(Kind::Dropped) => Verdict::Drop,
        _ => Verdict::Pass,
    }
}

/// The rule behind a way out; none where nothing spoke for or against the call.
fn rule(exit: Counter) -> Option<&'static str> {
    match exit {
        Counter::DropBlocked => Some("block-list"),
        Counter::DropLimited => Some("limits.per-caller"),
        Counter::PassInDialog => Some("in-dialog"),
        Counter::PassPriority => Some("priority"),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
