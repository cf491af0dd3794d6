//! What must be there before the program can be loaded, and what to do where it is not.

use std::{
    ffi::CString,
    fs, io,
    net::UdpSocket,
    os::{fd::AsRawFd as _, unix::ffi::OsStrExt as _},
    path::Path,
};

use anyhow::{Context as _, Result, bail};

/// The first kernel with `bpf_xdp_load_bytes` and XDP over several buffers.
pub const MIN_KERNEL: (u32, u32) = (5, 18);

/// Magic number of a BPF file system (`BPF_FS_MAGIC`).
const BPF_FS_MAGIC: libc::__fsword_t = 0xcafe_4a11;

/// Where it is usually mounted.
pub const BPFFS: &str = "/sys/fs/bpf";

/// Capabilities the daemon needs, with their numbers from `linux/capability.h`.
const CAPABILITIES: &[(u32, &str)] = &[(12, "CAP_NET_ADMIN"), (38, "CAP_PERFMON"), (39, "CAP_BPF")];

/// CAP_SYS_ADMIN stands for the latter two.
const CAP_SYS_ADMIN: u32 = 21;

/// The running kernel's version.
///
/// # Errors
///
/// When it is older than [`MIN_KERNEL`], or cannot be told.
pub fn kernel() -> Result<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")
        .context("cannot read the kernel's version")?;
    let release = release.trim();
    let version = parse_version(release)
        .with_context(|| format!("cannot make out the kernel's version from {release}"))?;
    if version < MIN_KERNEL {
        bail!("kernel {release} is too old: ani needs {}.{} or later", MIN_KERNEL.0, MIN_KERNEL.1);
    }
    Ok(release.to_owned())
}

fn parse_version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// # Errors
///
/// When the process lacks a capability it needs: names each, with the remedy.
pub fn privileges() -> Result<()> {
    let missing = missing_capabilities(effective_capabilities()?);
    if !missing.is_empty() {
        bail!(
            "{} missing: run as root, or give the binary what it needs with `setcap \
             cap_net_admin,cap_net_raw,cap_perfmon,cap_bpf=ep`",
            missing.join(", ")
        );
    }
    Ok(())
}

fn missing_capabilities(effective: u64) -> Vec<&'static str> {
    let has = |number: u32| effective >> number & 1 != 0;
    CAPABILITIES
        .iter()
        .filter(|(number, name)| !has(*number) && (*name == "CAP_NET_ADMIN" || !has(CAP_SYS_ADMIN)))
        .map(|(_, name)| *name)
        .collect()
}

fn effective_capabilities() -> Result<u64> {
    let status =
        fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .context("no CapEff in /proc/self/status")
}

/// # Errors
///
/// When there is no BPF file system at a path.
pub fn bpf_file_system(path: &Path) -> Result<()> {
    let text = CString::new(path.as_os_str().as_bytes()).context("a path has a zero byte in it")?;
    let mut stat = std::mem::MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: a path that ends in NUL, and room for the one struct the call writes.
    let status = unsafe { libc::statfs(text.as_ptr(), stat.as_mut_ptr()) };
    // SAFETY: written whole when the call succeeds, and only then looked at.
    if status != 0 || unsafe { stat.assume_init() }.f_type != BPF_FS_MAGIC {
        let at = if path.starts_with(BPFFS) { Path::new(BPFFS) } else { path }.display();
        bail!("no BPF file system at {at}: `mount -t bpf bpf {at}`");
    }
    Ok(())
}

/// Drivers known to take XDP programs themselves; with any other the daemon finds out when it
/// attaches.
const NATIVE_DRIVERS: &[&str] = &[
    "atlantic",
    "bnxt_en",
    "ena",
    "fec",
    "gve",
    "hv_netvsc",
    "i40e",
    "iavf",
    "ice",
    "igb",
    "igc",
    "ixgbe",
    "ixgbevf",
    "mana",
    "mlx4_en",
    "mlx5_core",
    "mvneta",
    "mvpp2",
    "nfp",
    "qede",
    "sfc",
    "stmmac",
    "tun",
    "veth",
    "virtio_net",
    "vmxnet3",
    "xen_netfront",
];

/// The driver of an interface and what is known of it.
pub fn driver(interface: &str) -> String {
    let device = Path::new("/sys/class/net").join(interface);
    let module = fs::read_link(device.join("device/driver"))
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    // Virtual devices have no driver link; their kind is in uevent or nowhere.
    let module = module.or_else(|| ethtool_driver(interface));
    match module {
        None => "driver unknown: native XDP is tried, else generic".to_owned(),
        Some(driver) if NATIVE_DRIVERS.contains(&driver.as_str()) => {
            format!("driver {driver}: takes XDP programs natively")
        }
        Some(driver) => format!("driver {driver}: native XDP is tried, else generic"),
    }
}

/// `ETHTOOL_GDRVINFO` of `linux/ethtool.h`.
const ETHTOOL_GDRVINFO: u32 = 0x3;

/// `struct ethtool_drvinfo`.
#[repr(C)]
struct DriverInfo {
    command: u32,
    driver: [u8; 32],
    rest: [u8; 160],
}

fn ethtool_driver(interface: &str) -> Option<String> {
    let mut info = DriverInfo { command: ETHTOOL_GDRVINFO, driver: [0; 32], rest: [0; 160] };
    ethtool(interface, &mut info).ok()?;
    let name = info.driver.split(|byte| *byte == 0).next()?;
    Some(String::from_utf8_lossy(name).into_owned()).filter(|name| !name.is_empty())
}

/// Asks an interface's driver; `asked` is laid out as the command in its first word expects.
pub(super) fn ethtool<T>(interface: &str, asked: &mut T) -> io::Result<()> {
    let socket = UdpSocket::bind(("127.0.0.1", 0))?;
    // SAFETY: all zero is a valid value of this struct.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if interface.len() >= request.ifr_name.len() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (target, byte) in request.ifr_name.iter_mut().zip(interface.bytes()) {
        *target = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_data = (&raw mut *asked).cast();
    // SAFETY: the request names an interface, ends in NUL, and points to a struct as large as the
    // kernel's, both alive during the call.
    let status =
        unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL as _, &raw mut request) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const _: () = assert!(size_of::<DriverInfo>() == 196);

/// Whether the kernel holds the clock for synchronised; what it says of its error otherwise.
///
/// # Errors
///
/// When it does not: signatures are judged by the time of day.
pub fn clock() -> Result<()> {
    // SAFETY: all zero is a valid value of this struct of integers.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the struct is initialised; with no mode bits set the call only reads.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 {
        return Err(io::Error::last_os_error()).context("cannot read the state of the clock");
    }
    if state == libc::TIME_ERROR {
        bail!("the clock is not synchronised: run an NTP client (chrony, systemd-timesyncd)");
    }
    Ok(())
}

/// Adds to a refusal for lack of privilege what is in the way.
pub(super) fn explain_denied(error: anyhow::Error) -> anyhow::Error {
    let denied = error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| error.raw_os_error() == Some(libc::EPERM))
    });
    if !denied {
        return error;
    }
    match privileges() {
        Err(missing) => error.context(format!("{missing:#}")),
        Ok(()) => error.context(
            "not permitted although all capabilities are there: a security module or the \
             container's seccomp filter denies bpf(2); `dmesg` and its audit lines say which",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_distributions() {
        assert_eq!(parse_version("6.8.0-45-generic"), Some((6, 8)));
        assert_eq!(parse_version("6.1.0-26-amd64"), Some((6, 1)));
        assert_eq!(parse_version("5.18-rc1"), Some((5, 18)));
        assert_eq!(parse_version("linux"), None);
    }

    #[test]
    fn capabilities_are_named() {
        assert_eq!(missing_capabilities(0), ["CAP_NET_ADMIN", "CAP_PERFMON", "CAP_BPF"]);
        assert_eq!(missing_capabilities(1 << 12 | 1 << 21), Vec::<&str>::new());
        assert_eq!(missing_capabilities(1 << 21), ["CAP_NET_ADMIN"]);
        assert_eq!(missing_capabilities(1 << 12 | 1 << 38 | 1 << 39), Vec::<&str>::new());
    }
}
