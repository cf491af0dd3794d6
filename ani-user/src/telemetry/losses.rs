//! What the daemon itself lost between the ring buffer and the counters: one table, from which the
//! status document and the metrics take their names.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! losses {
    ($($variant:ident, $name:literal, $help:literal;)+) => {
        /// A way to lose an INVITE, or a part of what is known of it, behind the kernel.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Loss {
            $(#[doc = $help] $variant,)+
        }

        /// Each loss with its name (`daemon.<name>` in the status document,
        /// `ani_daemon_<name>_total` as a metric) and help.
        pub const LOSSES: &[(Loss, &str, &str)] = &[$((Loss::$variant, $name, $help),)+];
    };
}

losses! {
    Record, "record_bad", "Ring buffer records the daemon could not read";
    Queue, "queue_full", "INVITEs not analysed because the worker was behind";
    Message, "message_bad", "Captured INVITEs that could not be parsed";
}

/// Counters of losses; any thread adds.
#[derive(Debug, Default)]
pub struct Losses([AtomicU64; LOSSES.len()]);

impl Losses {
    /// Counts one.
    pub fn add(&self, loss: Loss) {
        self.add_many(loss, 1);
    }

    /// Counts some.
    pub fn add_many(&self, loss: Loss, count: u64) {
        if let Some(counter) = self.0.get(loss as usize) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// How many there were.
    pub fn value(&self, loss: Loss) -> u64 {
        self.0.get(loss as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_stands_in_the_order_of_the_variants() {
        let losses = Losses::default();
        for (index, (loss, name, _)) in LOSSES.iter().enumerate() {
            assert_eq!(*loss as usize, index, "{name}");
            losses.add_many(*loss, index as u64);
            losses.add(*loss);
            assert_eq!(losses.value(*loss), index as u64 + 1);
        }
    }
}
