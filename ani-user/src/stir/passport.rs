//! A PASSporT in full form: `header.payload.signature` (RFC 8225 §3, RFC 7515 §3.1).

use std::borrow::Cow;

use memchr::memchr;

use super::{
    Outcome,
    base64url::{self, MAX_ENCODED},
    claims::{Claims, Header},
};

/// Longest PASSporT that is read, bytes. SHAKEN's are below 1,000; one with rich call data or with the
/// PASSporTs before a diversion in it is longer.
pub const MAX_PASSPORT: usize = MAX_ENCODED;

/// Bytes of a signature by ES256: r and s (RFC 7518 §3.4).
pub const SIGNATURE_LEN: usize = 64;

/// A PASSporT, taken apart. What it says borrows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passport<'a> {
    /// As it came, white space of folding taken out.
    text: Cow<'a, [u8]>,
    /// Bytes of it that are signed.
    signed: usize,
    header: Vec<u8>,
    payload: Vec<u8>,
    /// r and s.
    pub signature: [u8; SIGNATURE_LEN],
}

impl<'a> Passport<'a> {
    /// Takes one apart.
    ///
    /// # Errors
    ///
    /// [`Outcome::TooLong`], [`Outcome::TokenMalformed`] when it is not three parts of base64url, and
    /// [`Outcome::SignatureMalformed`].
    pub fn read(token: &'a [u8]) -> Result<Self, Outcome> {
        Self::of(unfolded(token)?)
    }

    /// The same of one that stood in another.
    ///
    /// # Errors
    ///
    /// As [`Passport::read`].
    pub fn nested(token: &str) -> Result<Passport<'static>, Outcome> {
        if token.len() > MAX_PASSPORT {
            return Err(Outcome::TooLong);
        }
        Passport::of(Cow::Owned(token.as_bytes().to_vec()))
    }

    fn of(text: Cow<'a, [u8]>) -> Result<Self, Outcome> {
        let dot = memchr(b'.', &text).ok_or(Outcome::TokenMalformed)?;
        let (header, rest) = (&text[..dot], &text[dot + 1..]);
        let len = memchr(b'.', rest).ok_or(Outcome::TokenMalformed)?;
        let (payload, letters) = (&rest[..len], &rest[len + 1..]);
        let part = |letters| base64url::strict(letters).ok_or(Outcome::TokenMalformed);
        let (header, payload) = (part(header)?, part(payload)?);
        let signature = signature(letters)?;
        Ok(Self { signed: dot + 1 + len, text, header, payload, signature })
    }

    /// What is signed: its first two parts as they came, and the dot between them.
    pub fn signed(&self) -> &[u8] {
        &self.text[..self.signed]
    }

    /// Its header.
    ///
    /// # Errors
    ///
    /// [`Outcome::TokenMalformed`] when it is no JSON object.
    pub fn header(&self) -> Result<Header<'_>, Outcome> {
        Header::read(&self.header).ok_or(Outcome::TokenMalformed)
    }

    /// Its claims.
    ///
    /// # Errors
    ///
    /// [`Outcome::TokenMalformed`] when they are no JSON object.
    pub fn claims(&self) -> Result<Claims<'_>, Outcome> {
        Claims::read(&self.payload).ok_or(Outcome::TokenMalformed)
    }

    /// Its claims as they came: JSON.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The letters of its signature.
    pub fn letters(&self) -> Option<&str> {
        str::from_utf8(self.text.get(self.signed + 1..)?).ok()
    }
}

/// Without the white space that folding puts into a long token.
///
/// # Errors
///
/// [`Outcome::TooLong`]
pub(super) fn unfolded(token: &[u8]) -> Result<Cow<'_, [u8]>, Outcome> {
    if token.len() > MAX_PASSPORT {
        return Err(Outcome::TooLong);
    }
    if !token.iter().fold(false, |found, byte| found | (*byte <= b' ')) {
        return Ok(Cow::Borrowed(token));
    }
    Ok(token.iter().copied().filter(|byte| !b" \t\r\n".contains(byte)).collect())
}

/// r and s from their letters.
///
/// # Errors
///
/// [`Outcome::SignatureMalformed`]
pub(super) fn signature(letters: &[u8]) -> Result<[u8; SIGNATURE_LEN], Outcome> {
    let mut signature = [0; SIGNATURE_LEN];
    base64url::strict_into(letters, &mut signature)
        .then_some(signature)
        .ok_or(Outcome::SignatureMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, payload: &str) -> String {
        [header.as_bytes(), payload.as_bytes(), &[7; SIGNATURE_LEN]]
            .map(base64url::encoded)
            .join(".")
    }

    #[test]
    fn what_is_signed_is_what_came() {
        let whole = token("{\"alg\":\"ES256\"}", "{\"iat\":1}");
        let passport = Passport::read(whole.as_bytes()).expect("a token");
        let signed = whole.rsplit_once('.').expect("parts").0;
        assert_eq!(passport.signed(), signed.as_bytes());
        assert_eq!(passport.signature, [7; SIGNATURE_LEN]);
        assert_eq!(passport.payload(), b"{\"iat\":1}");
        // Also when a proxy folded it.
        let folded = format!("{}\r\n {}", &whole[..9], &whole[9..]);
        let again = Passport::read(folded.as_bytes()).expect("a token");
        assert_eq!(again.signed(), signed.as_bytes());
        assert!(matches!(again.text, Cow::Owned(_)) && matches!(passport.text, Cow::Borrowed(_)));
    }

    #[test]
    fn what_is_none_says_why() {
        let whole = token("{}", "{}");
        let (signed, signature) = whole.rsplit_once('.').expect("parts");
        let der = base64url::encoded(&[0x30; 71]);
        for (text, outcome) in [
            (String::new(), Outcome::TokenMalformed),
            ("a.b".to_owned(), Outcome::TokenMalformed),
            ("..".to_owned(), Outcome::TokenMalformed),
            (format!("{signed}="), Outcome::TokenMalformed),
            (signed.to_owned(), Outcome::TokenMalformed),
            (format!("{signed}."), Outcome::SignatureMalformed),
            (format!("{signed}.{der}"), Outcome::SignatureMalformed),
            (format!("{signed}.{signature}="), Outcome::SignatureMalformed),
            (format!("{signed}.{signature}.x"), Outcome::SignatureMalformed),
            (format!("{signed}.{}+", &signature[1..]), Outcome::SignatureMalformed),
            ("a".repeat(MAX_PASSPORT + 1), Outcome::TooLong),
        ] {
            assert_eq!(Passport::read(text.as_bytes()).err(), Some(outcome), "{text}");
        }
        let no_object = token("[]", "aaaa");
        let passport = Passport::read(no_object.as_bytes()).expect("a token");
        assert_eq!(passport.header().err(), Some(Outcome::TokenMalformed));
        assert_eq!(passport.claims().err(), Some(Outcome::TokenMalformed));
    }
}
