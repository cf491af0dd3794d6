//! What came of each signature, as the record has it.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::stir::{Judged, Judgement, Outcome};

/// What came of each PASSporT. Shared with those who remember it, so that a repeated INVITE costs
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passports(Option<Arc<Judgement>>);

impl Passports {
    /// Nothing was looked at.
    pub const NONE: Self = Self(None);

    /// Those of a judgement.
    pub const fn of(judgement: Arc<Judgement>) -> Self {
        Self(Some(judgement))
    }

    /// Each of them, in the order of the message.
    pub fn as_slice(&self) -> &[Judged] {
        self.0.as_deref().map_or(&[], |judgement| &judgement.passports)
    }
}

impl Serialize for Passports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.as_slice().iter().map(Shown::of))
    }
}

/// One of them. Who is said to call whom is shown whatever came of it, so that it can be compared with
/// the call. What others would show or act on, the last three, is there only where the signature vouches
/// for it.
#[derive(Serialize)]
struct Shown<'a> {
    ppt: Option<&'a str>,
    outcome: &'static str,
    code: Option<u16>,
    signer: Option<&'a str>,
    url: Option<&'a str>,
    iat: Option<i64>,
    attest: Option<&'a str>,
    orig: Option<&'a str>,
    origid: Option<&'a str>,
    name: Option<&'a str>,
    call_reason: Option<&'a str>,
    priority: Option<&'a [Box<str>]>,
}

impl<'a> Shown<'a> {
    fn of(judged: &'a Judged) -> Self {
        let vouched = (judged.outcome == Outcome::Valid).then_some(judged);
        Self {
            ppt: judged.ppt.as_deref(),
            outcome: judged.outcome.as_str(),
            code: judged.outcome.code(),
            signer: judged.signer.as_deref(),
            url: judged.url.as_deref(),
            iat: judged.iat,
            attest: judged.attest.as_deref(),
            orig: judged.orig.as_deref(),
            origid: judged.origid.as_deref(),
            name: vouched.and_then(|judged| judged.name.as_deref()),
            call_reason: vouched.and_then(|judged| judged.call_reason.as_deref()),
            priority: vouched.map(|judged| &*judged.priority).filter(|list| !list.is_empty()),
        }
    }
}
