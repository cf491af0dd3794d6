//! The profiles: a base that is known, headers and words that are.

use ani_ebpf::{
    abi::{number::MAX_DIGITS, trunk::MAX_ANI_HEADERS},
    dial_plan::MIN_E164_DIGITS,
    scan::AniHeader,
};
use toml::Spanned;

use super::{name, within};
use crate::{
    config::{Error, countries, error::Text, file},
    identity::{
        Profile,
        profile::{Meaning, Outcome, Place, Source},
    },
};

/// Profiles at most, the built-in ones included.
const MAX_PROFILES: usize = 256;

/// Header names, and tokens, of one profile at most.
const MAX_WORDS: usize = 32;

/// Bytes of a header name or a token.
const MAX_WORD_LEN: usize = 64;

/// Adds the profiles of a file to those that are known.
pub(in crate::config) fn add(
    profiles: Vec<Spanned<file::Profile>>,
    text: Text<'_>,
    known: &mut Vec<Profile>,
) -> Result<(), Error> {
    for profile in profiles {
        let span = profile.span();
        if known.len() == MAX_PROFILES {
            return Err(text.error(
                span,
                format_args!("profile: more than {MAX_PROFILES} profiles; let trunks share some"),
            ));
        }
        let profile = one(profile, text, known)?;
        known.push(profile);
    }
    Ok(())
}

/// The profile of a name.
pub(super) fn find<'p>(
    name: &Spanned<String>,
    key: &str,
    text: Text<'_>,
    known: &'p [Profile],
) -> Result<&'p Profile, Error> {
    known.iter().find(|profile| profile.name == *name.get_ref()).ok_or_else(|| {
        let names: Vec<_> = known.iter().map(|profile| profile.name.as_str()).collect();
        text.error(
            name.span(),
            format_args!(
                "{key}: there is no profile `{}`; write one of {}, or add a [[profile]] before it",
                name.get_ref(),
                names.join(", ")
            ),
        )
    })
}

fn one(
    profile: Spanned<file::Profile>,
    text: Text<'_>,
    known: &[Profile],
) -> Result<Profile, Error> {
    let span = profile.span();
    let file = profile.into_inner();
    let name = name::read(file.name, "profile.name", span, text)?;
    if known.iter().any(|profile| profile.name == *name.get_ref()) {
        return Err(text.error(
            name.span(),
            format_args!(
                "profile.name: there is a profile `{}` already; name each differently",
                name.get_ref()
            ),
        ));
    }
    let mut profile = match file.base {
        Some(base) => find(&base, "profile.base", text, known)?.clone(),
        None => Profile::generic(),
    };
    profile.name = name.into_inner();
    if let Some(about) = file.about {
        profile.about = about.into_inner();
    }
    if let Some(list) = file.ani {
        profile.ani = order(list, "profile.ani", text)?;
    }
    if let Some(list) = file.ani_toll_free {
        profile.ani_toll_free = maybe_order(list, "profile.ani_toll_free", text)?;
    }
    if let Some(code) = file.country {
        profile.country = Some(country(code, "profile.country", text)?.code.to_owned());
    }
    if let Some(digits) = file.max_digits {
        profile.max_digits = Some(max_digits(digits, "profile.max_digits", text)?);
    }
    let telling = &mut profile.telling;
    if let Some(list) = file.attestation {
        let key = "profile.attestation";
        telling.sources = words(list, key, "source", &Source::ALL, Source::as_str, text)?;
    }
    if let Some(list) = file.verstat {
        telling.verstat =
            words(list, "profile.verstat", "place", &Place::ALL, Place::as_str, text)?;
    }
    if let Some(list) = file.verstat_headers {
        let key = "profile.verstat_headers";
        telling.verstat_headers =
            words(list, key, "header with a URI", &URI_HEADERS, AniHeader::as_str, text)?;
    }
    let (parameter, header) = (("parameter", "attest"), ("header", "X-Verstat"));
    for (list, known, key, what) in [
        (file.level_parameters, &mut telling.level_parameters, "level_parameters", parameter),
        (
            file.origination_parameters,
            &mut telling.origination_parameters,
            "origination_parameters",
            parameter,
        ),
        (file.status_headers, &mut telling.status_headers, "status_headers", header),
        (file.level_headers, &mut telling.level_headers, "level_headers", header),
        (file.origination_headers, &mut telling.origination_headers, "origination_headers", header),
        (file.bypass_headers, &mut telling.bypass_headers, "bypass_headers", header),
    ] {
        if let Some(list) = list {
            *known = names(list, key, what, text)?;
        }
    }
    if let Some(tokens) = file.tokens {
        self::tokens(tokens, text, &mut telling.tokens)?;
    }
    if let Some(word) = file.absent {
        telling.absent = outcome(word.get_ref()).ok_or_else(|| {
            text.error(
                word.span(),
                format_args!(
                    "profile.absent: `{}` is no outcome; write one of {}",
                    word.get_ref(),
                    outcomes()
                ),
            )
        })?;
    }
    Ok(profile)
}

/// Headers that hold a URI a parameter can stand on.
const URI_HEADERS: [AniHeader; 5] = [
    AniHeader::PAssertedIdentity,
    AniHeader::From,
    AniHeader::RemotePartyId,
    AniHeader::PPreferredIdentity,
    AniHeader::PChargeInfo,
];

/// An order of headers that names at least one.
pub(super) fn order(
    list: Spanned<Vec<Spanned<String>>>,
    key: &str,
    text: Text<'_>,
) -> Result<Vec<AniHeader>, Error> {
    if list.get_ref().is_empty() {
        let known = AniHeader::ALL.map(AniHeader::as_str).join(", ");
        return Err(text.error(
            list.span(),
            format_args!("{key}: no header; name one to {MAX_ANI_HEADERS} of {known}"),
        ));
    }
    maybe_order(list, key, text)
}

/// An order of headers that may be empty.
pub(super) fn maybe_order(
    list: Spanned<Vec<Spanned<String>>>,
    key: &str,
    text: Text<'_>,
) -> Result<Vec<AniHeader>, Error> {
    for header in list.get_ref() {
        let name = header.get_ref();
        if ["diversion", "history-info"].iter().any(|known| known.eq_ignore_ascii_case(name)) {
            return Err(text.error(
                header.span(),
                format_args!(
                    "{key}: `{name}` says who forwarded a call, not who makes it; leave it out"
                ),
            ));
        }
    }
    words(list, key, "header a caller is read from", &AniHeader::ALL, AniHeader::as_str, text)
}

/// Each of `list` is one of `all`, and stands there once.
fn words<T: Copy + PartialEq>(
    list: Spanned<Vec<Spanned<String>>>,
    key: &str,
    what: &str,
    all: &[T],
    word: impl Fn(T) -> &'static str,
    text: Text<'_>,
) -> Result<Vec<T>, Error> {
    let mut found = Vec::new();
    for written in list.into_inner() {
        let span = written.span();
        let name = written.into_inner();
        let Some(one) = all.iter().find(|one| word(**one).eq_ignore_ascii_case(&name)) else {
            let known: Vec<_> = all.iter().map(|one| word(*one)).collect();
            return Err(text.error(
                span,
                format_args!("{key}: `{name}` is no {what}; write one of {}", known.join(", ")),
            ));
        };
        if found.contains(one) {
            return Err(
                text.error(span, format_args!("{key}: `{name}` is named twice; name it once"))
            );
        }
        found.push(*one);
    }
    Ok(found)
}

/// Names of headers or parameters, in lower case; `what` is the kind and an example of it.
fn names(
    list: Spanned<Vec<Spanned<String>>>,
    key: &str,
    (kind, example): (&str, &str),
    text: Text<'_>,
) -> Result<Vec<String>, Error> {
    if list.get_ref().len() > MAX_WORDS {
        return Err(text.error(
            list.span(),
            format_args!("profile.{key}: more than {MAX_WORDS} {kind}s; name fewer"),
        ));
    }
    let name = |written: Spanned<String>| {
        let name = written.get_ref().to_ascii_lowercase();
        if is_token(&name) {
            return Ok(name);
        }
        Err(text.error(
            written.span(),
            format_args!(
                "profile.{key}: `{}` is no name of a {kind}; write one such as {example}, at most \
                 {MAX_WORD_LEN} letters",
                written.get_ref()
            ),
        ))
    };
    list.into_inner().into_iter().map(name).collect()
}

/// `token` of RFC 3261 §25.1.
fn is_token(word: &str) -> bool {
    (1..=MAX_WORD_LEN).contains(&word.len())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte))
}

/// Puts meanings of tokens over those of the base.
fn tokens(
    written: Spanned<std::collections::BTreeMap<Spanned<String>, Spanned<String>>>,
    text: Text<'_>,
    tokens: &mut Vec<(String, Meaning)>,
) -> Result<(), Error> {
    for (token, meaning) in written.into_inner() {
        if !is_token(token.get_ref()) {
            return Err(text.error(
                token.span(),
                format_args!("profile.tokens: `{}` is no token", token.get_ref()),
            ));
        }
        let Some(read) = self::meaning(meaning.get_ref()) else {
            return Err(text.error(
                meaning.span(),
                format_args!(
                    "profile.tokens: `{}` is no meaning; write one of {}, and A, B or C behind \
                     passed where the token says so",
                    meaning.get_ref(),
                    outcomes()
                ),
            ));
        };
        tokens.retain(|(known, _)| !known.eq_ignore_ascii_case(token.get_ref()));
        if tokens.len() == MAX_WORDS {
            return Err(text.error(
                token.span(),
                format_args!("profile.tokens: more than {MAX_WORDS} tokens; name fewer"),
            ));
        }
        tokens.push((token.into_inner(), read));
    }
    Ok(())
}

fn meaning(written: &str) -> Option<Meaning> {
    let (word, level) = match written.split_once(' ') {
        Some((word, "A")) => (word, Some("A")),
        Some((word, "B")) => (word, Some("B")),
        Some((word, "C")) => (word, Some("C")),
        Some(_) => return None,
        None => (written, None),
    };
    let outcome = outcome(word)?;
    (level.is_none() || outcome == Outcome::Passed).then_some(Meaning { outcome, level })
}

fn outcome(word: &str) -> Option<Outcome> {
    Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == word)
}

fn outcomes() -> String {
    Outcome::ALL.map(Outcome::as_str).join(", ")
}

/// A country whose dial plan is known.
pub(super) fn country(
    code: Spanned<String>,
    key: &str,
    text: Text<'_>,
) -> Result<&'static countries::Country, Error> {
    countries::find(code.get_ref()).ok_or_else(|| {
        text.error(
            code.span(),
            format_args!(
                "{key}: `{}` is not known; write one of {}, or leave the key out to take only \
                 numbers with a +",
                code.get_ref(),
                countries::codes()
            ),
        )
    })
}

/// The longest number taken for E.164, digits.
pub(super) fn max_digits(digits: Spanned<i64>, key: &str, text: Text<'_>) -> Result<u8, Error> {
    let range = i64::from(MIN_E164_DIGITS)..=i64::from(MAX_DIGITS);
    Ok(within(digits, key, range, text)? as u8)
}
