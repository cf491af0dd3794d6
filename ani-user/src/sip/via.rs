//! Via: `SIP/2.0/transport sent-by *(;parameter)` (RFC 3261 §20.42).

use memchr::memchr;

use super::{
    class,
    fault::{Fault, Faults},
    list::{self, Parameters, Values},
    stops::Stops,
    text::trim,
};

/// The `branch` of the first value of a Via header; none when it has no value. All values are looked
/// at for what is wrong.
pub(super) fn branch<'a>(value: &'a [u8], faults: &mut Faults) -> Option<Option<&'a [u8]>> {
    plain(value).or_else(|| any(value, faults))
}

/// One value as nearly all are: nothing quoted, no list, a space where one must be and nowhere else.
/// None for any other, which is then read with more care, to the same end.
pub(super) fn plain(value: &[u8]) -> Option<Option<&[u8]>> {
    const VERSION: &[u8] = b"SIP/2.0/";
    if !value.starts_with(VERSION) {
        return None;
    }
    let starts = |at: usize| value.get(at).is_some_and(|byte| class::is(*byte, class::TOKEN));
    let mut stops = Stops::new(value);
    match stops.next()? {
        (space, b' ') if space > VERSION.len() && starts(space + 1) => {}
        _ => return None,
    }
    let mut branch = None;
    while let Some((at, byte)) = stops.next() {
        match byte {
            b':' => {}
            b';' if starts(at + 1) => match &value[at + 1..] {
                [b'b', b'r', b'a', b'n', b'c', b'h', b'=', value @ ..] if branch.is_none() => {
                    branch = Some(value);
                }
                // Without a value, in another case, or another name.
                [b'b' | b'B', ..] if branch.is_none() => return None,
                _ => {}
            },
            _ => return None,
        }
    }
    Some(branch.map(|rest| &rest[..memchr(b';', rest).unwrap_or(rest.len())]))
}

/// A header whatever it holds.
pub(super) fn any<'a>(value: &'a [u8], faults: &mut Faults) -> Option<Option<&'a [u8]>> {
    if list::has_comment(value) {
        // RFC 2543 §6.40 ended a value with one; RFC 3261 has none here.
        faults.add(Fault::Via);
        let mut values = list::split_around_comments(value, b',').map(trim);
        return values.find(|via| !via.is_empty()).map(commented);
    }
    let mut first = None;
    for via in Values::new(value) {
        let branch = read(via, faults);
        first = first.or(Some(branch));
    }
    first
}

/// The `branch` of a value with a comment, which may stand behind any part of it.
fn commented(value: &[u8]) -> Option<&[u8]> {
    list::split_around_comments(value, b';').skip(1).find_map(|parameter| {
        let (name, value) = list::split_at_equals(parameter);
        let value = value.filter(|_| name.eq_ignore_ascii_case(b"branch"))?;
        Some(trim(&value[..memchr(b'(', value).unwrap_or(value.len())]))
    })
}

/// One value without a comment.
fn read<'a>(value: &'a [u8], faults: &mut Faults) -> Option<&'a [u8]> {
    let (head, parameters) = list::head(value);
    let mut parts = head.splitn(3, |byte| *byte == b'/').map(trim);
    let protocol = parts.next().unwrap_or_default();
    let version = parts.next().unwrap_or_default();
    let transport = parts.next().unwrap_or_default();
    let host = transport.iter().position(u8::is_ascii_whitespace);
    faults.add_if(
        !protocol.eq_ignore_ascii_case(b"SIP") || version != b"2.0" || host.is_none(),
        Fault::Via,
    );
    let mut parameters = Parameters::new(parameters);
    let branch = parameters
        .by_ref()
        .find(|parameter| parameter.name.eq_ignore_ascii_case(b"branch"))
        .and_then(|parameter| parameter.value);
    parameters.by_ref().for_each(drop);
    faults.add_if(parameters.faulty(), Fault::Via);
    branch
}
