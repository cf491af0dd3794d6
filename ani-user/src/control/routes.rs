//! The table of routes: what is asked by which method, and whether it changes anything.
//!
//! A route is either [looking](Routes::look) or [changing](Routes::change), and there is no third way to
//! add one. The socket for looking has the changing ones too, but for what they do: they say where to ask.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Request, State},
    handler::Handler,
    http::StatusCode,
    middleware,
    routing::{MethodFilter, get, on},
};
use http_body_util::BodyExt as _;

use super::{Daemon, MAX_IMPORT_BYTES, Refusal, api::Shared, peer};

/// Bytes of a request's body, imports aside.
pub(super) const MAX_BODY_BYTES: usize = 1 << 20;

/// What may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everything.
    All,
    /// What changes nothing.
    Look,
}

/// Methods of routes that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Post,
    Put,
    Delete,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its method in HTTP.
    pub method: &'static str,
    /// Its path, with `{…}` for what differs.
    pub path: &'static str,
    /// Whether it changes anything.
    pub changes: bool,
}

/// The table, and what answers.
pub(super) struct Routes {
    access: Access,
    router: Router<Arc<Daemon>>,
    table: Vec<Route>,
}

impl Routes {
    /// None yet.
    pub(super) fn new(access: Access) -> Self {
        Self { access, router: Router::new(), table: Vec::new() }
    }

    /// Adds a route that changes nothing, by GET.
    pub(super) fn look<H, T>(mut self, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Daemon>>,
        T: 'static,
    {
        self.table.push(Route { method: "GET", path, changes: false });
        self.router = self.router.route(path, get(handler));
        self
    }

    /// Adds a route that changes something; who did it is logged.
    pub(super) fn change<H, T>(mut self, verb: Verb, path: &'static str, handler: H) -> Self
    where
        H: Handler<T, Arc<Daemon>>,
        T: 'static,
    {
        let (method, filter) = match verb {
            Verb::Post => ("POST", MethodFilter::POST),
            Verb::Put => ("PUT", MethodFilter::PUT),
            Verb::Delete => ("DELETE", MethodFilter::DELETE),
        };
        self.table.push(Route { method, path, changes: true });
        let answers = match self.access {
            Access::All => on(filter, handler).layer(middleware::from_fn(peer::log)),
            Access::Look => on(filter, not_here),
        };
        self.router = self.router.route(path, answers);
        self
    }

    /// All rows.
    pub(super) fn table(self) -> Vec<Route> {
        self.table
    }

    /// What serves them.
    pub(super) fn router(self, daemon: Arc<Daemon>) -> Router {
        self.router
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
}

/// What a changing route says on the socket for looking.
async fn not_here(State(daemon): Shared, request: Request) -> Refusal {
    let message = format!(
        "not permitted: {} {} changes something, and this socket is for looking; ask at {}, as root or \
         as a user of its group",
        request.method(),
        request.uri().path(),
        daemon.config().control.socket.display()
    );
    read_away(request.into_body()).await;
    Refusal { status: StatusCode::FORBIDDEN, message }
}

/// Takes what a client sends before it looks for an answer.
async fn read_away(mut body: Body) {
    let mut left = MAX_IMPORT_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let len = frame.data_ref().map_or(0, |data| data.len());
        match left.checked_sub(len) {
            Some(less) => left = less,
            None => return,
        }
    }
}
