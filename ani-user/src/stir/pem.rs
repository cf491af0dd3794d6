//! PEM and DER, whichever it is.

use memchr::memmem;
use rustls_pki_types::pem::{Error, PemObject};

/// The objects of one kind in a file, in its order. Text around the blocks and blocks of other kinds
/// are passed over (RFC 7468 §2, §5.2); what has no block at all counts as one object in DER.
pub(super) fn objects<T>(file: &[u8]) -> impl Iterator<Item = Result<T, Error>>
where
    T: PemObject + From<Vec<u8>>,
{
    // Some editors write it, and then the first line does not begin as a block does.
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let is_pem = memmem::find(file, b"-----BEGIN ").is_some();
    let is_der = !is_pem && file.first() == Some(&SEQUENCE);
    let one = is_der.then(|| Ok(T::from(file.to_vec())));
    one.into_iter().chain(T::pem_slice_iter(if is_pem { file } else { &[] }))
}

/// The tag that certificates and revocation lists begin with.
const SEQUENCE: u8 = 0x30;
