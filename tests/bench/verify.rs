//! What it costs to verify a signed call with its certificate at hand, beside the library's bare
//! ES256; nanoseconds a call.

use std::{hint::black_box, sync::Arc, time::Instant};

use ani_user::{
    stir::{
        self, Call, Credential, Credentials, Outcome, Replays, Settings, Trust,
        authority::{Authority, Leaf, NOW, Signer},
        call::Party,
        passport::Passport,
        results::{self, Results},
    },
    time::Timestamp,
};
use anyhow::{Context as _, Result, anyhow, ensure};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use x509_cert::{Certificate, der::Decode as _};

use crate::{
    pin,
    report::{Case, Report},
};

/// Where the certificate is.
const X5U: &str = "https://cert.example/1.pem";

/// Different calls, so that no branch is learned by heart.
const CALLS: usize = 64;

/// Times each is looked at in a sample: of what takes tens of microseconds, and of what takes less.
const TURNS: usize = 4;
const SHORT_TURNS: usize = 400;

/// Samples; odd, so that there is a median.
const SAMPLES: usize = 31;

/// What the whole may take, in hundredths of the bare verification.
const MOST_PERCENT: u64 = 115;

/// What header and claims may take of it.
const MOST_DECODED_NS: u64 = 1_000;

/// What a repeated INVITE may take.
const MOST_REPEATED_NS: u64 = 1_000;

struct One(Arc<Credential>);

impl Credentials for One {
    fn find(&self, _: &str) -> Result<Arc<Credential>, Outcome> {
        Ok(Arc::clone(&self.0))
    }
}

/// A signed call.
struct Signed {
    caller: String,
    called: String,
    token: String,
    value: String,
}

/// Measures the group.
pub(crate) fn run(report: &mut Report) -> Result<()> {
    pin(0);
    let root = Authority::root("Root");
    let signer = root.below("Issuing").issue(Leaf::spc("709J"));
    let trust = Trust::from_pem(root.pem().as_bytes(), b"");
    let credential = Credential::read(signer.chain().as_bytes(), &trust);
    let credential = credential.map_err(|outcome| anyhow!("{}", outcome.as_str()))?;
    let book = One(Arc::new(credential));
    let signed: Vec<_> = (0..CALLS).map(|number| sign(&signer, number)).collect();
    let values: Vec<_> = signed.iter().map(|signed| [signed.value.as_bytes()]).collect();
    let calls: Vec<_> =
        signed.iter().zip(&values).map(|(signed, value)| call(signed, value)).collect();
    let passports: Vec<_> = signed
        .iter()
        .map(|signed| Passport::read(signed.token.as_bytes()).ok().context("no PASSporT"))
        .collect::<Result<_>>()?;
    let key = key(&signer)?;

    let (settings, mut replays) = (Settings::default(), Replays::default());
    let mut whole = || {
        calls.iter().all(|call| {
            let judgement = stir::verify(black_box(call), &book, &settings, &mut replays, &mut ());
            judgement.outcome == Outcome::Valid
        })
    };
    let bare = || {
        passports.iter().all(|passport| {
            key.verify_sig(black_box(passport.signed()), &passport.signature).is_ok()
        })
    };
    ensure!(whole() && bare(), "a signature does not hold");
    // One after the other, so that both meet the same machine.
    let (mut of_whole, mut of_bare) = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        of_bare.push(sample(TURNS, || _ = black_box(bare())));
        of_whole.push(sample(TURNS, || _ = black_box(whole())));
    }
    let over = median(&of_bare) * (MOST_PERCENT - 100) / 100;
    let baseline = "aws-lc-rs ES256";
    report.add(Case::against("verify", "whole call", &of_whole, baseline, &of_bare, Some(over)));

    let decode = || {
        for signed in &signed {
            let passport = Passport::read(black_box(signed.token.as_bytes()));
            if let Ok(passport) = &passport {
                _ = black_box((passport.header(), passport.claims()));
            }
        }
    };
    let decoded: Vec<_> = (0..SAMPLES).map(|_| sample(SHORT_TURNS, decode)).collect();
    let most = Some(MOST_DECODED_NS);
    report.add(Case::at_most("verify", "header and claims", &decoded, "none", &[], most));

    let mut known = Results::new();
    let keys = known.keys();
    let judgement = Arc::new(stir::Judgement::of(Outcome::Valid));
    for call in &calls {
        known.put(results::key(&keys, call), Arc::clone(&judgement), call.now);
    }
    let mut repeat = || {
        for call in &calls {
            black_box(known.find(results::key(&keys, black_box(call)), call.now));
        }
    };
    let repeated: Vec<_> = (0..SAMPLES).map(|_| sample(SHORT_TURNS, &mut repeat)).collect();
    let most = Some(MOST_REPEATED_NS);
    report.add(Case::at_most("verify", "repeated INVITE", &repeated, "none", &[], most));
    Ok(())
}

fn sign(signer: &Signer, number: usize) -> Signed {
    let (caller, called) = (format!("1215555{number:04}"), format!("1202555{number:04}"));
    let token = signer.shaken(X5U, &caller, &called, 'A', NOW);
    let value = Signer::identity(&token, X5U, "shaken");
    Signed { caller, called, token, value }
}

fn call<'s>(signed: &'s Signed, value: &'s [&'s [u8]; 1]) -> Call<'s> {
    Call {
        identity: value,
        cut: false,
        caller: Some(Party::Tn(signed.caller.as_str().into())),
        called: [Some(Party::Tn(signed.called.as_str().into())), None],
        date: None,
        resource_priority: None,
        attempt: 1,
        now: Timestamp::new(NOW, 0),
    }
}

/// The certificate's key, as the library takes it.
fn key(signer: &Signer) -> Result<ParsedPublicKey> {
    let certificate = Certificate::from_der(signer.der()).context("no certificate")?;
    let key = certificate.tbs_certificate.subject_public_key_info.subject_public_key;
    let point = key.as_bytes().context("no point of a curve")?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| anyhow!("no key of P-256"))
}

/// Nanoseconds a call, of so many runs over all of them.
fn sample(turns: usize, mut run: impl FnMut()) -> u64 {
    let start = Instant::now();
    (0..turns).for_each(|_| run());
    start.elapsed().as_nanos() as u64 / (turns * CALLS) as u64
}

fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}
