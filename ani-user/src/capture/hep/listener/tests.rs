//! Real sockets on the loopback: what comes through them, and what does not.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream as Connection, UdpSocket as Datagrams},
    ops::ControlFlow,
    sync::Mutex,
    time::Instant,
};

use tokio::sync::oneshot;

use super::*;
use crate::{
    capture::{Content, Source as _, clock::Clock, hep, hep::fixture, queue},
    config::Hep,
    telemetry::{Tallies, Tally},
};

const KEY: &[u8] = b"secret";

/// How soon something has to come true.
const SETTLE: Duration = Duration::from_secs(10);

/// A listener of its own on a port the system chose, and the worker's end of the queue.
struct Rig {
    address: SocketAddr,
    mirror: Mutex<queue::Frames>,
    tallies: Arc<Tallies>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Rig {
    fn new(sources: &str) -> Self {
        Self::with_idle(sources, IDLE)
    }

    fn with_idle(sources: &str, idle: Duration) -> Self {
        let tallies = Arc::new(Tallies::default());
        let (writer, mirror) = hep::queue(Arc::clone(&tallies));
        let config = Hep {
            listen: None,
            sources: vec![sources.parse().expect("a network")],
            key: String::from_utf8(KEY.to_vec()).expect("text"),
        };
        let worker = std::thread::current();
        let intake =
            Arc::new(Intake::new(&config, writer, worker, Arc::clone(&tallies), Clock::new()));
        let (stop, stopped) = oneshot::channel();
        let (tell, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
            runtime.block_on(async {
                let any = SocketAddr::from(([127, 0, 0, 1], 0));
                let listener = Listener { idle, ..Listener::bind(any).await.expect("a port") };
                tell.send(listener.local_addr().expect("an address")).expect("the rig");
                let stop = async {
                    let _stopped = stopped.await;
                };
                listener.serve(intake, stop).await;
            });
        });
        let address = address.recv().expect("the listener started");
        let (stop, thread) = (Some(stop), Some(thread));
        Self { address, mirror: Mutex::new(mirror), tallies, stop, thread }
    }

    fn connect(&self) -> Connection {
        Connection::connect(self.address).expect("a connection")
    }

    fn datagram(&self, bytes: &[u8]) {
        let socket = Datagrams::bind(("127.0.0.1", 0)).expect("a socket");
        socket.send_to(bytes, self.address).expect("sent");
    }

    fn wait_for(&self, tally: Tally, count: u64) {
        let deadline = Instant::now() + SETTLE;
        while self.tallies.value(tally) < count {
            assert!(Instant::now() < deadline, "{tally:?} is {}", self.tallies.value(tally));
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(self.tallies.value(tally), count, "{tally:?}");
    }

    /// The messages that came through since the last time.
    fn messages(&self) -> Vec<String> {
        let mut messages = Vec::new();
        let Ok(()) = self.mirror.lock().expect("lock").frames(&mut |frame| {
            if let Content::Message { bytes, .. } = frame.content {
                messages.push(String::from_utf8_lossy(bytes).into_owned());
            }
            ControlFlow::Continue(())
        });
        messages
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take().filter(|_| !std::thread::panicking()) {
            thread.join().expect("the listener ended well");
        }
    }
}

fn packet(message: &str) -> Vec<u8> {
    fixture::packet(&fixture::mirrored(message.as_bytes()), Some(KEY))
}

/// Whether the other end closes the connection.
fn is_closed(mut connection: &Connection) -> bool {
    connection.set_read_timeout(Some(SETTLE)).expect("a timeout");
    // An end, or a reset where something was not read.
    !matches!(connection.read(&mut [0]), Ok(1..))
}

#[test]
fn messages_come_through_both_sockets() {
    let rig = Rig::new("127.0.0.0/8");
    rig.datagram(&packet("over UDP"));
    rig.wait_for(Tally::HepPackets, 1);
    let mut connection = rig.connect();
    let both = [packet("first"), packet("second")].concat();
    // Cut where it hurts: within a header, and within a chunk.
    for part in [&both[..3], &both[3..70], &both[70..both.len() - 4], &both[both.len() - 4..]] {
        connection.write_all(part).expect("sent");
        connection.flush().expect("sent");
        std::thread::sleep(Duration::from_millis(20));
    }
    rig.wait_for(Tally::HepPackets, 3);
    assert_eq!(rig.messages(), ["over UDP", "first", "second"]);
    assert_eq!(rig.tallies.value(Tally::HepBad), 0);
}

#[test]
fn who_is_not_allowed_is_turned_away() {
    let rig = Rig::new("192.0.2.0/24");
    rig.datagram(&packet("over UDP"));
    rig.wait_for(Tally::HepRefused, 1);
    assert!(is_closed(&rig.connect()));
    rig.wait_for(Tally::HepRefused, 2);
    assert_eq!((rig.messages().len(), rig.tallies.value(Tally::HepPackets)), (0, 0));
}

#[test]
fn a_wrong_key_and_none_are_refused_on_both_sockets() {
    let rig = Rig::new("127.0.0.0/8");
    let mut connection = rig.connect();
    for key in [None, Some(&b"guess"[..])] {
        let packet = fixture::packet(&fixture::mirrored(b"x"), key);
        rig.datagram(&packet);
        connection.write_all(&packet).expect("sent");
    }
    rig.wait_for(Tally::HepBadKey, 4);
    connection.write_all(&packet("right")).expect("sent");
    rig.wait_for(Tally::HepPackets, 5);
    assert_eq!(rig.messages(), ["right"]);
}

#[test]
fn junk_closes_its_connection_and_no_other() {
    let rig = Rig::new("127.0.0.0/8");
    let mut other = rig.connect();
    let mut junk = rig.connect();
    junk.write_all(&packet("before")).expect("sent");
    junk.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("sent");
    assert!(is_closed(&junk));
    rig.wait_for(Tally::HepBad, 1);
    rig.datagram(b"GET / HTTP/1.1\r\n\r\n");
    rig.wait_for(Tally::HepBad, 2);
    other.write_all(&packet("after")).expect("sent");
    rig.wait_for(Tally::HepPackets, 4);
    assert_eq!(rig.messages(), ["before", "after"]);
}

#[test]
fn half_a_packet_is_counted_when_its_connection_ends() {
    let rig = Rig::new("127.0.0.0/8");
    let mut connection = rig.connect();
    let packet = packet("half");
    connection.write_all(&packet[..packet.len() / 2]).expect("sent");
    connection.shutdown(Shutdown::Write).expect("ended");
    rig.wait_for(Tally::HepBad, 1);
    assert!(is_closed(&connection));
    // Over UDP the rest would not come either.
    rig.datagram(&packet[..packet.len() / 2]);
    rig.wait_for(Tally::HepBad, 2);
    assert!(rig.messages().is_empty());
}

#[test]
fn silence_closes_a_connection_and_what_had_begun_is_counted() {
    let rig = Rig::with_idle("127.0.0.0/8", Duration::from_millis(300));
    let mut silent = rig.connect();
    silent.write_all(&packet("whole")).expect("sent");
    let mut half = rig.connect();
    half.write_all(b"HEP3\x01").expect("sent");
    assert!(is_closed(&silent) && is_closed(&half));
    rig.wait_for(Tally::HepPackets, 2);
    assert_eq!((rig.messages().len(), rig.tallies.value(Tally::HepBad)), (1, 1));
}

#[test]
fn one_connection_too_many_is_turned_away_until_another_ends() {
    let rig = Rig::new("127.0.0.0/8");
    let mut connections: Vec<_> = (0..MAX_CONNECTIONS).map(|_| rig.connect()).collect();
    assert!(is_closed(&rig.connect()));
    rig.wait_for(Tally::HepBusy, 1);
    // Every one of those that are open is served.
    for connection in &mut connections {
        connection.write_all(&packet("x")).expect("sent");
    }
    rig.wait_for(Tally::HepPackets, MAX_CONNECTIONS as u64);
    drop(connections);
    let deadline = Instant::now() + SETTLE;
    while !rig.messages().iter().any(|message| message == "again") {
        assert!(Instant::now() < deadline, "no place came free");
        // One that is turned away may not take what is sent.
        let _refused = rig.connect().write_all(&packet("again"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_port_that_is_taken_is_named_with_a_remedy() {
    let rig = Rig::new("127.0.0.0/8");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let error = runtime.block_on(Listener::bind(rig.address)).err().expect("refused").to_string();
    assert_eq!(
        error,
        format!(
            "cannot take HEP over UDP on {}: Address already in use (os error 98); choose another \
             `capture.hep`, or \"\" for none",
            rig.address
        )
    );
}
