//! The named limits.

use ani_ebpf::abi::{limit::MAX_LIMITS, number::MAX_DIGITS};
use toml::Spanned;

use super::{answers, list, name};
use crate::config::{Answers, Error, NamedLimit, Per, Rate, error::Text, file};

/// Named limits at most, beside the one for each caller.
const MAX_NAMED: usize = MAX_LIMITS - 1;

/// What `ani limit` calls the limit for each caller.
const PER_CALLER: &str = "per-caller";

/// All named limits, in file order.
pub(super) fn all(
    limits: Vec<Spanned<file::NamedLimit>>,
    settings: &Answers,
    text: Text<'_>,
) -> Result<Vec<NamedLimit>, Error> {
    let mut total: Vec<NamedLimit> = Vec::new();
    for limit in limits {
        let span = limit.span();
        if total.len() == MAX_NAMED {
            return Err(text.error(
                span,
                format_args!(
                    "limit: more than {MAX_NAMED} limits beside limits.per_caller; take one out"
                ),
            ));
        }
        let limit = limit.into_inner();
        let name = name::read(limit.name, "limit.name", span.clone(), text)?;
        let written = name.get_ref();
        if written == PER_CALLER || total.iter().any(|other| other.name == *written) {
            return Err(text.error(
                name.span(),
                format_args!(
                    "limit.name: `{written}` is the name of another limit; name each differently"
                ),
            ));
        }
        let (Some(calls), Some(within), Some(per)) = (limit.calls, limit.within, limit.per) else {
            return Err(text.error(
                span,
                format_args!(
                    "limit: calls, within or per is missing for limit `{written}`; write all, such as \
                     calls = 100, within = \"1m\", per = [\"called\"]"
                ),
            ));
        };
        let count = u64::try_from(*calls.get_ref()).ok().filter(|count| *count > 0);
        let count = count.ok_or_else(|| {
            let calls_are = calls.get_ref();
            text.error(
                calls.span(),
                format_args!(
                    "limit.calls: {calls_are} calls cannot be a limit; write a whole number of at \
                     least 1"
                ),
            )
        })?;
        let rate = Rate::new(count, within.get_ref())
            .map_err(|error| text.error(within.span(), format_args!("limit.within: {error}")))?;
        total.push(NamedLimit {
            rate,
            per: self::per(&per, text)?,
            gray: gray(limit.callers, text)?,
            observed: list::observed(limit.mode, "limit.mode", text)?,
            answer: answers::answer(limit.answer, "limit.answer", settings, text)?,
            name: name.into_inner(),
        });
    }
    Ok(total)
}

fn per(words: &Spanned<Vec<Spanned<String>>>, text: Text<'_>) -> Result<Per, Error> {
    let mut per = Per::default();
    for word in words.get_ref() {
        match word.get_ref().as_str() {
            "caller" if per.caller == 0 => per.caller = MAX_DIGITS,
            "called" => per.called = true,
            "trunk" => per.trunk = true,
            "attestation" => per.attestation = true,
            other => {
                let digits = other.strip_prefix("prefix:").and_then(|digits| digits.parse().ok());
                match digits {
                    Some(digits) if per.caller == 0 && (1..MAX_DIGITS).contains(&digits) => {
                        per.caller = digits;
                    }
                    _ => {
                        return Err(text.error(
                            word.span(),
                            format_args!(
                                "limit.per: `{other}` is unknown, or beside another of the caller; \
                                 write one of \"caller\" and \"prefix:N\" with N of 1 to {}, and any \
                                 of \"called\", \"trunk\", \"attestation\"",
                                MAX_DIGITS - 1
                            ),
                        ));
                    }
                }
            }
        }
    }
    if per == Per::default() {
        return Err(text.error(
            words.span(),
            "limit.per: nothing that calls have in common; write at least one, such as \"called\"",
        ));
    }
    Ok(per)
}

fn gray(callers: Option<Spanned<String>>, text: Text<'_>) -> Result<bool, Error> {
    let Some(callers) = callers else { return Ok(false) };
    match callers.get_ref().as_str() {
        "all" => Ok(false),
        "gray" => Ok(true),
        written => Err(text.error(
            callers.span(),
            format_args!("limit.callers: `{written}` are none; write \"all\" or \"gray\""),
        )),
    }
}
