//! Prometheus metrics over TCP: the counters of the status document under the same names, and
//! counts per trunk. No label carries a telephone number.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use ani_ebpf::scan::AniHeader;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CONTENT_TYPE},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        info::Info,
    },
    registry::{Registry, Unit},
};
use tokio::{net::TcpListener, sync::Semaphore};

use super::{Daemon, status};
use crate::{policy::Enforce as _, telemetry::LEVELS};

/// Scrapers served at one time; more are turned away.
const MAX_CONNECTIONS: usize = 16;
/// A connection ends after this time, whatever it does.
const CONNECTION_TIME: Duration = Duration::from_secs(30);
/// Pause after the system refused a connection, as when there are no file descriptors left.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Trunk {
    trunk: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Verdicts {
    trunk: String,
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Levels {
    trunk: String,
    level: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Sources {
    trunk: String,
    header: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Trunks {
    trunk: String,
}

impl Daemon {
    /// The metrics as OpenMetrics text.
    pub fn metrics(&self) -> anyhow::Result<String> {
        let mut registry = Registry::default();
        let version = vec![("version", env!("CARGO_PKG_VERSION"))];
        registry.register("ani", "The daemon", Info::new(version));
        registry.register_with_unit(
            "ani_uptime",
            "Time since the daemon started",
            Unit::Seconds,
            ConstGauge::new(self.clock.uptime().as_secs_f64()),
        );
        for count in status::counts(&self.enforce.counters()?) {
            let name = format!("ani_{}", count.name);
            registry.register(name, count.help, ConstCounter::new(count.value));
        }
        let sizes = self.telemetry.sizes();
        for count in status::daemon_counts(&self.tallies, &sizes) {
            let name = format!("ani_daemon_{}", count.name);
            registry.register(name, count.help, ConstCounter::new(count.value));
        }
        registry.register(
            "ani_block_list_entries",
            "Numbers on the block list",
            ConstGauge::new(
                i64::try_from(self.store.entries(super::entries::BLOCK)).unwrap_or(i64::MAX),
            ),
        );
        registry.register(
            "ani_callers_tracked",
            "Callers with counters of their own",
            ConstGauge::new(i64::try_from(sizes.callers).unwrap_or(i64::MAX)),
        );
        self.register_breaker(&mut registry);
        self.register_spoken(&mut registry);
        self.register_trunks(&mut registry);
        self.register_verifications(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }

    fn register_trunks(&self, registry: &mut Registry) {
        let invites = Family::<Verdicts, Counter>::default();
        let attestation = Family::<Levels, Counter>::default();
        let sources = Family::<Sources, Counter>::default();
        let mismatches = Family::<Trunks, Counter>::default();
        for (trunk, figures) in self.telemetry.trunks() {
            for (verdict, count) in [("pass", figures.passed), ("drop", figures.dropped)] {
                let labels = Verdicts { trunk: trunk.clone(), verdict };
                invites.get_or_create(&labels).inc_by(count);
            }
            for (level, count) in LEVELS.into_iter().zip(figures.attestation) {
                let labels = Levels { trunk: trunk.clone(), level };
                attestation.get_or_create(&labels).inc_by(count);
            }
            for (header, count) in AniHeader::ALL.iter().zip(figures.ani_source) {
                let labels = Sources { trunk: trunk.clone(), header: header.as_str() };
                sources.get_or_create(&labels).inc_by(count);
            }
            mismatches.get_or_create(&Trunks { trunk }).inc_by(figures.caller_id_mismatches);
        }
        let changes = Family::<Trunk, Counter>::default();
        for (trunk, count) in self.telemetry.habits.changes() {
            changes.get_or_create(&Trunk { trunk }).inc_by(count);
        }
        registry.register(
            "ani_trunk_habit_changes",
            "Habits of a trunk that changed: `ani trunk lint` says which",
            changes,
        );
        registry.register(
            "ani_trunk_invites",
            "INVITEs the daemon analysed, by trunk (- for none) and verdict",
            invites,
        );
        registry.register(
            "ani_attestation",
            "Calls the daemon analysed, by trunk (- for none) and claimed attestation",
            attestation,
        );
        registry.register(
            "ani_header_source",
            "Calls by trunk (- for none) and the header their caller was read from",
            sources,
        );
        registry.register(
            "ani_caller_id_mismatches",
            "Calls by trunk (- for none) that display another number than the caller's",
            mismatches,
        );
    }
}

/// Listens where `control.metrics` says.
pub async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        anyhow::anyhow!(
            "cannot serve metrics on {address}: {error}; choose another `control.metrics`, or \"\" \
             for none"
        )
    })
}

/// Serves `/metrics` until `shutdown` is ready.
pub async fn serve(
    listener: TcpListener,
    daemon: Arc<Daemon>,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            () = &mut shutdown => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "metrics: a connection was refused");
                    tokio::time::sleep(REFUSED_PAUSE).await;
                    continue;
                }
            },
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(MAX_CONNECTIONS, "metrics: too many connections, one was turned away");
            continue;
        };
        let daemon = Arc::clone(&daemon);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, Arc::clone(&daemon)));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // A scraper that breaks off or dawdles is its own matter.
            let _ended = tokio::time::timeout(CONNECTION_TIME, connection).await;
            drop(place);
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    daemon: Arc<Daemon>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() != "/metrics" {
        return Ok(plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n"));
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
        return Ok(response);
    }
    let text = tokio::task::spawn_blocking(move || daemon.metrics()).await;
    Ok(match text {
        Ok(Ok(text)) => typed(StatusCode::OK, TEXT, text),
        Ok(Err(error)) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}\n")),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    })
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    typed(status, "text/plain; charset=utf-8", text)
}

fn typed(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    response
}
