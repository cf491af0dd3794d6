//! The same bytes as serde makes.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    capture::{Reach, Transport},
    invite::{AniStatus, HeldAs},
    policy::Verdict,
    stir::{Judged, Judgement, Outcome},
    telemetry::habits::Habits,
};

fn text() -> impl Strategy<Value = Cow<'static, str>> {
    // Mostly what stands in a URI, and all that has to be escaped.
    prop_oneof![
        "[a-z0-9:;=@.+-]{0,40}",
        "[a-z\"\\\\\u{0}-\u{1f}\u{7f}-\u{a0}\u{2028}é😀]{0,20}",
        any::<String>(),
    ]
    .prop_map(Cow::Owned)
}

fn texts() -> impl Strategy<Value = Vec<Cow<'static, str>>> {
    prop::collection::vec(text(), 0..3)
}

fn maybe() -> impl Strategy<Value = Option<Cow<'static, str>>> {
    prop::option::of(text())
}

fn invite() -> impl Strategy<Value = Invite<'static>> {
    (
        (any::<u64>(), any::<i64>(), any::<SocketAddr>(), any::<SocketAddr>(), any::<bool>()),
        (maybe(), maybe(), maybe(), maybe(), text(), maybe(), maybe(), maybe()),
        (texts(), texts(), texts(), texts(), maybe(), maybe(), maybe(), maybe()),
        (prop::collection::vec(any::<u16>(), 0..3), any::<Option<u32>>(), any::<Option<bool>>()),
    )
        .prop_map(|(facts, headers, lists, numbers)| {
            let (frame, ts, src, dst, retransmission) = facts;
            let (trunk, call_id, from_tag, to_tag, request_uri, request_user, from_user, display) =
                headers;
            let (asserted, party, diversion, privacy, ani, verstat, dnis, charge) = lists;
            let (vlan, cseq, caller_id_matches) = numbers;
            let uris = asserted.clone();
            let (signer, passports) = (dnis.clone(), passports(&uris, cseq.is_some()));
            let fragments = cseq.unwrap_or(3);
            Invite {
                frame,
                ts: Timestamp(ts),
                src,
                dst,
                transport: Transport::Sctp,
                reach: Reach::Observe,
                vlan,
                fragments,
                trunk,
                call_id,
                cseq,
                from_tag,
                to_tag,
                retransmission,
                request_uri,
                request_user,
                from_user,
                from_display: display,
                to_user: ani.clone(),
                p_asserted_identity: asserted,
                remote_party_id: party,
                p_charge_info: charge,
                diversion,
                privacy,
                ani: ani.clone(),
                ani_source: ani.as_ref().map(|_| "from"),
                ani_status: AniStatus::NotANumber,
                ani_form: "impossible",
                oli: dnis.clone().map(|value| Line {
                    parameter: "cpc",
                    value,
                    header: "from",
                    meaning: cseq.map(|_| "prison"),
                    line_type: cseq.map(|_| LineType::Prison),
                }),
                caller_id: dnis.clone(),
                caller_id_matches,
                display_matches: caller_id_matches.map(|matches| !matches),
                toll_free: retransmission,
                candidates: candidates(&uris, &dnis),
                dnis,
                attestation: Attestation {
                    level: "none",
                    source: verstat.as_ref().map(|_| "verstat"),
                    signature: "absent",
                    reason: Some("passport too long"),
                    signer,
                    passports,
                    verification: None,
                    outcome: "passed",
                    origination_id: verstat.clone(),
                    origination_source: verstat.as_ref().map(|_| "header"),
                    identity_bypass: verstat.clone(),
                    told: told(&uris),
                    told_left_out: fragments,
                    verstat,
                },
                kernel: Kernel {
                    plain: !retransmission,
                    not_plain: Some("scheme"),
                    ani,
                    attestation: "none",
                    lists: retransmission.then_some("block"),
                    rule: retransmission.then_some("list:\"b\u{1}"),
                },
                held: cseq.map(|_| HeldAs::Decided),
                hold: None,
                verdict: Verdict::Drop,
                answer: cseq.map(|number| number as u16),
                rule: Some("list:block"),
                observed: if retransmission { vec!["list:x", "limit:\\y"] } else { Vec::new() },
                malformed: vec!["via", "to"],
                habits: Habits::default(),
                attempt: None,
                reply: None,
            }
        })
}

/// One for each URI, each for another reason.
fn candidates(
    uris: &[Cow<'static, str>],
    number: &Option<Cow<'static, str>>,
) -> Vec<Candidate<'static>> {
    let candidate = |(at, uri): (usize, &Cow<'static, str>)| Candidate {
        header: "p-asserted-identity",
        value: at,
        uri: uri.clone(),
        display: number.clone(),
        number: number.clone(),
        status: AniStatus::Ok,
        form: "e164",
        parameters: Some(uri.clone()),
        why: Why::ALL[at % Why::ALL.len()],
    };
    uris.iter().enumerate().map(candidate).collect()
}

/// One for each text, each with another outcome.
fn passports(texts: &[Cow<'static, str>], any: bool) -> Passports {
    if !any {
        return Passports::NONE;
    }
    let judged = |(at, text): (usize, &Cow<'static, str>)| Judged {
        ppt: (at > 0).then(|| text.as_ref().into()),
        outcome: Outcome::ALL[at % Outcome::ALL.len()],
        signer: (at > 0).then(|| text.as_ref().into()),
        url: Some(text.as_ref().into()),
        iat: (at > 0).then_some(-1),
        attest: None,
        orig: Some(text.as_ref().into()),
        ..Judged::of(Outcome::Valid)
    };
    Passports::of(Arc::new(Judgement {
        passports: texts.iter().enumerate().map(judged).collect(),
        ..Judgement::of(Outcome::Stale)
    }))
}

/// One for each text, believed or for another reason not.
fn told(texts: &[Cow<'static, str>]) -> Vec<Told<'static>> {
    let told = |(at, text): (usize, &Cow<'static, str>)| Told {
        token: text.clone(),
        header: text.clone(),
        place: "user",
        by: "carrier",
        believed: at == 0,
        why: (at > 0).then(|| Doubt::ALL[at % Doubt::ALL.len()]),
        outcome: "failed",
        level: (at == 0).then_some("A"),
    };
    texts.iter().enumerate().map(told).collect()
}

proptest! {
    #[test]
    fn the_same_as_serde_makes(invite in invite()) {
        let mut written = b"[".to_vec();
        invite.write_json(&mut written);
        let expected = format!("[{}", serde_json::to_string(&invite).expect("JSON"));
        prop_assert_eq!(String::from_utf8(written).expect("UTF-8"), expected);
    }

    #[test]
    fn numbers_are_written_as_they_are(number: u16) {
        let mut written = Vec::new();
        decimal(number, &mut written);
        prop_assert_eq!(String::from_utf8(written).expect("digits"), number.to_string());
    }
}
