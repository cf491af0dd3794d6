//! `ani run` in the SBC's namespace, and its command line.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::{DirBuilderExt as _, chown},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output},
    time::Duration,
};

use anyhow::{Context as _, bail};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{
    Lab, SBC_INTERFACE, SBC_INTERFACE_OTHER, TRUNK,
    mirror::{HEP, KEY},
    process::Process,
};

/// Where the metrics are served, in the SBC's namespace.
pub const METRICS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

const STARTUP: Duration = Duration::from_secs(30);
const SHUTDOWN: Duration = Duration::from_secs(10);
const HTTP: Duration = Duration::from_secs(5);

/// A trunk of the configuration.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Its name.
    pub name: &'static str,
    /// Networks its calls come from.
    pub sources: Vec<&'static str>,
    /// How its callers are read: keys of the file, a line each.
    pub keys: &'static str,
}

/// Where what outlives the daemon is kept: `capture.pin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pin {
    /// It does not.
    Nowhere,
    /// On the lab's own BPF file system, at [`Lab::pins`].
    Kept,
    /// Where none is mounted.
    NoFileSystem,
}

/// What changes between configurations of the lab.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The carriers.
    pub trunks: Vec<Trunk>,
    /// Calls and the time they may come within, as the file writes it.
    pub per_caller: Option<(u32, &'static str)>,
    /// Whether it listens on the SBC's interface.
    pub interface: bool,
    /// Whether it listens on the link of the second carrier too ([`Lab::separate`]).
    pub other_interface: bool,
    /// Whether it takes what the lab's mirror sends.
    pub hep: bool,
    /// How the program is attached: `capture.mode`.
    pub mode: &'static str,
    /// Where what outlives the daemon is kept.
    pub pin: Pin,
    /// What becomes of it when the daemon is told to end: `capture.on_exit`.
    pub on_exit: &'static str,
    /// Call attempts that are remembered: `lists.max_attempts`.
    pub max_attempts: Option<u32>,
    /// Keys of `[capture]` beside those, a line each.
    pub capture: &'static str,
    /// Keys of `[lists]` beside that one, a line each.
    pub lists: &'static str,
    /// How signatures are verified: keys of `[stir]`, a line each.
    pub stir: String,
    /// Tables of the file beside those of the lab.
    pub tables: &'static str,
    /// Whether it runs as a service manager runs it: see [`spawn_service`].
    pub service: bool,
}

impl Default for Settings {
    /// The first carrier, no limit, the interface alone.
    fn default() -> Self {
        Self {
            trunks: vec![Trunk {
                name: "carrier-a",
                sources: TRUNK.to_vec(),
                keys: "profile = \"generic\"",
            }],
            per_caller: None,
            interface: true,
            other_interface: false,
            hep: false,
            mode: "auto",
            pin: Pin::Nowhere,
            on_exit: "keep",
            max_attempts: None,
            capture: "",
            lists: "",
            stir: String::new(),
            tables: "",
            service: false,
        }
    }
}

impl Settings {
    /// The configuration file.
    fn file(&self, lab: &Lab) -> String {
        let interfaces: Vec<_> =
            [(self.interface, SBC_INTERFACE), (self.other_interface, SBC_INTERFACE_OTHER)]
                .into_iter()
                .filter_map(|(listens, interface)| listens.then_some(interface))
                .collect();
        let hep = if self.hep { HEP.to_string() } else { String::new() };
        let mode = self.mode;
        let pin = match self.pin {
            Pin::Nowhere => PathBuf::new(),
            Pin::Kept => lab.pins(),
            Pin::NoFileSystem => lab.path("pins"),
        };
        let pin = pin.display();
        let read_group = match self.service {
            true => format!("read_group = \"{}\"\n", SERVICE_READ_GROUP.0),
            false => String::new(),
        };
        let mut file = format!(
            "[capture]\n\
             interfaces = {interfaces:?}\n\
             sip_ports  = [5060]\n\
             mode       = \"{mode}\"\n\
             pin        = \"{pin}\"\n\
             on_exit    = \"{}\"\n\
             hep        = \"{hep}\"\n\
             hep_key    = \"{KEY}\"\n{}\n\n\
             [control]\n\
             socket  = \"{}\"\n\
             {read_group}\
             metrics = \"{METRICS}\"\n\n\
             [store]\n\
             path = \"{}\"\n",
            self.on_exit,
            self.capture,
            socket(lab).display(),
            lab.path("store").display(),
        );
        // Not twice: `tables` may have it.
        if !self.lists.is_empty() || self.max_attempts.is_some() {
            file += &format!("\n[lists]\n{}\n", self.lists);
        }
        if let Some(max_attempts) = self.max_attempts {
            file += &format!("max_attempts = {max_attempts}\n");
        }
        for trunk in &self.trunks {
            // The list's debug form is TOML's too.
            file += &format!(
                "\n[[trunk]]\nname    = \"{}\"\nsources = {:?}\ncountry = \"US\"\n\
                 {}\n",
                trunk.name, trunk.sources, trunk.keys,
            );
        }
        let limit = match self.per_caller {
            Some((calls, within)) => format!("{{ calls = {calls}, within = \"{within}\" }}"),
            None => "{}".to_owned(),
        };
        file + &format!(
            "\n[limits]\nper_caller = {limit}\n\n[stir]\n{}\n\n{}",
            self.stir, self.tables
        )
    }
}

/// The running daemon; ended when dropped.
#[derive(Debug)]
pub struct Daemon {
    binary: PathBuf,
    socket: PathBuf,
    process: Process,
}

impl Daemon {
    /// Starts it and waits until it is attached and answers.
    ///
    /// # Errors
    ///
    /// When it ends or does not answer in time; the text carries the end of its log.
    pub fn start(lab: &Lab, binary: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let config = configure(lab, settings)?;
        let mut daemon = Self {
            binary: binary.to_path_buf(),
            socket: socket(lab),
            process: if settings.service {
                spawn_service(lab, binary, &config)?
            } else {
                spawn(lab, binary, &config, "ani.log")?
            },
        };
        let (binary, socket) = (daemon.binary.clone(), daemon.socket.clone());
        daemon.process.wait_until_ready(STARTUP, || {
            command(&binary, &socket, &["status", "--json"])
                .output()
                .is_ok_and(|output| output.status.success())
        })?;
        Ok(daemon)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What one command of the command line says.
    ///
    /// # Errors
    ///
    /// When it cannot be run.
    pub fn try_cli(&self, arguments: &[&str]) -> anyhow::Result<Output> {
        let mut command = command(&self.binary, &self.socket, arguments);
        command.output().with_context(|| format!("cannot run {command:?}"))
    }

    /// What a command of the command line writes to stdout.
    ///
    /// # Errors
    ///
    /// When it fails; the text carries what it wrote to stderr.
    pub fn cli(&self, arguments: &[&str]) -> anyhow::Result<String> {
        crate::command::output(&mut command(&self.binary, &self.socket, arguments))
    }

    /// The status document.
    ///
    /// # Errors
    ///
    /// When the daemon does not answer, or not with JSON.
    pub fn status(&self) -> anyhow::Result<Value> {
        let text = self.cli(&["status", "--json"])?;
        serde_json::from_str(&text).with_context(|| format!("no JSON: {text}"))
    }

    /// A counter of the status document.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub fn counter(&self, name: &str) -> anyhow::Result<u64> {
        let status = self.status()?;
        status["counters"][name]
            .as_u64()
            .with_context(|| format!("no counter `{name}` in {status}"))
    }

    /// A count of the daemon's own, `daemon.<name>` of the status document.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub fn tally(&self, name: &str) -> anyhow::Result<u64> {
        let status = self.status()?;
        status["daemon"][name]
            .as_u64()
            .with_context(|| format!("no count `daemon.{name}` in {status}"))
    }

    /// Memory it holds, bytes (VmRSS).
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.process.id());
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let kilobytes = text
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        kilobytes.map(|kilobytes: u64| kilobytes * 1_024).context("no VmRSS")
    }

    /// What the metrics endpoint serves.
    ///
    /// # Errors
    ///
    /// When it does not answer with 200.
    pub fn metrics(&self, lab: &Lab) -> anyhow::Result<Metrics> {
        let answer = lab.sbc.enter(|| {
            let mut stream = TcpStream::connect_timeout(&METRICS, HTTP)
                .with_context(|| format!("cannot reach the metrics at {METRICS}"))?;
            stream.set_read_timeout(Some(HTTP))?;
            write!(stream, "GET /metrics HTTP/1.0\r\nHost: {METRICS}\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).context("cannot read the metrics")?;
            Ok(answer)
        })?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
        if !head.lines().next().is_some_and(|line| line.contains(" 200 ")) {
            bail!("metrics answered {head}");
        }
        Ok(Metrics(body.to_owned()))
    }

    /// Sends a signal.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        self.process.signal(signal)
    }

    /// Waits until it ends.
    ///
    /// # Errors
    ///
    /// When it does not in time.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        self.process.wait(SHUTDOWN)
    }

    /// Asks it to end and waits for that.
    ///
    /// # Errors
    ///
    /// When it does not end in time, or not with success.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.signal(Signal::SIGTERM)?;
        let status = self.wait()?;
        if !status.success() {
            bail!("ani run ended with {status} after SIGTERM; {}", self.process.log_tail());
        }
        Ok(())
    }

    /// What it logged.
    ///
    /// # Errors
    ///
    /// When the log cannot be read.
    pub fn log(&self) -> anyhow::Result<String> {
        let log = self.process.log();
        std::fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))
    }
}

/// Writes the configuration file; a running daemon reads it at SIGHUP.
///
/// # Errors
///
/// When it cannot be written.
pub fn configure(lab: &Lab, settings: &Settings) -> anyhow::Result<PathBuf> {
    if settings.pin == Pin::Kept {
        lab.mount_bpf()?;
    }
    lab.write("ani.toml", &settings.file(lab))
}

/// Starts `ani run` with a configuration and does not wait for it.
///
/// # Errors
///
/// When it cannot be started.
pub fn spawn(lab: &Lab, binary: &Path, config: &Path, log: &str) -> anyhow::Result<Process> {
    let mut command = Command::new(binary);
    command.arg("run").arg("--config").arg(config);
    Process::spawn(&lab.sbc, "ani run", command, &lab.path(log))
}

/// The user and group of nobody, as which a service runs in the lab.
pub const SERVICE_USER: u32 = 65_534;

/// The capabilities it is given: those of `ani-user/systemd/ani.service`.
pub const SERVICE_CAPABILITIES: [&str; 4] = ["net_admin", "net_raw", "perfmon", "bpf"];

/// Name and number of the group that may look: one of every Debian's that has nobody in it.
pub const SERVICE_READ_GROUP: (&str, u32) = ("games", 60);

/// How often a sign of life is wanted from it, microseconds.
const WATCHDOG_USEC: &str = "1500000";

/// Starts `ani run` as the systemd unit does: as an ordinary user with four capabilities and no more to
/// be had, told where to notify ([`notify_socket`]) and that it is watched.
///
/// # Errors
///
/// When it cannot be started, or its files cannot be given to that user.
pub fn spawn_service(lab: &Lab, binary: &Path, config: &Path) -> anyhow::Result<Process> {
    let own = lab.path("ani");
    // Where it was built, the user may not be allowed to go.
    std::fs::copy(binary, &own).with_context(|| format!("cannot write {}", own.display()))?;
    chown(lab.directory(), Some(SERVICE_USER), Some(SERVICE_USER))
        .context("cannot give the lab's directory to the service's user")?;
    // As ani.tmpfiles makes it, where there is a BPF file system.
    let pins = lab.pins();
    if pins.parent().is_some_and(Path::exists) && !pins.exists() {
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&pins)
            .and_then(|()| chown(&pins, Some(SERVICE_USER), Some(SERVICE_USER)))
            .with_context(|| format!("cannot give {} to the service's user", pins.display()))?;
    }
    let capabilities = SERVICE_CAPABILITIES.map(|name| format!("+{name}")).join(",");
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={SERVICE_USER}"))
        .arg(format!("--regid={SERVICE_USER}"))
        .arg(format!("--groups={}", SERVICE_READ_GROUP.1))
        .arg("--no-new-privs")
        .arg(format!("--inh-caps=-all,{capabilities}"))
        .arg(format!("--ambient-caps=-all,{capabilities}"))
        .arg(format!("--bounding-set=-all,{capabilities}"))
        .arg(own)
        .arg("run")
        .arg("--config")
        .arg(config)
        .env("NOTIFY_SOCKET", notify_socket(lab))
        .env("WATCHDOG_USEC", WATCHDOG_USEC);
    Process::spawn(&lab.sbc, "ani run", command, &lab.path("ani.log"))
}

/// Runs a command against a service as another user than its own, who is in some groups too.
///
/// # Errors
///
/// When it cannot be run.
pub fn as_other(lab: &Lab, groups: &[u32], arguments: &[&str]) -> anyhow::Result<Output> {
    let id = SERVICE_USER - 1;
    let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
    let mut command = Command::new("setpriv");
    command.arg(format!("--reuid={id}")).arg(format!("--regid={id}"));
    match groups.as_slice() {
        [] => command.arg("--clear-groups"),
        groups => command.arg(format!("--groups={}", groups.join(","))),
    };
    command.arg(lab.path("ani")).arg("--socket").arg(socket(lab)).args(arguments);
    command.output().with_context(|| format!("cannot run {command:?}"))
}

/// Where a service tells how it is.
pub fn notify_socket(lab: &Lab) -> PathBuf {
    lab.path("notify")
}

/// Where the lab's daemon listens for commands.
pub fn socket(lab: &Lab) -> PathBuf {
    lab.path("ani.sock")
}

fn command(binary: &Path, socket: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.arg("--socket").arg(socket).args(arguments);
    command
}

/// Metrics in Prometheus' text form.
#[derive(Clone, Debug)]
pub struct Metrics(String);

impl Metrics {
    /// The value of a metric without labels.
    pub fn value(&self, name: &str) -> Option<u64> {
        self.0
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.split_whitespace().next())
            .and_then(|value| value.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let metrics = Metrics(
            "# HELP ani_packets Packets.\n# TYPE ani_packets counter\nani_packets_total 12\n\
             ani_packets_total_other 3\nani_invites_total 7 1700000000\n# EOF\n"
                .into(),
        );
        assert_eq!(metrics.value("ani_packets_total"), Some(12));
        assert_eq!(metrics.value("ani_invites_total"), Some(7));
        assert_eq!(metrics.value("ani_packets"), None);
    }
}
