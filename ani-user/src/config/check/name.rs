//! Names of trunks and profiles: they stand in output and in metrics.

use std::ops::Range;

use toml::Spanned;

use crate::config::{Error, error::Text};

/// What INVITEs from no configured trunk are counted under.
pub const NO_TRUNK_NAME: &str = "-";

/// Bytes in a name; it is a metric's label.
const MAX_LEN: usize = 64;

/// A name that is there and can be shown. `span` is the table's.
pub(super) fn read(
    name: Option<Spanned<String>>,
    key: &str,
    span: Range<usize>,
    text: Text<'_>,
) -> Result<Spanned<String>, Error> {
    let what = key.split('.').next().unwrap_or_default();
    let name = name
        .ok_or_else(|| text.error(span, format_args!("{key}: missing; give each {what} a name")))?;
    let written = name.get_ref();
    if written.trim().is_empty() || written == NO_TRUNK_NAME {
        return Err(text.error(
            name.span(),
            format_args!("{key}: `{written}` is no name; write one such as \"carrier-a\""),
        ));
    }
    if written.len() > MAX_LEN || written.chars().any(char::is_control) {
        return Err(text.error(
            name.span(),
            format_args!(
                "{key}: {written:?} is too long or holds control characters; write at most \
                 {MAX_LEN} printable bytes"
            ),
        ));
    }
    Ok(name)
}
