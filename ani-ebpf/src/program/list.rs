//! Which list the caller is on.

use ani_ebpf::{
    abi::{
        list::{EXPIRY_BITS, NO_LIST},
        settings::Settings,
    },
    lists::{self, Asked},
};

use super::{decision::Decision, maps, reading::Reading};

/// Leaves in the decision what the lists in force say of the caller.
#[inline(always)]
pub(super) fn find(decision: &Decision, reading: &Reading, settings: &Settings) {
    let generation = settings.generation & 1;
    let layout = &settings.layouts[generation as usize];
    if layout.is_empty() || reading.ani.is_none() {
        return;
    }
    let asked = Asked {
        number: reading.ani,
        trunk: reading.trunk,
        attestation: reading.attestation,
        now: (decision.now() >> EXPIRY_BITS) as u32,
    };
    let image = |kind| maps::image(2 * generation + kind as u32);
    let found = lists::find(image, layout, settings.list_key, &asked, &settings.rules);
    // What a weaker list would have done is of no account.
    let observed = if found.observed_rank > found.rank { found.observed } else { NO_LIST };
    decision.listed(&found, observed);
}
