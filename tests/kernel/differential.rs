//! The compiled program against the full parser, message by message: what the kernel decided must
//! follow from what the parser reads.
//!
//! [`MESSAGES`] a run. `ANI_DIFFERENTIAL=3000000` asks for more, and `ANI_DIFFERENTIAL_SEED=7` for
//! others: an operator's nightly run takes a seed a day. The messages are changed ones
//! ([`mutation`]), those of other projects among them where they are there, and ones made of forms
//! ([`generated`]).

use std::{collections::BTreeMap, env, fs};

use ani_ebpf::{
    abi::{
        counter::{Counter, TABLE},
        record::NO_TRUNK,
    },
    scan::NotPlain,
};
use ani_tests::{data, invite::Invite, random::Random};

use crate::{
    generated::generated,
    harness::{
        CHARGED, CHARGED_INDEX, FROM_ONLY, FROM_ONLY_INDEX, Harness, STRANGER, US, US_INDEX, US_V6,
    },
    judge::Judge,
    mutation::{mutate, templates},
};

/// Messages a run when nobody asks for more: seven seconds, twenty on a busy machine.
const MESSAGES: usize = 400_000;

/// The same messages each time.
const SEED: u64 = 0xd1f7_e2e4_71a1_0001;

/// Callers of the templates and of the forms; others make others of them by a digit.
const BLOCKED: [&str; 4] = ["14155551234", "12125550100", "442079460000", "12025550111"];

/// Longest message of another project that is changed, bytes.
const MAX_SEED: usize = 3_000;

#[test]
fn what_the_kernel_decides_the_parser_reads_alike() {
    let messages = asked("ANI_DIFFERENTIAL").unwrap_or(MESSAGES as u64);
    // Never 0, which would yield nothing else.
    let mut random = Random::new(SEED ^ asked("ANI_DIFFERENTIAL_SEED").unwrap_or(0) << 1 | 1);
    let mut harness = Harness::new();
    BLOCKED.iter().for_each(|digits| harness.block(digits, None));
    let judge = Judge::new(&BLOCKED);
    let (templates, seeds) = (templates().iter().map(Invite::bytes).collect::<Vec<_>>(), seeds());
    let mut exits = BTreeMap::<&str, u64>::new();
    let mut reasons = BTreeMap::<&str, u64>::new();
    for _ in 0..messages {
        let mut message = match random.below(8) {
            0 => seeds.get(random.below(seeds.len())).unwrap_or(&templates[0]).clone(),
            1 | 2 => random.of(&templates).clone(),
            _ => generated(&mut random),
        };
        for _ in 0..*random.of(&[0, 0, 0, 1, 1, 2, 4]) {
            mutate(&mut message, &mut random);
        }
        let (source, trunk) = *random.of(&[
            (US, US_INDEX),
            (US, US_INDEX),
            (US_V6, US_INDEX),
            (FROM_ONLY, FROM_ONLY_INDEX),
            (CHARGED, CHARGED_INDEX),
            (STRANGER, NO_TRUNK),
        ]);
        let run = harness.message(source, &message);
        if let Err(what) = judge.check(&run, trunk, &message) {
            let text = String::from_utf8_lossy(&message);
            panic!("{what}; from {source}: {run:?}\n{text:?}");
        }
        *exits.entry(TABLE[run.exit as usize].name).or_default() += 1;
        if let Some(record) = &run.record {
            let why = NotPlain::from_raw(record.header.not_plain);
            *reasons.entry(why.map_or("plain", NotPlain::as_str)).or_default() += 1;
        }
    }
    println!("{messages} messages, {} of other projects among their templates", seeds.len());
    println!("ways out: {exits:?}\nreasons: {reasons:?}");
    // Messages that reach one place only would show nothing.
    for exit in [
        Counter::NotInvite,
        Counter::PassUntrusted,
        Counter::PassNotPlain,
        Counter::PassInDialog,
        Counter::PassPriority,
        Counter::PassNoAni,
        Counter::Pass,
        Counter::DropBlocked,
    ] {
        let name = TABLE[exit as usize].name;
        assert!(exits.get(name).is_some_and(|count| count * 100 > messages), "{name}: {exits:?}");
    }
    for why in (1..=u8::MAX).map_while(NotPlain::from_raw).map(NotPlain::as_str) {
        assert!(reasons.get(why).is_some_and(|count| count * 20_000 > messages), "{why}");
    }
}

/// A number in the environment; one that is none ends the run.
fn asked(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// Messages of other projects where they are there.
fn seeds() -> Vec<Vec<u8>> {
    let Some(folder) = data::folder() else { return Vec::new() };
    let files = ["torture", "rfc5118", "messages", "sipp"]
        .into_iter()
        .flat_map(|name| data::files(&folder.join(name)));
    let messages = files.map(|path| fs::read(path).expect("message"));
    messages.filter(|message| message.len() <= MAX_SEED).collect()
}
