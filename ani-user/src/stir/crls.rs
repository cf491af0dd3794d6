//! Revocation lists (RFC 5280 §5): what somebody put into a folder, a script for instance.
//!
//! They can only take trust away, and only by naming a certificate: a list that is missing, too old,
//! of another authority or badly signed never fails a call. A list that is too old still names what
//! is revoked.

use rustls_pki_types::CertificateRevocationListDer;
use webpki::{CertRevocationList, OwnedCertRevocationList};

use super::{
    pem,
    trust::{Warning, folder::Files},
};

/// The lists of a folder.
#[derive(Debug, Default)]
pub struct Crls(Vec<CertRevocationList<'static>>);

impl Crls {
    /// All lists of all files.
    pub(super) fn of(files: &Files, warnings: &mut Vec<Warning>) -> Self {
        let mut crls = Vec::new();
        for (path, contents) in &files.files {
            let mut count = 0;
            for block in pem::objects::<CertificateRevocationListDer<'static>>(contents) {
                count += 1;
                let read = block.map_err(|error| error.to_string()).and_then(|der| {
                    OwnedCertRevocationList::from_der(&der).map_err(|error| error.to_string())
                });
                match read {
                    Ok(crl) => crls.push(crl.into()),
                    Err(why) => warnings.push(Warning {
                        path: path.clone(),
                        what: format!("revocation list {count} cannot be used: {why}"),
                    }),
                }
            }
            if count == 0 {
                warnings.push(Warning {
                    path: path.clone(),
                    what: "has no revocation list; put PEM or DER there, or remove it".to_owned(),
                });
            }
        }
        Self(crls)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &CertRevocationList<'static>> {
        self.0.iter()
    }
}
