//! Indirect revocation lists, which the library for certificates does not make.

use rcgen::SigningKey as _;
use x509_cert::{
    Version,
    crl::{CertificateList, RevokedCert, TbsCertList},
    der::{
        Decode as _, Encode as _,
        asn1::{BitString, ObjectIdentifier, OctetString, UtcTime},
        pem,
    },
    ext::{Extension, pkix::name::GeneralName},
    name::Name,
    serial_number::SerialNumber,
    spki::AlgorithmIdentifierOwned,
    time::Time,
};

use super::{Authority, FROM, TO, seconds};

/// `ecdsa-with-SHA256`.
const ES256: AlgorithmIdentifierOwned = AlgorithmIdentifierOwned {
    oid: ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"),
    parameters: None,
};

impl Authority {
    /// An indirect list of those that are revoked, each by who issued it and its serial number; PEM.
    /// The authority's key must be [`super::Key::P256`].
    pub fn indirect_crl(&self, revoked: &[(&Self, &[u8])]) -> String {
        let number = Extension { critical: false, ..critical("2.5.29.20", b"\x02\x01\x01") };
        let tbs_cert_list = TbsCertList {
            version: Version::V2,
            signature: ES256,
            issuer: self.name(),
            this_update: time(FROM),
            next_update: Some(time(TO)),
            revoked_certificates: Some(
                revoked.iter().map(|(issuer, serial)| issuer.entry(serial)).collect(),
            ),
            // indirectCRL of the issuing distribution point.
            crl_extensions: Some(vec![critical("2.5.29.28", b"\x30\x03\x84\x01\xff"), number]),
        };
        let signed = tbs_cert_list.to_der().expect("DER");
        let signature = self.issuer.key().sign(&signed).expect("a signature");
        let list = CertificateList {
            tbs_cert_list,
            signature_algorithm: ES256,
            signature: BitString::from_bytes(&signature).expect("a bit string"),
        };
        let der = list.to_der().expect("DER");
        pem::encode_string("X509 CRL", pem::LineEnding::LF, &der).expect("PEM")
    }

    fn entry(&self, serial: &[u8]) -> RevokedCert {
        let issuer = vec![GeneralName::DirectoryName(self.name())].to_der().expect("DER");
        RevokedCert {
            serial_number: SerialNumber::new(serial).expect("a number"),
            revocation_date: time(FROM),
            crl_entry_extensions: Some(vec![critical("2.5.29.29", &issuer)]),
        }
    }

    fn name(&self) -> Name {
        let certificate = x509_cert::Certificate::from_der(self.certificate.der());
        certificate.expect("a certificate").tbs_certificate.subject
    }
}

fn critical(oid: &str, value: &[u8]) -> Extension {
    Extension {
        extn_id: ObjectIdentifier::new(oid).expect("an identifier"),
        critical: true,
        extn_value: OctetString::new(value).expect("octets"),
    }
}

fn time(time: i64) -> Time {
    Time::UtcTime(UtcTime::from_unix_duration(seconds(time)).expect("before 2050"))
}
