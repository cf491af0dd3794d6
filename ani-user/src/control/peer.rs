//! Who asks, as the kernel vouches for it (SO_PEERCRED, unix(7)): the log says who changed what.

use std::time::Duration;

use axum::{
    extract::{ConnectInfo, Request, connect_info::Connected},
    middleware::Next,
    response::Response,
    serve::IncomingStream,
};
use tokio::{net::UnixListener, task::spawn_blocking, time::timeout};

use super::accounts;

/// How long the name of a user is looked for: it may be on another host.
const PATIENCE: Duration = Duration::from_secs(1);

/// The process at the other end of a connection, when it connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    uid: Option<u32>,
    pid: Option<i32>,
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let credentials = stream.io().peer_cred().ok();
        Self {
            uid: credentials.map(|peer| peer.uid()),
            pid: credentials.and_then(|peer| peer.pid()),
        }
    }
}

impl Peer {
    /// `alice (uid 1000, pid 4711)`
    async fn told(self) -> String {
        let Some(uid) = self.uid else { return "somebody unknown".to_owned() };
        let name = timeout(PATIENCE, spawn_blocking(move || accounts::user_name(uid))).await;
        let name = name.ok().and_then(Result::ok).flatten();
        let name = name.unwrap_or_else(|| "a user without a name".to_owned());
        match self.pid {
            Some(pid) => format!("{name} (uid {uid}, pid {pid})"),
            None => format!("{name} (uid {uid})"),
        }
    }
}

/// What a request changed, in words without whole numbers; an extension of the answer.
#[derive(Clone, Debug)]
pub(super) struct Did(pub(super) String);

/// Around whatever changes something: says who did it.
pub(super) async fn log(
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let answer = next.run(request).await;
    let status = answer.status();
    if status.is_success() {
        let did = answer.extensions().get::<Did>().map_or(&asked, |Did(did)| did);
        tracing::info!("{} {did}", peer.told().await);
    } else if status.is_server_error() {
        // What failed may have changed something all the same.
        tracing::warn!("{asked} of {} failed with {status}", peer.told().await);
    }
    answer
}
