//! Example numbers of every region by its dial plan: as they are dialled there, as they are dialled
//! from there abroad, and with their `+`.

use std::path::Path;

use ani_ebpf::dial_plan::{DialPlan, Dialled};
use ani_user::config::countries;
use regex::Regex;

use super::{Known, Set};
use crate::data::{self, Row};

/// Digits of a prefix that is tried; all that have more have shorter ones beside them.
const MAX_PREFIX_DIGITS: u32 = 4;

/// Of a hundred numbers, how many must come out right.
const MUST_AGREE: usize = 99;

/// One set a form, each number a row.
pub(super) fn sets(folder: &Path, known: &mut Known) -> [(&'static str, Set); 3] {
    let [mut national, mut plus, mut international] = [(); 3].map(|()| Set::default());
    let mut prefixes: Vec<(String, Vec<String>)> = Vec::new();
    for row in data::table(&folder.join("numbers/e164_vectors.tsv")) {
        let digits = row["e164"].trim_start_matches('+');
        let within = format!("{}{}", row["national_prefix"], row["example_national_significant"]);
        take(&mut national, &row, "national", &[within], known);
        take(&mut plus, &row, "plus", &[row["e164"].clone()], known);
        let regex = &row["idd_prefix_regex"];
        if regex.is_empty() {
            // Nobody dials abroad from there.
            continue;
        }
        if !prefixes.iter().any(|(known, _)| known == regex) {
            prefixes.push((regex.clone(), matching(regex)));
        }
        let those = prefixes.iter().find(|(known, _)| known == regex);
        let dialled: Vec<_> = those
            .into_iter()
            .flat_map(|(_, prefixes)| prefixes)
            .map(|prefix| format!("{prefix}{digits}"))
            .collect();
        take(&mut international, &row, "international", &dialled, known);
    }
    for set in [&mut national, &mut plus, &mut international] {
        if set.agree * 100 < set.rows * MUST_AGREE {
            set.failures.push(format!("fewer than {MUST_AGREE} in 100 agree"));
        }
    }
    [
        ("numbers/national", national),
        ("numbers/plus", plus),
        ("numbers/international", international),
    ]
}

/// A number agrees when one way to dial it becomes its E.164 form: a region may have a prefix for
/// each carrier, and its plan has those that are usual.
fn take(set: &mut Set, row: &Row, form: &'static str, ways: &[String], known: &mut Known) {
    let country = countries::find(&row["region"]).or_else(|| countries::find(&row["country_code"]));
    let plan = country.map_or(DialPlan::NONE, countries::Country::dial_plan);
    let agrees = ways.iter().any(|dialled| {
        let number = Dialled::from_text(dialled).and_then(|dialled| plan.e164(dialled));
        number.is_some_and(|number| format!("+{number}") == row["e164"])
    });
    let differences = if agrees {
        Vec::new()
    } else {
        vec![(form, format!("{} / not {}", row["e164"], ways.join(", not ")))]
    };
    set.take(&format!("numbers/{} {}", row["region"], row["type"]), 1, differences, known);
}

/// The prefixes of a region, which come as a regular expression.
///
/// # Panics
///
/// When it is none.
fn matching(regex: &str) -> Vec<String> {
    // Digits are those of ASCII.
    let regex = Regex::new(&format!("^(?-u:{regex})$")).expect("a regular expression");
    let all = (1..=MAX_PREFIX_DIGITS).flat_map(|len| {
        (0..10_u32.pow(len)).map(move |number| format!("{number:0width$}", width = len as usize))
    });
    all.filter(|prefix| regex.is_match(prefix)).collect()
}
