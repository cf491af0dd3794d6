//! What the documents say against what the program does.

use ani_ebpf::scan::NotPlain;
use ani_user::stir::Outcome;

const PLAIN: &str = include_str!("../../docs/plain.md");
const STIR: &str = include_str!("../../docs/stir.md");

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
        assert!(ani_user::config::SAMPLE.contains(&line), "stir.{key}");
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
