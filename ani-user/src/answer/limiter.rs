//! How often answers are given: by the same arithmetic as the program's limits.

use std::{collections::HashMap, net::IpAddr};

use ani_ebpf::gcra;

use crate::{
    config::{self, Rate},
    time::Timestamp,
};

/// Sources that are remembered. A trunk has a few; one that is a large network has forged ones.
const MAX_SOURCES: usize = 4_096;

/// A budget for each source, and one for all of them.
pub(super) struct Limiter {
    per_source: Pace,
    overall: Pace,
    /// When each budget is whole again, nanoseconds.
    sources: HashMap<IpAddr, u64>,
    all: u64,
    /// When it was last looked which budgets are.
    swept_ns: u64,
}

/// A rate as the arithmetic has it.
#[derive(Clone, Copy)]
struct Pace {
    interval_ns: u64,
    tolerance_ns: u64,
}

impl Pace {
    fn of(rate: Rate) -> Self {
        let within = u64::try_from(rate.within.as_nanos()).unwrap_or(u64::MAX);
        // A rate that was read can be kept; none would be kept by silence.
        let (interval_ns, tolerance_ns) =
            gcra::parameters(rate.calls, within).unwrap_or((u64::MAX, 0));
        Self { interval_ns, tolerance_ns }
    }

    fn spend(self, tat_ns: u64, now_ns: u64) -> Option<u64> {
        gcra::arrive(tat_ns, now_ns, self.interval_ns, self.tolerance_ns)
    }
}

impl Limiter {
    pub(super) fn new(settings: &config::Answers) -> Self {
        Self {
            per_source: Pace::of(settings.per_source),
            overall: Pace::of(settings.overall),
            sources: HashMap::new(),
            all: 0,
            swept_ns: 0,
        }
    }

    pub(super) fn reconfigure(&mut self, settings: &config::Answers) {
        self.per_source = Pace::of(settings.per_source);
        self.overall = Pace::of(settings.overall);
    }

    /// Whether one more answer may go to a source; if so it is spent.
    pub(super) fn admits(&mut self, source: IpAddr, now: Timestamp) -> bool {
        let now_ns = u64::try_from(now.0).unwrap_or(0);
        let source = network(source);
        let known = self.sources.get(&source).copied();
        if known.is_none() && self.sources.len() >= MAX_SOURCES {
            self.sweep(now_ns);
            if self.sources.len() >= MAX_SOURCES {
                return false;
            }
        }
        let Some(own) = self.per_source.spend(known.unwrap_or(0), now_ns) else { return false };
        let Some(all) = self.overall.spend(self.all, now_ns) else { return false };
        self.sources.insert(source, own);
        self.all = all;
        true
    }

    /// Forgets whose budget is whole; looks once in a budget's interval, so that forged sources do not
    /// make it look each time.
    fn sweep(&mut self, now_ns: u64) {
        if now_ns.abs_diff(self.swept_ns) >= self.per_source.interval_ns {
            self.swept_ns = now_ns;
            self.sources.retain(|_, tat_ns| *tat_ns > now_ns);
        }
    }
}

/// Who has an IPv6 address has as many as 64 bits make.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn limiter(per_source: &str, overall: &str) -> Limiter {
        Limiter::new(&config::Answers {
            per_source: per_source.parse().expect(per_source),
            overall: overall.parse().expect(overall),
            ..config::Answers::default()
        })
    }

    const NOW: Timestamp = Timestamp::new(1_700_000_000, 0);

    fn admitted(limiter: &mut Limiter, source: &str, times: usize, now: Timestamp) -> usize {
        let source = source.parse().expect(source);
        (0..times).filter(|_| limiter.admits(source, now)).count()
    }

    #[test]
    fn each_source_has_a_budget_and_all_have_one() {
        let mut limiter = limiter("10 per 1s", "25 per 1s");
        assert_eq!(admitted(&mut limiter, "192.0.2.1", 2_000, NOW), 10);
        assert_eq!(admitted(&mut limiter, "192.0.2.2", 2_000, NOW), 10);
        assert_eq!(admitted(&mut limiter, "192.0.2.3", 2_000, NOW), 5, "of all");
        let later = NOW.after(Duration::from_secs(1));
        assert_eq!(admitted(&mut limiter, "192.0.2.1", 2_000, later), 10);
    }

    #[test]
    fn an_ipv6_network_of_64_bits_is_one_source() {
        let mut limiter = limiter("3 per 1s", "1000 per 1s");
        let from = |host| format!("2001:db8:1:2::{host}");
        let count: usize = (1..9).map(|host| admitted(&mut limiter, &from(host), 1, NOW)).sum();
        assert_eq!(count, 3);
        assert_eq!(admitted(&mut limiter, "2001:db8:1:3::1", 9, NOW), 3);
        assert_eq!(admitted(&mut limiter, "::ffff:192.0.2.1", 2, NOW), 2);
        assert_eq!(admitted(&mut limiter, "192.0.2.1", 2, NOW), 1);
    }

    #[test]
    fn a_full_table_refuses_until_somebody_has_his_budget_again() {
        let mut limiter = limiter("1 per 1s", "1000000 per 1s");
        let source = |at: usize| IpAddr::from((0x0a00_0000 + at as u32).to_be_bytes());
        for at in 0..MAX_SOURCES {
            assert!(limiter.admits(source(at), NOW));
        }
        assert!(!limiter.admits(source(MAX_SOURCES), NOW));
        assert_eq!(limiter.sources.len(), MAX_SOURCES);
        assert!(limiter.admits(source(MAX_SOURCES), NOW.after(Duration::from_secs(1))));
        assert_eq!(limiter.sources.len(), 1);
    }
}
