//! HTTP over the unix sockets.
//!
//! Everything is asked at the daemon's socket. Whoever may not use that one is answered at the socket for
//! looking, if that is all he asks for and he may use that.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1,
    header::{CONTENT_TYPE, HOST},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use super::{
    Globals,
    exit::{Code, Failure},
};
use crate::{config::Control, control::accounts};

/// Bytes of an answer: an export of ten million numbers.
const MAX_ANSWER_BYTES: usize = 1 << 30;
/// How long an answer is waited for; an import of a million numbers takes some seconds.
const PATIENCE: Duration = Duration::from_secs(300);

/// The daemon as a command sees it.
pub(super) struct Client {
    socket: PathBuf,
    read_socket: PathBuf,
}

/// What the daemon answered.
pub(super) struct Answer(Bytes);

impl Answer {
    /// As it came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As JSON.
    pub(super) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.0).context("the daemon's answer is no JSON")
    }
}

impl Client {
    /// A client of the daemon the command line names.
    pub(super) fn new(globals: &Globals) -> Self {
        let socket = globals.socket_path();
        Self { read_socket: Control::read_beside(&socket), socket }
    }

    pub(super) fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.request(Method::GET, path, Bytes::new())
    }

    pub(super) fn send(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.request(method, path, Bytes::from(body.to_string()))
    }

    /// One request on a connection of its own.
    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> anyhow::Result<Answer> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::time::timeout(PATIENCE, self.exchange(method, path, body)).await.map_err(
                |_| {
                    Failure::say(
                        Code::Unreachable,
                        format_args!(
                            "the daemon at {} did not answer within {} s",
                            self.socket.display(),
                            PATIENCE.as_secs()
                        ),
                    )
                },
            )?
        })
    }

    async fn exchange(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Answer> {
        match UnixStream::connect(&self.socket).await {
            Ok(stream) => exchange(stream, &self.socket, method, path, body).await,
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {
                Err(unreachable(&self.socket, &error))
            }
            Err(_) if method != Method::GET => {
                Err(not_permitted("change anything", &[&self.socket]))
            }
            Err(_) => match UnixStream::connect(&self.read_socket).await {
                Ok(stream) => exchange(stream, &self.read_socket, method, path, body).await,
                Err(error) => Err(match error.kind() {
                    // There is none.
                    io::ErrorKind::NotFound => not_permitted("ask", &[&self.socket]),
                    io::ErrorKind::PermissionDenied => {
                        not_permitted("ask", &[&self.socket, &self.read_socket])
                    }
                    _ => unreachable(&self.read_socket, &error),
                }),
            },
        }
    }
}

async fn exchange(
    stream: UnixStream,
    socket: &Path,
    method: Method,
    path: &str,
    body: Bytes,
) -> anyhow::Result<Answer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "ani")
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
    let response = sender
        .send_request(request)
        .await
        .with_context(|| format!("the daemon at {} broke off", socket.display()))?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| anyhow::anyhow!("the daemon's answer broke off: {error}"))?
        .to_bytes();
    connection.abort();
    if status.is_success() { Ok(Answer(body)) } else { Err(refused(status, &body)) }
}

fn unreachable(socket: &Path, error: &io::Error) -> anyhow::Error {
    let socket = socket.display();
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Failure::say(
            Code::Unreachable,
            format_args!(
                "daemon not reachable at {socket}: is `ani run` running? (--socket chooses another)"
            ),
        ),
        _ => Failure::say(
            Code::Unreachable,
            format_args!("daemon not reachable at {socket}: {error}"),
        ),
    }
}

/// Whoever may use any of these sockets would be answered.
fn not_permitted(what: &str, sockets: &[&Path]) -> anyhow::Error {
    let named: Vec<_> = sockets
        .iter()
        .map(|socket| match fs::metadata(socket) {
            Ok(file) => {
                format!("{} (group `{}`)", socket.display(), accounts::group_name(file.gid()))
            }
            // Not even its folder may be looked into.
            Err(_) => socket.display().to_string(),
        })
        .collect();
    Failure::say(
        Code::NotPermitted,
        format_args!(
            "not permitted to {what} at {}: use root, or a user of the socket's group; `id -nG` says \
             which groups you are in, `usermod -aG GROUP USER` makes you a member from the next login on",
            named.join(" or ")
        ),
    )
}

/// The daemon's sentence; what it calls a bad request is wrong usage here.
fn refused(status: StatusCode, body: &[u8]) -> anyhow::Error {
    let code = match status {
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Code::Usage,
        StatusCode::FORBIDDEN => Code::NotPermitted,
        _ => Code::Failed,
    };
    let document: Option<Value> = serde_json::from_slice(body).ok();
    match document.as_ref().and_then(|document| document["error"].as_str()) {
        Some(sentence) => Failure::say(code, sentence),
        None => Failure::say(code, format_args!("the daemon answered {status}")),
    }
}

/// A path with parameters, those without a value left out, both percent-encoded.
pub(super) fn path(base: &str, parameters: &[(&str, Option<String>)]) -> String {
    let mut path = base.to_owned();
    for (name, value) in parameters {
        let Some(value) = value else { continue };
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(name);
        path.push('=');
        path.push_str(&encoded(value));
    }
    path
}

/// All but unreserved characters (RFC 3986 §2.3) as `%XX`.
pub(super) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded() {
        let parameters = [
            ("ttl", Some("1h 30m".to_owned())),
            ("reason", None),
            ("country", Some("US".to_owned())),
        ];
        assert_eq!(
            path("/v1/block/import", &parameters),
            "/v1/block/import?ttl=1h%2030m&country=US"
        );
        assert_eq!(encoded("+1/é?"), "%2B1%2F%C3%A9%3F");
    }
}
