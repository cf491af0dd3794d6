//! Certificates as requests see them.
//!
//! | path | method | what |
//! |---|---|---|
//! | `/v1/certificates` | GET | all that are at hand, that failed, that are asked for |
//! | `/v1/certificates?url=` | POST | the body as the certificate of a URL, until it is removed |
//! | `/v1/certificates` | DELETE | `{"urls": […]}`: forgets what is known of them |
//! | `/v1/certificates/show?url=` | GET | one of them with its chain |
//! | `/v1/certificates/prefetch` | POST | `{"urls": […]}`: fetches them now |

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    Daemon, Refusal,
    api::{Answer, Asked, Said, Shared, Whole, did, json_of, work},
    routes::{Routes, Verb},
};
use crate::stir::{
    Credential, Outcome,
    cache::{Cache, Listed, NotAdded},
    fetch::Failure,
    url,
};

/// URLs of one request: with each of them hanging, that takes two minutes.
pub const MAX_URLS: usize = 1_000;

/// The paths.
pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .look("/v1/certificates", list)
        .change(Verb::Post, "/v1/certificates", add)
        .change(Verb::Delete, "/v1/certificates", remove)
        .look("/v1/certificates/show", show)
        .change(Verb::Post, "/v1/certificates/prefetch", prefetch)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    url: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Urls {
    urls: Vec<String>,
}

async fn list(State(daemon): Shared) -> Answer {
    work(move || {
        let all = daemon.cache()?.list(daemon.clock.now());
        let all: Vec<_> = all.into_iter().map(|(listed, held)| entry(&listed, held)).collect();
        Ok(json_of(json!({ "certificates": all })))
    })
    .await
}

async fn show(State(daemon): Shared, Asked(which): Asked<Which>) -> Answer {
    work(move || {
        checked(&which.url)?;
        let found = daemon.cache()?.show(&which.url, daemon.clock.now());
        let (listed, held) = found.ok_or_else(|| {
            Refusal::unknown(format!(
                "nothing is known of {}: `ani cert prefetch` fetches it",
                shown(&which.url)
            ))
        })?;
        let facts = json!(held.as_ref().map(|held| held.facts()));
        let mut told = entry(&listed, held);
        told["facts"] = facts;
        Ok(json_of(told))
    })
    .await
}

async fn add(State(daemon): Shared, Asked(which): Asked<Which>, Whole(body): Whole) -> Answer {
    work(move || {
        let added = daemon.cache()?.add(&which.url, body, daemon.clock.now());
        let replaced = added.map_err(|error| match error {
            NotAdded::Url(_) | NotAdded::Unreadable(_) | NotAdded::TooLarge(_) => {
                Refusal::bad(error.to_string())
            }
            NotAdded::Full(_) => {
                Refusal { status: StatusCode::CONFLICT, message: error.to_string() }
            }
            NotAdded::Disk(_) => Refusal::failed(error.to_string()),
        })?;
        let url = canonical(&which.url);
        Ok(did(
            format!("put a certificate at hand for {url}"),
            json!({ "url": url, "replaced": replaced }),
        ))
    })
    .await
}

async fn remove(State(daemon): Shared, Said(Urls { urls }): Said<Urls>) -> Answer {
    work(move || {
        bounded(&urls)?;
        let cache = daemon.cache()?;
        let (mut removed, mut unknown) = (Vec::new(), Vec::new());
        for url in urls {
            let had = cache.remove(&url).map_err(|error| {
                Refusal::failed(format!("{} cannot be removed: {error}", shown(&url)))
            })?;
            if had { &mut removed } else { &mut unknown }.push(canonical(&url));
        }
        Ok(did(
            format!("forgot certificates: {}", removed.len()),
            json!({ "removed": removed, "not_known": unknown }),
        ))
    })
    .await
}

async fn prefetch(State(daemon): Shared, Said(Urls { urls }): Said<Urls>) -> Answer {
    bounded(&urls)?;
    let cache = daemon.cache()?;
    let mut running = JoinSet::new();
    for (at, url) in urls.iter().enumerate() {
        let (cache, url) = (Arc::clone(&cache), url.clone());
        running.spawn(async move { (at, cache.prefetch(&url).await) });
    }
    let mut fetched: Vec<_> = urls.iter().map(|_| Value::Null).collect();
    while let Some(ended) = running.join_next().await {
        let (at, result) =
            ended.map_err(|error| Refusal::failed(format!("a fetch ended early: {error}")))?;
        if let (Some(place), Some(url)) = (fetched.get_mut(at), urls.get(at)) {
            *place = told(url, result);
        }
    }
    Ok(did(format!("asked for certificates: {}", fetched.len()), json!({ "fetched": fetched })))
}

fn told(url: &str, result: Result<(), Failure>) -> Value {
    let (outcome, detail) = match result {
        Ok(()) => (Outcome::Valid, None),
        Err(failure) => (failure.outcome, Some(failure.detail)),
    };
    let remedy = detail.is_some().then(|| outcome.remedy());
    json!({ "url": canonical(url), "outcome": outcome.as_str(), "detail": detail, "remedy": remedy })
}

/// A URL as it is listed, with what an operator looks for first in its certificate.
fn entry(listed: &Listed, held: Option<Arc<Credential>>) -> Value {
    let mut told = json!(listed);
    told["signer"] = json!(held.as_ref().map(|held| &**held.signer()));
    told["defects"] = held.map_or(Value::Null, |held| json!(held.facts())["defects"].take());
    told
}

fn checked(url: &str) -> Result<(), Refusal> {
    url::check(url).map(drop).map_err(|_| Refusal::bad(NotAdded::Url(shown(url)).to_string()))
}

/// As much of it as a URL has, without control characters.
fn shown(text: &str) -> String {
    let plain = |char: char| if char.is_control() { '\u{fffd}' } else { char };
    text.chars().take(url::MAX_URL).map(plain).collect()
}

/// As it is listed; what is no URL as it was given.
fn canonical(url: &str) -> String {
    url::check(url).map_or_else(|_| shown(url), String::from)
}

fn bounded(urls: &[String]) -> Result<(), Refusal> {
    match urls.len() {
        0 => Err(Refusal::bad("no URL; name at least one")),
        1..=MAX_URLS => Ok(()),
        count => Err(Refusal::bad(format!("{count} URLs in one request; name at most {MAX_URLS}"))),
    }
}

impl Daemon {
    /// At start: names the certificates that commands see and change.
    pub fn show_certificates(&self, cache: Arc<Cache<Credential>>) {
        // Named once; whoever names a second one is not heard.
        let _ = self.certificates.set(cache);
    }

    fn cache(&self) -> Result<Arc<Cache<Credential>>, Refusal> {
        self.certificates.get().cloned().ok_or_else(|| Refusal {
            status: StatusCode::CONFLICT,
            message: "the daemon keeps no certificates, as it verifies nothing: set stir.anchors \
                      and restart it"
                .to_owned(),
        })
    }
}
