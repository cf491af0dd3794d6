//! What a signature is worth: verification of Identity headers as an STI-VS does it (RFC 8224 §6.2,
//! RFC 8225, RFC 8588, ATIS-1000074 §5.3).
//!
//! `verify` and what it is made of know no clock, no network and no async runtime: the time comes
//! with the call, and certificates are those that are at hand. A certificate that is not there is
//! an outcome of its own, and somebody else fetches it: `cache` and what stands before it.

/// What can come of a verification: one table of words, codes, causes and remedies.
pub mod outcome;
/// A value of Identity: the token and its parameters.
pub mod identity_header;
/// Letters of a token to bytes, strictly and as they come.
pub mod base64url;
/// What a PASSporT says: its header and its claims.
pub mod claims;
/// A PASSporT in full form, taken apart.
pub mod passport;
/// Kinds of PASSporTs.
mod kind;
/// Callers and called parties as they are compared.
mod party;
/// The form of a PASSporT that is a signature alone.
mod compact;
/// What is verified: the facts of one INVITE.
pub mod call;
/// What came of it.
pub mod judgement;
/// The Reason header.
mod reason;
/// Verification of a call's PASSporTs.
pub mod verify;
/// What is done to verify a call, told as it is done.
pub mod steps;
/// Which signatures came before, and with which call.
pub mod replays;
/// Who signed: the certificate, its chain, and what it allows.
pub mod certificate;
/// For which numbers: TNAuthList.
pub mod tn_auth_list;
/// With which claims: JWTClaimConstraints and EnhancedJWTClaimConstraints.
pub mod constraints;
/// Whom the operator trusts: anchors and revocation lists.
pub mod trust;
/// Trust anchors.
pub mod anchors;
/// Revocation lists.
pub mod crls;
/// Those that are fetched.
#[cfg(feature = "daemon")]
pub mod lists;
/// PEM and DER, whichever it is.
mod pem;
/// An authority for tests: issues certificates, right and wrong ones, and signs with them.
#[cfg(any(test, feature = "authority"))]
pub mod authority;
/// What came of the calls of the last seconds.
pub mod results;
/// Threads that verify beside the calls.
pub mod pool;
/// How far the clock is from those of the signers.
pub mod skew;
/// A clock that is wrong altogether.
pub mod wrong_clock;
/// Where a certificate may be.
pub mod url;
/// Addresses that are not asked.
pub mod address;
/// How many certificates are asked for.
pub mod budget;
/// One certificate, or one revocation list, is fetched.
#[cfg(feature = "daemon")]
pub mod fetch;
/// How long it is used.
#[cfg(feature = "daemon")]
pub mod freshness;
/// Certificates of an operator's own.
#[cfg(feature = "daemon")]
pub mod local;
/// Certificates that survive a restart.
#[cfg(feature = "daemon")]
pub mod disk;
/// Certificates at hand, and those that are asked for.
#[cfg(feature = "daemon")]
pub mod cache;
/// Verification with what is at hand.
#[cfg(feature = "daemon")]
pub mod bench;

pub use call::Call;
pub use certificate::Credential;
pub use judgement::{Judged, Judgement};
pub use outcome::{Class, Outcome};
pub use replays::{Remembers, Replays};
pub use steps::{Step, Steps};
pub use trust::Trust;
pub use verify::{Credentials, Settings, verify};
