//! The trunks: names and sources that nobody else has, a country that is known, headers to read.

use std::collections::{HashMap, HashSet};

use ani_ebpf::{
    abi::{
        number::MAX_DIGITS,
        trunk::{MAX_ANI_HEADERS, MAX_SOURCES, MAX_TRUNKS},
    },
    dial_plan::{DialPlan, MIN_E164_DIGITS},
    scan::AniHeader,
};
use ipnet::IpNet;
use toml::Spanned;

use super::{network, within};
use crate::config::{Error, Trunk, countries, error::Text, file};

/// What INVITEs from no configured trunk are counted under.
pub const NO_TRUNK_NAME: &str = "-";

/// Bytes in the name of a trunk; it is a metric's label.
const MAX_TRUNK_NAME: usize = 64;

const ANI_HEADERS: [AniHeader; 3] =
    [AniHeader::PAssertedIdentity, AniHeader::RemotePartyId, AniHeader::From];

/// All trunks, in file order.
pub(super) fn all(trunks: Vec<Spanned<file::Trunk>>, text: Text<'_>) -> Result<Vec<Trunk>, Error> {
    let mut names = HashSet::new();
    let mut sources = HashMap::new();
    let mut total: Vec<Trunk> = Vec::new();
    for trunk in trunks {
        let span = trunk.span();
        if total.len() == MAX_TRUNKS as usize {
            return Err(text.error(
                span,
                format_args!(
                    "trunk: more than {MAX_TRUNKS} trunks; put the sources of some together"
                ),
            ));
        }
        let trunk = trunk.into_inner();
        let name = trunk.name.ok_or_else(|| {
            text.error(span.clone(), "trunk.name: missing; give each trunk a name")
        })?;
        let name_span = name.span();
        let name = name.into_inner();
        if name.trim().is_empty() || name == NO_TRUNK_NAME {
            return Err(text.error(
                name_span,
                format_args!("trunk.name: `{name}` is no name; write one such as \"carrier-a\""),
            ));
        }
        if name.len() > MAX_TRUNK_NAME || name.chars().any(char::is_control) {
            return Err(text.error(
                name_span,
                format_args!(
                    "trunk.name: {name:?} is too long or holds control characters; write at most \
                 {MAX_TRUNK_NAME} printable bytes"
                ),
            ));
        }
        if !names.insert(name.clone()) {
            return Err(text.error(
                name_span,
                format_args!(
                    "trunk.name: `{name}` is the name of two trunks; name each differently"
                ),
            ));
        }
        let networks =
            match trunk.sources {
                Some(list) => networks(list, &name, &mut sources, text)?,
                None => {
                    return Err(text.error(span, format_args!(
                    "trunk.sources: missing for trunk `{name}`; name the networks its INVITEs \
                     come from"
                )));
                }
            };
        let (country, mut dial_plan) = country(trunk.country, text)?;
        if let Some(digits) = trunk.max_digits {
            let range = i64::from(MIN_E164_DIGITS)..=i64::from(MAX_DIGITS);
            dial_plan.max_digits = within(digits, "trunk.max_digits", range, text)? as u8;
        }
        let ani = match trunk.ani {
            Some(list) => ani_order(list, text)?,
            None => ANI_HEADERS.to_vec(),
        };
        total.push(Trunk { name, sources: networks, country, dial_plan, ani });
    }
    Ok(total)
}

fn networks(
    list: Spanned<Vec<Spanned<String>>>,
    trunk: &str,
    taken: &mut HashMap<IpNet, String>,
    text: Text<'_>,
) -> Result<Vec<IpNet>, Error> {
    let span = list.span();
    let list = list.into_inner();
    if list.is_empty() {
        return Err(text.error(
            span,
            format_args!(
                "trunk.sources: none for trunk `{trunk}`; name the networks its INVITEs come from"
            ),
        ));
    }
    let mut networks = Vec::with_capacity(list.len());
    for source in list {
        let network = network::read(&source, "trunk.sources", text)?;
        let span = source.span();
        let source = source.into_inner();
        if taken.len() == MAX_SOURCES as usize {
            return Err(text.error(span, format_args!(
                "trunk.sources: more than {MAX_SOURCES} networks in all; put neighbours together"
            )));
        }
        if let Some(other) = taken.insert(network, trunk.to_owned()) {
            return Err(text.error(span, format_args!(
                "trunk.sources: `{source}` is a source of trunk `{other}` already; give it to one \
                 trunk only, once"
            )));
        }
        networks.push(network);
    }
    Ok(networks)
}

fn country(
    country: Option<Spanned<String>>,
    text: Text<'_>,
) -> Result<(Option<String>, DialPlan), Error> {
    let Some(country) = country else {
        return Ok((None, DialPlan::NONE));
    };
    let span = country.span();
    let code = country.into_inner();
    match countries::find(&code) {
        Some(known) => Ok((Some(known.code.to_owned()), known.dial_plan())),
        None => Err(text.error(span, format_args!(
            "trunk.country: `{code}` is not known; write one of {}, or leave the key out to take \
             only numbers with a +",
            countries::codes()
        ))),
    }
}

fn ani_order(list: Spanned<Vec<Spanned<String>>>, text: Text<'_>) -> Result<Vec<AniHeader>, Error> {
    let known = || ANI_HEADERS.map(AniHeader::as_str).join(", ");
    let span = list.span();
    let list = list.into_inner();
    if list.is_empty() || list.len() > MAX_ANI_HEADERS {
        return Err(text.error(
            span,
            format_args!(
                "trunk.ani: {} headers; name one to {MAX_ANI_HEADERS} of {}",
                list.len(),
                known()
            ),
        ));
    }
    let mut order = Vec::with_capacity(list.len());
    for header in list {
        let span = header.span();
        let name = header.into_inner();
        let header =
            ANI_HEADERS
                .into_iter()
                .find(|header| header.as_str().eq_ignore_ascii_case(&name))
                .ok_or_else(|| {
                    text.error(span.clone(), format_args!(
                    "trunk.ani: `{name}` is no header a caller is read from; write one of {}",
                    known()
                ))
                })?;
        if order.contains(&header) {
            return Err(
                text.error(span, format_args!("trunk.ani: `{name}` is named twice; name it once"))
            );
        }
        order.push(header);
    }
    Ok(order)
}
