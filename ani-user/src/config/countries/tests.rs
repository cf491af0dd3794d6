//! The table against itself and against published example numbers.

use std::{env, fs, path::PathBuf};

use ani_ebpf::dial_plan::Dialled;

use super::*;

/// Share of the example numbers of listed countries that must come out right, per cent.
const MUST_AGREE: usize = 97;

fn e164(country: &Country, dialled: &str) -> Option<String> {
    let dialled = Dialled::from_text(dialled)?;
    country.dial_plan().e164(dialled).map(|number| format!("+{number}"))
}

#[test]
fn codes_are_sorted_and_distinct() {
    assert!(COUNTRIES.len() > 60);
    for pair in COUNTRIES.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} {}", pair[0].code, pair[1].code);
    }
    for country in COUNTRIES {
        let plan = country.dial_plan();
        assert!(plan.national_min <= plan.national_max, "{}", country.name);
        assert!(plan.national_min >= 6, "{}: would make numbers of extensions", country.name);
        assert!(u16::from(plan.national_max) + plan.country.len <= 15, "{}", country.name);
    }
}

#[test]
fn a_code_is_found_in_either_case() {
    assert_eq!(find("us").map(|country| country.name), Some("United States"));
    assert!(find("USA").is_none());
    assert!(find("").is_none());
}

#[test]
fn each_way_to_dial_a_number() {
    for (code, dialled, expected) in [
        ("US", "4155551234", "+14155551234"),
        ("US", "14155551234", "+14155551234"),
        ("US", "011442079460000", "+442079460000"),
        ("CA", "16135550123", "+16135550123"),
        ("GB", "02079460000", "+442079460000"),
        ("DE", "03012345678", "+493012345678"),
        ("DE", "4915112345678", "+4915112345678"),
        ("FR", "0612345678", "+33612345678"),
        ("IT", "0669812345", "+390669812345"),
        ("HU", "0612345678", "+3612345678"),
        ("RU", "84951234567", "+74951234567"),
        ("JP", "0312345678", "+81312345678"),
        ("AU", "0011442079460000", "+442079460000"),
        ("BR", "011961234567", "+5511961234567"),
        ("CN", "013812345678", "+8613812345678"),
        ("IN", "09812345678", "+919812345678"),
        ("ZA", "0711234567", "+27711234567"),
    ] {
        let country = find(code).expect(code);
        assert_eq!(e164(country, dialled).as_deref(), Some(expected), "{code} {dialled}");
    }
}

#[test]
fn short_codes_stay_as_they_are() {
    for country in COUNTRIES {
        for short in ["0", "00", "112", "911", "100", "4711", "12345"] {
            assert_eq!(e164(country, short), None, "{} {short}", country.code);
        }
    }
}

/// The table of example numbers stands beside the checkout; `ANI_SHARED_DATA` names another place.
fn vectors() -> Option<String> {
    let data = env::var_os("ANI_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    fs::read_to_string(data.join("numbers/e164_vectors.tsv")).ok()
}

#[test]
fn published_example_numbers_come_out_right() {
    let Some(vectors) = vectors() else {
        println!("skipped: numbers/e164_vectors.tsv is not there; set ANI_SHARED_DATA");
        return;
    };
    let (mut rows, mut agree, mut unlisted) = (0, 0, 0);
    for row in vectors.lines().skip(1) {
        let fields: Vec<_> = row.split('\t').collect();
        let [region, _, kind, number, national, _, expected] = fields[..] else {
            panic!("seven columns: {row}");
        };
        let Some(country) = find(region) else {
            unlisted += 1;
            continue;
        };
        rows += 1;
        let dialled = format!("{national}{number}");
        let got = e164(country, &dialled);
        if got.as_deref() == Some(expected) {
            agree += 1;
        } else {
            println!("{region} {kind}: {dialled} is {expected}, the table says {got:?}");
        }
        let plus = Dialled::from_text(expected).and_then(|number| country.dial_plan().e164(number));
        assert_eq!(
            plus.map(|number| format!("+{number}")).as_deref(),
            (expected.len() > 7).then_some(expected),
            "{region} {kind}"
        );
    }
    println!("{agree} of {rows} agree; {unlisted} of countries that are not listed");
    assert!(rows > 300, "{rows} rows");
    assert!(agree * 100 >= rows * MUST_AGREE, "{agree} of {rows}");
}
