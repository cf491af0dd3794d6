//! Lists and limits in the kernel's maps, as those who change them see it.

use std::sync::TryLockError;

use ani_ebpf::{
    abi::{
        counter::Counters,
        limit::{Limit, MAX_LIMITS, Spender},
        list::{EXPIRY_BITS, Rule},
    },
    lists::{Asked, Found, find},
};
use anyhow::{Result, ensure};

use super::{Kernel, vlan_offload::VlanTags};
use crate::{
    policy::{
        Enforce, Holding, Interface, Listing,
        settle::{Held, Settled},
    },
    time::Timestamp,
};

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
