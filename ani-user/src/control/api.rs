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
    http::{StatusCode, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Daemon, MAX_IMPORT_BYTES, Refusal, breaker, cert,
    entries::{self, Add, BLOCK, How, Page, Remove, SetMode},
    habits,
    limits::SetNamed,
    number, status,
};
use crate::{
    config::Rate,
    telemetry::{By, Caller, CallerFigures},
};

/// Bytes of a request's body, imports aside.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Callers or trunks that are listed unless the request says how many.
const DEFAULT_TOP: usize = 10;
/// Callers or trunks that are listed at most.
const MAX_TOP: usize = 10_000;

/// The API around a daemon.
pub(super) fn router(daemon: Arc<Daemon>) -> Router {
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/top/callers", get(top_callers))
        .route("/v1/top/trunks", get(top_trunks))
        .route("/v1/callers/{number}", get(caller))
        .route("/v1/lists", get(lists))
        .route("/v1/lists/{name}", get(entries).post(add).delete(remove))
        .route(
            "/v1/lists/{name}/import",
            post(import).layer(DefaultBodyLimit::max(MAX_IMPORT_BYTES)),
        )
        .route("/v1/lists/{name}/export", get(export))
        .route("/v1/lists/{name}/mode", put(set_mode))
        .route("/v1/block", get(entries).post(add).delete(remove))
        .route("/v1/block/import", post(import).layer(DefaultBodyLimit::max(MAX_IMPORT_BYTES)))
        .route("/v1/block/export", get(export))
        .route("/v1/limits", get(limits).put(set_limits).delete(reset_limits))
        .route("/v1/limits/named", get(all_limits))
        .route("/v1/limits/named/{name}", put(set_named).delete(reset_named))
        .merge(breaker::routes())
        .merge(cert::routes())
        .merge(habits::routes())
        .fallback(async |request: Request| {
            Refusal::unknown(format!("no such path: {}", request.uri().path()))
        })
        .method_not_allowed_fallback(async |request: Request| Refusal {
            status: StatusCode::METHOD_NOT_ALLOWED,
            message: format!("{} does not take {}", request.uri().path(), request.method()),
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(daemon)
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
    work(move || daemon.add(&list, add).map(json_of)).await
}

async fn remove(State(daemon): Shared, Named(list): Named, Said(remove): Said<Remove>) -> Answer {
    work(move || daemon.remove(&list, &remove).map(json_of)).await
}

async fn import(
    State(daemon): Shared,
    Named(list): Named,
    Asked(how): Asked<How>,
    Whole(body): Whole,
) -> Answer {
    work(move || daemon.import(&list, &how, &body).map(json_of)).await
}

async fn export(State(daemon): Shared, Named(list): Named) -> Answer {
    work(move || {
        let text = daemon.export(&list)?;
        Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response())
    })
    .await
}

async fn set_mode(State(daemon): Shared, Named(list): Named, Said(set): Said<SetMode>) -> Answer {
    work(move || daemon.set_mode(&list, &set).map(json_of)).await
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
        Ok(json_of(status::limits(daemon.set_limit(Some(rate))?)))
    })
    .await
}

async fn reset_limits(State(daemon): Shared) -> Answer {
    work(move || Ok(json_of(status::limits(daemon.set_limit(None)?)))).await
}

async fn all_limits(State(daemon): Shared) -> Answer {
    work(move || daemon.limits().map(json_of)).await
}

async fn set_named(
    State(daemon): Shared,
    Named(limit): Named,
    Said(set): Said<SetNamed>,
) -> Answer {
    work(move || daemon.set_named(&limit, &set).map(json_of)).await
}

async fn reset_named(State(daemon): Shared, Named(limit): Named) -> Answer {
    work(move || daemon.reset_named(&limit).map(json_of)).await
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
