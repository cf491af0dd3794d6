//! Habits of trunks: what changed, what is stored of it, and lessons.
//!
//! | path | method | what |
//! |---|---|---|
//! | `/v1/habits?trunk=` | GET | changes of each trunk's habits, and what does not go with its profile |
//! | `/v1/habits/lessons` | POST | `{"within", "source", "trunk"}`: begins to learn |
//! | `/v1/habits/lessons/{id}` | GET | what was learned so far, by source address |
//! | `/v1/habits/lessons/{id}` | DELETE | the same, and ends it |

use std::{collections::HashSet, time::Duration};

use axum::extract::{Path, State, rejection::PathRejection};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Daemon, Refusal,
    api::{Answer, Asked, Said, Shared, did, json_of, work},
    routes::{Routes, Verb},
};
use crate::{
    store,
    telemetry::habits::{Change, Lesson, Lint, MAX_LESSONS, Watched},
};

/// The longest lesson; its end is when a client that went away costs nothing any more.
const MAX_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);

/// The paths.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .look("/v1/habits", lint)
        .change(Verb::Post, "/v1/habits/lessons", learn)
        .look("/v1/habits/lessons/{id}", lesson)
        .change(Verb::Delete, "/v1/habits/lessons/{id}", learned)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Which {
    trunk: Option<String>,
}

async fn lint(State(daemon): Shared, Asked(which): Asked<Which>) -> Answer {
    work(move || daemon.lint(which.trunk.as_deref()).map(json_of)).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Learn {
    within: String,
    #[serde(default)]
    source: Option<String>,
    #[serde(default)]
    trunk: Option<String>,
}

async fn learn(State(daemon): Shared, Said(learn): Said<Learn>) -> Answer {
    work(move || {
        let told = daemon.learn(&learn)?;
        Ok(did(format!("began lesson {}", told["id"]), told))
    })
    .await
}

async fn lesson(State(daemon): Shared, id: Result<Path<u64>, PathRejection>) -> Answer {
    let Path(id) = id.map_err(|error| Refusal::bad(error.body_text()))?;
    work(move || daemon.telemetry.habits.lesson(id).ok_or_else(|| over(id)).map(json_of)).await
}

async fn learned(State(daemon): Shared, id: Result<Path<u64>, PathRejection>) -> Answer {
    let Path(id) = id.map_err(|error| Refusal::bad(error.body_text()))?;
    let end = move || -> Result<Lesson, Refusal> {
        daemon.telemetry.habits.learned(id).ok_or_else(|| over(id))
    };
    work(move || end().map(|lesson| did(format!("ended lesson {id}"), lesson))).await
}

fn over(id: u64) -> Refusal {
    Refusal::unknown(format!("there is no lesson {id}, or it was over long ago; begin another one"))
}

impl Daemon {
    /// Says which habits changed since this was last called; returns how many.
    pub fn tell_habits(&self) -> usize {
        let news = self.telemetry.habits.news();
        for (trunk, finding) in &news {
            tracing::warn!("trunk {trunk} changed: {}", Change::of(finding).message);
        }
        news.len()
    }

    /// Stores the habits of the trunks that called since this was last called; returns how many
    /// trunks. Blocks while it writes; nothing waits for it but other changes.
    pub fn keep_habits(&self) -> Result<usize, store::Error> {
        let habits = &self.telemetry.habits;
        let mut rows = Vec::new();
        // One at a time: the worker waits for a copy and not for all.
        for name in habits.unstored() {
            if let Some(watched) = habits.to_store(&name) {
                rows.push((name, json!(watched).to_string()));
            }
        }
        self.store.set_habits(&rows)?;
        Ok(rows.len())
    }

    /// At start: the habits of the trunks that are still configured; the others are forgotten. What
    /// cannot be read was learned and can be learned again: it is said, and the daemon starts.
    pub(super) fn restore_habits(&self) -> Result<(), store::Error> {
        let config = self.config();
        let configured: HashSet<_> = config.trunks.iter().map(|trunk| &trunk.name).collect();
        let mut gone = Vec::new();
        for (name, text) in self.store.habits()? {
            if !configured.contains(&name) {
                gone.push(name);
                continue;
            }
            match serde_json::from_str::<Watched>(&text) {
                Ok(watched) => self.telemetry.habits.restore(name, watched),
                Err(error) => tracing::warn!(
                    "the habits of trunk {name} cannot be read ({error}): they are learned afresh"
                ),
            }
        }
        self.store.forget_habits(&gone)
    }

    fn lint(&self, only: Option<&str>) -> Result<Value, Refusal> {
        let config = self.config();
        let habits = &self.telemetry.habits;
        let mut names: Vec<_> = config.trunks.iter().map(|trunk| trunk.name.clone()).collect();
        let others = habits.changes().into_iter().map(|(name, _)| name);
        names.extend(others.filter(|name| !config.trunks.iter().any(|t| t.name == *name)));
        if let Some(only) = only {
            if !names.iter().any(|name| name == only) {
                let known = names.join(", ");
                return Err(Refusal::unknown(format!(
                    "there is no trunk `{only}`; name one of {known}"
                )));
            }
            names.retain(|name| name == only);
        }
        let lints: Vec<_> = names
            .iter()
            .map(|name| {
                let trunk = config.trunks.iter().find(|trunk| trunk.name == *name);
                Lint::of(name, &habits.trunk(name).unwrap_or_default(), trunk)
            })
            .collect();
        Ok(json!({ "trunks": lints }))
    }

    fn learn(&self, learn: &Learn) -> Result<Value, Refusal> {
        let within = humantime::parse_duration(&learn.within).map_err(|error| {
            Refusal::bad(format!("within: `{}`: {error}; write one such as 10m", learn.within))
        })?;
        if within < Duration::from_secs(1) || within > MAX_WITHIN {
            return Err(Refusal::bad(format!(
                "within: `{}` is not between 1s and 24h; write one such as 10m",
                learn.within
            )));
        }
        let source = match &learn.source {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                Refusal::bad(format!("source: `{text}` is no network; write 203.0.113.0/24"))
            })?),
        };
        if let Some(name) = &learn.trunk
            && !self.config().trunks.iter().any(|trunk| trunk.name == *name)
        {
            return Err(Refusal::bad(format!("trunk: there is no trunk `{name}`")));
        }
        let now = self.clock.now();
        let id = self.telemetry.habits.learn(source, learn.trunk.clone(), now, within);
        let id = id.ok_or_else(|| Refusal {
            status: axum::http::StatusCode::CONFLICT,
            message: format!("{MAX_LESSONS} learn already; wait until one of them is done"),
        })?;
        Ok(json!({ "id": id, "until": now.after(within) }))
    }
}
