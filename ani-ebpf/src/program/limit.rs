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
        if is_over_limit(decision, reading, settings, limit) {
            return true;
        }
    }
    false
}

/// Spends a call of the budget of one limit; whether it is over it.
#[inline(always)]
fn is_over_limit(
    decision: &Decision,
    reading: &Reading,
    settings: &Settings,
    limit: &Limit,
) -> bool {
    let call = Spender {
        caller: reading.ani,
        called: reading.called,
        trunk: reading.trunk,
        attestation: reading.attestation,
    };
    if !bucket::applies(&call, limit, decision.rank() == Action::Gray as u8) {
        return false;
    }
    let hash = bucket::hash(&call, limit, &settings.bucket_keys);
    let index = bucket::set_of(hash, settings.buckets_mask);
    let Some(mut set) = maps::buckets(index) else {
        decision.contended();
        return false;
    };
    match bucket::spend(&mut set, hash, decision.now(), limit) {
        Spent::Within => {}
        Spent::Displacing => maps::count(Counter::BucketForgotten),
        Spent::Contended => decision.contended(),
        Spent::Over if limit.observed != 0 => decision.would_be_over(limit.id),
        Spent::Over => {
            decision.over(limit.id);
            return true;
        }
    }
    false
}
