//! What there is to show of a credential.

use serde::{Serialize, Serializer};
use x509_cert::{
    Certificate,
    der::{Tag, Tagged as _, asn1::ObjectIdentifier},
    spki::AlgorithmIdentifierOwned,
};

use super::{Outcome, Path, Served, curve, path::Window};
use crate::{
    stir::{
        anchors::is_authority,
        constraints::Constraints,
        tn_auth_list::{Entry, TnAuthList},
    },
    time::Timestamp,
};

/// A certificate that signs PASSporTs and its chain, for people and for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The certificates: the one that signs, then the others as served.
    pub chain: Vec<CertificateFacts>,
    /// For which numbers it may sign; none where that is missing or cannot be read.
    pub numbers: Vec<Entry>,
    /// With which claims; none for all.
    pub constraints: Vec<Constraints>,
    /// When there was a chain to an anchor; none where there never was.
    pub valid: Vec<Window>,
    /// What is wrong with it at any time, in the order of the checks.
    #[serde(serialize_with = "words")]
    pub defects: Vec<Outcome>,
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateFacts {
    /// Whose it is, as RFC 4514 writes names.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// Serial number, hexadecimal.
    pub serial: String,
    /// First second at which it is valid.
    pub not_before: Timestamp,
    /// Last second at which it is valid.
    pub not_after: Timestamp,
    /// Algorithm of the key: `P-256`, `P-384`, `RSA`, `Ed25519`, or the object identifier.
    pub key: String,
    /// Whether it is an authority's.
    pub authority: bool,
}

impl Facts {
    pub(super) fn of(
        served: &[Served],
        path: &Result<Path, Outcome>,
        numbers: &Result<TnAuthList, Outcome>,
        constraints: &Result<Vec<Constraints>, Outcome>,
        has_key: bool,
    ) -> Self {
        let key = if has_key { Ok(()) } else { Err(Outcome::CertificateKey) };
        let defects = [
            path.as_ref().err().copied(),
            key.err(),
            numbers.as_ref().err().copied(),
            constraints.as_ref().err().copied(),
        ];
        Self {
            chain: served.iter().map(CertificateFacts::of).collect(),
            numbers: numbers.as_ref().map(|it| it.entries().to_vec()).unwrap_or_default(),
            constraints: constraints.as_ref().cloned().unwrap_or_default(),
            valid: path.as_ref().map(|path| path.windows().to_vec()).unwrap_or_default(),
            defects: defects.into_iter().flatten().collect(),
        }
    }
}

impl CertificateFacts {
    fn of(served: &Served) -> Self {
        let window = Window::of(served);
        let certificate = &served.x509.tbs_certificate;
        Self {
            subject: certificate.subject.to_string(),
            issuer: certificate.issuer.to_string(),
            serial: serial(&served.x509),
            not_before: Timestamp::new(window.from, 0),
            not_after: Timestamp::new(window.to, 0),
            key: key(&certificate.subject_public_key_info.algorithm),
            authority: is_authority(&served.x509),
        }
    }
}

fn words<S: Serializer>(outcomes: &[Outcome], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(outcomes.iter().map(|outcome| outcome.as_str()))
}

/// Hexadecimal, without separators.
pub(super) fn serial(certificate: &Certificate) -> String {
    let bytes = certificate.tbs_certificate.serial_number.as_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last common name of the subject, which is the most particular one.
pub(super) fn common_name(certificate: &Certificate) -> Option<String> {
    const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
    let parts = certificate.tbs_certificate.subject.0.iter().rev();
    let name = parts.flat_map(|part| part.0.iter()).find(|part| part.oid == COMMON_NAME)?;
    // The others are of two or four bytes a character, or of a character set nobody uses.
    let is_text = matches!(
        name.value.tag(),
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::TeletexString
    );
    is_text.then(|| String::from_utf8_lossy(name.value.value()).into_owned())
}

fn key(algorithm: &AlgorithmIdentifierOwned) -> String {
    let curve = curve(algorithm).map(|curve| curve.to_string());
    match (algorithm.oid.to_string().as_str(), curve.as_deref()) {
        ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => "P-256".to_owned(),
        ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => "P-384".to_owned(),
        ("1.2.840.10045.2.1", Some("1.3.132.0.35")) => "P-521".to_owned(),
        ("1.2.840.113549.1.1.1", _) => "RSA".to_owned(),
        ("1.3.101.112", _) => "Ed25519".to_owned(),
        (oid, _) => oid.to_owned(),
    }
}
