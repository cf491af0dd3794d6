//! Which calls the breaker is told of, when, and for whom somebody vouches.

use std::sync::{Arc, Mutex};

use ani_ebpf::{abi::number::Number, scan::AniHeader};

use super::*;
use crate::{
    capture::{By, Content, Frame, Reach, Transport},
    config::{self, Config, countries},
    identity::Profile,
    pipeline::{Answer, Pipeline, Verifier, Whose},
    policy::{BLOCK, memory::Memory},
    stir::{self, Judgement},
    time::Timestamp,
};

const CALLER: &str = "14155551234";
const SIGNED_A: &str = "Identity: eyJhbGciOiJFUzI1NiJ9.eyJhdHRlc3QiOiJBIn0.c2ln;info=<https://c.example/1>;\
     alg=ES256;ppt=shaken\r\n";

/// Says what it was told to, and notes what is left to it.
struct Desk {
    outcome: stir::Outcome,
    left: Arc<Mutex<Vec<Option<Call>>>>,
}

impl Verifier for Desk {
    fn verify(&mut self, _: &stir::Call<'_>, whose: &Whose<'_>) -> Answer {
        self.left.lock().expect("lock").push(whose.attempt);
        let counts =
            !matches!(self.outcome, stir::Outcome::Pending | stir::Outcome::CertificatePending);
        Answer { judgement: Arc::new(Judgement::of(self.outcome)), counts }
    }
}

fn view(exit: Counter) -> KernelView {
    KernelView {
        ani: Number::from_ascii(CALLER.as_bytes()).expect("digits"),
        ani_header: Some(AniHeader::From),
        ..KernelView::of(exit, Some(0))
    }
}

/// What the breaker is told of a message with these headers, each time it comes; and what is left to
/// whoever verifies.
fn told(
    view: Option<KernelView>,
    headers: &str,
    profile: &str,
    outcome: stir::Outcome,
    times: usize,
) -> (Vec<Option<Call>>, Vec<Option<Call>>) {
    let profile = Profile { name: profile.to_owned(), ..Profile::generic() };
    let sources = vec!["192.0.2.1/32".parse().expect("network")];
    let trunk = config::Trunk::new("carrier-a".to_owned(), sources, profile, countries::find("US"));
    let stir = config::Stir { anchors: Some("/anchors".into()), ..config::Stir::default() };
    let config = Arc::new(Config { trunks: vec![trunk].into(), stir, ..Config::default() });
    let rules = Arc::new(Memory::new(&config));
    let left = Arc::new(Mutex::default());
    let desk = Desk { outcome, left: Arc::clone(&left) };
    let mut pipeline = Pipeline::new(config, rules, Arc::default()).verifying(Box::new(desk));
    let message = format!(
        "INVITE sip:+12125550100@sbc.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
         Call-ID: 1\r\nCSeq: 1 INVITE\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    let mut told = Vec::new();
    for _ in 0..times {
        let address = ([192, 0, 2, 1], 5060).into();
        let reach = if view.is_some() { Reach::Answer } else { Reach::Observe };
        let frame = Frame {
            number: 1,
            arrived: Timestamp::new(7, 0),
            content: Content::Message {
                src: address,
                dst: address,
                transport: Transport::Udp,
                bytes: message.as_bytes(),
            },
            reach,
            kernel: view,
        };
        pipeline.frame(&frame, &mut |invite| told.push(invite.attempt));
    }
    let left = left.lock().expect("lock").clone();
    (told, left)
}

fn from(parameters: &str) -> String {
    format!("From: <sip:+{CALLER}@h{parameters}>;tag=1\r\nTo: <sip:+12125550100@h>\r\n")
}

fn call(outcome: Outcome, vouched: bool) -> Call {
    Call { trunk: 0, caller: view(Counter::Pass).ani, vouched, outcome }
}

#[test]
fn it_is_told_once_of_what_the_kernel_decided_by_lists_and_limits() {
    let by = |by| move |exit| KernelView { by, ..view(exit) };
    let blocked = |list, ranged| by(By { list, ranged, ..By::default() })(Counter::DropBlocked);
    let limited = by(By { limit: 3, list: 3, ..By::default() })(Counter::DropLimited);
    let stopped = |by, watched| Some(call(Outcome::Stopped { by, watched }, false));
    let passed = Some(call(Outcome::Passed, false));
    let cases = [
        (view(Counter::Pass), passed),
        (view(Counter::PassAllowed), passed),
        (view(Counter::PassGray), passed),
        (view(Counter::PassLimitFull), passed),
        // An exact number is what an operator wants; a prefix, a feed or a limit may be a mistake.
        (blocked(BLOCK, false), stopped(Stopper::List(BLOCK), false)),
        (blocked(BLOCK, true), stopped(Stopper::List(BLOCK), true)),
        (blocked(4, false), stopped(Stopper::List(4), true)),
        (limited, stopped(Stopper::Limit(3), true)),
        (view(Counter::PassRepeated), None),
        (view(Counter::DropRepeated), None),
        (view(Counter::PassInDialog), None),
        (view(Counter::PassPriority), None),
        (view(Counter::PassNotPlain), None),
        (KernelView { trunk: None, ..view(Counter::PassUntrusted) }, None),
        (KernelView { ani: Number::NONE, ..view(Counter::PassNoAni) }, None),
    ];
    for (view, expected) in cases {
        let (told, _) = told(Some(view), &from(""), "generic", stir::Outcome::Valid, 2);
        // The second one is a repetition, whether the kernel remembers it or not.
        assert_eq!(told, [expected, None], "{view:?}");
    }
    let (mirrored, _) = told(None, &from(""), "generic", stir::Outcome::Valid, 1);
    assert_eq!(mirrored, [None]);
}

#[test]
fn a_carrier_vouches_where_a_profile_of_his_takes_his_word() {
    let pass = Some(view(Counter::Pass));
    let vouched = |headers: &str, profile| {
        let (told, _) = told(pass, headers, profile, stir::Outcome::Valid, 1);
        told[0].expect("a call").vouched
    };
    let verstat = from(";verstat=TN-Validation-Passed-A");
    assert!(vouched(&verstat, "carrier"));
    assert!(!vouched(&verstat, "generic"), "anybody may have written it");
    assert!(!vouched(&from(";verstat=TN-Validation-Passed-B"), "carrier"));
    assert!(!vouched(&from(";verstat=TN-Validation-Failed"), "carrier"));
    assert!(!vouched(&from(""), "carrier"));
    // The kernel has looked up another one than the carrier vouches for.
    let other = KernelView {
        ani: Number::from_ascii(b"14155559999").expect("digits"),
        ..view(Counter::Pass)
    };
    let (told, _) = told(Some(other), &verstat, "carrier", stir::Outcome::Valid, 1);
    assert_eq!(told[0].map(|call| call.vouched), Some(false));
}

#[test]
fn a_claim_counts_when_the_signature_holds_and_is_told_when_that_is_known() {
    let by = Stopper::List(9);
    let stopped = Outcome::Stopped { by, watched: true };
    let view = KernelView { by: By { list: 9, ..By::default() }, ..view(Counter::DropBlocked) };
    let signed = from("") + SIGNED_A;
    for (outcome, expected) in [
        (stir::Outcome::Valid, Some(call(stopped, true))),
        (stir::Outcome::Stale, Some(call(stopped, false))),
        (stir::Outcome::PoolFull, Some(call(stopped, false))),
        (stir::Outcome::Pending, None),
        (stir::Outcome::CertificatePending, None),
    ] {
        let (told, left) = told(Some(view), &signed, "generic", outcome, 1);
        assert_eq!((told, left), (vec![expected], vec![Some(call(stopped, false))]), "{outcome:?}");
    }
    // Who claims less than A, or is vouched for already, is told of at once.
    let claimed_b = signed.replace("eyJhdHRlc3QiOiJBIn0", "eyJhdHRlc3QiOiJCIn0");
    let carrier = from(";verstat=TN-Validation-Passed-A") + SIGNED_A;
    for (headers, vouched) in [(claimed_b, false), (carrier, true)] {
        let (told, left) = told(Some(view), &headers, "carrier", stir::Outcome::Pending, 1);
        assert_eq!((told, left), (vec![Some(call(stopped, vouched))], vec![None]), "{headers}");
    }
}
