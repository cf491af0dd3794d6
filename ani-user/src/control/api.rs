//! Paths and what they answer. All but an export is JSON; a refusal is `{"error": "…"}`.
//!
//! | path | method | what |
//! |---|---|---|
//! | `/v1/status` | GET | version, interfaces, counters, limits, trunks |
//! | `/v1/top/callers?n=&by=` | GET | the callers with the most calls, dropped INVITEs or INVITEs |
//! | `/v1/top/trunks?n=&by=` | GET | the trunks with the most of them |
//! | `/v1/callers/{number}?country=` | GET | all that is known of a caller |
//! | `/v1/lists` | GET | the lists: what they do, how many entries they have |
//! | `/v1/lists/{name}?after=&n=` | GET | a page of a list |
//! | `/v1/lists/{name}` | POST | `{"numbers": […], "ttl", "reason", "country", "trunk", "attestation", "answer"}`: adds |
//! | `/v1/lists/{name}` | DELETE | `{"numbers": […], "country", "trunk", "attestation"}`: removes |
//! | `/v1/lists/{name}/import?replace=&ttl=&reason=&country=&trunk=&attestation=&answer=` | POST | a list as text or CSV: adds all or none, or makes it the whole list |
//! | `/v1/lists/{name}/export` | GET | a list as CSV |
//! | `/v1/lists/{name}/mode` | PUT | `{"mode": "observe", "enforce" or "reset"}` |
//! | `/v1/block…` | | `/v1/lists/block…` |
//! | `/v1/certificates…` | | certificates of signers; see `cert` |
//! | `/v1/habits…` | | what trunks send; see `habits` |
//! | `/v1/breaker…` | | lists and limits at rest; see `breaker` |
//! | `/v1/reload` | | the configuration, read again; see `reload` |
//! | `/v1/limits/named` | GET | all limits, in the order they are looked at |
//! | `/v1/limits/named/{name}` | PUT, DELETE | `{"rate": "10 per 1m" or "none", "mode": "observe", "enforce" or "reset"}`, either or both |
//! | `/v1/limits` | GET, PUT, DELETE | `{"per_caller": {"calls", "within"} or null}` |

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{
        DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request, State,
        rejection::PathRejection,
    },
    handler::Handler as _,
    http::{StatusCode, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Daemon, MAX_IMPORT_BYTES, Refusal, breaker, cert,
    entries::{self, Add, BLOCK, How, Page, Remove, SetMode},
    habits,
    limits::SetNamed,
    number,
    peer::Did,
    reload,
    routes::{Access, MAX_BODY_BYTES, Route, Routes, Verb},
    status,
};
use crate::{
    config::Rate,
    telemetry::{By, Caller, CallerFigures},
};

/// Callers or trunks that are listed unless the request says how many.
const DEFAULT_TOP: usize = 10;
/// Callers or trunks that are listed at most.
const MAX_TOP: usize = 10_000;

/// The API around a daemon.
pub(super) fn router(daemon: Arc<Daemon>, access: Access) -> Router {
    all(access).router(daemon)
}

/// All routes there are.
pub fn routes() -> Vec<Route> {
    all(Access::All).table()
}

fn all(access: Access) -> Routes {
    use Verb::{Delete, Post, Put};
    let large = || DefaultBodyLimit::max(MAX_IMPORT_BYTES);
    let routes = Routes::new(access)
        .look("/v1/status", status)
        .look("/v1/top/callers", top_callers)
        .look("/v1/top/trunks", top_trunks)
        .look("/v1/callers/{number}", caller)
        .look("/v1/lists", lists)
        .look("/v1/lists/{name}", entries)
        .change(Post, "/v1/lists/{name}", add)
        .change(Delete, "/v1/lists/{name}", remove)
        .change(Post, "/v1/lists/{name}/import", import.layer(large()))
        .look("/v1/lists/{name}/export", export)
        .change(Put, "/v1/lists/{name}/mode", set_mode)
        .look("/v1/block", entries)
        .change(Post, "/v1/block", add)
        .change(Delete, "/v1/block", remove)
        .change(Post, "/v1/block/import", import.layer(large()))
        .look("/v1/block/export", export)
        .look("/v1/limits", limits)
        .change(Put, "/v1/limits", set_limits)
        .change(Delete, "/v1/limits", reset_limits)
        .look("/v1/limits/named", all_limits)
        .change(Put, "/v1/limits/named/{name}", set_named)
        .change(Delete, "/v1/limits/named/{name}", reset_named);
    reload::routes(habits::routes(cert::routes(breaker::routes(routes))))
}

pub(super) type Shared = State<Arc<Daemon>>;
pub(super) type Answer = Result<Response, Refusal>;

async fn status(State(daemon): Shared) -> Answer {
    work(move || daemon.status().map(json_of)).await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Top {
    n: Option<usize>,
    by: By,
}

impl Top {
    fn count(&self) -> usize {
        self.n.unwrap_or(DEFAULT_TOP).min(MAX_TOP)
    }
}

#[derive(Serialize)]
struct TopCaller {
    caller: Caller,
    #[serde(flatten)]
    figures: CallerFigures,
}

async fn top_callers(State(daemon): Shared, Asked(top): Asked<Top>) -> Answer {
    work(move || {
        let callers: Vec<_> = daemon
            .telemetry
            .top(top.count(), top.by)
            .into_iter()
            .map(|(caller, figures)| TopCaller { caller, figures })
            .collect();
        Ok(json_of(json!({ "callers": callers })))
    })
    .await
}

async fn top_trunks(State(daemon): Shared, Asked(top): Asked<Top>) -> Answer {
    work(move || {
        let trunks = daemon.top_trunks(top.count(), top.by);
        Ok(json_of(json!({ "trunks": trunks })))
    })
    .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Where {
    country: Option<String>,
}

async fn caller(
    State(daemon): Shared,
    path: Result<Path<String>, PathRejection>,
    Asked(place): Asked<Where>,
) -> Answer {
    let Path(text) = path.map_err(|error| Refusal::bad(error.body_text()))?;
    work(move || known_caller(&daemon, &text, place.country.as_deref()).map(json_of)).await
}

/// A caller is a number, or whatever stands in `top callers`.
fn known_caller(daemon: &Daemon, text: &str, country: Option<&str>) -> Result<Value, Refusal> {
    let country = number::country(country).map_err(Refusal::bad)?;
    let (caller, unread) = match number::read(text, country) {
        Ok(number) => (Caller::Number(number), None),
        Err(error) => (Caller::from_text(text), Some(error)),
    };
    let figures = daemon.telemetry.caller(&caller);
    let stranger = daemon.telemetry.stranger(&caller);
    let number = match caller {
        Caller::Number(number) => Some(number),
        Caller::Anonymous | Caller::Missing | Caller::Text(_) => None,
    };
    let in_force = daemon.in_force();
    let mut listed = match number {
        Some(number) => daemon.store.of(number)?,
        None => Vec::new(),
    };
    listed.retain(|(list, _)| in_force.find(list).is_some());
    if figures.is_none() && stranger.is_none() && listed.is_empty() {
        return Err(match unread {
            Some(error) => Refusal::bad(error),
            None => Refusal::unknown(format!(
                "nothing is known of {caller}: no INVITE seen, and on no list"
            )),
        });
    }
    let blocked = listed.iter().find(|(list, _)| list == BLOCK);
    let lists: Vec<_> = listed
        .iter()
        .map(|(list, listed)| {
            let mut shown = entries::entry(listed, &in_force);
            shown["list"] = json!(list);
            shown
        })
        .collect();
    Ok(json!({
        "caller": caller,
        "number": number.map(|number| daemon.numbers.find(number)),
        "seen": figures,
        "seen_untrusted": stranger,
        "blocked": blocked.map(|(_, listed)| entries::entry(listed, &in_force)),
        "lists": lists,
        "limits": status::limits(daemon.limit()?),
    }))
}

async fn lists(State(daemon): Shared) -> Answer {
    work(move || Ok(json_of(daemon.lists()))).await
}

async fn entries(State(daemon): Shared, Named(list): Named, Asked(page): Asked<Page>) -> Answer {
    work(move || daemon.page_of(&list, page).map(json_of)).await
}

async fn add(State(daemon): Shared, Named(list): Named, Said(add): Said<Add>) -> Answer {
    work(move || {
        let told = daemon.add(&list, add)?;
        let (new, replaced) = (&told["new"], &told["replaced"]);
        Ok(did(format!("added to list `{list}`: {new} new, {replaced} replaced"), told))
    })
    .await
}

async fn remove(State(daemon): Shared, Named(list): Named, Said(remove): Said<Remove>) -> Answer {
    work(move || {
        let told = daemon.remove(&list, &remove)?;
        let removed = told["removed"].as_array().map_or(0, Vec::len);
        Ok(did(format!("took {removed} off list `{list}`"), told))
    })
    .await
}

async fn import(
    State(daemon): Shared,
    Named(list): Named,
    Asked(how): Asked<How>,
    Whole(body): Whole,
) -> Answer {
    work(move || {
        let told = daemon.import(&list, &how, &body)?;
        let (new, replaced) = (&told["new"], &told["replaced"]);
        // Only what becomes the whole list takes anything away.
        let removed = told.get("removed").map(|removed| format!(", {removed} removed"));
        let removed = removed.unwrap_or_default();
        Ok(did(
            format!("imported into list `{list}`: {new} new, {replaced} replaced{removed}"),
            told,
        ))
    })
    .await
}

async fn export(State(daemon): Shared, Named(list): Named) -> Answer {
    work(move || {
        let text = daemon.export(&list)?;
        Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response())
    })
    .await
}

async fn set_mode(State(daemon): Shared, Named(list): Named, Said(set): Said<SetMode>) -> Answer {
    work(move || {
        let told = daemon.set_mode(&list, &set)?;
        Ok(did(format!("set the mode of list `{list}`: it is {}", word(&told["mode"])), told))
    })
    .await
}

async fn limits(State(daemon): Shared) -> Answer {
    work(move || Ok(json_of(status::limits(daemon.limit()?)))).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetLimits {
    /// Null is no limit; it must be there, so that an empty document takes no limit away.
    #[serde(deserialize_with = "Option::deserialize")]
    per_caller: Option<SetRate>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetRate {
    calls: u64,
    within: String,
}

async fn set_limits(State(daemon): Shared, Said(set): Said<SetLimits>) -> Answer {
    work(move || {
        let rate = set
            .per_caller
            .map(|rate| Rate::new(rate.calls, &rate.within))
            .transpose()
            .map_err(|error| Refusal::bad(error.to_string()))?;
        let limit = daemon.set_limit(Some(rate))?;
        Ok(did(
            format!("set the limit of each caller: {}", rate_text(limit.rate)),
            status::limits(limit),
        ))
    })
    .await
}

async fn reset_limits(State(daemon): Shared) -> Answer {
    work(move || {
        let limit = daemon.set_limit(None)?;
        let rate = rate_text(limit.rate);
        Ok(did(format!("reset the limit of each caller: it is {rate}"), status::limits(limit)))
    })
    .await
}

async fn all_limits(State(daemon): Shared) -> Answer {
    work(move || daemon.limits().map(json_of)).await
}

async fn set_named(
    State(daemon): Shared,
    Named(limit): Named,
    Said(set): Said<SetNamed>,
) -> Answer {
    work(move || daemon.set_named(&limit, &set).map(|told| did(named_did("set", &told), told)))
        .await
}

async fn reset_named(State(daemon): Shared, Named(limit): Named) -> Answer {
    work(move || daemon.reset_named(&limit).map(|told| did(named_did("reset", &told), told))).await
}

fn named_did(verb: &str, told: &Value) -> String {
    let rate = told["rate"].as_str().unwrap_or("none");
    format!("{verb} limit `{}`: it is {rate}, {}", word(&told["name"]), word(&told["mode"]))
}

fn rate_text(rate: Option<Rate>) -> String {
    rate.map_or_else(|| "none".to_owned(), |rate| rate.to_string())
}

/// A word of an answer.
pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// Database and kernel maps block; they do so beside the tasks that serve.
pub(super) async fn work(job: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    tokio::task::spawn_blocking(job)
        .await
        .unwrap_or_else(|error| Err(Refusal::failed(format!("the request ended early: {error}"))))
}

pub(super) fn json_of(value: impl Serialize) -> Response {
    Json(value).into_response()
}

/// The answer to a request that changed something, and what the log says that it did.
pub(super) fn did(what: String, answer: impl Serialize) -> Response {
    let mut response = json_of(answer);
    response.extensions_mut().insert(Did(what));
    response
}

/// The name in the path; the block list's where there is none.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        match Option::<Path<String>>::from_request_parts(parts, state).await {
            Ok(name) => Ok(Self(name.map_or_else(|| BLOCK.to_owned(), |Path(name)| name))),
            Err(error) => Err(Refusal::bad(error.body_text())),
        }
    }
}

/// The query, or a refusal in JSON.
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Query::from_request_parts(parts, state)
            .await
            .map(|Query(asked)| Self(asked))
            .map_err(|error| Refusal::bad(error.body_text()))
    }
}

/// The body, or a refusal in JSON.
pub(super) struct Whole(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        Bytes::from_request(request, state).await.map(Self).map_err(|error| Refusal {
            status: error.status(),
            message: match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => format!(
                    "the body is too large; send at most {} MiB as an import, {} MiB otherwise",
                    MAX_IMPORT_BYTES >> 20,
                    MAX_BODY_BYTES >> 20
                ),
                _ => error.body_text(),
            },
        })
    }
}

/// A JSON body, or a refusal in JSON.
pub(super) struct Said<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Said<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let Whole(body) = Whole::from_request(request, state).await?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| Refusal::bad(format!("the body cannot be read: {error}")))
    }
}
