//! Loads and attaches the XDP program, and writes its maps.

/// Native or generic; never over somebody else's program.
mod attach;
/// Array maps that are made while the program runs.
mod array;
/// Many entries in one system call.
mod batch;
/// Calls that are held.
pub mod hold;
/// The images of lists.
mod lists;
/// The maps by name and type.
pub mod maps;
/// The object and its ABI version.
pub mod object;
/// What must be there before the program can be loaded, and what to do where it is not.
pub mod preflight;
/// The ring buffers, one for each CPU.
pub mod rings;
/// Runs a program once, on a frame of ours.
mod test_run;
/// Frames onto the wire.
pub mod transmit;
/// Network cards that take VLAN tags out of frames.
pub mod vlan_offload;
/// Which XDP program an interface has.
pub mod xdp_state;

use std::sync::{
    Arc, Mutex, PoisonError, RwLock, TryLockError,
    atomic::{AtomicBool, Ordering},
};

use ani_ebpf::{
    abi::{
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
    programs::{ProgramError, Xdp, links::FdLink},
};

use self::{hold::Hold, lists::KernelImages, maps::Maps, vlan_offload::VlanTags};
use crate::{
    capture::{clock::Clock, ring::rings::Rings},
    config::{Config, Trunk},
    policy::{
        self, Enforce, Holding, Interface, Listing,
        settle::{Held, Settled},
    },
    time::Timestamp,
};

/// The program in the kernel, attached from [`Kernel::attach`] on while this lives.
pub struct Kernel {
    clock: Clock,
    hold: Arc<Hold>,
    state: Mutex<State>,
}

struct State {
    /// Dropping them detaches.
    links: Vec<FdLink>,
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
    interfaces: Vec<Interface>,
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
        let mut ebpf = object::open(config)?;
        object::load(&mut ebpf)?;
        let [list_key, ticket] = policy::hash_keys();
        let attempt_keys = AttemptKeys(policy::hash_keys());
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
        let mut state = State {
            lists: policy::lists::Lists::new(list_key, config.lists.max_entries as usize),
            images: lists::Held::default(),
            maps: Maps::take(&mut ebpf)?,
            rings: Some(Rings::new(rings.buffers)),
            links: Vec::new(),
            ebpf,
            settings: Settings {
                capture: 1,
                window: config.capture.window,
                parts_room: u64::from(rings.bytes_each) / 2,
                attempts_mask: config.lists.attempt_sets().map_or(u32::MAX, |sets| sets - 1),
                attempt_keys,
                ticket: ticket | 1,
                bucket_keys: BucketKeys(policy::hash_keys()),
                buckets_mask: config.lists.bucket_sets() - 1,
                rules: policy::built_in_rules(),
                list_key,
                ..Settings::EMPTY
            },
            hold_not_plain: config.hold.not_plain,
            tags: VlanTags::Kept,
            trunks_refuse: false,
            interfaces: Vec::new(),
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

    /// Attaches the program to the configured interfaces.
    ///
    /// # Errors
    ///
    /// When an interface is missing, has somebody else's program, or its driver cannot; then none
    /// is left attached.
    pub fn attach(&self, config: &Config) -> Result<()> {
        self.look_at_tags_of(&config.capture.interfaces)?;
        self.locked(|state| {
            let State { ebpf, links, interfaces, .. } = state;
            let program = program(ebpf)?;
            for name in &config.capture.interfaces {
                match attach::attach(program, name, config.capture.mode) {
                    Ok((link, mode)) => {
                        self.hold.set_generic(name, mode == "generic")?;
                        links.push(link);
                        interfaces.push(Interface { name: name.clone(), mode });
                    }
                    Err(error) => {
                        links.clear();
                        interfaces.clear();
                        return Err(error);
                    }
                }
            }
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

    /// Takes the program off all interfaces.
    pub fn detach(&self) {
        self.locked(|state| {
            state.links.clear();
            state.interfaces.clear();
        });
    }

    /// Writes ports, trunks and emergency numbers of a changed configuration into the maps. What is
    /// taken at load only (interfaces, sizes) stays, and so does the limit.
    pub fn configure(&self, config: &Config) -> Result<()> {
        self.locked(|state| state.configure(config))
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
        self.locked(|state| state.interfaces.clone())
    }

    fn holding(&self) -> Holding {
        self.locked(|state| match &state.tags {
            VlanTags::Lost(tags) => Holding::TagsLost {
                interfaces: tags.iter().map(|tags| tags.interface.clone()).collect(),
            },
            VlanTags::Unknown(_) => Holding::TagsUnknown,
            VlanTags::Kept if !state.hold_not_plain => Holding::Off,
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
            let value = kernel_trunk(index, trunk);
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
            config.trunks.iter().any(|trunk| trunk.refuse.waits() || trunk.refuse.wants_identity());
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

fn kernel_trunk(index: u16, trunk: &Trunk) -> KernelTrunk {
    KernelTrunk {
        index,
        telling: trunk.telling,
        orders: trunk.orders,
        dial_plan: trunk.dial_plan,
        hold: (if trunk.refuse.waits() { KernelTrunk::HOLD_SIGNED } else { 0 })
            | (if trunk.refuse.wants_identity() { KernelTrunk::HOLD_UNSIGNED } else { 0 }),
    }
}
