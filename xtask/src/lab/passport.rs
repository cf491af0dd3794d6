//! A PASSporT that looks like one: the right shape and claims, a signature nobody made.

/// Alphabet of base64url (RFC 4648 §5).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bytes of an ES256 signature (RFC 7518 §3.4).
const SIGNATURE_LEN: usize = 64;

/// The compact form (RFC 8225 §7) for a call from `orig` to `dest`, digits both, attested with
/// `level`. Claims stand in the order RFC 8225 §9 asks for.
pub fn compact(level: char, orig: &str, dest: &str, iat: u64) -> String {
    let header = r#"{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://certs.example.org/1.pem"}"#;
    let payload = format!(
        r#"{{"attest":"{level}","dest":{{"tn":["{dest}"]}},"iat":{iat},"orig":{{"tn":"{orig}"}},"origid":"2b1e5ad0-4d5c-4c1b-9a51-000000000001"}}"#
    );
    let signature: Vec<u8> =
        (0..SIGNATURE_LEN).map(|at| (at * 151 + 37) as u8 ^ iat as u8).collect();
    [base64url(header.as_bytes()), base64url(payload.as_bytes()), base64url(&signature)].join(".")
}

/// Without padding.
fn base64url(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(word >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_of_rfc_4648_without_padding() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
        ] {
            assert_eq!(base64url(plain.as_bytes()), encoded);
        }
        assert_eq!(base64url(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn the_level_stands_where_canonical_claims_have_it() {
        for (level, start) in
            [('A', "eyJhdHRlc3QiOiJB"), ('B', "eyJhdHRlc3QiOiJC"), ('C', "eyJhdHRlc3QiOiJD")]
        {
            let token = compact(level, "12015550101", "12025550100", 1_700_000_000);
            let mut parts = token.split('.');
            assert!(parts.next().is_some());
            assert!(parts.next().is_some_and(|payload| payload.starts_with(start)), "{token}");
            assert_eq!(parts.next().map(str::len), Some(86));
            assert_eq!(parts.next(), None);
        }
    }
}
