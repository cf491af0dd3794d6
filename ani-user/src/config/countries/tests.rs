//! The table against itself and against published example numbers.

use std::{env, fs, path::PathBuf};

use ani_ebpf::dial_plan::Dialled;

use super::*;

/// Share of the example numbers that must come out right, per cent, in each way to dial them.
const MUST_AGREE: usize = 99;

fn e164(country: &Country, dialled: &str) -> Option<String> {
    let dialled = Dialled::from_text(dialled)?;
    country.dial_plan().e164(dialled).map(|number| format!("+{number}"))
}

#[test]
fn codes_are_sorted_and_distinct() {
    assert!(COUNTRIES.len() > 250);
    // Networks that are no country's stand last.
    let order = |country: &Country| (country.code.as_bytes()[0].is_ascii_digit(), country.code);
    for pair in COUNTRIES.windows(2) {
        assert!(order(&pair[0]) < order(&pair[1]), "{} {}", pair[0].code, pair[1].code);
    }
}

#[test]
fn lengths_fit_and_make_no_numbers_of_extensions() {
    // Ordinary numbers of these have four or five digits, and no prefix before them.
    const SHORT: [&str; 12] =
        ["AC", "CK", "FK", "NU", "SB", "SH", "TA", "TK", "TO", "TV", "VU", "WS"];
    for country in COUNTRIES {
        let plan = country.dial_plan();
        let lengths = |lengths: Lengths| (1..=15).filter(move |len| lengths.has(*len));
        let longest = lengths(plan.national_lengths).max().expect("lengths");
        assert!(longest + plan.country.len() <= 15, "{}", country.name);
        for bare in lengths(plan.bare_lengths) {
            assert!(plan.national_lengths.has(bare), "{}: {bare} only bare", country.name);
            let least = match (plan.national.is_empty(), SHORT.contains(&country.code)) {
                (true, true) => 4,
                (true, false) => 6,
                (false, _) => 7,
            };
            assert!(bare >= least, "{}: {bare} digits", country.name);
        }
    }
}

#[test]
fn a_code_is_found_in_either_case() {
    assert_eq!(find("us").map(|country| country.name), Some("United States"));
    assert!(find("USA").is_none());
    assert!(find("").is_none());
    assert_eq!(find("870").map(|network| network.name), Some("Inmarsat"));
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
        ("BR", "0015442079460000", "+442079460000"),
        ("BR", "00442079460000", "+442079460000"),
        ("BR", "55961234567", "+5555961234567"),
        ("KR", "0070014155551234", "+14155551234"),
        ("KR", "002442079460000", "+442079460000"),
        ("RU", "810442079460000", "+442079460000"),
        ("AU", "1300123456", "+611300123456"),
        ("IT", "3931234567", "+393931234567"),
        ("TK", "3101", "+6903101"),
        ("870", "301234567", "+870301234567"),
    ] {
        let country = find(code).expect(code);
        assert_eq!(e164(country, dialled).as_deref(), Some(expected), "{code} {dialled}");
    }
}

#[test]
fn short_codes_stay_as_they_are() {
    for country in COUNTRIES {
        for short in ["0", "00", "112", "911", "100", "4711", "12345"] {
            let ordinary = country.dial_plan().bare_lengths.has(short.len() as u32);
            assert_eq!(e164(country, short).is_some(), ordinary, "{} {short}", country.code);
        }
    }
}

/// All digits up to five, which hold every emergency number and nearly every short code, and six in
/// steps: numbers only where the country's ordinary numbers have that length.
#[test]
fn extensions_and_short_codes_of_every_country_stay_as_they_are() {
    let mut plans: Vec<(DialPlan, &str)> = Vec::new();
    for country in COUNTRIES {
        if plans.iter().all(|(plan, _)| *plan != country.dial_plan()) {
            plans.push((country.dial_plan(), country.code));
        }
    }
    for (plan, code) in plans {
        for len in 1..=6_u32 {
            if plan.bare_lengths.has(len) {
                continue;
            }
            let step = if len == 6 { 37 } else { 1 };
            for value in (0..10_u64.pow(len)).step_by(step) {
                let mut nibbles = 0;
                let mut rest = value;
                for at in (0..len).rev() {
                    nibbles |= (rest % 10) << (60 - 4 * at);
                    rest /= 10;
                }
                let made = plan.e164(Dialled { nibbles, len, plus: false });
                assert_eq!(made, None, "{code}: {value:0width$}", width = len as usize);
            }
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

/// A row of the table: region, number, its `+` form, and the plan of its country. A number of no
/// country's has the region `001`, and its plan under its country code.
struct Vector<'a> {
    region: &'a str,
    kind: &'a str,
    number: &'a str,
    expected: &'a str,
    plan: DialPlan,
}

fn rows(table: &str) -> impl Iterator<Item = Vector<'_>> {
    table.lines().skip(1).map(|row| {
        let fields: Vec<_> = row.split('\t').collect();
        let [region, code, kind, number, _, _, expected] = fields[..] else {
            panic!("seven columns: {row}");
        };
        let country = find(region).or_else(|| find(code)).expect(region);
        Vector { region, kind, number, expected, plan: country.dial_plan() }
    })
}

/// How many rows come out as they must, dialled as `dial` says.
fn agreeing(table: &str, dial: impl Fn(&Vector<'_>) -> String) -> (usize, usize) {
    let (mut all, mut agree) = (0, 0);
    for vector in rows(table) {
        let dialled = dial(&vector);
        let got = Dialled::from_text(&dialled).and_then(|number| vector.plan.e164(number));
        let got = got.map(|number| format!("+{number}"));
        all += 1;
        if got.as_deref() == Some(vector.expected) {
            agree += 1;
        } else {
            let Vector { region, kind, expected, .. } = vector;
            println!("{region} {kind}: {dialled} is {expected}, the plan says {got:?}");
        }
    }
    (agree, all)
}

#[test]
fn published_example_numbers_come_out_right() {
    let Some(table) = vectors() else {
        println!("skipped: numbers/e164_vectors.tsv is not there; set ANI_SHARED_DATA");
        return;
    };
    let digits = |vector: &Vector<'_>| vector.expected.trim_start_matches('+').to_owned();
    let national = agreeing(&table, |row| format!("{}{}", row.plan.national, row.number));
    let global = agreeing(&table, |row| row.expected.to_owned());
    let first = agreeing(&table, |row| match row.plan.international {
        // Nobody dials from within a network that is no country.
        [Prefix::NONE, ..] => row.expected.to_owned(),
        [first, ..] => format!("{first}{}", digits(row)),
    });
    let all_prefixes = rows(&table)
        .flat_map(|row| row.plan.international.map(|prefix| (row.plan, prefix, digits(&row))))
        .filter(|(_, prefix, _)| !prefix.is_empty());
    for (plan, prefix, number) in all_prefixes {
        let dialled = Dialled::from_text(&format!("{prefix}{number}")).filter(|_| number.len() > 6);
        let Some(dialled) = dialled else { continue };
        assert!(plan.e164(dialled).is_some(), "{prefix} {number}");
    }
    for (how, (agree, all)) in [("national", national), ("global", global), ("abroad", first)] {
        println!("{how}: {agree} of {all} agree");
        assert!(all > 600, "{how}: {all} rows");
        assert!(agree * 100 >= all * MUST_AGREE, "{how}: {agree} of {all}");
    }
}
