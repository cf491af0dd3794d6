//! A call lab: a carrier and an SBC in two network namespaces joined by a veth pair.
//!
//! ```text
//!  namespace ani-lab-PID-N-carrier      namespace ani-lab-PID-N-sbc
//!  sipp callers ── carrier0 ════ sbc0 ── XDP (ani run) ── kamailio ── lo ── sipp answering
//! ```
//!
//! A second pair, `carrier1` and `sbc1`, is there when asked for ([`Lab::separate`]).
//!
//! All addresses are those kept for documentation (RFC 5737, RFC 3849), all callers those kept for
//! fiction (NPA-555-01XX). Nothing outside the two namespaces is touched.

/// `ani run` in the SBC's namespace, and its command line.
pub mod daemon;
/// What became of calls while something was done to the daemon.
pub mod disturbance;
/// kamailio.
pub mod kamailio;
/// What labs left behind whose process was killed.
mod leftovers;
/// What makes kamailio take TLS and mirror what comes over it.
pub mod mirror;
/// A network namespace.
pub mod namespace;
/// A PASSporT that looks like one.
pub mod passport;
/// A process in a namespace.
pub mod process;
/// kamailio as the SBC, and the answering side behind it.
pub mod sbc;
/// What sipp sends and awaits.
mod scenario;
/// What makes kamailio stop callers by itself.
pub mod screen;
/// A caller over TLS.
pub mod tls;
/// sipp as the calling side.
pub mod uac;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::Context as _;

use self::namespace::Namespace;
use crate::{
    cleanup::{self, Guard, Undo},
    command,
};

/// The SBC's end of the veth pair, where the daemon listens.
pub const SBC_INTERFACE: &str = "sbc0";
/// The carrier's end.
pub const CARRIER_INTERFACE: &str = "carrier0";
/// The SBC's end of the second carrier's own veth pair.
pub const SBC_INTERFACE_OTHER: &str = "sbc1";
/// The second carrier's end of it.
pub const CARRIER_INTERFACE_OTHER: &str = "carrier1";

/// The SBC.
pub const SBC_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// The SBC.
pub const SBC_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, 1);
/// The SBC on the second carrier's network.
pub const SBC_V4_OTHER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);

/// Where the first carrier's calls come from.
pub const CARRIER_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);
/// Where the first carrier's calls come from.
pub const CARRIER_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x51, 0, 0, 0, 0, 0x10);
/// Where the second carrier's calls come from.
pub const CARRIER_V4_OTHER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);

/// The first carrier's networks.
pub const TRUNK: [&str; 2] = ["198.51.100.0/24", "2001:db8:51::/64"];
/// The second carrier's network.
pub const TRUNK_OTHER: &str = "203.0.113.0/24";

/// Addresses of one end, with prefix lengths.
type Addresses = [(IpAddr, u8); 3];

const SBC_ADDRESSES: Addresses =
    [(IpAddr::V4(SBC_V4), 24), (IpAddr::V6(SBC_V6), 64), (IpAddr::V4(SBC_V4_OTHER), 24)];
const CARRIER_ADDRESSES: Addresses = [
    (IpAddr::V4(CARRIER_V4), 24),
    (IpAddr::V6(CARRIER_V6), 64),
    (IpAddr::V4(CARRIER_V4_OTHER), 24),
];

/// Where a lab's BPF file system is, in its directory.
const BPF: &str = "bpf";

/// Bytes that wait in each SIP socket: what is lost there tells nothing of the daemon.
const SOCKET_BUFFER: &str = "4194304";

/// Lines of each log that are shown when a test fails.
const LOG_TAIL: usize = 25;

/// The two namespaces and a directory for what runs in them. All of it goes when this is dropped;
/// what runs in them is dropped before.
#[derive(Debug)]
pub struct Lab {
    /// Where calls come from.
    pub carrier: Namespace,
    /// Where they go to.
    pub sbc: Namespace,
    directory: PathBuf,
    /// A BPF file system of its own, once there is one; unmounted before its directory is removed.
    bpf: OnceLock<Guard>,
    /// Disks of its own, unmounted before that too.
    disks: Mutex<Vec<Guard>>,
    _directory_guard: Guard,
}

impl Lab {
    /// Makes a lab of its own name.
    ///
    /// # Errors
    ///
    /// When `ip` refuses a step; the text carries what it said.
    pub fn new() -> anyhow::Result<Self> {
        static LABS: AtomicU32 = AtomicU32::new(0);
        leftovers::remove();
        let name = leftovers::name(std::process::id(), LABS.fetch_add(1, Ordering::Relaxed));
        let (directory, directory_guard) = cleanup::make(|| {
            let path = std::env::temp_dir().join(&name);
            std::fs::create_dir(&path)
                .with_context(|| format!("cannot make the directory {}", path.display()))?;
            Ok((path.clone(), Undo::RemoveDirectory(path)))
        })?;
        let carrier = Namespace::new(format!("{name}-carrier"))?;
        let sbc = Namespace::new(format!("{name}-sbc"))?;

        let lab = Self {
            carrier,
            sbc,
            directory,
            bpf: OnceLock::new(),
            disks: Mutex::default(),
            _directory_guard: directory_guard,
        };
        lab.join()?;
        Ok(lab)
    }

    /// Joins the two namespaces: at first, and after one end was deleted.
    ///
    /// # Errors
    ///
    /// When `ip` refuses a step.
    pub fn join(&self) -> anyhow::Result<()> {
        join(&self.sbc, SBC_INTERFACE, &self.carrier, CARRIER_INTERFACE)?;
        configure(&self.sbc, SBC_INTERFACE, SBC_ADDRESSES)?;
        configure(&self.carrier, CARRIER_INTERFACE, CARRIER_ADDRESSES)
    }

    /// Gives the second carrier a link of its own.
    ///
    /// # Errors
    ///
    /// When `ip` refuses a step.
    pub fn separate(&self) -> anyhow::Result<()> {
        join(&self.sbc, SBC_INTERFACE_OTHER, &self.carrier, CARRIER_INTERFACE_OTHER)?;
        for (namespace, from, to, address) in [
            (&self.sbc, SBC_INTERFACE, SBC_INTERFACE_OTHER, SBC_V4_OTHER),
            (&self.carrier, CARRIER_INTERFACE, CARRIER_INTERFACE_OTHER, CARRIER_V4_OTHER),
        ] {
            let address = format!("{address}/24");
            namespace.ip(&["address", "delete", &address, "dev", from])?;
            namespace.ip(&["address", "add", &address, "dev", to])?;
            namespace.ip(&["link", "set", to, "up"])?;
        }
        Ok(())
    }

    /// Mounts a BPF file system of the lab's own, as systemd mounts the host's but for who may look into
    /// it; what is kept there goes with the lab.
    ///
    /// # Errors
    ///
    /// When it cannot be mounted.
    pub fn mount_bpf(&self) -> anyhow::Result<()> {
        if self.bpf.get().is_some() {
            return Ok(());
        }
        let ((), guard) = cleanup::make(|| {
            let path = self.path(BPF);
            std::fs::create_dir_all(&path)?;
            let mut mount = std::process::Command::new("mount");
            command::output(mount.args(["-t", "bpf", "-o", "mode=0711", "bpf"]).arg(&path))?;
            Ok(((), Undo::Unmount(path)))
        })?;
        self.bpf.get_or_init(|| guard);
        Ok(())
    }

    /// Makes a directory of the lab a disk of its own, of so many bytes.
    ///
    /// # Errors
    ///
    /// When it cannot be mounted.
    pub fn mount_disk(&self, name: &str, bytes: u64) -> anyhow::Result<()> {
        let ((), guard) = cleanup::make(|| {
            let path = self.path(name);
            std::fs::create_dir_all(&path)?;
            let options = format!("size={bytes},mode=0700");
            let mut mount = std::process::Command::new("mount");
            command::output(mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&path))?;
            Ok(((), Undo::Unmount(path)))
        })?;
        self.disks.lock().unwrap_or_else(PoisonError::into_inner).push(guard);
        Ok(())
    }

    /// Where the daemon keeps what outlives it.
    pub fn pins(&self) -> PathBuf {
        self.path(BPF).join("ani")
    }

    /// Sets how large a frame may be on the way from the carrier to the SBC, bytes of IP packet.
    ///
    /// # Errors
    ///
    /// When `ip` refuses.
    pub fn set_mtu(&self, mtu: u32) -> anyhow::Result<()> {
        let mtu = mtu.to_string();
        self.sbc.ip(&["link", "set", SBC_INTERFACE, "mtu", &mtu])?;
        self.carrier.ip(&["link", "set", CARRIER_INTERFACE, "mtu", &mtu])
    }

    /// A file or directory of the lab.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Where its files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes a file of the lab.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        let path = self.path(name);
        std::fs::write(&path, content)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    fn show_logs(&self) {
        let Ok(entries) = std::fs::read_dir(&self.directory) else {
            return;
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.extension().is_none_or(|extension| extension != "log") {
                continue;
            }
            let Ok(text) = std::fs::read(&path) else {
                continue;
            };
            let text = String::from_utf8_lossy(&text);
            let lines: Vec<&str> = text.lines().collect();
            eprintln!("--- end of {}", path.display());
            for line in &lines[lines.len().saturating_sub(LOG_TAIL)..] {
                eprintln!("    {line}");
            }
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_logs();
        }
    }
}

/// Joins two namespaces by a veth pair.
fn join(one: &Namespace, end: &str, other: &Namespace, peer: &str) -> anyhow::Result<()> {
    let mut link = std::process::Command::new("ip");
    link.args(["link", "add", end, "netns", one.name(), "type", "veth"]).args([
        "peer",
        "name",
        peer,
        "netns",
        other.name(),
    ]);
    command::output(&mut link).map(drop)
}

fn configure(namespace: &Namespace, interface: &str, addresses: Addresses) -> anyhow::Result<()> {
    namespace.ip(&["link", "set", "lo", "up"])?;
    for (address, prefix) in addresses {
        let address = format!("{address}/{prefix}");
        // Nobody else is on this link: no duplicate address detection to wait for.
        let options: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
        let mut arguments = vec!["address", "add", &address, "dev", interface];
        arguments.extend(options);
        namespace.ip(&arguments)?;
    }
    namespace.ip(&["link", "set", interface, "up"])
}
