//! What is verified: a message or a token.

use std::path::Path;

use crate::{
    cli::{
        exit::{Code, Failure},
        inspect::input::Input,
        output,
    },
    stir::passport::{MAX_PASSPORT, Passport},
};

/// Either of the two.
pub(super) enum Subject {
    /// A SIP message.
    Message(Vec<u8>),
    /// A value of Identity.
    Token(String),
}

impl Subject {
    /// Reads a file or standard input, or takes the text for what it is.
    pub(super) fn read(text: &str) -> anyhow::Result<Self> {
        let path = Path::new(text);
        if text != "-" && !path.exists() {
            return Self::token(text).ok_or_else(|| {
                let shown: String = output::plain(text).chars().take(60).collect();
                let what = "neither a file nor a PASSporT (header.payload.signature)";
                Failure::say(Code::Usage, format!("{shown}: {what}"))
            });
        }
        let input = Input::read(path)?;
        let token = str::from_utf8(&input.message).ok().and_then(Self::token);
        Ok(token.unwrap_or(Self::Message(input.message)))
    }

    /// A header with its name, its value, or a PASSporT alone: all that starts with the letters of one.
    fn token(text: &str) -> Option<Self> {
        let text = text.trim();
        let value = match text.split_once(':') {
            Some((name, value)) if is_identity(name) => value.trim(),
            _ => text,
        };
        let token = value.split(';').next().unwrap_or_default().trim_end();
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+/=. \t\r\n".contains(&byte);
        let dots = token.bytes().filter(|byte| *byte == b'.').count();
        if dots != 2 || !token.bytes().all(is_letter) || token.len() > MAX_PASSPORT {
            return None;
        }
        if value.contains(';') {
            return Some(Self::Token(value.to_owned()));
        }
        Some(Self::Token(with_parameters(token)))
    }
}

/// A PASSporT alone has no parameters: those that its own header asks for.
fn with_parameters(token: &str) -> String {
    let mut value = token.to_owned();
    let Ok(passport) = Passport::read(token.as_bytes()) else { return value };
    let Ok(header) = passport.header() else { return value };
    for (name, open, claim, close) in [
        (";info=", "<", &header.x5u, ">"),
        (";alg=", "", &header.alg, ""),
        (";ppt=", "", &header.ppt, ""),
    ] {
        if let Some(text) = claim.get() {
            value.extend([name, open, text, close]);
        }
    }
    value
}

fn is_identity(name: &str) -> bool {
    let name = name.trim();
    name.eq_ignore_ascii_case("identity") || name.eq_ignore_ascii_case("y")
}
