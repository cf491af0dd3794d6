//! Networks, as operators write them.

use std::net::IpAddr;

use ipnet::IpNet;
use toml::Spanned;

use crate::config::{Error, error::Text};

/// A network, or an address, which is a network of one.
pub(super) fn read(source: &Spanned<String>, key: &str, text: Text<'_>) -> Result<IpNet, Error> {
    let written = source.get_ref();
    let network = written
        .parse::<IpNet>()
        .ok()
        .or_else(|| written.parse::<IpAddr>().ok().map(IpNet::from))
        .ok_or_else(|| {
            text.error(
                source.span(),
                format_args!(
                    "{key}: `{written}` is no network; write one such as 203.0.113.0/24 or \
                     2001:db8::/32, or an address"
                ),
            )
        })?;
    if network.trunc() != network {
        return Err(text.error(
            source.span(),
            format_args!(
                "{key}: `{written}` has bits set behind its prefix; write {} for the network or {} \
                 for the one address",
                network.trunc(),
                network.addr()
            ),
        ));
    }
    Ok(network)
}
