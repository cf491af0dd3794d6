//! The worker's tests.

use std::{ops::Range, path::Path, sync::atomic::AtomicU32};

use ani_ebpf::abi::number::Number;

use super::*;
use crate::{
    answer::Wire,
    capture::{Content, Frame, LinkType, Reach, Transport, fixture},
    config,
    policy::{BLOCK, Enforce as _, Listing, lists::Span},
    store::Store,
    telemetry::Tallies,
    time::Timestamp,
};

/// An INVITE from nobody as often as it says.
struct Flood(usize);

impl Source for Flood {
    type Error = Infallible;

    fn frames(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), Infallible> {
        let address = ([192, 0, 2, 1], 5060).into();
        let content = Content::Message {
            src: address,
            dst: address,
            transport: Transport::Tls,
            bytes: b"INVITE sip:x@y SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nCall-ID: 1\r\n\r\n",
        };
        let arrived = Timestamp::new(1, 0);
        let frame = Frame { number: 1, arrived, content, reach: Reach::Observe, kernel: None };
        while let Some(left) = self.0.checked_sub(1) {
            self.0 = left;
            if each(&frame).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn worker(floods: &[usize]) -> (Worker, Arc<Telemetry>) {
    let config = Arc::new(Config::default());
    let rules = Arc::new(Memory::new(&config));
    let telemetry = Arc::new(Telemetry::new(1));
    let worker = Worker {
        sources: floods.iter().map(|count| Box::new(Flood(*count)) as Live).collect(),
        pipeline: Pipeline::new(config, rules, Arc::new(Tallies::default())),
        told: Told {
            telemetry: Arc::clone(&telemetry),
            breaker: Arc::new(Watch::new(config::Breaker::default())),
            tallies: Arc::default(),
            wire: None,
        },
        mailbox: Arc::default(),
        clock: Clock::new(),
        set: Settings::new(&Clock::new()),
        turns: Arc::default(),
        holding: None,
    };
    (worker, telemetry)
}

fn invites(telemetry: &Telemetry) -> u64 {
    telemetry.trunks().iter().map(|(_, figures)| figures.invites).sum()
}

/// Calls over trunk `carrier-a` that nobody but [`Memory`] decides: of callers `from` on, each
/// vouched for by the carrier or not.
struct Calls {
    callers: Range<u32>,
    vouched: bool,
}

impl Source for Calls {
    type Error = Infallible;

    fn frames(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), Infallible> {
        let verstat = if self.vouched { ";verstat=TN-Validation-Passed-A" } else { "" };
        let src = ([192, 0, 2, 1], 5060).into();
        for caller in self.callers.by_ref() {
            let call = CALLS.fetch_add(1, Ordering::Relaxed);
            let message = format!(
                "INVITE sip:+18005550100@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK{call}\r\n\
                 From: <sip:+1415{caller:07}@h{verstat}>;tag=1\r\nTo: <sip:+18005550100@h>\r\n\
                 Call-ID: {call}\r\nCSeq: 1 INVITE\r\n\r\n"
            );
            let bytes = message.as_bytes();
            let content = Content::Message { src, dst: src, transport: Transport::Udp, bytes };
            let arrived = Timestamp::new(1_700_000_000, 0);
            let frame = Frame { number: 1, arrived, content, reach: Reach::Answer, kernel: None };
            if each(&frame).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// So that no call looks like one before.
static CALLS: AtomicU32 = AtomicU32::new(0);

/// A daemon on rules in memory that stop +1 415 2xx xxxx, by a prefix.
fn daemon(directory: &Path) -> (Daemon, Arc<Memory>) {
    let text = "[[profile]]\nname = 'own'\n[[trunk]]\nname = 'carrier-a'\n\
                sources = ['192.0.2.0/24']\ncountry = 'US'\nprofile = 'own'\n";
    let config = Config::parse(text, "test").expect("a configuration");
    let memory = Arc::new(Memory::new(&config));
    let store = Store::open(directory).expect("a store");
    let daemon = Daemon::new(config, Arc::clone(&memory) as _, store, Arc::new(Clock::new()));
    daemon.restore().expect("restored");
    let prefix = Number::from_ascii(b"14152").expect("digits");
    let listing = Listing { span: Span::Prefix(prefix), ..Listing::number(BLOCK, prefix, None) };
    memory.list(&[listing]).expect("listed");
    (daemon, memory)
}

/// Runs calls through a worker; how many were stopped.
fn stopped(daemon: &Daemon, memory: &Arc<Memory>, sources: Vec<Live>) -> u64 {
    let dropped = || memory.counters().expect("counters").invites_dropped();
    let before = dropped();
    let mut worker = Worker {
        pipeline: Pipeline::new(daemon.config(), Arc::clone(memory), Arc::default()),
        ..Worker::new(sources, daemon, Arc::default(), None, Arc::default())
    };
    while worker.turn() {}
    dropped() - before
}

fn calls(callers: Range<u32>, vouched: bool) -> Live {
    Box::new(Calls { callers, vouched })
}

/// Callers that the prefix stops, and others.
const A_PREFIX: u32 = 2_000_000;
const GOOD: u32 = 5_000_000;

#[test]
fn a_prefix_that_stops_many_good_callers_goes_to_rest() {
    let directory = tempfile::tempdir().expect("a directory");
    let (daemon, memory) = daemon(directory.path());
    let good = || vec![calls(GOOD..GOOD + 18, true), calls(A_PREFIX..A_PREFIX + 12, true)];
    assert_eq!(stopped(&daemon, &memory, good()), 12);
    daemon.settle_rests(Timestamp::new(1_700_000_001, 0));
    assert_eq!(stopped(&daemon, &memory, good()), 0, "it only observes");
    // What else is written does not end the rest, its time does.
    daemon.set_limit(Some(None)).expect("a limit");
    daemon.reload(Config::clone(&daemon.config())).expect("reloaded");
    daemon.settle_rests(Timestamp::new(1_700_000_599, 0));
    assert_eq!(stopped(&daemon, &memory, good()), 0, "it still rests");
    daemon.settle_rests(Timestamp::new(1_700_000_601, 0));
    assert_eq!(stopped(&daemon, &memory, vec![calls(A_PREFIX..A_PREFIX + 3, true)]), 3);
}

#[test]
fn a_flood_of_strangers_that_a_prefix_stops_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let (daemon, memory) = daemon(directory.path());
    let sources = vec![calls(GOOD..GOOD + 30, true), calls(A_PREFIX..A_PREFIX + 20_000, false)];
    assert_eq!(stopped(&daemon, &memory, sources), 20_000);
    daemon.settle_rests(Timestamp::new(1_700_000_001, 0));
    let again = vec![calls(GOOD..GOOD + 30, true), calls(A_PREFIX..A_PREFIX + 1_000, false)];
    assert_eq!(stopped(&daemon, &memory, again), 1_000, "it stops them still");
}

/// Takes what is sent, or nothing.
struct Sink {
    takes: bool,
    sent: Arc<Mutex<Vec<Wire>>>,
}

impl Transmit for Sink {
    fn transmit(&self, wire: &Wire) -> std::io::Result<()> {
        if !self.takes {
            return Err(std::io::ErrorKind::WouldBlock.into());
        }
        self.sent.lock().expect("lock").push(wire.clone());
        Ok(())
    }
}

/// One frame with an INVITE of a caller that the prefix stops.
struct Once(Option<Vec<u8>>);

impl Source for Once {
    type Error = Infallible;

    fn frames(
        &mut self,
        each: &mut dyn FnMut(&Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), Infallible> {
        if let Some(bytes) = self.0.take() {
            let wire_len = bytes.len() as u32;
            let content = Content::Link { link: LinkType::Ethernet, bytes: &bytes, wire_len };
            let arrived = Timestamp::new(1_700_000_000, 0);
            let _ =
                each(&Frame { number: 1, arrived, content, reach: Reach::Answer, kernel: None });
        }
        Ok(())
    }
}

#[test]
fn answers_are_sent_and_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = "[lists]\nanswer = '603'\n[[trunk]]\nname = 'a'\n\
                sources = ['203.0.113.0/24']\ncountry = 'US'\n";
    let config = Config::parse(text, "test").expect("a configuration");
    let memory = Arc::new(Memory::new(&config));
    let number = Number::from_ascii(b"14155551234").expect("digits");
    memory.list(&[Listing::number(BLOCK, number, None)]).expect("listed");
    let store = Store::open(directory.path()).expect("a store");
    let daemon = Daemon::new(config, Arc::clone(&memory) as _, store, Arc::new(Clock::new()));
    let sent = Arc::default();
    let sink = |takes| Box::new(Sink { takes, sent: Arc::clone(&sent) }) as Box<dyn Transmit>;
    for (wire, counts) in [(Some(sink(true)), (1, 0)), (Some(sink(false)), (1, 1)), (None, (1, 2))]
    {
        let bytes = fixture::ethernet(&fixture::invite("+14155551234", "b1"));
        let sources = vec![Box::new(Once(Some(bytes))) as Live];
        let mut worker = Worker {
            pipeline: Pipeline::new(daemon.config(), Arc::clone(&memory), Arc::default()),
            ..Worker::new(sources, &daemon, Arc::default(), None, Arc::default())
        }
        .sending(wire);
        while worker.turn() {}
        let count = |tally| daemon.tallies.value(tally);
        assert_eq!((count(Tally::AnswersSent), count(Tally::AnswersUnsent)), counts);
    }
    assert_eq!(sent.lock().expect("lock").len(), 1);
}

#[test]
fn no_source_waits_for_another_ones_flood() {
    let (mut worker, telemetry) = worker(&[1_000_000, 3]);
    assert!(worker.turn());
    assert_eq!(invites(&telemetry), TURN as u64 + 3);
    let (mut worker, _) = self::worker(&[0, 0]);
    assert!(!worker.turn());
}

#[test]
fn what_was_there_before_the_stop_is_still_worked_on() {
    let (worker, telemetry) = worker(&[3 * TURN + 1, TURN]);
    worker.run(&AtomicBool::new(true));
    assert_eq!(invites(&telemetry), 4 * TURN as u64 + 1);
}
