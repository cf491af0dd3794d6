//! What came of a verification, of each PASSporT and of the call.

use std::sync::Arc;

use super::Outcome;

/// What came of verifying a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What it comes to: that of the SHAKEN PASSporT that is about this call, or why there is none.
    pub outcome: Outcome,
    /// Who signed that one: the SPC of the certificate's TNAuthList, or its subject's name.
    pub signer: Option<Arc<str>>,
    /// Each PASSporT, in the order of the message.
    pub passports: Vec<Judged>,
}

/// What came of one PASSporT. Claims are what it says, whatever the outcome is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Kind: `shaken`, `div`, `div-o`, `rph`, `rcd`, or none for a plain one.
    pub ppt: Option<Box<str>>,
    /// What came of it.
    pub outcome: Outcome,
    /// Who signed it, where the certificate was at hand.
    pub signer: Option<Arc<str>>,
    /// Where its certificate is.
    pub url: Option<Box<str>>,
    /// When it was made, seconds since 1970 UTC.
    pub iat: Option<i64>,
    /// `attest`.
    pub attest: Option<Box<str>>,
    /// `orig`: a number or a URI.
    pub orig: Option<Box<str>>,
    /// `origid`.
    pub origid: Option<Box<str>>,
}
