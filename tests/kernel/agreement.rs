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

use crate::harness::{CONFIG, FROM_ONLY, Harness, Run, STRANGER, US, US_V6, config_of, number};

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
    // All there are, and 0 for plain.
    assert!(reasons.len() == 15, "{reasons:?}");
    assert!(numbers > MESSAGES / 10, "{numbers}");
}

fn templates() -> Vec<Invite> {
    let mut long =
        Invite::from("+14155551234").pai("+12025550143").rpid("2125550100").attested('A');
    for header in 0..12 {
        long = long.line(&format!("X-Carrier-{header}: {}", "value ".repeat(header)));
    }
    long.body = 600;
    let mut named = Invite::from("+13105550100");
    named.from = "\"Alice Example\" <sip:+13105550100;npdi@gw.example;user=phone>;tag=77".into();
    named.to = "Bob <sip:8005550199@sbc.example;user=phone>;x=1".into();
    let mut tel = Invite::from("anonymous");
    tel.pai = Some("<tel:+442079460000;cpc=ordinary>".into());
    let mut bare = Invite::from("x");
    bare.from = "sip:4155551234@gw.example;tag=9".into();
    let mut in_dialog = Invite::from("+14155551234");
    in_dialog.to.push_str(";tag=b2");
    let mut sos = Invite::from("+14155551234");
    sos.uri = "urn:service:sos".into();
    vec![
        Invite::from("+14155551234"),
        Invite::from("+12015550123").attested('C'),
        Invite::from("anonymous").pai("01133145678901"),
        Invite::from("alice").line("Privacy: id"),
        Invite::from("12125550100").to("911"),
        Invite::from("+12065550111").line("Resource-Priority: ets.0, dsn.flash"),
        long,
        named,
        tel,
        bare,
        in_dialog,
        sos,
    ]
}

/// What hostile or merely odd senders put where it matters.
const TOKENS: &[&str] = &[
    "\r\n",
    "\r",
    "\n",
    "\0",
    " ",
    "\t",
    "\r\n ",
    "<",
    ">",
    "\"",
    "\\",
    ";",
    ":",
    ",",
    "@",
    "%31",
    "+",
    ";tag=",
    ";tag=x",
    ";phone-context=+1",
    "sip:",
    "sips:",
    "tel:",
    "urn:service:sos",
    "anonymous@",
    "From: <sip:+12025550111@h>;tag=2\r\n",
    "f: x\r\n",
    "To: <sip:a@b>\r\n",
    "P-Asserted-Identity: <tel:+12025550111>\r\n",
    "Remote-Party-ID: <sip:9@h>;party=called\r\n",
    "Identity: a.eyJhdHRlc3QiOiJB\r\n",
    "Resource-Priority: wps.1\r\n",
    "Call-ID : 2\r\n",
    "\r\n\r\n",
    "INVITE ",
    " SIP/2.0",
    "14155551234",
    "00442079460000",
    "\u{fc}",
    "\u{7f}",
];

/// Changes a message in one way.
fn mutate(message: &mut Vec<u8>, random: &mut Random) {
    // Most of what is decided stands early in the message and most of a long one does not.
    let near = message.len().min(600) + 1;
    let at = random.below(near).min(message.len());
    let len = random.below(24).min(message.len() - at);
    match random.below(10) {
        0 if at < message.len() => message[at] = random.byte(),
        1 if at < message.len() => message[at] ^= 0x20,
        2 => drop(message.drain(at..at + len)),
        3 => {
            let copy = message[at..at + len].to_vec();
            let to = random.below(near).min(message.len());
            message.splice(to..to, copy);
        }
        4 => line(message, random),
        5 => message.truncate(random.below(message.len() + 1)),
        6 if at < message.len() && message[at].is_ascii_digit() => {
            message[at] = b'0' + random.below(10) as u8;
        }
        7 => {
            let filler = *random.of(&["x", "X: y\r\n", " ", "9"]);
            let filler = filler.repeat(random.below(300)).into_bytes();
            message.splice(at..at, filler);
        }
        _ => {
            let token = *random.of(TOKENS);
            message.splice(at..at, token.bytes());
        }
    }
    // What a frame of Ethernet carries, and less than a message may be at most.
    message.truncate(3_000);
}

/// Doubles, drops or moves a whole line.
fn line(message: &mut Vec<u8>, random: &mut Random) {
    let mut lines: Vec<Vec<u8>> =
        message.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let taken = random.below(lines.len());
    let line = lines[taken].clone();
    match random.below(3) {
        0 => drop(lines.remove(taken)),
        1 => lines.insert(random.below(lines.len()), line),
        _ => {
            lines.remove(taken);
            lines.insert(random.below(lines.len() + 1), line);
        }
    }
    *message = lines.concat();
}
