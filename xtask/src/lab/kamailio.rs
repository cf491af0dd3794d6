//! kamailio, started in a namespace of the lab.

use std::{
    net::{SocketAddr, UdpSocket},
    process::Command,
    time::Duration,
};

use super::{Lab, namespace::Namespace, process::Process};

const STARTUP: Duration = Duration::from_secs(15);

/// How long an answer of it is awaited.
const ANSWER: Duration = Duration::from_millis(200);

/// Starts one and waits until it answers an OPTIONS at `address`. Its files in the lab are called
/// `name`; it must answer OPTIONS itself, or somebody behind it.
///
/// # Errors
///
/// When it does not start; the text carries the end of its log.
pub fn start(
    lab: &Lab,
    namespace: &Namespace,
    name: &str,
    config: &str,
    arguments: &[&str],
    address: SocketAddr,
) -> anyhow::Result<Process> {
    let config = lab.write(&format!("{name}.cfg"), config)?;
    let mut command = Command::new("kamailio");
    command
        .args(["-DD", "-E", "-n", "1"])
        .args(arguments)
        .arg("-f")
        .arg(config)
        .arg("-w")
        .arg(lab.directory())
        .arg("-Y")
        .arg(lab.directory())
        .arg("-P")
        .arg(lab.path(&format!("{name}.pid")));
    let log = lab.path(&format!("{name}.log"));
    let mut kamailio = Process::spawn(namespace, "kamailio", command, &log)?;
    kamailio.wait_until_ready(STARTUP, || answers(namespace, address))?;
    Ok(kamailio)
}

/// What is sent over the loopback does not pass the veth pair, so nothing is counted there.
fn answers(namespace: &Namespace, address: SocketAddr) -> bool {
    let asked = namespace.enter(|| {
        let socket = UdpSocket::bind((address.ip(), 0))?;
        socket.set_read_timeout(Some(ANSWER))?;
        let from = socket.local_addr()?;
        let request = format!(
            "OPTIONS sip:ping@{address} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {from};branch=z9hG4bKping;rport\r\n\
             Max-Forwards: 1\r\n\
             From: <sip:lab@{from}>;tag=ping\r\n\
             To: <sip:ping@{address}>\r\n\
             Call-ID: ping\r\n\
             CSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        );
        socket.send_to(request.as_bytes(), address)?;
        let mut answer = [0; 2_048];
        let len = socket.recv(&mut answer)?;
        Ok(answer[..len].starts_with(b"SIP/2.0 200"))
    });
    asked.unwrap_or(false)
}
