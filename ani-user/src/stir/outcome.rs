//! The vocabulary of verification: each outcome is one stable word, in one of three classes, with the
//! SIP code it maps to, its cause and what to do about it.
//!
//! Codes: RFC 8224 §6.2.2, RFC 5079 (433). Infrastructure trouble is `unable` and never `failed`:
//! nothing is known of such a signature, neither good nor bad.

/// What an outcome says of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The signer vouches for this call.
    Passed,
    /// The signature does not hold for this call, for certain.
    Failed,
    /// It could not be found out.
    Unable,
}

impl Class {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unable => "unable",
        }
    }

    /// The same in the words of a record's `signature`.
    pub const fn signature(self) -> &'static str {
        match self {
            Self::Passed => "valid",
            Self::Failed => "invalid",
            Self::Unable => "unverified",
        }
    }
}

/// Defines the outcomes and the table of them in one go, so that none is without its row.
macro_rules! outcomes {
    ($($name:ident, $word:literal, $class:ident, $code:expr, $cause:literal, $remedy:literal;)*) => {
        /// What came of a verification.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Outcome {
            $(#[doc = $cause] $name,)*
        }

        impl Outcome {
            /// All, in the order of the steps that find them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            const TABLE: &[Row] = &[$(Row {
                word: $word,
                class: Class::$class,
                code: $code,
                cause: $cause,
                remedy: $remedy,
            },)*];
        }
    };
}

struct Row {
    word: &'static str,
    class: Class,
    code: Option<u16>,
    cause: &'static str,
    remedy: &'static str,
}

outcomes! {
    Valid, "valid", Passed, None,
        "the signature and all that belongs to it hold for this call",
        "none needed";

    // The message.
    NoIdentity, "no-identity", Unable, Some(428),
        "the INVITE has no Identity header",
        "ask the carrier to sign, or to pass Identity on";
    CutShort, "cut-short", Unable, None,
        "the INVITE was not captured to the end of its headers",
        "raise capture.window";
    CallerUnknown, "caller-unknown", Unable, Some(433),
        "nobody whom orig could be compared with is named: the caller is anonymous or missing",
        "ask the carrier to send P-Asserted-Identity beside Privacy: id";

    // The header and the token.
    HeaderMalformed, "header-malformed", Failed, Some(438),
        "the Identity header is no token with parameters",
        "show the signer the header";
    TokenMalformed, "token-malformed", Failed, Some(438),
        "the PASSporT is not three parts of base64url with a JSON object in the first two",
        "show the signer the token: a proxy may have folded or cut it";
    TooLong, "token-too-long", Unable, Some(438),
        "the PASSporT is longer than is read",
        "show the signer the token";
    PptUnsupported, "ppt-unsupported", Unable, Some(438),
        "the kind of PASSporT (ppt) is not known; such a header is ignored (RFC 8224 §6.2)",
        "none, when another Identity header is there";
    PptMismatch, "ppt-mismatch", Failed, Some(438),
        "ppt of the header and of the token are not the same",
        "show the signer the header";
    AlgUnsupported, "alg-unsupported", Failed, Some(437),
        "the algorithm is not ES256, the only one of RFC 8225",
        "show the signer the header";
    TypWrong, "typ-wrong", Failed, Some(438),
        "typ of the token is not passport",
        "show the signer the token";
    CompactUnsupported, "compact-unsupported", Unable, Some(438),
        "the PASSporT is in compact form and its claims cannot be rebuilt from the message",
        "ask the signer for the full form, which SHAKEN demands";

    // Claims.
    IatMissing, "iat-missing", Failed, Some(403),
        "the PASSporT does not say when it was made, or not as a number of seconds",
        "show the signer the token";
    Stale, "stale", Failed, Some(403),
        "the PASSporT is older than stir.max_age",
        "compare both clocks: see the drift in `ani status`";
    Future, "future", Failed, Some(403),
        "the PASSporT was made later than now, by more than stir.max_age",
        "compare both clocks: see the drift in `ani status`";
    OrigMissing, "orig-missing", Failed, Some(438),
        "the PASSporT names no caller, or more than one",
        "show the signer the token";
    OrigMismatch, "orig-mismatch", Failed, Some(438),
        "the caller of the PASSporT is not the ANI",
        "compare `orig` and the ANI: the trunk's country or order of headers may be wrong";
    DestMissing, "dest-missing", Failed, Some(438),
        "the PASSporT names nobody who is called",
        "show the signer the token";
    DestMismatch, "dest-mismatch", Failed, Some(438),
        "the called number is not among those of the PASSporT",
        "a forwarded call needs a div PASSporT; else compare `dest` and the called number";
    AttestInvalid, "attest-invalid", Failed, Some(438),
        "attest of a SHAKEN PASSporT is not A, B or C",
        "show the signer the token";
    OrigidMissing, "origid-missing", Failed, Some(438),
        "a SHAKEN PASSporT has no origid",
        "show the signer the token";
    ClaimsMalformed, "claims-malformed", Failed, Some(438),
        "a claim is not of the type that its RFC says",
        "show the signer the token";
    RphMismatch, "rph-mismatch", Failed, Some(438),
        "the call asks for a priority (Resource-Priority) that no rph PASSporT of it grants",
        "compare Resource-Priority and `auth`: the signer must grant each value (RFC 8443)";
    DivBroken, "div-broken", Failed, Some(438),
        "the div PASSporTs do not lead from the SHAKEN one to the called number without a gap",
        "ask the forwarding carrier to sign each diversion";
    Replayed, "replayed", Failed, Some(438),
        "the same signature came with another call",
        "look at both calls: a carrier that tries again under another Call-ID does this too";

    // The way to the certificate.
    InfoMissing, "info-missing", Failed, Some(436),
        "no info parameter or x5u says where the certificate is",
        "show the signer the header";
    InfoMismatch, "info-mismatch", Failed, Some(436),
        "info and x5u are not the same",
        "show the signer the header";
    UrlRefused, "url-refused", Failed, Some(436),
        "the certificate's URL is not https on port 443 or 8443, or has user information, a query or a fragment",
        "show the signer the URL";
    CertificatePending, "certificate-pending", Unable, None,
        "the certificate is not at hand yet and is being fetched",
        "none: the next call finds it; `ani cert prefetch` fetches it before";
    LocalUnreadable, "local-unreadable", Unable, None,
        "the certificate's file in stir.local cannot be read, or is no certificate",
        "replace the file, or take it away: the log names it";
    FetchOff, "fetch-off", Unable, Some(436),
        "the certificate is not at hand, and fetching is switched off",
        "put it there with `ani cert add`, or set stir.fetch";
    FetchBudget, "fetch-budget", Unable, Some(436),
        "too many certificates were asked for, of this host or in all",
        "see `ani cert list`: somebody may send invented URLs";
    FetchAddress, "fetch-address", Unable, Some(436),
        "the host of the certificate's URL has only special-purpose addresses (RFC 6890), which are not asked",
        "show the signer the URL; a host of one's own goes into stir.allow_addresses";
    FetchName, "fetch-name", Unable, Some(436),
        "the host of the certificate's URL has no address, or the resolver gives no answer",
        "check this host's resolver";
    FetchConnect, "fetch-connect", Unable, Some(436),
        "no connection to the host of the certificate",
        "check this host's way out: routes, firewall";
    FetchTls, "fetch-tls", Unable, Some(436),
        "no TLS with the host of the certificate, or it does not prove that it is that host",
        "check this host's root certificates; a host of one's own may need stir.roots";
    FetchHttp, "fetch-http", Unable, Some(436),
        "the host's answer is no HTTP, or broke off",
        "show the signer the URL";
    FetchTimeout, "fetch-timeout", Unable, Some(436),
        "the certificate did not come in time",
        "check this host's way out";
    FetchStatus, "fetch-status", Unable, Some(436),
        "the host answered with another HTTP status than 200",
        "show the signer the URL";
    FetchRedirects, "fetch-redirects", Unable, Some(436),
        "the certificate is behind too many redirects",
        "show the signer the URL";
    FetchRedirectRefused, "fetch-redirect-refused", Unable, Some(436),
        "the host redirects to a URL that is refused, or to none",
        "show the signer the URL";
    FetchTooLarge, "fetch-too-large", Unable, Some(436),
        "the answer is larger than 64 KB",
        "show the signer the URL";
    FetchEmpty, "fetch-empty", Unable, Some(436),
        "the host's answer is empty",
        "show the signer the URL";
    FetchType, "fetch-type", Unable, Some(436),
        "the host's answer says that it is something else than a certificate, and cannot be read as one",
        "show the signer the URL: it may lead to a web page";

    // The certificate.
    CertificateMalformed, "certificate-malformed", Failed, Some(437),
        "what is behind the URL is no PEM chain of X.509 certificates",
        "show the signer the URL";
    NoAnchors, "no-anchors", Unable, None,
        "no trust anchor is configured, or none could be read",
        "put the roots of the STI-PA's list into stir.anchors";
    CertificateUntrusted, "certificate-untrusted", Failed, Some(437),
        "the chain does not end at a trust anchor",
        "compare `ani cert show` with the STI-PA's list; the list may be newer than stir.anchors";
    CertificateSelfSigned, "certificate-self-signed", Failed, Some(437),
        "the certificate is signed by itself and is no trust anchor",
        "show the signer the certificate";
    CertificateIncomplete, "certificate-incomplete", Failed, Some(437),
        "the certificate came without the intermediate one that leads to a trust anchor",
        "ask the signer to publish the whole chain";
    CertificateNotYetValid, "certificate-not-yet-valid", Failed, Some(437),
        "a certificate of the chain was not valid yet when the PASSporT was made",
        "show the signer the certificate";
    CertificateExpired, "certificate-expired", Failed, Some(437),
        "a certificate of the chain was no longer valid when the PASSporT was made",
        "show the signer the certificate; `ani cert prefetch` fetches a new one";
    CertificateRevoked, "certificate-revoked", Failed, Some(437),
        "a certificate of the chain is on a revocation list",
        "none: its owner must not sign with it any more";
    CertificateKey, "certificate-key", Failed, Some(437),
        "the certificate's key is not one for ES256 (P-256)",
        "show the signer the certificate";
    CertificateUnfit, "certificate-unfit", Failed, Some(437),
        "a certificate of the chain may not be used so: no CA, wrong usage, or a critical extension nobody knows",
        "show the signer the certificate";
    TnAuthListMissing, "tn-auth-list-missing", Failed, Some(437),
        "the certificate does not say for which numbers it may sign (TNAuthList, RFC 8226)",
        "show the signer the certificate";
    TnAuthListMalformed, "tn-auth-list-malformed", Failed, Some(437),
        "the certificate's TNAuthList cannot be read, or stands in a certificate of an authority",
        "show the signer the certificate";
    NumberNotCovered, "number-not-covered", Failed, Some(437),
        "the caller's number is not among those the certificate may sign for",
        "show the signer the certificate and the number";
    ConstraintViolated, "constraint-violated", Failed, Some(438),
        "a claim is missing, has a value or is there against the certificate's JWTClaimConstraints",
        "show the signer the token and the certificate";

    // The signature.
    SignatureMalformed, "signature-malformed", Failed, Some(438),
        "the signature is not the 64 bytes of ES256",
        "show the signer the token; some send ASN.1 DER";
    SignatureInvalid, "signature-invalid", Failed, Some(438),
        "the signature is not over these bytes by the certificate's key",
        "show the signer the token: it was changed on the way, or signed with another key";

    // Us.
    Pending, "pending", Unable, None,
        "the verification has not ended yet",
        "none: the record is completed when it has";
    PoolFull, "pool-full", Unable, None,
        "more verifications wait than stir.queue",
        "raise stir.threads";
    Off, "off", Unable, None,
        "verification is switched off, or the call came from no configured trunk",
        "set stir.verify";
}

impl Outcome {
    const fn row(self) -> &'static Row {
        &Self::TABLE[self as usize]
    }

    /// The word it is written as: lower case letters, digits and hyphens; never renamed.
    pub const fn as_str(self) -> &'static str {
        self.row().word
    }

    /// What it says of the caller.
    pub const fn class(self) -> Class {
        self.row().class
    }

    /// The SIP response it would be refused with; none where nothing is wrong with the call.
    pub const fn code(self) -> Option<u16> {
        self.row().code
    }

    /// Whether it is one of the time the INVITE came at, by the clock of this host.
    pub const fn is_of_time(self) -> bool {
        matches!(self, Self::Stale | Self::Future)
    }

    /// What it means, a sentence without its full stop.
    pub const fn cause(self) -> &'static str {
        self.row().cause
    }

    /// What an operator can do about it.
    pub const fn remedy(self) -> &'static str {
        self.row().remedy
    }

    /// The one with this word.
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.as_str() == word)
    }
}

/// The phrase of a code that [`Outcome::code`] gives (RFC 8224 §6.2.2, RFC 5079 §4).
pub const fn phrase(code: u16) -> &'static str {
    match code {
        403 => "Stale Date",
        428 => "Use Identity Header",
        433 => "Anonymity Disallowed",
        436 => "Bad Identity Info",
        437 => "Unsupported Credential",
        438 => "Invalid Identity Header",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_codes_have_a_phrase() {
        for (at, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(*outcome as usize, at);
            assert_eq!(Outcome::find(outcome.as_str()), Some(*outcome));
            let is_word = |char: char| char.is_ascii_lowercase() || matches!(char, '-');
            assert!(outcome.as_str().chars().all(is_word), "{}", outcome.as_str());
            assert!(!outcome.cause().is_empty() && !outcome.remedy().is_empty());
            if let Some(code) = outcome.code() {
                assert_ne!(phrase(code), "", "{code}");
            }
        }
    }

    #[test]
    fn only_valid_passes_and_what_failed_has_a_code() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.class() == Class::Passed, *outcome == Outcome::Valid);
            assert!(outcome.class() != Class::Failed || outcome.code().is_some());
        }
    }
}
