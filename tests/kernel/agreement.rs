//! Kernel and host make the same of the same message.

use std::{collections::BTreeMap, net::IpAddr};

use ani_ebpf::abi::{
    counter::{Counter, TABLE},
    number::Number,
    record::NO_TRUNK,
};
use ani_tests::{invite::Invite, random::Random};
use ani_user::{
    capture::clock::Clock,
    policy::{BLOCK, Enforce as _, Listing, memory::Memory},
};

use crate::{
    harness::{CONFIG, FROM_ONLY, Harness, Run, STRANGER, US, US_V6, config_of, number},
    mutation::{mutate, templates},
};

const MESSAGES: usize = 100_000;

/// The same messages each time.
const SEED: u64 = 0x5dee_ce66_d1ce_4e5b;

/// Far more callers than the mutations make, so that no bucket has to give way.
const LIMITED: &str = "[limits]\nper_caller = { calls = 40, within = \"24h\" }\n";

const BLOCKED: [&str; 3] = ["14155551234", "12125550100", "442079460000"];

/// The program and its twin on the host, told the same.
struct Twins {
    kernel: Harness,
    host: Memory,
}

impl Twins {
    fn new() -> Self {
        let text =
            format!("{}{LIMITED}", CONFIG.replace("max_limited = 1024", "max_limited = 60000"));
        let twins = Self { kernel: Harness::with(&text), host: Memory::new(&config_of(&text)) };
        for digits in BLOCKED {
            twins.kernel.block(digits, None);
            let listing = Listing::number(BLOCK, number(digits), None);
            twins.host.list(&[listing]).expect("blocked");
        }
        twins
    }

    /// What both make of a message; panics where they differ.
    fn agree(&mut self, source: &str, message: &[u8]) -> Run {
        let address: IpAddr = source.parse().expect("an address");
        let run = self.kernel.message(source, message);
        let view = self.host.decide(Clock::new().now(), address, message);
        let told = || format!("from {source}: {:?}", String::from_utf8_lossy(message));
        let Some(view) = view else {
            let exits = [Counter::NotInvite, Counter::Keepalive];
            assert!(exits.contains(&run.exit), "host: no INVITE, kernel: {run:?}, {}", told());
            return run;
        };
        assert_eq!(run.exit, view.exit, "host: {view:?}, kernel: {run:?}, {}", told());
        let header = run.header();
        assert_eq!(header.not_plain, view.not_plain.map_or(0, |why| why as u8), "{}", told());
        assert_eq!(header.ani, view.ani, "{}", told());
        assert_eq!(header.ani_header, view.ani_header.map_or(0, |name| name as u8), "{}", told());
        assert_eq!(header.attestation, view.attestation as u8, "{}", told());
        assert_eq!(header.trunk, view.trunk.unwrap_or(NO_TRUNK), "{}", told());
        run
    }
}

#[test]
fn kernel_and_host_agree_on_mutated_invites() {
    let mut twins = Twins::new();
    let mut random = Random::new(SEED);
    let templates: Vec<Vec<u8>> = templates().iter().map(Invite::bytes).collect();
    let mut exits = BTreeMap::<&str, usize>::new();
    let mut reasons = BTreeMap::<u8, usize>::new();
    let mut numbers = 0;
    for _ in 0..MESSAGES {
        let mut message = random.of(&templates).clone();
        for _ in 0..random.below(4) {
            mutate(&mut message, &mut random);
        }
        let source = *random.of(&[US, US, US_V6, FROM_ONLY, STRANGER]);
        let run = twins.agree(source, &message);
        *exits.entry(TABLE[run.exit as usize].name).or_default() += 1;
        if let Some(record) = &run.record {
            *reasons.entry(record.header.not_plain).or_default() += 1;
            numbers += usize::from(record.header.ani != Number::NONE);
        }
    }
    println!("ways out: {exits:?}\nreasons: {reasons:?}\nnumbers: {numbers}");
    // Mutations that reach one place only would show nothing.
    for counter in [
        Counter::NotInvite,
        Counter::PassUntrusted,
        Counter::PassNotPlain,
        Counter::PassInDialog,
        Counter::PassPriority,
        Counter::PassNoAni,
        Counter::Pass,
        Counter::DropBlocked,
        Counter::DropLimited,
    ] {
        let name = TABLE[counter as usize].name;
        assert!(exits.get(name).is_some_and(|count| *count >= 50), "{name}: {exits:?}");
    }
    // All there are but the one of a trunk that is not among the sources, and 0 for plain.
    assert!(reasons.len() == 16, "{reasons:?}");
    assert!(numbers > MESSAGES / 10, "{numbers}");
}
