//! The sockets HEP comes in on: UDP and TCP on one port.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, anyhow};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{intake::Intake, packet, packet::Unreadable, stream::Stream};

/// Connections at one time, each with 64 KiB; more are turned away. An SBC has one, or one for each
/// of its processes.
pub const MAX_CONNECTIONS: usize = 64;

/// A connection over which nothing came for so long is closed; whoever has something to say opens
/// another.
const IDLE: Duration = Duration::from_secs(300);

/// Pause after the system refused something, as when there are no file descriptors left.
const REFUSED_PAUSE: Duration = Duration::from_millis(100);

/// Both sockets.
pub struct Listener {
    udp: UdpSocket,
    tcp: TcpListener,
    idle: Duration,
}

impl Listener {
    /// Listens where `capture.hep` says.
    ///
    /// # Errors
    ///
    /// When the system refuses; says which of both, the address, and what to do.
    pub async fn bind(address: SocketAddr) -> Result<Self> {
        let refused = |socket, address, error| {
            anyhow!(
                "cannot take HEP over {socket} on {address}: {error}; choose another `capture.hep`, \
                 or \"\" for none"
            )
        };
        let udp = UdpSocket::bind(address).await.map_err(|error| refused("UDP", address, error))?;
        // Port 0 is whichever the system chose.
        let address = udp.local_addr()?;
        let tcp =
            TcpListener::bind(address).await.map_err(|error| refused("TCP", address, error))?;
        Ok(Self { udp, tcp, idle: IDLE })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.udp.local_addr()
    }

    /// Serves until `shutdown`; connections end with it.
    pub async fn serve(self, intake: Arc<Intake>, shutdown: impl Future<Output = ()>) {
        tokio::select! {
            () = datagrams(&self.udp, &intake) => {}
            () = connections(&self.tcp, &intake, self.idle) => {}
            () = shutdown => {}
        }
    }
}

async fn datagrams(socket: &UdpSocket, intake: &Intake) {
    let mut bytes = vec![0; packet::MAX_LEN];
    loop {
        match socket.recv_from(&mut bytes).await {
            Ok((len, sender)) => {
                if intake.allows(sender.ip()) {
                    intake.packet(sender.ip(), bytes.get(..len).unwrap_or_default());
                }
            }
            Err(error) => {
                tracing::debug!("HEP over UDP: {error}");
                sleep(REFUSED_PAUSE).await;
            }
        }
    }
}

async fn connections(listener: &TcpListener, intake: &Arc<Intake>, idle: Duration) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Dropped with this task, which ends them.
    let mut open = JoinSet::new();
    loop {
        let (stream, sender) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!("HEP over TCP: {error}");
                sleep(REFUSED_PAUSE).await;
                continue;
            }
        };
        while open.try_join_next().is_some() {}
        if !intake.allows(sender.ip()) {
            continue;
        }
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => {
                let intake = Arc::clone(intake);
                open.spawn(async move {
                    connection(&stream, sender.ip(), &intake, idle).await;
                    drop(place);
                });
            }
            Err(_) => intake.busy(),
        }
    }
}

/// Reads a connection to its end: the peer's, junk, or silence.
async fn connection(socket: &TcpStream, sender: IpAddr, intake: &Intake, idle: Duration) {
    let mut stream = Stream::new();
    while let Ok(Ok(1..)) = timeout(idle, read(socket, &mut stream)).await {
        if let Err(why) = stream.packets(|packet| intake.packet(sender, packet)) {
            return intake.unreadable(sender, why);
        }
    }
    if stream.has_begun() {
        intake.unreadable(sender, Unreadable::Length);
    }
}

/// Bytes read once there are any; 0 at the end.
async fn read(socket: &TcpStream, stream: &mut Stream) -> io::Result<usize> {
    loop {
        socket.readable().await?;
        match socket.try_read(stream.room()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(count) => {
                stream.add(count);
                return Ok(count);
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
