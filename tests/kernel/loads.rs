//! The object loads, and its maps are as large as the configuration says.

use ani_ebpf::abi::ABI_VERSION;
use ani_user::kernel::object::{self, BYTES};
use aya::maps::Map;

use crate::harness::{CONFIG, Harness, config_of};

/// The verifier gives up behind this many (`BPF_COMPLEXITY_LIMIT_INSNS` in linux/bpf_verifier.h).
const VERIFIER_LIMIT: u32 = 1_000_000;

#[test]
fn the_verifier_takes_it_within_its_limit() {
    let harness = Harness::new();
    let info = harness.with_program(|program| program.info()).expect("what the kernel says");
    let verified = info.verified_instruction_count().expect("a count (Linux 5.16)");
    println!("verified instructions: {verified} of {VERIFIER_LIMIT}");
    assert!(verified > 1_000, "{verified} is no count of this program");
    assert!(verified < VERIFIER_LIMIT, "{verified}");
}

#[test]
fn the_object_says_which_abi_it_speaks() {
    assert_eq!(object::abi_version(BYTES).expect("a section"), ABI_VERSION);
}

#[test]
fn maps_are_as_large_as_configured() {
    let text = CONFIG
        .replace("max_blocked = 1024", "max_blocked = 4321")
        .replace("max_limited = 1024", "max_limited = 987")
        .replace("ring_bytes = 1048576", "ring_bytes = 65536");
    let mut ebpf = object::open(&config_of(&text)).expect("the maps are made");
    for (name, expected) in [("BLOCKED", 4_321), ("BUCKETS", 987), ("INVITES", 65_536)] {
        let map = match ebpf.take_map(name).expect(name) {
            Map::HashMap(map) | Map::LruHashMap(map) | Map::RingBuf(map) => map,
            _ => panic!("{name} is of another kind"),
        };
        assert_eq!(map.info().expect(name).max_entries(), expected, "{name}");
    }
}
