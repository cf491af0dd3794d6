//! The compact form: a signature alone, and the rest is made again from the message (RFC 8224 §4.1,
//! RFC 8225 §7). Of plain PASSporTs only: SHAKEN and diversions must come in full form (RFC 8588 §6,
//! RFC 8946 §4), and what `rph` and `rcd` sign stands in headers that are not among a call's facts.

use super::{Outcome, base64url, call::Party};

/// Whether a token is in compact form.
pub(super) fn is_compact(token: &[u8]) -> bool {
    token.starts_with(b"..")
}

/// What is signed of a plain PASSporT for this call: header and claims, keys in order of their letters,
/// no white space (RFC 8225 §9).
///
/// # Errors
///
/// [`Outcome::CompactUnsupported`] for text that JSON cannot hold.
pub(super) fn signed(
    x5u: &str,
    orig: &Party<'_>,
    dest: &Party<'_>,
    iat: i64,
) -> Result<String, Outcome> {
    let quoted = |text: &str| serde_json::to_string(text).map_err(|_| Outcome::CompactUnsupported);
    let header = format!(r#"{{"alg":"ES256","typ":"passport","x5u":{}}}"#, quoted(x5u)?);
    let member = |party: &Party<'_>| match party {
        Party::Tn(_) => "tn",
        Party::Uri(_) => "uri",
    };
    let claims = format!(
        r#"{{"dest":{{"{}":[{}]}},"iat":{iat},"orig":{{"{}":{}}}}}"#,
        member(dest),
        quoted(dest.as_str())?,
        member(orig),
        quoted(orig.as_str())?,
    );
    Ok([header, claims].map(|json| base64url::encoded(json.as_bytes())).join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix A of RFC 8225, with `iat` the number that it is.
    #[test]
    fn as_the_rfc_writes_it() {
        let signed = signed(
            "https://cert.example.org/passport.cer",
            &Party::Tn("12155551212".into()),
            &Party::Uri("sip:alice@example.com".into()),
            1_471_375_418,
        );
        assert_eq!(
            signed.as_deref(),
            Ok(
                "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3Jn\
                L3Bhc3Nwb3J0LmNlciJ9.eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI\
                6MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19"
            )
        );
    }
}
