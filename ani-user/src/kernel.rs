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
/// Which XDP program an interface has.
pub mod xdp_state;

use std::sync::{Mutex, PoisonError};

use ani_ebpf::{
    abi::{
        counter::Counters,
        number::Number,
        record::NO_TRUNK,
        settings::{MAX_EMERGENCY, Settings},
        trunk::{MAX_ANI_HEADERS, MAX_SOURCES, Trunk as KernelTrunk},
    },
    gcra,
    scan::AniHeader,
};
use anyhow::{Context as _, Result, ensure};
use aya::{
    Ebpf,
    maps::{MapData, RingBuf},
    programs::{ProgramError, Xdp, links::FdLink},
};

use self::maps::Maps;
use crate::{
    capture::clock::Clock,
    config::{Config, Rate, Trunk},
    policy::{Block, Enforce, Interface},
};

/// The program in the kernel, attached while this lives.
pub struct Kernel {
    /// Dropping them detaches.
    _links: Vec<FdLink>,
    _ebpf: Ebpf,
    clock: Clock,
    interfaces: Vec<Interface>,
    state: Mutex<State>,
}

struct State {
    maps: Maps,
    settings: Settings,
    /// Source networks in the map, to take out those a reload no longer names.
    sources: Vec<maps::SourceKey>,
    /// SIP ports in the bitmap.
    ports: Vec<u16>,
}

/// The program loaded, with its maps filled, and not attached anywhere yet.
pub struct Loaded {
    ebpf: Ebpf,
    state: State,
}

impl Loaded {
    /// Loads the object and writes what `config` says into the maps.
    ///
    /// # Errors
    ///
    /// When the kernel refuses: says which privilege, version or limit is in the way as far as it
    /// can be told.
    pub fn load(config: &Config) -> Result<Self> {
        let mut ebpf = object::open(config)?;
        program(&mut ebpf)?
            .load()
            .map_err(object::explain)
            .context("the kernel does not take the XDP program")?;
        let maps = Maps::take(&mut ebpf)?;
        let mut state =
            State { maps, settings: Settings::EMPTY, sources: Vec::new(), ports: Vec::new() };
        state.settings.capture = 1;
        state.configure(config)?;
        Ok(Self { ebpf, state })
    }

    /// The ring that INVITEs come through; there is one reader.
    pub fn ring(&mut self) -> Result<RingBuf<MapData>> {
        let map = self.ebpf.take_map("INVITES").context("the object has no map INVITES")?;
        Ok(RingBuf::try_from(map)?)
    }

    /// The flag the ring's reader sets before it sleeps.
    pub fn reader_asleep(&mut self) -> Result<maps::ReaderAsleep> {
        maps::ReaderAsleep::take(&mut self.ebpf)
    }

    /// The program's own log, for a logger to read.
    pub fn object_mut(&mut self) -> &mut Ebpf {
        &mut self.ebpf
    }

    /// Attaches the program to the configured interfaces.
    ///
    /// # Errors
    ///
    /// When an interface is missing, has somebody else's program, or its driver cannot; then none
    /// is left attached.
    pub fn attach(mut self, config: &Config) -> Result<Kernel> {
        let program = program(&mut self.ebpf)?;
        let mut links = Vec::new();
        let mut interfaces = Vec::with_capacity(config.capture.interfaces.len());
        for name in &config.capture.interfaces {
            let (link, mode) = attach::attach(program, name, config.capture.mode)?;
            links.push(link);
            interfaces.push(Interface { name: name.clone(), mode });
        }
        Ok(Kernel {
            _links: links,
            _ebpf: self.ebpf,
            clock: Clock::new(),
            interfaces,
            state: Mutex::new(self.state),
        })
    }
}

fn program(ebpf: &mut Ebpf) -> Result<&mut Xdp> {
    let program = ebpf
        .program_mut(object::PROGRAM)
        .with_context(|| format!("the object has no program {}", object::PROGRAM))?;
    program.try_into().map_err(|error: ProgramError| error.into())
}

impl Kernel {
    /// Writes ports, trunks, emergency numbers and limit of a changed configuration into the maps.
    /// What is taken at load only (interfaces, sizes) stays.
    pub fn configure(&self, config: &Config) -> Result<()> {
        self.locked(|state| state.configure(config))
    }

    /// The maps are consistent between calls: a panic while they were locked left nothing half
    /// done that the next write would not repair.
    fn locked<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Enforce for Kernel {
    fn block(&self, entries: &[Block]) -> Result<()> {
        let entries: Vec<_> = entries
            .iter()
            .map(|entry| (entry.number, entry.expires.map_or(0, |at| self.clock.monotonic_at(at))))
            .collect();
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
            state.settings.set_limit(rate)?;
            state.write_settings()
        })
    }

    fn counters(&self) -> Result<Counters> {
        self.locked(|state| state.maps.counters())
    }

    fn interfaces(&self) -> Vec<Interface> {
        self.interfaces.clone()
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
        self.settings.set_limit(config.limits.per_caller)?;
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

/// What the two sides of a limit make of each other.
trait SetLimit {
    /// Writes the rate's interval and tolerance.
    fn set_limit(&mut self, rate: Option<Rate>) -> Result<()>;
}

impl SetLimit for Settings {
    fn set_limit(&mut self, rate: Option<Rate>) -> Result<()> {
        let parameters = match rate {
            None => (0, 0),
            Some(rate) => u64::try_from(rate.within.as_nanos())
                .ok()
                .and_then(|within| gcra::parameters(rate.calls, within))
                .with_context(|| {
                    format!("{} calls within {:?} is no limit that can be kept", rate.calls, rate.within)
                })?,
        };
        (self.limit_interval_ns, self.limit_tolerance_ns) = parameters;
        Ok(())
    }
}

fn kernel_trunk(index: usize, trunk: &Trunk) -> Result<KernelTrunk> {
    let index = u16::try_from(index).ok().filter(|index| *index != NO_TRUNK);
    let mut ani_order = [0; MAX_ANI_HEADERS];
    for (place, header) in ani_order.iter_mut().zip(&trunk.ani) {
        *place = *header as u8;
    }
    Ok(KernelTrunk {
        index: index.with_context(|| format!("trunk {}: too many trunks", trunk.name))?,
        reserved: 0,
        ani_order,
        dial_plan: trunk.dial_plan,
    })
}

// A trunk's order must fit all headers a caller can be read from.
const _: () = assert!(AniHeader::ALL.len() <= MAX_ANI_HEADERS);
