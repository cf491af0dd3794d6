//! The sockets that mirrored messages come in on: bound before the threads start, served beside
//! them, closed before they end.

use std::{net::SocketAddr, sync::Arc, thread::Thread};

use anyhow::{Context as _, Result};
use tokio::{sync::oneshot, task::JoinHandle};

use crate::{
    capture::{
        clock::Clock,
        hep::{self, intake::Intake, listener::Listener},
        queue::{Frames, Writer},
    },
    control::Daemon,
};

/// Bound, and not served yet: the worker to wake is not there.
pub(super) struct Mirror {
    listener: Listener,
    queue: Writer,
}

/// Served until it ends.
pub(super) struct Served {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Mirror {
    /// Listens at `address`: the sockets, and the source their messages come out of.
    pub(super) async fn bind(address: SocketAddr, daemon: &Daemon) -> Result<(Self, Frames)> {
        let listener = Listener::bind(address).await?;
        let (queue, source) = hep::queue(Arc::clone(&daemon.tallies));
        Ok((Self { listener, queue }, source))
    }

    /// Serves; wakes `worker` when a message has come.
    pub(super) fn start(self, worker: &Thread, daemon: &Daemon, clock: Clock) -> Served {
        let config = daemon.config();
        let tallies = Arc::clone(&daemon.tallies);
        let intake = Intake::new(&config.capture.hep, self.queue, worker.clone(), tallies, clock);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(self.listener.serve(Arc::new(intake), async {
            // An error says that the other end is gone, which is how the end is told.
            let _stopped = stopped.await;
        }));
        Served { stop, task }
    }
}

impl Served {
    /// Takes nothing more. What was taken waits for the worker.
    pub(super) async fn end(self) -> Result<()> {
        drop(self.stop);
        self.task.await.context("the HEP listener did not end well")
    }
}
