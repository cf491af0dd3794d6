//! From the certificate to an anchor (RFC 5280 §6), and when.
//!
//! A library validates at one time; here a path is validated once for all times. The times at which a
//! path holds are those that all its certificates have in common, so they begin when one of them
//! begins to be valid: validating at each of these beginnings finds every path.

use std::{
    cell::{Cell, RefCell},
    slice,
    time::Duration,
};

use rustls_pki_types::{CertificateDer, UnixTime};
use serde::Serialize;
use webpki::{
    ALL_VERIFICATION_ALGS, EndEntityCert, Error, ExpirationPolicy, ExtendedKeyUsageValidator,
    KeyPurposeId, KeyPurposeIdIter, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
};
use x509_cert::ext::pkix::KeyUsages;

use super::{Outcome, Points, Served, Trust, allows, numbers};
use crate::stir::tn_auth_list::TnAuthList;

/// When the certificate could be used: a time of its own for each path there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<Window>);

/// From the first to the last second, both included, since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Window {
    /// First second.
    pub from: i64,
    /// Last second.
    pub to: i64,
}

impl Window {
    /// When the certificate is valid by itself.
    pub(super) fn of(served: &Served) -> Self {
        let validity = &served.x509.tbs_certificate.validity;
        let [from, to] = [validity.not_before, validity.not_after]
            .map(|time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX));
        Self { from, to }
    }

    fn has(self, time: i64) -> bool {
        (self.from..=self.to).contains(&time)
    }

    /// What both have in common; from is after to when that is nothing.
    fn and(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), to: self.to.min(other.to) }
    }
}

impl Path {
    /// All paths from `leaf` over those served with it to an anchor; `points` takes where their lists
    /// are, whatever becomes of the path.
    ///
    /// # Errors
    /// Why there is none at any time.
    pub(super) fn find(
        leaf: &Served,
        above: &[Served],
        numbers: &Result<TnAuthList, Outcome>,
        trust: &Trust,
        points: &mut Points,
    ) -> Result<Self, Outcome> {
        if trust.anchors.is_empty() {
            return Err(Outcome::NoAnchors);
        }
        if !allows(&leaf.x509, KeyUsages::DigitalSignature) {
            return Err(Outcome::CertificateUnfit);
        }
        if trust.anchors.pins(&leaf.der) {
            points.add(&leaf.x509);
            let is_revoked = trust.crls.name(&leaf.x509);
            let path = Self(vec![Window::of(leaf)]);
            return if is_revoked { Err(Outcome::CertificateRevoked) } else { Ok(path) };
        }
        Search { leaf, above, numbers, trust, points: RefCell::new(points) }.run()
    }

    /// Whether there was one at that second.
    pub(super) fn check(&self, time: i64) -> Result<(), Outcome> {
        if self.0.iter().any(|window| window.has(time)) {
            return Ok(());
        }
        // Between two of them, the earlier has ended.
        let is_early = self.0.iter().all(|window| time < window.from);
        Err(if is_early { Outcome::CertificateNotYetValid } else { Outcome::CertificateExpired })
    }

    pub(super) fn windows(&self) -> &[Window] {
        &self.0
    }
}

struct Search<'a> {
    leaf: &'a Served,
    above: &'a [Served],
    numbers: &'a Result<TnAuthList, Outcome>,
    trust: &'a Trust,
    /// The library hands out a path to a function that changes nothing.
    points: RefCell<&'a mut Points>,
}

impl Search<'_> {
    fn run(&self) -> Result<Path, Outcome> {
        let leaf = EndEntityCert::try_from(&self.leaf.der).map_err(|error| self.outcome(&error))?;
        let above: Vec<_> = self.above.iter().map(|served| served.der.clone()).collect();
        let window = Window::of(self.leaf);
        let mut times: Vec<i64> = self.above.iter().map(|served| Window::of(served).from).collect();
        times.push(window.from);
        times.retain(|time| window.has(*time));
        times.sort_unstable();
        times.dedup();

        let mut windows: Vec<Window> = Vec::new();
        let mut why = None;
        for time in times {
            if windows.iter().any(|window| window.has(time)) {
                continue;
            }
            match self.at(&leaf, &above, time) {
                Ok(window) => windows.push(window),
                Err(outcome) => why = Some(tells_more(why, outcome)),
            }
        }
        if windows.is_empty() {
            // Without a reason there is no second at which the certificate itself is valid.
            return Err(why.unwrap_or(Outcome::CertificateUnfit));
        }
        Ok(Path(windows))
    }

    /// The window of a path that holds at that second.
    fn at(
        &self,
        leaf: &EndEntityCert<'_>,
        above: &[CertificateDer<'_>],
        time: i64,
    ) -> Result<Window, Outcome> {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(time.unsigned_abs()));
        // The library goes on to the next path when one is refused.
        let refused = Cell::new(None);
        let accept = |path: &VerifiedPath<'_>| {
            self.points.borrow_mut().add_path(self.leaf, self.above, path);
            self.inspect(path).and_then(|_| self.revocation(path, time)).map_err(|outcome| {
                refused.set(Some(tells_more(refused.get(), outcome)));
                Error::UnknownIssuer
            })
        };
        let path = leaf
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                self.trust.anchors.authorities(),
                above,
                time,
                Purpose,
                None,
                Some(&accept),
            )
            .map_err(|error| refused.get().unwrap_or_else(|| self.outcome(&error)))?;
        self.inspect(&path)
    }

    /// Refuses a path when a list of one of its authorities names one of its certificates.
    fn revocation(&self, path: &VerifiedPath<'_>, time: UnixTime) -> Result<(), Outcome> {
        let above: Vec<_> = path.intermediate_certificates().map(|it| it.der()).collect();
        let is_issuer = |name: &[u8]| {
            path.end_entity().issuer() == name
                || path.intermediate_certificates().any(|authority| authority.issuer() == name)
        };
        // One by one: of two lists of the same authority the library asks the first only, and it
        // takes one that is badly signed for a reason to refuse.
        for crl in self.trust.crls.direct().filter(|crl| is_issuer(crl.issuer())) {
            let crls = [crl];
            let Ok(options) = RevocationOptionsBuilder::new(&crls) else { continue };
            let options = options
                .with_status_policy(UnknownStatusPolicy::Allow)
                .with_expiration_policy(ExpirationPolicy::Ignore)
                .build();
            // The same path again, for no other can be made of it.
            let verified = path.end_entity().verify_for_usage(
                ALL_VERIFICATION_ALGS,
                slice::from_ref(path.anchor()),
                &above,
                time,
                Purpose,
                Some(options),
                None,
            );
            if let Err(Error::CertRevoked) = verified {
                return Err(Outcome::CertificateRevoked);
            }
        }
        Ok(())
    }

    /// What the library does not look at: indirect lists, the usage of the authorities' keys, and
    /// their TNAuthLists.
    ///
    /// Authorities of SHAKEN must not have a TNAuthList (ATIS-1000080 §6.4.1). Those that delegate
    /// numbers have one (RFC 9060 §4.1): above a certificate for numbers alone, it may be there and
    /// must enclose what is below.
    fn inspect(&self, path: &VerifiedPath<'_>) -> Result<Window, Outcome> {
        if self.trust.crls.name(&self.leaf.x509) {
            return Err(Outcome::CertificateRevoked);
        }
        let mut window = Window::of(self.leaf);
        let mut below = self.numbers.as_ref().ok().cloned();
        for authority in path.intermediate_certificates() {
            let der = authority.der();
            let Some(served) = self.above.iter().find(|served| served.der == der) else {
                continue;
            };
            window = window.and(Window::of(served));
            if self.trust.crls.name(&served.x509) {
                return Err(Outcome::CertificateRevoked);
            }
            if !allows(&served.x509, KeyUsages::KeyCertSign) {
                return Err(Outcome::CertificateUnfit);
            }
            match (numbers(&served.x509), &below) {
                (Err(Outcome::TnAuthListMissing), _) => {}
                (Ok(numbers), Some(inner)) if inner.spc().is_none() && numbers.encloses(inner) => {
                    below = Some(numbers);
                }
                _ => return Err(Outcome::TnAuthListMalformed),
            }
        }
        Ok(window)
    }

    fn outcome(&self, error: &Error) -> Outcome {
        match error {
            Error::UnknownIssuer => self.unknown_issuer(),
            Error::InvalidSignatureForPublicKey
            | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)
            | Error::UnsupportedSignatureAlgorithmContext(_) => Outcome::CertificateUntrusted,
            Error::CertNotValidYet { .. } => Outcome::CertificateNotYetValid,
            Error::CertExpired { .. } => Outcome::CertificateExpired,
            Error::CertRevoked => Outcome::CertificateRevoked,
            Error::BadDer
            | Error::BadDerTime
            | Error::TrailingData(_)
            | Error::SignatureAlgorithmMismatch
            | Error::InvalidSerialNumber => Outcome::CertificateMalformed,
            _ => Outcome::CertificateUnfit,
        }
    }

    /// No anchor has the name of the last certificate's issuer.
    fn unknown_issuer(&self) -> Outcome {
        let mut last = self.leaf;
        let is_root = |served: &Served| {
            served.x509.tbs_certificate.subject == served.x509.tbs_certificate.issuer
        };
        if is_root(last) {
            return Outcome::CertificateSelfSigned;
        }
        // As many steps as there are certificates: names may go round in a circle.
        for _ in self.above {
            let issuer = &last.x509.tbs_certificate.issuer;
            let next =
                self.above.iter().find(|served| served.x509.tbs_certificate.subject == *issuer);
            match next {
                Some(next) if is_root(next) => return Outcome::CertificateUntrusted,
                Some(next) => last = next,
                None => break,
            }
        }
        Outcome::CertificateIncomplete
    }
}

/// Of two reasons the one that would be left if the other were mended: that something is not valid
/// at one time says little when it is refused for another reason at another time.
fn tells_more(before: Option<Outcome>, now: Outcome) -> Outcome {
    match before {
        Some(before)
            if matches!(now, Outcome::CertificateExpired | Outcome::CertificateNotYetValid)
                || before == Outcome::CertificateRevoked =>
        {
            before
        }
        _ => now,
    }
}

/// STI certificates have no extended key usage. One that has some may be used for these only
/// (RFC 5280 §4.2.1.12): a certificate for web servers signs no calls.
struct Purpose;

/// `anyExtendedKeyUsage`.
const ANY: KeyPurposeId<'_> = KeyPurposeId::new(&[0x55, 0x1d, 0x25, 0x00]);

/// `id-kp-sipDomain` (RFC 5924).
const SIP_DOMAIN: KeyPurposeId<'_> =
    KeyPurposeId::new(&[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x14]);

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut is_named = false;
        for purpose in purposes {
            if [ANY, SIP_DOMAIN].contains(&purpose?) {
                return Ok(());
            }
            is_named = true;
        }
        // What one could have instead is known to nobody who asks.
        if is_named { Err(Error::EmptyEkuExtension) } else { Ok(()) }
    }
}
