//! Values between commas, parameters between semicolons; quoted strings and angle brackets hold
//! them together (RFC 3261 §7.3.1).

use memchr::{memchr, memchr2, memchr3};

use super::text::trim;

/// Where `separator` first stands outside quotes and angle brackets; the length when it does not.
pub(super) fn end_of(bytes: &[u8], separator: u8) -> usize {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..)
        && let Some(found) = memchr3(separator, b'"', b'<', rest)
    {
        let (held, closed) = match (rest.get(found), rest.get(found + 1..)) {
            (Some(b'"'), Some(inner)) => (inner, closing_quote(inner)),
            (Some(b'<'), Some(inner)) => (inner, memchr(b'>', inner)),
            _ => return at + found,
        };
        at += found + 1 + closed.map_or(held.len(), |end| end + 1);
    }
    bytes.len()
}

/// Where a quoted string ends that starts before `bytes`; `\` takes the next byte's meaning (RFC
/// 3261 §25.1, `quoted-pair`).
pub(super) fn closing_quote(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..)?;
        let found = memchr2(b'\\', b'"', rest)?;
        if rest.get(found) == Some(&b'"') {
            return Some(at + found);
        }
        at += found + 2;
    }
}

/// Whether there is a comment: an opening parenthesis outside quotes and angle brackets.
pub(super) fn has_comment(bytes: &[u8]) -> bool {
    end_of(bytes, b'(') < bytes.len()
}

/// Splits at `separator` outside quotes, angle brackets and comments.
pub(super) fn split_around_comments(bytes: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let mut end = end_of(bytes, separator);
        let mut at = 0;
        // A comment that opens before the separator holds it.
        while let open = at + end_of(&bytes[at..], b'(')
            && open < end
        {
            at = comment_end(bytes, open);
            end = at + end_of(&bytes[at..], separator);
        }
        rest = bytes.get(end + 1..);
        Some(&bytes[..end])
    })
}

/// Where a comment ends that opens at `open`; they nest (RFC 3261 §25.1). One that does not close
/// goes to the end.
fn comment_end(bytes: &[u8], open: usize) -> usize {
    let (mut depth, mut escaped) = (0_usize, false);
    for (at, byte) in bytes.iter().enumerate().skip(open) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth += 1,
            b')' if depth == 1 => return at + 1,
            b')' => depth -= 1,
            _ => {}
        }
    }
    bytes.len()
}

/// Splits at `separator` outside quotes and angle brackets.
pub(super) fn split(bytes: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest?;
        let end = end_of(bytes, separator);
        rest = bytes.get(end + 1..);
        Some(&bytes[..end])
    })
}

/// A value up to its first parameter, and its parameters, the semicolon before each included.
pub(super) fn head(value: &[u8]) -> (&[u8], &[u8]) {
    let (head, parameters) = value.split_at(end_of(value, b';'));
    (trim(head), parameters)
}

/// The values of a header that is a list, trimmed; empty ones left out (RFC 3261 §25: a list may
/// not have them, but they say nothing).
#[derive(Clone, Debug)]
pub struct Values<'a>(Option<&'a [u8]>);

impl<'a> Values<'a> {
    /// From a header's value.
    pub fn new(value: &'a [u8]) -> Self {
        Self(Some(value))
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let bytes = self.0?;
            let end = end_of(bytes, b',');
            self.0 = bytes.get(end + 1..);
            let value = trim(&bytes[..end]);
            if !value.is_empty() {
                return Some(value);
            }
        }
    }
}

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its name as it came.
    pub name: &'a [u8],
    /// Its value as it came, quotes included; none without an equals sign.
    pub value: Option<&'a [u8]>,
}

/// Parameters, one after the other.
#[derive(Clone, Debug)]
pub struct Parameters<'a> {
    rest: &'a [u8],
    faulty: bool,
}

impl<'a> Parameters<'a> {
    /// From bytes that start with the first semicolon, or are empty.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: trim(bytes), faulty: false }
    }

    /// The value of the first parameter of that name, in any case; an empty value for a parameter
    /// without one.
    pub fn get(mut self, name: &[u8]) -> Option<&'a [u8]> {
        self.find(|parameter| parameter.name.eq_ignore_ascii_case(name))
            .map(|parameter| parameter.value.unwrap_or_default())
    }

    /// Whether one of those read so far was empty, or stood behind something else than a semicolon.
    pub fn faulty(&self) -> bool {
        self.faulty
    }
}

/// A parameter's name and, behind an equals sign, its value.
pub(super) fn split_at_equals(parameter: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr(b'=', parameter) {
        Some(equals) => (trim(&parameter[..equals]), Some(trim(&parameter[equals + 1..]))),
        None => (trim(parameter), None),
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Parameter<'a>> {
        while let [first, rest @ ..] = self.rest {
            if *first != b';' {
                // Something behind the value that is no parameter.
                self.faulty = true;
                self.rest = &self.rest[end_of(self.rest, b';')..];
                continue;
            }
            let end = end_of(rest, b';');
            let (name, value) = split_at_equals(&rest[..end]);
            self.rest = &rest[end..];
            if name.is_empty() {
                self.faulty = true;
                continue;
            }
            return Some(Parameter { name, value });
        }
        None
    }
}
