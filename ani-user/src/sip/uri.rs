//! `scheme:user;parameters:password@host:port;parameters?headers` (RFC 3261 §19.1, RFC 3966 §3).

use memchr::{memchr, memchr_iter, memchr2};

use super::{class, list::Parameters};

/// Kind of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// `urn:`
    Urn,
    /// Another one, which has no user that is known here.
    Other,
    /// No scheme at all.
    None,
}

/// A URI and its parts, as they came. What a scheme does not have is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uri<'a> {
    /// All of it.
    pub raw: &'a [u8],
    /// Its kind.
    pub scheme: Scheme,
    /// The user part without its parameters, or the number of a `tel:` URI.
    pub user: Option<&'a [u8]>,
    /// Parameters of the user part (RFC 3261 §19.1.6), or of a `tel:` URI; from the semicolon on.
    pub user_parameters: &'a [u8],
    /// Password.
    pub password: Option<&'a [u8]>,
    /// Host; brackets of an IPv6 address included.
    pub host: &'a [u8],
    /// Port.
    pub port: Option<u16>,
    /// Parameters of the URI, from the semicolon on.
    pub parameters: &'a [u8],
    /// Headers, behind the question mark.
    pub headers: &'a [u8],
    /// Whether it does not keep to the grammar.
    pub faulty: bool,
}

impl<'a> Uri<'a> {
    /// Reads a URI, whatever it holds.
    pub fn read(raw: &'a [u8]) -> Self {
        let mut uri = Self {
            raw,
            scheme: Scheme::None,
            user: None,
            user_parameters: &[],
            password: None,
            host: &[],
            port: None,
            parameters: &[],
            headers: &[],
            faulty: !class::all(raw, class::URI) || !escapes_are_whole(raw),
        };
        let Some(colon) = memchr(b':', raw) else {
            uri.faulty = true;
            return uri;
        };
        let rest = &raw[colon + 1..];
        uri.scheme = scheme(&raw[..colon]);
        match uri.scheme {
            Scheme::Sip | Scheme::Sips => uri.sip(rest),
            Scheme::Tel => {
                let (number, parameters) =
                    rest.split_at(memchr2(b';', b'?', rest).unwrap_or(rest.len()));
                uri.user = Some(number);
                uri.user_parameters = parameters;
                uri.faulty |= number.is_empty();
            }
            Scheme::Urn | Scheme::Other => {}
            Scheme::None => uri.faulty = true,
        }
        uri
    }

    /// Parameters of the user part.
    pub fn user_parameters(&self) -> Parameters<'a> {
        Parameters::new(self.user_parameters)
    }

    /// Parameters of the URI.
    pub fn parameters(&self) -> Parameters<'a> {
        Parameters::new(self.parameters)
    }

    fn sip(&mut self, rest: &'a [u8]) {
        // The first one: neither hosts nor what follows them may hold an `@`.
        let host = match memchr(b'@', rest) {
            Some(at) => {
                let (user, password) = split_before(&rest[..at], b':');
                let (user, parameters) = split_before(user, b';');
                self.faulty |= user.is_empty();
                self.user = Some(user);
                self.user_parameters = parameters;
                self.password = password.get(1..);
                &rest[at + 1..]
            }
            None => rest,
        };
        let (host, headers) = split_before(host, b'?');
        self.headers = headers.get(1..).unwrap_or_default();
        let (host, parameters) = split_before(host, b';');
        self.parameters = parameters;
        let (host, port, broken) = host_and_port(host);
        self.host = host;
        self.faulty |= broken || host.is_empty() || host.contains(&b'@');
        if let Some(port) = port {
            self.port = super::number(port).and_then(|port| u16::try_from(port).ok());
            self.faulty |= self.port.is_none();
        }
    }
}

fn scheme(name: &[u8]) -> Scheme {
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    if is(b"sip") {
        Scheme::Sip
    } else if is(b"sips") {
        Scheme::Sips
    } else if is(b"tel") {
        Scheme::Tel
    } else if is(b"urn") {
        Scheme::Urn
    } else if name.first().is_some_and(u8::is_ascii_alphabetic)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
    {
        Scheme::Other
    } else {
        Scheme::None
    }
}

fn split_before(bytes: &[u8], separator: u8) -> (&[u8], &[u8]) {
    bytes.split_at(memchr(separator, bytes).unwrap_or(bytes.len()))
}

/// Host, port, and whether an IPv6 address is not closed or not the whole host.
fn host_and_port(bytes: &[u8]) -> (&[u8], Option<&[u8]>, bool) {
    let host_end = match bytes {
        [b'[', ..] => memchr(b']', bytes).map_or(bytes.len(), |at| at + 1),
        _ => bytes.iter().position(|byte| *byte == b':').unwrap_or(bytes.len()),
    };
    let (host, behind) = bytes.split_at(host_end);
    match behind {
        [] => (host, None, host.starts_with(b"[") && !host.ends_with(b"]")),
        [b':', port @ ..] => (host, Some(port), false),
        _ => (bytes, None, true),
    }
}

/// Whether two hexadecimal digits follow each percent sign (RFC 3261 §25.1, `escaped`).
fn escapes_are_whole(bytes: &[u8]) -> bool {
    memchr_iter(b'%', bytes).all(|at| {
        bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    })
}
