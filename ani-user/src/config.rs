//! The configuration file: TOML, every key optional but a trunk's name and sources, unknown keys
//! refused. [`file`] holds the keys as they are written; this is the total configuration made of
//! them.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use ani_ebpf::{
    abi::{
        attempt,
        limit::{self, Limit},
        list::Action,
        number::{MAX_DIGITS, Number},
        settings::MAX_WINDOW,
        trunk::{AniOrder, Orders, Telling},
    },
    dial_plan::DialPlan,
    gcra,
};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use self::countries::Country;
use crate::identity::{self, Profile, Reading};

/// From the keys as they are written to the total configuration.
mod check;
/// How the countries of the world dial.
pub mod countries;
/// What is wrong, where, and what to write instead.
mod error;
/// The keys as they are written.
mod file;
/// Numbers that stay with their names.
mod numbered;
/// The profiles that come with ani.
pub mod profiles;
/// A number of calls in a span of time, as it is written.
mod rate;
/// What toll-free numbers begin with.
pub mod toll_free;

pub use self::{
    check::NO_TRUNK_NAME,
    error::Error,
    numbered::{Named, NoNumber, Numbered},
    rate::RateError,
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
                metrics: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9464))),
            },
            store: Store { path: PathBuf::from("/var/lib/ani") },
            // A test reads them.
            profiles: profiles::built_in().unwrap_or_default(),
            trunks: Numbered::default(),
            limits: Limits { per_caller: None, named: Numbered::default() },
            lists: Lists { max_entries: 10_000_000, max_limited: 100_000, max_attempts: 262_144 },
            list: Numbered::default(),
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

/// Who may ask and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Path of the unix socket that serves HTTP and JSON.
    pub socket: PathBuf,
    /// Where Prometheus metrics are served; none for an empty string in the file.
    pub metrics: Option<SocketAddr>,
}

/// What survives a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Directory of the database.
    pub path: PathBuf,
}

/// A carrier's trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its name in output and metrics; unique.
    pub name: String,
    /// Networks its INVITEs come from; no two trunks share one.
    pub sources: Vec<IpNet>,
    /// ISO 3166 code of the country whose dial plan completes national numbers.
    pub country: Option<String>,
    /// What follows from the country.
    pub dial_plan: DialPlan,
    /// What its INVITEs say where, and what of it is believed.
    pub profile: Profile,
    /// The headers of the profile and the trunk's toll-free numbers, as the kernel has them.
    pub orders: Orders,
    /// What it believes of what tells the attestation, as the kernel has it.
    pub telling: Telling,
}

impl Trunk {
    /// A trunk of a carrier, in a country: what the profile says of both holds where the country is
    /// not named.
    pub fn new(
        name: String,
        sources: Vec<IpNet>,
        profile: Profile,
        country: Option<&'static Country>,
    ) -> Self {
        let country = country.or_else(|| countries::find(profile.country.as_deref()?));
        let mut dial_plan = country.map_or(DialPlan::NONE, Country::dial_plan);
        if let Some(digits) = profile.max_digits {
            dial_plan.max_digits = digits;
        }
        let calling_code = country.map(Country::calling_code);
        let orders = Orders {
            usual: AniOrder::new(&profile.ani),
            toll_free: AniOrder::new(&profile.ani_toll_free),
            toll_free_prefixes: toll_free::prefixes(calling_code.as_deref()),
        };
        let country = country.map(|country| country.code.to_owned());
        let telling = identity::compiled(&profile.telling);
        Self { name, sources, country, dial_plan, profile, orders, telling }
    }

    /// How its INVITEs are read.
    pub fn reading(&self) -> Reading<'_> {
        Reading {
            profile: &self.profile,
            orders: &self.orders,
            dial_plan: self.dial_plan,
            trusted: true,
        }
    }
}

/// How many calls are too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For each caller; none for an empty table in the file.
    pub per_caller: Option<Rate>,
    /// `[[limit]]`, in file order: they are looked at after the one for each caller, in this order.
    pub named: Numbered<NamedLimit>,
}

impl Limits {
    /// As the program has them.
    pub fn compiled(&self) -> Vec<Limit> {
        let named = self.named.numbered();
        let named = named.filter_map(|(id, limit)| limit.compiled(id, limit.rate, limit.observed));
        self.per_caller.and_then(per_caller).into_iter().chain(named).collect()
    }
}

/// Id of the limit of each caller.
pub const PER_CALLER: u8 = 1;

/// A limit of those who share a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLimit {
    /// Its name; unique.
    pub name: String,
    /// How many calls.
    pub rate: Rate,
    /// Whose.
    pub per: Per,
    /// Whether only of callers on a gray list.
    pub gray: bool,
    /// Whether what it would do is only told, unless an operator says otherwise by command.
    pub observed: bool,
}

impl NamedLimit {
    /// As the program has it. Calls that name a caller or a called number can be forged by anybody who
    /// reaches a trunk: who is attested does not pay for those who are not, nor one trunk for another.
    pub fn compiled(&self, id: u8, rate: Rate, observed: bool) -> Option<Limit> {
        let Per { caller, called, trunk, attestation } = self.per;
        let claimed = caller > 0 || called;
        let (interval_ns, tolerance_ns) = gcra_of(rate)?;
        Some(Limit {
            interval_ns,
            tolerance_ns,
            caller: Limit::digits(caller),
            called: if called { Limit::digits(MAX_DIGITS) } else { 0 },
            trunk: if trunk || claimed { u16::MAX } else { 0 },
            attestation: if attestation || claimed { u8::MAX } else { 0 },
            id,
            observed: u8::from(observed),
            gray: u8::from(self.gray),
            ..Limit::NONE
        })
    }
}

/// What those have in common who share a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Per {
    /// Digits of the caller's number: 0 where he does not count, [`MAX_DIGITS`] for all of them.
    pub caller: u32,
    /// The dialled number.
    pub called: bool,
    /// The trunk.
    pub trunk: bool,
    /// The claimed attestation.
    pub attestation: bool,
}

impl Per {
    /// As it is written: `caller` or `prefix:N`, `called`, `trunk`, `attestation`.
    pub fn words(&self) -> Vec<String> {
        let caller = match self.caller {
            0 => None,
            MAX_DIGITS => Some("caller".to_owned()),
            digits => Some(format!("prefix:{digits}")),
        };
        let others =
            [(self.called, "called"), (self.trunk, "trunk"), (self.attestation, "attestation")];
        let others = others.into_iter().filter(|(counts, _)| *counts);
        let others = others.map(|(_, word)| word.to_owned());
        caller.into_iter().chain(others).collect()
    }
}

fn gcra_of(rate: Rate) -> Option<(u64, u64)> {
    gcra::parameters(rate.calls, u64::try_from(rate.within.as_nanos()).ok()?)
}

/// The limit of each caller over each trunk, by what is claimed of him.
pub fn per_caller(rate: Rate) -> Option<Limit> {
    let (interval_ns, tolerance_ns) = gcra_of(rate)?;
    Some(Limit {
        interval_ns,
        tolerance_ns,
        caller: Limit::digits(MAX_DIGITS),
        trunk: u16::MAX,
        attestation: u8::MAX,
        id: PER_CALLER,
        ..Limit::NONE
    })
}

/// A number of calls in a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At least one.
    pub calls: u64,
    /// At least a nanosecond a call.
    pub within: Duration,
}

/// How much the kernel's maps hold. Changed only by a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lists {
    /// Entries of all lists at most.
    pub max_entries: u32,
    /// Callers whose rate limit is remembered, about; who has spent least gives way.
    pub max_limited: u32,
    /// Call attempts whose verdict is remembered; 0 remembers none.
    pub max_attempts: u32,
}

impl Lists {
    /// Sets of the table of attempts: a power of two; none where none is remembered.
    pub fn attempt_sets(&self) -> Option<u32> {
        (self.max_attempts > 0).then(|| sets(self.max_attempts, attempt::WAYS))
    }

    /// Sets of the table of buckets: a power of two.
    pub fn bucket_sets(&self) -> u32 {
        sets(self.max_limited, limit::WAYS)
    }
}

fn sets(places: u32, ways: usize) -> u32 {
    places.div_ceil(ways as u32).next_power_of_two()
}

/// A list beside those that are always there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its name; unique, and none of the built-in ones.
    pub name: String,
    /// What is done with callers on it.
    pub action: Action,
    /// Whether that is only told, unless an operator says otherwise by command.
    pub observed: bool,
    /// What it is read from at start and on reload; none where commands change it.
    pub file: Option<PathBuf>,
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
