//! The signatures of a capture, verified by what is at hand: no network is asked.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;

use crate::{
    config::{self, Config},
    pipeline::{Answer, Verifier, Whose},
    stir::{
        Call,
        bench::{self, Bench},
        cache::{self, Cache},
        trust::Trust,
    },
    time::Timestamp,
};

/// How the signatures are verified.
#[derive(clap::Args, Clone, Debug, Default)]
#[group(skip)]
pub struct Args {
    /// Trust anchors to verify signatures with, a folder or a file, instead of the configuration's.
    /// Nothing is fetched: certificates are those of --certs
    #[arg(long, value_name = "PATH")]
    pub anchors: Option<PathBuf>,

    /// Revocation lists, a folder or a file, instead of the configuration's
    #[arg(long, value_name = "PATH")]
    pub crls: Option<PathBuf>,

    /// Folder of certificates, laid out as <host>/<path> of their URLs, instead of the configuration's
    /// stir.local
    #[arg(long, value_name = "DIR")]
    pub certs: Option<PathBuf>,

    /// Hold the age of signatures against the time of the capture, as it is by default
    #[arg(long, conflicts_with = "at_now")]
    pub at_capture_time: bool,

    /// Hold the age of signatures against the clock of this host
    #[arg(long)]
    pub at_now: bool,
}

impl Args {
    /// Puts what they say into the configuration.
    pub(super) fn apply(&self, stir: &mut config::Stir) {
        if let Some(anchors) = &self.anchors {
            stir.anchors = Some(anchors.clone());
            stir.verify = true;
        }
        if let Some(crls) = &self.crls {
            stir.crls = Some(crls.clone());
        }
        if let Some(certs) = &self.certs {
            stir.local = Some(certs.clone());
        }
    }

    /// Whoever verifies; none without anchors. What is wrong with the anchors is said by `warn`.
    pub(super) fn verifier(
        &self,
        config: &Config,
        now: Timestamp,
        warn: &mut dyn FnMut(String),
    ) -> anyhow::Result<Option<Box<dyn Verifier>>> {
        let stir = &config.stir;
        let Some(anchors) = stir.anchors.as_deref().filter(|_| stir.verify) else {
            return Ok(None);
        };
        let trust = Arc::new(Trust::read(Some(anchors), stir.crls.as_deref()));
        trust.warnings().iter().for_each(|warning| warn(warning.to_string()));
        if trust.anchors.is_empty() {
            warn(format!("no trust anchor in {}: no signature is verified", anchors.display()));
        }
        let settings = cache::Settings {
            fetch: false,
            roots: None,
            allow: stir.allow_addresses.clone(),
            local: stir.local.clone(),
            folder: None,
            max_certificates: stir.max_certificates,
        };
        let (cache, _) = Cache::new(settings, bench::reader(Arc::clone(&trust), None), now)
            .context("cannot keep certificates")?;
        let bench = Bench::new(cache, &trust, stir.max_age);
        Ok(Some(Box::new(Offline { bench, now: self.at_now.then_some(now), started: now })))
    }
}

/// Verifies at once, with what is there.
struct Offline {
    bench: Bench,
    /// The time all calls are held against; none for that of each.
    now: Option<Timestamp>,
    started: Timestamp,
}

impl Verifier for Offline {
    fn verify(&mut self, call: &Call<'_>, _: &Whose<'_>) -> Answer {
        let now = self.now.unwrap_or(call.now);
        let judgement = self.bench.judge(&Call { now, ..call.clone() }, self.started);
        Answer { judgement: Arc::new(judgement), counts: true }
    }
}

#[cfg(test)]
mod tests;
