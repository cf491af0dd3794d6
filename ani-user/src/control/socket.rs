//! The unix sockets: made, served, taken away.
//!
//! Their file mode is 0660, so the group decides: whoever may write to the one may change the lists, and
//! whoever may write to the other may look.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixStream},
    sync::oneshot,
};

use super::{Daemon, accounts, api, peer::Peer, routes::Access};
use crate::config::Control;

/// How long requests that were begun may take once the daemon is told to end.
const GRACE: Duration = Duration::from_secs(2);
/// Owner and group may talk to the daemon.
const MODE: u32 = 0o660;

/// Keys of the file that say where a socket is.
const SOCKET: &str = "control.socket";
const READ_SOCKET: &str = "control.read_socket";

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A daemon answers on it.
    #[error(
        "{} is in use by {holder}: stop it, or choose another socket with `{key}`",
        path.display()
    )]
    InUse {
        /// The socket.
        path: PathBuf,
        /// What says where it is.
        key: &'static str,
        /// Who has it.
        holder: String,
    },
    /// Something else has that name.
    #[error(
        "{} is there and is no socket: move it away, or choose another `{key}`",
        path.display()
    )]
    NoSocket {
        /// What is in the way.
        path: PathBuf,
        /// What says where the socket is.
        key: &'static str,
    },
    /// It cannot be made.
    #[error("cannot listen on {}: {source}", path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no such group.
    #[error(
        "control.read_group: there is no group `{0}`; make it with `groupadd --system {0}`, or write \"\" \
         for the daemon's own"
    )]
    NoGroup(String),
    /// What groups there are is not known.
    #[error("control.read_group: cannot look for the group `{group}`: {source}")]
    Groups {
        /// The group.
        group: String,
        /// Why.
        source: io::Error,
    },
    /// The socket cannot be given to the group.
    #[error(
        "{} cannot be given to the group `{group}` (control.read_group): {source}; who runs the daemon must \
         be a member: `SupplementaryGroups={group}` in its unit, or `usermod -aG {group} USER`",
        path.display()
    )]
    NotGiven {
        /// The socket.
        path: PathBuf,
        /// The group.
        group: String,
        /// Why.
        source: io::Error,
    },
}

/// The group of the socket for looking; none for the daemon's own.
///
/// # Errors
///
/// When there is no group of that name.
pub fn read_group(control: &Control) -> Result<Option<(&str, u32)>, Error> {
    let Some(group) = control.read_group.as_deref() else { return Ok(None) };
    match accounts::group(group) {
        Ok(Some(id)) => Ok(Some((group, id))),
        Ok(None) => Err(Error::NoGroup(group.to_owned())),
        Err(source) => Err(Error::Groups { group: group.to_owned(), source }),
    }
}

/// A socket that is listened on; its file goes with it.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    access: Access,
    path: PathBuf,
    /// Device and inode: a file another daemon made meanwhile is not ours to remove.
    file: (u64, u64),
}

impl Socket {
    /// Listens for everything on a path. A socket nobody answers on, left by a daemon that was killed,
    /// gives way.
    pub async fn bind(path: &Path) -> Result<Self, Error> {
        Self::listen(path, SOCKET, Access::All, None).await
    }

    /// Listens for what only looks, where that is configured.
    pub async fn bind_read(control: &Control) -> Result<Option<Self>, Error> {
        let Some(path) = &control.read_socket else { return Ok(None) };
        let group = read_group(control)?;
        Self::listen(path, READ_SOCKET, Access::Look, group).await.map(Some)
    }

    async fn listen(
        path: &Path,
        key: &'static str,
        access: Access,
        group: Option<(&str, u32)>,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Listen { path: path.to_owned(), source };
        clear(path, key).await?;
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        if let Some((group, id)) = group {
            chown(path, None, Some(id)).map_err(|source| {
                let group = group.to_owned();
                Error::NotGiven { path: path.to_owned(), group, source }
            })?;
        }
        // Until here the process's umask kept others out: connecting needs the right to write.
        fs::set_permissions(path, fs::Permissions::from_mode(MODE)).map_err(failed)?;
        let file = fs::symlink_metadata(path).map_err(failed)?;
        Ok(Self { listener, access, path: path.to_owned(), file: (file.dev(), file.ino()) })
    }

    /// Serves until `shutdown` is ready and the requests begun are answered, or have had two
    /// seconds; then the file is gone.
    pub async fn serve(
        self,
        daemon: Arc<Daemon>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Self { listener, access, path, file } = self;
        let (end, ended) = oneshot::channel::<()>();
        let router = api::router(daemon, access).into_make_service_with_connect_info::<Peer>();
        let serving = axum::serve(listener, router).with_graceful_shutdown(async {
            // Told by the other end going away.
            let _ended = ended.await;
        });
        let shutdown = async {
            shutdown.await;
            drop(end);
            // A client that connected and says nothing must not keep the daemon from ending.
            tokio::time::sleep(GRACE).await;
        };
        let served = tokio::select! {
            served = serving => served,
            () = shutdown => {
                tracing::warn!("{}: clients that did not finish were cut off", path.display());
                Ok(())
            }
        };
        if fs::symlink_metadata(&path).is_ok_and(|now| (now.dev(), now.ino()) == file) {
            fs::remove_file(&path)?;
        }
        served
    }
}

/// Makes way for a new socket.
async fn clear(path: &Path, key: &'static str) -> Result<(), Error> {
    let failed = |source| Error::Listen { path: path.to_owned(), source };
    let kind = match fs::symlink_metadata(path) {
        Ok(file) => file.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !kind.is_socket() {
        return Err(Error::NoSocket { path: path.to_owned(), key });
    }
    match UnixStream::connect(path).await {
        Ok(stream) => Err(Error::InUse { path: path.to_owned(), key, holder: holder(&stream) }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// `ani (pid 4711)`, as far as it can be known.
fn holder(stream: &UnixStream) -> String {
    let Some(pid) = stream.peer_cred().ok().and_then(|peer| peer.pid()) else {
        return "another process".to_owned();
    };
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("{} (pid {pid})", name.trim()),
        Err(_) => format!("pid {pid}"),
    }
}
