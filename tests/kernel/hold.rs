//! What is held, what is not, and what becomes of it.

use std::time::Duration;

use ani_ebpf::abi::{counter::Counter, number::Number, record::RecordHeader};
use ani_tests::invite::Invite;
use ani_user::{
    capture::clock::Clock,
    policy::{
        Enforce as _,
        settle::{Decided, Held, Settled},
    },
};

use crate::harness::{CONFIG, Harness, STRANGER, US, US_INDEX, frame, number};

const BLOCKED: &str = "14155551234";
const HONEST: &str = "12125550100";

/// One with a block list, and a daemon that has just given a sign of life.
fn harness() -> Harness {
    let config = CONFIG.replace("max_attempts = 0", "max_attempts = 4096");
    let harness = Harness::with(&config);
    harness.block(BLOCKED, None);
    beat(&harness);
    harness
}

fn beat(harness: &Harness) {
    let (now_ns, _) = Clock::new().monotonic();
    harness.kernel.hold().beat(now_ns).expect("a sign of life");
}

/// An INVITE that is not plain, in a call of its own.
fn folded(caller: &str, call: &str) -> Vec<u8> {
    let invite = Invite { call_id: call.to_owned(), ..Invite::from(&format!("+{caller}")) };
    invite.text().replace("From: ", "From:\r\n ").into_bytes()
}

/// The same as the full parser reads it.
fn read<'a>(caller: &str, call: &'a str, by: Decided) -> Held<'a> {
    Held {
        ani: number(caller),
        called: number("18005550199"),
        trunk: US_INDEX,
        attestation: 0,
        priority: false,
        in_dialog: false,
        call_id: call.as_bytes(),
        from_tag: Some(b"a1"),
        by,
    }
}

#[test]
fn what_is_not_plain_is_held_while_the_daemon_lives() {
    let mut harness = harness();
    let run = harness.message(US, &folded(BLOCKED, "1@h"));
    assert_eq!(run.exit, Counter::Held);
    let RecordHeader { exit, first_exit, captured_len, wire_len, .. } = *run.header();
    assert_eq!((exit, first_exit), (Counter::Held as u8, Counter::PassNotPlain as u8));
    assert_eq!(captured_len, wire_len, "captured whole");

    // Of strangers, plain ones, and others: never.
    assert_eq!(harness.message(STRANGER, &folded(BLOCKED, "2@h")).exit, Counter::PassUntrusted);
    assert_eq!(harness.invite(US, &Invite::from("+12125550100")).exit, Counter::Pass);
    assert_eq!(harness.invite(US, &Invite::from("+14155551234")).exit, Counter::DropBlocked);

    // No sign of life for a second.
    let (now_ns, _) = Clock::new().monotonic();
    harness.kernel.hold().beat(now_ns - 1_000_000_001).expect("written");
    let run = harness.message(US, &folded(BLOCKED, "3@h"));
    assert_eq!((run.exit, run.notes.contains(&"hold_stale")), (Counter::PassNotPlain, true));
    beat(&harness);
    assert_eq!(harness.message(US, &folded(BLOCKED, "4@h")).exit, Counter::Held);
}

#[test]
fn where_no_rule_can_be_against_a_call_it_is_not_held() {
    let mut harness = harness();
    harness.unblock(BLOCKED);
    assert_eq!(harness.message(US, &folded(BLOCKED, "1@h")).exit, Counter::PassNotPlain);
    harness.limit(1, Duration::from_secs(60));
    assert_eq!(harness.message(US, &folded(BLOCKED, "2@h")).exit, Counter::Held);
}

/// What a trunk refuses for its signature waits, plain or not: signed calls for their verification, the
/// others for the daemon to say no.
#[test]
fn a_trunk_says_which_plain_calls_wait() {
    for (refuse, anchors, signed, unsigned) in [
        ("", true, false, false),
        ("refuse = ['failed']\nrefuse_mode = 'enforce'", true, true, false),
        ("refuse = ['failed']\nrefuse_mode = 'enforce'", false, false, false),
        ("refuse = ['failed']\nrefuse_mode = 'observe'", true, false, false),
        ("refuse = ['no-identity']\nrefuse_mode = 'enforce'", false, false, true),
        ("refuse = ['failed', 'no-identity']\nrefuse_mode = 'enforce'", true, true, true),
    ] {
        let stir = if anchors { "[stir]\nanchors = '/anchors'\n" } else { "" };
        let us = "name = \"us\"\n";
        let config = CONFIG.replace(us, &format!("{us}{refuse}\n")) + stir;
        let mut harness = Harness::with(&config.replace("max_attempts = 0", "max_attempts = 4096"));
        harness.block(BLOCKED, None);
        beat(&harness);
        let call = |caller: &str| Invite::from(&format!("+{caller}"));
        let mut say = |invite: &Invite| {
            let run = harness.invite(US, invite);
            assert!(run.exit != Counter::Held || run.header().first_exit == Counter::Pass as u8);
            run.exit
        };
        // Of one that waits nothing is remembered.
        for passed in [Counter::Pass, Counter::PassRepeated] {
            let call = |id: &str| Invite { call_id: id.to_owned(), ..call(HONEST) };
            let said = [say(&call("1@h").attested('A')), say(&call("2@h"))];
            let expected = [signed, unsigned].map(|held| if held { Counter::Held } else { passed });
            assert_eq!(said, expected, "{refuse}");
        }
        let listed = Invite { call_id: "3@h".to_owned(), ..call(BLOCKED) };
        assert_eq!(say(&listed), Counter::DropBlocked, "{refuse}");
        let stranger = harness.invite(STRANGER, &call(HONEST));
        assert_eq!(stranger.exit, Counter::PassUntrusted, "{refuse}");
    }
}

#[test]
fn what_could_not_be_released_is_not_held() {
    let mut harness = harness();
    for (padding, held) in [(1_000, true), (2_500, true), (3_000, false), (6_000, false)] {
        let mut message = folded(BLOCKED, "1@h");
        message.extend(vec![b'x'; padding]);
        let run = harness.message(US, &message);
        assert_eq!(run.exit == Counter::Held, held, "{padding} bytes of body: {run:?}");
        assert_eq!(run.notes.contains(&"hold_too_long"), !held);
    }
}

#[test]
fn a_ring_that_is_half_full_holds_nothing() {
    let mut harness = harness();
    let bytes = frame(US, &folded(BLOCKED, "1@h")).bytes();
    let counted = harness.repeat(&bytes, 4_096);
    let held = counted.value(Counter::Held);
    assert!((200..600).contains(&held), "{held} records of 1 KB fill half of a ring of 1 MB");
    assert_eq!(counted.value(Counter::HoldBehind), 4_096 - held);
    assert_eq!(counted.value(Counter::PassNotPlain), 4_096 - held);
    assert!(counted.value(Counter::Lost) > 0, "and then it is full, and they pass all the same");
    while harness.record().is_some() {}
    assert_eq!(harness.message(US, &folded(BLOCKED, "2@h")).exit, Counter::Held);
}

#[test]
fn lists_limits_and_attempts_decide_what_is_held_as_they_decide_what_is_plain() {
    let mut harness = harness();
    let settle = |harness: &Harness, held: &Held<'_>| {
        harness.kernel.settle(held, Clock::new().now()).expect("an answer")
    };
    let blocked = settle(&harness, &read(BLOCKED, "1@h", Decided::Rules));
    assert_eq!((blocked.exit, blocked.by.list, blocked.passes()), (Counter::DropBlocked, 2, false));
    let again = settle(&harness, &read(BLOCKED, "1@h", Decided::Rules));
    assert_eq!((again.exit, again.first_exit), (Counter::DropRepeated, Counter::DropBlocked));

    let passed = settle(&harness, &read(HONEST, "2@h", Decided::Rules));
    assert_eq!((passed.exit, passed.passes()), (Counter::Pass, true));
    let again = settle(&harness, &read(HONEST, "2@h", Decided::Rules));
    assert_eq!((again.exit, again.first_exit), (Counter::PassRepeated, Counter::Pass));

    // While a signature is looked at nothing is remembered of a call that may pass.
    let first = |settle: &dyn Fn(Decided) -> Settled| {
        [settle(Decided::RulesFirst), settle(Decided::RulesFirst)].map(|settled| settled.exit)
    };
    let waiting = |by| settle(&harness, &read(HONEST, "10@h", by));
    assert_eq!(first(&waiting), [Counter::Pass; 2]);
    let stopped = [waiting(Decided::Stop), waiting(Decided::Rules)];
    assert_eq!(stopped.map(|settled| settled.exit), [Counter::Held, Counter::DropRepeated]);
    let listed = |by| settle(&harness, &read(BLOCKED, "11@h", by));
    assert_eq!(first(&listed), [Counter::DropBlocked, Counter::DropRepeated]);

    // What nothing may stop.
    let urgent = Held { priority: true, ..read(BLOCKED, "3@h", Decided::Rules) };
    assert_eq!(settle(&harness, &urgent).exit, Counter::PassPriority);
    let sos = Held { called: number("911"), ..read(BLOCKED, "3@h", Decided::Rules) };
    assert_eq!(settle(&harness, &sos).exit, Counter::PassPriority);
    let within = Held { in_dialog: true, ..read(BLOCKED, "3@h", Decided::Rules) };
    assert_eq!(settle(&harness, &within).exit, Counter::PassInDialog);
    let nobody = Held { ani: Number::NONE, ..read(BLOCKED, "4@h", Decided::Rules) };
    assert_eq!(settle(&harness, &nobody).exit, Counter::PassNoAni);

    // One budget for both forms.
    harness.limit(2, Duration::from_secs(60));
    let call = |id: &str| Invite { call_id: id.to_owned(), ..Invite::from("+12125550100") };
    assert_eq!(harness.invite(US, &call("5@h")).exit, Counter::Pass);
    assert_eq!(settle(&harness, &read(HONEST, "6@h", Decided::Rules)).exit, Counter::Pass);
    let over = settle(&harness, &read(HONEST, "7@h", Decided::Rules));
    assert_eq!((over.exit, over.by.limit), (Counter::DropLimited, 1));
    assert_eq!(harness.invite(US, &call("8@h")).exit, Counter::DropLimited);
    let counters = harness.counters();
    assert_eq!(counters.value(Counter::Packets), counters.out(), "what is asked is no packet");
}

#[test]
fn what_follows_a_call_that_was_stopped_is_stopped_with_it() {
    let mut harness = harness();
    let follow = |method: &str, call: &str| {
        let invite = Invite { call_id: call.to_owned(), ..Invite::from("+14155551234") };
        invite.text().replace("INVITE", method).into_bytes()
    };
    let settle = |harness: &Harness, held: &Held<'_>| -> Settled {
        harness.kernel.settle(held, Clock::new().now()).expect("an answer")
    };
    for (call, by, exit) in [
        ("1@h", Decided::Rules, Counter::DropBlocked),
        ("2@h", Decided::Stop, Counter::Held),
        ("3@h", Decided::Pass, Counter::Pass),
    ] {
        assert_eq!(settle(&harness, &read(BLOCKED, call, by)).exit, exit);
        let stopped = exit != Counter::Pass;
        for method in ["ACK", "CANCEL", "BYE"] {
            let expected = if stopped { Counter::DropFollowUp } else { Counter::NotInvite };
            assert_eq!(
                harness.message(US, &follow(method, call)).exit,
                expected,
                "{method} {call}"
            );
        }
        // A plain INVITE of the same attempt is told the same.
        let invite = Invite { call_id: call.to_owned(), ..Invite::from("+14155551234") };
        let again = harness.invite(US, &invite).exit;
        assert_eq!(again == Counter::DropRepeated, stopped, "{call}: {again:?}");
    }
    assert_eq!(harness.message(US, &follow("ACK", "4@h")).exit, Counter::NotInvite);
}

#[test]
fn later_fragments_of_one_that_is_held_go_on() {
    let mut harness = harness();
    let mut message = folded(BLOCKED, "1@h");
    message.extend([b'x'; 800]);
    let whole = frame(US, &message);
    let parts = [whole.fragment(7, 0, Some(800)), whole.fragment(7, 800, None)];
    assert_eq!(harness.frame(&parts[0]).exit, Counter::Held);
    assert_eq!(harness.frame(&parts[1]).exit, Counter::Fragment);
}

#[test]
fn a_released_frame_with_its_ticket_goes_through_a_generic_program_as_it_was() {
    let mut harness = harness();
    let mut ticket = 0;
    harness.kernel.adjust(|settings| ticket = settings.ticket).expect("settings");
    assert_ne!(ticket, 0);
    let plain = frame(US, &folded(BLOCKED, "1@h")).bytes();
    let with = |ticket: u64| {
        let mut frame = plain[..12].to_vec();
        frame.extend(0x88b5_u16.to_be_bytes());
        frame.extend(ticket.to_ne_bytes());
        frame.extend(&plain[12..]);
        frame
    };
    assert_eq!(harness.frame(&with(ticket)).exit, Counter::Released);
    let out = harness.with_program(|program| {
        use aya::programs::{TestRun as _, TestRunOptions};
        let mut out = vec![0; 4_096];
        let frame = with(ticket);
        let options = TestRunOptions {
            data_in: Some(&frame),
            data_out: Some(&mut out),
            ..Default::default()
        };
        let len = program.test_run(options).expect("the kernel runs it").data_size_out;
        out.truncate(len as usize);
        out
    });
    assert_eq!(out, plain, "the ticket is gone");
    for other in [ticket ^ 1, 0] {
        assert_eq!(harness.frame(&with(other)).exit, Counter::NotIp);
    }
    assert_eq!(harness.frame(&with(ticket)[..24]).exit, Counter::Released, "whatever is in it");
    assert_eq!(harness.frame(&with(ticket)[..22]).exit, Counter::NotIp, "if it is a frame");
}
