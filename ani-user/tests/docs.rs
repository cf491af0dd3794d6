//! What the documents say against what the program does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ani_ebpf::scan::NotPlain;
use ani_user::{config::SAMPLE, stir::Outcome};

const PLAIN: &str = include_str!("../../docs/plain.md");
const STIR: &str = include_str!("../../docs/stir.md");
const THREATS: &str = include_str!("../../docs/threat-model.md");

/// The table of words is that of the program, in its order, and nothing stands behind it.
#[test]
fn the_words_of_verification_are_documented() {
    let head = "| word | class | code | cause | remedy |\n|---|---|---|---|---|\n";
    let (_, table) = STIR.split_once(head).expect("the table");
    let expected: String = Outcome::ALL
        .iter()
        .map(|outcome| {
            let code = outcome.code().map(|code| code.to_string()).unwrap_or_default();
            format!(
                "| `{}` | {} | {code} | {} | {} |\n",
                outcome.as_str(),
                outcome.class().as_str(),
                outcome.cause(),
                outcome.remedy()
            )
        })
        .collect();
    assert!(table == expected, "docs/stir.md should end with\n{head}{expected}");
}

/// Each key that is named is one of the sample.
#[test]
fn the_keys_of_the_configuration_are_those_of_the_sample() {
    for key in STIR.split("`stir.").skip(1).filter_map(|rest| rest.split('`').next()) {
        let line = format!("\n{key} = ");
        assert!(SAMPLE.contains(&line), "stir.{key}");
    }
}

/// Each reason why an INVITE is left to the daemon stands in the table, once, and nothing else does.
#[test]
fn the_words_of_what_is_not_plain_are_documented() {
    let head = "| word | what it is | why it is left |\n|---|---|---|\n";
    let (_, table) = PLAIN.split_once(head).expect("the table");
    let (table, _) = table.split_once("\n\n").expect("its end");
    let word = |row: &str| row.split('`').nth(1).map(str::to_owned).expect("a word");
    let mut told: Vec<_> = table.lines().map(word).collect();
    told.sort_unstable();
    let reasons = (1..=u8::MAX).map_while(NotPlain::from_raw);
    let mut expected: Vec<_> = reasons.map(|why| why.as_str().to_owned()).collect();
    expected.sort_unstable();
    assert_eq!(told, expected, "docs/plain.md and `NotPlain::as_str`");
}

/// Each row of what is tried names tests, and each of them is one, in the file its path says.
#[test]
fn the_tests_of_the_threat_model_are_there() {
    let (_, tried) = THREATS.split_once("\n## What is tried").expect("what is tried");
    let (tried, _) = tried.split_once("\n## ").expect("its end");
    let rows: Vec<_> = tables(tried).collect();
    assert!(rows.len() > 40, "{} rows", rows.len());
    for row in rows {
        let shown: Vec<_> = words(row[2]).collect();
        assert!(!shown.is_empty(), "no test shows what stops: {}", row[0]);
        for test in shown {
            assert!(is_test(test), "docs/threat-model.md names {test}, and there is no such test");
        }
    }
}

/// A test is told from what is none, so that the one above can fail.
#[test]
fn what_is_no_test_is_found_out() {
    assert!(is_test("ani_user::act::held::tests::at_the_end_all_go_on"));
    for none in [
        "ani_user::act::held::tests::at_the_end_none_goes_on",
        "ani_user::act::held::at_the_end_all_go_on",
        "kernel::hold::harness",
        "kernel::nothing::at_all",
        "nowhere::at_all",
        "kernel",
    ] {
        assert!(!is_test(none), "{none}");
    }
}

/// The rows of all tables, by cells, without their heads.
fn tables(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let mut head = true;
    text.lines().filter_map(move |line| {
        let cells = line.strip_prefix("| ").and_then(|row| row.strip_suffix(" |"));
        let is_head = std::mem::replace(&mut head, !line.starts_with('|'));
        let row = cells.map(|row| row.split(" | ").collect::<Vec<_>>());
        row.filter(|_| !is_head && !line.starts_with("|--"))
    })
}

/// What stands in backticks.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Whether a test has this path behind its target: `kernel::hold::name`.
fn is_test(path: &str) -> bool {
    let Some((path, name)) = path.rsplit_once("::") else { return false };
    let (target, modules) = path.split_once("::").unwrap_or((path, ""));
    let folder = match target {
        "kernel" | "e2e" | "replay" => format!("tests/{target}"),
        "control" | "certificates" => format!("ani-user/tests/{target}"),
        "ani_user" => "ani-user/src".to_owned(),
        _ => return false,
    };
    let file = |modules: &str| {
        let path = format!("{folder}/{}", modules.replace("::", "/"));
        fs::read_to_string(root().join(format!("{}.rs", path.trim_end_matches('/')))).ok()
    };
    // Tests of a module stand in a file of theirs, or in its own.
    let within =
        || file(modules.strip_suffix("::tests")?).filter(|text| text.contains("mod tests {"));
    let Some(text) = file(modules).or_else(within) else { return false };
    text.split_once(&format!("fn {name}(")).is_some_and(|(before, _)| {
        let above = before.rsplit("\n\n").next().unwrap_or(before);
        above.contains("#[test]") || above.contains("#[tokio::test")
    })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
