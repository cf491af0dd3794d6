//! What is put before the verifier, and what becomes of what he says.

use std::sync::Mutex;

use super::*;
use crate::{
    capture::{Content, Frame, Reach, Transport},
    config::{Config, Stir, Trunk, countries},
    identity::Profile,
    pipeline::Pipeline,
    policy::memory::Memory,
    stir::Judged,
};

const IDENTITY: &str = "Identity: e30.e30.c2ln;info=<https://c.example/1>;ppt=shaken\r\n";

/// What it was asked, as text; says what it was told to.
struct Scribe {
    asked: Arc<Mutex<Vec<String>>>,
    outcome: Outcome,
}

impl Verifier for Scribe {
    fn verify(&mut self, call: &Call<'_>, whose: &Whose<'_>) -> Answer {
        let party = |party: &Option<Party<'_>>| match party {
            None => "-".to_owned(),
            Some(Party::Tn(tn)) => format!("tn {tn}"),
            Some(Party::Uri(uri)) => format!("uri {uri}"),
        };
        let line = format!(
            "{} of {} by {}, {} and {}; date {:?}; {} at {}; counts {}{}",
            call.identity.len(),
            party(&call.caller),
            whose.trunk,
            party(&call.called[0]),
            party(&call.called[1]),
            call.date.map(String::from_utf8_lossy),
            whose.ani.unwrap_or("-"),
            call.now.seconds(),
            whose.starts,
            call.resource_priority.as_deref().map_or_else(String::new, |values| {
                format!("; priority {}", String::from_utf8_lossy(values))
            }),
        );
        self.asked.lock().expect("lock").push(line);
        let judged = Judged {
            ppt: Some("shaken".into()),
            outcome: self.outcome,
            signer: Some("1234".into()),
            url: Some("https://c.example/1".into()),
            iat: Some(5),
            attest: Some("A".into()),
            orig: Some("12155551212".into()),
            name: Some("Alice".into()),
            call_reason: Some("a parcel".into()),
            priority: ["ets.0".into()].into(),
            ..Judged::of(self.outcome)
        };
        let judgement = Judgement {
            signer: Some("1234".into()),
            passports: vec![judged],
            ..Judgement::of(self.outcome)
        };
        Answer { judgement: Arc::new(judgement), counts: true }
    }
}

/// What one message comes to: the attestation as JSON, and what the verifier was asked.
fn run(
    message: &str,
    trusted: bool,
    stir: Stir,
    outcome: Option<Outcome>,
) -> (serde_json::Value, Option<Outcome>, Vec<String>) {
    let profile = Profile {
        ani: vec![AniHeader::Passport, AniHeader::PAssertedIdentity, AniHeader::From],
        ..Profile::generic()
    };
    let source = if trusted { "192.0.2.1/32" } else { "192.0.2.2/32" };
    let sources = vec![source.parse().expect("network")];
    let trunk = Trunk::new("carrier-a".to_owned(), sources, profile, countries::find("US"));
    let config = Arc::new(Config { trunks: vec![trunk].into(), stir, ..Config::default() });
    let rules = Arc::new(Memory::new(&config));
    let mut pipeline = Pipeline::new(config, rules, Arc::default());
    let asked = Arc::new(Mutex::default());
    if let Some(outcome) = outcome {
        let scribe = Scribe { asked: Arc::clone(&asked), outcome };
        pipeline = pipeline.verifying(Box::new(scribe));
    }
    let address = ([192, 0, 2, 1], 5060).into();
    let frame = Frame {
        number: 1,
        arrived: Timestamp::new(7, 0),
        content: Content::Message {
            src: address,
            dst: address,
            transport: Transport::Udp,
            bytes: message.as_bytes(),
        },
        reach: Reach::Answer,
        kernel: None,
    };
    let mut found = None;
    pipeline.frame(&frame, &mut |invite| {
        let json = serde_json::to_value(&invite.attestation).expect("JSON");
        found = Some((json, invite.attestation.verification));
    });
    let (json, verification) = found.expect("an INVITE");
    let asked = asked.lock().expect("lock").clone();
    (json, verification, asked)
}

fn message(headers: &str) -> String {
    format!(
        "INVITE sip:2125550100@sbc.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n\
         To: <sip:+12125550100@Sbc.Example>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\
         Max-Forwards: 70\r\nDate: Sat, 21 Nov 2026 12:00:00 GMT\r\n{headers}\
         Content-Length: 0\r\n\r\n"
    )
}

fn anchored() -> Stir {
    Stir { anchors: Some("/anchors".into()), ..Stir::default() }
}

#[test]
fn a_call_is_put_before_the_verifier_in_canonical_numbers() {
    for (headers, expected) in [
        (
            "From: <sip:2155551212@h>;tag=1\r\n",
            "1 of tn 12155551212 by carrier-a, tn 12125550100 and -; date None; +12155551212 at 7; \
             counts true",
        ),
        (
            "From: <sip:a@h>;tag=1\r\nP-Asserted-Identity: <tel:+1-215-555-1212>\r\n",
            "1 of tn 12155551212 by carrier-a, tn 12125550100 and -; date None; +12155551212 at 7; \
             counts true",
        ),
        (
            "From: <sip:Alice;x=1@Example.COM;user=ip>;tag=1\r\n",
            "1 of uri sip:Alice@example.com by carrier-a, tn 12125550100 and -; date None; Alice at \
             7; counts true",
        ),
        (
            "From: <sip:911@h>;tag=1\r\n",
            "1 of tn 911 by carrier-a, tn 12125550100 and -; date None; 911 at 7; counts true",
        ),
        (
            "From: <sip:anonymous@anonymous.invalid>;tag=1\r\n",
            "1 of - by carrier-a, tn 12125550100 and -; date None; - at 7; counts true",
        ),
    ] {
        let (_, _, asked) =
            run(&message(&format!("{headers}{IDENTITY}")), true, anchored(), Some(Outcome::Valid));
        assert_eq!(asked, [expected]);
    }
}

#[test]
fn to_is_compared_where_it_is_another_and_date_where_it_is_needed() {
    let text = message("From: <sip:2155551212@h>;tag=1\r\nIdentity: ..c;info=<https://c/1>\r\n")
        .replace("+12125550100@Sbc.Example>", "service@Sbc.Example>;tag=2");
    let (_, _, asked) = run(&text, true, anchored(), Some(Outcome::Valid));
    let expected = "1 of tn 12155551212 by carrier-a, tn 12125550100 and uri \
                    sip:service@sbc.example; date Some(\"Sat, 21 Nov 2026 12:00:00 GMT\"); \
                    +12155551212 at 7; counts false";
    assert_eq!(asked, [expected]);
}

#[test]
fn the_priority_that_is_asked_for_is_looked_for_where_a_passport_may_grant_it() {
    let asked = "Resource-Priority: ets.0, wps.1\r\nresource-priority:dsn.flash\r\n";
    for (parameters, header, expected) in [
        ("ppt=rph", asked, "; priority ets.0, wps.1,dsn.flash"),
        ("ppt=\"RPH\"", asked, "; priority ets.0, wps.1,dsn.flash"),
        ("ppt=\"div-o\"", "Resource-Priority: ets.0\r\n", "; priority ets.0"),
        ("ppt=rph", "Resource-Priority:\r\n", "; priority "),
        ("ppt=rph", "", ""),
        ("ppt=shaken", asked, ""),
    ] {
        let text = message(&format!(
            "From: <sip:2155551212@h>;tag=1\r\nIdentity: rph.b.c;info=<https://c/1>;{parameters}\r\n\
             {header}"
        ));
        let (_, _, lines) = run(&text, true, anchored(), Some(Outcome::Valid));
        assert!(lines[0].ends_with(&format!("counts true{expected}")), "{lines:?}");
    }
}

/// Where the trunk reads the caller from the PASSporT itself, `orig` is held against the next header:
/// against itself it would always hold.
#[test]
fn a_passport_is_not_compared_with_itself() {
    // {"ppt":"shaken"} and {"attest":"A","orig":{"tn":"13125550000"}}
    let token = "eyJwcHQiOiJzaGFrZW4ifQ.\
                 eyJhdHRlc3QiOiJBIiwib3JpZyI6eyJ0biI6IjEzMTI1NTUwMDAwIn19.c2ln";
    let text = message(&format!(
        "From: <sip:2155551212@h>;tag=1\r\nIdentity: {token};info=<https://c/1>;ppt=shaken\r\n"
    ));
    let (json, _, asked) = run(&text, true, anchored(), Some(Outcome::OrigMismatch));
    assert!(asked[0].starts_with("1 of tn 12155551212 by carrier-a"), "{asked:?}");
    assert!(asked[0].contains("; +13125550000 at"), "{asked:?}");
    assert_eq!((&json["level"], &json["reason"]), (&"A".into(), &"orig-mismatch".into()));
}

#[test]
fn the_record_says_what_came_of_it() {
    let text = message(&format!("From: <sip:2155551212@h>;tag=1\r\n{IDENTITY}"));
    for (outcome, signature, reason, code) in [
        (Outcome::Valid, "valid", None, None),
        (Outcome::Stale, "invalid", Some("stale"), Some(403)),
        (Outcome::PoolFull, "unverified", Some("pool-full"), None),
    ] {
        let (json, verification, _) = run(&text, true, anchored(), Some(outcome));
        assert_eq!(verification, Some(outcome));
        assert_eq!(json["signature"], signature);
        assert_eq!(json["reason"].as_str(), reason);
        assert_eq!(json["signer"], "1234");
        // What is vouched for is there only where somebody vouches.
        let vouched = |value: serde_json::Value| match outcome {
            Outcome::Valid => value,
            _ => serde_json::Value::Null,
        };
        let expected = serde_json::json!([{
            "ppt": "shaken", "outcome": outcome.as_str(), "code": code, "signer": "1234",
            "url": "https://c.example/1", "iat": 5, "attest": "A", "orig": "12155551212",
            "origid": null, "name": vouched("Alice".into()),
            "call_reason": vouched("a parcel".into()), "priority": vouched(["ets.0"][..].into()),
        }]);
        assert_eq!(json["passports"], expected);
    }
}

#[test]
fn nobody_is_asked_about_a_stranger_or_without_anchors_or_when_it_is_off() {
    let signed = message(&format!("From: <sip:2155551212@h>;tag=1\r\n{IDENTITY}"));
    let off = Stir { verify: false, ..anchored() };
    for (trusted, stir, verifier, reason) in [
        (false, anchored(), true, "off"),
        (true, off, true, "off"),
        (true, Stir::default(), true, "no-anchors"),
        (true, anchored(), false, "no-anchors"),
    ] {
        let verifier = verifier.then_some(Outcome::Valid);
        let (json, verification, asked) = run(&signed, trusted, stir, verifier);
        assert_eq!(asked, [""; 0]);
        assert_eq!(json["signature"], "unverified");
        assert_eq!((&json["reason"], &json["passports"]), (&reason.into(), &serde_json::json!([])));
        assert_eq!(verification, Outcome::find(reason));
    }
    let (json, verification, asked) =
        run(&message("From: <sip:1@h>;tag=1\r\n"), true, anchored(), Some(Outcome::Valid));
    assert_eq!((&json["signature"], verification), (&"absent".into(), None));
    assert_eq!((&json["reason"], asked.len()), (&serde_json::Value::Null, 0));
}
