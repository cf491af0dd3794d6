//! Rate limits: a bucket for each who shares a budget.

use ani_ebpf::{
    abi::{
        counter::Counter,
        limit::{Limit, MAX_LIMITS, Spender},
        list::Action,
        settings::Settings,
    },
    bucket::{self, Spent},
};

use super::{decision::Decision, maps, reading::Reading};

/// Spends a call of the budget of each limit, up to the first that it is over; whether there is one.
#[inline(always)]
pub(super) fn is_over(decision: &Decision, reading: &Reading, settings: &Settings) -> bool {
    for limit in &settings.limits[..MAX_LIMITS] {
        if limit.id == 0 {
            break;
        }
        if spend(decision, reading, settings, limit) == OVER {
            return true;
        }
    }
    false
}

/// What [`spend`] returns of a call that is over the limit.
const OVER: u32 = 1;

/// A function of its own, like each phase of the scan: whatever came of it, the verifier goes on from
/// one state.
#[inline(never)]
fn spend(decision: &Decision, reading: &Reading, settings: &Settings, limit: &Limit) -> u32 {
    let call = Spender {
        caller: reading.ani,
        called: reading.called,
        trunk: reading.trunk,
        attestation: reading.attestation,
    };
    if !bucket::applies(&call, limit, decision.rank() == Action::Gray as u8) {
        return 0;
    }
    let hash = bucket::hash(&call, limit, &settings.bucket_keys);
    let index = bucket::set_of(hash, settings.buckets_mask);
    let Some(mut set) = maps::buckets(index) else {
        decision.contended();
        return 0;
    };
    match bucket::spend(&mut set, hash, decision.now(), limit) {
        Spent::Within => {}
        Spent::Displacing => maps::count(Counter::BucketForgotten),
        Spent::Contended => decision.contended(),
        Spent::Over if limit.observed != 0 => decision.would_be_over(limit.id),
        Spent::Over => {
            decision.over(limit.id);
            return OVER;
        }
    }
    0
}
