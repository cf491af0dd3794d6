//! Rate limits: one bucket per caller.

use ani_ebpf::{
    abi::{counter::Counter, limit::BucketKey, settings::Settings},
    bucket::{self, Rate, Spent},
};

use super::maps;

/// Spends one call of the budget behind `key`. `Err` is the way out of a call that may not go on
/// as usual: over the limit, or with no bucket to be had.
#[inline(always)]
pub(super) fn spend(key: &BucketKey, now_ns: u64, settings: &Settings) -> Result<(), Counter> {
    let hash = bucket::hash(key, &settings.bucket_keys);
    let index = bucket::set_of(hash, settings.buckets_mask);
    let mut set = maps::buckets(index).ok_or(Counter::PassLimitFull)?;
    let rate =
        Rate { interval_ns: settings.limit_interval_ns, tolerance_ns: settings.limit_tolerance_ns };
    match bucket::spend(&mut set, hash, now_ns, &rate) {
        Spent::Within => Ok(()),
        Spent::Displacing => {
            maps::count(Counter::BucketForgotten);
            Ok(())
        }
        Spent::Over => Err(Counter::DropLimited),
        Spent::Contended => Err(Counter::PassLimitFull),
    }
}
