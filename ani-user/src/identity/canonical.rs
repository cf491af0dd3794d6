//! Numbers as STIR compares them (RFC 8224 §8.3).

use std::borrow::Cow;

use ani_ebpf::dial_plan::{DialPlan, Dialled};

/// The canonical form of a number from a header: digits, `#` and `*` and nothing else (`tn-spec`).
///
/// All that only helps the eye is dropped, a leading `+` too. Digits are made E.164 where the plan
/// can, that is with their country code and without prefixes; where it cannot, as with 911, they
/// stay. `None` for text that is no number: a name is compared as a URI (§8.5).
///
/// A `tn` that stands in a PASSporT is canonical by its signer's plan and not by ours: compare with
/// `canonical(tn, &DialPlan::NONE)`.
pub fn canonical<'a>(text: &'a str, plan: &DialPlan) -> Option<Cow<'a, str>> {
    if let Some(dialled) = Dialled::from_text(text)
        && let Some(number) = plan.e164(dialled)
    {
        let (digits, len) = number.ascii();
        let plain = text.strip_prefix('+').unwrap_or(text);
        return if digits.get(..len) == Some(plain.as_bytes()) {
            Some(Cow::Borrowed(plain))
        } else {
            Some(Cow::Owned(number.to_string()))
        };
    }
    let rest = text.strip_prefix('+').unwrap_or(text);
    let is_kept = |char: char| char.is_ascii_digit() || matches!(char, '#' | '*');
    let is_separator = |char: char| matches!(char, '-' | '.' | '(' | ')' | ' ');
    if !rest.chars().all(|char| is_kept(char) || is_separator(char)) || !rest.contains(is_kept) {
        return None;
    }
    if rest.contains(is_separator) {
        Some(Cow::Owned(rest.chars().filter(|char| is_kept(*char)).collect()))
    } else {
        Some(Cow::Borrowed(rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::countries;

    fn of(text: &str, country: &str) -> Option<String> {
        let plan = match country {
            "" => DialPlan::NONE,
            code => countries::find(code).expect(code).dial_plan(),
        };
        canonical(text, &plan).map(Cow::into_owned)
    }

    #[test]
    fn digits_and_keys_are_left() {
        for (text, country, expected) in [
            // A plus, dashes, parentheses, dots and spaces are dropped.
            ("+12155551212", "", "12155551212"),
            ("+1-(215) 555.1212", "", "12155551212"),
            ("12155551212", "", "12155551212"),
            // A country code is added and prefixes are removed where the context is known.
            ("2155551212", "US", "12155551212"),
            ("12155551212", "US", "12155551212"),
            ("(215) 555-1212", "US", "12155551212"),
            ("011442079460000", "US", "442079460000"),
            ("02079460000", "GB", "442079460000"),
            ("0012155551212", "GB", "12155551212"),
            // Where it is not known, nothing is made up.
            ("2155551212", "", "2155551212"),
            ("02079460000", "US", "02079460000"),
            // Service numbers stay, with their keys.
            ("911", "US", "911"),
            ("112", "GB", "112"),
            ("*67", "US", "*67"),
            ("#31#", "", "#31#"),
            ("*9-1-1", "US", "*911"),
            // What is no number of any country is compared as it is.
            ("+10000000000", "US", "10000000000"),
            ("33102006123456789012", "", "33102006123456789012"),
        ] {
            assert_eq!(of(text, country).as_deref(), Some(expected), "{text} in {country}");
        }
    }

    #[test]
    fn names_have_no_canonical_number() {
        for text in ["", "+", "-", "alice", "1alice", "++1", "4155551234x12", "1+2", "anonymous"] {
            assert_eq!(of(text, "US"), None, "{text}");
        }
    }

    #[test]
    fn what_is_canonical_is_borrowed() {
        for text in ["+12155551212", "12155551212", "911", "*67"] {
            let us = countries::find("US").expect("listed").dial_plan();
            assert!(matches!(canonical(text, &us), Some(Cow::Borrowed(_))), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn it_is_a_tn_and_stays_one(
            text in "[+]?[0-9*#().a -]{0,24}",
            country in 0..countries::COUNTRIES.len(),
        ) {
            let plan = countries::COUNTRIES[country].dial_plan();
            if let Some(tn) = canonical(&text, &plan) {
                proptest::prop_assert!(!tn.is_empty());
                proptest::prop_assert!(tn.bytes().all(|byte| b"0123456789#*".contains(&byte)));
                let again = canonical(&tn, &DialPlan::NONE);
                proptest::prop_assert_eq!(again.as_deref(), Some(&*tn));
            }
        }
    }
}
