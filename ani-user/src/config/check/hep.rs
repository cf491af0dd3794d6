//! Mirrored messages: where they come in, and from whom.

use toml::Spanned;

use super::{listen, network};
use crate::config::{Error, Hep, error::Text};

/// Networks that may mirror at most; each packet is held against all of them.
const MAX_SOURCES: usize = 256;

/// Bytes of the key at most; those who send it take no longer one.
const MAX_KEY: usize = 256;

/// What stands in the file over the defaults in `hep`.
pub(super) fn read(
    address: Option<Spanned<String>>,
    sources: Option<Spanned<Vec<Spanned<String>>>>,
    key: Option<Spanned<String>>,
    text: Text<'_>,
    hep: &mut Hep,
) -> Result<(), Error> {
    if let Some(address) = address {
        hep.listen = listen(&address, "capture.hep", "0.0.0.0:9060", "none", text)?;
    }
    if let Some(sources) = sources {
        let (span, list) = (sources.span(), sources.into_inner());
        if list.is_empty() || list.len() > MAX_SOURCES {
            return Err(text.error(
                span,
                format_args!(
                    "capture.hep_sources: {} networks; name 1 to {MAX_SOURCES} that may mirror, or \
                     set capture.hep to \"\" for none",
                    list.len()
                ),
            ));
        }
        hep.sources = list
            .iter()
            .map(|source| network::read(source, "capture.hep_sources", text))
            .collect::<Result<_, _>>()?;
    }
    if let Some(key) = key {
        if key.get_ref().len() > MAX_KEY {
            return Err(text.error(
                key.span(),
                format_args!(
                    "capture.hep_key: {} bytes; write at most {MAX_KEY}, or \"\" for no key",
                    key.get_ref().len()
                ),
            ));
        }
        hep.key = key.into_inner();
    }
    Ok(())
}
