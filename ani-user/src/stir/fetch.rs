//! One certificate, or one revocation list, is fetched: bounded in time, bytes and redirects, and from
//! addresses of the public internet alone.
//!
//! The URL is a stranger's. So each host that it leads to is resolved here, its addresses are looked
//! at, and the connection is made to an address that was looked at and to no name: a name that
//! resolves differently the second time gains nothing. Cookies, proxies and other things that a
//! client carries from one host to another are not there to be abused.

use std::{convert::Infallible, fmt, path::Path, time::Duration};

use ::url::{Position, Url};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Body as _, Bytes, Incoming},
    client::conn::http1,
    header::{CONTENT_TYPE, HOST, LOCATION, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;

use self::connect::Connector;
use super::{Outcome, freshness, url};
use crate::time::Timestamp;

/// From a host to a TLS connection with it.
mod connect;

pub use self::connect::RootsError;

/// Bytes of a certificate's chain; one has about 3,000.
pub const MAX_BODY: usize = 64 * 1024;
/// How long a fetch may take in all: names, connections, redirects, body.
pub const TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of a revocation list: some 20,000 certificates.
pub const MAX_LIST: usize = 1024 * 1024;
/// How long the fetch of one may take: nothing waits for it.
pub const LIST_TIMEOUT: Duration = Duration::from_secs(5);
/// Redirects that are followed.
pub const MAX_REDIRECTS: usize = 3;
/// Bytes of the head of an answer; what is read at once has this too.
const MAX_HEAD: usize = 16 * 1024;

/// What a fetch may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of the body.
    pub body: usize,
    /// All of it, from the first name to the last byte.
    pub time: Duration,
}

/// Of a certificate with its chain.
pub const CERTIFICATE: Bounds = Bounds { body: MAX_BODY, time: TIMEOUT };
/// Of a revocation list.
pub const LIST: Bounds = Bounds { body: MAX_LIST, time: LIST_TIMEOUT };

/// What came.
#[derive(Debug)]
pub struct Fetched {
    /// As it came; not empty, at most [`Bounds::body`] bytes.
    pub body: Bytes,
    /// How long it is fresh by the rules of HTTP caching; none where the answer does not say.
    pub fresh: Option<Duration>,
    /// Whether the media type is one that certificates are sent as, as carelessly as they are.
    pub fits: bool,
}

/// Why nothing came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In a word.
    pub outcome: Outcome,
    /// What was found, for whoever looks for the cause.
    pub detail: String,
    /// Whether the host says that it has no such file any more: then nobody vouches for a copy of it.
    pub gone: bool,
}

impl Failure {
    pub(super) fn new(outcome: Outcome, detail: impl fmt::Display) -> Self {
        Self { outcome, detail: detail.to_string(), gone: false }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.outcome.as_str(), self.detail)
    }
}

/// Fetches certificates and revocation lists; one for all of them.
pub struct Fetcher(Connector);

/// What an answer comes to.
enum Step {
    Done(Fetched),
    Elsewhere(Url),
}

impl Fetcher {
    /// One that trusts this host's roots and those of a PEM file, and asks at the addresses of the
    /// public internet and of `allow`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds none.
    pub fn new(roots: Option<&Path>, allow: Vec<IpNet>) -> Result<Self, RootsError> {
        Ok(Self(Connector::new(roots, allow)?))
    }

    /// Fetches what is at a URL that [`url::check`] gave; `now` is for the times of HTTP caching.
    pub async fn get(&self, url: &Url, bounds: Bounds, now: Timestamp) -> Result<Fetched, Failure> {
        let Bounds { body, time } = bounds;
        tokio::time::timeout(time, self.follow(url, body, now)).await.unwrap_or_else(|_| {
            let within = format_args!("nothing whole within {} s", time.as_secs());
            Err(Failure::new(Outcome::FetchTimeout, within))
        })
    }

    async fn follow(&self, url: &Url, most: usize, now: Timestamp) -> Result<Fetched, Failure> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            match self.ask(&url, most, now).await? {
                Step::Done(fetched) => return Ok(fetched),
                Step::Elsewhere(next) => url = next,
            }
        }
        Err(Failure::new(Outcome::FetchRedirects, format_args!("more than {MAX_REDIRECTS}")))
    }

    /// One request, on a connection of its own that ends with it.
    async fn ask(&self, url: &Url, most: usize, now: Timestamp) -> Result<Step, Failure> {
        let stream = self.0.connect(url).await?;
        let broken = |error: hyper::Error| Failure::new(Outcome::FetchHttp, cause(&error));
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let host = &url[Position::BeforeHost..Position::AfterPort];
        let request = Request::builder()
            .method(Method::GET)
            .uri(url.path())
            .header(HOST, host)
            .header(USER_AGENT, "ani")
            .body(Empty::new())
            .map_err(|error| Failure::new(Outcome::FetchHttp, error))?;
        let exchange = async {
            let response = sender.send_request(request).await.map_err(broken)?;
            answer(url, response, most, now).await
        };
        // Driven here and by no task of its own: it is closed when this future is dropped, at the
        // deadline too. How it ended is told by the exchange.
        let driven = async {
            let _ = connection.await;
            std::future::pending::<Infallible>().await
        };
        tokio::select! {
            step = exchange => step,
            never = driven => match never {},
        }
    }
}

async fn answer(
    url: &Url,
    response: Response<Incoming>,
    most: usize,
    now: Timestamp,
) -> Result<Step, Failure> {
    let status = response.status();
    if let 301 | 302 | 303 | 307 | 308 = status.as_u16() {
        return elsewhere(url, response.headers()).map(Step::Elsewhere);
    }
    if status != StatusCode::OK {
        let gone = matches!(status, StatusCode::NOT_FOUND | StatusCode::GONE);
        let failure = Failure::new(Outcome::FetchStatus, format_args!("HTTP status {status}"));
        return Err(Failure { gone, ..failure });
    }
    let too_large = |size: &dyn fmt::Display| {
        let detail = format_args!("{size} than {} KB", most / 1024);
        Failure::new(Outcome::FetchTooLarge, detail)
    };
    if response.body().size_hint().lower() > most as u64 {
        return Err(too_large(&"content-length is more"));
    }
    let (head, body) = response.into_parts();
    let body = Limited::new(body, most).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return too_large(&"more came");
        }
        Failure::new(Outcome::FetchHttp, cause(error.as_ref()))
    })?;
    let body = body.to_bytes();
    if body.trim_ascii().is_empty() {
        return Err(Failure::new(Outcome::FetchEmpty, "an empty answer"));
    }
    let (fresh, fits) = (freshness::said(&head.headers, now), fits(&head.headers));
    Ok(Step::Done(Fetched { body, fresh, fits }))
}

/// Where a redirect leads; it is held to what the first URL was held to.
fn elsewhere(url: &Url, headers: &HeaderMap) -> Result<Url, Failure> {
    let refused = |detail: &str| Failure::new(Outcome::FetchRedirectRefused, detail);
    let to = headers.get(LOCATION).ok_or_else(|| refused("a redirect to nowhere"))?;
    let to = to.to_str().map_err(|_| refused("a redirect to what is no URL"))?;
    let joined = url.join(to).map_err(|_| refused("a redirect to what is no URL"))?;
    url::check(joined.as_str()).map_err(|_| {
        let shown = joined.as_str().chars().take(url::MAX_URL).collect::<String>();
        refused(&format!("a redirect to {shown}"))
    })
}

/// Web pages and the like are not certificates. Hosts send these as text, as bytes, as any of the
/// names that X.509 had over the years, and as nothing.
fn fits(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    ["octet-stream", "text/plain", "pem", "x509", "pkix", "pkcs", "cert"]
        .iter()
        .any(|word| kind.contains(word))
}

/// An error with what is behind it, which is where the libraries say what happened.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
