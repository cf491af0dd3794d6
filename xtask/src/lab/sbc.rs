//! kamailio as the SBC, and the answering side behind it.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    process::Command,
};

use anyhow::Context as _;

use super::{
    Lab, SBC_V4, SBC_V4_OTHER, SBC_V6, SOCKET_BUFFER, kamailio, mirror::Mirror, process::Process,
    scenario, screen::Screen,
};

/// Port the SBC takes SIP on.
pub const SIP_PORT: u16 = 5060;
/// Port the answering side takes SIP on, behind the SBC.
const ANSWERING_PORT: u16 = 5080;

/// What the SBC's log line of an INVITE starts with.
const MARK: &str = "lab-invite ";

/// kamailio, forwarding every call to a sipp that answers it.
#[derive(Debug)]
pub struct Sbc {
    kamailio: Process,
    _answering: Process,
}

/// What its configuration and its command line have beside the usual.
#[derive(Default)]
struct Additions {
    globals: String,
    modules: String,
    /// What stands first in the route.
    route: &'static str,
    arguments: &'static [&'static str],
}

/// An INVITE the SBC received, retransmissions included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Call-ID.
    pub call_id: String,
    /// User part of From.
    pub from: String,
    /// Where it came from.
    pub source: String,
}

impl Sbc {
    /// Starts both and waits until they answer.
    ///
    /// # Errors
    ///
    /// When one of them does not start; the text carries the end of its log.
    pub fn start(lab: &Lab) -> anyhow::Result<Self> {
        Self::start_with(lab, &Additions::default())
    }

    /// The same with a mirror: it takes TLS too.
    ///
    /// # Errors
    ///
    /// When one of them does not start; the text carries the end of its log.
    pub fn start_mirroring(lab: &Lab, mirror: &Mirror) -> anyhow::Result<Self> {
        let additions = Additions {
            globals: mirror.globals(),
            modules: mirror.modules(),
            route: mirror.route(),
            arguments: &[],
        };
        Self::start_with(lab, &additions)
    }

    /// The same with callers it stops by itself.
    ///
    /// # Errors
    ///
    /// When one of them does not start; the text carries the end of its log.
    pub fn start_screening(lab: &Lab, screen: &Screen) -> anyhow::Result<Self> {
        let additions = Additions {
            globals: String::new(),
            modules: screen.modules(),
            route: Screen::ROUTE,
            arguments: Screen::ARGUMENTS,
        };
        Self::start_with(lab, &additions)
    }

    /// The process all of kamailio's are in the group of.
    pub fn group(&self) -> u32 {
        self.kamailio.id()
    }

    fn start_with(lab: &Lab, additions: &Additions) -> anyhow::Result<Self> {
        let answering = answering_side(lab)?;
        // Memory of hundreds of calls a second, and room for those of half a second.
        let mut arguments = vec!["-N", "1", "-m", "512", "-M", "8", "-b", SOCKET_BUFFER];
        arguments.extend(additions.arguments);
        let address = (Ipv4Addr::LOCALHOST, SIP_PORT).into();
        let config = config(additions);
        let kamailio = kamailio::start(lab, &lab.sbc, "kamailio", &config, &arguments, address)?;
        Ok(Self { kamailio, _answering: answering })
    }

    /// The INVITEs it received since its start.
    ///
    /// # Errors
    ///
    /// When its log cannot be read.
    pub fn received(&self) -> anyhow::Result<Vec<Received>> {
        let log = self.kamailio.log();
        let text = std::fs::read(log).with_context(|| format!("cannot read {}", log.display()))?;
        Ok(String::from_utf8_lossy(&text).lines().filter_map(Received::read).collect())
    }

    /// How many INVITEs it received from each caller, by the user part of From.
    ///
    /// # Errors
    ///
    /// When its log cannot be read.
    pub fn received_by_caller(&self) -> anyhow::Result<BTreeMap<String, usize>> {
        let mut callers = BTreeMap::new();
        for invite in self.received()? {
            *callers.entry(invite.from).or_default() += 1;
        }
        Ok(callers)
    }
}

impl Received {
    fn read(line: &str) -> Option<Self> {
        let (_, fields) = line.split_once(MARK)?;
        let mut fields = fields.split_whitespace();
        Some(Self {
            call_id: fields.next()?.to_owned(),
            from: fields.next()?.to_owned(),
            source: fields.next()?.to_owned(),
        })
    }
}

fn answering_side(lab: &Lab) -> anyhow::Result<Process> {
    let scenario = lab.write("answer.xml", &scenario::answering())?;
    let mut command = Command::new("sipp");
    command
        .arg("-sf")
        .arg(scenario)
        .args(["-i", "127.0.0.1", "-p", &ANSWERING_PORT.to_string()])
        .args(["-buff_size", SOCKET_BUFFER, "-nostdin", "-trace_err", "-error_file"])
        .arg(lab.path("answer-errors.log"))
        .current_dir(lab.directory());
    Process::spawn(&lab.sbc, "the answering sipp", command, &lab.path("answer.log"))
}

/// Takes calls on every address, forwards all of them to the answering side. Whom a call comes from
/// is not looked at: that is the work of what stands before it.
fn config(additions: &Additions) -> String {
    let mut config = String::from("#!KAMAILIO\n");
    let listen = [
        IpAddr::V4(SBC_V4),
        IpAddr::V6(SBC_V6),
        IpAddr::V4(SBC_V4_OTHER),
        Ipv4Addr::LOCALHOST.into(),
    ];
    for address in listen {
        // A `String` takes all that is written to it.
        for transport in ["udp", "tcp"] {
            let address = SocketAddr::new(address, SIP_PORT);
            let _infallible = writeln!(config, "listen={transport}:{address}");
        }
    }
    let Additions { globals, modules, route, .. } = additions;
    let _infallible = write!(
        config,
        r#"
{globals}
log_stderror=yes
debug=2
children=1
tcp_children=1
tcp_accept_no_cl=no
dns=no
rev_dns=no
auto_aliases=no
server_header="Server: lab"

loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "tm.so"
loadmodule "textops.so"
loadmodule "xlog.so"

modparam("xlog", "force_color", 0)
{modules}
request_route {{
    {route}
    if (is_method("OPTIONS") && $si == "127.0.0.1") {{
        sl_send_reply("200", "OK");
        exit;
    }}
    if (is_method("INVITE")) {{
        xlog("L_ERR", "{MARK}$ci $fU $si\n");
    }}
    $du = "sip:127.0.0.1:{ANSWERING_PORT}";
    $fs = "udp:127.0.0.1:{SIP_PORT}";
    if (is_method("ACK")) {{
        forward();
        exit;
    }}
    if (!t_relay()) {{
        sl_reply_error();
    }}
}}
"#
    );
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_lines_are_invites() {
        let line =
            " 3(77) ERROR: <script>: lab-invite 1-9@198.51.100.10 +12015550101 198.51.100.10";
        assert_eq!(
            Received::read(line),
            Some(Received {
                call_id: "1-9@198.51.100.10".into(),
                from: "+12015550101".into(),
                source: "198.51.100.10".into(),
            })
        );
        assert_eq!(Received::read(" 3(77) ERROR: <core>: something else"), None);
    }
}
