//! A credential: the certificate behind a PASSporT's URL with its chain, read and validated once, and
//! then asked for each call (RFC 8226, ATIS-1000080 §6.4.1).
//!
//! All that costs is done when it is read: the chain is built to the anchors and its signatures are
//! verified, so that a call compares numbers only. Read it anew when [`Trust::fingerprint`] is
//! another.

use std::{fmt, sync::Arc};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use rustls_pki_types::CertificateDer;
use serde_json::{Map, Value};
use x509_cert::{
    Certificate,
    der::{
        Decode,
        asn1::{ObjectIdentifier, OctetString},
        oid::AssociatedOid as _,
    },
    ext::pkix::{KeyUsage, KeyUsages},
    spki::AlgorithmIdentifierOwned,
};

use super::{
    Outcome, Trust,
    anchors::is_authority,
    constraints::{self, Constraints},
    pem,
    tn_auth_list::{self, TnAuthList},
};

/// What there is to show of it.
mod facts;
/// From the certificate to an anchor, and when.
mod path;
/// Where the lists are that would name it.
mod points;

pub use facts::{CertificateFacts, Facts};
use path::Path;
pub use points::{MAX_POINTS, Points};

/// Longest file, bytes.
pub const MAX_PEM: usize = 64 << 10;

/// Certificates of one file: as many as a path may have, and a root that nobody needs.
pub const MAX_CHAIN: usize = 8;

/// Longest name of a signer, bytes.
const MAX_SIGNER: usize = 64;

/// A certificate that signs PASSporTs, and its chain.
pub struct Credential {
    signer: Arc<str>,
    path: Result<Path, Outcome>,
    key: Option<ParsedPublicKey>,
    numbers: Result<TnAuthList, Outcome>,
    constraints: Result<Vec<Constraints>, Outcome>,
    points: Points,
    facts: Facts,
}

/// A certificate as it came, and as it was read.
struct Served {
    der: CertificateDer<'static>,
    x509: Certificate,
}

impl Credential {
    /// Reads what is behind a URL: the certificate and then those that lead to an anchor, as PEM; one
    /// in DER alone is taken too. Where an authority's certificate comes first, the first that is
    /// none is the one that signs.
    ///
    /// # Errors
    /// [`Outcome::CertificateMalformed`] when something cannot be read, is longer than [`MAX_PEM`] or
    /// has more than [`MAX_CHAIN`] certificates; all else is said by [`Self::check`].
    pub fn read(pem: &[u8], trust: &Trust) -> Result<Self, Outcome> {
        let mut served = served(pem).ok_or(Outcome::CertificateMalformed)?;
        let signs = served.iter().position(|served| !is_authority(&served.x509)).unwrap_or(0);
        served[..=signs].rotate_right(1);
        let (leaf, above) = served.split_first().ok_or(Outcome::CertificateMalformed)?;

        let numbers = numbers(&leaf.x509);
        let mut points = Points::default();
        let path = Path::find(leaf, above, &numbers, trust, &mut points);
        let constraints = constraints(&leaf.x509);
        let signer = signer(&leaf.x509, &numbers);
        let key = key(&leaf.x509);
        let facts = Facts::of(&served, &path, &numbers, &constraints, key.is_some());
        Ok(Self { signer, path, key, numbers, constraints, points, facts })
    }

    /// Who signs with it: the service provider code (SPC), else the common name of the subject, else
    /// the serial number.
    pub fn signer(&self) -> &Arc<str> {
        &self.signer
    }

    /// Whether a PASSporT made at `iat`, seconds since 1970 UTC, could be signed with it: its chain
    /// and all certificates of it at that second, its key, its TNAuthList. No cryptography.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn check(&self, iat: i64) -> Result<(), Outcome> {
        self.path.as_ref().map_err(|outcome| *outcome)?.check(iat)?;
        if self.key.is_none() {
            return Err(Outcome::CertificateKey);
        }
        self.numbers.as_ref().map_err(|outcome| *outcome)?;
        self.constraints.as_ref().map_err(|outcome| *outcome)?;
        Ok(())
    }

    /// Whether it may sign for a number, canonical digits; one with an SPC may for all.
    pub fn covers(&self, tn: &str) -> bool {
        let tn = tn.strip_prefix('+').unwrap_or(tn);
        self.numbers.as_ref().is_ok_and(|numbers| numbers.covers(tn))
    }

    /// Whether it may sign for a service provider's numbers, or for some numbers only.
    pub fn has_spc(&self) -> bool {
        self.numbers.as_ref().is_ok_and(|numbers| numbers.spc().is_some())
    }

    /// Whether claims keep to its constraints; where these cannot be read, none do.
    pub fn permits(&self, claims: &Map<String, Value>) -> bool {
        let constraints = self.constraints.as_ref();
        constraints.is_ok_and(|constraints| constraints.iter().all(|one| one.permit(claims)))
    }

    /// Whether it has constraints: without, all claims are permitted.
    pub fn has_constraints(&self) -> bool {
        self.constraints.as_ref().is_ok_and(|constraints| !constraints.is_empty())
    }

    /// Whether the signature, r and s (RFC 7518 §3.4), is over these bytes by its key. For any other
    /// key than one of ES256 none is.
    pub fn verify(&self, signed: &[u8], signature: &[u8; 64]) -> bool {
        self.key.as_ref().is_some_and(|key| key.verify_sig(signed, signature).is_ok())
    }

    /// Where the lists are that would revoke it: of those certificates alone that lead to an anchor,
    /// revoked ones among them.
    pub fn points(&self) -> &Points {
        &self.points
    }

    /// What there is to show of it.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("facts", &self.facts).finish_non_exhaustive()
    }
}

/// None when anything cannot be read, or there is none or too much.
fn served(pem: &[u8]) -> Option<Vec<Served>> {
    if pem.len() > MAX_PEM {
        return None;
    }
    let mut served = Vec::new();
    for der in pem::objects::<CertificateDer<'static>>(pem) {
        if served.len() == MAX_CHAIN {
            return None;
        }
        let der = der.ok()?;
        let x509 = Certificate::from_der(&der).ok()?;
        served.push(Served { der, x509 });
    }
    (!served.is_empty()).then_some(served)
}

/// The key as ES256 needs it: of an elliptic curve, P-256 (RFC 8225 §4.1).
fn key(certificate: &Certificate) -> Option<ParsedPublicKey> {
    const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    let key = &certificate.tbs_certificate.subject_public_key_info;
    if key.algorithm.oid != EC || curve(&key.algorithm)? != P256 {
        return None;
    }
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.subject_public_key.as_bytes()?).ok()
}

/// The curve of a key: what stands beside the algorithm, where that is a name.
fn curve(algorithm: &AlgorithmIdentifierOwned) -> Option<ObjectIdentifier> {
    algorithm.parameters.as_ref()?.decode_as().ok()
}

fn numbers(certificate: &Certificate) -> Result<TnAuthList, Outcome> {
    match extension(certificate, tn_auth_list::OID) {
        Ok(Some(value)) => {
            TnAuthList::read(value.as_bytes()).map_err(|_| Outcome::TnAuthListMalformed)
        }
        Ok(None) => Err(Outcome::TnAuthListMissing),
        Err(Twice) => Err(Outcome::TnAuthListMalformed),
    }
}

/// Constraints that cannot be read cannot be kept to: such a certificate is of no use.
fn constraints(certificate: &Certificate) -> Result<Vec<Constraints>, Outcome> {
    let read = || {
        let mut read = Vec::new();
        if let Some(value) = extension(certificate, constraints::OID).ok()? {
            read.push(Constraints::read(value.as_bytes()).ok()?);
        }
        if let Some(value) = extension(certificate, constraints::ENHANCED_OID).ok()? {
            read.extend(Constraints::read_enhanced(value.as_bytes()).ok()?);
        }
        Some(read)
    };
    read().ok_or(Outcome::CertificateUnfit)
}

/// An extension that is there more than once (RFC 5280 §4.2 forbids it).
struct Twice;

fn extension(
    certificate: &Certificate,
    oid: ObjectIdentifier,
) -> Result<Option<&OctetString>, Twice> {
    let extensions = certificate.tbs_certificate.extensions.iter().flatten();
    let mut values =
        extensions.filter(|extension| extension.extn_id == oid).map(|found| &found.extn_value);
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(Twice),
    }
}

/// Whether the key may be used so (RFC 5280 §4.2.1.3); a certificate that says nothing allows all.
fn allows(certificate: &Certificate, usage: KeyUsages) -> bool {
    match extension(certificate, KeyUsage::OID) {
        Ok(None) => true,
        Ok(Some(value)) => {
            KeyUsage::from_der(value.as_bytes()).is_ok_and(|usages| usages.0.contains(usage))
        }
        Err(Twice) => false,
    }
}

fn signer(certificate: &Certificate, numbers: &Result<TnAuthList, Outcome>) -> Arc<str> {
    let spc = numbers.as_ref().ok().and_then(|numbers| numbers.spc());
    if let Some(spc) = spc {
        return spc.into();
    }
    let name = facts::common_name(certificate).filter(|name| !name.is_empty());
    let mut name = name.unwrap_or_else(|| facts::serial(certificate));
    name.truncate(name.floor_char_boundary(MAX_SIGNER));
    name.into()
}

#[cfg(test)]
mod tests;
