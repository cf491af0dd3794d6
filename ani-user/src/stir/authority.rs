//! An authority for tests: issues certificates, right and wrong ones, and signs with them.
//!
//! ```ignore
//! let root = Authority::root("Root");
//! let signer = root.below("Issuing").issue(Leaf::spc("709J"));
//! let trust = Trust::from_pem(root.pem().as_bytes(), b"");
//! let credential = Credential::read(signer.chain().as_bytes(), &trust);
//! let token = signer.shaken("https://cert.example/1.pem", "12155550100", "12155550199", 'A', now);
//! ```
//!
//! What goes wrong here is a mistake of the test: it panics.

use std::time::Duration;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams,
    CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, RevokedCertParams, RsaKeySize,
    SerialNumber, date_time_ymd,
};
use serde_json::{Value, json};
use x509_cert::{
    der::{Encode as _, asn1::Ia5String, oid::AssociatedOid as _},
    ext::pkix::{
        CrlDistributionPoints,
        crl::dp::DistributionPoint,
        name::{DistributionPointName, GeneralName},
    },
};

use super::{
    constraints::{self, Constraints},
    tn_auth_list::{self, Entry, TnAuthList},
};

/// Lists of those that others issued.
mod indirect;

/// First second at which certificates of these tests are valid: 2024-01-01.
pub const FROM: i64 = 1_704_067_200;

/// Last second at which they are: 2034-01-01.
pub const TO: i64 = 2_019_686_400;

/// A time at which they are valid: 2026-01-01.
pub const NOW: i64 = 1_767_225_600;

/// Somebody who issues certificates.
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate and those above it, without the root.
    chain: String,
}

/// What an authority's certificate says.
#[derive(Clone, Debug)]
pub struct Rank {
    /// Validity, first and last second.
    pub valid: (i64, i64),
    /// Authorities that may be below it.
    pub path_len: Option<u8>,
    /// Serial number, big endian.
    pub serial: Vec<u8>,
    /// Algorithm of the key.
    pub key: Key,
    /// A TNAuthList, which belongs to those only that delegate.
    pub numbers: Vec<Entry>,
    /// Names that certificates below may have; empty for any.
    pub names: Vec<GeneralSubtree>,
    /// What the key may be used for.
    pub usages: Vec<KeyUsagePurpose>,
}

impl Default for Rank {
    fn default() -> Self {
        Self {
            valid: (FROM, TO),
            path_len: None,
            serial: vec![1],
            key: Key::P256,
            numbers: Vec::new(),
            names: Vec::new(),
            usages: vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign],
        }
    }
}

/// Algorithm of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Elliptic curve P-256: that of ES256.
    P256,
    /// Elliptic curve P-384.
    P384,
    /// Edwards curve.
    Ed25519,
    /// RSA of 2,048 bits.
    Rsa,
}

impl Key {
    fn generate(self) -> KeyPair {
        match self {
            Self::P256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Self::P384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            Self::Ed25519 => KeyPair::generate_for(&PKCS_ED25519),
            Self::Rsa => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
        }
        .expect("a key")
    }
}

/// What the certificate of somebody who signs says.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Common name.
    pub name: String,
    /// Validity, first and last second.
    pub valid: (i64, i64),
    /// Algorithm of the key.
    pub key: Key,
    /// Its TNAuthList; empty for none.
    pub numbers: Vec<Entry>,
    /// Its JWTClaimConstraints.
    pub constraints: Option<Constraints>,
    /// Its EnhancedJWTClaimConstraints.
    pub enhanced: Option<Constraints>,
    /// Serial number, big endian.
    pub serial: Vec<u8>,
    /// Any other extensions: object identifier, whether critical, value.
    pub extensions: Vec<(Vec<u64>, bool, Vec<u8>)>,
    /// Extended key usages.
    pub purposes: Vec<ExtendedKeyUsagePurpose>,
    /// Key usages.
    pub usages: Vec<KeyUsagePurpose>,
    /// Whether it says that it is an authority's.
    pub authority: bool,
}

impl Leaf {
    /// As SHAKEN has it: one SPC.
    pub fn spc(code: &str) -> Self {
        Self::numbers(&[Entry::Spc(code.to_owned())]).named(&format!("SHAKEN {code}"))
    }

    /// With these entries in its TNAuthList; without one when there are none.
    pub fn numbers(numbers: &[Entry]) -> Self {
        Self {
            name: "SHAKEN".to_owned(),
            valid: (FROM, TO),
            key: Key::P256,
            numbers: numbers.to_vec(),
            constraints: None,
            enhanced: None,
            serial: vec![0x53, 0x50],
            extensions: Vec::new(),
            purposes: Vec::new(),
            usages: vec![KeyUsagePurpose::DigitalSignature],
            authority: false,
        }
    }

    /// The same, and there is the list that would name it.
    pub fn listed(mut self, url: &str) -> Self {
        let url = Ia5String::new(url).expect("ASCII");
        let names = vec![GeneralName::UniformResourceIdentifier(url)];
        let point = DistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(names)),
            reasons: None,
            crl_issuer: None,
        };
        let value = CrlDistributionPoints(vec![point]).to_der().expect("DER");
        self.extensions.push((
            CrlDistributionPoints::OID.arcs().map(u64::from).collect(),
            false,
            value,
        ));
        self
    }

    fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    fn params(&self) -> CertificateParams {
        let mut params = params(&self.name, self.valid);
        params.serial_number = Some(SerialNumber::from_slice(&self.serial));
        params.key_usages.clone_from(&self.usages);
        params.extended_key_usages.clone_from(&self.purposes);
        params.is_ca = if self.authority {
            IsCa::Ca(BasicConstraints::Unconstrained)
        } else {
            IsCa::ExplicitNoCa
        };
        params.custom_extensions.extend(numbers(&self.numbers));
        if let Some(constraints) = &self.constraints {
            let value = constraints.write().expect("DER");
            params.custom_extensions.push(extension(constraints::OID, value));
        }
        if let Some(constraints) = &self.enhanced {
            let value = constraints.write_enhanced().expect("DER");
            params.custom_extensions.push(extension(constraints::ENHANCED_OID, value));
        }
        for (oid, is_critical, value) in &self.extensions {
            let mut extension = CustomExtension::from_oid_content(oid, value.clone());
            extension.set_criticality(*is_critical);
            params.custom_extensions.push(extension);
        }
        params
    }
}

impl Authority {
    /// A root.
    pub fn root(name: &str) -> Self {
        Self::root_with(name, Rank::default())
    }

    /// A root whose certificate says this.
    pub fn root_with(name: &str, rank: Rank) -> Self {
        let (params, key) = (authority(name, &rank), rank.key.generate());
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { certificate, issuer: Issuer::new(params, key), chain: String::new() }
    }

    /// An authority below this one.
    pub fn below(&self, name: &str) -> Self {
        self.below_with(name, Rank::default())
    }

    /// An authority below this one whose certificate says this.
    pub fn below_with(&self, name: &str, rank: Rank) -> Self {
        let (params, key) = (authority(name, &rank), rank.key.generate());
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let chain = [certificate.pem(), self.chain.clone()].concat();
        Self { certificate, issuer: Issuer::new(params, key), chain }
    }

    /// Its certificate, PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Another certificate for the key of another authority, signed by this one; PEM. The name is
    /// the other's own.
    pub fn vouch(&self, other: &Self, name: &str, rank: &Rank) -> String {
        let certificate = authority(name, rank).signed_by(other.issuer.key(), &self.issuer);
        certificate.expect("a certificate").pem()
    }

    /// A certificate and its key.
    pub fn issue(&self, leaf: Leaf) -> Signer {
        let key = leaf.key.generate();
        let certificate = leaf.params().signed_by(&key, &self.issuer).expect("a certificate");
        Signer { certificate, key, above: self.chain.clone() }
    }

    /// A list of those that are revoked, by serial number; PEM.
    pub fn crl(&self, serials: &[&[u8]]) -> String {
        self.crl_with(serials, (FROM, TO))
    }

    /// The same with times of its own: made, and next made.
    pub fn crl_with(&self, serials: &[&[u8]], (made, next): (i64, i64)) -> String {
        let revoked = |serial: &&[u8]| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: date_time_ymd(1970, 1, 1) + seconds(FROM),
            reason_code: None,
            invalidity_date: None,
        };
        CertificateRevocationListParams {
            this_update: date_time_ymd(1970, 1, 1) + seconds(made),
            next_update: date_time_ymd(1970, 1, 1) + seconds(next),
            crl_number: SerialNumber::from_slice(&[1]),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .and_then(|crl| crl.pem())
        .expect("a list")
    }
}

/// Somebody who signs PASSporTs.
pub struct Signer {
    certificate: Certificate,
    key: KeyPair,
    above: String,
}

impl Signer {
    /// One who signed the own certificate.
    pub fn alone(leaf: Leaf) -> Self {
        let key = leaf.key.generate();
        let certificate = leaf.params().self_signed(&key).expect("a certificate");
        Self { certificate, key, above: String::new() }
    }

    /// The certificate, PEM.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        self.certificate.der()
    }

    /// What is served: the certificate and those above it, without the root; PEM.
    pub fn chain(&self) -> String {
        [self.pem(), self.above.clone()].concat()
    }

    /// A signature of ES256 over these bytes: r and s. Only a P-256 key makes them.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        let key = self.key.serialized_der();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key).expect("P-256");
        let signature = key.sign(&SystemRandom::new(), bytes).expect("a signature");
        signature.as_ref().try_into().expect("64 bytes")
    }

    /// A PASSporT in full form. Objects are written with their members in the order of their names
    /// (RFC 8225 §9).
    pub fn passport(&self, header: &Value, claims: &Value) -> String {
        self.token(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    /// A token of these bytes, whatever they are.
    pub fn token(&self, header: &[u8], claims: &[u8]) -> String {
        let [header, claims] = [header, claims].map(Base64UrlUnpadded::encode_string);
        let signed = format!("{header}.{claims}");
        let signature = Base64UrlUnpadded::encode_string(&self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    /// A SHAKEN PASSporT (RFC 8588): certificate's URL, caller, called, attestation, time.
    pub fn shaken(&self, x5u: &str, orig: &str, dest: &str, attest: char, iat: i64) -> String {
        self.passport(
            &json!({"alg": "ES256", "ppt": "shaken", "typ": "passport", "x5u": x5u}),
            &json!({
                "attest": attest.to_string(),
                "dest": {"tn": [dest]},
                "iat": iat,
                "orig": {"tn": orig},
                "origid": "123e4567-e89b-12d3-a456-426655440000",
            }),
        )
    }

    /// The value of Identity for a PASSporT.
    pub fn identity(token: &str, x5u: &str, ppt: &str) -> String {
        format!("{token};info=<{x5u}>;alg=ES256;ppt={ppt}")
    }
}

fn params(name: &str, (from, to): (i64, i64)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CountryName, "US");
    params.distinguished_name.push(DnType::OrganizationName, "Test");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(1970, 1, 1) + seconds(from);
    params.not_after = date_time_ymd(1970, 1, 1) + seconds(to);
    params
}

fn authority(name: &str, rank: &Rank) -> CertificateParams {
    let mut params = params(name, rank.valid);
    params.is_ca = IsCa::Ca(match rank.path_len {
        None => BasicConstraints::Unconstrained,
        Some(len) => BasicConstraints::Constrained(len),
    });
    params.serial_number = Some(SerialNumber::from_slice(&rank.serial));
    params.key_usages.clone_from(&rank.usages);
    params.custom_extensions.extend(numbers(&rank.numbers));
    if !rank.names.is_empty() {
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: rank.names.clone(),
            excluded_subtrees: Vec::new(),
        });
    }
    params
}

fn numbers(numbers: &[Entry]) -> Option<CustomExtension> {
    let value = TnAuthList::write(numbers).expect("DER");
    (!numbers.is_empty()).then(|| extension(tn_auth_list::OID, value))
}

fn extension(oid: der::asn1::ObjectIdentifier, value: Vec<u8>) -> CustomExtension {
    let oid: Vec<u64> = oid.arcs().map(u64::from).collect();
    CustomExtension::from_oid_content(&oid, value)
}

fn seconds(time: i64) -> Duration {
    Duration::from_secs(time.unsigned_abs())
}
