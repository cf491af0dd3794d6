//! What a user part is that may be no number.

use ani_ebpf::dial_plan::{DialPlan, Dialled, MIN_E164_DIGITS};

use super::e164;
use crate::sip::{Scheme, Uri, percent_decoded};

/// What stands in a user part. Whether a caller is anonymous or missing is said elsewhere: by the
/// header it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberForm {
    /// A number, or digits that the plan makes one.
    E164,
    /// A name: letters, signs, nothing; or a URI that holds no user.
    Alphabetic,
    /// A short code, service or emergency number, extension, or a code with `*` or `#`.
    Short,
    /// As many digits as a number has; of which country is not known.
    National,
    /// Digits that are no number anywhere: too many, too few behind a `+`, all zeros, not as North
    /// America numbers.
    Impossible,
}

impl NumberForm {
    /// As it is written in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::E164 => "e164",
            Self::Alphabetic => "alphabetic",
            Self::Short => "short",
            Self::National => "national",
            Self::Impossible => "impossible",
        }
    }
}

/// What stands in the user part of a URI. [`NumberForm::E164`] exactly when [`e164`] finds a number.
pub fn form(uri: &Uri<'_>, plan: &DialPlan) -> NumberForm {
    if e164(uri, plan).is_some() {
        return NumberForm::E164;
    }
    match uri.user {
        Some(user) if matches!(uri.scheme, Scheme::Sip | Scheme::Sips | Scheme::Tel) => {
            other(&percent_decoded(user), plan)
        }
        _ => NumberForm::Alphabetic,
    }
}

/// The form of text that is no E.164 number.
fn other(text: &[u8], plan: &DialPlan) -> NumberForm {
    let (plus, rest) = match text {
        [b'+', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (mut digits, mut zeros, mut codes) = (0_u32, true, false);
    for byte in rest {
        match byte {
            b'0'..=b'9' => {
                digits = digits.saturating_add(1);
                zeros &= *byte == b'0';
            }
            b'*' | b'#' if !plus => codes = true,
            b'-' | b'.' | b'(' | b')' | b' ' => {}
            _ => return NumberForm::Alphabetic,
        }
    }
    if codes {
        return NumberForm::Short;
    }
    if digits == 0 {
        return NumberForm::Alphabetic;
    }
    if plus {
        return NumberForm::Impossible;
    }
    if digits < MIN_E164_DIGITS {
        return NumberForm::Short;
    }
    if zeros || digits > plan.max_digits.into() {
        return NumberForm::Impossible;
    }
    match str::from_utf8(text).ok().and_then(Dialled::from_text) {
        Some(dialled) if !is_impossible(dialled, plan) => NumberForm::National,
        _ => NumberForm::Impossible,
    }
}

/// Digits that can be read in one way only, and are no number that way: an international prefix and
/// no number behind it, or the length of a number of the plan's country that it does not have.
fn is_impossible(dialled: Dialled, plan: &DialPlan) -> bool {
    let Dialled { nibbles, len, .. } = dialled;
    let international = plan.international.iter().any(|prefix| {
        // A prefix of one digit (Samoa's 0) says too little.
        prefix.len() > 1 && prefix.strip(nibbles, len).is_some()
    });
    international || plan.bare_lengths.has(len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::countries;

    fn us() -> DialPlan {
        countries::find("US").expect("listed").dial_plan()
    }

    fn of(uri: &str, plan: &DialPlan) -> &'static str {
        form(&Uri::read(uri.as_bytes()), plan).as_str()
    }

    #[test]
    fn each_form() {
        for (uri, expected) in [
            ("sip:+14155551234@h", "e164"),
            ("sip:4155551234@h", "e164"),
            ("sip:+1-415-555-1234;verstat=TN-Validation-Passed@h", "e164"),
            ("tel:5551234;phone-context=+1415", "e164"),
            ("sip:alice@h", "alphabetic"),
            ("sip:1alice@h", "alphabetic"),
            ("sip:asterisk@h", "alphabetic"),
            ("sip:Restricted@h", "alphabetic"),
            ("sip:%2B14155551234x@h", "alphabetic"),
            ("sip:+@h", "alphabetic"),
            ("sip:-@h", "alphabetic"),
            ("sip:h", "alphabetic"),
            ("sip:@h", "alphabetic"),
            ("sip:+*67@h", "alphabetic"),
            ("mailto:4155551234@h", "alphabetic"),
            ("urn:service:sos", "alphabetic"),
            ("sip:911@h", "short"),
            ("sip:0@h", "short"),
            ("sip:000000@h", "short"),
            ("sip:1001@h", "short"),
            ("sip:*67@h", "short"),
            ("sip:*674155551234@h", "short"),
            ("tel:%2331%23", "short"),
            ("sip:5551234@h", "national"),
            ("sip:02079460000@h", "national"),
            ("tel:5551234;phone-context=example.com", "national"),
            ("sip:+123456@h", "impossible"),
            ("sip:+0123456789@h", "impossible"),
            ("sip:+10000000000@h", "impossible"),
            ("sip:0000000000@h", "impossible"),
            ("sip:0000000@h", "impossible"),
            ("sip:1155551234@h", "impossible"),
            ("sip:0110442079460000@h", "impossible"),
            ("sip:+1234567890123456@h", "impossible"),
            ("sip:1234567890123456@h", "impossible"),
            ("sip:999999999999999999999@h", "impossible"),
        ] {
            assert_eq!(of(uri, &us()), expected, "{uri}");
        }
    }

    #[test]
    fn without_a_country_digits_are_of_any() {
        for (uri, expected) in [
            ("sip:4155551234@h", "national"),
            ("sip:0000000000@h", "impossible"),
            ("sip:4711@h", "short"),
            ("sip:+14155551234@h", "e164"),
            ("sip:1234567890123456@h", "impossible"),
        ] {
            assert_eq!(of(uri, &DialPlan::NONE), expected, "{uri}");
        }
    }

    proptest::proptest! {
        #[test]
        fn it_agrees_with_what_makes_numbers(
            user in "[+]?[0-9*#().%a -]{0,20}",
            country in 0..countries::COUNTRIES.len(),
        ) {
            let plan = countries::COUNTRIES[country].dial_plan();
            let uri = format!("sip:{user}@h");
            let uri = Uri::read(uri.as_bytes());
            let is_number = form(&uri, &plan) == NumberForm::E164;
            proptest::prop_assert_eq!(is_number, e164(&uri, &plan).is_some());
        }
    }
}
