//! Where the configuration comes from, and who takes one that is read again beside the daemon's state.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{service::Manager, worker::Mailbox};
use crate::{
    config::{Config, Error},
    control::Surroundings,
    kernel::Kernel,
};

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// What the command line says of `control.socket`, which goes before the file.
    pub socket: Option<PathBuf>,
}

impl Source {
    /// What the file and the command line say together.
    pub fn over(&self, config: Config) -> Config {
        match &self.socket {
            None => config,
            Some(socket) => Config { control: config.control.at(socket), ..config },
        }
    }
}

/// The kernel, the worker and the service manager.
pub(super) struct Others {
    pub(super) source: Source,
    pub(super) kernel: Arc<Kernel>,
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) manager: Manager,
}

impl Surroundings for Others {
    fn file(&self) -> &Path {
        &self.source.file
    }

    fn load(&self) -> Result<Config, Error> {
        Config::load(&self.source.file).map(|config| self.source.over(config))
    }

    fn configure(&self, config: &Config) -> anyhow::Result<()> {
        self.kernel.configure(config)
    }

    fn taken(&self, config: Arc<Config>) {
        self.mailbox.put(config);
    }

    fn begins(&self) {
        self.manager.reloading();
    }

    fn ended(&self, how: &str) {
        // Its status is one line.
        self.manager.ready(how.lines().next().unwrap_or_default());
    }
}
