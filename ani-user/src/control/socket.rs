//! The unix socket: made, served, taken away.
//!
//! Its file mode is 0660: whoever may write to it may change the lists, so the group decides.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::{UnixListener, UnixStream},
    sync::oneshot,
};

use super::{Daemon, api};

/// How long requests that were begun may take once the daemon is told to end.
const GRACE: Duration = Duration::from_secs(2);
/// Owner and group may talk to the daemon.
const MODE: u32 = 0o660;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A daemon answers on it.
    #[error(
        "{} is in use by {holder}: stop it, or choose another socket with `control.socket`",
        path.display()
    )]
    InUse {
        /// The socket.
        path: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// Something else has that name.
    #[error(
        "{} is there and is no socket: move it away, or choose another `control.socket`",
        path.display()
    )]
    NoSocket {
        /// What is in the way.
        path: PathBuf,
    },
    /// It cannot be made.
    #[error("cannot listen on {}: {source}", path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A socket that is listened on; its file goes with it.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: a file another daemon made meanwhile is not ours to remove.
    file: (u64, u64),
}

impl Socket {
    /// Listens on a path. A socket nobody answers on, left by a daemon that was killed, gives way.
    pub async fn bind(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Listen { path: path.to_owned(), source };
        clear(path).await?;
        if let Some(directory) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(failed)?;
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        // Until here the process's umask kept others out: connecting needs the right to write.
        fs::set_permissions(path, fs::Permissions::from_mode(MODE)).map_err(failed)?;
        let file = fs::symlink_metadata(path).map_err(failed)?;
        Ok(Self { listener, path: path.to_owned(), file: (file.dev(), file.ino()) })
    }

    /// Serves until `shutdown` is ready and the requests begun are answered, or have had two
    /// seconds; then the file is gone.
    pub async fn serve(
        self,
        daemon: Arc<Daemon>,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Self { listener, path, file } = self;
        let (end, ended) = oneshot::channel::<()>();
        let serving = axum::serve(listener, api::router(daemon)).with_graceful_shutdown(async {
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
                tracing::warn!("control socket: clients that did not finish were cut off");
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
async fn clear(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Listen { path: path.to_owned(), source };
    let kind = match fs::symlink_metadata(path) {
        Ok(file) => file.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !kind.is_socket() {
        return Err(Error::NoSocket { path: path.to_owned() });
    }
    match UnixStream::connect(path).await {
        Ok(stream) => Err(Error::InUse { path: path.to_owned(), holder: holder(&stream) }),
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
