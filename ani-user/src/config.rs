//! The configuration file: TOML, every key optional but a trunk's name and sources, unknown keys
//! refused. [`file`] holds the keys as they are written; this is the total configuration made of
//! them.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use ani_ebpf::abi::{number::Number, settings::MAX_WINDOW};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::identity::Profile;

/// What stopped calls are told.
mod answers;
/// From the keys as they are written to the total configuration.
mod check;
/// How the countries of the world dial.
pub mod countries;
/// What differs between two configurations.
pub mod difference;
/// What is wrong, where, and what to write instead.
mod error;
/// The keys as they are written.
mod file;
/// Which calls are held until the daemon has decided.
mod hold;
/// How many calls are too many, and of whom.
mod limits;
/// Lists beside those that are always there.
mod lists;
/// Numbers that stay with their names.
mod numbered;
/// The profiles that come with ani.
pub mod profiles;
/// A number of calls in a span of time, as it is written.
mod rate;
/// For which outcomes of its verification a call is refused.
mod refuse;
/// What toll-free numbers begin with.
pub mod toll_free;
/// A carrier's trunk.
mod trunk;

pub use self::{
    answers::{Answers, Redress},
    check::NO_TRUNK_NAME,
    error::Error,
    hold::Hold,
    limits::{Limits, NamedLimit, PER_CALLER, Per, per_caller},
    lists::{List, Lists},
    numbered::{Named, NoNumber, Numbered},
    rate::{Rate, RateError},
    refuse::Refuse,
    trunk::Trunk,
};

/// Where the command line looks for the file unless told otherwise.
pub const DEFAULT_FILE: &str = "/etc/ani/ani.toml";

/// The file with every key at its default, commented; `ani check-config --sample` prints it.
pub const SAMPLE: &str = include_str!("config/sample.toml");

/// Bytes of a file that are read; a hundred thousand source networks fit.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// Entries of all lists at most where captures are read without a file.
const MAX_REPLAYED_ENTRIES: u32 = 4_000_000;

/// Callers whose limit is remembered there.
const MAX_REPLAYED_LIMITED: u32 = 1_000_000;

/// Everything the daemon is told, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `[capture]`
    pub capture: Capture,
    /// `[control]`
    pub control: Control,
    /// `[store]`
    pub store: Store,
    /// The built-in profiles, then `[[profile]]`, in file order.
    pub profiles: Vec<Profile>,
    /// `[[trunk]]`, in file order; a trunk's index is its number.
    pub trunks: Numbered<Trunk>,
    /// `[limits]`
    pub limits: Limits,
    /// `[lists]`
    pub lists: Lists,
    /// `[[list]]`, in file order.
    pub list: Numbered<List>,
    /// `[hold]`
    pub hold: Hold,
    /// `[answers]`, `lists.answer` and that of `limits.per_caller`
    pub answers: Answers,
    /// `[breaker]`
    pub breaker: Breaker,
    /// `[emergency]`
    pub emergency: Emergency,
    /// `[stir]`
    pub stir: Stir,
    /// `[telemetry]`
    pub telemetry: Telemetry,
}

impl Config {
    /// Reads a file. The error names file, line, key, value and remedy.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let origin = path.display().to_string();
        let cannot = |message: String| Error { origin: origin.clone(), line: None, message };
        let size = std::fs::metadata(path).map_or(0, |meta| meta.len());
        if size > MAX_FILE_BYTES {
            return Err(cannot(format!("{size} bytes; at most {MAX_FILE_BYTES} are read")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            cannot(match error.kind() {
                std::io::ErrorKind::NotFound => {
                    "no such file; `ani check-config --sample` prints one to start from".to_owned()
                }
                _ => format!("cannot be read: {error}"),
            })
        })?;
        Self::parse(&text, &origin)
    }

    /// Reads the text of a file; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let place = error::Text { origin, text };
        let file = toml::from_str(text).map_err(|error| place.refused(&error))?;
        check::total(file, place)
    }

    /// The same with the numbers that trunks, lists and limits have in `before`; see
    /// [`Numbered::after`]. To do it twice changes nothing.
    pub fn after(self, before: &Self) -> Result<Self, NoNumber> {
        let Limits { per_caller, named } = self.limits;
        Ok(Self {
            trunks: self.trunks.after(&before.trunks)?,
            list: self.list.after(&before.list)?,
            limits: Limits { per_caller, named: named.after(&before.limits.named)? },
            ..self
        })
    }

    /// What captures are read by without a file: every source is one trunk.
    pub fn one_trunk() -> Self {
        let everywhere = vec![IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        let default = Self::default();
        Self {
            trunks: vec![Trunk::new("any".to_owned(), everywhere, Profile::generic(), None)].into(),
            lists: Lists {
                max_entries: MAX_REPLAYED_ENTRIES,
                max_limited: MAX_REPLAYED_LIMITED,
                ..default.lists
            },
            ..default
        }
    }
}

/// What holds for an empty file: no interface, no trunk, no limit.
impl Default for Config {
    fn default() -> Self {
        Self {
            capture: Capture {
                interfaces: Vec::new(),
                sip_ports: vec![5060],
                mode: Mode::Auto,
                pin: Some(PathBuf::from("/sys/fs/bpf/ani")),
                on_exit: OnExit::Keep,
                ring_bytes: None,
                window: MAX_WINDOW as u32,
                hep: Hep {
                    listen: None,
                    sources: vec![
                        IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8)),
                        IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128)),
                    ],
                    key: String::new(),
                },
            },
            control: Control {
                socket: PathBuf::from("/run/ani/ani.sock"),
                read_socket: Some(PathBuf::from("/run/ani/read.sock")),
                read_group: None,
                metrics: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9464))),
            },
            store: Store { path: PathBuf::from("/var/lib/ani") },
            // A test reads them.
            profiles: profiles::built_in().unwrap_or_default(),
            trunks: Numbered::default(),
            limits: Limits { per_caller: None, named: Numbered::default() },
            lists: Lists { max_entries: 10_000_000, max_limited: 100_000, max_attempts: 262_144 },
            list: Numbered::default(),
            hold: Hold::default(),
            answers: Answers::default(),
            breaker: Breaker::default(),
            emergency: Emergency {
                // Europe and mobile phones, North America, Britain, Australia, New Zealand, the
                // police and the fire brigade of East Asia, and North America's test of 911.
                numbers: ["112", "911", "999", "000", "111", "110", "119", "933"]
                    .iter()
                    .filter_map(|digits| Number::from_ascii(digits.as_bytes()))
                    .collect(),
            },
            stir: Stir::default(),
            telemetry: Telemetry { max_callers: 100_000 },
        }
    }
}

/// What is listened to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Names of network interfaces.
    pub interfaces: Vec<String>,
    /// UDP and TCP ports the SBC takes SIP on.
    pub sip_ports: Vec<u16>,
    /// How the XDP program is attached.
    pub mode: Mode,
    /// Folder on a BPF file system that keeps the program when the daemon goes; none for an empty
    /// string in the file.
    pub pin: Option<PathBuf>,
    /// What becomes of the program when the daemon is told to end.
    pub on_exit: OnExit,
    /// Ring buffer of each CPU between kernel and daemon, bytes; a power of two of at least one
    /// page. `None`: what fits the number of CPUs.
    pub ring_bytes: Option<u32>,
    /// Most bytes of a frame that are handed to the daemon; at most
    /// [`ani_ebpf::abi::settings::MAX_WINDOW`].
    pub window: u32,
    /// Messages that others mirror.
    pub hep: Hep,
}

impl Capture {
    /// Whether anything comes in at all.
    pub const fn is_empty(&self) -> bool {
        self.interfaces.is_empty() && self.hep.listen.is_none()
    }
}

/// Who may mirror messages by HEPv3, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hep {
    /// UDP and TCP; none for an empty string in the file.
    pub listen: Option<SocketAddr>,
    /// Networks of those who may; at least one.
    pub sources: Vec<IpNet>,
    /// What they authenticate with; empty for nothing.
    pub key: String,
}

/// How the XDP program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In the driver, or generic where the driver cannot.
    Auto,
    /// In the network stack, behind the driver: works everywhere, costs more.
    Generic,
    /// In the driver, or not at all.
    Native,
}

/// What becomes of the XDP program when the daemon is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnExit {
    /// It stays on the interfaces, where a folder keeps it: lists and limits go on.
    Keep,
    /// It is taken off them.
    Detach,
}

/// Who may ask and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Path of the unix socket that serves HTTP and JSON.
    pub socket: PathBuf,
    /// Path of the one that serves what only looks; none for an empty string in the file.
    pub read_socket: Option<PathBuf>,
    /// Group whose members may use that one; none for the daemon's own.
    pub read_group: Option<String>,
    /// Where Prometheus metrics are served; none for an empty string in the file.
    pub metrics: Option<SocketAddr>,
}

impl Control {
    /// Where the socket for looking is, unless the file says otherwise.
    pub fn read_beside(socket: &Path) -> PathBuf {
        socket.with_file_name("read.sock")
    }

    /// The same with another socket; the one for looking goes along if it stood beside it.
    pub fn at(self, socket: &Path) -> Self {
        let beside = self.read_socket == Some(Self::read_beside(&self.socket));
        let read_socket = if beside { Some(Self::read_beside(socket)) } else { self.read_socket };
        Self { socket: socket.to_owned(), read_socket, ..self }
    }
}

/// What survives a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Directory of the database.
    pub path: PathBuf,
}

/// When a list or limit is taken for a mistake: `docs/breaker.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// Whether any is.
    pub enabled: bool,
    /// Per cent of a trunk's good callers: one that stops more within a minute is.
    pub share: u8,
    /// Good callers of a trunk within the minute, below which nothing is said of it.
    pub callers: usize,
    /// How long it only observes.
    pub rest: Duration,
    /// Callers with a record at most, over all trunks.
    pub max_known: usize,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            enabled: true,
            share: 30,
            callers: 20,
            rest: Duration::from_secs(600),
            max_known: 100_000,
        }
    }
}

/// Calls no rule may stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emergency {
    /// Digits as they are dialled; at most [`ani_ebpf::abi::settings::MAX_EMERGENCY`].
    pub numbers: Vec<Number>,
}

/// How signatures are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stir {
    /// Whether they are at all.
    pub verify: bool,
    /// Folder of trust anchors; without one nothing is verified and nothing is fetched.
    pub anchors: Option<PathBuf>,
    /// Folder of revocation lists.
    pub crls: Option<PathBuf>,
    /// How far `iat` may be from now, before and after (RFC 8224 §6.2.3).
    pub max_age: Duration,
    /// Whether certificates are fetched over https.
    pub fetch: bool,
    /// Whether revocation lists are, from where the certificates say; only where those are.
    pub fetch_crls: bool,
    /// Folder of certificates that are looked for there before they are fetched.
    pub local: Option<PathBuf>,
    /// PEM file of roots that https is trusted by, beside the system's.
    pub roots: Option<PathBuf>,
    /// Special-purpose networks that certificates may be fetched from all the same.
    pub allow_addresses: Vec<IpNet>,
    /// Threads that verify.
    pub threads: usize,
    /// Calls that wait for one of them at most.
    pub queue: usize,
    /// Certificates that are kept at most; the one used longest ago gives way.
    pub max_certificates: NonZeroUsize,
}

impl Default for Stir {
    fn default() -> Self {
        Self {
            verify: true,
            anchors: None,
            crls: None,
            max_age: Duration::from_secs(60),
            fetch: true,
            fetch_crls: true,
            local: None,
            roots: None,
            allow_addresses: Vec::new(),
            threads: 1,
            queue: 1_024,
            max_certificates: const { NonZeroUsize::new(1_000).expect("not zero") },
        }
    }
}

/// How much is kept about callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// Callers with counters of their own at most; the one seen longest ago gives way.
    pub max_callers: usize,
}

#[cfg(test)]
mod tests;
