//! What verifies signatures in the daemon: anchors, certificates, the threads, and who is told what
//! came of a call.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use anyhow::{Context as _, Result};
use tokio::task::JoinHandle;

use super::judged::Teller;
use crate::{
    capture::clock::Clock,
    config::{self, Refuse},
    control::{Daemon, Verifies, Watch as Breaker},
    pipeline::{self, Verifier},
    policy::breaker::Call as Attempt,
    stir::{
        Call, Judgement, Outcome,
        bench::{self, Bench},
        cache::{self, Cache},
        lists::{self, Lists},
        pool::{Judge, Load, Pool},
        results::Key,
        skew,
        trust::Watch,
        wrong_clock,
    },
    telemetry::{Caller, Telemetry, spoken::Did},
    time::Timestamp,
};

/// Where certificates are kept, below `store.path`.
const FOLDER: &str = "certificates";

/// How often a folder that cannot be read is told of again.
const AGAIN: Duration = Duration::from_secs(3_600);

/// All of it; ended by [`Stir::end`].
pub(super) struct Stir {
    shared: Arc<Shared>,
    fetching: Vec<JoinHandle<()>>,
}

struct Shared {
    bench: Arc<Bench>,
    pool: Arc<Pool<Whose>>,
    watch: Mutex<Watched>,
    /// Revocation lists, where they are fetched.
    lists: Option<Arc<Lists>>,
    anchors: PathBuf,
}

struct Watched {
    watch: Watch,
    /// The last complaint and when it was made.
    told: Option<(String, Timestamp)>,
}

/// Whose call it is, while it is verified.
struct Whose {
    trunk: Box<str>,
    caller: Caller,
    counts: bool,
    attempt: Option<Attempt>,
    /// By what the worker is told.
    key: Option<Key>,
    /// What would have it refused.
    refuse: Option<Refuse>,
}

impl Stir {
    /// Starts what the configuration says; none where it names no anchors.
    ///
    /// # Errors
    ///
    /// When certificates or revocation lists cannot be kept, `stir.roots` cannot be read, or the system
    /// refuses a thread.
    pub(super) fn start(daemon: &Daemon, clock: Clock, worker: Teller) -> Result<Option<Self>> {
        let config = daemon.config();
        let settings = &config.stir;
        let Some(anchors) = settings.anchors.clone() else { return Ok(None) };
        let lists = open_lists(&config, clock)?;
        let watch = Watch::new(Some(&anchors), settings.crls.as_deref(), lists.clone());
        let trust = Arc::clone(watch.trust());
        let reader = bench::reader(Arc::clone(&trust), lists.clone());
        let (cache, requests) =
            Cache::new(cache_settings(&config), reader, clock.now()).context("[stir]")?;
        let bench = Arc::new(Bench::new(Arc::clone(&cache), &trust, settings.max_age));
        let judges = (0..settings.threads)
            .map(|_| Box::new(Thread { bench: Arc::clone(&bench), clock }) as Box<dyn Judge>)
            .collect();
        let telemetry = Arc::clone(&daemon.telemetry);
        let breaker = Arc::clone(&daemon.breaker);
        let tallies = Arc::clone(&daemon.tallies);
        let pool = Pool::start(
            judges,
            settings.queue,
            Box::new(move |whose, arrived, judgement| {
                completed(&telemetry, &whose, arrived, judgement);
                vouch(&breaker, &whose, judgement, clock.now());
                let outcome = judgement.outcome;
                if whose.counts && whose.refuse.is_some_and(|refuse| refuse.is_for(outcome)) {
                    tallies.spoken.refusal(outcome, Did::WouldHave);
                }
                if let Some(key) = whose.key {
                    worker.tell(key, judgement);
                }
            }),
        )
        .context("cannot start a thread that verifies")?;
        let pool = Arc::new(pool);
        let waiting = Arc::downgrade(&pool);
        cache.on_arrival(move |url, _| {
            if let Some(pool) = Weak::upgrade(&waiting) {
                pool.arrived(url);
            }
        });
        let mut fetching = Vec::new();
        if let Some(requests) = requests {
            if let Some(lists) = lists.clone() {
                let (fetcher, cache) = (requests.fetcher(), Arc::clone(&cache));
                let permits = move |url: &_, now| cache.permits(url, now);
                fetching.push(tokio::spawn(lists.serve(fetcher, permits, move || clock.now())));
            }
            fetching.push(tokio::spawn(requests.serve(cache, move || clock.now())));
        }
        let watch = Mutex::new(Watched { watch, told: None });
        let shared = Arc::new(Shared { bench, pool, watch, lists, anchors });
        shared.tell_of_trust(&trust);
        daemon.verify_with(Arc::clone(&shared) as _);
        daemon.show_certificates(Arc::clone(shared.bench.cache()));
        Ok(Some(Self { shared, fetching }))
    }

    /// What the pipeline asks.
    pub(super) fn verifier(&self) -> Box<dyn Verifier> {
        Box::new(Live(Arc::clone(&self.shared.pool)))
    }

    /// Looks at what is to be looked at now and then. Blocks while it reads the folders.
    pub(super) fn tick(&self, telemetry: &Telemetry, now: Timestamp) {
        self.shared.pool.expire(now);
        self.shared.look(now);
        tell_of_clock(telemetry, now);
    }

    /// Fetches nothing more; what was taken is ended without waiting for certificates.
    pub(super) fn end(&self) {
        for fetching in &self.fetching {
            fetching.abort();
        }
        self.shared.pool.stop();
    }
}

impl Shared {
    /// Takes anchors and revocation lists that have changed.
    fn look(&self, now: Timestamp) {
        let mut watched = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        match watched.watch.poll() {
            Ok(None) => watched.told = None,
            Ok(Some(trust)) => {
                watched.told = None;
                drop(watched);
                self.bench.trust(Arc::clone(&trust), self.lists.clone());
                tracing::info!(
                    "in force are {} trust anchors and {} revocation lists",
                    trust.anchors.len(),
                    trust.crls.len()
                );
                self.tell_of_trust(&trust);
            }
            Err(warning) => {
                let warning = warning.to_string();
                let known = watched.told.as_ref().is_some_and(|(told, at)| {
                    *told == warning && now.0.saturating_sub(at.0) < AGAIN.as_nanos() as i64
                });
                if !known {
                    tracing::warn!("the trust anchors stay as they were: {warning}");
                    watched.told = Some((warning, now));
                }
            }
        }
    }

    fn tell_of_trust(&self, trust: &crate::stir::Trust) {
        for warning in trust.warnings() {
            tracing::warn!("{warning}");
        }
        if trust.anchors.is_empty() {
            tracing::warn!(
                "no signature is verified: there is no trust anchor in {}; put the certificates of \
                 the STI-PA's list there",
                self.anchors.display()
            );
        }
    }
}

impl Verifies for Shared {
    fn load(&self) -> Load {
        self.pool.load()
    }

    fn anchors(&self) -> usize {
        self.bench.anchors()
    }

    fn certificates(&self) -> Vec<(&'static str, u64)> {
        let counts = self.bench.cache().counts();
        counts.list().into_iter().map(|(word, count, _)| (word, count)).collect()
    }

    fn fetches(&self) -> Vec<(Outcome, u64)> {
        let mut fetches = self.bench.cache().counts().fetches();
        fetches.retain(|(_, count)| *count > 0);
        fetches
    }

    fn lists(&self) -> Option<lists::Report> {
        self.lists.as_ref().map(|lists| lists.report())
    }

    fn reconfigure(&self, settings: &config::Stir) {
        self.bench.set_max_age(settings.max_age);
    }
}

/// One of the threads.
struct Thread {
    bench: Arc<Bench>,
    clock: Clock,
}

impl Judge for Thread {
    fn judge(&mut self, call: &Call<'_>) -> Judgement {
        self.bench.judge(call, self.clock.now())
    }
}

/// Asks the threads.
struct Live(Arc<Pool<Whose>>);

impl Verifier for Live {
    fn verify(&mut self, call: &Call<'_>, whose: &pipeline::Whose<'_>) -> pipeline::Answer {
        let answer = self.0.ask(call, || Whose {
            trunk: whose.trunk.into(),
            caller: Caller::new(whose.ani, whose.status),
            counts: whose.starts,
            attempt: whose.attempt,
            key: whose.key,
            refuse: whose.refuse,
        });
        // What was refused is told by nobody else.
        pipeline::Answer { judgement: answer.judgement, counts: answer.refused }
    }
}

fn completed(telemetry: &Telemetry, whose: &Whose, arrived: Timestamp, judgement: &Judgement) {
    if whose.counts {
        telemetry.verified(&whose.trunk, &whose.caller, arrived, judgement);
    }
    tracing::debug!(
        trunk = &*whose.trunk,
        outcome = judgement.outcome.as_str(),
        signer = judgement.signer.as_deref(),
        "verified"
    );
}

/// Tells the breaker of a call that waited for this: from now on its caller is vouched for, or not.
fn vouch(breaker: &Breaker, whose: &Whose, judgement: &Judgement, now: Timestamp) {
    if let Some(attempt) = whose.attempt {
        let vouched = attempt.vouched || judgement.outcome == Outcome::Valid;
        breaker.saw(&Attempt { vouched, ..attempt }, now);
    }
}

/// Lists that are fetched, with those that are at hand; none where they are not.
fn open_lists(config: &config::Config, clock: Clock) -> Result<Option<Arc<Lists>>> {
    if !(config.stir.fetch && config.stir.fetch_crls) {
        return Ok(None);
    }
    let folder = config.store.path.join(lists::FOLDER);
    let lists = Lists::open(&folder, clock.now())
        .with_context(|| format!("[stir]: cannot keep revocation lists in {}", folder.display()))?;
    Ok(Some(Arc::new(lists)))
}

fn cache_settings(config: &config::Config) -> cache::Settings {
    let stir = &config.stir;
    cache::Settings {
        fetch: stir.fetch,
        roots: stir.roots.clone(),
        allow: stir.allow_addresses.clone(),
        local: stir.local.clone(),
        folder: Some(config.store.path.join(FOLDER)),
        max_certificates: stir.max_certificates,
    }
}

fn tell_of_clock(telemetry: &Telemetry, now: Timestamp) {
    let (skew, wrong) = telemetry.clock_notices(now);
    match skew {
        Some(skew::Notice::Off(seconds)) => tracing::warn!(
            "the clock is {:.1} s {} those of the signers: valid calls will fail as stale or future \
             when it is stir.max_age; check this host's time",
            seconds.abs(),
            way(seconds),
        ),
        Some(skew::Notice::Back(seconds)) => {
            tracing::info!("the clock agrees with the signers again, to {:.1} s", seconds.abs());
        }
        None => {}
    }
    match wrong {
        Some(wrong_clock::Notice::Wrong(seconds)) => tracing::warn!(
            "the clock is wrong: {:.0} s {} those of the signers, who agree; most calls are stale or \
             future for that alone; set this host's time (`timedatectl set-ntp true`, or `chronyc \
             makestep`)",
            seconds.abs(),
            way(seconds),
        ),
        Some(wrong_clock::Notice::Right) => {
            tracing::info!("most calls are no longer stale or future for the clock alone");
        }
        None => {}
    }
}

fn way(seconds: f64) -> &'static str {
    if seconds > 0.0 { "ahead of" } else { "behind" }
}
