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
    /// Whether a valid `rph` PASSporT says that the call goes before others (RFC 8443).
    pub priority: bool,
    /// Each PASSporT, in the order of the message; one within another behind it.
    pub passports: Vec<Judged>,
}

impl Judgement {
    /// One without PASSporTs.
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, signer: None, priority: false, passports: Vec::new() }
    }
}

/// What came of one PASSporT. Claims are what it says, whatever the outcome is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Kind: `shaken`, `div`, `div-o`, `rph`, `rcd`, one that is not known, or none for a plain one.
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
    /// `rcd.nam`: the caller's name (RFC 9795). What is behind links is not fetched, and `rcdi`, which
    /// is about that, not looked at.
    pub name: Option<Box<str>>,
    /// `crn`: why the caller calls.
    pub call_reason: Option<Box<str>>,
    /// `rph.auth`: the values of Resource-Priority that the caller may send (RFC 8443); empty for none.
    pub priority: Box<[Box<str>]>,
    /// Who signed it, of one that holds in all but the time at which it came.
    pub but_for_time: Option<Arc<str>>,
    /// The letters of its signature, for [`Judged::reason`]; none of a valid one.
    pub ppi: Option<Box<str>>,
}

impl Judged {
    /// One of which nothing is known but this.
    pub fn of(outcome: Outcome) -> Self {
        Self {
            ppt: None,
            outcome,
            signer: None,
            url: None,
            iat: None,
            attest: None,
            orig: None,
            origid: None,
            name: None,
            call_reason: None,
            priority: Box::default(),
            but_for_time: None,
            ppi: None,
        }
    }
}
