//! Which INVITEs are answered, and which are not.

use std::net::SocketAddr;

use ani_ebpf::{
    abi::number::Number,
    scan::{AniHeader, Attestation, NotPlain},
};
use etherparse::PacketBuilder;

use super::*;
use crate::{
    answer::Entries,
    capture::{Content, Frame, Hold, HoldState, LinkType, Transport, fixture},
    config::Config,
    invite::Invite as Shown,
    pipeline::Pipeline,
    policy::{BLOCK, Enforce as _, Listing, Verdict, memory::Memory},
    time::Timestamp,
};

const CALLER: &str = "+14155551234";

fn config(tables: &str) -> Arc<Config> {
    let text = format!(
        "[answers]\nper_source = '3 per 1s'\n\
         [[trunk]]\nname = 'a'\nsources = ['203.0.113.0/24']\ncountry = 'US'\n{tables}"
    );
    Arc::new(Config::parse(&text, "test").expect("a configuration"))
}

fn pipeline(tables: &str, tallies: &Arc<Tallies>) -> Pipeline {
    let config = config(tables);
    let rules = Arc::new(Memory::new(&config));
    let number = Number::from_ascii(&CALLER.as_bytes()[1..]).expect("digits");
    rules.list(&[Listing::number(BLOCK, number, None)]).expect("listed");
    Pipeline::new(config, rules, Arc::clone(tallies))
}

fn view(exit: Counter, first_exit: Counter, by: By) -> KernelView {
    KernelView {
        exit,
        first_exit,
        not_plain: None,
        ani: Number::from_ascii(&CALLER.as_bytes()[1..]).expect("digits"),
        ani_header: Some(AniHeader::From),
        attestation: Attestation::None,
        trunk: Some(0),
        by,
        held: None,
        ifindex: 7,
    }
}

fn invite(branch: &str) -> Vec<u8> {
    fixture::ethernet(&fixture::invite(CALLER, branch))
}

/// What becomes of the one INVITE of a frame: verdict, code and answer.
fn given(
    pipeline: &mut Pipeline,
    bytes: &[u8],
    kernel: Option<KernelView>,
) -> (Verdict, Option<u16>, Option<Reply>) {
    let content = Content::Link { link: LinkType::Ethernet, bytes, wire_len: bytes.len() as u32 };
    let arrived = Timestamp::new(1_700_000_000, 0);
    of(pipeline, &Frame { number: 1, arrived, content, reach: Reach::Answer, kernel })
}

fn of(pipeline: &mut Pipeline, frame: &Frame<'_>) -> (Verdict, Option<u16>, Option<Reply>) {
    let mut all = Vec::new();
    let mut take = |invite: Shown<'_>| {
        all.push((invite.verdict, invite.answer, invite.reply.map(|reply| *reply)));
    };
    pipeline.frame(frame, &mut take);
    pipeline.finish(&mut take);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn what_the_kernel_stopped_is_answered_each_time_alike() {
    let tallies = Arc::default();
    let mut pipeline = pipeline("[lists]\nanswer = '603'\n", &tallies);
    let by = By { list: BLOCK, ..By::default() };
    let first = view(Counter::DropBlocked, Counter::DropBlocked, by);
    let (verdict, code, reply) = given(&mut pipeline, &invite("b1"), Some(first));
    assert_eq!((verdict, code), (Verdict::Answer, Some(603)));
    let reply = reply.expect("an answer");
    assert_eq!(reply.to, "203.0.113.9:5060".parse().expect("an address"));
    assert_eq!(reply.wire.as_ref().map(|wire| wire.ifindex), Some(7));
    // Of a repeated one the kernel says only how the first ended.
    let again = view(Counter::DropRepeated, Counter::DropBlocked, By::default());
    let repeated = given(&mut pipeline, &invite("b1"), Some(again));
    assert_eq!(repeated, (Verdict::Answer, Some(603), Some(reply)));
    // One whose first was not seen has no rule that could say anything.
    let unknown = given(&mut pipeline, &invite("b2"), Some(again));
    assert_eq!(unknown, (Verdict::Drop, None, None));
    assert_eq!(given(&mut pipeline, &invite("b3"), Some(first)).0, Verdict::Answer);
    assert_eq!(given(&mut pipeline, &invite("b4"), Some(first)), (Verdict::Drop, None, None));
    assert_eq!(tallies.value(Tally::AnswersLimited), 1);
}

#[test]
fn a_limit_says_what_it_says_and_what_passes_is_not_answered() {
    let tallies = Arc::default();
    let tables = "[limits]\nper_caller = { calls = 1, within = '1h', answer = '480' }\n";
    let mut pipeline = pipeline(tables, &tallies);
    let by = By { limit: crate::config::PER_CALLER, ..By::default() };
    let over = view(Counter::DropLimited, Counter::DropLimited, by);
    let (verdict, code, _) = given(&mut pipeline, &invite("b1"), Some(over));
    assert_eq!((verdict, code), (Verdict::Answer, Some(480)));
    for exit in [Counter::Pass, Counter::PassNotPlain, Counter::PassRepeated, Counter::PassInDialog]
    {
        let view = view(exit, Counter::DropLimited, by);
        assert_eq!(given(&mut pipeline, &invite("b2"), Some(view)), (Verdict::Pass, None, None));
    }
    let blocked = By { list: BLOCK, ..By::default() };
    let silent = view(Counter::DropBlocked, Counter::DropBlocked, blocked);
    assert_eq!(given(&mut pipeline, &invite("b3"), Some(silent)), (Verdict::Drop, None, None));
}

#[test]
fn an_entry_is_heard_before_its_list() {
    let tallies = Arc::default();
    let entries = Arc::new(Entries::default());
    let mut pipeline =
        pipeline("[lists]\nanswer = '603'\n", &tallies).answering(Arc::clone(&entries));
    let by = By { list: BLOCK, ..By::default() };
    let view = view(Counter::DropBlocked, Counter::DropBlocked, by);
    let listing = Listing::number(BLOCK, view.ani, None);
    for (says, verdict, code) in
        [("607", Verdict::Answer, Some(607)), ("drop", Verdict::Drop, None)]
    {
        entries.set([(listing, says.parse().expect(says))], &crate::config::Answers::default());
        let (given, answer, _) = given(&mut pipeline, &invite(says), Some(view));
        assert_eq!((given, answer), (verdict, code), "{says}");
    }
}

/// One that was held is answered too, by what the full parser reads; one that was released already is
/// not.
#[test]
fn what_was_held_and_is_stopped_is_answered() {
    let tallies = Arc::default();
    let mut pipeline = pipeline("[lists]\nanswer = '603'\n", &tallies);
    let hold = Hold { number: 1, payload_at: 42, seen_ns: 9, state: HoldState::Open };
    let held = |state| KernelView {
        ani: Number::NONE,
        not_plain: Some(NotPlain::Folded),
        held: Some(Hold { state, ..hold }),
        ..view(Counter::Held, Counter::PassNotPlain, By::default())
    };
    let (verdict, code, first) = given(&mut pipeline, &invite("b2"), Some(held(HoldState::Open)));
    assert_eq!((verdict, code), (Verdict::Answer, Some(603)));
    let again = given(&mut pipeline, &invite("b2"), Some(held(HoldState::Open)));
    assert_eq!(again, (Verdict::Answer, Some(603), first));
    // What the SBC has now is its call: what is sent again goes there too.
    for (branch, state) in [("b1", HoldState::Late), ("b1", HoldState::Open)] {
        let given = given(&mut pipeline, &invite(branch), Some(held(state)));
        assert_eq!(given, (Verdict::Pass, None, None), "{state:?}");
    }
}

/// The same where rules in memory decide, as in a replay: only over UDP, from a trunk, whole, and not
/// what is only mirrored.
#[test]
fn nobody_else_is_answered() {
    let tallies = Arc::default();
    let mut pipeline = pipeline("[lists]\nanswer = '603'\n", &tallies);
    let (verdict, code, reply) = given(&mut pipeline, &invite("b1"), None);
    assert_eq!((verdict, code), (Verdict::Answer, Some(603)));
    assert_eq!(reply.and_then(|reply| reply.wire).map(|wire| wire.ifindex), Some(0));

    let message = fixture::invite(CALLER, "b2");
    let mut stranger = Vec::new();
    let packet =
        PacketBuilder::ethernet2([2; 6], [4; 6]).ipv4([192, 0, 2, 1], [198, 51, 100, 20], 9);
    packet.udp(5060, 5060).write(&mut stranger, &message).expect("memory");
    assert_eq!(given(&mut pipeline, &stranger, None), (Verdict::Pass, None, None));

    let src: SocketAddr = "203.0.113.9:5060".parse().expect("an address");
    let frame = |bytes, transport, reach| Frame {
        number: 1,
        arrived: Timestamp::new(1_700_000_000, 0),
        content: Content::Message { src, dst: src, transport, bytes },
        reach,
        kernel: None,
    };
    for (transport, reach) in [
        (Transport::Tcp, Reach::Answer),
        (Transport::Tls, Reach::Answer),
        (Transport::Udp, Reach::Stop),
        (Transport::Udp, Reach::Observe),
    ] {
        let (_, code, reply) = of(&mut pipeline, &frame(&message, transport, reach));
        assert_eq!((code, reply), (None, None), "{transport:?} {reach:?}");
    }
    let within = String::from_utf8_lossy(&message).replace("sbc.example>", "sbc.example>;tag=2");
    let (verdict, code, _) = given(&mut pipeline, &fixture::ethernet(within.as_bytes()), None);
    assert_eq!((verdict, code), (Verdict::Pass, None));
    assert_eq!(tallies.value(Tally::AnswersLimited), 0);

    // With a Via that cannot be answered it ends silently, and that is counted.
    let message = fixture::invite(CALLER, "b3");
    let doubtful = String::from_utf8_lossy(&message).replace("UDP h", "UDP h:0");
    let (verdict, code, _) = given(&mut pipeline, &fixture::ethernet(doubtful.as_bytes()), None);
    assert_eq!((verdict, code), (Verdict::Drop, None));
    assert_eq!(tallies.value(Tally::AnswersImpossible), 1);
}
