//! Numbers anybody can check, and the published example numbers.

use std::{env, fs, path::PathBuf};

use super::*;

fn number(text: &str) -> Number {
    Number::from_ascii(text.trim_start_matches('+').as_bytes()).expect(text)
}

#[test]
fn region_and_line_type() {
    let lookup = Lookup::new();
    for (text, region, line_type, valid) in [
        ("+14155552671", Some("US"), LineType::FixedOrMobile, true),
        ("+16135550123", Some("CA"), LineType::FixedOrMobile, true),
        ("+18005551234", Some("US"), LineType::TollFree, true),
        ("+19002345678", Some("US"), LineType::Premium, true),
        ("+442079460000", Some("GB"), LineType::Fixed, true),
        ("+447400123456", Some("GB"), LineType::Mobile, true),
        ("+4915123456789", Some("DE"), LineType::Mobile, true),
        ("+390612345678", Some("IT"), LineType::Fixed, true),
        ("+870301234567", None, LineType::Mobile, true),
        // A country code that is nobody's, a routing prefix, an area code that is not there.
        ("+2105551234", None, LineType::Unknown, false),
        ("+3310200612345678", Some("FR"), LineType::Unknown, false),
        ("+12225551234", None, LineType::Unknown, false),
    ] {
        for _ in 0..2 {
            let known = lookup.find(number(text));
            assert_eq!(known.region.map(|region| region.code), region, "{text}");
            assert_eq!((known.line_type, known.valid), (line_type, valid), "{text}");
        }
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let lookup = Lookup::new();
    for last in 0..20_000 {
        lookup.find(number(&format!("+2105{last:06}")));
    }
    assert_eq!(lookup.remembered.lock().expect("lock").len(), MAX_REMEMBERED.get());
}

#[test]
fn any_digits_are_looked_up() {
    for text in ["1", "0", "0000000000000000", "9999999999999999", "7", "3906", "80012345678"] {
        read(number(text));
    }
    read(Number::NONE);
}

/// The table of example numbers stands beside the checkout; `ANI_SHARED_DATA` names another place.
#[test]
fn published_example_numbers_have_their_line_type() {
    let data = env::var_os("ANI_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let Ok(table) = fs::read_to_string(data.join("numbers/e164_vectors.tsv")) else {
        println!("skipped: numbers/e164_vectors.tsv is not there; set ANI_SHARED_DATA");
        return;
    };
    let (mut all, mut types, mut regions) = (0, 0, 0);
    for row in table.lines().skip(1) {
        let fields: Vec<_> = row.split('\t').collect();
        let [region, _, kind, _, _, _, e164] = fields[..] else { panic!("seven columns: {row}") };
        let expected = match kind {
            "fixedLine" => LineType::Fixed,
            "mobile" => LineType::Mobile,
            "tollFree" => LineType::TollFree,
            "premiumRate" => LineType::Premium,
            "sharedCost" => LineType::SharedCost,
            "personalNumber" => LineType::Personal,
            "voip" => LineType::Voip,
            "pager" => LineType::Pager,
            "uan" => LineType::Uan,
            "voicemail" => LineType::Voicemail,
            other => panic!("{other} is no line type"),
        };
        let known = read(number(e164));
        assert!(known.valid, "{row}");
        let either = known.line_type == LineType::FixedOrMobile
            && matches!(expected, LineType::Fixed | LineType::Mobile);
        if known.line_type == expected || either {
            types += 1;
        } else {
            println!("{row} is {}", known.line_type);
        }
        all += 1;
        regions += usize::from(known.region.map_or("001", |region| region.code) == region);
    }
    println!("of {all}: {types} line types, {regions} regions (who shares a code shares numbers)");
    assert!(all > 600 && types * 100 >= all * 99 && regions * 100 >= all * 85);
}
