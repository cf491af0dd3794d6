//! Numbers as an operator writes them: E.164 with its `+`, or as they are dialled in a country that
//! he names. Never guessed: the same digits are different subscribers in different countries.

use ani_ebpf::{
    abi::number::{MAX_DIGITS, Number},
    dial_plan::{DialPlan, Dialled, Fault},
};

use crate::{
    config::countries::{self, Country},
    policy::{
        entry::{Attestations, Subject},
        lists::Span,
    },
};

/// Bytes of a number as written; longer ones are shown cut in errors.
const MAX_SHOWN: usize = 40;

/// Bytes of a trunk's name.
const MAX_TRUNK_NAME: usize = 64;

/// E.164 up to the longest number any trunk may be told to take.
const ANY: DialPlan = DialPlan { max_digits: MAX_DIGITS as u8, ..DialPlan::NONE };

/// The country of a code; an empty one is none.
pub(crate) fn country(code: Option<&str>) -> Result<Option<&'static Country>, String> {
    code.filter(|code| !code.is_empty())
        .map(|code| {
            countries::find(code).ok_or_else(|| {
                format!(
                    "country `{}` is not known; write its ISO 3166 code, such as US or GB",
                    shown(code)
                )
            })
        })
        .transpose()
}

/// The E.164 number an operator means.
pub(crate) fn read(text: &str, country: Option<&Country>) -> Result<Number, String> {
    let text = text.trim();
    let dialled = Dialled::from_text(text).ok_or_else(|| {
        format!("`{}` is no telephone number; write one such as +14155551234", shown(text))
    })?;
    if dialled.plus {
        return ANY.e164(dialled).ok_or_else(|| {
            let fault = ANY.fault(dialled.nibbles, dialled.len).map_or("", Fault::as_str);
            format!(
                "`{}` is no E.164 number: {fault}; write + and 7 to {MAX_DIGITS} digits, such as \
                 +14155551234",
                shown(text)
            )
        });
    }
    let Some(country) = country else {
        return Err(format!(
            "`{}` has no +; write the whole number, such as +14155551234, or name the country it \
             is dialled in",
            shown(text)
        ));
    };
    country.dial_plan().e164(dialled).ok_or_else(|| {
        format!(
            "`{}` is no number as it is dialled in {}; write it with + and country code",
            shown(text),
            country.name
        )
    })
}

/// The numbers an operator means: one, all that begin with the same digits (`+1415555*`), or those from
/// one to another (`+14155550000-+14155550999`).
pub(crate) fn span(text: &str, country: Option<&Country>) -> Result<Span, String> {
    let text = text.trim();
    if let Some(prefix) = text.strip_suffix('*') {
        let digits = prefix.trim().strip_prefix('+').filter(|digits| !digits.starts_with('0'));
        return digits
            .and_then(|digits| Number::from_ascii(digits.as_bytes()))
            .map(Span::Prefix)
            .ok_or_else(|| {
                format!(
                    "`{}` is no prefix; write + and 1 to {MAX_DIGITS} digits before the *, such as \
                     +1415555*",
                    shown(text)
                )
            });
    }
    // The hyphens within a number stand before a digit.
    let Some((first, last)) = text.split_once("-+").or_else(|| text.split_once("- +")) else {
        return read(text, country).map(Span::Number);
    };
    let (first, last) = (read(first, None)?, read(&format!("+{last}"), None)?);
    if first.len() != last.len() || first > last {
        return Err(format!(
            "`{}` is no range; write the lower number first and both with as many digits, such as \
             +14155550000-+14155550999",
            shown(text)
        ));
    }
    Ok(Span::Range(first, last))
}

/// Whose calls an operator means, and which of them: a trunk's, or those of some attestations; empty
/// ones are any.
pub(crate) fn subject(
    text: &str,
    trunk: Option<&str>,
    attestation: Option<&str>,
    country: Option<&Country>,
) -> Result<Subject, String> {
    Ok(Subject {
        span: span(text, country)?,
        trunk: trunk.map(trunk_name).transpose()?.flatten(),
        attestations: attestation.map_or(Ok(Attestations::ANY), attestations)?,
    })
}

/// The name of a trunk; none for an empty one. Whether there is such a trunk is not asked.
pub(crate) fn trunk_name(text: &str) -> Result<Option<String>, String> {
    let text = text.trim();
    if text.len() > MAX_TRUNK_NAME || text.chars().any(char::is_control) {
        return Err(format!(
            "`{}` is no trunk's name; write that of a [[trunk]], at most {MAX_TRUNK_NAME} bytes",
            shown(text)
        ));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// Claimed attestations; any for an empty text.
pub(crate) fn attestations(text: &str) -> Result<Attestations, String> {
    if text.trim().is_empty() {
        return Ok(Attestations::ANY);
    }
    Attestations::from_text(text).ok_or_else(|| {
        format!(
            "attestation `{}` is not known; write A, B, C or none, or several such as B|C|none",
            shown(text)
        )
    })
}

/// A subject as it is named where a page of a list goes on: what [`marked`] reads.
pub(crate) fn mark(subject: &Subject) -> String {
    let Subject { span, trunk, attestations } = subject;
    match (trunk, *attestations) {
        (None, Attestations::ANY) => span.to_string(),
        (trunk, some) => format!("{span};{some};{}", trunk.as_deref().unwrap_or("")),
    }
}

/// The subject of a mark.
pub(crate) fn marked(text: &str) -> Result<Subject, String> {
    let mut parts = text.splitn(3, ';');
    let span = parts.next().unwrap_or_default();
    let (attestation, trunk) = (parts.next(), parts.next());
    subject(span, trunk, attestation, None)
}

/// At most as much of a stranger's text as a message can bear, without control characters.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(MAX_SHOWN)
        .map(|char| if char.is_control() { '\u{fffd}' } else { char })
        .collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_plus_or_with_a_country() {
        let us = country(Some("us")).expect("known");
        for (text, country, expected) in [
            ("+14155551234", None, "14155551234"),
            (" +1 (415) 555-1234 ", None, "14155551234"),
            ("+3310200123456789", None, "3310200123456789"),
            ("4155551234", us, "14155551234"),
            ("011442079460000", us, "442079460000"),
            ("+442079460000", us, "442079460000"),
        ] {
            assert_eq!(
                read(text, country).map(|number| number.to_string()).as_deref(),
                Ok(expected)
            );
        }
    }

    #[test]
    fn nothing_is_guessed() {
        let error = |text: &str, code| read(text, country(code).expect("known")).expect_err(text);
        assert_eq!(
            error("4155551234", None),
            "`4155551234` has no +; write the whole number, such as +14155551234, or name the \
             country it is dialled in"
        );
        assert_eq!(
            error("911", Some("US")),
            "`911` is no number as it is dialled in United States; write it with + and country code"
        );
        assert_eq!(
            error("+0123456789", None),
            "`+0123456789` is no E.164 number: no country code begins with 0; write + and 7 to 16 \
             digits, such as +14155551234"
        );
        assert!(error("+10000000000", None).contains(": not ten digits as in North America"));
        assert_eq!(
            error("bob\n", None),
            "`bob` is no telephone number; write one such as +14155551234"
        );
        assert!(country(Some("XX")).expect_err("unknown").starts_with("country `XX` is not known"));
        assert!(error(&"x".repeat(9_999), None).len() < 120);
    }

    #[test]
    fn prefixes_ranges_and_scopes() {
        for (text, expected) in [
            ("+1 415 555 1234", "+14155551234"),
            ("+1-415-555-1234", "+14155551234"),
            (" +1415555* ", "+1415555*"),
            ("+1*", "+1*"),
            ("+14155550000-+14155550999", "+14155550000-+14155550999"),
            ("+1-415-555-0000 - +1 415 555 0999", "+14155550000-+14155550999"),
        ] {
            assert_eq!(span(text, None).map(|span| span.to_string()).as_deref(), Ok(expected));
        }
        for (text, expected) in [
            ("*", "`*` is no prefix; write + and 1 to 16 digits before the *, such as +1415555*"),
            ("1415*", "`1415*` is no prefix"),
            ("+0*", "`+0*` is no prefix"),
            ("+14155550999-+14155550000", "is no range; write the lower number first"),
            ("+14155550999-+442079460000", "both with as many digits"),
            ("+14155550000-+1415555", "`+1415555` is no E.164 number"),
            ("banana", "`banana` is no telephone number"),
        ] {
            let error = span(text, None).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
        let scoped = subject("+1415555*", Some("carrier; a"), Some("b|none"), None);
        let scoped = scoped.expect("a subject");
        assert_eq!(mark(&scoped), "+1415555*;B|none;carrier; a");
        assert_eq!(marked(&mark(&scoped)).as_ref(), Ok(&scoped));
        let number = marked("+14155551234").expect("a subject");
        assert_eq!((mark(&number).as_str(), number.is_scoped()), ("+14155551234", false));
        assert_eq!(
            subject("+14155551234", None, Some("D"), None).expect_err("unknown"),
            "attestation `D` is not known; write A, B, C or none, or several such as B|C|none"
        );
    }
}
