//! ani's program with a block list, on the lab's interface or off it.

use std::os::fd::AsFd as _;

use ani_ebpf::{
    abi::{
        attempt::AttemptKeys,
        counter::Counters,
        number::Number,
        settings::Settings,
        trunk::{Orders, Telling, Trunk},
    },
    dial_plan::DialPlan,
    scan::AniHeader,
};
use ani_tests::live::{self, Link};
use ani_user::{
    config::Config,
    kernel::{
        maps::{Maps, ReaderAsleep, source_key},
        object,
    },
    policy,
};
use anyhow::{Context as _, Result};
use aya::{
    Ebpf,
    maps::{MapData, RingBuf},
    programs::{ProgramFd, Xdp},
};
use xtask::lab::TRUNK;

/// Numbers on the block list.
const BLOCK_LIST_LEN: u32 = 1_000_000;

/// One of them.
pub(crate) const BLOCKED: &str = "12025550166";

/// The program and its maps.
pub(crate) struct Ani {
    program: ProgramFd,
    maps: Maps,
    settings: Settings,
    /// The ring, and the flag its reader sets; what holds them holds their maps.
    ring: Option<(RingBuf<MapData>, ReaderAsleep)>,
    _ebpf: Ebpf,
}

impl Ani {
    /// Loads it as the daemon does, with a ring of so many bytes.
    pub(crate) fn new(ring_bytes: u32) -> Result<Self> {
        let mut config = Config::default();
        config.lists.max_blocked = BLOCK_LIST_LEN;
        config.capture.ring_bytes = ring_bytes;
        let mut ebpf = object::open(&config)?;
        object::load(&mut ebpf)?;
        let program: &Xdp =
            ebpf.program(object::PROGRAM).context("no program in the object")?.try_into()?;
        let program = program.fd()?.try_clone()?;
        let ring = RingBuf::try_from(ebpf.take_map("INVITES").context("no map INVITES")?)?;
        let asleep = ReaderAsleep::take(&mut ebpf)?;
        let mut maps = Maps::take(&mut ebpf)?;
        maps.set_ports(&config.capture.sip_ports, &[])?;
        let usual = [AniHeader::PAssertedIdentity, AniHeader::RemotePartyId, AniHeader::From];
        let orders = Orders::one(&usual);
        let trunk = Trunk { index: 0, telling: Telling::SIGNER, orders, dial_plan: DialPlan::NONE };
        maps.set_source(&source_key(&TRUNK[0].parse()?), &trunk)?;
        block(&mut maps)?;
        let settings = Settings {
            block_list: 1,
            window: config.capture.window,
            parts_room: u64::from(config.capture.ring_bytes) / 2,
            attempts_mask: config.lists.attempt_sets().map_or(u32::MAX, |sets| sets - 1),
            attempt_keys: AttemptKeys(policy::hash_keys()),
            buckets_mask: config.lists.bucket_sets() - 1,
            ..Settings::EMPTY
        };
        maps.set_settings(&settings)?;
        Ok(Self { program, maps, settings, ring: Some((ring, asleep)), _ebpf: ebpf })
    }

    /// Puts it on an interface of this thread's namespace.
    pub(crate) fn attach(&self, ifindex: u32) -> Result<Link> {
        live::attach(self.program.as_fd(), ifindex)
    }

    /// Says whether INVITEs are written to the ring.
    pub(crate) fn capture(&mut self, on: bool) -> Result<()> {
        self.settings.capture = u32::from(on);
        self.maps.set_settings(&self.settings)
    }

    /// What a reader of the ring needs; once.
    pub(crate) fn ring(&mut self) -> Result<(RingBuf<MapData>, ReaderAsleep)> {
        self.ring.take().context("the ring has its reader")
    }

    pub(crate) fn counters(&self) -> Result<Counters> {
        self.maps.counters()
    }
}

/// Fills the block list.
fn block(maps: &mut Maps) -> Result<()> {
    let others = (0..BLOCK_LIST_LEN - 1).map(|number| format!("1212{number:07}"));
    let numbers = others.chain([BLOCKED.to_owned()]);
    let entries =
        numbers.map(|digits| Ok((Number::from_ascii(digits.as_bytes()).context("no number")?, 0)));
    maps.block(&entries.collect::<Result<Vec<_>>>()?)
}
