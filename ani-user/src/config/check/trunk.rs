//! The trunks: names and sources that nobody else has, a country that is known, headers to read.

use std::collections::{HashMap, HashSet};

use ani_ebpf::abi::{
    number::Number,
    trunk::{MAX_SOURCES, MAX_TOLL_FREE, MAX_TRUNKS, TollFree},
};
use ipnet::IpNet;
use toml::Spanned;

use super::{list, name, network, profile};
use crate::{
    config::{Error, Refuse, Trunk, error::Text, file},
    identity::Profile,
};

/// All trunks, in file order.
pub(super) fn all(
    trunks: Vec<Spanned<file::Trunk>>,
    profiles: &[Profile],
    text: Text<'_>,
) -> Result<Vec<Trunk>, Error> {
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
        let name = name::read(trunk.name, "trunk.name", span.clone(), text)?;
        let name_span = name.span();
        let name = name.into_inner();
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
        let mut profile = match &trunk.profile {
            Some(profile) => profile::find(profile, "trunk.profile", text, profiles)?.clone(),
            None => Profile::generic(),
        };
        if let Some(list) = trunk.ani {
            profile.ani = profile::order(list, "trunk.ani", text)?;
            // The order of the profile for toll-free numbers was one with the one it had before.
            profile.ani_toll_free.clear();
        }
        if let Some(list) = trunk.ani_toll_free {
            profile.ani_toll_free = profile::maybe_order(list, "trunk.ani_toll_free", text)?;
        }
        let country = match trunk.country {
            Some(code) => Some(profile::country(code, "trunk.country", text)?),
            None => None,
        };
        let mut read = Trunk::new(name, networks, profile, country);
        if let Some(digits) = trunk.max_digits {
            read.dial_plan.max_digits = profile::max_digits(digits, "trunk.max_digits", text)?;
        }
        if let Some(list) = trunk.toll_free {
            read.orders.toll_free_prefixes = toll_free(list, text)?;
        }
        let observed = list::observed(trunk.refuse_mode, "trunk.refuse_mode", text)?;
        read.refuse = refuse(trunk.refuse.unwrap_or_default(), observed, text)?;
        total.push(read);
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

fn refuse(list: Vec<Spanned<String>>, observed: bool, text: Text<'_>) -> Result<Refuse, Error> {
    for word in &list {
        if let Err(unknown) = Refuse::new([word.get_ref().as_str()], observed) {
            return Err(text.error(
                word.span(),
                format_args!(
                    "trunk.refuse: no call is refused for `{unknown}`; write \"failed\", \
                     \"no-identity\", or another outcome of docs/stir.md that has a SIP code"
                ),
            ));
        }
    }
    // Each is known by now.
    Ok(Refuse::new(list.iter().map(|word| word.get_ref().as_str()), observed).unwrap_or_default())
}

/// What toll-free numbers begin with, E.164.
fn toll_free(
    list: Spanned<Vec<Spanned<String>>>,
    text: Text<'_>,
) -> Result<[TollFree; MAX_TOLL_FREE], Error> {
    if list.get_ref().len() > MAX_TOLL_FREE {
        return Err(text.error(
            list.span(),
            format_args!("trunk.toll_free: more than {MAX_TOLL_FREE} prefixes; name fewer"),
        ));
    }
    let mut prefixes = [TollFree::NONE; MAX_TOLL_FREE];
    for (place, written) in prefixes.iter_mut().zip(list.into_inner()) {
        let digits = written.get_ref().strip_prefix('+');
        let number = digits.and_then(|digits| Number::from_ascii(digits.as_bytes()));
        *place = number.map(TollFree::new).ok_or_else(|| {
            text.error(
                written.span(),
                format_args!(
                    "trunk.toll_free: `{}` is not how a number begins; write + and digits, such as \
                     \"+1800\"",
                    written.get_ref()
                ),
            )
        })?;
    }
    Ok(prefixes)
}
