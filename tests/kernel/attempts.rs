//! One verdict for each call attempt, through whatever comes of it.

use std::{collections::BTreeMap, time::Duration};

use ani_ebpf::{
    abi::counter::{Counter, TABLE},
    attempt::MAX_REPEATS,
};
use ani_tests::{invite::Invite, random::Random};
use ani_user::{
    capture::clock::Clock,
    policy::{BLOCK, Enforce as _, Listing, memory::Memory},
};

use crate::{
    fragments::Fragmented,
    harness::{CONFIG, FROM_ONLY, Harness, STRANGER, US, US_V6, config_of, number},
};

const BLOCKED: &str = "14155551234";

/// So long that no call comes back while a test runs.
const LONG: Duration = Duration::from_secs(24 * 3_600);

fn harness() -> Harness {
    with_room_for(1_024)
}

fn with_room_for(attempts: u32) -> Harness {
    Harness::with(&CONFIG.replace("max_attempts = 0", &format!("max_attempts = {attempts}")))
}

fn call(caller: &str, call_id: &str) -> Invite {
    Invite { call_id: call_id.into(), ..Invite::from(caller) }
}

fn with_tag(invite: &Invite, tag: &str) -> Invite {
    let from = invite.from.replace(";tag=a1", tag);
    Invite { from, ..invite.clone() }
}

#[test]
fn a_retransmission_spends_no_budget() {
    let mut harness = harness();
    harness.limit(2, LONG);
    for call_id in ["1", "2"] {
        let invite = call("+12125550100", call_id);
        assert_eq!(harness.invite(US, &invite).exit, Counter::Pass);
        for _ in 0..3 {
            let run = harness.invite(US, &invite);
            assert_eq!(run.exit, Counter::PassRepeated);
            assert_eq!(run.header().first_exit, Counter::Pass as u8);
        }
    }
    let third = call("+12125550100", "3");
    assert_eq!(harness.invite(US, &third).exit, Counter::DropLimited);
    for _ in 0..100 {
        let run = harness.invite(US, &third);
        assert_eq!(run.exit, Counter::DropRepeated);
        assert_eq!(run.header().first_exit, Counter::DropLimited as u8);
    }
}

#[test]
fn a_verdict_stays_while_lists_change() {
    let mut harness = harness();
    let (before, during) = (call("+14155551234", "1"), call("+14155551234", "2"));
    assert_eq!(harness.invite(US, &before).exit, Counter::Pass);
    harness.block(BLOCKED, None);
    assert_eq!(harness.invite(US, &before).exit, Counter::PassRepeated);
    assert_eq!(harness.invite(US, &during).exit, Counter::DropBlocked);
    harness.unblock(BLOCKED);
    assert_eq!(harness.invite(US, &during).exit, Counter::DropRepeated);
    assert_eq!(harness.invite(US, &call("+14155551234", "3")).exit, Counter::Pass);
}

/// With credentials, by another way, with other headers: the same attempt.
#[test]
fn an_attempt_is_told_by_call_id_and_from_tag() {
    let mut harness = harness();
    let invite = call("+12125550100", "1@carrier.example");
    assert_eq!(harness.invite(US, &invite).exit, Counter::Pass);
    let again = [
        invite.clone().line("Proxy-Authorization: Digest username=\"a\""),
        Invite {
            from: "\"A\" <sip:+12125550100@other.example>;x=y;tag=a1".into(),
            ..invite.clone()
        },
        Invite { to: "<sip:+18005550199@other.example>".into(), body: 900, ..invite.clone() },
    ];
    for again in again {
        assert_eq!(harness.invite(US, &again).exit, Counter::PassRepeated, "{again:?}");
    }
    assert_eq!(harness.invite(US_V6, &invite).exit, Counter::PassRepeated, "by the other family");
    let others = [
        with_tag(&invite, ";tag=a2"),
        with_tag(&invite, ";tag=a"),
        with_tag(&invite, ";tag=a11"),
        with_tag(&invite, ""),
        call("+12125550100", "1@carrier.exampl"),
        call("+12125550100", "1@carrier.examplee"),
        call("+12125550100", "2@carrier.example"),
    ];
    for other in others {
        assert_eq!(harness.invite(US, &other).exit, Counter::Pass, "{other:?}");
        assert_eq!(harness.invite(US, &other).exit, Counter::PassRepeated, "{other:?}");
    }
    assert_eq!(harness.invite(FROM_ONLY, &invite).exit, Counter::Pass, "by another trunk");
    assert_eq!(harness.invite(STRANGER, &invite).exit, Counter::PassUntrusted);
}

/// Who has let one call pass has not let the next one pass under its name.
#[test]
fn a_verdict_once_passed_is_no_ticket() {
    let mut harness = harness();
    harness.block(BLOCKED, None);
    harness.limit(2, LONG);
    let invite = call("+12125550100", "1");
    assert_eq!(harness.invite(US, &invite).exit, Counter::Pass);
    assert_eq!(harness.invite(US, &call("+14155551234", "1")).exit, Counter::DropBlocked);
    assert_eq!(harness.invite(US, &invite.clone().to("+18005550100")).exit, Counter::Pass);
    assert_eq!(harness.invite(US, &invite.clone().to("+18005550101")).exit, Counter::DropLimited);
    // The same call again and again is one attempt only so often.
    let mut harness = self::harness();
    harness.limit(2, LONG);
    let mut exits = (0..60).map(|_| harness.invite(US, &invite).exit);
    let repeats = usize::from(MAX_REPEATS);
    for _ in 0..2 {
        assert_eq!(exits.next(), Some(Counter::Pass));
        assert!(exits.by_ref().take(repeats).all(|exit| exit == Counter::PassRepeated));
    }
    assert_eq!(exits.next(), Some(Counter::DropLimited));
    assert!(exits.all(|exit| exit == Counter::DropRepeated));
}

#[test]
fn what_no_rule_stops_is_not_remembered() {
    let mut harness = harness();
    harness.block(BLOCKED, None);
    let blocked = call("+14155551234", "1");
    assert_eq!(harness.invite(US, &blocked).exit, Counter::DropBlocked);
    assert_eq!(harness.invite(US, &blocked.clone().to("911")).exit, Counter::PassPriority);
    let in_dialog = Invite { to: format!("{};tag=b2", blocked.to), ..blocked.clone() };
    assert_eq!(harness.invite(US, &in_dialog).exit, Counter::PassInDialog);
    assert_eq!(harness.invite(US, &blocked).exit, Counter::DropRepeated);
}

#[test]
fn what_follows_a_stopped_call_goes_with_it() {
    let mut harness = harness();
    harness.block(BLOCKED, None);
    let (stopped, passed) = (call("+14155551234", "1"), call("+12125550100", "2"));
    let methods = ["ACK", "CANCEL", "BYE"];
    let follow_up = |invite: &Invite, method| Invite { method, ..invite.clone() };
    for method in methods {
        let run = harness.invite(US, &follow_up(&stopped, method));
        assert_eq!(run.exit, Counter::NotInvite, "{method}: nothing was stopped yet");
    }
    assert_eq!(harness.invite(US, &stopped).exit, Counter::DropBlocked);
    assert_eq!(harness.invite(US, &passed).exit, Counter::Pass);
    for method in methods {
        for source in [US, US_V6] {
            let run = harness.invite(source, &follow_up(&stopped, method));
            assert_eq!(run.exit, Counter::DropFollowUp, "{method} from {source}");
            assert!(run.record.is_none());
        }
        // Without the identity it came with.
        let bare = Invite { to: format!("{};tag=b2", stopped.to), ..follow_up(&stopped, method) };
        assert_eq!(harness.invite(US, &bare).exit, Counter::DropFollowUp, "{method}");
        for other in [
            follow_up(&passed, method),
            follow_up(&call("+14155551234", "3"), method),
            with_tag(&follow_up(&stopped, method), ";tag=a2"),
        ] {
            assert_eq!(harness.invite(US, &other).exit, Counter::NotInvite, "{other:?}");
        }
        for source in [FROM_ONLY, STRANGER] {
            let run = harness.invite(source, &follow_up(&stopped, method));
            assert_eq!(run.exit, Counter::NotInvite, "{method} from {source}");
        }
    }
    for method in ["OPTIONS", "BYEBYE", "ACKS", "CANCELS", "PRACK", "UPDATE", "INFO"] {
        let exit = harness.invite(US, &follow_up(&stopped, method)).exit;
        assert_eq!(exit, Counter::NotInvite, "{method}");
    }
    // Of a fork, one branch goes on and another is stopped: what follows may belong to the first.
    let forked = Invite { call_id: "fork".into(), ..passed.clone() };
    assert_eq!(harness.invite(US, &forked).exit, Counter::Pass);
    let branch = Invite { call_id: "fork".into(), ..stopped.clone() };
    assert_eq!(harness.invite(US, &branch).exit, Counter::DropBlocked);
    for method in methods {
        assert_eq!(harness.invite(US, &follow_up(&forked, method)).exit, Counter::NotInvite);
    }
    // The attempt that is let through later has its follow-ups too.
    harness.unblock(BLOCKED);
    let later = stopped.clone().to("+18005550100");
    assert_eq!(harness.invite(US, &later).exit, Counter::Pass);
    assert_eq!(harness.invite(US, &follow_up(&later, "ACK")).exit, Counter::NotInvite);
}

#[test]
fn the_fragments_of_a_repeated_call_follow_it() {
    let mut harness = harness();
    harness.block(BLOCKED, None);
    let mut invite = call("+14155551234", "1");
    invite.body = 1_500;
    for (id, exit) in [(1, Counter::DropBlocked), (2, Counter::DropRepeated)] {
        let packet = Fragmented::new(US, &invite.bytes(), id);
        assert_eq!(harness.frame(&packet.part(0, Some(1_000))).exit, exit);
        assert_eq!(harness.frame(&packet.part(1_000, None)).exit, Counter::DropFragment);
    }
}

#[test]
fn more_attempts_than_are_remembered_are_decided_anew_and_counted() {
    const ATTEMPTS: u32 = 8;

    let mut harness = with_room_for(ATTEMPTS);
    let before = harness.counters();
    for number in 0..200 {
        let invite = call("+12125550100", &format!("call-{number}"));
        assert_eq!(harness.invite(US, &invite).exit, Counter::Pass);
    }
    let forgotten = harness.counters().value(Counter::AttemptForgotten)
        - before.value(Counter::AttemptForgotten);
    assert_eq!(forgotten, 200 - u64::from(ATTEMPTS));
    // Those decided last are still known.
    let last = call("+12125550100", "call-199");
    assert_eq!(harness.invite(US, &last).exit, Counter::PassRepeated);
}

#[test]
fn a_call_id_too_long_to_be_told_is_decided_each_time() {
    let mut harness = harness();
    harness.limit(1, LONG);
    for (len, long) in [(120, false), (127, false), (128, true), (300, true)] {
        let caller = format!("+1212555{len:04}");
        let invite = call(&caller, &"c".repeat(len));
        assert_eq!(harness.invite(US, &invite).exit, Counter::Pass);
        let again = harness.invite(US, &invite);
        let expected = if long { Counter::DropLimited } else { Counter::PassRepeated };
        assert_eq!(again.exit, expected, "{len}");
        assert_eq!(again.notes.contains(&"attempts_too_long"), long, "{len}: {:?}", again.notes);
    }
}

/// The rules in memory tell the same attempts apart, each under keys of its own.
#[test]
fn kernel_and_memory_tell_the_same_attempts() {
    const INVITES: usize = 20_000;

    let config = CONFIG.replace("max_attempts = 0", "max_attempts = 65536");
    let config = format!("{config}[limits]\nper_caller = {{ calls = 20, within = \"30d\" }}\n");
    let mut harness = Harness::with(&config);
    let memory = Memory::new(&config_of(&config));
    harness.block(BLOCKED, None);
    memory.list(&[Listing::number(BLOCK, number(BLOCKED), None)]).expect("room");
    let mut random = Random::new(0x9e37_79b9_7f4a_7c15);
    let mut exits = BTreeMap::<&str, usize>::new();
    for _ in 0..INVITES {
        let callers = ["+14155551234", "+12125550100", "+12125550101", "anonymous", "4155551234"];
        let mut invite = call(callers[random.below(5)], &format!("call-{}", random.below(40)));
        invite = invite.to(["+18005550199", "+18005550100", "911"][random.below(3)]);
        invite.from = invite.from.replace("=a1", ["=a1", "=b", "="][random.below(3)]);
        let source = [US, US_V6, FROM_ONLY][random.below(3)];
        let run = harness.invite(source, &invite);
        let address = source.parse().expect("an address");
        let view = memory.decide(Clock::new().now(), address, &invite.bytes()).expect("an INVITE");
        assert_eq!(run.exit, view.exit, "{invite:?}");
        assert_eq!(run.header().first_exit, view.first_exit as u8, "{invite:?}");
        *exits.entry(TABLE[run.exit as usize].name).or_default() += 1;
    }
    for exit in [
        Counter::Pass,
        Counter::PassNoAni,
        Counter::PassPriority,
        Counter::PassRepeated,
        Counter::DropBlocked,
        Counter::DropLimited,
        Counter::DropRepeated,
    ] {
        let name = TABLE[exit as usize].name;
        assert!(exits.get(name).is_some_and(|count| *count >= 20), "{name}: {exits:?}");
    }
}
