//! Via: `SIP/2.0/transport sent-by *(;parameter)` (RFC 3261 §20.42).

use memchr::memchr;

use super::{
    class,
    fault::{Fault, Faults},
    list::{self, Parameters, Values},
    text::trim,
};

/// The `branch` of the first value of a Via header; none when it has no value. All values are looked
/// at for what is wrong.
pub(super) fn branch<'a>(value: &'a [u8], faults: &mut Faults) -> Option<Option<&'a [u8]>> {
    if let Some(branch) = plain(value) {
        return Some(branch);
    }
    // RFC 2543 §6.40 ended it with a comment; RFC 3261 has none there.
    if memchr(b'(', value).is_some() && list::has_comment(value) {
        faults.add(Fault::Via);
        let first = list::split_around_comments(value, b',').map(trim).find(|via| !via.is_empty());
        return first.map(|via| {
            list::split_around_comments(via, b';').skip(1).find_map(|parameter| {
                let (name, value) = list::split_at_equals(parameter);
                let end = value.and_then(|value| memchr(b'(', value));
                let value = value.map(|value| trim(&value[..end.unwrap_or(value.len())]));
                name.eq_ignore_ascii_case(b"branch").then_some(value)
            })?
        });
    }
    let mut first = None;
    for via in Values::new(value) {
        let branch = read(via, faults);
        first = first.or(Some(branch));
    }
    first
}

/// One value as nearly all are: nothing quoted, no list, a space where one must be and nowhere else.
/// None for any other, which is then read with more care, to the same end.
fn plain(value: &[u8]) -> Option<Option<&[u8]>> {
    let rest = value.strip_prefix(b"SIP/2.0/")?;
    let space = rest.iter().position(|byte| !class::is(*byte, class::TOKEN))?;
    let (b' ', sent_by) = (rest[space], &rest[space + 1..]) else { return None };
    let mut branch = None;
    let mut rest = class::after(sent_by, class::VIA);
    if space == 0 || rest.len() == sent_by.len() {
        return None;
    }
    while let [b';', parameter @ ..] = rest {
        rest = class::after(parameter, class::VIA);
        let parameter = &parameter[..parameter.len() - rest.len()];
        match parameter {
            [] | [b'=', ..] => return None,
            [b'b', b'r', b'a', b'n', b'c', b'h', b'=', value @ ..] => {
                branch = branch.or(Some(value));
            }
            // Without a value or in another case.
            [b'b' | b'B', b'r' | b'R', ..] => return None,
            _ => {}
        }
    }
    rest.is_empty().then_some(branch)
}

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
