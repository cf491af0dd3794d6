//! Whoever has the certificates: an https server of the carrier's.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    sync::Arc,
    thread,
    time::Duration,
};

use xtask::{
    command,
    lab::{CARRIER_V4, Lab, process::Process},
};

use super::HTTPS;

/// The certificates of [`LOCAL`](super::LOCAL)'s folder over https, each connection late.
pub(super) struct Server {
    _openssl: Process,
}

impl Server {
    /// Makes the server's own certificate too, as `https.pem` of the lab.
    pub(super) fn start(lab: &Lab, delay: Duration) -> Self {
        let (certificate, key) = (lab.path("https.pem"), lab.path("https-key.pem"));
        let mut openssl = Command::new("openssl");
        openssl
            .args(["req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "1"])
            .args(["-subj", "/CN=certs", "-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-addext", &format!("subjectAltName=IP:{CARRIER_V4}"), "-keyout"])
            .arg(&key)
            .arg("-out")
            .arg(&certificate);
        command::output(&mut openssl).expect("a certificate");
        let mut openssl = Command::new("openssl");
        openssl
            .args(["s_server", "-quiet", "-WWW", "-accept", "127.0.0.1:9443", "-cert"])
            .arg(&certificate)
            .arg("-key")
            .arg(&key)
            .current_dir(lab.path("certs/certs.example.org"));
        let log = lab.path("https.log");
        let process = Process::spawn(&lab.carrier, "openssl s_server", openssl, &log);
        let (listener, behind) = (
            lab.carrier.enter(|| Ok(TcpListener::bind((CARRIER_V4, HTTPS))?)).expect("a port"),
            SocketAddr::from(([127, 0, 0, 1], 9_443)),
        );
        // A thread stays in the namespace that it has entered.
        let name = lab.carrier.name().to_owned();
        thread::spawn(move || {
            let file = std::fs::File::open(format!("/run/netns/{name}")).expect("the namespace");
            nix::sched::setns(&file, nix::sched::CloneFlags::CLONE_NEWNET).expect("the namespace");
            for stream in listener.incoming().flatten() {
                thread::sleep(delay);
                let server = TcpStream::connect(behind).expect("the server");
                pipe(stream, server);
            }
        });
        Self { _openssl: process.expect("openssl") }
    }
}

/// Carries bytes both ways until both have ended.
fn pipe(one: TcpStream, other: TcpStream) {
    let (one, other) = (Arc::new(one), Arc::new(other));
    for (from, to) in [(Arc::clone(&one), Arc::clone(&other)), (other, one)] {
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(len @ 1..) = (&*from).read(&mut buffer) {
                if (&*to).write_all(&buffer[..len]).is_err() {
                    break;
                }
            }
            // Whoever has gone already need not be told.
            let _gone = to.shutdown(std::net::Shutdown::Write);
        });
    }
}
