//! Whether a list that was fetched is one to be kept: whole, and signed by somebody who may revoke.

use rustls_pki_types::{CertificateRevocationListDer, TrustAnchor};
use webpki::OwnedCertRevocationList;
use x509_cert::{
    crl::TbsCertList,
    der::{Decode as _, Encode as _, pem::LineEnding},
    time::Time,
};

use super::indirect::{Revoked, Signed, Unusable};
use crate::stir::pem;

/// A list that may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// PEM, whatever it came as: other tools read that, and so does `--crls`.
    pub pem: String,
    /// When it was made, seconds since 1970 UTC.
    pub made: i64,
    /// When the next one is made; none where it does not say.
    pub next: Option<i64>,
}

/// Why a list is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// It is no list that can be read.
    #[error("it is no revocation list that can be read: {0}")]
    Malformed(String),
    /// Nobody signed it who may.
    #[error(
        "neither an authority of the certificates that name it signed it nor anybody whose \
         certificate is in stir.crls; put the STI-PA's there"
    )]
    Foreign,
}

impl Sound {
    /// Reads a list, PEM or DER. A direct one must be signed by one of `authorities`, an indirect one
    /// by one of `signers`.
    ///
    /// # Errors
    /// When it cannot be read, there is not exactly one, or somebody else signed it.
    pub fn read(
        list: &[u8],
        signers: &[TrustAnchor<'_>],
        authorities: &[TrustAnchor<'_>],
    ) -> Result<Self, Unsound> {
        let malformed = |why: &dyn ToString| Unsound::Malformed(why.to_string());
        let mut lists = pem::objects::<CertificateRevocationListDer<'static>>(list);
        let (Some(der), None) = (lists.next(), lists.next()) else {
            return Err(malformed(&"not one list in PEM or DER"));
        };
        let der = der.map_err(|error| malformed(&error))?;
        let signed = Signed::from_der(&der).map_err(|error| malformed(&error))?;
        let tbs = signed.tbs.to_der().map_err(|error| malformed(&error))?;
        match OwnedCertRevocationList::from_der(&der) {
            Ok(_) if authorities.iter().any(|authority| signed.is_by(&tbs, authority)) => {}
            Ok(_) => return Err(Unsound::Foreign),
            Err(why) => match Revoked::default().add(&der, signers) {
                Ok(()) => {}
                Err(Unusable::Signature) => return Err(Unsound::Foreign),
                Err(Unusable::Delta) => return Err(malformed(&Unusable::Delta)),
                Err(Unusable::Other) => return Err(malformed(&why)),
            },
        }
        let (made, next) = times(&tbs).ok_or_else(|| malformed(&"its times"))?;
        let pem = x509_cert::der::pem::encode_string("X509 CRL", LineEnding::LF, &der)
            .map_err(|error| malformed(&error))?;
        Ok(Self { pem, made, next })
    }

    /// When a list that was kept was made and the next one is; none where it is no list.
    pub fn times(list: &[u8]) -> Option<(i64, Option<i64>)> {
        let der = pem::objects::<CertificateRevocationListDer<'static>>(list).next()?.ok()?;
        times(&Signed::from_der(&der).ok()?.tbs.to_der().ok()?)
    }
}

fn times(tbs: &[u8]) -> Option<(i64, Option<i64>)> {
    let seconds =
        |time: &Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let list = TbsCertList::from_der(tbs).ok()?;
    Some((seconds(&list.this_update), list.next_update.as_ref().map(seconds)))
}
