//! Who a caller is, as a key: a number, or what came instead of one, cut to a bounded length.

use std::fmt;

use ani_ebpf::{
    abi::number::Number,
    dial_plan::{DialPlan, Dialled},
};

use crate::invite::{AniStatus, Invite};

/// Bytes kept of a caller that is no number: the caller chooses them.
pub const MAX_TEXT: usize = 64;

/// Shown for a caller who withholds his number.
const ANONYMOUS: &str = "anonymous";
/// Shown when no header names a caller.
const MISSING: &str = "missing";

/// E.164 up to the longest number there is: what a trunk allows was decided before.
const ANY: DialPlan = DialPlan { max_digits: 16, ..DialPlan::NONE };

/// A caller.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Caller {
    /// Withholds his number.
    Anonymous,
    /// Not named.
    Missing,
    /// E.164.
    Number(Number),
    /// Text that is no E.164 number, at most [`MAX_TEXT`] bytes, then `…` when there was more.
    Text(Box<str>),
}

impl Caller {
    /// Who made this call.
    pub fn of(invite: &Invite<'_>) -> Self {
        Self::new(invite.ani.as_deref(), invite.ani_status)
    }

    /// A caller by the ANI and what it is.
    pub fn new(ani: Option<&str>, status: AniStatus) -> Self {
        match (ani, status) {
            (_, AniStatus::Anonymous) => Self::Anonymous,
            (None, _) => Self::Missing,
            (Some(ani), _) => Self::from_text(ani),
        }
    }

    /// A caller as he is shown: `+` and digits, `anonymous`, `missing`, or the text.
    pub fn from_text(text: &str) -> Self {
        let number = text.starts_with('+').then(|| Dialled::from_text(text)).flatten();
        if let Some(number) = number.and_then(|dialled| ANY.e164(dialled)) {
            return Self::Number(number);
        }
        match text {
            ANONYMOUS => Self::Anonymous,
            MISSING => Self::Missing,
            _ if text.len() <= MAX_TEXT => Self::Text(text.into()),
            _ => {
                let end = (0..=MAX_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                let kept = text.get(..end).unwrap_or_default();
                Self::Text(format!("{kept}…").into())
            }
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str(ANONYMOUS),
            Self::Missing => f.write_str(MISSING),
            Self::Number(number) => write!(f, "+{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl serde::Serialize for Caller {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_the_same_caller() {
        for text in ["+14155551234", "anonymous", "missing", "alice", "4711", "+12"] {
            assert_eq!(Caller::from_text(text).to_string(), text);
        }
        assert!(matches!(Caller::from_text("+3310200123456789"), Caller::Number(_)));
        assert!(matches!(Caller::from_text("14155551234"), Caller::Text(_)));
    }

    #[test]
    fn text_is_cut_between_characters_and_stays_itself() {
        let long = "é".repeat(1_000);
        let caller = Caller::from_text(&long);
        assert_eq!(caller.to_string(), format!("{}…", "é".repeat(32)));
        let odd = format!("x{long}");
        assert_eq!(Caller::from_text(&odd).to_string(), format!("x{}…", "é".repeat(31)));
    }
}
