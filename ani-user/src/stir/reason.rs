//! The Reason header that tells upstream what is wrong with its PASSporTs (RFC 9410 §3).

use super::{Judged, Judgement, Outcome, outcome::phrase};

impl Judged {
    /// A value of Reason for this PASSporT: `STIR ;cause=438 ;text="…" ;ppi="..signature"`. None where
    /// nothing is wrong with it, or nothing that has a code, and for a kind that is ignored.
    pub fn reason(&self) -> Option<String> {
        let code = self.outcome.code().filter(|_| self.outcome != Outcome::PptUnsupported)?;
        let mut reason = format!("STIR ;cause={code} ;text=\"{}\"", phrase(code));
        // In compact form: the full one would tell everybody on the way who called whom (§5).
        if let Some(signature) = self.ppi.as_deref().filter(|ppi| is_letters(ppi)) {
            reason.extend([" ;ppi=\"..", signature, "\""]);
        }
        Some(reason)
    }
}

impl Judgement {
    /// Values of Reason, one for each PASSporT with which something is wrong.
    pub fn reasons(&self) -> impl Iterator<Item = String> {
        self.passports.iter().filter_map(Judged::reason)
    }
}

/// Nothing of a stranger's goes into a header but letters of base64url.
fn is_letters(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_for_each_that_is_wrong() {
        let judged = |outcome, ppi: &str| Judged {
            outcome,
            ppi: Some(ppi.into()),
            ..Judged::of(Outcome::Valid)
        };
        let judgement = Judgement {
            outcome: Outcome::Valid,
            signer: None,
            priority: false,
            passports: vec![
                judged(Outcome::Valid, "a"),
                judged(Outcome::Stale, "sq-G_r"),
                judged(Outcome::PptUnsupported, "b"),
                judged(Outcome::Pending, "c"),
                judged(Outcome::SignatureMalformed, "x\"\r\nEvil: y"),
                judged(Outcome::InfoMismatch, ""),
            ],
        };
        let reasons: Vec<_> = judgement.reasons().collect();
        assert_eq!(
            reasons,
            [
                "STIR ;cause=403 ;text=\"Stale Date\" ;ppi=\"..sq-G_r\"",
                "STIR ;cause=438 ;text=\"Invalid Identity Header\"",
                "STIR ;cause=436 ;text=\"Bad Identity Info\"",
            ]
        );
    }
}
