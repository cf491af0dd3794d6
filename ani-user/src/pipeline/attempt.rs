//! What the breaker is told of a call: first INVITEs of call attempts that the kernel has decided.

use ani_ebpf::abi::counter::Counter;

use crate::{
    capture::KernelView,
    identity::{self, Identity, Reading, profile::GENERIC},
    invite::Attestation,
    policy::breaker::{Call, Outcome, Stopper},
};

/// The highest attestation (RFC 8588 §4): the signer knows the caller and that the number is his.
const FULL: &str = "A";

/// A call, and what may yet be known of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// As far as it is known without looking at signatures.
    pub(super) call: Call,
    /// Whether the caller is vouched for where the signatures hold.
    pub(super) may_be_signed: bool,
}

impl Told {
    /// With what the signatures came to; `open` says that this is not known yet, and then whoever
    /// looks at them tells it.
    pub(super) fn judged(self, open: bool, signature: &str) -> Option<Call> {
        let Self { mut call, may_be_signed } = self;
        if may_be_signed && open {
            return None;
        }
        call.vouched |= may_be_signed && signature == "valid";
        Some(call)
    }
}

/// Of what the kernel made of an INVITE; none where it did not decide, had decided before, or lists
/// and limits are not asked.
pub(super) fn of(
    view: &KernelView,
    identity: &Identity<'_>,
    attestation: &Attestation<'_>,
    reading: &Reading<'_>,
) -> Option<Told> {
    let outcome = match view.exit {
        Counter::Pass
        | Counter::PassAllowed
        | Counter::PassGray
        | Counter::PassNoAni
        | Counter::PassLimitFull => Outcome::Passed,
        Counter::DropBlocked => stopped(Stopper::List(view.by.list), view.by.ranged),
        Counter::DropLimited => stopped(Stopper::Limit(view.by.limit), false),
        _ => return None,
    };
    if view.ani.is_none() {
        return None;
    }
    // Who is vouched for is the full parser's caller: he must be the one the kernel has looked up.
    let full = attestation.level == FULL && view.ani == identity.number;
    let by_carrier = |told: &identity::Told<'_>| {
        told.by == "carrier" && told.believed && told.level == Some(FULL)
    };
    // The generic profile takes words of which nobody has said that the carrier takes them off what his
    // customers send: a flood could vouch for itself.
    let is_known = reading.profile.name != GENERIC;
    let vouched = full && is_known && attestation.told.iter().any(by_carrier);
    let call = Call { trunk: view.trunk?, caller: view.ani, vouched, outcome };
    Some(Told { call, may_be_signed: full && !vouched })
}

fn stopped(by: Stopper, ranged: bool) -> Outcome {
    Outcome::Stopped { by, watched: by.is_watched(ranged) }
}

#[cfg(test)]
mod tests;
