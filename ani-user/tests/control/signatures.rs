//! What signatures came to: in the status document, the metrics and what is known of a caller.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ani_user::{
    config,
    control::Verifies,
    invite::{Attestation, Invite},
    policy::Verdict,
    stir::{
        Judged, Judgement, Outcome,
        lists::{Report, Shown},
        pool::Load,
    },
    telemetry::Caller,
    time::Timestamp,
};
use serde_json::json;

use crate::{
    metrics,
    rig::{self, Rig},
};

/// What the threads and the cache would say.
struct Desk(AtomicU64);

impl Verifies for Desk {
    fn load(&self) -> Load {
        Load { queued: 3, waiting: 2, full: 7, repeated: 9 }
    }

    fn anchors(&self) -> usize {
        4
    }

    fn certificates(&self) -> Vec<(&'static str, u64)> {
        vec![("hits", 11), ("misses", 12)]
    }

    fn fetches(&self) -> Vec<(Outcome, u64)> {
        vec![(Outcome::FetchTimeout, 5)]
    }

    fn lists(&self) -> Option<Report> {
        let url = "https://crl.example/all.crl".to_owned();
        let (state, detail) = ("fetch-status", Some("HTTP status 404 Not Found".to_owned()));
        let list = Shown { url, state, detail, fetched: None, next_update: None };
        let fetches = [("current", 3), ("fetch-status", 1)].into();
        Some(Report { lists: vec![list], fetches, refused: 1, no_room: 2 })
    }

    fn reconfigure(&self, settings: &config::Stir) {
        self.0.store(settings.max_age.as_secs(), Ordering::SeqCst);
    }
}

const CALLER: &str = "+14155550001";

fn told(rig: &Rig, outcome: Outcome, iat: Option<i64>) {
    let judged = Judged {
        ppt: Some("shaken".into()),
        signer: Some("709J".into()),
        iat,
        ..Judged::of(outcome)
    };
    let judgement = Judgement {
        signer: Some("709J".into()),
        passports: vec![judged],
        ..Judgement::of(outcome)
    };
    let caller = Caller::from_text(CALLER);
    rig.daemon().telemetry.verified("carrier-a", &caller, rig.clock.time(), &judgement);
}

fn call(rig: &Rig, attestation: Attestation<'_>) {
    let now = rig.clock.time();
    let invite = Invite { attestation, ..rig::invite(CALLER, Verdict::Pass, now) };
    rig.daemon().telemetry.record(&invite);
}

#[test]
fn signatures_are_counted_by_outcome_trunk_caller_and_signer() {
    let rig = Rig::new(&crate::config("[stir]\nanchors = '/etc/ani/anchors'"));
    rig.daemon().verify_with(Arc::new(Desk(AtomicU64::new(0))));
    let signed = Attestation { signature: "unverified", ..Attestation::NONE };
    // Three whose verification ends later, one that ends at once, one without a signature.
    for _ in 0..3 {
        call(&rig, signed.clone());
    }
    call(&rig, Attestation { verification: Some(Outcome::PoolFull), ..signed });
    call(&rig, Attestation::NONE);
    let now = rig.clock.time().seconds();
    told(&rig, Outcome::Valid, Some(now - 2));
    told(&rig, Outcome::Valid, Some(now - 2));
    told(&rig, Outcome::Stale, Some(now - 400));

    let stir = &rig.json(&["status"])["stir"];
    let expected = json!({
        "verify": true, "anchors": 4,
        "outcomes": {"valid": 2, "stale": 1, "pool-full": 1},
        "clock_skew_s": 2.0, "clock_skew_samples": 2, "clock_wrong_s": null,
        "queued": 3, "waiting_for_certificate": 2, "pool_full": 7, "repeated": 9,
        "signers_tracked": 1, "signers_evicted": 0,
        "signers": [{"signer": "709J", "valid": 2, "invalid": 1, "unverified": 0}],
        "certificates": {"hits": 11, "misses": 12},
        "fetches": {"fetch-timeout": 5},
        "refused": {}, "would_refuse": {}, "clock_agreed": true,
        "crls": {
            "lists": [{
                "url": "https://crl.example/all.crl", "state": "fetch-status",
                "detail": "HTTP status 404 Not Found", "fetched": null, "next_update": null,
            }],
            "fetches": {"current": 3, "fetch-status": 1}, "refused": 1, "no_room": 2,
        },
    });
    assert_eq!(stir, &expected);

    let (_, text) = metrics::scrape(&rig, "GET", "/metrics");
    let samples = metrics::samples(&text);
    for (series, value) in [
        ("ani_verifications_total{class=\"passed\",outcome=\"valid\"}", 2.0),
        ("ani_verifications_total{class=\"failed\",outcome=\"stale\"}", 1.0),
        ("ani_verifications_total{class=\"unable\",outcome=\"pool-full\"}", 1.0),
        ("ani_signatures_total{trunk=\"carrier-a\",signature=\"valid\"}", 2.0),
        ("ani_signatures_total{trunk=\"carrier-a\",signature=\"absent\"}", 1.0),
        ("ani_clock_skew_seconds", 2.0),
        ("ani_crl_fetches_total{outcome=\"fetch-status\"}", 1.0),
        ("ani_verifications_queued", 3.0),
        ("ani_verifications_waiting", 2.0),
        ("ani_trust_anchors", 4.0),
        ("ani_verification_pool_full_total", 7.0),
        ("ani_verification_repeated_total", 9.0),
        ("ani_certificates_total{event=\"misses\"}", 12.0),
        ("ani_certificate_fetches_total{outcome=\"fetch-timeout\"}", 5.0),
        ("ani_signers_evicted_total", 0.0),
    ] {
        assert_eq!(samples.get(series), Some(&value), "{series}");
    }

    let text = rig.text(&["status"]);
    for line in [
        "signatures  valid 2, invalid 1, unverified 1; 4 trust anchors, 3 wait for a thread, 2 wait \
         for a certificate",
        "clock       +2.0 s against the signers",
        "crls        0 of 1 fetched are in force; for 2 more there is no room\n            \
         https://crl.example/all.crl is fetch-status: HTTP status 404 Not Found",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let stale = text.lines().find(|line| line.starts_with("stale")).expect("a row");
    assert!(stale.ends_with("the PASSporT is older than stir.max_age"), "{stale}");
    let text = rig.text(&["caller", CALLER]);
    for line in [
        "signature      valid 2, invalid 1, unverified 1, absent 1",
        "last signature stale: the PASSporT is older than stir.max_age",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn the_status_says_that_the_clock_is_wrong() {
    let rig = Rig::new(&crate::config("[stir]\nanchors = '/etc/ani/anchors'"));
    rig.daemon().verify_with(Arc::new(Desk(AtomicU64::new(0))));
    let now = rig.clock.time();
    for call in 0..20 {
        let judged = Judged {
            iat: Some(now.seconds() + 7_200 + call),
            but_for_time: Some((call % 3).to_string().into()),
            ..Judged::of(Outcome::Future)
        };
        let judgement = Judgement { passports: vec![judged], ..Judgement::of(Outcome::Future) };
        let at = Timestamp::new(now.seconds() + call, 0);
        rig.daemon().telemetry.verified("carrier-a", &Caller::Missing, at, &judgement);
    }
    assert_eq!(rig.json(&["status"])["stir"]["clock_wrong_s"], json!(-7_200.0));
    let text = rig.text(&["status"]);
    let line = "clock       WRONG by -7200 s: most calls are stale or future for that alone; set this \
                host's time";
    assert!(text.contains(line), "{text}");
}

#[test]
fn the_status_says_why_nothing_is_verified() {
    let mut rig = Rig::new(&crate::config(""));
    let text = rig.text(&["status"]);
    assert!(text.contains("signatures  not verified: no trust anchor, see stir.anchors"), "{text}");
    assert_eq!(rig.json(&["status"])["stir"]["clock_skew_s"], json!(null));
    let (_, text) = metrics::scrape(&rig, "GET", "/metrics");
    assert!(!text.contains("ani_clock_skew"), "nothing is known of the clock");
    rig.restart_with(&crate::config("[stir]\nverify = false"));
    let text = rig.text(&["status"]);
    assert!(text.contains("signatures  not verified: stir.verify is false"), "{text}");
}

#[test]
fn a_reload_takes_the_age_and_names_what_needs_a_restart() {
    let rig = Rig::new(&crate::config("[stir]\nanchors = '/a'"));
    let desk = Arc::new(Desk(AtomicU64::new(0)));
    rig.daemon().verify_with(Arc::clone(&desk) as _);
    let reload = |text: &str| {
        let mut config = (*rig.daemon().config()).clone();
        config.stir = config::Config::parse(text, "ani.toml").expect("a configuration").stir;
        let changes = rig.daemon().reload(config).expect("reload").changes;
        changes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        reload("[stir]\nanchors = '/a'\nmax_age = '5m'\nverify = false"),
        ["stir.verify: true -> false", "stir.max_age: 1m -> 5m"]
    );
    assert_eq!(desk.0.load(Ordering::SeqCst), 300);
    assert!(!rig.daemon().config().stir.verify);
    assert_eq!(
        reload("[stir]\nanchors = '/a'\nmax_age = '5m'\nverify = false\nqueue = 5"),
        ["stir.queue: 1024 -> 5 (needs a restart)"]
    );
}
