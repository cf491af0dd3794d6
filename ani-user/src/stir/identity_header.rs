//! A value of Identity: the token and its parameters (RFC 8224 §4).
//!
//! ```text
//! token ";info=<" URI ">" *( ";" ( "alg=" token / "ppt=" token / name [ "=" value ] ) )
//! ```
//!
//! Carriers send values with and without quotes, in any order, and names in any case. White space may
//! stand around semicolons and equals signs, line ends of folding among it (RFC 3261 §25.1).

use std::borrow::Cow;

use memchr::memchr;

use super::Outcome;
use crate::sip::{self, Parameters};

/// Parameters that are looked at; nobody has a use for more.
const MAX_PARAMETERS: usize = 16;

/// One value of Identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeader<'a> {
    /// The PASSporT as it came; in compact form it starts with two dots.
    pub token: &'a [u8],
    /// `info`: where the certificate is.
    pub info: Option<Cow<'a, str>>,
    /// `alg`
    pub alg: Option<Cow<'a, [u8]>>,
    /// `ppt`
    pub ppt: Option<Cow<'a, [u8]>>,
}

impl<'a> IdentityHeader<'a> {
    /// Reads a value.
    ///
    /// # Errors
    ///
    /// [`Outcome::HeaderMalformed`] when there is no token, a parameter is empty, behind something else
    /// than a semicolon or there twice, or `info` is no URI in angle brackets.
    pub fn read(value: &'a [u8]) -> Result<Self, Outcome> {
        let end = memchr(b';', value).unwrap_or(value.len());
        let (token, rest) = value.split_at(end);
        let token = sip::trim(token);
        if token.is_empty() {
            return Err(Outcome::HeaderMalformed);
        }
        let mut header = Self { token, info: None, alg: None, ppt: None };
        let mut parameters = Parameters::new(rest);
        for parameter in parameters.by_ref().take(MAX_PARAMETERS) {
            let value = parameter.value.unwrap_or_default();
            let is = |name: &[u8]| parameter.name.eq_ignore_ascii_case(name);
            let twice = if is(b"info") {
                header.info.replace(uri(value)?).is_some()
            } else if is(b"alg") {
                header.alg.replace(word(value)?).is_some()
            } else if is(b"ppt") {
                header.ppt.replace(word(value)?).is_some()
            } else {
                false
            };
            if twice {
                return Err(Outcome::HeaderMalformed);
            }
        }
        if parameters.next().is_some() || parameters.faulty() {
            return Err(Outcome::HeaderMalformed);
        }
        Ok(header)
    }
}

/// A URI between angle brackets, which may have white space within, as folding leaves it. Some put
/// quotes around the brackets, or leave the brackets out: what is meant is plain.
fn uri(value: &[u8]) -> Result<Cow<'_, str>, Outcome> {
    let value = match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    };
    let uri = match value {
        [b'<', inner @ .., b'>'] => sip::trim(inner),
        _ => value,
    };
    if uri.iter().any(|byte| !byte.is_ascii_graphic() || b"<>\"".contains(byte)) {
        return Err(Outcome::HeaderMalformed);
    }
    str::from_utf8(uri).map(Cow::Borrowed).map_err(|_| Outcome::HeaderMalformed)
}

/// A token or a quoted string, not empty.
fn word(value: &[u8]) -> Result<Cow<'_, [u8]>, Outcome> {
    let word = sip::unquoted(value);
    if word.is_empty() || !word.iter().all(u8::is_ascii_graphic) {
        return Err(Outcome::HeaderMalformed);
    }
    Ok(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<[String; 4]> {
        let header = IdentityHeader::read(value.as_bytes()).ok()?;
        let word = |word: Option<Cow<'_, [u8]>>| {
            word.map_or("-".to_owned(), |word| String::from_utf8_lossy(&word).into_owned())
        };
        Some([
            String::from_utf8_lossy(header.token).into_owned(),
            header.info.map_or("-".to_owned(), Cow::into_owned),
            word(header.alg),
            word(header.ppt),
        ])
    }

    #[test]
    fn as_rfcs_and_carriers_write_it() {
        let all = ["a.b.c", "https://h/c.pem", "ES256", "shaken"];
        for value in [
            "a.b.c;info=<https://h/c.pem>;alg=ES256;ppt=shaken",
            "a.b.c;info=<https://h/c.pem>;alg=\"ES256\";ppt=\"shaken\"",
            "a.b.c ; PPT = shaken ; Alg = ES256 ; INFO = <https://h/c.pem>",
            " a.b.c;\r\n info=<https://h/c.pem>\r\n\t;alg=ES256;\r\n ppt=\r\n shaken",
            "a.b.c;info=\"<https://h/c.pem>\";alg=ES256;ppt=shaken;x;y=\"a;b\";z=<;>",
            "a.b.c;info=< https://h/c.pem >;alg=ES256;ppt=shaken",
            "a.b.c;info=https://h/c.pem;alg=ES256;ppt=shaken",
        ] {
            assert_eq!(read(value), Some(all.map(str::to_owned)), "{value}");
        }
        let some = |values: [&str; 4]| Some(values.map(str::to_owned));
        assert_eq!(read("..c;info=<i>"), some(["..c", "i", "-", "-"]));
        assert_eq!(read("a.b.c"), some(["a.b.c", "-", "-", "-"]));
        assert_eq!(read("a.b.c;info=<>"), some(["a.b.c", "", "-", "-"]));
    }

    #[test]
    fn what_is_none() {
        for value in [
            "",
            ";info=<i>",
            "a.b.c;info=<i>;info=<i>",
            "a.b.c;alg=ES256;alg=ES256",
            "a.b.c;ppt=shaken;PPT=div",
            "a.b.c;info=<i>alg=ES256;ppt=shaken",
            "a.b.c;info=<i;ppt=shaken",
            "a.b.c;info=<i j>",
            "a.b.c;;info=<i>",
            "a.b.c;ppt",
            "a.b.c;ppt=",
            "a.b.c;ppt=\"\"",
            "a.b.c;alg=\"ES 256\"",
            "a.b.c;info=<\u{fc}>",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
        let many = format!("a.b.c{}", ";x".repeat(MAX_PARAMETERS + 1));
        assert_eq!(read(&many), None);
        assert!(read(&many[..many.len() - 2]).is_some());
    }
}
