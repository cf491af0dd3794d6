//! Indirect lists, which name certificates of many authorities (RFC 5280 §5.2.5, §5.3.3): SHAKEN has
//! one, the STI-PA's, for all (ATIS-1000080 §6.4.1). The library for chains takes none.
//!
//! Who signs such a list may revoke anybody's certificate: that is somebody whose own certificate the
//! operator put beside it, and nobody else.

use std::collections::HashSet;

use rustls_pki_types::TrustAnchor;
use webpki::ALL_VERIFICATION_ALGS;
use x509_cert::{
    Certificate,
    crl::TbsCertList,
    der::{
        Decode as _, Encode as _, Reader as _, Sequence, SliceReader,
        asn1::{AnyRef, BitStringRef, ObjectIdentifier},
    },
    ext::{
        Extensions,
        pkix::{IssuingDistributionPoint, name::GeneralName},
    },
    name::Name,
};

/// `id-ce-deltaCRLIndicator`.
const DELTA: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.27");

/// `id-ce-issuingDistributionPoint`.
const DISTRIBUTION_POINT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.28");

/// `id-ce-certificateIssuer`.
const CERTIFICATE_ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.29");

/// What indirect lists name: authority and serial number.
#[derive(Debug, Default)]
pub(super) struct Revoked(HashSet<(String, Box<[u8]>)>);

/// Why a list is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it is no indirect one")]
    Other,
    #[error("it only says what changed since another one; put a whole one there")]
    Delta,
    #[error("nobody whose certificate lies beside it signed it; put the STI-PA's there")]
    Signature,
}

impl Revoked {
    /// Adds what a list in DER names, when one of these signed it.
    pub(super) fn add(&mut self, der: &[u8], signers: &[TrustAnchor<'_>]) -> Result<(), Unusable> {
        let signed = Signed::from_der(der).map_err(|_| Unusable::Other)?;
        let tbs = signed.tbs.to_der().map_err(|_| Unusable::Other)?;
        let list = TbsCertList::from_der(&tbs).map_err(|_| Unusable::Other)?;
        let point = extension(list.crl_extensions.as_ref(), DISTRIBUTION_POINT)
            .map(|value| IssuingDistributionPoint::from_der(value).map_err(|_| Unusable::Other))
            .transpose()?;
        let mut is_indirect = point.is_some_and(|point| point.indirect_crl);
        if extension(list.crl_extensions.as_ref(), DELTA).is_some() {
            return Err(Unusable::Delta);
        }

        let mut revoked = Vec::new();
        // Named where it is another one than that of the entry before, and the list's own at first.
        let mut authority = key(&list.issuer);
        for entry in list.revoked_certificates.into_iter().flatten() {
            if let Some(value) = extension(entry.crl_entry_extensions.as_ref(), CERTIFICATE_ISSUER)
            {
                is_indirect = true;
                authority = named(value).ok_or(Unusable::Other)?;
            }
            revoked.push((authority.clone(), entry.serial_number.as_bytes().into()));
        }
        if !is_indirect {
            return Err(Unusable::Other);
        }
        if !signers.iter().any(|signer| signed.is_by(&tbs, signer)) {
            return Err(Unusable::Signature);
        }
        self.0.extend(revoked);
        Ok(())
    }

    /// Whether the certificate is named.
    pub(super) fn has(&self, certificate: &Certificate) -> bool {
        let certificate = &certificate.tbs_certificate;
        let serial = certificate.serial_number.as_bytes();
        !self.0.is_empty() && self.0.contains(&(key(&certificate.issuer), serial.into()))
    }
}

/// What is signed, as it came, and the signature (RFC 5280 §5.1.1).
#[derive(Sequence)]
pub(super) struct Signed<'a> {
    pub(super) tbs: AnyRef<'a>,
    algorithm: AnyRef<'a>,
    signature: BitStringRef<'a>,
}

impl Signed<'_> {
    pub(super) fn is_by(&self, tbs: &[u8], signer: &TrustAnchor<'_>) -> bool {
        let Some((key_algorithm, key)) = public_key(&signer.subject_public_key_info) else {
            return false;
        };
        let Some(signature) = self.signature.as_bytes() else { return false };
        ALL_VERIFICATION_ALGS.iter().any(|algorithm| {
            algorithm.signature_alg_id().as_ref() == self.algorithm.value()
                && algorithm.public_key_alg_id().as_ref() == key_algorithm
                && algorithm.verify_signature(key, tbs, signature).is_ok()
        })
    }
}

/// Algorithm and key of a SubjectPublicKeyInfo without its outer tag.
fn public_key(info: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = SliceReader::new(info).ok()?;
    let algorithm: AnyRef<'_> = reader.decode().ok()?;
    let key: BitStringRef<'_> = reader.decode().ok()?;
    Some((algorithm.value(), key.as_bytes()?))
}

fn extension(extensions: Option<&Extensions>, oid: ObjectIdentifier) -> Option<&[u8]> {
    let found = extensions?.iter().find(|extension| extension.extn_id == oid)?;
    Some(found.extn_value.as_bytes())
}

/// The authority that an entry names.
fn named(names: &[u8]) -> Option<String> {
    Vec::<GeneralName>::from_der(names).ok()?.iter().find_map(|name| match name {
        GeneralName::DirectoryName(name) => Some(key(name)),
        _ => None,
    })
}

/// A name as it is compared: in which alphabet it is written and in which case is all the same
/// (RFC 5280 §7.1).
fn key(name: &Name) -> String {
    name.to_string().to_ascii_lowercase()
}
