//! Revocation lists (RFC 5280 §5): what somebody put into a folder, a script for instance, and what was
//! fetched from the distribution points that certificates name (`stir::lists`).
//!
//! They can only take trust away, and only by naming a certificate: a list that is missing, too old,
//! of another authority or badly signed never fails a call. A list that is too old still names what
//! is revoked.

use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor};
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_cert::Certificate;

use super::{
    pem,
    trust::{Warning, folder::Files},
};

/// Lists that name certificates of many authorities.
mod indirect;
/// Whether a list that was fetched is one to be kept.
mod sound;

pub use sound::{Sound, Unsound};

use indirect::{Revoked, Unusable};

/// The lists of a folder.
#[derive(Debug, Default)]
pub struct Crls {
    direct: Vec<CertRevocationList<'static>>,
    indirect: usize,
    revoked: Revoked,
    signers: Vec<TrustAnchor<'static>>,
}

impl Crls {
    /// All lists of all files, and those that were fetched. Certificates among the files, and they
    /// alone, are of those who sign indirect lists: those the operator put there.
    pub(super) fn of(files: &Files, fetched: &Files, warnings: &mut Vec<Warning>) -> Self {
        let certificates = files.contents().flat_map(pem::objects::<CertificateDer<'static>>);
        let signers: Vec<_> = certificates.flatten().filter_map(|der| signer(&der)).collect();
        let mut crls = Self::default();
        for (path, contents) in files.files.iter().chain(&fetched.files) {
            let mut lists = 0;
            for block in pem::objects::<CertificateRevocationListDer<'static>>(contents) {
                lists += 1;
                let read = block.map_err(|error| error.to_string());
                if let Err(why) = read.and_then(|der| crls.add(&der, &signers)) {
                    warnings.push(Warning {
                        path: path.clone(),
                        what: format!("revocation list {lists} cannot be used: {why}"),
                    });
                }
            }
            if lists == 0 && pem::objects::<CertificateDer<'static>>(contents).next().is_none() {
                warnings.push(Warning {
                    path: path.clone(),
                    what: "has no revocation list; put PEM or DER there, or remove it".to_owned(),
                });
            }
        }
        crls.signers = signers;
        crls
    }

    fn add(&mut self, der: &[u8], signers: &[TrustAnchor<'_>]) -> Result<(), String> {
        let why = match OwnedCertRevocationList::from_der(der) {
            Ok(crl) => {
                self.direct.push(crl.into());
                return Ok(());
            }
            Err(why) => why,
        };
        match self.revoked.add(der, signers) {
            Ok(()) => {
                self.indirect += 1;
                Ok(())
            }
            // A certificate in DER has no label that says so.
            Err(Unusable::Other) if signer(der).is_some() => Ok(()),
            Err(Unusable::Other) => Err(why.to_string()),
            Err(unusable) => Err(unusable.to_string()),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.direct.len() + self.indirect
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Who signs indirect lists.
    pub fn signers(&self) -> &[TrustAnchor<'static>] {
        &self.signers
    }

    /// Those that are each of one authority, which signed it: unverified, and so to be used with a
    /// chain only.
    pub(super) fn direct(&self) -> impl Iterator<Item = &CertRevocationList<'static>> {
        self.direct.iter()
    }

    /// Whether an indirect one, verified, names the certificate.
    pub(super) fn name(&self, certificate: &Certificate) -> bool {
        self.revoked.has(certificate)
    }
}

fn signer(der: &[u8]) -> Option<TrustAnchor<'static>> {
    let der = CertificateDer::from(der);
    webpki::anchor_from_trusted_cert(&der).ok().map(|anchor| anchor.to_owned())
}
