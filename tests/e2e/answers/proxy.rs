//! kamailio as the carrier's proxy: what it relays has transactions of its own.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr, UdpSocket},
    process::Command,
    time::Duration,
};

use xtask::lab::{Lab, process::Process, uac::Route};

/// Where it takes the callers' calls, and where it sends them from.
const PORT: u16 = 5_062;

/// A running proxy that relays all to the SBC.
pub(super) struct Proxy {
    _kamailio: Process,
    address: SocketAddr,
}

impl Proxy {
    /// Starts one in the carrier's namespace.
    pub(super) fn start(lab: &Lab, route: Route) -> Self {
        let address = SocketAddr::new(route.from(), PORT);
        let name = if route.from().is_ipv4() { "proxy-v4" } else { "proxy-v6" };
        let config = lab.write(&format!("{name}.cfg"), &config(address, route)).expect("a file");
        let mut command = Command::new("kamailio");
        command
            .args(["-DD", "-E", "-n", "1", "-m", "64", "-M", "8", "-f"])
            .arg(config)
            .arg("-w")
            .arg(lab.directory())
            .arg("-Y")
            .arg(lab.directory())
            .arg("-P")
            .arg(lab.path(&format!("{name}.pid")));
        let log = lab.path(&format!("{name}.log"));
        let mut kamailio =
            Process::spawn(&lab.carrier, "kamailio", command, &log).expect("kamailio");
        kamailio
            .wait_until_ready(Duration::from_secs(15), || answers(lab, address))
            .expect("a proxy");
        Self { _kamailio: kamailio, address }
    }

    /// Where it takes calls.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn answers(lab: &Lab, address: SocketAddr) -> bool {
    let asked = lab.carrier.enter(|| {
        let socket = UdpSocket::bind((address.ip(), 0))?;
        socket.set_read_timeout(Some(Duration::from_millis(200)))?;
        let from = socket.local_addr()?;
        let request = format!(
            "OPTIONS sip:ping@{address} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {from};branch=z9hG4bKping;rport\r\n\
             From: <sip:lab@lab>;tag=ping\r\nTo: <sip:ping@lab>\r\nCall-ID: ping\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        socket.send_to(request.as_bytes(), address)?;
        let mut answer = [0; 2_048];
        let len = socket.recv(&mut answer)?;
        Ok(answer[..len].starts_with(b"SIP/2.0 200"))
    });
    asked.unwrap_or(false)
}

fn config(address: SocketAddr, route: Route) -> String {
    let mut config = String::from("#!KAMAILIO\n");
    let to = route.to();
    let host = match to.ip() {
        IpAddr::V4(host) => host.to_string(),
        IpAddr::V6(host) => format!("[{host}]"),
    };
    // A `String` takes all that is written to it.
    let _ = write!(
        config,
        r#"listen=udp:{address}
log_stderror=yes
debug=2
children=1
dns=no
rev_dns=no
auto_aliases=no

loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "textops.so"

request_route {{
    if (is_method("OPTIONS")) {{
        sl_send_reply("200", "OK");
        exit;
    }}
    $du = "sip:{host}:{port}";
    # The ACK of a refusal belongs to its transaction, and ends here.
    if (is_method("ACK")) {{
        t_relay();
        exit;
    }}
    if (!t_relay()) {{
        sl_reply_error();
    }}
}}
"#,
        port = to.port()
    );
    config
}
