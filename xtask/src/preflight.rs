//! Whether this machine can run what is asked, and what to do when it cannot: one sentence each.

use std::{path::Path, sync::Once};

use anyhow::{Context as _, bail};

use crate::command;

/// The oldest kernel whose XDP programs the product uses (`BPF_F_XDP_HAS_FRAGS`).
const MIN_KERNEL: (u32, u32) = (5, 18);

/// What `statfs` says of a BPF file system: `BPF_FS_MAGIC` in linux/magic.h.
const BPF_FS_MAGIC: i64 = 0xcafe_4a11;

const BPF_FS: &str = "/sys/fs/bpf";

/// What network tests and the demo need of the machine.
///
/// # Errors
///
/// The first thing that is missing, with the remedy.
pub fn network(task: &str) -> anyhow::Result<()> {
    privilege(task)?;
    machine()
}

/// What root cannot make up for: the kernel. A BPF file system that is not mounted is told, once,
/// and stops nothing: only pinned maps need it.
///
/// # Errors
///
/// The first thing that is missing, with the remedy.
pub fn machine() -> anyhow::Result<()> {
    static TOLD: Once = Once::new();
    kernel()?;
    if let Err(missing) = bpf_fs() {
        TOLD.call_once(|| eprintln!("warning: {missing}"));
    }
    Ok(())
}

/// Effective user 0.
///
/// # Errors
///
/// When it is another, with the command to use instead.
pub fn privilege(task: &str) -> anyhow::Result<()> {
    if is_root() {
        return Ok(());
    }
    match command::find("sudo") {
        Some(_) => bail!(
            "`cargo xtask {task}` makes network namespaces and loads an XDP program, which needs \
             root: run `sudo -E env PATH=\"$PATH\" HOME=\"$HOME\" cargo xtask {task}`"
        ),
        None => bail!(
            "`cargo xtask {task}` makes network namespaces and loads an XDP program, which needs \
             root: run it as root"
        ),
    }
}

/// Whether the effective user is root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

fn kernel() -> anyhow::Result<()> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").context(
        "cannot read the kernel's version from /proc/sys/kernel/osrelease: is /proc mounted?",
    )?;
    check_kernel(release.trim())
}

fn check_kernel(release: &str) -> anyhow::Result<()> {
    let (major, minor) = MIN_KERNEL;
    match version(release) {
        Some(found) if found >= MIN_KERNEL => Ok(()),
        Some(_) => bail!(
            "kernel {release} is too old, {major}.{minor} or newer is needed: use Debian 12, \
             Ubuntu 24.04 or newer"
        ),
        None => {
            bail!("kernel release `{release}` is no version, {major}.{minor} or newer is needed")
        }
    }
}

/// Major and minor of a kernel release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn bpf_fs() -> anyhow::Result<()> {
    let found = nix::sys::statfs::statfs(Path::new(BPF_FS));
    if found.is_ok_and(|stat| stat.filesystem_type().0 == BPF_FS_MAGIC) {
        return Ok(());
    }
    bail!("no BPF file system at {BPF_FS}, no map can be pinned: run `mount -t bpf bpf {BPF_FS}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        for release in ["5.18.0", "5.18", "6.1.0-13-amd64", "6.18.44-fc", "10.0-rc1"] {
            assert!(check_kernel(release).is_ok(), "{release}");
        }
        for release in ["5.15.0-91-generic", "4.19.0", "5.9", "", "next"] {
            let error = check_kernel(release).expect_err(release).to_string();
            assert!(error.contains("5.18"), "{error}");
        }
    }
}
