//! What commands and metrics scrapers talk to: the running daemon's shared state (`Daemon`), HTTP
//! and JSON over a unix socket (`socket`), and Prometheus metrics over TCP (`metrics`).
//!
//! A change is made in one order: all of it validated, kept in the store, put in force, answered.
//! What the kernel refuses is taken out of the store again, so that the two never tell different
//! things; should that fail too, the answer says so.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use ani_ebpf::abi::number::Number;

use crate::{
    config::{self, Config, Rate, Stir},
    identity::Lookup,
    policy::{self, Block, Enforce, Listing, rests::Rests},
    stir::{Credential, Outcome, cache::Cache, lists::Report, pool::Load},
    store::{self, Store},
    telemetry::{Tallies, Telemetry},
    time::Timestamp,
};

/// The unix socket: made, served, taken away.
pub mod socket;
/// Paths and what they answer.
mod api;
/// The block list: paging, adding, removing.
mod block;
/// Certificates: looking, fetching, adding, removing.
mod cert;
/// Lists of numbers as text and CSV.
pub(crate) mod list;
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

pub use self::{
    breaker::Watch, cert::MAX_URLS, list::MAX_IMPORT_BYTES, refusal::Refusal, status::counts,
};

/// Entries read from the store and handed to the kernel at once.
const CHUNK: usize = 65_536;

/// Where the time comes from; the runtime's clock, or a test's.
pub trait Clock: Send + Sync {
    /// The time of day.
    fn now(&self) -> Timestamp;

    /// How long the daemon has been running, whatever is done to the time of day.
    fn uptime(&self) -> Duration;
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
    enforce: Rests,
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
    /// Places in the kernel's map; whatever a reload says, they stay until a restart.
    max_blocked: usize,
    /// Where mirrored messages come in; stays until a restart too.
    hep: Option<SocketAddr>,
    /// What verifies signatures, where anchors are configured.
    verifies: OnceLock<Arc<dyn Verifies>>,
    /// Certificates at hand, where there are any.
    certificates: OnceLock<Arc<Cache<Credential>>>,
    /// One change at a time: store and kernel must see all in the same order.
    changes: Mutex<()>,
}

/// The limit in force and who set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// None is no limit.
    pub rate: Option<Rate>,
    /// Whether an operator set it by command; else it is the configuration's.
    pub by_operator: bool,
}

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not kept; nothing changed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// At start: the store holds more than the kernel's map takes.
    #[error(
        "the block list in {} holds {entries} numbers and `lists.max_blocked` is {max}: raise it",
        file.display()
    )]
    TooLong {
        /// The database.
        file: PathBuf,
        /// Numbers on the list.
        entries: usize,
        /// How many there may be.
        max: usize,
    },
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

/// How many entries a change made and replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Changed {
    /// Numbers that were not on the list.
    pub new: usize,
    /// Entries that were on it and are now others.
    pub replaced: usize,
    /// Numbers on the list now.
    pub total: usize,
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
            max_blocked: config.lists.max_blocked as usize,
            hep: config.capture.hep.listen,
            breaker: Arc::new(Watch::new(config.breaker)),
            config: RwLock::new(Arc::new(config)),
            enforce: Rests::new(enforce),
            store,
            clock,
            verifies: OnceLock::new(),
            certificates: OnceLock::new(),
            changes: Mutex::new(()),
        }
    }

    /// The configuration in force.
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
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
        let (entries, max) = (self.store.entries(), self.max_blocked);
        if entries > max {
            let file = self.store.file().to_owned();
            return Err(Error::TooLong { file, entries, max });
        }
        let mut after = None;
        let mut page = Vec::new().into_iter();
        let mut listings = std::iter::from_fn(|| {
            if page.len() == 0 {
                match self.store.page(after, CHUNK) {
                    Ok(next) => page = next.into_iter(),
                    Err(error) => return Some(Err(error.into())),
                }
            }
            let entry: Block = page.next()?;
            after = Some(entry.number);
            Some(Ok(entry.listing()))
        });
        self.enforce.relist(&mut listings).map_err(Error::NotInForce)?;
        self.restore_habits()?;
        self.enforce_rate(self.limit()?.rate).map_err(Error::NotInForce)
    }

    /// Takes another configuration: its limit comes in force unless an operator set one. Returns
    /// the keys whose change needs a restart. On an error the old configuration stays.
    pub fn reload(&self, config: Config) -> Result<Vec<&'static str>, Error> {
        let _changes = self.changes();
        let old = self.config();
        if self.store.limit()?.is_none() {
            self.enforce_limit(config.limits.per_caller, old.limits.per_caller)?;
        }
        if let Some(verifies) = self.verifies.get() {
            verifies.reconfigure(&config.stir);
        }
        self.reload_breaker(&old, &config);
        let fixed = needs_restart(&old, &config);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        Ok(fixed)
    }

    /// Takes off what has expired; returns how many entries. To be called now and then: the kernel
    /// looks at the expiry itself, so this only makes room. Blocks while another change is made.
    pub fn expire(&self, now: Timestamp) -> Result<usize, Error> {
        let _changes = self.changes();
        let expired = self.store.expire(now)?;
        if !expired.is_empty() {
            self.unlist(&expired).map_err(Error::NotInForce)?;
        }
        Ok(expired.len())
    }

    /// The limit in force.
    pub fn limit(&self) -> Result<Limit, store::Error> {
        Ok(match self.store.limit()? {
            Some(rate) => Limit { rate, by_operator: true },
            None => Limit { rate: self.config().limits.per_caller, by_operator: false },
        })
    }

    /// Sets the limit by command; `None` gives way to the configuration's again.
    pub fn set_limit(&self, limit: Option<Option<Rate>>) -> Result<Limit, Error> {
        let _changes = self.changes();
        let before = self.store.limit()?;
        let configured = self.config().limits.per_caller;
        self.store.set_limit(limit)?;
        let (new, old) = (limit.unwrap_or(configured), before.unwrap_or(configured));
        if let Err(error) = self.enforce_limit(new, old) {
            self.store.set_limit(before).map_err(|undo| torn(&error, undo))?;
            return Err(error);
        }
        Ok(self.limit()?)
    }

    /// Puts entries on the block list, all or none; of several with one number the last counts.
    pub fn block(&self, entries: Vec<Block>) -> Result<Changed, Error> {
        let _changes = self.changes();
        let entries = distinct(entries);
        let undo = self.store.block(&entries, self.max_blocked)?;
        if let Err(refused) = self.enforce.list(&listings(&entries)) {
            let back = self
                .store
                .undo(&undo)
                .map_err(anyhow::Error::from)
                .and_then(|()| self.unlist(&undo.added))
                .and_then(|()| self.enforce.list(&listings(&undo.replaced)));
            return Err(match back {
                Ok(()) => Error::NotInForce(refused),
                Err(undo) => Error::Torn { refused, undo },
            });
        }
        Ok(Changed {
            new: undo.added.len(),
            replaced: undo.replaced.len(),
            total: self.store.entries(),
        })
    }

    /// Takes numbers off the block list, all or none; returns those that were on it.
    pub fn unblock(&self, numbers: &[Number]) -> Result<Vec<Number>, Error> {
        let _changes = self.changes();
        let removed = self.store.unblock(numbers)?;
        let numbers: Vec<_> = removed.iter().map(|entry| entry.number).collect();
        if let Err(refused) = self.unlist(&numbers) {
            let back = self
                .store
                .block(&removed, usize::MAX)
                .map_err(anyhow::Error::from)
                .and_then(|_| self.enforce.list(&listings(&removed)));
            return Err(match back {
                Ok(()) => Error::NotInForce(refused),
                Err(undo) => Error::Torn { refused, undo },
            });
        }
        Ok(numbers)
    }

    /// Puts a limit in force, or the old one again when that fails.
    fn enforce_limit(&self, new: Option<Rate>, old: Option<Rate>) -> Result<(), Error> {
        self.enforce_rate(new).map_err(|refused| match self.enforce_rate(old) {
            Ok(()) => Error::NotInForce(refused),
            Err(undo) => Error::Torn { refused, undo },
        })
    }

    fn enforce_rate(&self, rate: Option<Rate>) -> anyhow::Result<()> {
        let limits: Vec<_> = rate.and_then(config::per_caller).into_iter().collect();
        self.enforce.set_limits(&limits)
    }

    /// Takes numbers off the block list that the kernel has.
    fn unlist(&self, numbers: &[Number]) -> anyhow::Result<()> {
        let listing = |number: &Number| Listing::number(policy::BLOCK, *number, None);
        self.enforce.unlist(&numbers.iter().map(listing).collect::<Vec<_>>())
    }

    fn changes(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listings(entries: &[Block]) -> Vec<Listing> {
    entries.iter().map(Block::listing).collect()
}

fn torn(refused: &Error, undo: store::Error) -> Error {
    Error::Torn { refused: anyhow::anyhow!("{refused}"), undo: undo.into() }
}

fn distinct(entries: Vec<Block>) -> Vec<Block> {
    let last: HashMap<_, _> =
        entries.iter().enumerate().map(|(at, entry)| (entry.number, at)).collect();
    if last.len() == entries.len() {
        return entries;
    }
    let mut at = 0..entries.len();
    entries
        .into_iter()
        .filter(|entry| at.next().is_some_and(|at| last.get(&entry.number) == Some(&at)))
        .collect()
}

/// `[stir]` without what a reload changes.
fn stir_at_start(config: &Config) -> Stir {
    let Stir { verify, max_age, .. } = Stir::default();
    Stir { verify, max_age, ..config.stir.clone() }
}

/// Keys that differ and that only a restart changes.
fn needs_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    [
        ("capture.interfaces", old.capture.interfaces != new.capture.interfaces),
        ("capture.mode", old.capture.mode != new.capture.mode),
        ("capture.ring_bytes", old.capture.ring_bytes != new.capture.ring_bytes),
        ("capture.hep", old.capture.hep != new.capture.hep),
        ("control", old.control != new.control),
        ("store", old.store != new.store),
        ("lists", old.lists != new.lists),
        ("stir", stir_at_start(old) != stir_at_start(new)),
        ("telemetry", old.telemetry != new.telemetry),
    ]
    .into_iter()
    .filter_map(|(key, differs)| differs.then_some(key))
    .collect()
}
