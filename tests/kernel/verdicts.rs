//! What is decided of a plain INVITE: lists, trunks, and calls that no list stops.

use std::time::Duration;

use ani_ebpf::{
    abi::{counter::Counter, number::Number, record::NO_TRUNK},
    scan::{AniHeader, Attestation},
};
use ani_tests::invite::Invite;

use crate::harness::{
    CHARGED, FROM_ONLY, FROM_ONLY_INDEX, Harness, STRANGER, US, US_INDEX, US_V6, number,
};

const BLOCKED: &str = "14155551234";
const BLOCKED_USER: &str = "+14155551234";
const HONEST_USER: &str = "+12125550100";
const HONEST: &str = "12125550100";

fn harness() -> Harness {
    let harness = Harness::new();
    harness.block(BLOCKED, None);
    harness
}

#[test]
fn the_caller_is_read_from_the_most_trusted_header() {
    let mut harness = harness();
    let blocked = Invite::from(BLOCKED_USER);
    let honest = Invite::from(HONEST_USER);
    let (pai, rpid, from) =
        (AniHeader::PAssertedIdentity, AniHeader::RemotePartyId, AniHeader::From);
    let cases = [
        (blocked.clone(), Counter::DropBlocked, from),
        (honest.clone(), Counter::Pass, from),
        (honest.clone().rpid(BLOCKED_USER), Counter::DropBlocked, rpid),
        (blocked.clone().rpid(HONEST_USER), Counter::Pass, rpid),
        (honest.clone().pai(BLOCKED_USER), Counter::DropBlocked, pai),
        (blocked.clone().pai(HONEST_USER), Counter::Pass, pai),
        (honest.clone().rpid(HONEST_USER).pai(BLOCKED_USER), Counter::DropBlocked, pai),
        (blocked.rpid(BLOCKED_USER).pai(HONEST_USER), Counter::Pass, pai),
    ];
    for source in [US, US_V6] {
        for (invite, exit, header) in &cases {
            let run = harness.invite(source, invite);
            assert_eq!(run.exit, *exit, "{invite:?}");
            assert_eq!(run.header().ani_header, *header as u8, "{invite:?}");
            assert_eq!(run.header().trunk, US_INDEX);
            let ani = if *exit == Counter::Pass { HONEST } else { BLOCKED };
            assert_eq!(run.header().ani, number(ani), "{invite:?}");
        }
    }
}

/// The calls of these tests go to a toll-free number.
#[test]
fn a_toll_free_number_is_called_by_who_is_charged() {
    let mut harness = harness();
    let charge = |user: &str| format!("P-Charge-Info: <sip:{user}@c.example>;npi=ISDN;noa=2");
    let toll_free = Invite::from(HONEST_USER).pai(HONEST_USER).line(&charge(BLOCKED_USER));
    let other = Invite { uri: "sip:+12125550199@sbc.example".into(), ..toll_free.clone() };
    let (charged, asserted) = (AniHeader::PChargeInfo, AniHeader::PAssertedIdentity);
    for source in [US, US_V6] {
        for (invite, exit, header) in
            [(&toll_free, Counter::DropBlocked, charged), (&other, Counter::Pass, asserted)]
        {
            let run = harness.invite(source, invite);
            assert_eq!(run.exit, exit, "{invite:?}");
            assert_eq!(run.header().ani_header, header as u8, "{invite:?}");
        }
    }
    // As it is dialled in the trunk's country, and with no number at all.
    for (uri, exit) in [
        ("sip:8885550199@sbc.example", Counter::DropBlocked),
        ("sip:support@sbc.example", Counter::Pass),
        ("sip:8995550199@sbc.example", Counter::Pass),
    ] {
        let invite = Invite { uri: uri.into(), ..toll_free.clone() };
        assert_eq!(harness.invite(US, &invite).exit, exit, "{uri}");
    }
    // A trunk with an order of its own has that one.
    assert_eq!(harness.invite(FROM_ONLY, &toll_free).exit, Counter::Pass);
}

#[test]
fn a_trunk_may_read_what_is_charged_or_preferred() {
    let mut harness = harness();
    let honest = Invite::from(HONEST_USER).pai(HONEST_USER);
    for (line, header) in [
        ("P-Charge-Info: <tel:+14155551234>", AniHeader::PChargeInfo),
        ("p-charge-info:sip:4155551234@c.example", AniHeader::PChargeInfo),
        ("P-Preferred-Identity: \"a\" <sip:+14155551234@c.example>", AniHeader::PPreferredIdentity),
    ] {
        let run = harness.invite(CHARGED, &honest.clone().line(line));
        assert_eq!(run.exit, Counter::DropBlocked, "{line}");
        assert_eq!(run.header().ani_header, header as u8, "{line}");
    }
    // Longer and shorter names are other headers.
    for line in [
        "P-Charge-Information: <tel:+14155551234>",
        "P-Charge-Inf: <tel:+14155551234>",
        "P-Preferred-Identities: <tel:+14155551234>",
        "P-Preferred-Ident: <tel:+14155551234>",
    ] {
        let run = harness.invite(CHARGED, &honest.clone().line(line));
        assert_eq!((run.exit, run.header().ani_header), (Counter::Pass, AniHeader::From as u8));
    }
}

#[test]
fn the_longest_prefix_says_which_trunk_and_the_trunk_says_which_headers() {
    let mut harness = harness();
    let spoofed = Invite::from(HONEST_USER).pai(BLOCKED_USER);
    let run = harness.invite(FROM_ONLY, &spoofed);
    assert_eq!(run.exit, Counter::Pass, "a trunk with `from` alone reads no other header");
    assert_eq!((run.header().trunk, run.header().ani), (FROM_ONLY_INDEX, number(HONEST)));
    assert_eq!(run.header().ani_header, AniHeader::From as u8);

    let run = harness.invite(FROM_ONLY, &Invite::from(BLOCKED_USER).pai(HONEST_USER));
    assert_eq!(run.exit, Counter::DropBlocked);

    // The last address of the wider network and the first of the narrower one.
    assert_eq!(harness.invite("203.0.113.127", &spoofed).exit, Counter::DropBlocked);
    assert_eq!(harness.invite("203.0.113.128", &spoofed).exit, Counter::Pass);
}

#[test]
fn who_is_no_trunk_is_not_decided() {
    let mut harness = harness();
    // Beside each trunk's network, and an IPv4 trunk's address in an IPv6 packet's last bytes.
    for source in [
        STRANGER,
        "203.0.112.255",
        "203.0.114.0",
        "2001:db8:2::9",
        "::cb00:7109",
        "2001:db8:0:ffff::1",
    ] {
        let run = harness.invite(source, &Invite::from(BLOCKED_USER));
        assert_eq!(run.exit, Counter::PassUntrusted, "{source}");
        assert_eq!(run.header().trunk, NO_TRUNK, "{source}");
        assert_eq!(run.header().ani, Number::NONE, "{source}");
    }
}

#[test]
fn national_numbers_are_completed_by_the_trunks_country() {
    let mut harness = harness();
    for user in ["4155551234", "14155551234", "+14155551234", "01114155551234"] {
        for invite in [
            Invite::from(user),
            Invite::from(HONEST_USER).pai(user),
            Invite::from(HONEST_USER).rpid(user),
        ] {
            let run = harness.invite(US, &invite);
            assert_eq!(run.exit, Counter::DropBlocked, "{user}");
            assert_eq!(run.header().ani, number(BLOCKED), "{user}");
        }
    }
    let mut tel = Invite::from(HONEST_USER);
    tel.pai = Some("<tel:+14155551234>".into());
    assert_eq!(harness.invite(US, &tel).exit, Counter::DropBlocked);
    // Seven digits and another country's number with the same digits at its end are not his.
    for user in ["5551234", "+444155551234", "+1415555123", "+141555512345"] {
        assert_ne!(harness.invite(US, &Invite::from(user)).exit, Counter::DropBlocked, "{user}");
    }
}

#[test]
fn who_has_no_number_passes() {
    let mut harness = harness();
    for user in ["anonymous", "Anonymous", "alice", "a4155551234", "1001", "911", "0"] {
        for invite in [Invite::from(user), Invite::from(BLOCKED_USER).pai(user)] {
            let run = harness.invite(US, &invite);
            assert_eq!(run.exit, Counter::PassNoAni, "{user}");
            assert_eq!(run.header().ani, Number::NONE, "{user}");
        }
    }
}

#[test]
fn calls_within_a_dialog_pass() {
    let mut harness = harness();
    let mut invite = Invite::from(BLOCKED_USER);
    for tail in [";tag=b2", ";x=y;tag=b2", ";TAG=b2"] {
        invite.to = format!("<sip:+18005550199@sbc.example>{tail}");
        assert_eq!(harness.invite(US, &invite).exit, Counter::PassInDialog, "{tail}");
    }
    invite.to = "sip:+18005550199@sbc.example;tag=b2".into();
    assert_eq!(harness.invite(US, &invite).exit, Counter::PassInDialog, "without brackets");
    // None of these is To's tag.
    for to in [
        "<sip:+18005550199@sbc.example;tag=b2>",
        "<sip:+18005550199@sbc.example>;xtag=b2",
        "<sip:+18005550199@sbc.example>;tagx=b2",
        "\"tag=b2\" <sip:+18005550199@sbc.example>",
    ] {
        invite.to = to.into();
        assert_eq!(harness.invite(US, &invite).exit, Counter::DropBlocked, "{to}");
    }
}

#[test]
fn emergency_and_priority_calls_pass() {
    let mut harness = harness();
    let blocked = Invite::from(BLOCKED_USER);
    let mut urn = blocked.clone();
    let mut passing = vec![
        blocked.clone().to("911"),
        blocked.clone().to("112"),
        blocked.clone().line("Resource-Priority: ets.0"),
        blocked.clone().line("Resource-Priority: wps.3"),
        blocked.clone().line("resource-priority:esnet.1"),
    ];
    for service in ["urn:service:sos", "urn:service:sos.police", "URN:service:SOS"] {
        urn.uri = service.into();
        passing.push(urn.clone());
    }
    for invite in passing {
        let run = harness.invite(US, &invite);
        assert_eq!(run.exit, Counter::PassPriority, "{invite:?}");
        assert_eq!(run.header().ani, number(BLOCKED), "the caller is told all the same");
    }
    for invite in [
        blocked.clone().to("9112"),
        blocked.clone().to("+911"),
        blocked.clone().line("Resource-Priority: dsn.flash"),
        blocked.line("X-Resource-Priority: ets.0"),
    ] {
        let exit = harness.invite(US, &invite).exit;
        if invite.uri.contains("+911") {
            // Digits are compared as dialled, and a plus before them does no harm.
            assert_eq!(exit, Counter::PassPriority, "{invite:?}");
        } else {
            assert_eq!(exit, Counter::DropBlocked, "{invite:?}");
        }
    }
}

#[test]
fn an_entry_ends_when_it_says_and_a_removal_at_once() {
    let mut harness = Harness::new();
    let invite = Invite::from(BLOCKED_USER);
    assert_eq!(harness.invite(US, &invite).exit, Counter::Pass, "nobody is blocked");
    harness.block(BLOCKED, Some(-1));
    assert_eq!(harness.invite(US, &invite).exit, Counter::Pass, "ended a second ago");
    harness.block(BLOCKED, Some(3_600));
    assert_eq!(harness.invite(US, &invite).exit, Counter::DropBlocked, "ends in an hour");
    harness.block(BLOCKED, Some(-1));
    assert_eq!(harness.invite(US, &invite).exit, Counter::Pass, "a later entry goes before");
    harness.block(BLOCKED, None);
    assert_eq!(harness.invite(US, &invite).exit, Counter::DropBlocked, "never ends");
    harness.unblock(BLOCKED);
    assert_eq!(harness.invite(US, &invite).exit, Counter::Pass, "taken off");
    // Not there is no error.
    harness.unblock(BLOCKED);
}

#[test]
fn a_blocked_caller_spends_no_budget() {
    let mut harness = Harness::new();
    harness.limit(1, Duration::from_secs(600));
    harness.block(BLOCKED, None);
    let invite = Invite::from(BLOCKED_USER);
    for _ in 0..5 {
        assert_eq!(harness.invite(US, &invite).exit, Counter::DropBlocked);
    }
    harness.unblock(BLOCKED);
    assert_eq!(harness.invite(US, &invite).exit, Counter::Pass);
    assert_eq!(harness.invite(US, &invite).exit, Counter::DropLimited);
}

#[test]
fn the_claimed_attestation_is_told() {
    let mut harness = Harness::new();
    let invite = Invite::from(HONEST_USER);
    let garbled = "Identity: eyJhbGciOiJFUzI1NiJ9.eyJkZXN0Ijp7.c2ln;info=<https://c.example/1>";
    let cases = [
        (invite.clone(), Attestation::None),
        (invite.clone().attested('A'), Attestation::A),
        (invite.clone().attested('B'), Attestation::B),
        (invite.clone().attested('C'), Attestation::C),
        (invite.clone().attested('D'), Attestation::Unclear),
        (invite.clone().line(garbled), Attestation::Unclear),
        (invite.clone().line("Identity: no-token"), Attestation::Unclear),
        (invite.clone().attested('A').attested('A'), Attestation::Unclear),
        (invite.clone().line("y: e30.eyJhdHRlc3QiOiJBIn0.c2ln"), Attestation::A),
        (invite.line("Identity-Info: e30.eyJhdHRlc3QiOiJBIn0.c2ln"), Attestation::None),
    ];
    for (invite, attestation) in cases {
        let run = harness.invite(US, &invite);
        assert_eq!(run.exit, Counter::Pass, "{invite:?}");
        assert_eq!(run.header().attestation, attestation as u8, "{invite:?}");
    }
}
