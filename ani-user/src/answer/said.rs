//! What is answered, as it is written: `drop`, `603`, `603 Network Blocked`.

use std::{fmt, str::FromStr};

/// Codes that a stopped call can be answered with, and the phrase of each. 403, 480, 486, 503, 600, 603:
/// RFC 3261 §21; 428, 436, 437, 438: RFC 8224 §6.2.2; 433: RFC 5079 §5; 607: RFC 8197; 608: RFC 8688.
pub const CODES: [(u16, &str); 13] = [
    (403, "Forbidden"),
    (428, "Use Identity Header"),
    (433, "Anonymity Disallowed"),
    (436, "Bad Identity Info"),
    (437, "Unsupported Credential"),
    (438, "Invalid Identity Header"),
    (480, "Temporarily Unavailable"),
    (486, "Busy Here"),
    (503, "Service Unavailable"),
    (600, "Busy Everywhere"),
    (603, "Decline"),
    (607, "Unwanted"),
    (608, "Rejected"),
];

/// What a 603 says that analytics decided (ATIS-1000099).
const NETWORK_BLOCKED: &str = "Network Blocked";

/// Bytes of a phrase.
const MAX_PHRASE: usize = 64;

/// What a stopped call is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Answer {
    /// Nothing: the INVITE ends at the NIC.
    #[default]
    Drop,
    /// No.
    Refuse(Refusal),
}

/// A code of [`CODES`], and a phrase where it is another one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    code: u16,
    phrase: Option<Box<str>>,
}

impl Refusal {
    /// The code.
    pub const fn code(&self) -> u16 {
        self.code
    }

    /// The phrase.
    pub fn phrase(&self) -> &str {
        self.phrase.as_deref().unwrap_or_else(|| {
            CODES.iter().find(|(code, _)| *code == self.code).map_or("", |(_, phrase)| phrase)
        })
    }

    /// Whether it tells the caller that analytics blocked him, and whom to turn to (ATIS-1000099).
    pub fn is_network_blocked(&self) -> bool {
        self.code == 603 && self.phrase().eq_ignore_ascii_case(NETWORK_BLOCKED)
    }
}

/// Why an answer cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaidError {
    /// Neither `drop` nor a code of [`CODES`].
    #[error("`{0}` is no answer; write \"drop\" or one of {codes}, and another phrase behind it if need be", codes = codes())]
    Code(String),
    /// A phrase that cannot stand in a response.
    #[error(
        "the phrase `{0}` is too long or holds what cannot stand in one; write at most {MAX_PHRASE} \
         letters, digits, spaces and -_.,:!/+()'"
    )]
    Phrase(String),
}

fn codes() -> String {
    CODES.map(|(code, _)| code.to_string()).join(", ")
}

impl FromStr for Answer {
    type Err = SaidError;

    fn from_str(text: &str) -> Result<Self, SaidError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("drop") {
            return Ok(Self::Drop);
        }
        let (number, phrase) = text.split_once(' ').unwrap_or((text, ""));
        let known = CODES.iter().find(|(code, _)| code.to_string() == number);
        let shown = || text.chars().filter(|char| !char.is_control()).take(MAX_PHRASE).collect();
        let (code, usual) = known.ok_or_else(|| SaidError::Code(shown()))?;
        let phrase = phrase.trim();
        // Some of what RFC 3261 §25.1 takes for a Reason-Phrase.
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b" -_.,:!/+()'".contains(&byte);
        if phrase.len() > MAX_PHRASE || !phrase.bytes().all(fits) {
            return Err(SaidError::Phrase(shown()));
        }
        let phrase = Some(phrase).filter(|phrase| !phrase.is_empty() && phrase != usual);
        Ok(Self::Refuse(Refusal { code: *code, phrase: phrase.map(Box::from) }))
    }
}

/// As it is read: `drop`, `603`, `603 Network Blocked`.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drop => f.write_str("drop"),
            Self::Refuse(Refusal { code, phrase: None }) => write!(f, "{code}"),
            Self::Refuse(Refusal { code, phrase: Some(phrase) }) => write!(f, "{code} {phrase}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read_back() {
        for text in ["drop", "603", "603 Network Blocked", "403 Stale Date", "503", "608"] {
            let answer: Answer = text.parse().expect(text);
            assert_eq!(answer.to_string(), text);
        }
        for (code, phrase) in CODES {
            let usual: Answer = format!(" {code}  {phrase} ").parse().expect(phrase);
            assert_eq!(usual.to_string(), code.to_string());
            let Answer::Refuse(refusal) = usual else { panic!("{usual}") };
            assert_eq!((refusal.code(), refusal.phrase()), (code, phrase));
            assert!(!refusal.is_network_blocked());
        }
        let Ok(Answer::Refuse(blocked)) = "603 Network Blocked".parse() else { panic!("refused") };
        assert!(blocked.is_network_blocked());
    }

    #[test]
    fn what_is_none_says_what_there_is() {
        let error = |text: &str| text.parse::<Answer>().expect_err(text).to_string();
        assert_eq!(
            error("404"),
            "`404` is no answer; write \"drop\" or one of 403, 428, 433, 436, 437, 438, 480, 486, 503, \
             600, 603, 607, 608, and another phrase behind it if need be"
        );
        for text in ["", "200", "+603", "0603", "603Decline", "pass"] {
            assert!(error(text).contains("is no answer"), "{text}");
        }
        assert!(error("603 a\r\nb").contains("cannot stand"));
        assert!(error(&format!("603 {}", "x".repeat(65))).contains("too long"));
    }
}
