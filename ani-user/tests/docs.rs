//! What the documents say against what the program does.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ani_ebpf::{abi::counter, scan::NotPlain};
use ani_user::{
    config::SAMPLE,
    stir::Outcome,
    telemetry::{Sort, TALLIES},
};

const OPERATIONS: &str = include_str!("../../docs/operations.md");
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

/// Each loss stands in its table once, and nothing else does.
#[test]
fn the_alarms_of_counters_are_documented() {
    let kernel = counter::TABLE.iter().filter(|row| row.kind == counter::Kind::Loss);
    let daemon = TALLIES.iter().filter(|row| row.sort == Sort::Loss);
    for (heading, expected) in [
        ("\n### The kernel's\n", kernel.map(|row| row.name).collect::<Vec<_>>()),
        ("\n### The daemon's\n", daemon.map(|row| row.name).collect()),
    ] {
        let told: Vec<_> = tables(section(OPERATIONS, heading, "\n##"))
            .map(|row| words(row[0]).next().expect("a counter"))
            .collect();
        let (mut told, mut expected) = (told, expected);
        told.sort_unstable();
        expected.sort_unstable();
        assert_eq!(told, expected, "docs/operations.md,{heading}");
    }
}

/// What the log is said to hold stands in what writes it.
#[test]
fn the_lines_of_the_log_are_those_of_the_program() {
    let sources = sources(&["ani-user/src", "ani-ebpf/src"]);
    let log = section(OPERATIONS, "\n## Alarms: the log\n", "\n## ");
    let lines: Vec<_> = tables(log).flat_map(|row| words(row[0])).collect();
    assert!(lines.len() > 30, "{} lines", lines.len());
    for line in lines {
        assert!(sources.contains(line), "docs/operations.md: nothing logs `{line}`");
    }
}

/// Each metric that is named is one: a counter's name has `_total` behind it, a gauge's has not.
#[test]
fn the_metrics_of_the_alarms_are_served() {
    let control = sources(&["ani-user/src/control"]);
    let names: Vec<_> = OPERATIONS
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("ani_") && !word.contains("NAME"))
        .collect();
    assert!(names.len() > 15, "{names:?}");
    let sums = ["sip", "invites", "passed", "dropped"];
    for name in names {
        let counted = name.strip_suffix("_total").is_some_and(|name| {
            let name = name.strip_prefix("ani_").unwrap_or(name);
            sums.contains(&name)
                || counter::TABLE.iter().any(|row| row.name == name)
                || name
                    .strip_prefix("daemon_")
                    .is_some_and(|name| TALLIES.iter().any(|row| row.name == name))
        });
        let bare = name.trim_end_matches("_total").trim_end_matches("_seconds");
        assert!(counted || control.contains(&format!("\"{bare}\"")), "{name} is no metric");
    }
}

/// Each key of the configuration that is named in backticks is one of the sample.
#[test]
fn the_keys_of_operations_and_threats_are_those_of_the_sample() {
    let mut known = 0;
    for word in words(OPERATIONS).chain(words(THREATS)) {
        let Some((table, rest)) = word.split_once('.') else { continue };
        let key = rest.split([' ', '=']).next().expect("a key");
        let Some((_, of)) = SAMPLE.split_once(&format!("\n[{table}]\n")) else { continue };
        let of = of.split("\n[").next().expect("the table");
        assert!(of.contains(&format!("\n{key} = ")), "{word} is no key");
        known += 1;
    }
    assert!(known > 20, "{known} keys");
}

/// What stands behind a heading, up to the next of `end`.
fn section<'a>(page: &'a str, heading: &str, end: &str) -> &'a str {
    let (_, rest) = page.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    rest.split(end).next().expect("its text")
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

/// All Rust text of some folders, strings in one line.
fn sources(folders: &[&str]) -> String {
    let mut waiting: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut all = String::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder");
            waiting.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a file");
            // A string goes on behind a backslash at its line's end, without what the next is indented by.
            let mut pieces = text.split("\\\n");
            all.extend(pieces.next());
            all.extend(pieces.map(str::trim_start));
        }
    }
    all
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
