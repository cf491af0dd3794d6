//! Where the lists are that would name a certificate (RFC 5280 §4.2.1.13).

use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::VerifiedPath;
use x509_cert::{
    Certificate,
    der::{Decode as _, oid::AssociatedOid as _},
    ext::pkix::{
        CrlDistributionPoints,
        name::{DistributionPointName, GeneralName},
    },
};

use super::{Served, extension};

/// URLs of one chain; a certificate has one.
pub const MAX_POINTS: usize = 4;

/// Where a revocation list is, and who may have signed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Points {
    /// URLs as they stand in the certificates, each once, at most [`MAX_POINTS`].
    pub urls: Vec<String>,
    /// The authorities of the chain, the anchor last.
    pub authorities: Vec<TrustAnchor<'static>>,
}

impl Points {
    /// Those of a certificate that leads to an anchor, which is all that makes them worth asking.
    pub(super) fn add(&mut self, certificate: &Certificate) {
        let Ok(Some(value)) = extension(certificate, CrlDistributionPoints::OID) else { return };
        let Ok(points) = CrlDistributionPoints::from_der(value.as_bytes()) else { return };
        let names = points.0.into_iter().filter_map(|point| match point.distribution_point {
            Some(DistributionPointName::FullName(names)) => Some(names),
            _ => None,
        });
        for name in names.flatten() {
            let GeneralName::UniformResourceIdentifier(url) = name else { continue };
            if self.urls.len() < MAX_POINTS && !self.urls.iter().any(|known| known == url.as_str())
            {
                self.urls.push(url.to_string());
            }
        }
    }

    /// Those of a path: of the certificate and of the authorities between it and the anchor.
    pub(super) fn add_path(&mut self, leaf: &Served, above: &[Served], path: &VerifiedPath<'_>) {
        self.add(&leaf.x509);
        for authority in path.intermediate_certificates() {
            let der = authority.der();
            if let Some(served) = above.iter().find(|served| served.der == der) {
                self.add(&served.x509);
            }
            self.trust(&der);
        }
        self.authority(path.anchor());
    }

    fn trust(&mut self, der: &CertificateDer<'_>) {
        if let Ok(authority) = webpki::anchor_from_trusted_cert(der) {
            self.authority(&authority);
        }
    }

    fn authority(&mut self, authority: &TrustAnchor<'_>) {
        if !self.authorities.contains(authority) {
            self.authorities.push(authority.to_owned());
        }
    }
}
