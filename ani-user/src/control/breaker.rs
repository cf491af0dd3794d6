//! The breaker: who tells it of calls, what is at rest, and ending that.
//!
//! | path | method | what |
//! |---|---|---|
//! | `/v1/breaker` | GET | what is at rest and why, and what the breaker holds |
//! | `/v1/breaker/resume` | POST | `{"name"}`: ends a rest; `spam`, or `list:spam` as records have it |
//!
//! Whoever tells of a call never waits for the kernel: that a list or limit goes to rest is put in
//! force by whoever waits for it ([`Watch::tripped`]).

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::extract::State;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
    registry::Registry,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    Daemon, Refusal,
    api::{Answer, Said, Shared, did, json_of, word, work},
    routes::{Routes, Verb},
};
use crate::{
    config::{self, Config, PER_CALLER},
    policy::{
        breaker::{Breaker, Call, Figures, Stopper, Trip},
        names,
    },
    telemetry::spoken::Did,
    time::Timestamp,
};

/// The breaker, told by several threads.
pub struct Watch {
    state: Mutex<Told>,
    tripped: Notify,
}

struct Told {
    breaker: Breaker,
    /// Trips that nobody was told of yet: each of another stopper.
    trips: Vec<Trip>,
}

impl Watch {
    /// One that knows nobody.
    pub fn new(settings: config::Breaker) -> Self {
        let told = Told { breaker: Breaker::new(settings), trips: Vec::new() };
        Self { state: Mutex::new(told), tripped: Notify::new() }
    }

    /// Takes the first INVITE of a call attempt, or what came of its signatures.
    pub fn saw(&self, call: &Call, now: Timestamp) {
        let mut told = self.told();
        if let Some(trip) = told.breaker.saw(call, now) {
            told.trips.push(trip);
            drop(told);
            self.tripped.notify_one();
        }
    }

    /// Waits until something has to go to rest.
    pub async fn tripped(&self) {
        self.tripped.notified().await;
    }

    fn figures(&self) -> (Figures, Vec<Trip>) {
        let told = self.told();
        (told.breaker.figures(), told.breaker.resting().copied().collect())
    }

    /// What it holds stays usable whatever thread panicked.
    fn told(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The paths.
pub(super) fn routes(routes: Routes) -> Routes {
    routes.look("/v1/breaker", show).change(Verb::Post, "/v1/breaker/resume", resume)
}

async fn show(State(daemon): Shared) -> Answer {
    work(move || Ok(json_of(daemon.breaker_status()))).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Resume {
    name: String,
}

async fn resume(State(daemon): Shared, Said(resume): Said<Resume>) -> Answer {
    work(move || {
        let told = daemon.resume(&resume.name)?;
        let (kind, name) = (word(&told["resumed"]["kind"]), word(&told["resumed"]["name"]));
        Ok(did(format!("ended the rest of {kind} `{name}`"), told))
    })
    .await
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Named {
    kind: &'static str,
    name: String,
}

impl Daemon {
    /// Puts in force what is at rest now, and what no longer is, and says so. To be called when
    /// [`Watch::tripped`] is ready, and now and then. Blocks while it writes.
    pub fn settle_rests(&self, now: Timestamp) {
        let (mut over, mut trips) = (Vec::new(), Vec::new());
        let settled = self.enforce.rest(|| {
            let mut told = self.breaker.told();
            over = told.breaker.due(now);
            trips = std::mem::take(&mut told.trips);
            resting(&told.breaker)
        });
        for trip in &trips {
            self.tell(trip);
        }
        for stopper in over {
            let (kind, name) = (stopper.kind(), self.name_of(stopper));
            tracing::warn!("the {kind} {name} has rested and stops calls again");
        }
        if let Err(error) = settled {
            tracing::error!(
                "the kernel did not take what is at rest, and what is not any more; it is tried \
                 again: {error:#}"
            );
        }
    }

    /// Loudly: somebody has to look at it before the rest is over.
    fn tell(&self, trip: &Trip) {
        let (kind, name) = (trip.stopper.kind(), self.name_of(trip.stopper));
        tracing::error!(
            "the {kind} {name} is taken for a mistake and only observes until {}: of {} good callers \
             of trunk {} within a minute {} were stopped ({} %), {} of them by it; look what is \
             wrong with it, or end the rest with `ani breaker resume '{name}'`",
            trip.until,
            trip.good,
            self.trunk_name(trip.trunk),
            trip.stopped,
            trip.share,
            trip.stopped_by_it,
        );
    }

    /// `GET /v1/breaker`, and `breaker` of the status.
    pub(super) fn breaker_status(&self) -> Value {
        let (figures, resting) = self.breaker.figures();
        let resting: Vec<_> = resting.iter().map(|trip| self.shown(trip)).collect();
        json!({
            "enabled": self.config().breaker.enabled,
            "trips": figures.trips,
            "known": figures.known,
            "forgotten": figures.forgotten,
            "crowded": figures.crowded,
            "resting": resting,
        })
    }

    fn shown(&self, trip: &Trip) -> Value {
        json!({
            "kind": trip.stopper.kind(),
            "name": self.name_of(trip.stopper),
            "until": trip.until,
            "trunk": self.trunk_name(trip.trunk),
            "good": trip.good,
            "stopped": trip.stopped,
            "stopped_by_it": trip.stopped_by_it,
            "share": trip.share,
        })
    }

    /// Ends the rest of the list or limit of that name.
    fn resume(&self, name: &str) -> Result<Value, Refusal> {
        let (_, rests) = self.breaker.figures();
        let config = self.config();
        let of_name = |trip: &&Trip| {
            names::name_of(&config, trip.stopper) == name
                || names::rule_name(&config, trip.stopper) == name
        };
        let Some(trip) = rests.iter().find(of_name) else {
            let names: Vec<_> = rests.iter().map(|trip| self.name_of(trip.stopper)).collect();
            let names = if names.is_empty() { "nothing is".to_owned() } else { names.join(", ") };
            return Err(Refusal::unknown(format!("`{name}` is not at rest; at rest: {names}")));
        };
        self.enforce
            .rest(|| {
                let mut told = self.breaker.told();
                told.breaker.forget(trip.stopper);
                resting(&told.breaker)
            })
            .map_err(|error| {
                Refusal::failed(format!(
                    "the kernel did not take that `{name}` stops calls again; it is tried again \
                     every second: {error:#}"
                ))
            })?;
        tracing::warn!(
            "the {} {name} stops calls again: an operator ended its rest",
            trip.stopper.kind()
        );
        Ok(json!({ "resumed": self.shown(trip) }))
    }

    /// On a reload: rests and records stay as they are, but those of what is gone. Whoever gets its
    /// number later starts anew.
    pub(super) fn reload_breaker(&self, old: &Config, new: &Config) {
        let trunks = new.trunks.changed(&old.trunks);
        let lists = new.list.changed(&old.list).into_iter().map(Stopper::List);
        let limits = new.limits.named.changed(&old.limits.named).into_iter().map(Stopper::Limit);
        let stoppers: Vec<_> = lists.chain(limits).collect();
        for stopper in &stoppers {
            self.tallies.spoken.forget(*stopper);
        }
        let settled = self.enforce.rest(|| {
            let mut told = self.breaker.told();
            told.breaker.set(new.breaker);
            told.breaker.forget_trunks(&trunks);
            for stopper in &stoppers {
                told.breaker.forget(*stopper);
            }
            told.trips.retain(|trip| !stoppers.contains(&trip.stopper));
            resting(&told.breaker)
        });
        if let Err(error) = settled {
            tracing::warn!(
                "the kernel did not take that nobody rests of those who are gone; it is tried again: \
                 {error:#}"
            );
        }
    }

    pub(super) fn register_breaker(&self, registry: &mut Registry) {
        let (figures, rests) = self.breaker.figures();
        for (name, help, value) in [
            ("ani_breaker_trips", "Lists and limits that were taken for a mistake", figures.trips),
            (
                "ani_breaker_forgotten",
                "Callers with a record that gave way because breaker.max_known was reached",
                figures.forgotten,
            ),
            (
                "ani_breaker_crowded",
                "Good callers that were counted for less than a minute because there were too many",
                figures.crowded,
            ),
        ] {
            registry.register(name, help, ConstCounter::new(value));
        }
        registry.register(
            "ani_breaker_known",
            "Callers with a record",
            ConstGauge::new(i64::try_from(figures.known).unwrap_or(i64::MAX)),
        );
        let resting = Family::<Named, Gauge>::default();
        for trip in rests {
            let (kind, name) = (trip.stopper.kind(), self.name_of(trip.stopper));
            resting.get_or_create(&Named { kind, name }).set(1);
        }
        registry.register(
            "ani_breaker_resting",
            "Lists and limits that only observe because they were taken for a mistake",
            resting,
        );
    }

    /// What lists and limits did.
    pub(super) fn register_spoken(&self, registry: &mut Registry) {
        let (lists, config) = (self.in_force(), self.config());
        let lists = lists.lists.iter().map(|list| Stopper::List(list.id));
        let limits = config.limits.named.numbered().map(|(id, _)| Stopper::Limit(id));
        let all: Vec<_> = lists.chain([Stopper::Limit(PER_CALLER)]).chain(limits).collect();
        for (name, help, did) in [
            (
                "ani_rule_decided",
                "INVITEs that a list, limit or signature decided, repeated ones left out",
                Did::Decided,
            ),
            (
                "ani_rule_would_have_decided",
                "INVITEs that a list, limit or signature would have decided, were it not only observed",
                Did::WouldHave,
            ),
        ] {
            let family = Family::<Named, Counter>::default();
            for stopper in &all {
                let named = Named { kind: stopper.kind(), name: self.name_of(*stopper) };
                family.get_or_create(&named).inc_by(self.tallies.spoken.value(*stopper, did));
            }
            for (outcome, count) in self.tallies.spoken.refusals(did) {
                let named = Named { kind: "stir", name: outcome.as_str().to_owned() };
                family.get_or_create(&named).inc_by(count);
            }
            registry.register(name, help, family);
        }
    }

    /// What an operator calls a list or limit.
    pub(super) fn name_of(&self, stopper: Stopper) -> String {
        names::name_of(&self.config(), stopper).into_owned()
    }

    fn trunk_name(&self, index: u16) -> String {
        match self.config().trunks.by_number(index) {
            Some(trunk) => trunk.name.clone(),
            None => format!("{index}, which is no longer configured"),
        }
    }
}

fn resting(breaker: &Breaker) -> BTreeSet<Stopper> {
    breaker.resting().map(|trip| trip.stopper).collect()
}
