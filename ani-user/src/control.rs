//! What commands and metrics scrapers talk to: the running daemon's shared state (`Daemon`), HTTP
//! and JSON over unix sockets (`socket`), and Prometheus metrics over TCP (`metrics`).
//!
//! A change is made in one order: all of it validated, kept in the store, put in force, answered.
//! What the kernel refuses is taken out of the store again, so that the two never tell different
//! things; should that fail too, the answer says so.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
    },
    time::Duration,
};

use crate::{
    answer::Entries,
    capture,
    config::{Config, NoNumber, Stir},
    identity::Lookup,
    policy::{Enforce, rests::Rests},
    stir::{Credential, Outcome, cache::Cache, lists::Report, pool::Load},
    store::{self, Store},
    telemetry::{Tallies, Telemetry},
    time::Timestamp,
};

/// The unix sockets: made, served, taken away.
pub mod socket;
/// The table of routes.
mod routes;
/// Who asks.
mod peer;
/// Users and groups by name.
pub(crate) mod accounts;
/// Paths and what they answer.
mod api;
/// Lists as requests see them: paging, adding, removing, import and export.
mod entries;
/// Limits in force.
mod limits;
/// Lists in force.
mod lists;
/// Lists that are read from files.
pub(crate) mod feed;
/// Certificates: looking, fetching, adding, removing.
mod cert;
/// What entries of lists say of their own.
mod answers;
/// Lists of numbers as text and CSV.
pub(crate) mod list;
/// Reading the configuration again.
mod reload;
/// The breaker: who tells it, what is at rest, and ending that.
mod breaker;
/// Habits of trunks: changes, and lessons.
mod habits;
/// Numbers as an operator writes them.
pub(crate) mod number;
/// What signatures came to.
mod verification;
/// The status document, and the names all counters go by.
mod status;
/// Prometheus metrics.
pub mod metrics;
/// Why a request was refused.
mod refusal;

use self::lists::InForce;
pub use self::{
    api::routes,
    breaker::Watch,
    cert::MAX_URLS,
    limits::Limit,
    list::MAX_IMPORT_BYTES,
    lists::Changed,
    refusal::Refusal,
    reload::{Fed, NotReloaded, Reloaded, Surroundings},
    routes::{Access, Route},
    status::counts,
};

/// Where the time comes from; the runtime's clock, or a test's.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// How long the daemon has been running, whatever is done to the time of day.
    fn uptime(&self) -> Duration;
}

impl Clock for capture::clock::Clock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }

    fn uptime(&self) -> Duration {
        Self::uptime(self)
    }
}

/// What verifies signatures; the runtime's, or a test's.
pub trait Verifies: Send + Sync {
    /// What goes on.
    fn load(&self) -> Load;

    /// Trust anchors in force.
    fn anchors(&self) -> usize;

    /// What was counted of certificates that were looked for: stable words and how often.
    fn certificates(&self) -> Vec<(&'static str, u64)>;

    /// How fetches of certificates ended, those that occurred.
    fn fetches(&self) -> Vec<(Outcome, u64)>;

    /// What there is of revocation lists that are fetched; none where none are.
    fn lists(&self) -> Option<Report>;

    /// Takes what of `[stir]` a reload changes.
    fn reconfigure(&self, settings: &Stir);
}

/// The running daemon as commands see it.
pub struct Daemon {
    config: RwLock<Arc<Config>>,
    /// Whatever carries the rules out, but for what is at rest.
    enforce: Arc<Rests>,
    store: Store,
    /// Counters per caller and per trunk; the worker feeds them.
    pub telemetry: Arc<Telemetry>,
    /// When a list or limit is taken for a mistake; the worker and whoever verifies feed it.
    pub breaker: Arc<Watch>,
    /// What is known of numbers.
    numbers: Lookup,
    /// What the daemon lost.
    pub tallies: Arc<Tallies>,
    clock: Arc<dyn Clock>,
    /// Entries there may be; whatever a reload says, it stays until a restart.
    max_entries: usize,
    /// Lists and trunks of the configuration in force.
    in_force: RwLock<Arc<InForce>>,
    /// Entries of lists that have an answer of their own.
    answers: Arc<Entries>,
    /// Where mirrored messages come in; stays until a restart too.
    hep: Option<SocketAddr>,
    /// What verifies signatures, where anchors are configured.
    verifies: OnceLock<Arc<dyn Verifies>>,
    /// Certificates at hand, where there are any.
    certificates: OnceLock<Arc<Cache<Credential>>>,
    /// Where the configuration is read from again, and who else takes it.
    surroundings: OnceLock<Arc<dyn Surroundings>>,
    /// One reload at a time, from the reading to the telling.
    reloads: Mutex<()>,
    /// One change at a time: store and kernel must see all in the same order.
    changes: Mutex<()>,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not kept; nothing changed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// At start: the store holds more than the lists may.
    #[error(
        "the lists in {} hold {entries} entries and `lists.max_entries` is {max}: raise it",
        file.display()
    )]
    TooLong {
        /// The database.
        file: PathBuf,
        /// Entries of all lists.
        entries: usize,
        /// How many there may be.
        max: usize,
    },
    /// A file that a list is read from cannot be used.
    #[error("list `{list}`: {}: {why}", file.display())]
    Feed {
        /// The list.
        list: String,
        /// Its file.
        file: PathBuf,
        /// What is wrong with it, and the remedy.
        why: String,
    },
    /// A trunk, list or limit is one too many.
    #[error(transparent)]
    NoNumber(#[from] NoNumber),
    /// Kept, but not put in force, and taken back: nothing changed.
    #[error("the kernel did not take the change, so it was not made: {0:#}")]
    NotInForce(anyhow::Error),
    /// Kept, perhaps partly in force, and it could not be taken back.
    #[error(
        "the kernel did not take the change ({refused:#}) and taking it back failed ({undo:#}): \
         store and kernel may differ until the daemon is restarted"
    )]
    Torn {
        /// What the kernel said.
        refused: anyhow::Error,
        /// What the way back said.
        undo: anyhow::Error,
    },
}

impl Daemon {
    /// The state around a store and whatever carries the rules out.
    pub fn new(
        config: Config,
        enforce: Arc<dyn Enforce>,
        store: Store,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            telemetry: Arc::new(Telemetry::new(config.telemetry.max_callers)),
            numbers: Lookup::new(),
            tallies: Arc::new(Tallies::default()),
            max_entries: config.lists.max_entries as usize,
            hep: config.capture.hep.listen,
            in_force: RwLock::default(),
            answers: Arc::default(),
            breaker: Arc::new(Watch::new(config.breaker)),
            config: RwLock::new(Arc::new(config)),
            enforce: Arc::new(Rests::new(enforce)),
            store,
            clock,
            verifies: OnceLock::new(),
            certificates: OnceLock::new(),
            surroundings: OnceLock::new(),
            reloads: Mutex::new(()),
            changes: Mutex::new(()),
        }
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&read(&self.config))
    }

    /// Whatever carries the rules out.
    pub fn enforce(&self) -> Arc<dyn Enforce> {
        Arc::clone(&self.enforce) as _
    }

    /// Entries of lists that have an answer of their own.
    pub fn answers(&self) -> Arc<Entries> {
        Arc::clone(&self.answers)
    }

    /// At start: names what verifies signatures.
    pub fn verify_with(&self, verifies: Arc<dyn Verifies>) {
        // Named once; whoever names a second one is not heard.
        let _ = self.verifies.set(verifies);
    }

    /// At start: puts in force what the store holds, without what has expired meanwhile.
    pub fn restore(&self) -> Result<(), Error> {
        let _changes = self.changes();
        self.store.expire(self.clock.now())?;
        *write(&self.in_force) = Arc::new(InForce::of(&self.config()));
        self.restore_lists()?;
        self.restore_habits()?;
        let limits = self.limits_of(&self.config())?;
        self.enforce.set_limits(&limits).map_err(Error::NotInForce)
    }

    fn changes(&self) -> MutexGuard<'_, ()> {
        locked(&self.changes)
    }
}

fn torn(refused: &impl std::fmt::Display, undo: store::Error) -> Error {
    Error::Torn { refused: anyhow::anyhow!("{refused}"), undo: undo.into() }
}

/// What a panic elsewhere left behind is still whole: each of these is changed in one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
