//! The folder on a BPF file system in which programs, links and maps outlive the daemon.
//!
//! ```text
//! /sys/fs/bpf/ani/    locked (flock) by the daemon that runs
//!   link-2            the program on the interface of that index: it stays there as long as this file
//!   abi6-1/           a generation: what one start of a daemon loaded, and the ABI it speaks
//!     ani_ingress …   its programs
//!     COUNTERS …      its maps, by their names in the object
//!     ring-0 …        its ring buffers
//!     numbers         a symbolic link to a hash of which trunk, list and limit has which number
//! ```
//!
//! No name has a dot in it: a BPF file system takes none.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::fs::{DirBuilderExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use aya::{
    Ebpf,
    maps::{MapData, RingBuf},
    programs::{
        ProgramInfo,
        links::{FdLink, PinnedLink},
    },
};

use super::{object, preflight, xdp_state};

/// Who has a folder.
mod holder;

pub use self::holder::Holder;
pub(super) use self::holder::command;

/// Before the index of an interface.
const LINK: &str = "link-";
/// Before the number of a ring buffer.
const RING: &str = "ring-";
/// Before the version of the ABI.
const ABI: &str = "abi";
/// Which trunk, list and limit has which number.
const NUMBERS: &str = "numbers";

/// Generations that are looked at; more than two are there only after as many starts that failed.
const MAX_GENERATIONS: usize = 64;
/// How often a folder is opened that another removes meanwhile.
const MAX_OPENINGS: usize = 8;
/// How long the kernel may take to take a program off whose last link has gone.
const OFF_WITHIN: Duration = Duration::from_secs(2);
const OFF_POLL: Duration = Duration::from_millis(5);

/// Why a folder is not had.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A daemon runs on it.
    #[error("{} belongs to {holder}: stop that one first", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
        /// Who has it.
        holder: Holder,
    },
    /// Nothing can be kept there.
    #[error("{0:#}")]
    Unusable(anyhow::Error),
}

/// A folder that is ours alone until this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Holds the lock.
    lock: File,
}

/// What was taken off.
#[derive(Debug, Default, serde::Serialize)]
pub struct TakenOff {
    /// Interfaces, by name; by index those that are gone.
    pub interfaces: Vec<String>,
    /// Generations of programs and maps.
    pub generations: usize,
}

impl Folder {
    /// Makes the folder where there is none, and makes it ours.
    ///
    /// # Errors
    ///
    /// When another daemon has it, or nothing can be kept there: no BPF file system, no permission.
    pub fn open(path: &Path) -> Result<Self, Refused> {
        for _ in 0..MAX_OPENINGS {
            if !path.exists() {
                make(path).map_err(Refused::Unusable)?;
            }
            if let Some(folder) = Self::existing(path)? {
                return Ok(folder);
            }
        }
        Err(Refused::Unusable(anyhow!("{} is removed again and again", path.display())))
    }

    /// Makes a folder ours that is there; none where there is none.
    ///
    /// # Errors
    ///
    /// As for [`Folder::open`].
    pub fn existing(path: &Path) -> Result<Option<Self>, Refused> {
        let lock = match File::open(path) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                let error = anyhow!(error).context(format!("cannot open {}", path.display()));
                return Err(Refused::Unusable(error));
            }
        };
        preflight::bpf_file_system(path).map_err(Refused::Unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = Holder::of(&lock).unwrap_or(Holder::UNKNOWN);
                return Err(Refused::Held { path: path.to_path_buf(), holder });
            }
            Err(TryLockError::Error(error)) => {
                let error = anyhow!(error).context(format!("cannot lock {}", path.display()));
                return Err(Refused::Unusable(error));
            }
        }
        // Whoever had it may have removed it before the lock was ours.
        Ok(is_same(path, &lock).then(|| Self { path: path.to_path_buf(), lock }))
    }

    /// Whether it is still where it was: the file system may have been unmounted, and goes then with the
    /// last who uses it.
    pub fn is_there(&self) -> bool {
        is_same(&self.path, &self.lock)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where things are made and removed: by the open folder, where its path leads to it no more.
    fn base(&self) -> PathBuf {
        if self.is_there() {
            return self.path.clone();
        }
        Path::new("/proc/self/fd").join(self.lock.as_raw_fd().to_string())
    }

    /// A generation of our own, newer than all that are there.
    ///
    /// # Errors
    ///
    /// When nothing can be written.
    pub(super) fn begin(self, abi: u32, numbers: &str) -> Result<Pins, Refused> {
        let begin = || -> Result<Generation> {
            let last = self.generations()?.first().map_or(0, |generation| generation.number);
            let number = last.checked_add(1).context("there is no number for a generation")?;
            let generation = Generation::new(&self.base(), abi, number);
            DirBuilder::new()
                .mode(0o700)
                .create(&generation.path)
                .with_context(|| format!("cannot make {}", generation.path.display()))?;
            generation.set_numbers(numbers)?;
            Ok(generation)
        };
        let own = begin().map_err(Refused::Unusable)?;
        Ok(Pins { folder: self, own, stays: false })
    }

    /// The generations that are there, the newest first.
    fn generations(&self) -> Result<Vec<Generation>> {
        let base = self.base();
        let mut generations: Vec<_> = names(&base)?
            .iter()
            .filter_map(|name| {
                let (abi, number) = name.strip_prefix(ABI)?.split_once('-')?;
                Some(Generation::new(&base, abi.parse().ok()?, number.parse().ok()?))
            })
            .collect();
        generations.sort_unstable_by_key(|generation| std::cmp::Reverse(generation.number));
        generations.truncate(MAX_GENERATIONS);
        Ok(generations)
    }

    /// The links that are there, by the index of their interface.
    ///
    /// # Errors
    ///
    /// When one cannot be had: it belongs to another user.
    pub(super) fn links(&self) -> Result<BTreeMap<u32, FdLink>> {
        let mut links = BTreeMap::new();
        for index in linked(&self.base())? {
            let path = self.link(index);
            let link = PinnedLink::from_pin(&path).with_context(|| {
                format!(
                    "cannot take over {}: run as the user whose daemon left it, or take off as root \
                     what that one kept with `ani detach`",
                    path.display()
                )
            })?;
            links.insert(index, link.into());
        }
        Ok(links)
    }

    /// Where the link to an interface is kept.
    pub(super) fn link(&self, index: u32) -> PathBuf {
        self.base().join(link_name(index))
    }

    /// Keeps the link to an interface, in place of one that has lost its own.
    pub(super) fn keep(&self, index: u32, link: FdLink) -> Result<FdLink> {
        self.unlink(index)?;
        let path = self.link(index);
        let kept = link.pin(&path).with_context(|| format!("cannot keep {}", path.display()))?;
        Ok(kept.into())
    }

    /// Keeps the link to an interface no more.
    pub(super) fn unlink(&self, index: u32) -> Result<()> {
        let path = self.link(index);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", path.display()))
            }
            _ => Ok(()),
        }
    }

    /// Takes the program off all interfaces and removes all generations. The folder stays.
    ///
    /// # Errors
    ///
    /// When something cannot be removed, or the kernel does not take a program off.
    pub fn clear(&self) -> Result<TakenOff> {
        let mut taken = TakenOff::default();
        let mut going = Vec::new();
        for (index, link) in self.links()? {
            let program = link_program(&link)?;
            self.unlink(index)?;
            drop(link);
            let seen = xdp_state::indexed(index)?;
            taken.interfaces.push(seen.map_or_else(|| index.to_string(), |seen| seen.name));
            going.push((index, program));
        }
        for (index, program) in going {
            wait_until_off(index, program)?;
        }
        for generation in self.generations()? {
            generation.remove()?;
            taken.generations += 1;
        }
        Ok(taken)
    }

    /// Removes the folder, which must be empty.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn remove(self) -> io::Result<()> {
        fs::remove_dir(&self.path)
    }
}

/// What the link to an interface is kept as.
pub(super) fn link_name(index: u32) -> String {
    format!("{LINK}{index}")
}

/// Whether a path leads to a folder that is open.
fn is_same(path: &Path, open: &File) -> bool {
    let is = |there: &fs::Metadata, open: &fs::Metadata| {
        (there.dev(), there.ino()) == (open.dev(), open.ino())
    };
    fs::metadata(path).is_ok_and(|there| open.metadata().is_ok_and(|open| is(&there, &open)))
}

/// What is in a folder, which is left as it is.
#[derive(Debug)]
pub struct Look {
    /// The daemon that has it; none where none runs, or it is not shown.
    pub holder: Option<Holder>,
    /// The interfaces whose links are there, by name; by index those that are gone.
    pub interfaces: Vec<String>,
}

/// Looks into a folder; none where there is none.
///
/// # Errors
///
/// When it is on no BPF file system, or cannot be read.
pub fn look(path: &Path) -> Result<Option<Look>> {
    let folder = match File::open(path) {
        Ok(folder) => folder,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot open {}", path.display()));
        }
    };
    preflight::bpf_file_system(path)?;
    let mut interfaces = Vec::new();
    for index in linked(path)? {
        let seen = xdp_state::indexed(index)?;
        interfaces.push(seen.map_or_else(|| index.to_string(), |seen| seen.name));
    }
    Ok(Some(Look { holder: Holder::of(&folder), interfaces }))
}

/// The interfaces whose links are in a folder, by index.
fn linked(path: &Path) -> Result<Vec<u32>> {
    let names = names(path)?;
    Ok(names.iter().filter_map(|name| name.strip_prefix(LINK)?.parse().ok()).collect())
}

/// Waits until an interface has the program no more: the kernel takes it off when the last who could use
/// the link is through.
fn wait_until_off(index: u32, program: u32) -> Result<()> {
    let deadline = Instant::now() + OFF_WITHIN;
    while let Some(seen) = xdp_state::indexed(index)? {
        if seen.attached.is_none_or(|attached| attached.program != program) {
            break;
        }
        if Instant::now() >= deadline {
            bail!(
                "program {program} is still on {}: somebody else holds its link; `bpftool link` shows it",
                seen.name
            );
        }
        thread::sleep(OFF_POLL);
    }
    Ok(())
}

/// The program that a link puts on its interface.
pub(super) fn link_program(link: &FdLink) -> Result<u32> {
    link.info().map(|info| info.program_id()).context("the kernel does not tell of a link")
}

/// What one start of a daemon loaded.
#[derive(Debug)]
pub(super) struct Generation {
    path: PathBuf,
    pub(super) abi: u32,
    number: u32,
}

impl Generation {
    fn new(folder: &Path, abi: u32, number: u32) -> Self {
        Self { path: folder.join(format!("{ABI}{abi}-{number}")), abi, number }
    }

    /// Where a program or map of it is kept.
    pub(super) fn pin(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Its program's id; none where it is not whole.
    fn program(&self) -> Option<u32> {
        ProgramInfo::from_pin(self.pin(object::PROGRAM)).ok().map(|info| info.id())
    }

    /// Its ring buffers; those that cannot be had are left out.
    pub(super) fn rings(&self) -> Vec<PathBuf> {
        let names = names(&self.path).unwrap_or_default();
        names.iter().filter(|name| name.starts_with(RING)).map(|name| self.pin(name)).collect()
    }

    /// What [`set_numbers`](Self::set_numbers) wrote last.
    pub(super) fn numbers(&self) -> Option<String> {
        fs::read_link(self.pin(NUMBERS)).ok()?.into_os_string().into_string().ok()
    }

    fn set_numbers(&self, numbers: &str) -> Result<()> {
        let path = self.pin(NUMBERS);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => std::os::unix::fs::symlink(numbers, &path),
        }
        .with_context(|| format!("cannot write {}", path.display()))
    }

    fn remove(&self) -> Result<()> {
        remove_all(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

/// The folder, and what is kept there of this daemon.
#[derive(Debug)]
pub struct Pins {
    folder: Folder,
    own: Generation,
    /// Whether a link leads to it; if not, it goes when this is dropped.
    stays: bool,
}

impl Pins {
    pub(super) const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The generation whose program is on the interfaces; where none is, the newest but our own.
    pub(super) fn before(&self) -> Result<Option<Generation>> {
        let mut on = Vec::new();
        for link in self.folder.links()?.values() {
            on.push(link_program(link)?);
        }
        let mut others = self.folder.generations()?;
        others.retain(|generation| generation.number != self.own.number);
        let in_use = others
            .iter()
            .position(|generation| generation.program().is_some_and(|id| on.contains(&id)));
        Ok((!others.is_empty()).then(|| others.swap_remove(in_use.unwrap_or(0))))
    }

    /// Keeps the programs, maps and ring buffers of an object whose maps nobody has taken out yet.
    pub(super) fn keep(&self, ebpf: &mut Ebpf) -> Result<()> {
        // The compiler's own, with a dot in their names, are held by the programs.
        for (name, map) in ebpf.maps().filter(|(name, _)| !name.contains('.')) {
            map.pin(self.own.pin(name)).with_context(|| format!("cannot keep the map {name}"))?;
        }
        for name in object::loaded() {
            let program = ebpf.program_mut(name);
            let program = program.with_context(|| format!("the object has no {name}"))?;
            program
                .pin(self.own.pin(name))
                .with_context(|| format!("cannot keep the program {name}"))?;
        }
        Ok(())
    }

    /// Keeps ring buffers, for the next daemon to read what this one has not.
    pub(super) fn keep_rings(&self, rings: &[RingBuf<MapData>]) -> Result<()> {
        for (at, ring) in rings.iter().enumerate() {
            let map = MapData::from_fd(ring.as_fd().try_clone_to_owned()?)?;
            map.pin(self.own.pin(&format!("{RING}{at}"))).context("cannot keep a ring buffer")?;
        }
        Ok(())
    }

    /// Says which trunk, list and limit has which number now.
    pub(super) fn set_numbers(&self, numbers: &str) -> Result<()> {
        let own = Generation::new(&self.folder.base(), self.own.abi, self.own.number);
        if own.numbers().as_deref() == Some(numbers) {
            return Ok(());
        }
        own.set_numbers(numbers)
    }

    /// From here on links may lead to this generation: it stays when the daemon goes.
    pub(super) const fn stay(&mut self) {
        self.stays = true;
    }

    /// Whether it stays.
    pub(super) const fn stays(&self) -> bool {
        self.stays
    }

    /// Removes all generations but our own, which no link leads to any more.
    pub(super) fn remove_others(&self) -> Result<()> {
        for generation in self.folder.generations()? {
            if generation.number != self.own.number {
                generation.remove()?;
            }
        }
        Ok(())
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        if !self.stays
            && let Err(error) = self.own.remove()
        {
            tracing::warn!("{error:#}");
        }
    }
}

fn make(path: &Path) -> Result<()> {
    let parent = path.parent().context("no folder to make it in")?;
    preflight::bpf_file_system(parent)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot make {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// The names in a folder; one that is no UTF-8 is none of ours.
fn names(path: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut names: Vec<_> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    Ok(names)
}

/// Removes a generation. It has no folders in it.
fn remove_all(path: &Path) -> io::Result<()> {
    for entry in fs::read_dir(path)? {
        fs::remove_file(entry?.path())?;
    }
    fs::remove_dir(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_no_bpf_file_system_keeps_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ani");
        let Err(Refused::Unusable(error)) = Folder::open(&path) else {
            panic!("{} is no BPF file system", path.display());
        };
        let said = format!("{error:#}");
        assert!(said.contains("mount -t bpf bpf"), "{said}");
        assert!(!path.exists(), "a folder is left behind");
        assert!(Folder::existing(&path).expect("nothing is there").is_none());
    }
}
