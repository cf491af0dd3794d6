//! Loads and attaches the XDP program, and writes its maps.

/// Native or generic; never over somebody else's program.
mod attach;
/// Array maps that are made while the program runs.
mod array;
/// Many entries in one system call.
mod batch;
/// Calls that are held.
pub mod hold;
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
/// What a daemon takes over from the one before it.
mod takeover;
/// Runs a program once, on a frame of ours.
mod test_run;
/// Frames onto the wire.
pub mod transmit;
/// Network cards that take VLAN tags out of frames.
pub mod vlan_offload;
/// Which XDP program an interface has, and what becomes of interfaces.
pub mod xdp_state;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock, TryLockError,
        atomic::{AtomicBool, Ordering},
    },
};

use ani_ebpf::{
    abi::{
        ABI_VERSION,
        attempt::AttemptKeys,
        counter::Counters,
        limit::{BucketKeys, Limit, MAX_LIMITS, Spender},
        list::{Action, EXPIRY_BITS, Rule},
        number::Number,
        programs,
        settings::{MAX_EMERGENCY, Settings},
        trunk::{MAX_SOURCES, Trunk as KernelTrunk},
    },
    lists::{Asked, Found, find},
    scan::Scratch,
};
use anyhow::{Context as _, Result, ensure};
use aya::{
    Ebpf,
    programs::{ProgramError, Xdp},
};

use self::{
    hold::Hold,
    interfaces::Interfaces,
    lists::KernelImages,
    maps::Maps,
    pins::{Folder, Pins, Refused},
    takeover::Estate,
    vlan_offload::VlanTags,
};
use crate::{
    capture::{clock::Clock, ring::rings::Rings},
    config::{self, Config, Refuse, Trunk},
    policy::{
        self, Enforce, Holding, Interface, Listing,
        settle::{Held, Settled},
    },
    time::Timestamp,
};

/// The program in the kernel, attached from [`Kernel::attach`] on: while this lives, and where a folder
/// keeps it until that one is cleared.
pub struct Kernel {
    clock: Clock,
    hold: Arc<Hold>,
    state: Mutex<State>,
}

struct State {
    /// Dropped before what keeps them, and before their program.
    interfaces: Interfaces,
    /// What outlives the daemon; none where nothing does.
    pins: Option<Pins>,
    ebpf: Ebpf,
    maps: Maps,
    /// Until they are taken.
    rings: Option<Rings>,
    settings: Settings,
    /// Whether what is not plain is held as soon as there is a rule.
    hold_not_plain: bool,
    /// Whether held frames would lose their VLAN tags: then none is held.
    tags: VlanTags,
    /// Whether a trunk's calls are refused for their signature.
    trunks_refuse: bool,
    lists: policy::lists::Lists,
    images: lists::Held,
    /// Source networks in the map, to take out those a reload no longer names.
    sources: Vec<maps::SourceKey>,
    /// SIP ports in the bitmap.
    ports: Vec<u16>,
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

impl Enforce for Kernel {
    fn set_rules(&self, rules: &[(u8, Rule)]) -> Result<()> {
        self.locked(|state| {
            for (list, rule) in rules {
                state.settings.rules[usize::from(*list)] = *rule;
            }
            state.write_settings()
        })
    }

    fn list(&self, listings: &[Listing]) -> Result<()> {
        let items = self.items(listings);
        self.locked(|state| state.change(|lists, images| lists.put(images, &items)))
    }

    fn unlist(&self, listings: &[Listing]) -> Result<()> {
        let items = self.items(listings);
        self.locked(|state| state.change(|lists, images| lists.take(images, &items)))
    }

    fn relist(&self, listings: &mut dyn Iterator<Item = Result<Listing>>) -> Result<()> {
        let items = listings.map(|listing| Ok(self.item(&listing?)));
        self.locked(|state| state.change(|lists, images| lists.replace(images, items)))
    }

    fn set_limits(&self, limits: &[Limit]) -> Result<()> {
        ensure!(limits.len() <= MAX_LIMITS, "{} limits: at most {MAX_LIMITS}", limits.len());
        self.locked(|state| {
            state.settings.limits = [Limit::NONE; MAX_LIMITS];
            state.settings.limits[..limits.len()].copy_from_slice(limits);
            state.settings.limit_count = limits.len() as u32;
            state.write_settings()
        })
    }

    /// While lists are loaded, nobody waits for it.
    fn find(&self, call: &Spender, now: Timestamp) -> Option<Found> {
        let state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(state)) => state.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let asked = Asked {
            number: call.caller,
            trunk: call.trunk,
            attestation: call.attestation,
            now: u32::try_from(self.clock.monotonic_at(now) >> EXPIRY_BITS).unwrap_or(u32::MAX),
        };
        let layout = state.lists.layout();
        let (key, rules) = (state.settings.list_key, &state.settings.rules);
        Some(find(|kind| state.images.image(kind), layout, key, &asked, rules))
    }

    fn settle(&self, call: &Held<'_>, _now: Timestamp) -> Result<Settled> {
        self.hold.settle(call)
    }

    fn counters(&self) -> Result<Counters> {
        self.locked(|state| state.maps.counters())
    }

    fn interfaces(&self) -> Vec<Interface> {
        self.locked(|state| state.interfaces.list())
    }

    fn holding(&self) -> Holding {
        self.locked(|state| match &state.tags {
            VlanTags::Lost(tags) => Holding::TagsLost {
                interfaces: tags.iter().map(|tags| tags.interface.clone()).collect(),
            },
            VlanTags::Unknown(_) => Holding::TagsUnknown,
            VlanTags::Kept if !state.hold_not_plain && !state.trunks_refuse => Holding::Off,
            VlanTags::Kept if state.settings.hold == 0 => Holding::Idle,
            VlanTags::Kept => Holding::On,
        })
    }
}

impl State {
    fn configure(&mut self, config: &Config) -> Result<()> {
        let sources = config.trunks.iter().map(|trunk| trunk.sources.len()).sum::<usize>();
        ensure!(
            sources <= MAX_SOURCES as usize,
            "{sources} source networks over all trunks: the program holds {MAX_SOURCES}"
        );
        let mut keys = Vec::with_capacity(sources);
        for (index, trunk) in config.trunks.numbered() {
            let value = kernel_trunk(index, trunk, &config.stir);
            for source in &trunk.sources {
                let key = maps::source_key(source);
                self.maps.set_source(&key, &value)?;
                keys.push(key);
            }
        }
        for old in std::mem::take(&mut self.sources) {
            if !keys.contains(&old) {
                self.maps.remove_source(&old)?;
            }
        }
        self.sources = keys;

        self.settings.emergency = [Number::NONE; MAX_EMERGENCY];
        for (place, number) in self.settings.emergency.iter_mut().zip(&config.emergency.numbers) {
            *place = *number;
        }
        self.hold_not_plain = config.hold.not_plain;
        self.trunks_refuse =
            config.trunks.iter().any(|trunk| kernel_hold(&trunk.refuse, &config.stir) != 0);
        self.write_settings()?;

        // Last: until its port is in the bitmap, a packet is passed as not ours.
        self.maps.set_ports(&config.capture.sip_ports, &self.ports)?;
        self.ports.clone_from(&config.capture.sip_ports);
        Ok(())
    }

    /// Changes the lists.
    fn change(
        &mut self,
        work: impl FnOnce(&mut policy::lists::Lists, &mut KernelImages<'_>) -> Result<()>,
    ) -> Result<()> {
        let Self { maps, settings, lists, images, .. } = self;
        // Until it is known better, a range may let through.
        settings.layouts.iter_mut().for_each(|layout| layout.allows = 1);
        let changed = work(lists, &mut KernelImages { maps, settings, held: images });
        self.write_settings()?;
        changed
    }

    fn write_settings(&mut self) -> Result<()> {
        let lets =
            |list: &u8| self.settings.rules[usize::from(*list)].rank() == Action::Allow as u8;
        let allows = self.lists.range_lists().iter().any(lets);
        let generation = self.settings.generation as usize & 1;
        self.settings.layouts[generation].allows = u32::from(allows);
        // Where nothing can be against a call, there is nothing to wait for.
        let rules = !self.lists.is_empty() || self.settings.limit_count > 0 || self.trunks_refuse;
        self.settings.hold = u32::from(self.hold_not_plain && rules && self.tags == VlanTags::Kept);
        self.maps.set_settings(&self.settings)
    }
}

fn kernel_trunk(index: u16, trunk: &Trunk, stir: &config::Stir) -> KernelTrunk {
    KernelTrunk {
        index,
        telling: trunk.telling,
        orders: trunk.orders,
        dial_plan: trunk.dial_plan,
        hold: kernel_hold(&trunk.refuse, stir),
    }
}

/// Which plain calls are held: those whose verification, or whose want of a signature, may refuse them.
fn kernel_hold(refuse: &Refuse, stir: &config::Stir) -> u64 {
    let verified = stir.verify && stir.anchors.is_some();
    let signed = if refuse.waits() && verified { KernelTrunk::HOLD_SIGNED } else { 0 };
    let unsigned = if refuse.wants_identity() { KernelTrunk::HOLD_UNSIGNED } else { 0 };
    signed | unsigned
}
