//! Rate limits: one bucket per caller.

use ani_ebpf::{
    abi::{counter::Counter, limit::BucketKey, settings::Settings},
    gcra,
};

use super::maps;

/// How often a bucket that another CPU changed meanwhile is read again.
const MAX_ATTEMPTS: usize = 8;

/// Spends one call of the budget behind `key`. `Err` is the way out of a call that may not go on
/// as usual: over the limit, or with no bucket to be had.
#[inline(always)]
pub(super) fn spend(key: &BucketKey, now_ns: u64, settings: &Settings) -> Result<(), Counter> {
    let interval = settings.limit_interval_ns;
    if maps::bucket(key).is_none() {
        match maps::new_bucket(key, now_ns.saturating_add(interval)) {
            Ok(()) => return Ok(()),
            // Made by another CPU meanwhile, or no memory: the look-up tells.
            Err(_) => {}
        }
    }
    let bucket = maps::bucket(key).ok_or(Counter::PassLimitFull)?;
    let mut tat = bucket.read();
    for _ in 0..MAX_ATTEMPTS {
        let Some(next) = gcra::arrive(tat, now_ns, interval, settings.limit_tolerance_ns) else {
            return Err(Counter::DropLimited);
        };
        match bucket.replace(tat, next) {
            Ok(()) => return Ok(()),
            Err(changed) => tat = changed,
        }
    }
    Err(Counter::PassLimitFull)
}
