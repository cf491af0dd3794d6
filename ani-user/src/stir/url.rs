//! Where a certificate may be: the URLs of `x5u` and `info` that are followed.
//!
//! ATIS-1000074 §5.3.1: https, port 443 or 8443, no user information, no path parameters, no query,
//! no fragment. What is left of a URL then names a host and a file on it, and nothing that a stranger
//! could make one certificate many with.

use url::{Host, Url};

use super::Outcome;

/// Bytes of a URL; those in use have about 80.
pub const MAX_URL: usize = 512;
/// Beside the one of https.
const OTHER_PORT: u16 = 8443;
const SCHEME: &str = "https://";

/// Reads a URL in its canonical form: host in lower case, port 443 not written, dot segments taken
/// out. That form is what certificates are found by.
///
/// # Errors
///
/// [`Outcome::UrlRefused`].
pub fn check(text: &str) -> Result<Url, Outcome> {
    // What the library repairs on the way, as browsers do, is refused: white space, backslashes,
    // missing slashes, user information without a user.
    let scheme = text.get(..SCHEME.len()).filter(|scheme| scheme.eq_ignore_ascii_case(SCHEME));
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b';' | b'@');
    if text.len() > MAX_URL || scheme.is_none() || !text.bytes().all(plain) {
        return Err(Outcome::UrlRefused);
    }
    if text[SCHEME.len()..].starts_with('/') {
        return Err(Outcome::UrlRefused);
    }
    let url = Url::parse(text).map_err(|_| Outcome::UrlRefused)?;
    let named = match url.host() {
        Some(Host::Domain(name)) => !name.trim_end_matches('.').is_empty(),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        None => false,
    };
    let fits = named
        && url.scheme() == "https"
        && matches!(url.port(), None | Some(OTHER_PORT))
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && url.as_str().len() <= MAX_URL;
    if fits { Ok(url) } else { Err(Outcome::UrlRefused) }
}

/// Host and port as one name, lower case: what a budget is kept for, and the folder of a host among
/// local certificates. Port 443 is not written, the other one is as `_8443`.
pub fn host_name(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}_{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_followed() {
        for (text, canonical) in [
            ("https://cert.example.org/a.pem", "https://cert.example.org/a.pem"),
            ("HTTPS://Cert.Example.ORG:443/A.pem", "https://cert.example.org/A.pem"),
            ("https://cert.example.org:8443/a.crt", "https://cert.example.org:8443/a.crt"),
            ("https://cert.example.org", "https://cert.example.org/"),
            ("https://cert.example.org:/a", "https://cert.example.org/a"),
            ("https://cert.example.org/b/../a.pem", "https://cert.example.org/a.pem"),
            ("https://cert.example.org/%2e%2e/%2E/a.pem", "https://cert.example.org/a.pem"),
            ("https://8.8.8.8/a", "https://8.8.8.8/a"),
            ("https://0x08080808/a", "https://8.8.8.8/a"),
            ("https://[2606:4700::1111]/a", "https://[2606:4700::1111]/a"),
        ] {
            assert_eq!(check(text).as_ref().map(Url::as_str), Ok(canonical), "{text}");
        }
        let url = check("https://Cert.example.org:8443/a").expect("a URL");
        assert_eq!(host_name(&url), "cert.example.org_8443");
        assert_eq!(host_name(&check("https://a.example/").expect("a URL")), "a.example");
    }

    #[test]
    fn what_is_not() {
        let long = format!("https://cert.example.org/{}", "a".repeat(MAX_URL));
        for text in [
            "",
            "https:",
            "https://",
            "https:///cert.example.org/a",
            "https:/cert.example.org/a",
            "https:cert.example.org/a",
            "http://cert.example.org/a",
            "ftp://cert.example.org/a",
            "file:///etc/passwd",
            "//cert.example.org/a",
            "cert.example.org/a",
            "https://cert.example.org:80/a",
            "https://cert.example.org:4430/a",
            "https://cert.example.org:99999/a",
            "https://user@cert.example.org/a",
            "https://user:word@cert.example.org/a",
            "https://@cert.example.org/a",
            "https://:@cert.example.org/a",
            "https://cert.example.org/a?",
            "https://cert.example.org/a?b=c",
            "https://cert.example.org/a#",
            "https://cert.example.org/a#b",
            "https://cert.example.org/a;b=c",
            "https://cert.example.org;b/a",
            "https://cert.example.org\\@8.8.8.8/a",
            "https://cert.example.org/a b",
            "https://cert.example.org/a\n",
            "\thttps://cert.example.org/a",
            "https://cert.exämple.org/a",
            "https://[::1/a",
            "https://[fe80::1%25eth0]/a",
            "https://256.1.1.1/a",
            "https://./a",
            long.as_str(),
        ] {
            assert_eq!(check(text), Err(Outcome::UrlRefused), "{text:?}");
        }
    }
}
