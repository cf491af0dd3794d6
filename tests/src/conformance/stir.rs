//! PASSporTs and signed INVITEs of other projects: whether the signature holds, and what each project's
//! own tests say must come of the call.
//!
//! A row that names an INVITE goes through the pipeline at its time, with its certificate behind
//! whatever URL it names and its authority as the one anchor. Where we refuse the URL itself, that is
//! one difference, and the call is judged once more as if we did not: so all behind it is compared too.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use ani_ebpf::dial_plan::DialPlan;
use ani_user::{
    cli::inspect,
    config::{Config, Lists, Trunk},
    identity,
    pipeline::{Answer, Verifier, Whose},
    sip,
    stir::{
        self, Call, Credential, Credentials, Judgement, Outcome, Replays, Settings, Trust,
        base64url, call::Party, identity_header::IdentityHeader, passport::Passport, url,
    },
    time::Timestamp,
};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::Value;

use super::{Known, Set, row::Difference};

/// Codes with which a suite's call has come through: answered, or busy at the called party.
const ACCEPTED: [u64; 2] = [200, 486];

/// Bytes of a point of P-256 that is not compressed.
const POINT: usize = 65;

/// Each row of the table of vectors.
pub(super) fn set(folder: &Path, known: &mut Known) -> Set {
    let mut set = Set::default();
    let table = fs::read_to_string(folder.join("stir/vectors.jsonl")).unwrap_or_default();
    for line in table.lines() {
        let row: Value = serde_json::from_str(line).expect("a row");
        let mut differences = Vec::new();
        signature(folder, &row, &mut differences);
        call(folder, &row, &mut differences);
        set.take(&format!("stir/{}", text(&row["id"])), 1, differences, known);
    }
    set
}

/// `sig_check`: whether the signature is one over these bytes by the row's key.
fn signature(folder: &Path, row: &Value, differences: &mut Vec<Difference>) {
    let expected = text(&row["sig_check"]);
    let token = token(folder, row);
    let read = Passport::read(&token);
    let holds = match (&read, key(folder, row)) {
        (Ok(passport), Some(key)) => key.holds(passport),
        // Nothing to check it by; only that nobody says it could be.
        (Ok(_), None) if expected == "n/a" || expected.is_empty() => return,
        _ => false,
    };
    if holds != (expected == "valid") {
        let ours = read.err().map_or(if holds { "valid" } else { "invalid" }, Outcome::as_str);
        differences.push(("sig_check", format!("{expected} / {ours}")));
    }
}

/// `expected_sip_code`: what comes of the call.
fn call(folder: &Path, row: &Value, differences: &mut Vec<Difference>) {
    let Some(expected) = row["expected_sip_code"].as_u64() else { return };
    let file = folder.join(text(&row["invite"]));
    let message = fs::read(&file).expect("an INVITE");
    let mut judgement = judged(folder, row, &message, true);
    if judgement.outcome == Outcome::UrlRefused {
        differences.push(("url", format!("{expected} / url-refused")));
        judgement = judged(folder, row, &message, false);
    }
    let outcome = judgement.outcome;
    let agrees = if ACCEPTED.contains(&expected) {
        outcome == Outcome::Valid
    } else {
        outcome.code().map(u64::from) == Some(expected)
    };
    if !agrees {
        let code = outcome.code().unwrap_or(0);
        differences.push(("code", format!("{expected} / {code} {}", outcome.as_str())));
    }
}

/// What comes of an INVITE from a trunk that keeps to the standards, in no country.
fn judged(folder: &Path, row: &Value, message: &[u8], checks_url: bool) -> Judgement {
    let mut config = Config {
        lists: Lists { max_entries: 1, max_limited: 1, max_attempts: 0 },
        ..Config::default()
    };
    config.stir.anchors = Some(folder.to_owned());
    let profile = config.profiles.iter().find(|known| known.name == "generic").expect("profile");
    config.trunks = vec![Trunk::new("any".to_owned(), Vec::new(), profile.clone(), None)].into();
    let anchors = fs::read(folder.join(text(&row["ca"]))).expect("an authority");
    let trust = Trust::from_pem(&anchors, b"");
    let credential = match row["cert"].as_str() {
        Some(file) => {
            let pem = fs::read(folder.join(file)).expect("a certificate");
            Credential::read(&pem, &trust).map(Arc::new)
        }
        // As the suite's server answers: not at all, or that there is none.
        None if text(&row["note"]).contains("never answers") => Err(Outcome::FetchTimeout),
        None => Err(Outcome::FetchStatus),
    };
    let seen = Arc::new(Mutex::new(None));
    let suite = Suite {
        credential,
        checks_url,
        caller: row["verify_orig"].as_str().map(str::to_owned),
        now: Timestamp::new(row["verify_time"].as_i64().expect("a time"), 0),
        seen: Arc::clone(&seen),
    };
    inspect::record_by(message, config, Some(Box::new(suite))).expect("an INVITE");
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    seen.unwrap_or_else(|| Judgement::of(Outcome::NoIdentity))
}

/// The server of a suite.
struct Suite {
    credential: Result<Arc<Credential>, Outcome>,
    checks_url: bool,
    /// The caller its configuration names in place of the message.
    caller: Option<String>,
    now: Timestamp,
    seen: Arc<Mutex<Option<Judgement>>>,
}

impl Credentials for Suite {
    fn find(&self, text: &str) -> Result<Arc<Credential>, Outcome> {
        if self.checks_url {
            url::check(text)?;
        }
        self.credential.clone()
    }
}

impl Verifier for Suite {
    fn verify(&mut self, call: &Call<'_>, _: &Whose<'_>) -> Answer {
        let mut call = Call { now: self.now, ..call.clone() };
        if let Some(caller) = &self.caller {
            call.caller = identity::canonical(caller, &DialPlan::NONE).map(Party::Tn);
        }
        let (settings, mut replays) = (Settings::default(), Replays::default());
        let judgement = stir::verify(&call, self, &settings, &mut replays, &mut ());
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(judgement.clone());
        Answer { judgement: Arc::new(judgement), counts: true }
    }
}

/// The row's token, or that of its INVITE.
fn token(folder: &Path, row: &Value) -> Vec<u8> {
    if let Some(token) = row["token"].as_str() {
        return token.as_bytes().to_vec();
    }
    let message = fs::read(folder.join(text(&row["invite"]))).expect("an INVITE");
    let invite = sip::invite(&message, false).expect("an INVITE");
    let value = invite.identity.first().copied().unwrap_or_default();
    IdentityHeader::read(value).map_or_else(|_| Vec::new(), |header| header.token.to_vec())
}

/// A key, with a certificate around it or without.
enum Key {
    Certificate(Box<Credential>),
    Point(Vec<u8>),
}

impl Key {
    fn holds(&self, passport: &Passport<'_>) -> bool {
        match self {
            Self::Certificate(credential) => {
                credential.verify(passport.signed(), &passport.signature)
            }
            Self::Point(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(passport.signed(), &passport.signature)
                .is_ok(),
        }
    }
}

/// The row's certificate, or the point at the end of its public key (RFC 5480 §2.2).
fn key(folder: &Path, row: &Value) -> Option<Key> {
    let file = row["cert"].as_str().or_else(|| row["key"].as_str())?;
    let path = [folder.join(file), folder.join("stir").join(file)];
    let pem = path.iter().find_map(|path| fs::read(path).ok())?;
    if let Ok(credential) = Credential::read(&pem, &Trust::default()) {
        return Some(Key::Certificate(Box::new(credential)));
    }
    let text = String::from_utf8_lossy(&pem);
    let letters: String = text.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = base64url::lenient(letters.as_bytes())?;
    Some(Key::Point(der.get(der.len().checked_sub(POINT)?..)?.to_vec()))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
