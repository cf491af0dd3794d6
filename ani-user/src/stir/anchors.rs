//! Trust anchors: whom a chain may end at (RFC 5280 §6.1.1 (d)).
//!
//! The validity of an anchor is not looked at: it is in force as long as its file is there.

use rustls_pki_types::{CertificateDer, TrustAnchor};
use x509_cert::{Certificate, Version, der::Decode, ext::pkix::BasicConstraints};

use super::{
    pem,
    trust::{Warning, folder::Files},
};

/// The anchors of a folder.
#[derive(Debug, Default)]
pub struct Anchors {
    authorities: Vec<TrustAnchor<'static>>,
    pinned: Vec<CertificateDer<'static>>,
}

impl Anchors {
    /// All certificates of all files. An authority's becomes an anchor for chains; any other one is
    /// trusted for itself only, which is what somebody means who puts it there.
    pub(super) fn of(files: &Files, warnings: &mut Vec<Warning>) -> Self {
        let mut anchors = Self::default();
        for (path, contents) in &files.files {
            let mut count = 0;
            for (at, block) in pem::objects::<CertificateDer<'static>>(contents).enumerate() {
                count += 1;
                let read = block.map_err(|error| error.to_string());
                if let Err(why) = read.and_then(|der| anchors.add(der)) {
                    warnings.push(Warning {
                        path: path.clone(),
                        what: format!(
                            "certificate {} cannot be read: {why}; put it there anew",
                            at + 1
                        ),
                    });
                }
            }
            if count == 0 {
                warnings.push(Warning {
                    path: path.clone(),
                    what: "has no certificate; put PEM there, or remove it".to_owned(),
                });
            }
        }
        anchors
    }

    fn add(&mut self, der: CertificateDer<'static>) -> Result<(), String> {
        let certificate = Certificate::from_der(&der).map_err(|error| error.to_string())?;
        if !is_authority(&certificate) {
            if !self.pinned.contains(&der) {
                self.pinned.push(der);
            }
            return Ok(());
        }
        let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|error| error.to_string())?;
        // A bundle and its parts may lie side by side.
        if !self.authorities.contains(&anchor) {
            self.authorities.push(anchor.to_owned());
        }
        Ok(())
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty() && self.pinned.is_empty()
    }

    /// How many there are, each once.
    pub fn len(&self) -> usize {
        self.authorities.len() + self.pinned.len()
    }

    /// Those that chains may end at.
    pub(super) fn authorities(&self) -> &[TrustAnchor<'static>] {
        &self.authorities
    }

    /// Whether this very certificate, no authority's, is trusted.
    pub(super) fn pins(&self, certificate: &CertificateDer<'_>) -> bool {
        self.pinned.contains(certificate)
    }
}

/// Whether the certificate is an authority's: by its basic constraints, or, of the first version,
/// which has none, by being signed by itself.
pub(super) fn is_authority(certificate: &Certificate) -> bool {
    let certificate = &certificate.tbs_certificate;
    match certificate.get::<BasicConstraints>() {
        Ok(Some((_, constraints))) => constraints.ca,
        Ok(None) => certificate.version == Version::V1 && certificate.subject == certificate.issuer,
        Err(_) => false,
    }
}
