//! Numbers as an operator writes them: E.164 with its `+`, or as they are dialled in a country that
//! he names. Never guessed: the same digits are different subscribers in different countries.

use ani_ebpf::{
    abi::number::{MAX_DIGITS, Number},
    dial_plan::{DialPlan, Dialled, Fault},
};

use crate::config::countries::{self, Country};

/// Bytes of a number as written; longer ones are shown cut in errors.
const MAX_SHOWN: usize = 40;

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
}
