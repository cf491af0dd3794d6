//! Limits in force, and how commands change them.

use ani_ebpf::abi::limit;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Daemon, Error, Refusal,
    entries::{Mode, mode_text},
    number, torn,
};
use crate::{
    config::{self, Config, NamedLimit, PER_CALLER, Rate},
    policy::Enforce as _,
    policy::breaker::Stopper,
    store::{self, LIMIT},
    telemetry::spoken::Did,
};

/// The limit of each caller and who set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// None is no limit.
    pub rate: Option<Rate>,
    /// Whether an operator set it by command; else it is the configuration's.
    pub by_operator: bool,
}

/// `PUT /v1/limits/named/{name}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetNamed {
    /// `10 per 1m`, or `none`.
    rate: Option<String>,
    mode: Option<Mode>,
}

/// Key of the rate an operator set.
pub(super) fn rate_key(limit: &str) -> String {
    format!("limit:{limit}")
}

/// Key of the mode he set.
pub(super) fn mode_key(limit: &str) -> String {
    format!("limit-mode:{limit}")
}

fn text(rate: Option<Rate>) -> String {
    rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string())
}

impl Daemon {
    /// The limit of each caller.
    pub fn limit(&self) -> Result<Limit, store::Error> {
        Ok(match self.store.limit()? {
            Some(rate) => Limit { rate, by_operator: true },
            None => Limit { rate: self.config().limits.per_caller, by_operator: false },
        })
    }

    /// Sets it by command; `None` gives way to the configuration's again.
    pub fn set_limit(&self, limit: Option<Option<Rate>>) -> Result<Limit, Error> {
        self.change_limits(&[(LIMIT.to_owned(), limit.map(text))])?;
        Ok(self.limit()?)
    }

    /// All limits, in the order they are looked at.
    pub(super) fn limits(&self) -> Result<Value, Refusal> {
        let per_caller = self.limit()?;
        let mut limits = vec![json!({
            "name": "per-caller",
            "rate": per_caller.rate.map(|rate| rate.to_string()),
            "per": ["caller", "trunk", "attestation"],
            "callers": "all",
            "mode": mode_text(false),
            "decided": self.tallies.spoken.value(Stopper::Limit(PER_CALLER), Did::Decided),
            "would_have": 0,
            "set_by": set_by(per_caller.by_operator),
        })];
        for limit in self.config().limits.named.iter() {
            limits.push(self.limit_status(limit)?);
        }
        Ok(json!({ "limits": limits }))
    }

    fn limit_status(&self, limit: &NamedLimit) -> Result<Value, Refusal> {
        let (rate, observed) = (self.store.rate(&rate_key(&limit.name))?, self.observed_by(limit)?);
        let config = self.config();
        let id = config.limits.named.number_of(&limit.name).map(Stopper::Limit);
        Ok(json!({
            "name": limit.name,
            "rate": rate.unwrap_or(Some(limit.rate)).map(|rate| rate.to_string()),
            "per": limit.per.words(),
            "callers": if limit.gray { "gray" } else { "all" },
            "mode": mode_text(observed.unwrap_or(limit.observed)),
            "decided": id.map(|id| self.tallies.spoken.value(id, Did::Decided)),
            "would_have": id.map(|id| self.tallies.spoken.value(id, Did::WouldHave)),
            "set_by": set_by(rate.is_some() || observed.is_some()),
        }))
    }

    /// Sets a named limit's rate or mode.
    pub(super) fn set_named(&self, name: &str, set: &SetNamed) -> Result<Value, Refusal> {
        let config = self.config();
        let limit = find(&config, name)?;
        let mut changes = Vec::new();
        if let Some(rate) = &set.rate {
            let rate = Rate::parse(rate).map_err(|error| Refusal::bad(error.to_string()))?;
            changes.push((rate_key(&limit.name), Some(text(rate))));
        }
        if let Some(mode) = set.mode {
            let kept = mode.observed().map(|observed| mode_text(observed).to_owned());
            changes.push((mode_key(&limit.name), kept));
        }
        self.change_limits(&changes)?;
        self.limit_status(limit)
    }

    /// Forgets what was set of a named limit.
    pub(super) fn reset_named(&self, name: &str) -> Result<Value, Refusal> {
        let config = self.config();
        let limit = find(&config, name)?;
        self.change_limits(&[(rate_key(&limit.name), None), (mode_key(&limit.name), None)])?;
        self.limit_status(limit)
    }

    /// What an operator set of a limit's mode: whether it is only observed.
    fn observed_by(&self, limit: &NamedLimit) -> Result<Option<bool>, store::Error> {
        let mode = self.store.setting(&mode_key(&limit.name))?;
        Ok(mode.map(|mode| mode == mode_text(true)))
    }

    /// The limits of a configuration, with what an operator set.
    pub(super) fn limits_of(&self, config: &Config) -> Result<Vec<limit::Limit>, store::Error> {
        let per_caller = self.store.limit()?.unwrap_or(config.limits.per_caller);
        let mut limits: Vec<_> = per_caller.and_then(config::per_caller).into_iter().collect();
        for (id, limit) in config.limits.named.numbered() {
            let rate = self.store.rate(&rate_key(&limit.name))?.unwrap_or(Some(limit.rate));
            let observed = self.observed_by(limit)?.unwrap_or(limit.observed);
            limits.extend(rate.and_then(|rate| limit.compiled(id, rate, observed)));
        }
        Ok(limits)
    }

    /// Puts limits in force, or the old ones again when that fails.
    pub(super) fn enforce_limits(
        &self,
        new: &[limit::Limit],
        old: &[limit::Limit],
    ) -> Result<(), Error> {
        self.enforce.set_limits(new).map_err(|refused| match self.enforce.set_limits(old) {
            Ok(()) => Error::NotInForce(refused),
            Err(undo) => Error::Torn { refused, undo },
        })
    }

    /// Keeps settings of limits and puts them in force; on an error nothing changes.
    fn change_limits(&self, changes: &[(String, Option<String>)]) -> Result<(), Error> {
        let _changes = self.changes();
        let config = self.config();
        let old = self.limits_of(&config)?;
        let mut before = Vec::with_capacity(changes.len());
        for (key, value) in changes {
            before.push((key, self.store.setting(key)?));
            self.store.set_setting(key, value.as_deref())?;
        }
        if let Err(error) = self.enforce_limits(&self.limits_of(&config)?, &old) {
            for (key, value) in before {
                let undone = self.store.set_setting(key, value.as_deref());
                undone.map_err(|undo| torn(&error, undo))?;
            }
            return Err(error);
        }
        Ok(())
    }
}

const fn set_by(operator: bool) -> &'static str {
    if operator { "command" } else { "configuration" }
}

fn find<'a>(config: &'a Config, name: &str) -> Result<&'a NamedLimit, Refusal> {
    config.limits.named.iter().find(|limit| limit.name == name).ok_or_else(|| {
        Refusal::unknown(format!(
            "no limit is named `{}`; `ani limit list` shows those there are, and a [[limit]] in the \
             configuration makes one",
            number::shown(name)
        ))
    })
}
