//! Reading the configuration again: what it changes, and taking it.
//!
//! | path | method | what |
//! |---|---|---|
//! | `/v1/reload` | GET | what a reload would change |
//! | `/v1/reload` | POST | has the file read again, and says what that changed |
//!
//! SIGHUP comes the same way. One reload is made after the other, and each is all or nothing.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{extract::State, http::StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Daemon, Error, Refusal,
    api::{Answer, Shared, did, json_of, work},
    limits::{mode_key, rate_key},
    locked,
    routes::{Routes, Verb},
    write,
};
use crate::{
    config::{
        self, Config,
        difference::{Change, Difference},
    },
    policy::Enforce as _,
    store::{self, Replaced},
};

/// Lines of a reload that are logged; whoever asked for it is told all.
const MAX_LOGGED: usize = 200;

/// Where the configuration comes from, and who takes it beside the daemon's state; the runtime's, or a
/// test's.
pub trait Surroundings: Send + Sync {
    /// Its file.
    fn file(&self) -> &Path;

    /// Reads it.
    ///
    /// # Errors
    ///
    /// When it cannot be read or used.
    fn load(&self) -> Result<Config, config::Error>;

    /// Writes what the kernel has of it beside lists and limits.
    ///
    /// # Errors
    ///
    /// When the kernel does not take it.
    fn configure(&self, config: &Config) -> anyhow::Result<()>;

    /// It is in force now.
    fn taken(&self, config: Arc<Config>);

    /// A reload begins.
    fn begins(&self);

    /// It has ended: how, in a sentence.
    fn ended(&self, how: &str);
}

/// What a reload changed, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// The configuration.
    pub changes: Vec<Change>,
    /// Lists that are read from files, those that are others now.
    pub feeds: Vec<Fed>,
}

/// What came of reading a list's file again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fed {
    /// The list.
    pub list: String,
    /// Its file.
    pub file: PathBuf,
    /// Entries that were not on it.
    pub new: usize,
    /// Entries that are not on it any more.
    pub removed: usize,
}

impl Fed {
    /// None where the file says what it said.
    pub(super) fn of(list: &str, file: &Path, counts: Replaced) -> Option<Self> {
        let Replaced { new, replaced: _, removed } = counts;
        let (list, file) = (list.to_owned(), file.to_owned());
        (new + removed > 0).then_some(Self { list, file, new, removed })
    }
}

impl fmt::Display for Fed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { list, file, new, removed } = self;
        write!(f, "list {list}: {}: {new} entries new, {removed} gone", file.display())
    }
}

impl Reloaded {
    /// A line for each difference, and whether it needs a restart.
    fn lines(&self) -> impl Iterator<Item = (String, bool)> {
        let changes = self.changes.iter().map(|change| (change.to_string(), change.restart));
        changes.chain(self.feeds.iter().map(|fed| (fed.to_string(), false)))
    }

    /// `nothing changed`, `1 change`, `7 changes`
    fn count(&self) -> String {
        match self.changes.len() + self.feeds.len() {
            0 => "nothing changed".to_owned(),
            1 => "1 change".to_owned(),
            count => format!("{count} changes"),
        }
    }

    fn log(&self) {
        for (line, restart) in self.lines().take(MAX_LOGGED) {
            if restart {
                tracing::warn!("{line}");
            } else {
                tracing::info!("{line}");
            }
        }
        let more = self.lines().count().saturating_sub(MAX_LOGGED);
        if more > 0 {
            tracing::warn!("and {more} changes more");
        }
    }

    fn document(&self, file: &Path, taken: bool) -> Value {
        json!({
            "file": file,
            "taken": taken,
            "changes": self.changes,
            "feeds": self.feeds,
            "lines": self.lines().map(|(line, _)| line).collect::<Vec<_>>(),
        })
    }
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotReloaded {
    /// The file.
    #[error(transparent)]
    File(#[from] config::Error),
    /// What it says cannot be put in force.
    #[error(transparent)]
    Refused(#[from] Error),
    /// The daemon was not told where its configuration is.
    #[error("this daemon has no configuration file")]
    NoFile,
}

impl From<NotReloaded> for Refusal {
    fn from(error: NotReloaded) -> Self {
        let message = refused(&error);
        match error {
            NotReloaded::File(_)
            | NotReloaded::Refused(Error::Feed { .. } | Error::NoNumber(_)) => {
                Self { status: StatusCode::UNPROCESSABLE_ENTITY, message }
            }
            NotReloaded::Refused(error) => Self { message, ..error.into() },
            NotReloaded::NoFile => Self::conflict(message),
        }
    }
}

fn refused(error: &NotReloaded) -> String {
    format!("reload refused, the old configuration stays: {error}")
}

/// The paths.
pub(super) fn routes(routes: Routes) -> Routes {
    routes.look("/v1/reload", check).change(Verb::Post, "/v1/reload", reload)
}

async fn check(State(daemon): Shared) -> Answer {
    work(move || {
        let would = daemon.check_file()?;
        Ok(json_of(would.document(daemon.surroundings()?.file(), false)))
    })
    .await
}

async fn reload(State(daemon): Shared) -> Answer {
    work(move || {
        let reloaded = daemon.reload_file()?;
        let file = daemon.surroundings()?.file();
        let what = format!("had {} read again: {}", file.display(), reloaded.count());
        Ok(did(what, reloaded.document(file, true)))
    })
    .await
}

impl Daemon {
    /// At start: names where the configuration comes from, and who else takes it.
    pub fn reload_through(&self, surroundings: Arc<dyn Surroundings>) {
        // Named once; whoever names a second one is not heard.
        let _ = self.surroundings.set(surroundings);
    }

    fn surroundings(&self) -> Result<&dyn Surroundings, NotReloaded> {
        self.surroundings.get().map(|around| &**around).ok_or(NotReloaded::NoFile)
    }

    /// Reads the file again and takes it, as soon as no other reload is made; the log says what that
    /// changed. Blocks.
    ///
    /// # Errors
    ///
    /// When it cannot be taken; the old configuration stays, unless the error says otherwise.
    pub fn reload_file(&self) -> Result<Reloaded, NotReloaded> {
        let around = self.surroundings()?;
        let _one = locked(&self.reloads);
        around.begins();
        let result = around.load().map_err(NotReloaded::from).and_then(|config| {
            let _changes = self.changes();
            Ok(self.reload_with(
                config,
                |config| around.configure(config),
                |config| around.taken(config),
            )?)
        });
        let how = match &result {
            Ok(reloaded) => {
                reloaded.log();
                let how = format!("{} is in force: {}", around.file().display(), reloaded.count());
                tracing::info!("{how}");
                how
            }
            Err(error) => {
                let how = refused(error);
                tracing::error!("{how}");
                how
            }
        };
        around.ended(&how);
        result
    }

    /// What a reload would change of the configuration. Files of lists are read, and what is in them
    /// compared with nothing.
    ///
    /// # Errors
    ///
    /// When the file, or that of a list, cannot be used.
    pub fn check_file(&self) -> Result<Reloaded, NotReloaded> {
        let around = self.surroundings()?;
        // Files may be large: those of one are read at a time.
        let _one = locked(&self.reloads);
        let old = self.config();
        let config = around.load()?.after(&old).map_err(Error::from)?;
        for list in config.list.iter() {
            if let Some(file) = &list.file {
                self.read(&list.name, file)?;
            }
        }
        let mut changes = config.over(&old).changes;
        self.note(&mut changes).map_err(Error::from)?;
        Ok(Reloaded { changes, feeds: Vec::new() })
    }

    /// Takes another configuration: its limits come in force unless an operator set others. What has a
    /// number keeps it; what only a restart takes stays as it is. On an error the old configuration stays.
    pub fn reload(&self, config: Config) -> Result<Reloaded, Error> {
        let _changes = self.changes();
        self.reload_with(config, |_| Ok(()), |_| ())
    }

    /// The same; whatever else has to take it does so before, and is told of it behind.
    fn reload_with(
        &self,
        config: Config,
        configure: impl Fn(&Config) -> anyhow::Result<()>,
        taken: impl FnOnce(Arc<Config>),
    ) -> Result<Reloaded, Error> {
        let old = self.config();
        // Numbered before anything of it is in force: a trunk's index means that trunk at each moment.
        let Difference { mut changes, taken: config } = config.after(&old)?.over(&old);
        self.note(&mut changes)?;
        let done = configure(&config).map_err(Error::NotInForce);
        let feeds = match done.and_then(|()| self.put_in_force(&old, &config)) {
            Ok(feeds) => feeds,
            Err(error) => {
                return Err(match configure(&old) {
                    Ok(()) => error,
                    Err(undo) => Error::Torn { refused: anyhow::anyhow!("{error}"), undo },
                });
            }
        };
        let config = Arc::new(config);
        *write(&self.config) = Arc::clone(&config);
        self.reload_breaker(&old, &config);
        taken(config);
        Ok(Reloaded { changes, feeds })
    }

    fn put_in_force(&self, old: &Config, config: &Config) -> Result<Vec<Fed>, Error> {
        let (before, after) = (self.limits_of(old)?, self.limits_of(config)?);
        self.enforce_limits(&after, &before)?;
        let feeds =
            self.reload_lists(config).map_err(|error| match self.enforce.set_limits(&before) {
                Ok(()) => error,
                Err(undo) => Error::Torn { refused: anyhow::anyhow!("{error}"), undo },
            })?;
        if let Some(verifies) = self.verifies.get() {
            verifies.reconfigure(&config.stir);
        }
        Ok(feeds)
    }

    /// Says of what was set by command that this goes before the file.
    fn note(&self, changes: &mut [Change]) -> Result<(), store::Error> {
        for change in changes {
            let of = change.of.as_ref().map(|(kind, name)| (*kind, name.as_str()));
            let reset = match (of, change.key) {
                (None, Some("limits.per_caller")) if self.store.limit()?.is_some() => {
                    "ani limit reset".to_owned()
                }
                (Some(("limit", name)), Some("calls"))
                    if self.store.setting(&rate_key(name))?.is_some() =>
                {
                    format!("ani limit reset {name}")
                }
                (Some(("limit", name)), Some("mode"))
                    if self.store.setting(&mode_key(name))?.is_some() =>
                {
                    format!("ani limit mode {name} reset")
                }
                (Some(("list", name)), Some("mode")) if self.store.observed(name).is_some() => {
                    format!("ani list mode {name} reset")
                }
                _ => continue,
            };
            change.note = Some(format!("set by command, which holds until `{reset}`"));
        }
        Ok(())
    }
}
