//! Calls that are refused for their signatures, at once and when those are known.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering},
};

use ani_ebpf::{
    abi::number::Number,
    scan::{AniHeader, Attestation, NotPlain},
};

use super::*;
use crate::{
    capture::{By, Content, Frame, Hold, HoldState, LinkType, fixture},
    config::Config,
    pipeline::{Answer, Pipeline, Verifier, Whose},
    policy::{ALLOW, BLOCK, Enforce as _, Listing, Verdict, memory::Memory},
    stir::{Call, Judged as Passport, Judgement, results::Key},
    telemetry::Tallies,
    time::Timestamp,
};

const CALLER: &str = "+14155551234";
const SIGNED: &str = "Identity: e30.e30.c2ln;info=<https://c.example/1>;ppt=shaken\r\n";

/// Says what it is told to, and notes by what it is to say more.
#[derive(Clone)]
struct Desk {
    says: Arc<Mutex<Outcome>>,
    key: Arc<Mutex<Option<Key>>>,
}

impl Verifier for Desk {
    fn verify(&mut self, _: &Call<'_>, whose: &Whose<'_>) -> Answer {
        *self.key.lock().expect("lock") = whose.key;
        let outcome = *self.says.lock().expect("lock");
        let counts = !matches!(outcome, Outcome::Pending | Outcome::CertificatePending);
        Answer { judgement: judgement(outcome), counts }
    }
}

fn judgement(outcome: Outcome) -> Arc<Judgement> {
    let passport = Passport { ppi: Some("sq-G_r".into()), ..Passport::of(outcome) };
    Arc::new(Judgement { passports: vec![passport], ..Judgement::of(outcome) })
}

struct Right(Arc<AtomicBool>);

impl Time for Right {
    fn is_right(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Bench {
    pipeline: Pipeline,
    rules: Arc<Memory>,
    desk: Desk,
    time: Arc<AtomicBool>,
    tallies: Arc<Tallies>,
}

/// What a record says of a call: verdict, code, rule, how it was held, what was observed.
type Said = (Verdict, Option<u16>, Option<String>, Option<HeldAs>, Vec<String>);

impl Bench {
    fn new(keys: &str) -> Self {
        let text = format!(
            "[stir]\nanchors = '/anchors'\n[[trunk]]\nname = 'a'\n\
             sources = ['203.0.113.0/24']\ncountry = 'US'\n{keys}"
        );
        let mut config = Config::parse(&text, "test").expect("a configuration");
        config.hold.max = 2;
        let config = Arc::new(config);
        let rules = Arc::new(Memory::new(&config));
        let desk =
            Desk { says: Arc::new(Mutex::new(Outcome::Valid)), key: Arc::new(Mutex::new(None)) };
        let tallies = Arc::new(Tallies::default());
        let time = Arc::new(AtomicBool::new(true));
        let pipeline = Pipeline::new(config, Arc::clone(&rules), Arc::clone(&tallies))
            .verifying(Box::new(desk.clone()))
            .timed_by(Box::new(Right(Arc::clone(&time))));
        Self { pipeline, rules, desk, time, tallies }
    }

    fn list(&self, list: u8) {
        let number = Number::from_ascii(&CALLER.as_bytes()[1..]).expect("digits");
        self.rules.list(&[Listing::number(list, number, None)]).expect("listed");
    }

    fn says(&self, outcome: Outcome) {
        *self.desk.says.lock().expect("lock") = outcome;
    }

    fn key(&self) -> Key {
        self.desk.key.lock().expect("lock").expect("something depends on it")
    }

    /// What becomes of a call with these headers that the program saw so; none where it waits.
    fn call(&mut self, headers: &str, view: Option<KernelView>) -> Option<Said> {
        self.call_by("b1", headers, view)
    }

    /// The same in a transaction of its own.
    fn call_by(&mut self, branch: &str, headers: &str, view: Option<KernelView>) -> Option<Said> {
        let text = String::from_utf8(fixture::invite(CALLER, branch)).expect("text");
        let text = text.replacen("Call-ID:", &format!("{headers}Call-ID:"), 1);
        let bytes = fixture::ethernet(text.as_bytes());
        let wire_len = bytes.len() as u32;
        let content = Content::Link { link: LinkType::Ethernet, bytes: &bytes, wire_len };
        let arrived = Timestamp::new(1_700_000_000, 0);
        let frame = Frame { number: 1, arrived, content, reach: Reach::Answer, kernel: view };
        let mut found = None;
        self.pipeline.frame(&frame, &mut |invite| found = Some(said(&invite)));
        found
    }

    fn judged(&mut self, key: Key, outcome: Outcome) -> Option<Said> {
        let mut found = None;
        let each = &mut |invite: crate::invite::Invite<'_>| found = Some(said(&invite));
        self.pipeline.judged(key, &judgement(outcome), each);
        found
    }

    fn late(&mut self, number: u64) -> Option<Said> {
        let mut found = None;
        self.pipeline.late(number, &mut |invite| found = Some(said(&invite)));
        found
    }

    fn tally(&self, tally: Tally) -> u64 {
        self.tallies.value(tally)
    }
}

fn said(invite: &crate::invite::Invite<'_>) -> Said {
    let observed = invite.observed.iter().map(|rule| (*rule).to_owned()).collect();
    assert_eq!(invite.reply.is_some(), invite.answer.is_some());
    (invite.verdict, invite.answer, invite.rule.map(str::to_owned), invite.held, observed)
}

fn passed(held: Option<HeldAs>) -> Option<Said> {
    Some((Verdict::Pass, None, None, held, vec![]))
}

fn refused(code: u16, rule: &str) -> Option<Said> {
    Some((Verdict::Answer, Some(code), Some(rule.to_owned()), Some(HeldAs::Decided), vec![]))
}

/// Plain and held, with this number.
fn held(number: u64) -> Option<KernelView> {
    let state = HoldState::Open;
    Some(KernelView {
        first_exit: Counter::Pass,
        ani: Number::from_ascii(&CALLER.as_bytes()[1..]).expect("digits"),
        ani_header: Some(AniHeader::From),
        attestation: Attestation::A,
        held: Some(Hold { number, payload_at: 42, seen_ns: 9, state }),
        ifindex: 3,
        ..KernelView::of(Counter::Held, Some(0))
    })
}

/// The same of one that is not plain.
fn folded(number: u64) -> Option<KernelView> {
    held(number).map(|view| KernelView {
        first_exit: Counter::PassNotPlain,
        not_plain: Some(NotPlain::Folded),
        ani: Number::NONE,
        ani_header: None,
        ..view
    })
}

const FAILED: &str = "refuse = ['failed', 'no-identity']\nrefuse_mode = 'enforce'\n";

#[test]
fn what_is_known_is_refused_at_once() {
    for (outcome, code) in [
        (Outcome::Stale, 403),
        (Outcome::OrigMismatch, 438),
        (Outcome::InfoMissing, 436),
        (Outcome::CertificateRevoked, 437),
    ] {
        for view in [held, folded] {
            let mut bench = Bench::new(FAILED);
            bench.says(outcome);
            let rule = format!("stir:{}", outcome.as_str());
            assert_eq!(bench.call(SIGNED, view(1)), refused(code, &rule));
            // The same call again, by the program's memory.
            let again = KernelView {
                exit: Counter::DropRepeated,
                first_exit: Counter::Held,
                held: None,
                ..view(1).expect("a view")
            };
            let expected = Some((Verdict::Answer, Some(code), Some(rule), None, vec![]));
            assert_eq!(bench.call(SIGNED, Some(again)), expected);
        }
    }
    let mut bench = Bench::new(FAILED);
    assert_eq!(bench.call("", held(1)), refused(428, "stir:no-identity"));
    assert_eq!(bench.call(SIGNED, held(2)), passed(Some(HeldAs::Decided)));
    // What could not be found out is nobody's fault.
    bench.says(Outcome::FetchTimeout);
    assert_eq!(bench.call(SIGNED, held(3)), passed(Some(HeldAs::Decided)));
}

#[test]
fn a_capture_says_what_would_become_of_it() {
    let mut bench = Bench::new(FAILED);
    bench.says(Outcome::SignatureInvalid);
    let expected = |rule: Option<&str>| {
        let rule = rule.map(str::to_owned);
        Some((Verdict::Answer, Some(438), rule, None, vec![]))
    };
    assert_eq!(bench.call(SIGNED, None), expected(Some("stir:signature-invalid")));
    assert_eq!(bench.call(SIGNED, None), expected(Some("stir:signature-invalid")));
}

#[test]
fn lists_go_before_signatures() {
    let mut bench = Bench::new(FAILED);
    bench.says(Outcome::SignatureInvalid);
    bench.list(ALLOW);
    let allowed = |held| Some((Verdict::Pass, None, Some("list:allow".to_owned()), held, vec![]));
    assert_eq!(bench.call(SIGNED, folded(1)), allowed(Some(HeldAs::Decided)));
    let view = held(1).map(|view| KernelView {
        exit: Counter::PassAllowed,
        first_exit: Counter::PassAllowed,
        by: By { list: ALLOW, ..By::default() },
        held: None,
        ..view
    });
    assert_eq!(bench.call(SIGNED, view), allowed(None));

    let mut bench = Bench::new(FAILED);
    bench.says(Outcome::Pending);
    bench.list(BLOCK);
    let blocked = Some("list:block".to_owned());
    let expected = Some((Verdict::Drop, None, blocked, Some(HeldAs::Decided), vec![]));
    assert_eq!(bench.call(SIGNED, folded(1)), expected, "it has nothing to wait for");
}

#[test]
fn what_is_observed_is_only_told() {
    let mut bench = Bench::new("refuse = ['failed']\nrefuse_mode = 'observe'\n");
    bench.says(Outcome::SignatureInvalid);
    let view = held(1).map(|view| KernelView { exit: Counter::Pass, held: None, ..view });
    let observed = vec!["stir:signature-invalid".to_owned()];
    assert_eq!(bench.call(SIGNED, view), Some((Verdict::Pass, None, None, None, observed)));
    bench.says(Outcome::Pending);
    let expected = passed(Some(HeldAs::Decided));
    assert_eq!(bench.call(SIGNED, folded(2)), expected, "nothing waits");
}

#[test]
fn what_is_not_known_yet_is_waited_for() {
    for view in [held, folded] {
        let mut bench = Bench::new(FAILED);
        bench.says(Outcome::CertificatePending);
        assert_eq!(bench.call(SIGNED, view(7)), None);
        assert_eq!(bench.pipeline.begun().iter().map(|hold| hold.number).collect::<Vec<_>>(), [7]);
        assert!(bench.pipeline.begun().is_empty());
        let key = bench.key();
        // Sent again meanwhile: one call.
        let repeated = Some((Verdict::Drop, None, None, Some(HeldAs::Repeated), vec![]));
        assert_eq!(bench.call(SIGNED, view(8)), repeated);
        assert!(bench.pipeline.begun().is_empty());
        // With another signature it is another one.
        let other = SIGNED.replace("c2ln", "c2lm");
        assert_eq!(bench.call(&other, view(9)), None);
        let other_key = bench.key();
        assert_ne!(key, other_key);
        assert_eq!(bench.judged(key, Outcome::Valid), passed(Some(HeldAs::Decided)));
        assert_eq!(bench.judged(key, Outcome::Valid), None, "once");
        let expected = refused(438, "stir:orig-mismatch");
        assert_eq!(bench.judged(other_key, Outcome::OrigMismatch), expected);
    }
}

/// Another branch of a fork has the same signature, and is a transaction of its own.
#[test]
fn branches_of_a_fork_wait_together() {
    let mut bench = Bench::new(FAILED);
    bench.says(Outcome::Pending);
    for (branch, number) in [("b1", 1), ("b2", 2)] {
        assert_eq!(bench.call_by(branch, SIGNED, held(number)), None);
    }
    let key = bench.key();
    let mut decided = Vec::new();
    bench.pipeline.judged(key, &judgement(Outcome::OrigMismatch), &mut |invite| {
        decided.push((invite.hold.map(|hold| hold.number), invite.answer));
    });
    assert_eq!(decided, [(Some(1), Some(438)), (Some(2), Some(438))]);
    // One alone goes on, and the other is still decided.
    for (branch, number) in [("b3", 3), ("b4", 4)] {
        assert_eq!(bench.call_by(branch, SIGNED, held(number)), None);
    }
    assert_eq!(bench.late(3), passed(Some(HeldAs::Late)));
    assert_eq!(bench.judged(key, Outcome::Valid), passed(Some(HeldAs::Decided)));
}

#[test]
fn emergency_and_priority_calls_wait_for_nothing() {
    let mut bench = Bench::new(FAILED);
    bench.says(Outcome::OrigMismatch);
    let urgent = format!("{SIGNED}Resource-Priority: ets.0\r\n");
    assert_eq!(bench.call(&urgent, held(1)), passed(Some(HeldAs::Decided)));
    bench.says(Outcome::Pending);
    assert_eq!(bench.call(&urgent, held(1)), passed(Some(HeldAs::Decided)));
}

#[test]
fn what_waits_too_long_or_beside_too_many_passes() {
    let mut bench = Bench::new(FAILED);
    bench.says(Outcome::Pending);
    let signed = |last: char| SIGNED.replace("c2ln", &format!("c2l{last}"));
    assert_eq!(bench.call(&signed('a'), held(1)), None);
    let first = bench.key();
    assert_eq!(bench.call(&signed('b'), held(2)), None);
    assert_eq!(bench.call(&signed('c'), held(3)), passed(Some(HeldAs::Full)));
    assert_eq!(bench.late(1), passed(Some(HeldAs::Late)));
    assert_eq!(bench.judged(first, Outcome::OrigMismatch), None, "it has gone");
    assert_eq!(bench.call(&signed('d'), held(4)), None, "there is room again");
    let mut ended = Vec::new();
    bench
        .pipeline
        .finish(&mut |invite| ended.push((invite.hold.map(|hold| hold.number), invite.held)));
    assert_eq!(ended, [(Some(2), Some(HeldAs::Late)), (Some(4), Some(HeldAs::Late))]);
}

#[test]
fn nobody_is_refused_by_a_clock_that_may_be_wrong() {
    let mut bench = Bench::new(FAILED);
    bench.time.store(false, Ordering::Relaxed);
    for (outcome, clock) in [(Outcome::Stale, 1), (Outcome::Future, 2)] {
        bench.says(outcome);
        assert_eq!(bench.call(SIGNED, held(1)), passed(Some(HeldAs::Decided)));
        assert_eq!(bench.tally(Tally::RefuseClock), clock);
    }
    bench.says(Outcome::OrigMismatch);
    assert_eq!(bench.call(SIGNED, held(1)), refused(438, "stir:orig-mismatch"));
}

#[test]
fn what_could_not_be_held_passes_and_is_counted() {
    let mut bench = Bench::new(FAILED);
    bench.says(Outcome::OrigMismatch);
    let by = held(1).map(|view| KernelView { exit: Counter::Pass, held: None, ..view });
    assert_eq!(bench.call(SIGNED, by), passed(None));
    assert_eq!(bench.tally(Tally::RefuseMissed), 1);
    let within = by.map(|view| KernelView {
        exit: Counter::PassInDialog,
        first_exit: Counter::PassInDialog,
        ..view
    });
    let verdict = bench.call(SIGNED, within).expect("a record").0;
    assert_eq!((verdict, bench.tally(Tally::RefuseMissed)), (Verdict::Pass, 1));
}
