//! PASSporTs taken apart.

use serde_json::Value;

use crate::stir::{base64url, claims, passport::Passport};

/// Reads the bytes as a PASSporT; whether they are one.
///
/// What is taken apart is what came, and what the library takes for an object of claims is read.
pub fn passport(data: &[u8]) -> bool {
    let Ok(passport) = Passport::read(data) else { return false };
    let came: Vec<u8> = data.iter().copied().filter(|byte| !b" \t\r\n".contains(byte)).collect();
    let letters = passport.letters().expect("letters");
    assert_eq!([passport.signed(), b".", letters.as_bytes()].concat(), came);
    assert_eq!(base64url::encoded(&passport.signature), letters, "two texts of one signature");
    assert!(passport.signed().ends_with(base64url::encoded(passport.payload()).as_bytes()));
    let claims = passport.claims();
    let value = serde_json::from_slice::<Value>(passport.payload()).ok();
    assert!(claims.is_ok() || !value.as_ref().is_some_and(Value::is_object), "claims not read");
    if let Some(map) = claims::map(passport.payload()) {
        assert!(claims.is_ok() && value == Some(Value::Object(map)));
    }
    _ = passport.header();
    true
}
