//! Frames that the kernel has decided, and memory that ends.

use std::net::SocketAddr;

use ani_ebpf::{
    abi::{list::Rule, number::Number},
    scan::{AniHeader, Attestation, NotPlain},
};

use super::*;
use crate::{
    capture::{By, Content, Hold, HoldState, LinkType, fixture},
    config,
    identity::Profile,
    invite::{AniStatus, HeldAs},
    policy::{ALLOW, BLOCK, Listing, breaker::Stopper},
    telemetry::spoken::Did,
    time::Timestamp,
};

fn pipeline() -> Pipeline {
    let config = Arc::new(Config {
        capture: Config::default().capture,
        control: Config::default().control,
        store: config::Store { path: "".into() },
        profiles: Vec::new(),
        trunks: vec![config::Trunk::new(
            "carrier-a".to_owned(),
            vec!["192.0.2.0/24".parse().expect("network")],
            Profile { ani: vec![AniHeader::From], ..Profile::generic() },
            None,
        )]
        .into(),
        limits: config::Limits { per_caller: None, named: config::Numbered::default() },
        lists: config::Lists { max_entries: 1, max_limited: 1, max_attempts: 0 },
        list: config::Numbered::default(),
        hold: config::Hold::default(),
        answers: config::Answers::default(),
        breaker: config::Breaker::default(),
        emergency: config::Emergency { numbers: Vec::new() },
        stir: config::Stir::default(),
        telemetry: config::Telemetry { max_callers: 1 },
    });
    let rules = Arc::new(Memory::new(&config));
    Pipeline::new(config, rules, Arc::default())
}

/// Looks at the one INVITE of a frame.
fn check(pipeline: &mut Pipeline, frame: &Frame<'_>, look: impl Fn(Invite<'_>)) {
    let mut invites = 0;
    pipeline.frame(frame, &mut |invite| {
        invites += 1;
        look(invite);
    });
    assert_eq!(invites, 1);
}

fn frame(bytes: &[u8], kernel: Option<KernelView>) -> Frame<'_> {
    Frame {
        number: 7,
        arrived: Timestamp::new(1, 0),
        content: Content::Link { link: LinkType::Ethernet, bytes, wire_len: bytes.len() as u32 },
        reach: Reach::Answer,
        kernel,
    }
}

#[test]
fn what_the_kernel_decided_stands() {
    let bytes = fixture::ethernet(&fixture::invite("+14155551234", "b1"));
    let view = KernelView {
        exit: Counter::DropRepeated,
        first_exit: Counter::DropLimited,
        not_plain: None,
        ani: Number::from_ascii(b"14155551234").expect("digits"),
        ani_header: Some(AniHeader::From),
        attestation: Attestation::B,
        trunk: Some(0),
        by: crate::capture::By::default(),
        held: None,
        ifindex: 0,
    };
    let mut pipeline = pipeline();
    check(&mut pipeline, &frame(&bytes, Some(view)), |invite| {
        // The first was not seen.
        assert_eq!((invite.verdict, invite.rule), (Verdict::Drop, Some("limit:?")));
        assert_eq!(invite.trunk.as_deref(), Some("carrier-a"));
        assert_eq!(invite.ani_status, AniStatus::Ok);
        assert_eq!(invite.reach, Reach::Answer);
        let kernel = crate::invite::Kernel {
            plain: true,
            not_plain: None,
            ani: Some("+14155551234".into()),
            attestation: "B",
            lists: None,
            rule: None,
        };
        assert_eq!(invite.kernel, kernel);
    });

    let view = KernelView {
        exit: Counter::PassNotPlain,
        first_exit: Counter::PassNotPlain,
        not_plain: Some(NotPlain::Folded),
        ani: Number::NONE,
        ..view
    };
    check(&mut pipeline, &frame(&bytes, Some(view)), |invite| {
        assert_eq!((invite.verdict, invite.rule), (Verdict::Pass, None));
        assert!(invite.retransmission);
        assert_eq!((invite.kernel.plain, invite.kernel.not_plain), (false, Some("folded")));
    });
}

#[test]
fn what_the_kernel_left_undecided_is_held_against_the_lists() {
    let bytes = fixture::ethernet(&fixture::invite("+14155551234", "b1"));
    let view = KernelView {
        exit: Counter::PassNotPlain,
        first_exit: Counter::PassNotPlain,
        not_plain: Some(NotPlain::Folded),
        ani: Number::NONE,
        ani_header: None,
        attestation: Attestation::None,
        trunk: Some(0),
        by: crate::capture::By::default(),
        held: None,
        ifindex: 0,
    };
    let mut pipeline = pipeline();
    let tallies = Arc::clone(&pipeline.analysis.tallies);
    let mut lists = |expected: Option<&'static str>, rule: Option<&str>, observed: &[&str]| {
        check(&mut pipeline, &frame(&bytes, Some(view)), |invite| {
            assert_eq!((invite.verdict, invite.rule), (Verdict::Pass, None));
            assert_eq!((invite.kernel.lists, invite.kernel.rule), (expected, rule));
            assert_eq!(invite.observed, observed);
        });
        Arc::clone(&pipeline.analysis.rules)
    };
    let rules = lists(None, None, &[]);
    let number = Number::from_ascii(b"14155551234").expect("digits");
    rules.list(&[Listing::number(BLOCK, number, None)]).expect("memory takes all");
    lists(Some("block"), Some("list:block"), &[]);
    assert_eq!(tallies.value(crate::telemetry::Tally::UndecidedBlocked), 1);
    rules.set_rules(&[(BLOCK, Rule::new(Action::Block, true))]).expect("memory takes all");
    lists(None, None, &["list:block"]);
    assert_eq!(tallies.value(crate::telemetry::Tally::UndecidedBlocked), 1);
}

#[test]
fn what_is_held_is_decided_by_what_the_full_parser_reads() {
    let bytes = fixture::ethernet(&fixture::invite("+14155551234", "b1"));
    let held = Hold { number: 7, payload_at: 42, seen_ns: 9, state: HoldState::Open };
    let view = KernelView {
        exit: Counter::Held,
        first_exit: Counter::PassNotPlain,
        not_plain: Some(NotPlain::Folded),
        ani: Number::NONE,
        ani_header: None,
        attestation: Attestation::None,
        trunk: Some(0),
        by: crate::capture::By::default(),
        held: Some(held),
        ifindex: 3,
    };
    let mut pipeline = pipeline();
    let mut say = |state, expected: (Verdict, Option<&str>, Option<HeldAs>)| {
        let view = KernelView { held: Some(Hold { state, ..held }), ..view };
        check(&mut pipeline, &frame(&bytes, Some(view)), |invite| {
            assert_eq!((invite.verdict, invite.rule, invite.held), expected);
            assert_eq!(invite.hold.map(|hold| hold.number), Some(7));
            assert_eq!(invite.kernel.not_plain, Some("folded"));
        });
        Arc::clone(&pipeline.analysis.rules)
    };
    let rules = say(HoldState::Open, (Verdict::Pass, None, Some(HeldAs::Decided)));
    let number = Number::from_ascii(b"14155551234").expect("digits");
    rules.list(&[Listing::number(BLOCK, number, None)]).expect("memory takes all");
    say(HoldState::Open, (Verdict::Drop, Some("list:block"), Some(HeldAs::Decided)));
    // What was released already can no longer be stopped; the record says what lists would have said.
    say(HoldState::Late, (Verdict::Pass, None, Some(HeldAs::Late)));
    say(HoldState::Full, (Verdict::Pass, None, Some(HeldAs::Full)));
    say(HoldState::Old, (Verdict::Drop, None, Some(HeldAs::Old)));
    rules.unlist(&[Listing::number(BLOCK, number, None)]).expect("memory takes all");
    rules.list(&[Listing::number(ALLOW, number, None)]).expect("memory takes all");
    say(HoldState::Open, (Verdict::Pass, Some("list:allow"), Some(HeldAs::Decided)));
}

#[test]
fn in_a_capture_what_is_not_plain_is_decided_as_if_it_had_been_held() {
    let text = String::from_utf8(fixture::invite("+14155551234", "b1")).expect("text");
    let folded = text.replace("From: ", "From:\r\n ");
    assert_ne!(folded, text);
    let mut bytes = fixture::ethernet(folded.as_bytes());
    // From an address of the trunk.
    bytes[26..30].copy_from_slice(&[192, 0, 2, 1]);
    let mut pipeline = pipeline();
    let number = Number::from_ascii(b"14155551234").expect("digits");
    let mut say = |expected| {
        check(&mut pipeline, &frame(&bytes, None), |invite| {
            assert_eq!((invite.verdict, invite.rule, invite.held), expected);
        });
        Arc::clone(&pipeline.analysis.rules)
    };
    let rules = say((Verdict::Pass, None, Some(HeldAs::Decided)));
    rules.list(&[Listing::number(BLOCK, number, None)]).expect("memory takes all");
    say((Verdict::Drop, Some("list:block"), Some(HeldAs::Decided)));
    let mut config = Config::clone(&pipeline.analysis.config);
    config.hold.not_plain = false;
    let rules = Arc::clone(&pipeline.analysis.rules);
    pipeline.reconfigure(Arc::new(config), rules);
    check(&mut pipeline, &frame(&bytes, None), |invite| {
        assert_eq!((invite.verdict, invite.held), (Verdict::Pass, None));
        assert_eq!(invite.kernel.lists, Some("block"));
    });
}

#[test]
fn who_decided_is_told_by_name_of_repeated_invites_too() {
    let bytes = fixture::ethernet(&fixture::invite("+14155551234", "b1"));
    let by = By { limit: 2, observed_list: 4, ..By::default() };
    let first = KernelView {
        exit: Counter::DropLimited,
        first_exit: Counter::DropLimited,
        not_plain: None,
        ani: Number::from_ascii(b"14155551234").expect("digits"),
        ani_header: Some(AniHeader::From),
        attestation: Attestation::None,
        trunk: Some(0),
        by,
        held: None,
        ifindex: 0,
    };
    // The kernel has looked into the lists again, and says nothing of limits.
    let by = By { list: 3, ..By::default() };
    let again = KernelView { exit: Counter::DropRepeated, by, ..first };
    let text = "[[trunk]]\nname = 'carrier-a'\nsources = ['192.0.2.0/24']\n\
                [[limit]]\nname = 'tight'\ncalls = 1\nwithin = '1m'\nper = ['called']\n\
                [[list]]\nname = 'spam'\naction = 'block'\n";
    let config = Config::parse(text, "test").expect("a configuration");
    let mut pipeline = pipeline();
    let tallies = Arc::clone(&pipeline.analysis.tallies);
    let rules = Arc::new(Memory::new(&config));
    pipeline.reconfigure(Arc::new(config.clone()), Arc::clone(&rules));
    for view in [first, again, again] {
        check(&mut pipeline, &frame(&bytes, Some(view)), |invite| {
            assert_eq!((invite.verdict, invite.rule), (Verdict::Drop, Some("limit:tight")));
            assert_eq!(invite.observed, ["list:spam"]);
        });
    }
    let decided = |who| tallies.spoken.value(who, Did::Decided);
    assert_eq!((decided(Stopper::Limit(2)), decided(Stopper::List(3))), (1, 0), "counted once");
    // One that is decided anew is what it is now; and who is gone has no name.
    let after = Config::parse("", "test").map(|empty| empty.after(&config).expect("numbers"));
    pipeline.reconfigure(Arc::new(after.expect("a configuration")), rules);
    let exit = Counter::DropBlocked;
    let anew = KernelView { exit, first_exit: exit, by: By { list: 4, ..By::default() }, ..first };
    for view in [anew, KernelView { first_exit: exit, ..again }] {
        check(&mut pipeline, &frame(&bytes, Some(view)), |invite| {
            assert_eq!((invite.rule, invite.observed.len()), (Some("list:#4"), 0));
        });
    }
}

#[test]
fn without_the_kernel_memory_decides_and_an_unknown_source_is_untrusted() {
    let mut bytes = fixture::ethernet(&fixture::invite("+14155551234", "b1"));
    let mut pipeline = pipeline();
    check(&mut pipeline, &frame(&bytes, None), |invite| {
        assert_eq!((invite.trunk, invite.ani_status), (None, AniStatus::Untrusted));
        assert_eq!(invite.reach, Reach::Stop, "strangers are not answered");
        assert_eq!(invite.ani.as_deref(), Some("+14155551234"));
        assert!(!invite.kernel.plain);
    });
    // Source 192.0.2.1.
    bytes[14 + 12..][..4].copy_from_slice(&[192, 0, 2, 1]);
    check(&mut pipeline, &frame(&bytes, None), |invite| {
        assert_eq!(
            (invite.trunk.as_deref(), invite.ani_status),
            (Some("carrier-a"), AniStatus::Ok)
        );
        assert!(invite.kernel.plain);
    });
}

#[test]
fn a_mirrored_call_belongs_to_its_trunk_and_is_only_observed() {
    let mut pipeline = pipeline();
    let number = Number::from_ascii(b"14155551234").expect("digits");
    let listing = Listing::number(BLOCK, number, None);
    pipeline.analysis.rules.list(&[listing]).expect("memory takes all");
    let bytes = fixture::invite("+14155551234", "b1");
    let mut mirrored = Frame {
        content: Content::Message {
            src: SocketAddr::from(([192, 0, 2, 1], 40_001)),
            dst: SocketAddr::from(([198, 51, 100, 20], 5_061)),
            transport: Transport::Tls,
            bytes: &bytes,
        },
        reach: Reach::Observe,
        ..frame(&bytes, None)
    };
    check(&mut pipeline, &mirrored, |invite| {
        assert_eq!((invite.transport, invite.reach), (Transport::Tls, Reach::Observe));
        assert_eq!((invite.verdict, invite.rule), (Verdict::Pass, None));
        assert_eq!(invite.trunk.as_deref(), Some("carrier-a"));
        assert_eq!(invite.ani_status, AniStatus::Ok);
    });
    // The same call over UDP to a NIC of ours would have ended there.
    if let Content::Message { transport, .. } = &mut mirrored.content {
        *transport = Transport::Udp;
    }
    mirrored.reach = Reach::Answer;
    check(&mut pipeline, &mirrored, |invite| assert_eq!(invite.verdict, Verdict::Drop));
}

#[test]
fn an_overlong_datagram_is_left_to_the_stack() {
    let mut bytes = fixture::ethernet(&fixture::invite("+14155551234", "b1"));
    bytes[14 + 20 + 4] = 0x7f;
    check(&mut pipeline(), &frame(&bytes, None), |invite| {
        assert_eq!(invite.malformed, ["cut-short", "udp-length"]);
        assert!(!invite.kernel.plain);
    });
}

#[test]
fn the_oldest_invite_is_forgotten_first() {
    let mut repeats = Repeats::new();
    let mut seen = |branch: usize| {
        let message = fixture::invite("+14155551234", &branch.to_string());
        let invite = sip::invite(&message, false).expect("INVITE");
        repeats.seen(&invite, &By::default(), false).is_some()
    };
    for branch in 0..repeats::MAX_REMEMBERED {
        assert!(!seen(branch));
    }
    assert!(seen(0));
    assert!(!seen(repeats::MAX_REMEMBERED));
    assert!(!seen(0), "gave way");
    assert!(seen(2));
}

/// RFC 4475 §3.1.1.8: what follows the body in a datagram is discarded (RFC 3261 §18.3), whatever it
/// says about callers.
#[test]
fn a_second_message_in_a_datagram_is_no_part_of_the_first() {
    let first = fixture::invite("+14155551234", "b1");
    let second = fixture::invite("+12125550000", "b2");
    let asserted = b"P-Asserted-Identity: <sip:+12125550000@h>\r\n\r\n".to_vec();
    for behind in [second, asserted] {
        let bytes = fixture::ethernet(&[&first[..], &behind].concat());
        let alone = fixture::ethernet(&first);
        check(&mut pipeline(), &frame(&bytes, None), |both| {
            check(&mut pipeline(), &frame(&alone, None), |one| assert_eq!(both, one));
            assert_eq!(both.ani.as_deref(), Some("+14155551234"));
            assert!(both.p_asserted_identity.is_empty());
        });
    }
}
