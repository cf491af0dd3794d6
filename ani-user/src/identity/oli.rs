//! What the network says of the caller's line: originating line information (OLI, the ANI II digits
//! of North America) and calling party's category (`cpc`).
//!
//! Codes: NANPA, "Automatic Number Identification (ANI) II Digits". Categories: draft-mahy-iptel-cpc
//! §3 and TS 24.229 §7.2A.12.

use super::LineType;
use crate::sip::{NameAddr, unquoted};

/// Parameters that say it, the most telling first: OLI knows more kinds of lines than `cpc`.
const PARAMETERS: [&str; 4] = ["isup-oli", "oli", "ss7-oli", "cpc"];

/// ANI II digits, what they mean, and the line where they name one.
const CODES: &[(u8, &str, Option<LineType>)] = &[
    // Plain service: fixed as far as it goes, and what most calls of all kinds carry.
    (0, "plain old telephone service", None),
    (1, "multiparty line", Some(LineType::Fixed)),
    (2, "ANI failure: the caller was not identified", None),
    (6, "hotel or motel, station level rating", Some(LineType::Hotel)),
    (7, "special operator handling", None),
    (20, "automatic identified outward dialing from a PBX", Some(LineType::Fixed)),
    (23, "coin or non-coin, not known which", None),
    (24, "toll-free call, translated to a plain number", None),
    (
        25,
        "toll-free call from a pay station, translated to a plain number",
        Some(LineType::Payphone),
    ),
    (27, "pay station with network coin control", Some(LineType::Payphone)),
    (29, "prison or inmate service", Some(LineType::Prison)),
    (30, "intercept: number not assigned", None),
    (31, "intercept: line in trouble", None),
    (32, "intercept: changed or disconnected number", None),
    (34, "handled by the carrier's operator", None),
    (52, "outward WATS", None),
    (60, "relay service, unrestricted line", None),
    (61, "cellular, type 1", Some(LineType::Mobile)),
    (62, "cellular, type 2", Some(LineType::Mobile)),
    (63, "cellular, roaming", Some(LineType::Mobile)),
    (66, "relay service from a hotel or motel", Some(LineType::Hotel)),
    (67, "relay service, restricted line", None),
    (70, "private pay station", Some(LineType::Payphone)),
    (93, "private virtual network", None),
];

/// What a carrier uses as it likes.
const CARRIERS_OWN: std::ops::RangeInclusive<u8> = 40..=49;

/// Categories, what they mean, and the line where they name one.
const CATEGORIES: &[(&str, &str, Option<LineType>)] = &[
    ("ordinary", "ordinary caller", None),
    ("priority", "caller with priority", None),
    ("test", "test call", None),
    ("operator", "operator", None),
    ("emergency", "emergency service", None),
    ("police", "police", None),
    ("hospital", "hospital", None),
    ("payphone", "payphone", Some(LineType::Payphone)),
    ("prison", "prison", Some(LineType::Prison)),
    ("hotel", "hotel", Some(LineType::Hotel)),
    ("cellular", "cellular", Some(LineType::Mobile)),
    ("cellular-roaming", "cellular, roaming", Some(LineType::Mobile)),
    ("mobile-hplmn", "mobile, in its home network", Some(LineType::Mobile)),
    ("mobile-vplmn", "mobile, in a visited network", Some(LineType::Mobile)),
    ("unknown", "not known", None),
];

/// Where a parameter stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OliPlace {
    /// Behind the number in the user part, or in a tel URI.
    User,
    /// Behind the host.
    Uri,
    /// Behind the URI, in the header.
    Header,
}

impl OliPlace {
    /// As it is written in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Uri => "uri",
            Self::Header => "header",
        }
    }
}

/// One statement about the caller's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oli<'a> {
    /// The parameter, in lower case.
    pub parameter: &'static str,
    /// Its value as it came.
    pub value: &'a [u8],
    /// Where it stood.
    pub place: OliPlace,
    /// The ANI II digits; none for `cpc` and for what are no two digits.
    pub code: Option<u8>,
    /// What the value means; none when nobody says.
    pub meaning: Option<&'static str>,
    /// The line it names; none when it names none.
    pub line: Option<LineType>,
}

/// What a header value says of the caller's line: the first of `isup-oli`, `oli`, `ss7-oli` and `cpc`
/// that is there, in the user part before the URI before the header.
pub fn oli<'a>(value: &NameAddr<'a>) -> Option<Oli<'a>> {
    let places = [
        (OliPlace::User, value.uri.user_parameters()),
        (OliPlace::Uri, value.uri.parameters()),
        (OliPlace::Header, value.parameters()),
    ];
    let mut best: Option<(usize, Oli<'a>)> = None;
    for (place, parameters) in places {
        for parameter in parameters {
            let known = |name: &&str| name.as_bytes().eq_ignore_ascii_case(parameter.name);
            let Some(rank) = PARAMETERS.iter().position(known) else { continue };
            if best.is_none_or(|(better, _)| rank < better) {
                let value = parameter.value.unwrap_or_default();
                best = Some((rank, read(PARAMETERS[rank], value, place)));
            }
        }
    }
    best.map(|(_, oli)| oli)
}

fn read<'a>(parameter: &'static str, value: &'a [u8], place: OliPlace) -> Oli<'a> {
    let text = unquoted(value);
    if parameter == "cpc" {
        let known = CATEGORIES.iter().find(|(name, ..)| text.eq_ignore_ascii_case(name.as_bytes()));
        let (meaning, line) =
            known.map_or((None, None), |(_, meaning, line)| (Some(*meaning), *line));
        return Oli { parameter, value, place, code: None, meaning, line };
    }
    let code = match text[..] {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some((tens - b'0') * 10 + ones - b'0'),
        [ones @ b'0'..=b'9'] => Some(ones - b'0'),
        _ => None,
    };
    let (meaning, line) = match code {
        Some(code) if CARRIERS_OWN.contains(&code) => (Some("the carrier's own use"), None),
        Some(code) => CODES
            .iter()
            .find(|(known, ..)| *known == code)
            .map_or((None, None), |(_, meaning, line)| (Some(*meaning), *line)),
        None => (None, None),
    };
    Oli { parameter, value, place, code, meaning, line }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str) -> Option<Oli<'static>> {
        oli(&NameAddr::read(value.to_owned().leak().as_bytes()))
    }

    #[test]
    fn each_place_and_name() {
        for (value, parameter, place) in [
            ("<tel:+14155551234;isup-oli=62>", "isup-oli", OliPlace::User),
            ("<sip:+14155551234;oli=62@h>", "oli", OliPlace::User),
            ("<sip:+14155551234@h;ISUP-OLI=62>", "isup-oli", OliPlace::Uri),
            ("<sip:+14155551234@h>;ss7-oli=62;tag=1", "ss7-oli", OliPlace::Header),
            ("<sip:+14155551234@h>;oli=\"62\"", "oli", OliPlace::Header),
            ("sip:+14155551234@h;isup-oli=62", "isup-oli", OliPlace::Header),
            ("<sip:+14155551234;cpc=payphone@h>;isup-oli=62", "isup-oli", OliPlace::Header),
        ] {
            let oli = of(value).expect(value);
            assert_eq!((oli.parameter, oli.place), (parameter, place), "{value}");
            assert_eq!((oli.code, oli.line), (Some(62), Some(LineType::Mobile)), "{value}");
        }
        assert_eq!(of("<sip:+14155551234@h>;tag=1"), None);
        assert_eq!(of("\"isup-oli=62\" <sip:+14155551234@h>"), None);
    }

    #[test]
    fn codes_name_lines() {
        for (code, line) in [
            ("00", None),
            ("0", None),
            ("02", None),
            ("6", Some(LineType::Hotel)),
            ("27", Some(LineType::Payphone)),
            ("29", Some(LineType::Prison)),
            ("61", Some(LineType::Mobile)),
            ("63", Some(LineType::Mobile)),
            ("70", Some(LineType::Payphone)),
            ("45", None),
        ] {
            let oli = of(&format!("<tel:+14155551234;isup-oli={code}>")).expect(code);
            assert_eq!(oli.line, line, "{code}");
            assert!(oli.meaning.is_some(), "{code}");
        }
        for odd in ["", "3", "99", "062", "6x", "-1", "+6", "999999999999"] {
            let oli = of(&format!("<tel:+14155551234;isup-oli={odd}>")).expect(odd);
            assert_eq!((oli.meaning, oli.line), (None, None), "{odd}");
            assert_eq!(oli.value, odd.as_bytes());
        }
        assert!(CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn categories_name_lines() {
        for (category, line) in [
            ("ordinary", None),
            ("Payphone", Some(LineType::Payphone)),
            ("prison", Some(LineType::Prison)),
            ("mobile-vplmn", Some(LineType::Mobile)),
        ] {
            let oli = of(&format!("<tel:+14155551234;cpc={category}>")).expect(category);
            assert_eq!((oli.line, oli.code), (line, None), "{category}");
            assert!(oli.meaning.is_some(), "{category}");
        }
        assert_eq!(of("<tel:+14155551234;cpc=alien>").expect("there").meaning, None);
    }
}
