//! Counting, order, and the bound under a flood.

use std::sync::Arc;

use super::{habits::Habits, *};
use crate::{
    capture::{Reach, Transport},
    invite::{Attestation, Kernel},
    policy::Verdict,
    stir::{Judged, Outcome},
};

fn invite(ani: Option<&str>, ani_status: AniStatus, second: i64) -> Invite<'static> {
    let address = std::net::SocketAddr::from(([192, 0, 2, 1], 5060));
    Invite {
        frame: 1,
        ts: Timestamp::new(second, 0),
        src: address,
        dst: address,
        transport: Transport::Udp,
        reach: Reach::Answer,
        vlan: Vec::new(),
        fragments: 1,
        trunk: Some("carrier-a".into()),
        call_id: None,
        cseq: Some(1),
        from_tag: None,
        to_tag: None,
        retransmission: false,
        request_uri: "sip:+18005551234@192.0.2.1".into(),
        request_user: None,
        from_user: None,
        from_display: None,
        to_user: None,
        p_asserted_identity: Vec::new(),
        remote_party_id: Vec::new(),
        p_charge_info: None,
        diversion: Vec::new(),
        privacy: Vec::new(),
        ani: ani.map(|ani| ani.to_owned().into()),
        ani_source: Some("p-asserted-identity"),
        ani_status,
        ani_form: "e164",
        oli: None,
        caller_id: None,
        caller_id_matches: None,
        display_matches: None,
        dnis: Some("+18005551234".into()),
        toll_free: true,
        candidates: Vec::new(),
        attestation: Attestation {
            level: "A",
            source: Some("identity"),
            signature: "unverified",
            ..Attestation::NONE
        },
        kernel: Kernel {
            plain: true,
            not_plain: None,
            ani: None,
            attestation: "A",
            lists: None,
            rule: None,
        },
        held: None,
        hold: None,
        verdict: Verdict::Pass,
        answer: None,
        rule: None,
        observed: Vec::new(),
        malformed: Vec::new(),
        habits: Habits::default(),
        attempt: None,
        reply: None,
    }
}

fn number(ani: &str, second: i64) -> Invite<'static> {
    invite(Some(ani), AniStatus::Ok, second)
}

#[test]
fn a_call_is_counted_once_and_each_of_its_invites() {
    let telemetry = Telemetry::new(10);
    telemetry.record(&number("+14155551234", 5));
    telemetry.record(&Invite { retransmission: true, ..number("+14155551234", 6) });
    telemetry.record(&Invite { to_tag: Some("x".into()), ..number("+14155551234", 7) });
    telemetry.record(&Invite {
        verdict: Verdict::Drop,
        rule: Some("limit:x"),
        dnis: Some("x".repeat(10_000).into()),
        attestation: Attestation { level: "none", ..number("", 0).attestation },
        ..number("+14155551234", 4)
    });
    let caller = telemetry.caller(&Caller::from_text("+14155551234")).expect("seen");
    let figures = &caller.figures;
    assert_eq!((figures.calls, figures.invites), (2, 4));
    assert_eq!((figures.passed, figures.dropped), (3, 1));
    assert_eq!(figures.attestation, [1, 0, 0, 1]);
    assert_eq!(figures.ani_status, [2, 0, 0, 0, 0]);
    assert_eq!((caller.first_seen.seconds(), caller.last_seen.seconds()), (4, 7));
    assert_eq!(
        (caller.last_verdict, caller.last_rule.as_deref()),
        (Verdict::Drop, Some("limit:x"))
    );
    assert!(caller.last_dnis.as_ref().is_some_and(|dnis| dnis.len() < 70));
    assert_eq!(telemetry.trunks(), [("carrier-a".to_owned(), caller.figures)]);
}

/// A signature that is not counted with its INVITE is counted when it is told, and once.
#[test]
fn a_signature_counts_once_whenever_it_is_known() {
    let signed = |signature, verification, second| Invite {
        attestation: Attestation { signature, verification, ..number("", 0).attestation },
        ..number("+14155551234", second)
    };
    let telemetry = Telemetry::new(10);
    let full = Some(Outcome::PoolFull);
    telemetry.record(&signed("unverified", full, 1));
    telemetry.record(&Invite { retransmission: true, ..signed("unverified", full, 2) });
    telemetry.record(&signed("absent", None, 3));
    // Under way, and then told.
    telemetry.record(&signed("unverified", None, 4));
    let caller = Caller::from_text("+14155551234");
    let passport = |outcome| Judged {
        ppt: Some("shaken".into()),
        signer: Some("1234".into()),
        iat: Some(1),
        ..Judged::of(outcome)
    };
    let judgement = |outcome| Judgement {
        signer: Some("1234".into()),
        passports: vec![passport(Outcome::PptUnsupported), passport(outcome)],
        ..Judgement::of(outcome)
    };
    let at = Timestamp::new(4, 0);
    telemetry.verified("carrier-a", &caller, at, &judgement(Outcome::Valid));
    telemetry.verified("carrier-a", &Caller::Missing, at, &judgement(Outcome::Stale));

    let seen = telemetry.caller(&caller).expect("seen");
    assert_eq!((seen.figures.signature, seen.figures.calls), ([1, 0, 1, 1], 3));
    assert_eq!(seen.last_verification, Some("valid"));
    let [(_, trunk)] = &telemetry.trunks()[..] else { panic!("one trunk") };
    assert_eq!(trunk.signature, [1, 1, 1, 1], "of a caller who gave way too");

    let all = telemetry.verifications(5);
    let expected = [(Outcome::Valid, 1), (Outcome::Stale, 1), (Outcome::PoolFull, 1)];
    assert_eq!(all.outcomes, expected);
    let signer = Signer { valid: 1, invalid: 1, unverified: 0 };
    assert_eq!(all.signers, [("1234".into(), signer)]);
    assert_eq!(all.skew, Some((3.0, 1)), "of the valid one alone");
    assert!(telemetry.verifications(0).signers.is_empty());
}

#[test]
fn calls_that_hold_but_for_their_time_say_that_the_clock_is_wrong() {
    let telemetry = Telemetry::new(10);
    let start = 1_700_000_000;
    let tell = |second: i64, outcome: Outcome, but_for_time: Option<Arc<str>>| {
        let signer = (outcome == Outcome::Valid).then(|| "1234".into());
        let iat = if signer.is_some() { start + second } else { start + second - 500 };
        let judged = Judged { signer, iat: Some(iat), but_for_time, ..Judged::of(outcome) };
        let judgement = Judgement { passports: vec![judged], ..Judgement::of(outcome) };
        let at = Timestamp::new(start + second, 0);
        telemetry.verified("t", &Caller::Missing, at, &judgement);
        telemetry.clock_notices(at).1
    };
    // Those whose signature does not hold, or was not looked at, say nothing.
    for second in 0..30 {
        assert_eq!(tell(second, Outcome::Stale, None), None);
    }
    let signer = |second: i64| Some(Arc::from((second % 3).to_string()));
    for second in 0..19 {
        assert_eq!(tell(second, Outcome::Stale, signer(second)), None);
    }
    assert_eq!(tell(19, Outcome::Stale, signer(19)), Some(wrong_clock::Notice::Wrong(500.0)));
    assert_eq!(telemetry.verifications(0).wrong_clock, Some(500.0));
    for second in 20..39 {
        assert_eq!(tell(second, Outcome::Valid, None), None);
    }
    assert_eq!(tell(39, Outcome::Valid, None), Some(wrong_clock::Notice::Right));
    assert_eq!(telemetry.verifications(0).wrong_clock, None);
}

/// A thread that verifies may be faster than the one that counts the INVITE.
#[test]
fn a_signature_that_is_known_before_its_call_is_not_lost() {
    let telemetry = Telemetry::new(1);
    let caller = Caller::from_text("+14155551234");
    telemetry.verified("carrier-a", &caller, Timestamp::new(5, 0), &Judgement::of(Outcome::Stale));
    let attestation =
        Attestation { signature: "unverified", verification: None, ..Attestation::NONE };
    telemetry.record(&Invite { attestation, ..number("+14155551234", 5) });
    let seen = telemetry.caller(&caller).expect("seen");
    assert_eq!((seen.figures.calls, seen.figures.signature), (1, [0, 1, 0, 0]));
    assert_eq!((seen.first_seen.seconds(), seen.last_verification), (5, Some("stale")));
    // Nor do those who are told of in this way take more memory than others.
    telemetry.verified("t", &Caller::Missing, Timestamp::new(6, 0), &Judgement::of(Outcome::Stale));
    assert_eq!((telemetry.sizes().callers, telemetry.sizes().callers_evicted), (1, 1));
}

#[test]
fn signers_are_bounded_and_so_are_their_names() {
    let telemetry = Telemetry::new(1);
    let tell = |name: &str| {
        let signer = Some(name.into());
        let judgement = Judgement { signer, ..Judgement::of(Outcome::Stale) };
        telemetry.verified("t", &Caller::Missing, Timestamp::new(1, 0), &judgement);
    };
    tell(&"x".repeat(10_000));
    assert_eq!(telemetry.verifications(1).signers_tracked, 0);
    for number in 0..=MAX_SIGNERS {
        tell(&number.to_string());
    }
    tell("7");
    let all = telemetry.verifications(1);
    assert_eq!((all.signers_tracked, all.signers_evicted), (MAX_SIGNERS, 1));
    assert_eq!((&*all.signers[0].0, all.signers[0].1.invalid), ("7", 2));
}

#[test]
fn the_json_of_a_caller() {
    let telemetry = Telemetry::new(10);
    telemetry.record(&number("+14155551234", 0));
    let caller = telemetry.caller(&Caller::from_text("+14155551234")).expect("seen");
    assert_eq!(
        serde_json::to_value(caller).expect("json"),
        serde_json::json!({
            "calls": 1, "invites": 1, "passed": 1, "dropped": 0, "observed": 0,
            "attestation": {"A": 1, "B": 0, "C": 0, "none": 0},
            "signature": {"valid": 0, "invalid": 0, "unverified": 0, "absent": 0},
            "ani_status": {"ok": 1, "anonymous": 0, "missing": 0, "not-a-number": 0, "untrusted": 0},
            "ani_source": {
                "p-asserted-identity": 1, "remote-party-id": 0, "from": 0, "p-charge-info": 0,
                "p-preferred-identity": 0, "p-dcs-billing-info": 0, "passport": 0,
            },
            "caller_id_mismatches": 0,
            "first_seen": "1970-01-01T00:00:00.000000Z",
            "last_seen": "1970-01-01T00:00:00.000000Z",
            "last_dnis": "+18005551234", "last_trunk": "carrier-a",
            "last_transport": "udp", "last_verdict": "pass", "last_rule": null,
            "last_verification": null,
        })
    );
}

#[test]
fn calls_that_display_another_number_are_counted_once() {
    let telemetry = Telemetry::new(10);
    for (caller_id, display) in [
        (None, None),
        (Some(true), Some(true)),
        (Some(false), None),
        (Some(true), Some(false)),
        (Some(false), Some(false)),
    ] {
        telemetry.record(&Invite {
            caller_id_matches: caller_id,
            display_matches: display,
            ..number("+14155551234", 0)
        });
    }
    let caller = telemetry.caller(&Caller::from_text("+14155551234")).expect("seen");
    assert_eq!((caller.figures.calls, caller.figures.caller_id_mismatches), (5, 3));
}

#[test]
fn the_most_first_and_of_equals_the_one_seen_last() {
    let telemetry = Telemetry::new(10);
    for (ani, second, calls) in [
        ("+14155550001", 1, 3),
        ("+14155550002", 2, 5),
        ("+14155550003", 3, 3),
        ("+14155550004", 4, 1),
    ] {
        for _ in 0..calls {
            telemetry.record(&number(ani, second));
        }
    }
    telemetry.record(&Invite { verdict: Verdict::Drop, ..number("+14155550004", 5) });
    telemetry.record(&invite(None, AniStatus::Anonymous, 6));
    telemetry.record(&invite(None, AniStatus::Missing, 7));
    let top = |count, by| -> Vec<_> {
        telemetry.top(count, by).into_iter().map(|(caller, _)| caller.to_string()).collect()
    };
    assert_eq!(top(3, By::Calls), ["+14155550002", "+14155550003", "+14155550001"]);
    assert_eq!(top(1, By::Dropped), ["+14155550004"]);
    assert_eq!(top(100, By::Invites).len(), 6);
    assert_eq!(top(100, By::Invites)[4..], ["missing", "anonymous"]);
    assert!(top(0, By::Calls).is_empty());
}

#[test]
fn a_flood_of_callers_stays_within_the_bound() {
    let telemetry = Telemetry::new(1_000);
    let regular = number("+14155551234", 0);
    for index in 0..50_000 {
        let text = match index % 3 {
            0 => format!("+1415{}", 5_550_000 + index),
            1 => format!("caller{index}{}", "x".repeat(2_000)),
            _ => format!("sip{index}"),
        };
        telemetry.record(&number(&text, index));
        if index % 500 == 0 {
            telemetry.record(&Invite { ts: Timestamp::new(index, 0), ..regular.clone() });
        }
    }
    let sizes = telemetry.sizes();
    assert_eq!((sizes.callers, sizes.max_callers), (1_000, 1_000));
    assert_eq!(sizes.callers_evicted, 50_001 - 1_000);
    assert_eq!(telemetry.top(usize::MAX, By::Calls).len(), 1_000);
    assert!(
        telemetry
            .top(1_000, By::Calls)
            .iter()
            .all(|(caller, _)| caller.to_string().len() <= MAX_TEXT + 3)
    );
    // Who keeps calling is kept, whatever else comes.
    assert_eq!(
        telemetry.caller(&Caller::from_text("+14155551234")).map(|caller| caller.figures.calls),
        Some(100)
    );
}

#[test]
fn a_flood_from_nowhere_does_not_push_out_the_trunks_callers() {
    let telemetry = Telemetry::new(100);
    let stranger = |ani: &str, second| Invite {
        trunk: None,
        ani_status: AniStatus::Untrusted,
        ..number(ani, second)
    };
    // Alone they may have all of it.
    for index in 0..1_000 {
        telemetry.record(&stranger(&format!("+1415{}", 5_550_000 + index), index));
    }
    assert_eq!(telemetry.sizes().callers, 100);
    let callers: Vec<_> = (0..90).map(|index| format!("+4420794{index:05}")).collect();
    for caller in &callers {
        telemetry.record(&number(caller, 2_000));
    }
    for index in 0..1_000 {
        telemetry.record(&stranger(&format!("+1415{}", 5_550_000 + index), 3_000));
    }
    telemetry.record(&stranger(&callers[0], 4_000));
    assert_eq!(telemetry.sizes().callers, 100);
    for caller in &callers {
        let seen = telemetry.caller(&Caller::from_text(caller)).expect("kept");
        assert_eq!((seen.figures.invites, seen.last_seen.seconds()), (1, 2_000), "{caller}");
    }
    assert!(telemetry.stranger(&Caller::from_text(&callers[0])).is_some());
}

#[test]
fn trunks_are_bounded_too() {
    let telemetry = Telemetry::new(10);
    for index in 0..MAX_TRUNK_FIGURES + 100 {
        telemetry.record(&Invite {
            trunk: Some(format!("t{index}").into()),
            ..number("+14155551234", 0)
        });
    }
    telemetry.record(&Invite { trunk: None, ..number("+14155551234", 0) });
    assert_eq!(telemetry.trunks().len(), MAX_TRUNK_FIGURES + 1);
    assert_eq!(telemetry.sizes().trunks_overflowed, 100);
    let none = telemetry.trunks().into_iter().find(|(name, _)| name == NO_TRUNK_NAME);
    assert_eq!(none.map(|(_, figures)| figures.invites), Some(101));
}
