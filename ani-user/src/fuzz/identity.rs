//! Values of Identity through a whole verification, with a certificate and a key.

use std::sync::{Arc, LazyLock};

use memchr::memchr;

use crate::{
    stir::{
        Call, Credential, Credentials, Outcome, Replays, Settings, Trust,
        authority::{Authority, Leaf, NOW, Signer},
        call::Party,
        claims::Header,
        verify,
        verify::MAX_PASSPORTS,
    },
    time::Timestamp,
};

/// Where the certificate is.
const X5U: &str = "https://cert.example/1.pem";

/// Date of [`NOW`].
const DATE: &[u8] = b"Thu, 01 Jan 2026 00:00:00 GMT";

/// Who signs, and his certificate.
struct World {
    signer: Signer,
    credential: Arc<Credential>,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let root = Authority::root("Root");
    let signer = root.issue(Leaf::spc("709J"));
    let trust = Trust::from_pem(root.pem().as_bytes(), b"");
    let credential = Credential::read(signer.chain().as_bytes(), &trust).expect("a certificate");
    World { signer, credential: Arc::new(credential) }
});

impl Credentials for World {
    fn find(&self, url: &str) -> Result<Arc<Credential>, Outcome> {
        if url == X5U { Ok(Arc::clone(&self.credential)) } else { Err(Outcome::CertificatePending) }
    }
}

/// Each line is a value of Identity, or the header and the claims of a PASSporT with a tab between
/// them, which is signed. Whether the call is valid.
///
/// The same call comes to the same, and another call with the same PASSporTs is not valid.
pub fn identity(data: &[u8]) -> bool {
    let values: Vec<_> = data.split(|byte| *byte == b'\n').map(value).collect();
    let values: Vec<_> = values.iter().map(Vec::as_slice).collect();
    let mut call = Call {
        identity: &values,
        cut: data.len().is_multiple_of(7),
        caller: Some(Party::Tn("12155550100".into())),
        called: ["12155550199", "12155550188"].map(|tn| Some(Party::Tn(tn.into()))),
        date: Some(DATE),
        resource_priority: Some(b"ets.0, wps.1"[..].into()),
        attempt: 1,
        now: Timestamp::new(NOW, 0),
    };
    let mut replays = Replays::with_room_for(MAX_PASSPORTS);
    let mut judge = |call: &Call<'_>| {
        let judgement = verify(call, &*WORLD, &Settings::default(), &mut replays, &mut ());
        assert!(judgement.passports.len() <= MAX_PASSPORTS);
        let pending = |outcome| outcome == Outcome::Pending;
        assert!(!judgement.passports.iter().any(|judged| pending(judged.outcome)), "not judged");
        for reason in judgement.reasons() {
            assert!(reason.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()), "{reason}");
        }
        judgement
    };
    let judgement = judge(&call);
    assert_eq!(judge(&call), judgement, "a retransmission");
    let valid = judgement.outcome == Outcome::Valid;
    assert_eq!(judgement.signer.is_some() && valid, valid);
    call.attempt = 2;
    assert!(!valid || judge(&call).outcome != Outcome::Valid, "a replay");
    valid
}

fn value(line: &[u8]) -> Vec<u8> {
    let Some(tab) = memchr(b'\t', line).filter(|_| line.starts_with(b"{")) else {
        return line.to_vec();
    };
    let (header, claims) = (&line[..tab], &line[tab + 1..]);
    let token = WORLD.signer.token(header, claims);
    let header = Header::read(header).unwrap_or_default();
    let word = |name, claim: Option<&std::borrow::Cow<'_, str>>| {
        claim.map_or_else(String::new, |text| format!(";{name}={text}"))
    };
    let ppt = word("ppt", header.ppt.get());
    format!("{token};info=<{X5U}>{ppt}").into_bytes()
}

/// What the seeds are made of: valid ones of all kinds, and one that is signed by somebody else.
#[cfg(test)]
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let header = |ppt: &str| {
        format!("{{\"alg\":\"ES256\",\"ppt\":\"{ppt}\",\"typ\":\"passport\",\"x5u\":\"{X5U}\"}}\t")
    };
    let claims = |more: &str, dest: &str| {
        format!(
            "{{{more}\"dest\":{{\"tn\":[\"{dest}\"]}},\"iat\":{NOW},\"orig\":{{\"tn\":\"12155550100\"}}}}"
        )
    };
    let shaken =
        |dest: &str| header("shaken") + &claims("\"attest\":\"A\",\"origid\":\"1\",", dest);
    let div = |from: &str, dest: &str| {
        header("div") + &claims(&format!("\"div\":{{\"tn\":\"{from}\"}},"), dest)
    };
    let rph = header("rph") + &claims("\"rph\":{\"auth\":[\"ets.0\"]},", "12155550199");
    let rcd = header("rcd") + &claims("\"rcd\":{\"nam\":\"A\"},\"crn\":\"b\",", "12155550199");
    let other = Signer::alone(Leaf::spc("1"));
    let strange = other.shaken(X5U, "12155550100", "12155550199", 'A', NOW);
    [
        shaken("12155550199"),
        [shaken("12155550177"), div("12155550177", "12155550199")].join("\n"),
        [rph, rcd].join("\n"),
        Signer::identity(&strange, X5U, "shaken"),
    ]
    .map(String::into_bytes)
    .to_vec()
}
