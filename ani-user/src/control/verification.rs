//! What signatures came to: a part of the status document, and metrics.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
    },
    registry::{Registry, Unit},
};
use serde_json::{Map, Value, json};

use super::Daemon;
use crate::telemetry::{SIGNATURES, spoken::Did};

/// Signers in the status document, those with the most calls.
const SIGNERS: usize = 20;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcomes {
    class: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Signed {
    trunk: String,
    signature: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Fetched {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Event {
    event: &'static str,
}

impl Daemon {
    /// For what calls were refused, or would have been, and how often.
    fn refusals(&self, did: Did) -> Map<String, Value> {
        let all = self.tallies.spoken.refusals(did);
        all.map(|(outcome, count)| (outcome.as_str().to_owned(), json!(count))).collect()
    }

    /// `stir` of the status document.
    pub(super) fn verifications(&self) -> Value {
        let config = self.config();
        let all = self.telemetry.verifications(SIGNERS);
        let outcomes: Map<_, _> = all
            .outcomes
            .iter()
            .map(|(outcome, count)| (outcome.as_str().to_owned(), json!(count)))
            .collect();
        let signers: Vec<_> = all
            .signers
            .iter()
            .map(|(name, signer)| {
                json!({
                    "signer": &**name,
                    "valid": signer.valid,
                    "invalid": signer.invalid,
                    "unverified": signer.unverified,
                })
            })
            .collect();
        let verifies = self.verifies.get();
        let load = verifies.map(|verifies| verifies.load()).unwrap_or_default();
        let certificates: Map<_, _> = verifies
            .map(|verifies| verifies.certificates())
            .unwrap_or_default()
            .into_iter()
            .map(|(word, count)| (word.to_owned(), json!(count)))
            .collect();
        let fetches: Map<_, _> = verifies
            .map(|verifies| verifies.fetches())
            .unwrap_or_default()
            .into_iter()
            .map(|(outcome, count)| (outcome.as_str().to_owned(), json!(count)))
            .collect();
        json!({
            "verify": config.stir.verify,
            "anchors": verifies.map_or(0, |verifies| verifies.anchors()),
            "outcomes": outcomes,
            "clock_skew_s": all.skew.map(|(seconds, _)| seconds),
            "clock_skew_samples": all.skew.map_or(0, |(_, samples)| samples),
            "clock_wrong_s": all.wrong_clock,
            "queued": load.queued,
            "waiting_for_certificate": load.waiting,
            "pool_full": load.full,
            "repeated": load.repeated,
            "signers_tracked": all.signers_tracked,
            "signers_evicted": all.signers_evicted,
            "signers": signers,
            "certificates": certificates,
            "fetches": fetches,
            "refused": self.refusals(Did::Decided),
            "would_refuse": self.refusals(Did::WouldHave),
            "clock_agreed": self.telemetry.clock_is_right(),
            "crls": verifies.and_then(|verifies| verifies.lists()),
        })
    }

    pub(super) fn register_verifications(&self, registry: &mut Registry) {
        let all = self.telemetry.verifications(0);
        let outcomes = Family::<Outcomes, Counter>::default();
        for (outcome, count) in all.outcomes {
            let class = outcome.class().as_str();
            let labels = Outcomes { class, outcome: outcome.as_str() };
            outcomes.get_or_create(&labels).inc_by(count);
        }
        registry.register(
            "ani_verifications",
            "Calls with an Identity header, by what came of verifying it",
            outcomes,
        );
        let signatures = Family::<Signed, Counter>::default();
        for (trunk, figures) in self.telemetry.trunks() {
            for (signature, count) in SIGNATURES.into_iter().zip(figures.signature) {
                let labels = Signed { trunk: trunk.clone(), signature };
                signatures.get_or_create(&labels).inc_by(count);
            }
        }
        registry.register(
            "ani_signatures",
            "Calls by trunk (- for none) and what their signature is worth",
            signatures,
        );
        // Without a valid call nothing is known of the clock, and zero would say that it is right.
        if let Some((seconds, _)) = all.skew {
            registry.register_with_unit(
                "ani_clock_skew",
                "Median of arrival minus iat over the last valid calls; positive when this host's \
                 clock is ahead of the signers'",
                Unit::Seconds,
                ConstGauge::new(seconds),
            );
        }
        registry.register(
            "ani_signers_evicted",
            "Signers whose counters gave way to others",
            ConstCounter::new(all.signers_evicted),
        );
        let Some(verifies) = self.verifies.get() else { return };
        let load = verifies.load();
        for (name, help, value) in [
            ("ani_verifications_queued", "Calls that wait to be verified", load.queued),
            ("ani_verifications_waiting", "Calls that wait for a certificate", load.waiting),
            ("ani_trust_anchors", "Trust anchors in force", verifies.anchors()),
        ] {
            registry.register(
                name,
                help,
                ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)),
            );
        }
        for (name, help, value) in [
            (
                "ani_verification_pool_full",
                "Calls that were not verified because too many waited",
                load.full,
            ),
            (
                "ani_verification_repeated",
                "INVITEs whose call was verified before, or was being",
                load.repeated,
            ),
        ] {
            registry.register(name, help, ConstCounter::new(value));
        }
        let events = Family::<Event, Counter>::default();
        for (event, count) in verifies.certificates() {
            events.get_or_create(&Event { event }).inc_by(count);
        }
        registry.register(
            "ani_certificates",
            "What was counted of certificates that were looked for",
            events,
        );
        let fetches = Family::<Fetched, Counter>::default();
        for (outcome, count) in verifies.fetches() {
            fetches.get_or_create(&Fetched { outcome: outcome.as_str() }).inc_by(count);
        }
        registry.register(
            "ani_certificate_fetches",
            "Fetches of certificates, by how they ended; valid are those that brought one",
            fetches,
        );
        let Some(lists) = verifies.lists() else { return };
        let fetches = Family::<Fetched, Counter>::default();
        for (outcome, count) in lists.fetches {
            fetches.get_or_create(&Fetched { outcome }).inc_by(count);
        }
        registry.register(
            "ani_crl_fetches",
            "Fetches of revocation lists, by how they ended; current are those that brought one",
            fetches,
        );
    }
}
