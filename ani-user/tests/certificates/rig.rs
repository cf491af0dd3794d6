//! A cache, its store and its clock.

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use ani_user::{
    stir::{
        Outcome,
        cache::{Cache, Found, Reader, Requests, Settings, State},
        disk,
    },
    time::Timestamp,
};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio::runtime::Runtime;

use crate::server::Server;

/// What these tests make of a certificate: the DER of its leaf.
pub(crate) type Leaf = Vec<u8>;

pub(crate) fn read(pem: &[u8]) -> Result<Leaf, Outcome> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let chain = chain.map_err(|_| Outcome::CertificateMalformed)?;
    chain.first().map(|leaf| leaf.to_vec()).ok_or(Outcome::CertificateMalformed)
}

/// A certificate with this name in it.
pub(crate) fn certificate(name: &str) -> String {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).expect("a certificate");
    made.cert.pem()
}

/// A cache, its store and its clock.
pub(crate) struct Rig {
    pub(crate) cache: Arc<Cache<Leaf>>,
    pub(crate) settings: Settings,
    pub(crate) folder: tempfile::TempDir,
    clock: Arc<AtomicI64>,
    runtime: Option<Runtime>,
}

impl Rig {
    /// One that trusts the server and may ask on loopback.
    pub(crate) fn new(server: &Server) -> Self {
        Self::with(server, |_| ())
    }

    pub(crate) fn with(server: &Server, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let roots = folder.path().join("roots.pem");
        std::fs::write(&roots, &server.authority).expect("write");
        let mut settings = Settings {
            fetch: true,
            roots: Some(roots),
            allow: vec!["127.0.0.0/8".parse().expect("a network")],
            local: None,
            folder: Some(folder.path().join(disk::FOLDER)),
            max_certificates: NonZeroUsize::new(100).expect("not zero"),
        };
        change(&mut settings);
        let clock = Arc::new(AtomicI64::new(Timestamp::new(1_900_000_000, 0).0));
        let (cache, runtime) = start(&settings, Arc::new(read), &clock);
        Self { cache, settings, folder, clock, runtime }
    }

    /// Ends it and starts another one with the same store.
    pub(crate) fn restart(&mut self) {
        drop(self.runtime.take());
        (self.cache, self.runtime) = start(&self.settings, Arc::new(read), &self.clock);
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.clock.load(Ordering::SeqCst))
    }

    pub(crate) fn advance(&self, span: Duration) {
        let span = i64::try_from(span.as_nanos()).expect("a short time");
        self.clock.fetch_add(span, Ordering::SeqCst);
    }

    /// In a word: `present`, `pending`, or the outcome's.
    pub(crate) fn find(&self, url: &str) -> &'static str {
        match self.cache.find(url, self.now()) {
            Found::Present(_) => "present",
            Found::Pending => "pending",
            Found::Negative(outcome) => outcome.as_str(),
        }
    }

    pub(crate) fn leaf(&self, url: &str) -> Option<Leaf> {
        match self.cache.find(url, self.now()) {
            Found::Present(leaf) => Some(leaf.to_vec()),
            Found::Pending | Found::Negative(_) => None,
        }
    }

    /// The same once it is not pending any more.
    pub(crate) fn found(&self, url: &str) -> &'static str {
        let begun = Instant::now();
        loop {
            match self.find(url) {
                "pending" => {
                    assert!(begun.elapsed() < Duration::from_secs(20), "{url} stays pending")
                }
                word => return word,
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether anything is under way.
    pub(crate) fn is_busy(&self) -> bool {
        let all = self.cache.list(self.now());
        all.iter().any(|(listed, _)| listed.state == State::Pending)
    }

    /// Waits until nothing is.
    pub(crate) fn settle(&self) {
        until("nothing is pending", || !self.is_busy());
    }

    pub(crate) fn prefetch(&self, url: &str) -> &'static str {
        let runtime = self.runtime.as_ref().expect("running");
        match runtime.block_on(self.cache.prefetch(url)) {
            Ok(()) => "valid",
            Err(failure) => failure.outcome.as_str(),
        }
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("running")
    }

    /// What was counted under a word.
    pub(crate) fn count(&self, word: &str) -> u64 {
        let counts = self.cache.counts();
        let fetches =
            counts.fetches().into_iter().map(|(outcome, count)| (outcome.as_str(), count));
        counts
            .list()
            .into_iter()
            .map(|(word, count, _)| (word, count))
            .chain(fetches)
            .find_map(|(name, count)| (name == word).then_some(count))
            .expect("a count")
    }

    /// Files in the store.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join(disk::FOLDER);
        let files = std::fs::read_dir(folder).expect("the folder");
        files.map(|file| file.expect("a file").path()).collect()
    }
}

fn start(
    settings: &Settings,
    reader: Reader<Leaf>,
    clock: &Arc<AtomicI64>,
) -> (Arc<Cache<Leaf>>, Option<Runtime>) {
    let now = Timestamp(clock.load(Ordering::SeqCst));
    let (cache, requests) = Cache::new(settings.clone(), reader, now).expect("a cache");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("runtime");
    if let Some(requests) = requests {
        let clock = Arc::clone(clock);
        let clock = move || Timestamp(clock.load(Ordering::SeqCst));
        runtime.spawn(Requests::serve(requests, Arc::clone(&cache), clock));
    }
    (cache, Some(runtime))
}

/// Waits until something is so.
pub(crate) fn until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
