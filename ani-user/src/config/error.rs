//! What is wrong with a configuration, where, and what to write instead.

use std::{fmt, ops::Range};

/// A configuration that cannot be used. Shown as `file:line: key: value …; remedy`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// The file, as it was named.
    pub origin: String,
    /// Line of the value, from 1; none when the file itself is the matter.
    pub line: Option<usize>,
    /// Key, value and remedy.
    pub message: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.origin, self.message),
            None => write!(f, "{}: {}", self.origin, self.message),
        }
    }
}

/// The text a configuration was read from; turns places in it into lines and keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Text<'a> {
    /// The file, as it was named.
    pub(super) origin: &'a str,
    /// All of it.
    pub(super) text: &'a str,
}

impl Text<'_> {
    /// An error about the value that stands at `span`.
    pub(super) fn error(&self, span: Range<usize>, message: impl fmt::Display) -> Error {
        Error {
            origin: self.origin.to_owned(),
            line: Some(self.line(span.start)),
            message: message.to_string(),
        }
    }

    /// What the TOML reader refused: syntax, an unknown key, a value of the wrong type.
    pub(super) fn refused(&self, error: &toml::de::Error) -> Error {
        let message = error.message().lines().collect::<Vec<_>>().join(", ");
        // Words of the reader's own language.
        let message = message.replace("expected i64", "expected a whole number");
        let Some(span) = error.span() else {
            return Error { origin: self.origin.to_owned(), line: None, message };
        };
        if self.text.get(span.start..).is_some_and(|rest| rest.starts_with("[trunk]")) {
            return self
                .error(span, "trunk: one table where there can be several; write [[trunk]]");
        }
        // An unknown key names itself; a missing one has no place but its table.
        let message = match self.key(span.start) {
            Some(key) if !message.contains("unknown field") => format!("{key}: {message}"),
            _ => message,
        };
        self.error(span, message)
    }

    fn line(&self, at: usize) -> usize {
        1 + self.before(at).bytes().filter(|byte| *byte == b'\n').count()
    }

    fn before(&self, at: usize) -> &str {
        self.text.get(..at).unwrap_or(self.text)
    }

    /// `table.key` of the value at a place: the last `key =` before it, under the last header.
    fn key(&self, at: usize) -> Option<String> {
        let mut lines = self.before(at).lines().rev();
        let key = lines.by_ref().map(str::trim).find_map(|line| {
            if line.starts_with('[') {
                return Some(None);
            }
            let (key, _) = line.split_once('=')?;
            (!key.trim_start().starts_with('#')).then(|| Some(key.trim()))
        })??;
        let table = lines
            .map(str::trim)
            .find_map(|line| line.strip_prefix('['))
            .map(|header| header.trim_matches(['[', ']', ' ']).to_owned());
        Some(match table {
            Some(table) => format!("{table}.{key}"),
            None => key.to_owned(),
        })
    }
}
