//! From bytes as they came to text: quotes, escapes, folding.

use std::borrow::Cow;

use memchr::memchr;

use super::name_addr::NameAddr;

/// Without white space at both ends; the line ends of folding are white space.
#[inline]
pub fn trim(bytes: &[u8]) -> &[u8] {
    // What nearly all values have: one space before them.
    let bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
    match (bytes.first(), bytes.last()) {
        (Some(b'!'..), Some(b'!'..)) => bytes,
        _ => bytes.trim_ascii(),
    }
}

/// As text: a fold (line end and white space) is one space (RFC 3261 §7.3.1), invalid UTF-8 is
/// replaced.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    // Short as values are, this is faster than a search.
    if !bytes.iter().fold(false, |folded, byte| folded | matches!(byte, b'\r' | b'\n')) {
        // The check alone is faster than the search for what to replace.
        return str::from_utf8(bytes)
            .map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed);
    }
    let mut unfolded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        unfolded.extend_from_slice(rest[..end].trim_ascii_end());
        unfolded.push(b' ');
        rest = rest[end..].trim_ascii_start();
    }
    unfolded.extend_from_slice(rest);
    Cow::Owned(String::from_utf8_lossy(&unfolded).into_owned())
}

/// The display name as it is meant: quotes and escapes removed (RFC 3261 §25.1, `quoted-pair`).
/// None for none, and for an empty one.
pub fn display<'a>(name: &NameAddr<'a>) -> Option<Cow<'a, str>> {
    let raw = name.display?;
    let meant = if name.quoted { unescaped(raw) } else { Cow::Borrowed(raw) };
    let text = match meant {
        Cow::Borrowed(raw) => lossy(raw),
        Cow::Owned(text) => Cow::Owned(lossy(&text).into_owned()),
    };
    (!text.is_empty()).then_some(text)
}

/// A parameter's value without the quotes around it, escapes removed.
pub fn unquoted(value: &[u8]) -> Cow<'_, [u8]> {
    match value {
        [b'"', inner @ .., b'"'] => unescaped(inner),
        _ => Cow::Borrowed(value),
    }
}

fn unescaped(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\\', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut escaped = false;
    for byte in bytes {
        if *byte == b'\\' && !escaped {
            escaped = true;
        } else {
            text.push(*byte);
            escaped = false;
        }
    }
    Cow::Owned(text)
}

/// With `%` and two hexadecimal digits read as the byte they stand for; others are left as they are.
pub fn percent_decoded(bytes: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'%', bytes).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, behind @ ..] = rest {
        rest = behind;
        match (first, behind) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    text.push(high << 4 | low);
                    rest = after;
                }
                _ => text.push(b'%'),
            },
            _ => text.push(*first),
        }
    }
    Cow::Owned(text)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}
