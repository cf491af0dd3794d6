//! kamailio as the carrier's proxy: what it relays has transactions of its own.

use std::{
    fmt::Write as _,
    net::{IpAddr, SocketAddr},
};

use xtask::lab::{Lab, kamailio, process::Process, uac::Route};

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
        let (config, memory) = (config(address, route), ["-m", "64", "-M", "8"]);
        let kamailio = kamailio::start(lab, &lab.carrier, name, &config, &memory, address);
        let kamailio = kamailio.expect("a proxy");
        Self { _kamailio: kamailio, address }
    }

    /// Where it takes calls.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
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
