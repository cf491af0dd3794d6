//! Calls, right and wrong, by certificates of an authority of the tests' own.

use std::{collections::HashMap, sync::LazyLock};

use serde_json::{Value, json};

use super::*;
use crate::{
    stir::{
        Replays, Trust,
        authority::{Authority, Leaf, NOW, Signer},
        base64url,
        call::Party,
        constraints::{Constraints, Permitted},
        passport::MAX_PASSPORT,
        tn_auth_list::Entry,
    },
    time::Timestamp,
};

/// Who calls, who is called, and to whom that one diverts.
const A: &str = "12155550100";
const B: &str = "12155550199";
const C: &str = "12155550188";
const D: &str = "12155550177";

/// Where the certificate is that may sign for all numbers.
const X5U: &str = "https://cert.example/spc.pem";

/// Where the one is that may sign for B alone, and one that may for calls from it with a level only.
const X5U_OF_B: &str = "https://cert.example/b.pem";
const X5U_CONSTRAINED: &str = "https://cert.example/constrained.pem";

/// Where there is none.
const X5U_PENDING: &str = "https://cert.example/pending.pem";
const X5U_HTTP: &str = "http://cert.example/spc.pem";

/// The authority's signers and their certificates.
struct World {
    spc: Signer,
    of_b: Signer,
    constrained: Signer,
    trusted: Book,
    no_anchors: Book,
}

struct Book(HashMap<&'static str, Arc<Credential>>);

impl Credentials for Book {
    fn find(&self, url: &str) -> Result<Arc<Credential>, Outcome> {
        if !url.starts_with("https://") {
            return Err(Outcome::UrlRefused);
        }
        self.0.get(url).cloned().ok_or(Outcome::CertificatePending)
    }
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let root = Authority::root("Root");
    let issuing = root.below("Issuing");
    let spc = issuing.issue(Leaf::spc("709J"));
    let of_b = issuing.issue(Leaf::numbers(&[Entry::One(B.to_owned())]));
    let constraints = Constraints {
        permitted: vec![Permitted { claim: "attest".to_owned(), values: vec!["B".to_owned()] }],
        ..Constraints::default()
    };
    let leaf = Leaf { constraints: Some(constraints), ..Leaf::spc("710J") };
    let constrained = issuing.issue(leaf);
    let book = |trust: &Trust| {
        let read = |signer: &Signer| {
            Arc::new(Credential::read(signer.chain().as_bytes(), trust).expect("certificates"))
        };
        Book(HashMap::from([
            (X5U, read(&spc)),
            (X5U_OF_B, read(&of_b)),
            (X5U_CONSTRAINED, read(&constrained)),
        ]))
    };
    let trusted = book(&Trust::from_pem(root.pem().as_bytes(), b""));
    let no_anchors = book(&Trust::from_pem(b"", b""));
    World { spc, of_b, constrained, trusted, no_anchors }
});

/// A call from A to B, with its PASSporTs.
struct Ring {
    values: Vec<String>,
    caller: Option<&'static str>,
    called: [&'static str; 2],
    date: Option<&'static [u8]>,
    resource_priority: Option<&'static [u8]>,
    now: i64,
    attempt: u64,
    cut: bool,
}

impl Ring {
    fn of(values: &[String]) -> Self {
        Self {
            values: values.to_vec(),
            caller: Some(A),
            called: [B, B],
            date: None,
            resource_priority: None,
            now: NOW,
            attempt: 7,
            cut: false,
        }
    }

    fn judged_with(&self, book: &Book, settings: &Settings, replays: &mut Replays) -> Judgement {
        let values: Vec<_> = self.values.iter().map(String::as_bytes).collect();
        let call = Call {
            identity: &values,
            cut: self.cut,
            caller: self.caller.map(|tn| Party::Tn(tn.into())),
            called: self.called.map(|tn| Some(Party::Tn(tn.into()))),
            date: self.date,
            resource_priority: self.resource_priority.map(Into::into),
            attempt: self.attempt,
            now: Timestamp::new(self.now, 999_999_999),
        };
        verify(&call, book, settings, replays, &mut ())
    }

    fn judged(&self) -> Judgement {
        self.judged_with(&WORLD.trusted, &Settings::default(), &mut Replays::default())
    }

    /// What it comes to, and what each comes to.
    fn words(&self) -> (&'static str, Vec<&'static str>) {
        let judgement = self.judged();
        let each = judgement.passports.iter().map(|judged| judged.outcome.as_str());
        (judgement.outcome.as_str(), each.collect())
    }
}

fn word(value: &str) -> &'static str {
    let judgement = Ring::of(&[value.to_owned()]).judged();
    assert_eq!(judgement.passports.len(), 1);
    assert_eq!(judgement.passports[0].outcome, judgement.outcome);
    judgement.outcome.as_str()
}

fn header() -> Value {
    json!({ "alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": X5U })
}

fn claims() -> Value {
    json!({
        "attest": "A", "dest": { "tn": [B] }, "iat": NOW, "orig": { "tn": A }, "origid": "o-1",
    })
}

/// With some members changed, or taken out where they are null.
fn with(mut object: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            object.as_object_mut().expect("an object").remove(name);
        } else {
            object[name] = value.clone();
        }
    }
    object
}

fn value(token: &str, ppt: &str) -> String {
    Signer::identity(token, X5U, ppt)
}

fn shaken(header_changes: &Value, claim_changes: &Value) -> String {
    let (header, claims) = (with(header(), header_changes), with(claims(), claim_changes));
    value(&WORLD.spc.passport(&header, &claims), "shaken")
}

fn good() -> String {
    shaken(&json!({}), &json!({}))
}

/// Says that a call from A to `from` goes on to `to`.
fn div(from: &str, to: &str, changes: &Value) -> String {
    value(&div_token("div", from, to, changes), "div")
}

fn div_token(ppt: &str, from: &str, to: &str, changes: &Value) -> String {
    let header = with(header(), &json!({ "ppt": ppt }));
    let claims = json!({
        "dest": { "tn": [to] }, "div": { "tn": from }, "iat": NOW, "orig": { "tn": A },
    });
    WORLD.spc.passport(&header, &with(claims, changes))
}

#[test]
fn a_call_that_is_signed_is_valid() {
    let judgement = Ring::of(&[good()]).judged();
    assert_eq!(judgement.outcome, Outcome::Valid);
    assert_eq!(judgement.signer.as_deref(), Some("709J"));
    let [judged] = judgement.passports.as_slice() else { panic!("one PASSporT") };
    let expected = Judged {
        ppt: Some("shaken".into()),
        outcome: Outcome::Valid,
        signer: Some("709J".into()),
        url: Some(X5U.into()),
        iat: Some(NOW),
        attest: Some("A".into()),
        orig: Some(A.into()),
        origid: Some("o-1".into()),
        ..Judged::of(Outcome::Valid)
    };
    assert_eq!(*judged, expected);
    assert_eq!(judged.reason(), None);
}

#[test]
fn each_claim_and_parameter_has_its_word() {
    let no = json!({});
    let signed = |changes: &Value| shaken(&no, changes);
    let token = good();
    let token = token.split(';').next().expect("token");
    let parts: Vec<_> = token.split('.').collect();
    for (value, expected) in [
        (good(), "valid"),
        (signed(&json!({ "iat": NOW - 60 })), "valid"),
        (signed(&json!({ "iat": NOW + 60 })), "valid"),
        (signed(&json!({ "iat": NOW as f64 - 0.5 })), "valid"),
        (signed(&json!({ "dest": { "tn": [C, B], "uri": ["sip:x@y"] } })), "valid"),
        (signed(&json!({ "orig": { "tn": "+1 (215) 555-0100" } })), "valid"),
        (format!("{token};INFO=<{X5U}>"), "ppt-mismatch"),
        (format!("{token};info=<{X5U}>;ppt=\"shaken\""), "valid"),
        (format!("{token} ; info = <{X5U}> ; PPT=SHAKEN;alg=\"ES256\""), "valid"),
        // The header.
        (";info=<x>".to_owned(), "header-malformed"),
        (format!("{token};info=<{X5U}>alg=ES256;ppt=shaken"), "header-malformed"),
        (format!("{token};info=<{X5U}>;ppt=other"), "ppt-unsupported"),
        (format!("{token};info=<{X5U}>;ppt=div"), "ppt-mismatch"),
        (format!("{token};info=<{X5U}>;alg=ES384;ppt=shaken"), "alg-unsupported"),
        (format!("{token};alg=ES256;ppt=shaken"), "info-missing"),
        (format!("{token};info=<>;ppt=shaken"), "info-missing"),
        (format!("{token};info=<{X5U}x>;ppt=shaken"), "info-mismatch"),
        (shaken(&json!({ "x5u": null }), &no), "info-missing"),
        (shaken(&json!({ "x5u": 7 }), &no), "info-missing"),
        // The token.
        (value("a.b.c", "shaken"), "token-malformed"),
        (value(&"a".repeat(MAX_PASSPORT + 1), "shaken"), "token-too-long"),
        (value(&format!("{}.{}.AAAA", parts[0], parts[1]), "shaken"), "signature-malformed"),
        (
            value(&WORLD.spc.token(header().to_string().as_bytes(), b"aaaa"), "shaken"),
            "token-malformed",
        ),
        (value(&WORLD.spc.token(b"[]", b"{}"), "shaken"), "token-malformed"),
        (shaken(&json!({ "alg": "none" }), &no), "alg-unsupported"),
        (shaken(&json!({ "alg": 256 }), &no), "alg-unsupported"),
        (shaken(&json!({ "typ": "poussport" }), &no), "typ-wrong"),
        (shaken(&json!({ "ppt": "no" }), &no), "ppt-mismatch"),
        (shaken(&json!({ "ppt": null }), &no), "ppt-mismatch"),
        // Claims.
        (signed(&json!({ "iat": null })), "iat-missing"),
        (signed(&json!({ "iat": NOW.to_string() })), "iat-missing"),
        (signed(&json!({ "iat": NOW - 61 })), "stale"),
        (signed(&json!({ "iat": i64::MIN })), "stale"),
        (signed(&json!({ "iat": NOW + 61 })), "future"),
        (signed(&json!({ "iat": i64::MAX })), "future"),
        (signed(&json!({ "orig": null })), "orig-missing"),
        (signed(&json!({ "orig": {} })), "orig-missing"),
        (signed(&json!({ "orig": { "tn": "" } })), "orig-missing"),
        (signed(&json!({ "orig": { "tn": A, "uri": "sip:a@b" } })), "orig-missing"),
        (signed(&json!({ "orig": "{\"tn\":\"1\"}" })), "claims-malformed"),
        (signed(&json!({ "orig": { "tn": ["1"] } })), "claims-malformed"),
        (signed(&json!({ "orig": { "tn": "Bob" } })), "claims-malformed"),
        (signed(&json!({ "orig": { "tn": B } })), "orig-mismatch"),
        (signed(&json!({ "orig": { "uri": "sip:12155550100@h" } })), "orig-mismatch"),
        (signed(&json!({ "dest": null })), "dest-missing"),
        (signed(&json!({ "dest": { "tn": [] } })), "dest-missing"),
        (signed(&json!({ "dest": { "tn": B } })), "claims-malformed"),
        (signed(&json!({ "dest": { "tn": ["Alice"] } })), "dest-missing"),
        (signed(&json!({ "dest": { "tn": [C] } })), "dest-mismatch"),
        (signed(&json!({ "attest": "D" })), "attest-invalid"),
        (signed(&json!({ "attest": null })), "attest-invalid"),
        (signed(&json!({ "attest": ["A"] })), "attest-invalid"),
        (signed(&json!({ "origid": null })), "origid-missing"),
        (signed(&json!({ "origid": "" })), "origid-missing"),
        (signed(&json!({ "origid": 7 })), "claims-malformed"),
    ] {
        assert_eq!(word(&value), expected, "{value}");
    }
}

#[test]
fn the_certificate_and_the_signature_have_the_last_word() {
    let by = |signer: &Signer, x5u: &str, changes: &Value| {
        let header = with(header(), &json!({ "x5u": x5u }));
        Signer::identity(&signer.passport(&header, &with(claims(), changes)), x5u, "shaken")
    };
    let (world, no) = (&*WORLD, json!({}));
    for (value, expected) in [
        (by(&world.of_b, X5U, &no), "signature-invalid"),
        (by(&world.of_b, X5U_OF_B, &no), "number-not-covered"),
        (by(&world.constrained, X5U_CONSTRAINED, &no), "constraint-violated"),
        (by(&world.constrained, X5U_CONSTRAINED, &json!({ "attest": "B" })), "valid"),
        (by(&world.spc, X5U_PENDING, &no), "certificate-pending"),
        (by(&world.spc, X5U_HTTP, &no), "url-refused"),
    ] {
        assert_eq!(word(&value), expected, "{value}");
    }
    // One bit of it, and each part of it, changed.
    let token = good();
    let token = token.split(';').next().expect("token");
    let dot = token.rfind('.').expect("dot");
    let mut bytes = base64url::strict(&token.as_bytes()[dot + 1..]).expect("signature");
    bytes[63] ^= 1;
    let changed = format!("{}.{}", &token[..dot], base64url::encoded(&bytes));
    assert_eq!(word(&value(&changed, "shaken")), "signature-invalid");
    let zero = format!("{}.{}", &token[..dot], base64url::encoded(&[0; 64]));
    assert_eq!(word(&value(&zero, "shaken")), "signature-invalid");
    let b = shaken(&json!({}), &json!({ "attest": "B" }));
    let b = b.split(';').next().and_then(|token| token.rsplit_once('.')).expect("parts").0;
    assert_eq!(word(&value(&format!("{b}{}", &token[dot..]), "shaken")), "signature-invalid");
}

#[test]
fn what_is_not_known_hides_no_failure_and_looks_like_none() {
    let at = |x5u: &str, changes: &Value| {
        let header = with(header(), &json!({ "x5u": x5u }));
        Signer::identity(&WORLD.spc.passport(&header, &with(claims(), changes)), x5u, "shaken")
    };
    // No certificate: what can be told without it is.
    for (changes, expected) in [
        (json!({}), "certificate-pending"),
        (json!({ "iat": NOW - 100 }), "stale"),
        (json!({ "orig": { "tn": B } }), "orig-mismatch"),
        (json!({ "dest": { "tn": [C] } }), "dest-mismatch"),
        (json!({ "attest": "X" }), "attest-invalid"),
    ] {
        assert_eq!(word(&at(X5U_PENDING, &changes)), expected);
    }
    // No anchors: the signature is looked at all the same.
    let judged = |values: &[String]| {
        let settings = Settings::default();
        Ring::of(values).judged_with(&WORLD.no_anchors, &settings, &mut Replays::default())
    };
    assert_eq!(judged(&[good()]).outcome, Outcome::NoAnchors);
    let forged = Signer::identity(&WORLD.of_b.passport(&header(), &claims()), X5U, "shaken");
    assert_eq!(judged(std::slice::from_ref(&forged)).outcome, Outcome::SignatureInvalid);
    // Nobody to compare with.
    let anonymous = |value: String| Ring { caller: None, ..Ring::of(&[value]) }.words().0;
    assert_eq!(anonymous(good()), "caller-unknown");
    assert_eq!(anonymous(forged), "signature-invalid");
    assert_eq!(anonymous(shaken(&json!({}), &json!({ "dest": { "tn": [C] } }))), "dest-mismatch");
    // Headers missing from the capture: a diversion may be among them.
    let cut = |values: &[String]| Ring { cut: true, ..Ring::of(values) }.words().0;
    assert_eq!(cut(&[]), "cut-short");
    assert_eq!(cut(&[good()]), "valid");
    assert_eq!(cut(&[shaken(&json!({}), &json!({ "dest": { "tn": [C] } }))]), "cut-short");
    assert_eq!(Ring::of(&[]).words(), ("no-identity", vec![]));
}

#[test]
fn a_bad_one_beside_a_good_one_fails_nothing_and_is_shown() {
    let bad = shaken(&json!({}), &json!({ "iat": NOW - 100 }));
    let pending = Signer::identity(
        &WORLD.spc.passport(&with(header(), &json!({ "x5u": X5U_PENDING })), &claims()),
        X5U_PENDING,
        "shaken",
    );
    let odd = "a.b.c;info=<x>;ppt=odd".to_owned();
    for (values, expected) in [
        (vec![bad.clone(), good()], ("valid", vec!["stale", "valid"])),
        (vec![good(), bad.clone()], ("valid", vec!["valid", "stale"])),
        (vec![pending.clone(), bad.clone()], ("stale", vec!["certificate-pending", "stale"])),
        (
            vec![odd.clone(), pending.clone()],
            ("certificate-pending", vec!["ppt-unsupported", "certificate-pending"]),
        ),
        (vec![odd.clone(), odd.clone()], ("ppt-unsupported", vec!["ppt-unsupported"; 2])),
        (vec![";".to_owned(), good()], ("valid", vec!["header-malformed", "valid"])),
        (
            vec![";".to_owned(), odd],
            ("header-malformed", vec!["header-malformed", "ppt-unsupported"]),
        ),
    ] {
        assert_eq!(Ring::of(&values).words(), expected);
    }
    let many = vec![bad; MAX_PASSPORTS + 9];
    assert_eq!(Ring::of(&many).words(), ("stale", vec!["stale"; MAX_PASSPORTS]));
    let judged = Ring::of(&many[..1]).judged();
    let reason = judged.reasons().next().expect("a reason");
    let signature = many[0].split(';').next().and_then(|token| token.rsplit('.').next());
    let expected = format!(
        "STIR ;cause=403 ;text=\"Stale Date\" ;ppi=\"..{}\"",
        signature.expect("signature")
    );
    assert_eq!(reason, expected);
}

#[test]
fn a_diverted_call_is_followed() {
    let no = json!({});
    let to = |called: &'static str, values: &[String]| {
        // To is written anew.
        Ring { called: [called, called], ..Ring::of(values) }.words()
    };
    let valid = |count| ("valid", vec!["valid"; count]);
    assert_eq!(to(C, &[good(), div(B, C, &no)]), valid(2));
    assert_eq!(to(C, &[div(B, C, &no), good()]), valid(2));
    assert_eq!(to(D, &[div(C, D, &no), good(), div(B, C, &no)]), valid(3));
    // The call took its time: each is fresh by the one behind it.
    let late = shaken(&no, &json!({ "iat": NOW - 100 }));
    let earlier = json!({ "iat": NOW - 50 });
    assert_eq!(to(D, &[late.clone(), div(B, C, &earlier), div(C, D, &no)]), valid(3));
    assert_eq!(
        to(C, &[late.clone(), div(B, C, &no)]),
        ("stale", vec!["stale", "valid"]),
        "a diversion of a PASSporT that was stale then"
    );
    // What leads nowhere.
    let broken = |values: &[String], each: &[&'static str]| {
        assert_eq!(to(D, values), (each[0], each.to_vec()));
    };
    broken(&[good()], &["dest-mismatch"]);
    broken(&[good(), div(C, D, &no)], &["div-broken", "div-broken"]);
    broken(&[good(), div(B, C, &no)], &["div-broken", "div-broken"]);
    let other = json!({ "orig": { "tn": D } });
    broken(&[good(), div(B, D, &other)], &["div-broken", "orig-mismatch"]);
    broken(&[div(C, D, &no)], &["div-broken"]);
    // A link that does not hold.
    broken(&[good(), div(B, D, &json!({ "iat": NOW - 61 }))], &["div-broken", "stale"]);
    broken(
        &[good(), div(B, D, &json!({ "div": { "tn": 7 } }))],
        &["div-broken", "claims-malformed"],
    );
    let forged = WORLD.of_b.passport(
        &with(header(), &json!({ "ppt": "div" })),
        &json!({ "dest": { "tn": [D] }, "div": { "tn": B }, "iat": NOW, "orig": { "tn": A } }),
    );
    broken(&[good(), value(&forged, "div")], &["div-broken", "signature-invalid"]);
    // One nothing is known of.
    let header = with(header(), &json!({ "ppt": "div", "x5u": X5U_PENDING }));
    let claims =
        json!({ "dest": { "tn": [D] }, "div": { "tn": B }, "iat": NOW, "orig": { "tn": A } });
    let pending = Signer::identity(&WORLD.spc.passport(&header, &claims), X5U_PENDING, "div");
    broken(&[good(), pending], &["certificate-pending", "certificate-pending"]);
    // Signed by who diverts, whose certificate is for his number alone.
    let header = with(header, &json!({ "x5u": X5U_OF_B }));
    let own = Signer::identity(&WORLD.of_b.passport(&header, &claims), X5U_OF_B, "div");
    assert_eq!(to(D, &[good(), own]), valid(2));
    let claims = with(claims, &json!({ "div": { "tn": C } }));
    let others = Signer::identity(&WORLD.of_b.passport(&header, &claims), X5U_OF_B, "div");
    broken(
        &[shaken(&no, &json!({ "dest": { "tn": [C] } })), others],
        &["div-broken", "number-not-covered"],
    );
}

#[test]
fn a_diverted_call_whose_to_is_as_it_was_is_valid_and_the_diversion_judged() {
    let ring = |values: &[String]| Ring { called: [C, B], ..Ring::of(values) }.words();
    let no = json!({});
    assert_eq!(ring(&[good()]), ("valid", vec!["valid"]));
    assert_eq!(ring(&[good(), div(B, C, &no)]), ("valid", vec!["valid"; 2]));
    let stale = div(B, C, &json!({ "iat": NOW - 61 }));
    assert_eq!(ring(&[good(), stale]), ("valid", vec!["valid", "stale"]));
    assert_eq!(ring(&[good(), div(D, C, &no)]), ("valid", vec!["valid", "div-broken"]));
}

#[test]
fn at_most_so_many_diversions() {
    let numbers: Vec<_> = (0..=MAX_DIVERSIONS + 1).map(|at| format!("1215555020{at}")).collect();
    let first = shaken(&json!({}), &json!({ "dest": { "tn": [numbers[0]] } }));
    let links = numbers.windows(2).map(|pair| div(&pair[0], &pair[1], &json!({})));
    let values: Vec<_> = std::iter::once(first).chain(links).collect();
    let ring = |count: usize, called: &'static str| {
        Ring { called: [called, called], ..Ring::of(&values[..=count]) }.words()
    };
    assert_eq!(ring(5, "12155550205"), ("valid", vec!["valid"; 6]));
    assert_eq!(ring(6, "12155550206"), ("div-broken", vec!["div-broken"; 7]));
    // Round and round.
    let mut round = vec![good()];
    round.extend((0..MAX_PASSPORTS).map(|_| div(B, B, &json!({}))));
    let (word, each) = Ring { called: [D, D], ..Ring::of(&round) }.words();
    assert_eq!((word, each.len()), ("div-broken", MAX_PASSPORTS));
}

#[test]
fn a_passport_within_another_is_read_and_judged() {
    let token = |value: String| value.split(';').next().expect("token").to_owned();
    let ring = |called: &'static str, outer: &str| {
        let values = [value(outer, "div-o")];
        Ring { called: [called, called], ..Ring::of(&values) }.words()
    };
    let one = div_token("div-o", B, C, &json!({ "opt": token(good()) }));
    assert_eq!(ring(C, &one), ("valid", vec!["valid"; 2]));
    let two = div_token("div-o", C, D, &json!({ "opt": one }));
    assert_eq!(ring(D, &two), ("valid", vec!["valid"; 3]));
    assert_eq!(ring(B, &two).0, "valid", "the one within is to B itself");
    let stale = shaken(&json!({}), &json!({ "iat": NOW - 61 }));
    let outer = div_token("div-o", B, C, &json!({ "opt": token(stale) }));
    assert_eq!(ring(C, &outer), ("stale", vec!["valid", "stale"]));
    let other = div_token("div-o", D, C, &json!({ "opt": token(good()) }));
    assert_eq!(ring(C, &other), ("div-broken", vec!["div-broken"; 2]));
    let none = div_token("div-o", B, C, &json!({}));
    assert_eq!(ring(C, &none), ("claims-malformed", vec!["claims-malformed"]));
    let garbage = div_token("div-o", B, C, &json!({ "opt": "a.b.c" }));
    assert_eq!(ring(C, &garbage), ("token-malformed", vec!["div-broken", "token-malformed"]));
    // One within another within another: there is an end.
    let mut outer = token(good());
    while outer.len() < MAX_PASSPORT * 2 / 3 {
        outer = div_token("div-o", B, B, &json!({ "opt": outer }));
    }
    assert!(ring(D, &outer).1.len() <= MAX_PASSPORTS);
}

#[test]
fn a_replay_is_found_and_a_retransmission_is_none() {
    let mut replays = Replays::default();
    let mut send = |value: &str, attempt, now| {
        let ring = Ring { attempt, now, ..Ring::of(&[value.to_owned()]) };
        let judgement = ring.judged_with(&WORLD.trusted, &Settings::default(), &mut replays);
        judgement.outcome.as_str()
    };
    let first = good();
    assert_eq!(send(&first, 1, NOW), "valid");
    assert_eq!(send(&first, 1, NOW + 1), "valid");
    assert_eq!(send(&first, 2, NOW + 2), "replayed");
    assert_eq!(send(&first, 1, NOW + 61), "stale", "again after its time");
    assert_eq!(send(&good(), 2, NOW), "valid", "signed anew");
    // Signatures that do not hold take no room.
    let forged = Signer::identity(&WORLD.of_b.passport(&header(), &claims()), X5U, "shaken");
    assert_eq!(send(&forged, 3, NOW), "signature-invalid");
    assert_eq!(replays.len(), 2);
    // A call that is diverted and the one it becomes have the same PASSporT.
    let mut replays = Replays::default();
    let direct = Ring::of(std::slice::from_ref(&first));
    let (values, called) = ([first, div(B, C, &json!({}))], [C, C]);
    let onward = Ring { attempt: 9, called, ..Ring::of(&values) };
    let again = Ring { attempt: 10, called, ..Ring::of(&values) };
    for (ring, expected) in [
        (direct, vec!["valid"]),
        (onward, vec!["valid", "valid"]),
        (again, vec!["div-broken", "replayed"]),
    ] {
        let judgement = ring.judged_with(&WORLD.trusted, &Settings::default(), &mut replays);
        let each: Vec<_> =
            judgement.passports.iter().map(|judged| judged.outcome.as_str()).collect();
        assert_eq!(each, expected);
    }
}

#[test]
fn other_kinds_say_what_they_say() {
    let kind = |ppt: &str, changes: &Value| {
        let header = with(header(), &json!({ "ppt": ppt }));
        let claims = with(claims(), &json!({ "attest": null, "origid": null }));
        value(&WORLD.spc.passport(&header, &with(claims, changes)), ppt)
    };
    let rph = kind("rph", &json!({ "rph": { "auth": ["ets.0"] } }));
    let judgement = Ring::of(&[good(), rph.clone()]).judged();
    assert!(judgement.priority && judgement.outcome == Outcome::Valid);
    assert_eq!(*judgement.passports[0].priority, []);
    assert_eq!(*judgement.passports[1].priority, [Box::from("ets.0")]);
    let judgement = Ring::of(&[rph]).judged();
    assert!(judgement.priority && judgement.outcome == Outcome::NoIdentity, "says nothing of A");
    for wrong in [json!({}), json!({ "rph": {} }), json!({ "rph": { "auth": "ets.0" } })] {
        let judgement = Ring::of(&[good(), kind("rph", &wrong)]).judged();
        assert!(!judgement.priority && judgement.outcome == Outcome::Valid);
        assert_eq!(judgement.passports[1].outcome, Outcome::ClaimsMalformed);
    }
    let rcd =
        json!({ "rcd": { "nam": "Alice", "jcl": "https://h/j" }, "crn": "a parcel", "rcdi": {} });
    let judgement = Ring::of(&[kind("rcd", &rcd)]).judged();
    assert_eq!(judgement.outcome, Outcome::Valid);
    assert_eq!(judgement.passports[0].name.as_deref(), Some("Alice"));
    assert_eq!(judgement.passports[0].call_reason.as_deref(), Some("a parcel"));
    assert_eq!(word(&kind("rcd", &json!({ "rcd": {} }))), "claims-malformed");
    // None: RFC 8225 alone.
    let token = WORLD.spc.passport(
        &with(header(), &json!({ "ppt": null })),
        &with(claims(), &json!({ "attest": null, "origid": null })),
    );
    assert_eq!(word(&format!("{token};info=<{X5U}>")), "valid");
}

/// RFC 8443: what a call asks for must be granted, all of it.
#[test]
fn a_priority_that_is_asked_for_must_be_granted() {
    let rph = |x5u: &str, auth: &[&str]| {
        let header = with(header(), &json!({ "ppt": "rph", "x5u": x5u }));
        let changes = json!({ "attest": null, "origid": null, "rph": { "auth": auth } });
        let token = WORLD.spc.passport(&header, &with(claims(), &changes));
        Signer::identity(&token, x5u, "rph")
    };
    let of = |values: &[String], asked: Option<&'static str>| {
        let resource_priority = asked.map(str::as_bytes);
        let judgement = Ring { resource_priority, ..Ring::of(values) }.judged();
        let each = judgement.passports.iter().map(|judged| judged.outcome.as_str());
        let each: Vec<_> = each.collect();
        (judgement.outcome.as_str(), judgement.priority, each.join(" "))
    };
    let (ets, wps) = (rph(X5U, &["ets.0", "ets.1"]), rph(X5U, &["wps.1"]));
    let pending = rph("https://cert.example/other.pem", &["wps.1"]);
    let forged = Signer::identity(
        &WORLD.of_b.passport(
            &with(header(), &json!({ "ppt": "rph" })),
            &with(
                claims(),
                &json!({ "attest": null, "origid": null, "rph": { "auth": ["wps.1"] } }),
            ),
        ),
        X5U,
        "rph",
    );
    for asked in [None, Some(""), Some(" , "), Some("ets.0"), Some("ETS.1 ,ets.0"), Some("Ets.0,")]
    {
        assert_eq!(of(&[good(), ets.clone()], asked), ("valid", true, "valid valid".to_owned()));
    }
    for asked in ["wps.1", "ets.0, wps.1", "ets.2", "ets", "ets.0.0", "ets.0;x", "\u{fffd}"] {
        let expected = ("valid", false, "valid rph-mismatch".to_owned());
        assert_eq!(of(&[good(), ets.clone()], Some(asked)), expected, "{asked}");
    }
    // Together they grant it; what is forged grants nothing, and what is not at hand may.
    let both = |other: &String| of(&[good(), ets.clone(), other.clone()], Some("ets.0, wps.1"));
    assert_eq!(both(&wps), ("valid", true, "valid valid valid".to_owned()));
    assert_eq!(both(&forged), ("valid", false, "valid rph-mismatch signature-invalid".to_owned()));
    let (outcome, _, each) = both(&pending);
    assert_eq!(outcome, "valid");
    assert!(each.starts_with("valid valid "), "{each}");
    // Without a PASSporT about it the header is no matter of signatures.
    assert_eq!(of(&[good()], Some("ets.0")), ("valid", false, "valid".to_owned()));
}

#[test]
fn the_compact_form_is_made_again_from_the_message() {
    let dated = |value: &str, called: [&'static str; 2], date: &'static str| Ring {
        called,
        date: Some(date.as_bytes()),
        ..Ring::of(&[value.to_owned()])
    };
    // NOW, as Date has it.
    const DATE: &str = "Thu, 01 Jan 2026 00:00:00 GMT";
    let signed = compact_of(B, NOW);
    let value = format!("..{signed};info=<{X5U}>;alg=ES256");
    assert_eq!(dated(&value, [B, B], DATE).words().0, "valid");
    assert_eq!(dated(&value, [C, B], DATE).words().0, "valid", "by To");
    assert_eq!(dated(&value, [B, C], DATE).words().0, "valid", "by Request-URI");
    assert_eq!(dated(&value, [C, C], DATE).words().0, "signature-invalid");
    let minute = "Thu, 01 Jan 2026 00:01:00 GMT";
    assert_eq!(dated(&value, [B, B], minute).words().0, "signature-invalid", "another Date");
    let old = "Thu, 01 Jan 2026 00:00:00 GMT";
    let ring = Ring { now: NOW + 61, ..dated(&value, [B, B], old) };
    assert_eq!(ring.words().0, "stale");
    for date in ["", "now", "Thu, 01 Jan 1960 00:00:00 GMT"] {
        assert_eq!(dated(&value, [B, B], date).words().0, "compact-unsupported", "{date}");
    }
    let no_caller = Ring { caller: None, ..dated(&value, [B, B], DATE) };
    assert_eq!(no_caller.words().0, "compact-unsupported");
    for (value, expected) in [
        (format!("..{signed};info=<{X5U}>;alg=ES256;ppt=shaken"), "compact-unsupported"),
        (format!("..{signed};info=<{X5U}>;ppt=rph"), "compact-unsupported"),
        (format!("..{signed};info=<{X5U}>;alg=RS256"), "alg-unsupported"),
        (format!("..{signed};alg=ES256"), "info-missing"),
        (format!("..{signed}A;info=<{X5U}>"), "signature-malformed"),
        (format!("..;info=<{X5U}>"), "signature-malformed"),
    ] {
        assert_eq!(dated(&value, [B, B], DATE).words().1[0], expected, "{value}");
    }
}

fn compact_of(dest: &'static str, iat: i64) -> String {
    let (orig, dest) = (Party::Tn(A.into()), Party::Tn(dest.into()));
    let signed = crate::stir::compact::signed(X5U, &orig, &dest, iat).expect("JSON");
    base64url::encoded(&WORLD.spc.sign(signed.as_bytes()))
}

/// When the clock is wrong all fails for that, and what holds in all else says so.
#[test]
fn one_that_holds_in_all_but_its_time_is_known() {
    let hour = 3_600;
    let old = shaken(&json!({}), &json!({ "iat": NOW - hour }));
    let of = |ring: Ring, book: &Book| {
        let judgement = ring.judged_with(book, &Settings::default(), &mut Replays::default());
        let judged = judgement.passports.into_iter().next().expect("one");
        assert_eq!(judged.signer, None, "it is told no further than its time");
        (judged.outcome.as_str(), judged.but_for_time.map(|signer| signer.to_string()))
    };
    let (trusted, values) = (&WORLD.trusted, [old]);
    let spc = || Some("709J".to_owned());
    assert_eq!(of(Ring::of(&values), trusted), ("stale", spc()));
    let ahead = Ring { now: NOW - 2 * hour, ..Ring::of(&values) };
    assert_eq!(of(ahead, trusted), ("future", spc()));
    let header = header();
    let forged = WORLD.of_b.passport(&header, &with(claims(), &json!({ "iat": NOW - hour })));
    let forged = Signer::identity(&forged, X5U, "shaken");
    for ring in [
        Ring { caller: Some(C), ..Ring::of(&values) },
        Ring { caller: None, ..Ring::of(&values) },
        Ring { called: [C, C], ..Ring::of(&values) },
        Ring::of(&[forged]),
    ] {
        assert_eq!(of(ring, trusted), ("stale", None));
    }
    assert_eq!(of(Ring::of(&values), &WORLD.no_anchors), ("stale", None));
}

#[test]
fn a_token_alone_is_compared_with_what_is_known() {
    let values = [shaken(&json!({}), &json!({ "dest": { "tn": [C] } }))];
    let ring = Ring { caller: None, ..Ring::of(&values) };
    let alone = Settings { compare_caller: false, compare_called: false, ..Settings::default() };
    let mut replays = Replays::default();
    assert_eq!(ring.judged_with(&WORLD.trusted, &alone, &mut replays).outcome, Outcome::Valid);
    let called = Settings { compare_called: true, ..alone.clone() };
    let judgement = ring.judged_with(&WORLD.trusted, &called, &mut replays);
    assert_eq!(judgement.outcome, Outcome::DestMismatch);
    let hour = Settings { max_age: Duration::from_secs(3_600), ..alone };
    let late = Ring { now: NOW + 3_600, ..ring };
    assert_eq!(late.judged_with(&WORLD.trusted, &hour, &mut replays).outcome, Outcome::Valid);
}

/// Each step is told, up to the one that fails.
#[test]
fn steps_are_told() {
    struct Told(Vec<String>);
    impl Steps for Told {
        fn step(&mut self, step: &crate::stir::Step<'_>) {
            let outcome = step.outcome.map_or("", Outcome::as_str);
            self.0.push(format!("{} {} {outcome}", step.passport, step.name));
        }
    }
    let mut told = Told(Vec::new());
    let stale = shaken(&json!({}), &json!({ "iat": NOW - 61 }));
    let values = [good(), stale];
    let values = values.each_ref().map(|value| value.as_bytes());
    let call = Call {
        identity: &values,
        cut: false,
        caller: Some(Party::Tn(A.into())),
        called: [Some(Party::Tn(B.into())), None],
        date: None,
        resource_priority: None,
        attempt: 1,
        now: Timestamp::new(NOW, 0),
    };
    let settings = Settings::default();
    verify(&call, &WORLD.trusted, &settings, &mut Replays::default(), &mut told);
    let first: Vec<_> =
        told.0.iter().filter_map(|step| step.strip_prefix("1 ")).map(str::trim_end).collect();
    let words = [
        "header",
        "token",
        "claims",
        "time",
        "caller",
        "called",
        "certificate",
        "chain",
        "numbers",
        "signature",
        "replay",
    ];
    assert_eq!(first, words);
    assert_eq!(told.0.last().map(String::as_str), Some("2 time stale"));
}
