//! What the cache counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::stir::Outcome;

macro_rules! counts {
    ($($name:ident, $about:literal;)*) => {
        /// What the cache counts, and how fetches ended.
        #[derive(Debug)]
        pub struct Counts {
            $(#[doc = $about] pub(super) $name: AtomicU64,)*
            fetches: [AtomicU64; Outcome::ALL.len()],
        }

        impl Counts {
            pub(super) const fn new() -> Self {
                Self {
                    $($name: AtomicU64::new(0),)*
                    fetches: [const { AtomicU64::new(0) }; Outcome::ALL.len()],
                }
            }

            /// Each with its word and what it counts.
            pub fn list(&self) -> Vec<(&'static str, u64, &'static str)> {
                vec![$((stringify!($name), self.$name.load(Ordering::Relaxed), $about),)*]
            }
        }
    };
}

counts! {
    hits, "certificates that were at hand";
    stale, "of these, those that were outdated and are fetched again";
    misses, "certificates that were not at hand and were asked for";
    coalesced, "certificates that were asked for already";
    negative, "URLs that are known to fail and were not tried again yet";
    refused, "URLs that are not asked: no https, another port, an address that is not public";
    over_budget, "fetches that were not made: too many of the host, in all, or waiting";
    evicted, "certificates that had to go for others";
    disk_errors, "certificates that could not be kept on the disk";
}

impl Counts {
    /// Fetches that ended, by outcome; `valid` are those that brought a certificate.
    pub fn fetches(&self) -> Vec<(Outcome, u64)> {
        let count = |outcome: &Outcome| self.fetch(*outcome).load(Ordering::Relaxed);
        Outcome::ALL.iter().map(|outcome| (*outcome, count(outcome))).collect()
    }

    pub(super) fn fetch(&self, outcome: Outcome) -> &AtomicU64 {
        // One for each outcome, as the array's length says.
        &self.fetches[outcome as usize]
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
