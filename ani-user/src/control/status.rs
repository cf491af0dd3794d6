//! The status document, and the names all counters go by, here and in the metrics.

use std::{cmp::Reverse, net::SocketAddr};

use ani_ebpf::abi::counter::{Counters, TABLE};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::{Daemon, Limit, Refusal};
use crate::{
    policy::{Enforce as _, Holding, Interface},
    telemetry::{By, Sizes, TALLIES, Tallies, TrunkFigures},
};

/// A counter by its stable name, with one sentence for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// `counters.<name>` in the status document, `ani_<name>_total` as a metric.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// How many.
    pub value: u64,
}

/// The sums an operator asks for first, then every counter of the XDP program.
pub fn counts(counters: &Counters) -> Vec<Count> {
    let sums = [
        ("sip", "UDP payloads that came to a SIP port", counters.sip()),
        ("invites", "INVITE requests, repeated ones too", counters.invites()),
        ("passed", "INVITE requests that went on to the SBC", counters.invites_passed()),
        ("dropped", "INVITE requests that ended at the NIC", counters.invites_dropped()),
    ];
    let sums = sums.into_iter().map(|(name, help, value)| Count { name, help, value });
    let rows = TABLE.iter().map(|row| Count {
        name: row.name,
        help: row.help,
        value: counters.value(row.counter),
    });
    // `packets` is the table's first row and stands first here too.
    let mut all: Vec<_> = rows.clone().take(1).collect();
    all.extend(sums);
    all.extend(rows.skip(1));
    all
}

/// What the daemon itself counts, in the same form; `daemon.<name>`, `ani_daemon_<name>_total`.
pub(super) fn daemon_counts(tallies: &Tallies, sizes: &Sizes) -> Vec<Count> {
    let mut counts: Vec<_> = TALLIES
        .iter()
        .map(|row| Count { name: row.name, help: row.help, value: tallies.value(row.tally) })
        .collect();
    counts.push(Count {
        name: "callers_evicted",
        help: "Callers whose counters gave way to others",
        value: sizes.callers_evicted,
    });
    counts.push(Count {
        name: "trunks_overflowed",
        help: "INVITEs counted under no trunk because too many had counters",
        value: sizes.trunks_overflowed,
    });
    counts
}

/// `GET /v1/status`
#[derive(Serialize)]
pub(super) struct Status {
    version: &'static str,
    uptime_s: u64,
    interfaces: Vec<Interface>,
    hep: Option<SocketAddr>,
    holding: Holding,
    #[serde(serialize_with = "by_name")]
    counters: Vec<Count>,
    daemon: DaemonStatus,
    limits: Value,
    block_list: Value,
    breaker: Value,
    stir: Value,
    trunks: Vec<Trunk>,
}

#[derive(Serialize)]
struct DaemonStatus {
    callers_tracked: usize,
    max_callers: usize,
    #[serde(flatten, serialize_with = "by_name")]
    counts: Vec<Count>,
}

#[derive(Serialize)]
pub(super) struct Trunk {
    name: String,
    #[serde(flatten)]
    figures: TrunkFigures,
}

impl Daemon {
    /// The whole status.
    pub(super) fn status(&self) -> Result<Status, Refusal> {
        let counters = self
            .enforce
            .counters()
            .map_err(|error| Refusal::failed(format!("the kernel's counters: {error:#}")))?;
        let sizes = self.telemetry.sizes();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: self.clock.uptime().as_secs(),
            interfaces: self.enforce.interfaces(),
            hep: self.hep,
            holding: self.enforce.holding(),
            counters: counts(&counters),
            daemon: DaemonStatus {
                callers_tracked: sizes.callers,
                max_callers: sizes.max_callers,
                counts: daemon_counts(&self.tallies, &sizes),
            },
            limits: limits(self.limit()?),
            block_list: json!({
                "entries": self.store.entries(super::entries::BLOCK),
                "max_entries": self.max_entries,
            }),
            breaker: self.breaker_status(),
            stir: self.verifications(),
            trunks: self.trunks(),
        })
    }

    /// The `count` trunks with the most, the one with the most first.
    pub(super) fn top_trunks(&self, count: usize, by: By) -> Vec<Trunk> {
        let mut trunks = self.trunks();
        trunks.sort_by_key(|trunk| Reverse(trunk.figures.by(by)));
        trunks.truncate(count);
        trunks
    }

    /// The configured trunks in their order, then others that were seen.
    fn trunks(&self) -> Vec<Trunk> {
        let config = self.config();
        let mut seen = self.telemetry.trunks();
        let mut trunks: Vec<_> = config
            .trunks
            .iter()
            .map(|trunk| {
                let at = seen.iter().position(|(name, _)| *name == trunk.name);
                let figures = at.map(|at| seen.remove(at).1).unwrap_or_default();
                Trunk { name: trunk.name.clone(), figures }
            })
            .collect();
        trunks.extend(seen.into_iter().map(|(name, figures)| Trunk { name, figures }));
        trunks
    }
}

/// `GET /v1/limits`, and `limits` of the status.
pub(super) fn limits(limit: Limit) -> Value {
    json!({
        "per_caller": limit
            .rate
            .map(|rate| json!({ "calls": rate.calls, "within": rate.within_text() })),
        "set_by": if limit.by_operator { "command" } else { "configuration" },
    })
}

fn by_name<S: Serializer>(counts: &[Count], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(counts.len()))?;
    for count in counts {
        map.serialize_entry(count.name, &count.value)?;
    }
    map.end()
}
