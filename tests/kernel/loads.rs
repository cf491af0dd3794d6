//! The object loads, and its maps are as large as the configuration says.

use std::os::fd::AsFd as _;

use ani_ebpf::abi::{
    ABI_VERSION,
    attempt::AttemptSet,
    fragment::{FragmentKey, Fragmented},
    limit::{BucketSet, Limit},
    programs,
    record::HEADER_LEN,
};
use ani_user::kernel::{
    object::{self, BYTES},
    rings,
};
use aya::{
    maps::{Map, MapData},
    programs::Xdp,
    util::online_cpus,
};

use crate::harness::{CONFIG, Harness, config_of};

/// The verifier gives up behind this many (`BPF_COMPLEXITY_LIMIT_INSNS` in linux/bpf_verifier.h).
const VERIFIER_LIMIT: u32 = 1_000_000;

#[test]
fn the_verifier_takes_each_program_within_its_limit() {
    let harness = Harness::new();
    let behind = programs::TABLE.map(|(_, name)| name);
    for name in behind.into_iter().chain([object::PROGRAM]) {
        let verified = harness.kernel.with_object(|ebpf| {
            let program: &Xdp = ebpf.program(name).expect(name).try_into().expect("an XDP program");
            let info = program.info().expect("what the kernel says of it");
            info.verified_instruction_count().expect("a count (Linux 5.16)")
        });
        println!("{name}: verified instructions: {verified} of {VERIFIER_LIMIT}");
        assert!(verified > 1_000, "{name}: {verified} is no count of this program");
        assert!(verified < VERIFIER_LIMIT, "{name}: {verified}");
    }
}

#[test]
fn the_object_says_which_abi_it_speaks() {
    assert_eq!(object::abi_version(BYTES).expect("a section"), ABI_VERSION);
}

/// The page of docs that has every map has each of the object's, and no other.
#[test]
fn the_abi_page_names_each_map() {
    let page = include_str!("../../docs/abi.md");
    let (_, maps) = page.split_once("\n## Maps\n").expect("a chapter");
    let (maps, _) = maps.split_once("\n## ").expect("a next one");
    let rows = maps.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut named: Vec<_> = rows.collect();
    named.sort_unstable();
    let ebpf = object::open(&config_of(CONFIG)).expect("the maps are made");
    // The compiler's own are for constants.
    let mut made: Vec<_> = ebpf.maps().map(|(name, _)| name).collect();
    made.retain(|name| !name.starts_with('.'));
    made.sort_unstable();
    assert_eq!(named, made);
    let header = format!("| 42 | {} | zero |", HEADER_LEN - 42);
    assert!(page.contains(&header), "the record's header has {HEADER_LEN} bytes");
    for (name, bytes) in [
        ("Limit", size_of::<Limit>()),
        ("BucketSet", size_of::<BucketSet>()),
        ("AttemptSet", size_of::<AttemptSet>()),
        ("FragmentKey", size_of::<FragmentKey>()),
        ("Fragmented", size_of::<Fragmented>()),
    ] {
        assert!(page.contains(&format!("| `{name}` | {bytes} |")), "{name}: {bytes} bytes");
    }
}

#[test]
fn maps_are_as_large_as_configured() {
    let text = CONFIG
        .replace("max_limited = 1024", "max_limited = 987")
        .replace("ring_bytes = 1048576", "ring_bytes = 65536");
    let config = config_of(&text);
    let mut ebpf = object::open(&config).expect("the maps are made");
    for (name, expected) in [("BUCKETS", 256), ("ATTEMPTS", 1)] {
        let map = match ebpf.take_map(name).expect(name) {
            Map::Array(map) => map,
            _ => panic!("{name} is of another kind"),
        };
        assert_eq!(map.info().expect(name).max_entries(), expected, "{name}");
    }

    let made = rings::make(&mut ebpf, config.capture.ring_bytes).expect("the rings are made");
    assert_eq!(made.bytes_each, 65_536);
    assert_eq!(made.buffers.len(), online_cpus().expect("CPUs").len());
    for ring in made.buffers {
        let fd = ring.as_fd().try_clone_to_owned().expect("a descriptor");
        let info = MapData::from_fd(fd).and_then(|map| map.info()).expect("what the kernel says");
        assert_eq!(info.max_entries(), 65_536);
    }
}
