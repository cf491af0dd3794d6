//! Files from a URL, as certificates.

use memchr::memmem;

use crate::stir::{Class, Credential, Trust};

/// What stands between a credential and those who are trusted with their revocation lists.
pub(super) const TRUSTED: &[u8] = b"-----TRUSTED-----\n";

/// Reads the bytes as a credential, once with nobody trusted and once with those after [`TRUSTED`],
/// or with itself where nobody is named, and asks it what a call asks. Whether it was good at some
/// time.
pub fn certificate(data: &[u8]) -> bool {
    let (data, trusted) = match memmem::find(data, TRUSTED) {
        Some(at) => (&data[..at], &data[at + TRUSTED.len()..]),
        None => (data, data),
    };
    let strangers = Credential::read(data, &Trust::default());
    let trust = Trust::from_pem(trusted, trusted);
    let Ok(credential) = Credential::read(data, &trust) else {
        assert!(strangers.is_err(), "whether it can be read depends on who is trusted");
        return false;
    };
    let strangers = strangers.expect("whether it can be read depends on who is trusted");
    let mut was_good = false;
    for time in [i64::MIN, 0, 1_767_225_600, i64::MAX] {
        let outcome = strangers.check(time).expect_err("nobody is trusted");
        assert!(outcome.class() != Class::Passed && !credential.signer().is_empty());
        if credential.check(time).is_ok() {
            was_good = true;
            let facts = credential.facts();
            assert!(facts.defects.is_empty() && !facts.numbers.is_empty(), "{facts:?}");
            let is_valid = facts.valid.iter().any(|valid| (valid.from..=valid.to).contains(&time));
            assert!(is_valid, "{facts:?}");
        }
    }
    assert_eq!(strangers.signer(), credential.signer());
    assert!(!credential.verify(data, &[0; 64]), "a signature of nothing");
    for number in ["", "12155550100", "999999999999999"] {
        assert_eq!(strangers.covers(number), credential.covers(number));
    }
    let claims = serde_json::Map::from_iter([("attest".to_owned(), "A".into())]);
    assert_eq!(strangers.permits(&claims), credential.permits(&claims));
    serde_json::to_string(credential.facts()).expect("JSON");
    was_good
}
