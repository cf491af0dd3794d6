//! `cargo xtask conformance`: one line a set, for people or as JSON; 1 when a row differs that
//! should not, or fewer agree than once did.

use std::process::ExitCode;

use ani_tests::{
    conformance::{self, Set},
    data,
};
use serde_json::json;

fn main() -> anyhow::Result<ExitCode> {
    let json = std::env::args().any(|argument| argument == "--json");
    let Some(folder) = data::folder() else {
        return Ok(ExitCode::SUCCESS);
    };
    let sets = conformance::sets(&folder)?;
    if !json {
        println!("{:<28} {:>6} {:>6} {:>18}", "set", "rows", "agree", "known differences");
    }
    for set in sets.iter().chain([&conformance::total(&sets)]) {
        print(set, json);
    }
    let failures: Vec<_> = sets.iter().flat_map(|set| &set.failures).collect();
    for failure in &failures {
        eprintln!("conformance: {failure}");
    }
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(set: &Set, json: bool) {
    let Set { name, rows, agree, known_differences, .. } = set;
    if json {
        println!(
            "{}",
            json!({
                "set": name, "rows": rows, "agree": agree, "known_differences": known_differences,
            })
        );
    } else {
        println!("{name:<28} {rows:>6} {agree:>6} {known_differences:>18}");
    }
}
