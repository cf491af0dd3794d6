//! What the daemon has written into the maps, and how a configuration gets there.

use ani_ebpf::abi::{
    list::Action,
    number::Number,
    settings::{MAX_EMERGENCY, Settings},
    trunk::{MAX_SOURCES, Trunk as KernelTrunk},
};
use anyhow::{Result, ensure};
use aya::Ebpf;

use super::{
    interfaces::Interfaces,
    lists::{self, KernelImages},
    maps::{self, Maps},
    pins::Pins,
    vlan_offload::VlanTags,
};
use crate::{
    capture::ring::rings::Rings,
    config::{self, Config, Refuse, Trunk},
    policy,
};

/// The maps, and what is in them.
pub(super) struct State {
    /// Dropped before what keeps them, and before their program.
    pub(super) interfaces: Interfaces,
    /// What outlives the daemon; none where nothing does.
    pub(super) pins: Option<Pins>,
    pub(super) ebpf: Ebpf,
    pub(super) maps: Maps,
    /// Until they are taken.
    pub(super) rings: Option<Rings>,
    pub(super) settings: Settings,
    /// Whether what is not plain is held as soon as there is a rule.
    pub(super) hold_not_plain: bool,
    /// Whether held frames would lose their VLAN tags: then none is held.
    pub(super) tags: VlanTags,
    /// Whether a trunk's calls are refused for their signature.
    pub(super) trunks_refuse: bool,
    pub(super) lists: policy::lists::Lists,
    pub(super) images: lists::Held,
    /// Source networks in the map, to take out those a reload no longer names.
    pub(super) sources: Vec<maps::SourceKey>,
    /// SIP ports in the bitmap.
    pub(super) ports: Vec<u16>,
}

impl State {
    pub(super) fn configure(&mut self, config: &Config) -> Result<()> {
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
    pub(super) fn change(
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

    pub(super) fn write_settings(&mut self) -> Result<()> {
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
