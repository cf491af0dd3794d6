//! `"name" <uri>;parameters`, or `uri;parameters` (RFC 3261 §20.10 and §25.1).

use memchr::memchr;

use super::{
    class,
    list::{self, Parameters, closing_quote},
    stops::Stops,
    text::trim,
    uri::Uri,
};

/// A display name, a URI and the header's parameters.
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    /// Display name as it came: between the quotes when it is quoted; none when there is none.
    pub display: Option<&'a [u8]>,
    /// Whether the display name is quoted, and may have escapes in it.
    pub quoted: bool,
    /// The URI.
    pub uri: Uri<'a>,
    /// The header's parameters, from the first semicolon on.
    pub parameters: &'a [u8],
    /// Whether it does not keep to the grammar, and could mean something else to another reader.
    pub faulty: bool,
}

impl<'a> NameAddr<'a> {
    /// Reads one value, whatever it holds.
    pub fn read(value: &'a [u8]) -> Self {
        let value = trim(value);
        Self::plain(value).unwrap_or_else(|| Self::any(value))
    }

    /// Reads `["name" ]<uri>*(;parameter)` where the name has no escapes, the URI is a plain one and
    /// each parameter a token, or two with an equals sign between them, and no list follows. None for
    /// any other value, which [`NameAddr::read`] reads with more care, to the same end.
    pub(super) fn plain(value: &'a [u8]) -> Option<Self> {
        let mut stops = Stops::new(value);
        let (mut display, mut open) = (None, stops.next()?);
        if open == (0, b'"') {
            let close = loop {
                match stops.next()? {
                    (close, b'"') => break close,
                    (_, b'\\') => return None,
                    _ => {}
                }
            };
            display = Some(&value[1..close]);
            open = stops.next()?;
            if open == (close + 1, b' ') {
                open = stops.next()?;
            }
            // What is no stop may stand between them as well.
            if value[close + 1..open.0].trim_ascii() != b"" {
                return None;
            }
        } else if open.0 != 0 {
            return None;
        }
        if open.1 != b'<' {
            return None;
        }
        let (uri, close) = Uri::plain(value, open.0 + 1, &mut stops)?;
        let parameters = value.get(close + 1..)?;
        if !matches!(parameters.first(), None | Some(b';')) {
            return None;
        }
        while let Some((at, byte)) = stops.next() {
            let name = value.get(at + 1).is_some_and(|byte| class::is(*byte, class::TOKEN));
            match byte {
                b';' if name => {}
                _ => return None,
            }
        }
        Some(Self { display, quoted: display.is_some(), uri, parameters, faulty: false })
    }

    /// Reads one value, whatever it holds, part by part.
    pub(super) fn any(value: &'a [u8]) -> Self {
        let mut read = match value {
            [b'"', rest @ ..] => Self::quoted(value, rest),
            _ => Self::unquoted(value),
        };
        // A list where one value should be.
        read.faulty |= list::end_of(read.parameters, b',') < read.parameters.len();
        let mut parameters = Parameters::new(read.parameters);
        parameters.by_ref().for_each(drop);
        read.faulty |= parameters.faulty() || read.uri.faulty;
        read
    }

    /// The header's parameters.
    pub fn parameters(&self) -> Parameters<'a> {
        Parameters::new(self.parameters)
    }

    /// The `tag` of From or To, up to the comma where a list stands there; none for an empty one,
    /// which the grammar does not allow.
    pub fn tag(&self) -> Option<&'a [u8]> {
        let tag = self.parameters().get(b"tag").filter(|tag| !tag.is_empty())?;
        match list::end_of(tag, b',') {
            0 => Some(tag),
            end => Some(trim(&tag[..end])),
        }
    }

    fn quoted(value: &'a [u8], rest: &'a [u8]) -> Self {
        let Some(close) = closing_quote(rest) else {
            // RFC 4475 §3.1.2.6: not to be read for sure; the bracket is the best guess.
            return Self { faulty: true, ..Self::guess(value) };
        };
        let display = Some(&rest[..close]);
        match trim(&rest[close + 1..]) {
            [b'<', inner @ ..] => Self { display, quoted: true, ..Self::bracketed(inner) },
            behind => Self { display, quoted: true, faulty: true, ..Self::guess(behind) },
        }
    }

    fn unquoted(value: &'a [u8]) -> Self {
        let Some(open) = memchr(b'<', value) else {
            return Self::bare(value);
        };
        let before = &value[..open];
        // A display name without quotes is tokens and white space.
        if !before.iter().any(|byte| b",;:\"".contains(byte)) {
            let display = trim(before);
            return Self {
                display: (!display.is_empty()).then_some(display),
                ..Self::bracketed(&value[open + 1..])
            };
        }
        let bare = Self::bare(value);
        if bare.faulty { Self { faulty: true, ..Self::guess(value) } } else { bare }
    }

    /// From the first angle bracket on, or all of it without one.
    fn guess(value: &'a [u8]) -> Self {
        match memchr(b'<', value) {
            Some(open) => Self::bracketed(&value[open + 1..]),
            None => Self::bare(value),
        }
    }

    /// Behind an opening angle bracket.
    fn bracketed(inner: &'a [u8]) -> Self {
        let (uri, parameters, closed) = match memchr(b'>', inner) {
            Some(close) => (&inner[..close], trim(&inner[close + 1..]), true),
            None => (inner, &inner[inner.len()..], false),
        };
        let bare = trim(uri);
        Self {
            display: None,
            quoted: false,
            uri: Uri::read(bare),
            parameters,
            faulty: !closed || bare.len() != uri.len(),
        }
    }

    /// Without angle brackets, semicolons start the header's own parameters (§20.10).
    fn bare(value: &'a [u8]) -> Self {
        let end = memchr(b';', value).unwrap_or(value.len());
        let (uri, parameters) = value.split_at(end);
        let uri = Uri::read(trim(uri));
        // RFC 3261 §20.10: with a comma or a question mark in it, it must stand in brackets.
        let ambiguous = uri.raw.iter().any(|byte| b",?".contains(byte));
        Self { display: None, quoted: false, uri, parameters, faulty: ambiguous || uri.faulty }
    }
}
