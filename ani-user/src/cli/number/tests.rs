//! What people and scripts read.

use super::*;
use crate::config::countries;

fn of(given: &str, country: &str) -> Value {
    known(given, countries::find(country), &Lookup::new())
}

fn steps(given: &str, country: &str) -> String {
    let known = of(given, country);
    output::items(&known["steps"]).iter().map(shown).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_step_is_told() {
    for (given, country, expected) in [
        ("+14155552671", "", "begins with +: the whole number, 11 digits"),
        (
            "(415) 555-2671",
            "US",
            "parentheses, spaces and hyphens only help the eye: 4155552671 is left\n\
             10 digits, as numbers are dialled in United States: country code 1 is put before them",
        ),
        (
            "011 44 20 7946 0000",
            "US",
            "spaces only help the eye: 011442079460000 is left\n\
             begins with 011, the international prefix of United States: taken away, the whole number \
             is left",
        ),
        (
            "02079460000",
            "GB",
            "begins with 0, the national prefix of United Kingdom: taken away; behind it 10 digits, \
             as its numbers have: country code 44 is put before them",
        ),
        (
            "442079460000",
            "GB",
            "begins with 44, the country code of United Kingdom, and 10 digits are behind it, as its \
             numbers have: only the + is missing from +442079460000",
        ),
        (
            "tel:5551234;phone-context=+1415",
            "US",
            "`;phone-context=+1415` is cut off: parameters\n\
             phone-context +1415 is put before it: +14155551234",
        ),
    ] {
        assert_eq!(steps(given, country), expected, "{given}");
        assert_eq!(of(given, country)["form"], "e164");
    }
}

#[test]
fn why_it_is_none_is_told() {
    for (given, country, form, expected) in [
        ("911", "US", "short", "3 digits are too few"),
        ("*67", "US", "short", "* and # make it a code"),
        ("alice", "", "alphabetic", "`alice` has letters or signs"),
        ("", "", "alphabetic", "nothing is there"),
        ("+", "", "alphabetic", "`+` has no digit in it"),
        ("4155551234", "", "national", "say which with --country"),
        ("5551234", "US", "national", "7 digits, where United States dials 10, or 10 behind 1"),
        ("1234567", "ES", "national", "7 digits, where Spain dials 9: no"),
        ("+10000000000", "", "impossible", "not ten digits as in North America"),
        ("+0123456789", "", "impossible", "no country code begins with 0"),
        ("+12345", "", "impossible", "fewer than 7 digits"),
        ("0000000000", "US", "impossible", "nothing but zeros"),
        ("1155551234", "US", "impossible", "with country code 1 before them it is none"),
        ("01112345", "US", "impossible", "behind it is no whole number: fewer than 7 digits"),
        ("99999999999999999999", "US", "impossible", "20 digits: more than the 16"),
        ("+4402079460000", "GB", "impossible", "a 0 behind the country code"),
        ("5551234;phone-context=example.com", "US", "national", "makes it no number"),
    ] {
        let known = of(given, country);
        assert_eq!(known["form"], form, "{given}");
        assert!(steps(given, country).contains(expected), "{given}: {}", steps(given, country));
        assert!(known["e164"].is_null() && known["number"].is_null(), "{given}");
    }
}

#[test]
fn a_document_says_all_of_it() {
    assert_eq!(
        of("<sip:+18005551234;isup-oli=27@h>", "US"),
        json!({
            "given": "<sip:+18005551234;isup-oli=27@h>",
            "country": "US",
            "form": "e164",
            "steps": ["`;isup-oli=27` is cut off: parameters",
                      "begins with +: the whole number, 11 digits"],
            "way": "plus",
            "e164": "+18005551234",
            "canonical": "18005551234",
            "number": {"region": "US", "region_name": "United States", "line_type": "toll-free",
                       "valid": true},
            "oli": {"parameter": "isup-oli", "value": "27", "place": "user",
                    "meaning": "pay station with network coin control",
                    "line_type": "payphone"},
        })
    );
}

#[test]
fn people_read_a_line_for_each() {
    assert_eq!(
        for_people(&of("4155552671", "US")),
        "4155552671\n  \
         steps      1. 10 digits, as numbers are dialled in United States: country code 1 is put \
         before them\n  \
         number     +14155552671\n  \
         canonical  14155552671, as signatures have it\n  \
         region     United States (US)\n  \
         line type  fixed-or-mobile\n"
    );
    assert_eq!(
        for_people(&of("+870301234567", "")),
        "+870301234567\n  \
         steps      1. begins with +: the whole number, 12 digits\n  \
         number     +870301234567\n  \
         canonical  870301234567, as signatures have it\n  \
         region     of no country\n  \
         line type  mobile\n"
    );
    assert!(for_people(&of("a\u{1b}[2Jb", "")).starts_with("a\u{fffd}[2Jb\n"));
}

#[test]
fn what_the_network_says_is_told_to_people() {
    let text = for_people(&of("tel:+14155552671;isup-oli=29", ""));
    assert!(
        text.ends_with("  network    isup-oli=29: prison or inmate service (prison)\n"),
        "{text}"
    );
    let text = for_people(&of("tel:+14155552671;isup-oli=99", ""));
    assert!(text.ends_with("  network    isup-oli=99: nobody says what that means\n"), "{text}");
    let text = for_people(&of("+12225551234", ""));
    assert!(text.contains("region     not known\n  line type  unknown: no such"), "{text}");
}

proptest::proptest! {
    #[test]
    fn whatever_is_typed_is_explained(
        given in "(?s)([+]?[0-9*#(). -]{0,24}|.{0,40}|(sip|tel):[0-9a-z;=@+-]{0,30})",
        country in 0..countries::COUNTRIES.len(),
    ) {
        let lookup = Lookup::new();
        let known = known(&given, Some(&countries::COUNTRIES[country]), &lookup);
        proptest::prop_assert!(!output::items(&known["steps"]).is_empty());
        proptest::prop_assert_eq!(known["form"] == "e164", !known["e164"].is_null());
        let steered = for_people(&known).contains('\u{1b}');
        proptest::prop_assert!(!steered);
    }
}
