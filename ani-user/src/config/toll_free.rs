//! What toll-free numbers begin with: country code and the prefix of the national number, as the
//! countries' numbering plans have it.

use ani_ebpf::abi::{
    number::Number,
    trunk::{MAX_TOLL_FREE, TollFree},
};

/// International freephone (ITU-T E.169.1); called from any country.
const UNIVERSAL: &str = "800";

/// Country code, and the prefixes behind it.
const PREFIXES: &[(&str, &[&str])] = &[
    // NANPA: 8YY codes in use; 822 is next, and is not given to anybody else.
    ("1", &["800", "822", "833", "844", "855", "866", "877", "888"]),
    ("7", &["800"]),
    ("27", &["80"]),
    ("30", &["800"]),
    ("31", &["800"]),
    ("32", &["800"]),
    // 0800 to 0805 are free for the caller, 0806 to 0809 are not.
    ("33", &["800", "801", "802", "803", "804", "805"]),
    ("34", &["800", "900"]),
    ("351", &["800"]),
    ("353", &["1800"]),
    ("358", &["800"]),
    ("36", &["80"]),
    ("39", &["800", "803"]),
    ("41", &["800"]),
    ("420", &["800"]),
    ("43", &["800"]),
    ("44", &["800", "808", "500"]),
    ("45", &["80"]),
    ("46", &["20"]),
    ("47", &["800"]),
    ("48", &["800"]),
    ("49", &["800"]),
    ("52", &["800"]),
    ("55", &["800"]),
    ("56", &["800"]),
    ("57", &["1800", "01800"]),
    ("60", &["1800"]),
    ("61", &["1800"]),
    ("63", &["1800"]),
    ("64", &["508", "800"]),
    ("65", &["800", "1800"]),
    ("66", &["1800"]),
    ("81", &["120", "800"]),
    ("82", &["80"]),
    ("86", &["800"]),
    ("852", &["800"]),
    ("886", &["800"]),
    ("90", &["800"]),
    ("91", &["1800"]),
    ("971", &["800"]),
    ("972", &["1800"]),
];

/// Code of the country that is meant where none is named: a trunk without a country takes numbers
/// with a `+` only, and toll-free numbers cross a border nowhere as they do in North America.
const UNNAMED: &str = "1";

/// The prefixes of a country, by its country code; those of North America without one. The
/// international ones are among them.
pub fn prefixes(country_code: Option<&str>) -> [TollFree; MAX_TOLL_FREE] {
    let code = country_code.unwrap_or(UNNAMED);
    let national = PREFIXES.iter().filter(|(known, _)| *known == code);
    let national = national
        .flat_map(|(code, prefixes)| prefixes.iter().map(move |prefix| format!("{code}{prefix}")));
    let mut all = [TollFree::NONE; MAX_TOLL_FREE];
    for (place, digits) in all.iter_mut().zip(national.chain([UNIVERSAL.to_owned()])) {
        *place = Number::from_ascii(digits.as_bytes()).map_or(TollFree::NONE, TollFree::new);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_toll_free(country_code: Option<&str>, number: &str) -> bool {
        let number = Number::from_ascii(number.as_bytes()).expect("digits");
        prefixes(country_code).iter().any(|prefix| prefix.starts(number))
    }

    #[test]
    fn a_countrys_own_and_the_international_ones() {
        for (code, number, expected) in [
            (Some("1"), "18885551234", true),
            (Some("1"), "18995551234", false),
            (Some("1"), "448001234567", false),
            (Some("44"), "448001234567", true),
            (Some("44"), "442079460000", false),
            (Some("33"), "33805123456", true),
            (Some("33"), "33806123456", false),
            (Some("44"), "80012345678", true),
            (None, "18005551234", true),
            (None, "80012345678", true),
            (Some("999"), "80012345678", true),
            (Some("999"), "18005551234", false),
        ] {
            assert_eq!(is_toll_free(code, number), expected, "{code:?} {number}");
        }
    }

    #[test]
    fn all_of_a_country_fit() {
        for (code, prefixes) in PREFIXES {
            assert!(prefixes.len() < MAX_TOLL_FREE, "{code}");
            let known = self::prefixes(Some(code));
            assert_eq!(
                known.iter().filter(|prefix| **prefix != TollFree::NONE).count(),
                prefixes.len() + 1
            );
        }
    }
}
