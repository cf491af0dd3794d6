//! `scheme:user;parameters:password@host:port;parameters?headers` (RFC 3261 §19.1, RFC 3966 §3).

use memchr::{memchr, memchr_iter, memchr2};

use super::{class, list::Parameters, stops::Stops};

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
    /// Host; brackets of an IPv6 address included.
    pub host: &'a [u8],
    /// Parameters of the URI, from the semicolon on.
    pub parameters: &'a [u8],
    /// Headers, behind the question mark.
    pub headers: &'a [u8],
    /// Whether it does not keep to the grammar.
    pub faulty: bool,
}

impl<'a> Uri<'a> {
    /// Nothing.
    pub(super) const NONE: Self = Self {
        raw: &[],
        scheme: Scheme::None,
        user: None,
        user_parameters: &[],
        host: &[],
        parameters: &[],
        headers: &[],
        faulty: false,
    };

    /// Reads a URI, whatever it holds.
    pub fn read(raw: &'a [u8]) -> Self {
        Self::plain_whole(raw).unwrap_or_else(|| Self::any(raw))
    }

    /// [`Uri::plain`] where nothing may follow.
    pub(super) fn plain_whole(raw: &'a [u8]) -> Option<Self> {
        let (uri, end) = Self::plain(raw, 0, &mut Stops::new(raw))?;
        (end == raw.len()).then_some(uri)
    }

    /// Reads a `sip:` URI as nearly all are from `start` on, and says where it ends: at a closing
    /// angle bracket or the end of the bytes. `stops` are those from `start` on. None of its bytes is
    /// escaped or out of place, none of its parts is empty, there are no headers, the host has a name
    /// or is IPv4. None for any other, which [`Uri::any`] reads with more care, to the same end.
    #[inline]
    pub(super) fn plain(
        bytes: &'a [u8],
        start: usize,
        stops: &mut Stops<'a>,
    ) -> Option<(Self, usize)> {
        if !bytes.get(start..)?.starts_with(b"sip:") {
            return None;
        }
        let mut part = stops.next()?.0 + 1;
        // Of the part before the `@`, and then of what follows it.
        let (mut colon, mut semicolon) = (None, None);
        let (mut user, mut user_parameters): (_, &[u8]) = (None, &[]);
        let end = loop {
            let (at, byte) = stops.next().unwrap_or((bytes.len(), b'>'));
            match byte {
                b':' if semicolon.is_none() => colon = colon.or(Some(at)),
                b':' if user.is_some() => {}
                b';' => semicolon = semicolon.or(Some(at)),
                b'@' if user.is_none() && at > part => {
                    let before = colon.unwrap_or(at);
                    let name_end = semicolon.unwrap_or(before).min(before);
                    user = Some(&bytes[part..name_end]);
                    user_parameters = &bytes[name_end..before];
                    (colon, semicolon, part) = (None, None, at + 1);
                }
                b'>' => break at,
                _ => return None,
            }
        };
        let parameters = semicolon.unwrap_or(end);
        let host = &bytes[part..colon.unwrap_or(parameters)];
        if let Some(colon) = colon {
            port(&bytes[colon + 1..parameters])?;
        }
        if host.is_empty() || user.is_some_and(<[u8]>::is_empty) {
            return None;
        }
        let uri = Self {
            raw: &bytes[start..end],
            scheme: Scheme::Sip,
            user,
            user_parameters,
            host,
            parameters: &bytes[parameters..end],
            headers: &[],
            faulty: false,
        };
        Some((uri, end))
    }

    /// Reads a URI, whatever it holds, part by part.
    pub(super) fn any(raw: &'a [u8]) -> Self {
        let mut uri = Self {
            raw,
            faulty: !class::all(raw, class::URI) || !escapes_are_whole(raw),
            ..Self::NONE
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

    /// Password.
    pub fn password(&self) -> Option<&'a [u8]> {
        let (user, _) = self.user_and_host()?;
        split_before(user?, b':').1.get(1..)
    }

    /// Port.
    pub fn port(&self) -> Option<u16> {
        let (_, host) = self.user_and_host()?;
        let end = memchr2(b';', b'?', host).unwrap_or(host.len());
        host_and_port(&host[..end]).1.and_then(port)
    }

    /// What stands before the `@`, and all behind it.
    fn user_and_host(&self) -> Option<(Option<&'a [u8]>, &'a [u8])> {
        let rest = &self.raw[memchr(b':', self.raw)? + 1..];
        matches!(self.scheme, Scheme::Sip | Scheme::Sips).then(|| user_and_host(rest))
    }

    fn sip(&mut self, rest: &'a [u8]) {
        let (user, host) = user_and_host(rest);
        if let Some(user) = user {
            let (user, _password) = split_before(user, b':');
            let (user, parameters) = split_before(user, b';');
            self.faulty |= user.is_empty();
            self.user = Some(user);
            self.user_parameters = parameters;
        }
        let (host, headers) = split_before(host, b'?');
        self.headers = headers.get(1..).unwrap_or_default();
        let (host, parameters) = split_before(host, b';');
        self.parameters = parameters;
        let (host, digits, broken) = host_and_port(host);
        self.host = host;
        self.faulty |= broken || host.is_empty() || host.contains(&b'@');
        self.faulty |= digits.is_some_and(|digits| port(digits).is_none());
    }
}

/// At the first `@`: neither hosts nor what follows them may hold one.
fn user_and_host(rest: &[u8]) -> (Option<&[u8]>, &[u8]) {
    match memchr(b'@', rest) {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    }
}

fn port(digits: &[u8]) -> Option<u16> {
    super::number(digits).and_then(|port| u16::try_from(port).ok())
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
