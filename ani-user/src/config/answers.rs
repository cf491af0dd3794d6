//! What stopped calls are told, how often, and whom they may turn to.

use std::time::Duration;

use super::Rate;
use crate::answer::Answer;

/// Answers to stopped calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// What the built-in block list says: `lists.answer`.
    pub block: Answer,
    /// What the limit of each caller says: `limits.per_caller`.
    pub per_caller: Answer,
    /// Answers to each source at most.
    pub per_source: Rate,
    /// Answers at most.
    pub overall: Rate,
    /// What a 503 says of when to try again; whole seconds.
    pub retry_after: Duration,
    /// Whom a caller turns to whom analytics blocked.
    pub redress: Redress,
    /// URL of the signed card that a 608 names (RFC 8688 §3.2).
    pub card: Option<String>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            block: Answer::Drop,
            per_caller: Answer::Drop,
            per_source: Rate { calls: 100, within: Duration::from_secs(1) },
            overall: Rate { calls: 10_000, within: Duration::from_secs(1) },
            retry_after: Duration::from_secs(30),
            redress: Redress::default(),
            card: None,
        }
    }
}

impl Answers {
    /// Whether an answer can be given as it should be.
    ///
    /// # Errors
    ///
    /// When something is not configured that belongs to it: names it.
    pub fn takes(&self, answer: &Answer) -> Result<(), String> {
        match answer {
            Answer::Refuse(refusal) if refusal.is_network_blocked() && self.redress.is_none() => Err(
                "603 Network Blocked tells the caller whom to turn to, and nobody is named; write \
                 redress = { url = \"https://…\" } in [answers], or answer 603"
                    .to_owned(),
            ),
            _ => Ok(()),
        }
    }
}

/// Whom a caller turns to whom analytics blocked (ATIS-1000099); at least one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redress {
    /// A web page.
    pub url: Option<String>,
    /// A telephone number.
    pub tel: Option<String>,
    /// A mail address.
    pub email: Option<String>,
    /// Where the call was blocked; [`Redress::LOCATION`] for none.
    pub location: Option<String>,
}

impl Redress {
    /// Where a call is blocked unless the file says otherwise: the network that serves the called
    /// user, seen from the caller's.
    pub const LOCATION: &str = "RLN";

    /// Whether nobody is named.
    pub const fn is_none(&self) -> bool {
        self.url.is_none() && self.tel.is_none() && self.email.is_none()
    }

    /// The value of the Reason header: `SIP;cause=603;text="v=analytics1;url=…";location=RLN`.
    pub fn reason(&self) -> String {
        let mut reason = String::from("SIP;cause=603;text=\"v=analytics1");
        for (name, value) in [("url", &self.url), ("tel", &self.tel), ("email", &self.email)] {
            if let Some(value) = value {
                reason.extend([";", name, "=", value]);
            }
        }
        reason.extend(["\";location=", self.location.as_deref().unwrap_or(Self::LOCATION)]);
        reason
    }
}
