//! Loads and attaches the XDP program, and writes its maps.

/// Native or generic; never over somebody else's program.
mod attach;
/// Many entries in one system call.
mod batch;
/// The maps by name and type.
pub mod maps;
/// The object and its ABI version.
pub mod object;
/// What must be there before the program can be loaded, and what to do where it is not.
pub mod preflight;
/// The ring buffers, one for each CPU.
pub mod rings;
/// Which XDP program an interface has.
pub mod xdp_state;

use std::sync::{Mutex, PoisonError};

use ani_ebpf::{
    abi::{
        attempt::AttemptKeys,
        counter::Counters,
        limit::BucketKeys,
        number::Number,
        record::NO_TRUNK,
        settings::{MAX_EMERGENCY, Settings},
        trunk::{MAX_SOURCES, Trunk as KernelTrunk},
    },
    gcra,
};
use anyhow::{Context as _, Result, ensure};
use aya::{
    Ebpf,
    programs::{ProgramError, Xdp, links::FdLink},
};

use self::maps::Maps;
use crate::{
    capture::{clock::Clock, ring::rings::Rings},
    config::{Config, Rate, Trunk},
    policy::{self, Block, Enforce, Interface},
};

/// The program in the kernel, attached from [`Kernel::attach`] on while this lives.
pub struct Kernel {
    clock: Clock,
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
        let rings = rings::make(&mut ebpf, config.capture.ring_bytes)?;
        tracing::info!("{} ring buffers of {} bytes each", rings.buffers.len(), rings.bytes_each);
        let mut state = State {
            maps: Maps::take(&mut ebpf)?,
            rings: Some(Rings::new(rings.buffers)),
            links: Vec::new(),
            ebpf,
            settings: Settings {
                capture: 1,
                window: config.capture.window,
                parts_room: u64::from(rings.bytes_each) / 2,
                attempts_mask: config.lists.attempt_sets().map_or(u32::MAX, |sets| sets - 1),
                attempt_keys: AttemptKeys(policy::hash_keys()),
                bucket_keys: BucketKeys(policy::hash_keys()),
                buckets_mask: config.lists.bucket_sets() - 1,
                ..Settings::EMPTY
            },
            interfaces: Vec::new(),
            sources: Vec::new(),
            ports: Vec::new(),
        };
        state.configure(config)?;
        Ok(Self { clock: Clock::new(), state: Mutex::new(state) })
    }

    /// The rings that INVITEs come through, and the flag their reader sets before it sleeps. Both
    /// can be taken once.
    pub fn rings(&self) -> Result<(Rings, maps::ReaderAsleep)> {
        self.locked(|state| {
            let rings = state.rings.take().context("the ring buffers are read already")?;
            Ok((rings, maps::ReaderAsleep::take(&mut state.ebpf)?))
        })
    }

    /// Runs `work` on the loaded object.
    pub fn with_object<T>(&self, work: impl FnOnce(&mut Ebpf) -> T) -> T {
        self.locked(|state| work(&mut state.ebpf))
    }

    /// Attaches the program to the configured interfaces.
    ///
    /// # Errors
    ///
    /// When an interface is missing, has somebody else's program, or its driver cannot; then none
    /// is left attached.
    pub fn attach(&self, config: &Config) -> Result<()> {
        self.locked(|state| {
            let State { ebpf, links, interfaces, .. } = state;
            let program = program(ebpf)?;
            for name in &config.capture.interfaces {
                match attach::attach(program, name, config.capture.mode) {
                    Ok((link, mode)) => {
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
    fn block(&self, entries: &[Block]) -> Result<()> {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| (entry.number, entry.expires.map_or(0, |at| self.clock.monotonic_at(at))))
            .collect();
        if entries.is_empty() {
            return Ok(());
        }
        self.locked(|state| {
            state.maps.block(&entries)?;
            state.settings.block_list = 1;
            state.write_settings()
        })
    }

    fn unblock(&self, numbers: &[Number]) -> Result<()> {
        self.locked(|state| state.maps.unblock(numbers))
    }

    fn limit_per_caller(&self, rate: Option<Rate>) -> Result<()> {
        self.locked(|state| {
            let (interval, tolerance) = limit_parameters(rate)?;
            state.settings.limit_interval_ns = interval;
            state.settings.limit_tolerance_ns = tolerance;
            state.write_settings()
        })
    }

    fn counters(&self) -> Result<Counters> {
        self.locked(|state| state.maps.counters())
    }

    fn interfaces(&self) -> Vec<Interface> {
        self.locked(|state| state.interfaces.clone())
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
        for (index, trunk) in config.trunks.iter().enumerate() {
            let value = kernel_trunk(index, trunk)?;
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
        self.write_settings()?;

        // Last: until its port is in the bitmap, a packet is passed as not ours.
        self.maps.set_ports(&config.capture.sip_ports, &self.ports)?;
        self.ports.clone_from(&config.capture.sip_ports);
        Ok(())
    }

    fn write_settings(&mut self) -> Result<()> {
        self.maps.set_settings(&self.settings)
    }
}

/// Interval and tolerance of a rate, nanoseconds; two zeros for no limit.
fn limit_parameters(rate: Option<Rate>) -> Result<(u64, u64)> {
    let Some(rate) = rate else {
        return Ok((0, 0));
    };
    u64::try_from(rate.within.as_nanos())
        .ok()
        .and_then(|within| gcra::parameters(rate.calls, within))
        .with_context(|| {
            format!("{} calls within {:?} is no limit that can be kept", rate.calls, rate.within)
        })
}

fn kernel_trunk(index: usize, trunk: &Trunk) -> Result<KernelTrunk> {
    let index = u16::try_from(index).ok().filter(|index| *index != NO_TRUNK);
    Ok(KernelTrunk {
        index: index.with_context(|| format!("trunk {}: too many trunks", trunk.name))?,
        reserved: [0; 3],
        orders: trunk.orders,
        dial_plan: trunk.dial_plan,
    })
}
