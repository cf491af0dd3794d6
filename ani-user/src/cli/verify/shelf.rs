//! Certificates that are at hand.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::Context as _;

use super::Args;
use crate::{
    cli::exit::complain,
    config::Config,
    stir::{Credential, Credentials, Outcome, Trust, local::Local, url},
};

/// Certificates of a folder, or one for all, and whom is trusted.
pub(super) struct Shelf {
    trust: Trust,
    one: Option<Vec<u8>>,
    local: Option<Local>,
}

impl Shelf {
    /// As the command line says, else the configuration.
    pub(super) fn open(args: &Args, config: &Config) -> anyhow::Result<Self> {
        let either = |one: &Option<PathBuf>, other: &Option<PathBuf>| {
            one.clone().or_else(|| other.clone().filter(|_| args.config.is_some()))
        };
        let anchors = either(&args.anchors, &config.stir.anchors);
        let crls = either(&args.crls, &config.stir.crls);
        let trust = Trust::read(anchors.as_deref(), crls.as_deref());
        for warning in trust.warnings() {
            complain(&anyhow::anyhow!("{warning}"));
        }
        let read = |path: &PathBuf| {
            fs::read(path).with_context(|| format!("cannot read {}", path.display()))
        };
        let one = args.cert.as_ref().map(read).transpose()?;
        let local = either(&args.certs, &config.stir.local).map(Local::new);
        Ok(Self { trust, one, local })
    }
}

impl Credentials for Shelf {
    fn find(&self, text: &str) -> Result<Arc<Credential>, Outcome> {
        let url = url::check(text)?;
        let pem = match (&self.one, &self.local) {
            (Some(pem), _) => pem.clone(),
            (None, Some(local)) => local.read(&url).map_err(|_| Outcome::FetchOff)?.to_vec(),
            (None, None) => return Err(Outcome::FetchOff),
        };
        Credential::read(&pem, &self.trust).map(Arc::new)
    }
}
