//! Loads and attaches the XDP program, and writes its maps.

/// Native or generic; never over somebody else's program.
mod attach;
/// Array maps that are made while the program runs.
mod array;
/// Many entries in one system call.
mod batch;
/// Calls that are held.
pub mod hold;
/// Who changes lists and limits.
mod enforce;
/// The interfaces the program is on.
mod interfaces;
/// The images of lists.
mod lists;
/// The maps by name and type.
pub mod maps;
/// The object and its ABI version.
pub mod object;
/// Whose a program on an interface is.
pub mod owner;
/// The folder in which program, links and maps outlive the daemon.
pub mod pins;
/// What must be there before the program can be loaded, and what to do where it is not.
pub mod preflight;
/// The ring buffers, one for each CPU.
pub mod rings;
/// The maps, and what is in them.
mod state;
/// What a daemon takes over from the one before it.
mod takeover;
/// Runs a program on a frame of ours.
pub mod test_run;
/// Frames onto the wire.
pub mod transmit;
/// Network cards that take VLAN tags out of frames.
pub mod vlan_offload;
/// Which XDP program an interface has, and what becomes of interfaces.
pub mod xdp_state;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use ani_ebpf::{
    abi::{ABI_VERSION, attempt::AttemptKeys, limit::BucketKeys, programs, settings::Settings},
    scan::Scratch,
};
use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    programs::{ProgramError, Xdp},
};

use self::{
    hold::Hold,
    interfaces::Interfaces,
    maps::Maps,
    pins::{Folder, Pins, Refused},
    state::State,
    takeover::Estate,
    vlan_offload::VlanTags,
};
use crate::{
    capture::{clock::Clock, ring::rings::Rings},
    config::Config,
    policy::{self, Enforce as _, Listing},
};

/// The program in the kernel, attached from [`Kernel::attach`] on: while this lives, and where a folder
/// keeps it until that one is cleared.
pub struct Kernel {
    clock: Clock,
    hold: Arc<Hold>,
    state: Mutex<State>,
}

impl Kernel {
    /// Loads the object and writes what `config` says into the maps, except the limit: whether
    /// that is in force is for the store to say.
    ///
    /// # Errors
    ///
    /// When the kernel refuses: says which privilege, version or limit is in the way as far as it
    /// can be told.
    pub fn load(config: &Config) -> Result<Self> {
        Self::load_with(config, None)
    }

    /// The same beside what a daemon before left in a folder: what the traffic wrote there goes on, and
    /// all is kept there from [`Kernel::attach`] on.
    ///
    /// Where nothing can be kept in the folder, that is said in the log and nothing is.
    ///
    /// # Errors
    ///
    /// As for [`Kernel::load`].
    pub fn load_beside(config: &Config, folder: Folder) -> Result<Self> {
        let path = folder.path().to_path_buf();
        match folder.begin(ABI_VERSION, &takeover::numbers(config)) {
            Ok(pins) => Self::load_with(config, Some(pins)),
            Err(refused) => {
                tell_not_kept(&path, &refused);
                Self::load_with(config, None)
            }
        }
    }

    fn load_with(config: &Config, pins: Option<Pins>) -> Result<Self> {
        let estate = estate(config, pins.as_ref())?;
        let mut ebpf = object::open_with(config, &estate.maps)?;
        object::load(&mut ebpf)?;
        let [list_key, ticket] = policy::hash_keys();
        let keys = || (AttemptKeys(policy::hash_keys()), BucketKeys(policy::hash_keys()));
        let (attempt_keys, bucket_keys) = estate.keys.unwrap_or_else(keys);
        if let Some(pins) = &pins {
            pins.keep(&mut ebpf)?;
        }
        let hold = Arc::new(Hold {
            settle: object::load_program(&mut ebpf, programs::SETTLE_NAME)?,
            pass: object::load_program(&mut ebpf, programs::PASS_NAME)?,
            keys: attempt_keys,
            // 0 is no ticket.
            ticket: ticket | 1,
            generic: RwLock::default(),
            scratch: Mutex::new(Scratch::new()),
            heartbeat: Mutex::new(maps::Heartbeat::take(&mut ebpf)?),
            loses_tags: AtomicBool::new(false),
        });
        let rings = rings::make(&mut ebpf, config.capture.ring_bytes)?;
        tracing::info!("{} ring buffers of {} bytes each", rings.buffers.len(), rings.bytes_each);
        if let Some(pins) = &pins {
            pins.keep_rings(&rings.buffers)?;
        }
        let mut state = State {
            lists: policy::lists::Lists::new(list_key, config.lists.max_entries as usize),
            images: lists::Held::default(),
            maps: Maps::take(&mut ebpf)?,
            rings: Some(Rings::after(estate.rings, rings.buffers)),
            interfaces: Interfaces::default(),
            pins,
            ebpf,
            settings: Settings {
                capture: 1,
                window: config.capture.window,
                parts_room: u64::from(rings.bytes_each) / 2,
                attempts_mask: config.lists.attempt_sets().map_or(u32::MAX, |sets| sets - 1),
                attempt_keys,
                bucket_keys,
                ticket: ticket | 1,
                buckets_mask: config.lists.bucket_sets() - 1,
                rules: policy::built_in_rules(),
                list_key,
                ..Settings::EMPTY
            },
            hold_not_plain: config.hold.not_plain,
            tags: VlanTags::Kept,
            trunks_refuse: false,
            sources: Vec::new(),
            ports: Vec::new(),
        };
        state.configure(config)?;
        Ok(Self { clock: Clock::new(), hold, state: Mutex::new(state) })
    }

    /// The rings that INVITEs come through, and the flag their reader sets before it sleeps. Both
    /// can be taken once.
    pub fn rings(&self) -> Result<(Rings, maps::ReaderAsleep)> {
        self.locked(|state| {
            let rings = state.rings.take().context("the ring buffers are read already")?;
            Ok((rings, maps::ReaderAsleep::take(&mut state.ebpf)?))
        })
    }

    /// What holding calls takes.
    pub fn hold(&self) -> Arc<Hold> {
        Arc::clone(&self.hold)
    }

    /// Runs `work` on the loaded object.
    pub fn with_object<T>(&self, work: impl FnOnce(&mut Ebpf) -> T) -> T {
        self.locked(|state| work(&mut state.ebpf))
    }

    /// Changes settings by hand, as measurements do.
    pub fn adjust(&self, work: impl FnOnce(&mut Settings)) -> Result<()> {
        self.locked(|state| {
            work(&mut state.settings);
            state.maps.set_settings(&state.settings)
        })
    }

    /// Puts the program on the configured interfaces, or in the place of the one that a daemon before left
    /// there.
    ///
    /// # Errors
    ///
    /// When an interface is missing, has somebody else's program, or its driver cannot; then all is as
    /// it was before.
    pub fn attach(&self, config: &Config) -> Result<()> {
        self.look_at_tags_of(&config.capture.interfaces)?;
        self.locked(|state| {
            let State { ebpf, interfaces, pins, .. } = state;
            match Interfaces::attach(program(ebpf)?, &config.capture, pins.as_mut()) {
                Ok(attached) => *interfaces = attached,
                Err(error) => {
                    // What was kept for nothing goes now, whoever still holds the maps.
                    let _gone = pins.take_if(|pins| !pins.stays());
                    return Err(error);
                }
            }
            self.hold.set_generic(interfaces.generic());
            Ok(())
        })
    }

    /// Looks again whether a held frame could lose its VLAN tag, as devices come and settings change:
    /// where it could, none is held.
    ///
    /// # Errors
    ///
    /// When the settings cannot be written; what is found is in the log.
    pub fn look_at_tags(&self) -> Result<()> {
        let names: Vec<_> = self.interfaces().into_iter().map(|interface| interface.name).collect();
        self.look_at_tags_of(&names)
    }

    fn look_at_tags_of(&self, interfaces: &[String]) -> Result<()> {
        let tags = VlanTags::of(vlan_offload::of(interfaces.iter().map(String::as_str)));
        self.locked(|state| {
            if state.tags == tags {
                return Ok(());
            }
            tags.tell();
            self.hold.loses_tags.store(tags != VlanTags::Kept, Ordering::Relaxed);
            state.tags = tags;
            state.write_settings()
        })
    }

    /// Looks what has become of the interfaces: the program goes to one that is there again.
    ///
    /// # Errors
    ///
    /// When the object has no program; trouble with an interface is said in the log.
    pub fn follow(&self) -> Result<()> {
        self.locked(|state| {
            let State { ebpf, interfaces, pins, .. } = state;
            interfaces.follow(program(ebpf)?, pins.as_ref().map(Pins::folder));
            self.hold.set_generic(interfaces.generic());
            Ok(())
        })
    }

    /// Where the program is kept when the daemon goes; none where it goes with it.
    pub fn kept_in(&self) -> Option<PathBuf> {
        self.locked(|state| {
            let folder = state.pins.as_ref()?.folder();
            folder.is_there().then(|| folder.path().to_path_buf())
        })
    }

    /// Takes the program off all interfaces, and keeps nothing.
    ///
    /// # Errors
    ///
    /// When what is kept cannot be removed.
    pub fn detach(&self) -> Result<()> {
        self.locked(|state| {
            state.interfaces = Interfaces::default();
            match &state.pins {
                Some(pins) => pins.folder().clear().map(drop),
                None => Ok(()),
            }
        })
    }

    /// Writes ports, trunks and emergency numbers of a changed configuration into the maps. What is
    /// taken at load only (interfaces, sizes) stays, and so does the limit.
    pub fn configure(&self, config: &Config) -> Result<()> {
        self.locked(|state| {
            state.configure(config)?;
            match &state.pins {
                Some(pins) => pins.set_numbers(&takeover::numbers(config)),
                None => Ok(()),
            }
        })
    }

    fn item(&self, listing: &Listing) -> policy::lists::Item {
        listing.item(|time| self.clock.monotonic_at(time))
    }

    fn items(&self, listings: &[Listing]) -> Vec<policy::lists::Item> {
        listings.iter().map(|listing| self.item(listing)).collect()
    }

    /// The maps are consistent between calls: a panic while they were locked left nothing half
    /// done that the next write would not repair.
    fn locked<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The folder that `config` names, to be the only daemon that has it. None where it names none or nothing
/// can be kept there, which is said in the log: the program then goes with the daemon.
///
/// # Errors
///
/// When another daemon has it: says which.
pub fn claim(config: &Config) -> Result<Option<Folder>> {
    let Some(path) = &config.capture.pin else { return Ok(None) };
    if config.capture.interfaces.is_empty() && !path.exists() {
        return Ok(None);
    }
    match Folder::open(path) {
        Ok(folder) => Ok(Some(folder)),
        Err(refused @ Refused::Held { .. }) => Err(refused.into()),
        Err(refused) => {
            tell_not_kept(path, &refused);
            Ok(None)
        }
    }
}

fn tell_not_kept(path: &Path, refused: &Refused) {
    tracing::warn!(
        "nothing is kept in {} (capture.pin), so lists and limits end with the daemon: {refused}; `ani \
         doctor` says more",
        path.display()
    );
}

fn estate(config: &Config, pins: Option<&Pins>) -> Result<Estate> {
    let before = pins.map(Pins::before).transpose()?.flatten();
    Ok(match before {
        Some(before) => Estate::of(&before, &object::shapes(config)?, &takeover::numbers(config)),
        None => Estate::default(),
    })
}

fn program(ebpf: &mut Ebpf) -> Result<&mut Xdp> {
    let program = ebpf
        .program_mut(object::PROGRAM)
        .with_context(|| format!("the object has no program {}", object::PROGRAM))?;
    program.try_into().map_err(|error: ProgramError| error.into())
}
