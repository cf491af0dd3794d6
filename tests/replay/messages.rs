//! The scanner and the parser on single messages of other projects.

use std::{fs, path::Path};

use ani_ebpf::dial_plan::DialPlan;
use ani_tests::{data, invite::Invite};
use ani_user::{
    identity,
    sip::{self, NameAddr},
};

/// How many files each folder has, and how many of them the scanner calls plain INVITEs: a fall
/// in either is a loss.
const FOLDERS: [(&str, usize, usize); 4] =
    [("torture", 31, 3), ("rfc5118", 7, 1), ("messages", 153, 54), ("sipp", 256, 243)];

#[test]
fn where_the_scanner_says_plain_the_parser_agrees() {
    let Some(folder) = data::folder() else { return };
    let mut counted = Vec::new();
    for (name, _, _) in FOLDERS {
        let files = data::files(&folder.join(name));
        let plain = files.iter().filter(|path| agrees(path)).count();
        println!("{name}: {} files, {plain} plain", files.len());
        counted.push((name, files.len(), plain));
    }
    assert_eq!(counted, FOLDERS);
}

/// Whether the scanner calls the message plain; then it and the parser must agree.
fn agrees(path: &Path) -> bool {
    let message = fs::read(path).expect("message");
    identity::agreement(&message).unwrap_or_else(|what| panic!("{}: {what}", path.display()))
}

#[test]
fn torture_messages_are_what_the_rfcs_say() {
    let Some(folder) = data::folder() else { return };
    let mut invites = 0;
    for row in data::table(&folder.join("torture/expected.tsv")) {
        let name = &row["file"];
        let message = fs::read(folder.join(name)).expect("message");
        let parsed = sip::invite(&message, false);
        assert_eq!(parsed.is_some(), row["method"] == "INVITE", "{name}");
        let Some(parsed) = parsed else { continue };
        invites += 1;
        let valid = row["rfc_section_verdict"].ends_with(" valid")
            || row["rfc_section_verdict"].contains("valid ")
                && !row["rfc_section_verdict"].contains("invalid");
        assert_eq!(parsed.faults.is_empty(), valid, "{name}: {:?}", words(&parsed));

        let user = |name: &Option<NameAddr<'_>>| {
            let user = name.as_ref().and_then(|name| name.uri.user).map(sip::lossy);
            user.unwrap_or_default().into_owned()
        };
        expect(name, &row["from_user"], &user(&parsed.from));
        expect(name, &row["to_user"], &user(&parsed.to));
        expect(name, &row["ruri_user"], &parsed.request.user.map(sip::lossy).unwrap_or_default());
        expect(name, &row["call_id"], &parsed.call_id.map(sip::lossy).unwrap_or_default());
    }
    assert_eq!(invites, 11);
}

/// Headers that other parsers choked on, each in an INVITE of its own.
#[test]
fn header_samples_are_what_their_reporters_say() {
    let Some(folder) = data::folder() else { return };
    let samples = data::table(&folder.join("messages/header_samples.tsv"));
    for sample in &samples {
        let (value, expectation) = (&sample["value"], &sample["expectation"]);
        let mut invite = Invite::from("+12125550100");
        match sample["header"].as_str() {
            "Request-URI" => invite.uri.clone_from(value),
            "From" => invite.from.clone_from(value),
            name => invite = invite.line(&format!("{name}: {value}")),
        }
        let message = invite.bytes();
        let parsed = sip::invite(&message, false).expect("INVITE");
        assert!(parsed.faults.is_empty(), "{value}: {:?}", words(&parsed));

        let named: Vec<_> = match sample["header"].as_str() {
            "Request-URI" => vec![parsed.request],
            "From" => parsed.from.iter().map(|name| name.uri).collect(),
            "Diversion" => parsed.diversion.iter().map(|name| name.uri).collect(),
            name => panic!("{name} is not read"),
        };
        let users: Vec<_> = named.iter().filter_map(|uri| uri.user).map(sip::lossy).collect();
        let mut told = 0;
        for (who, user) in [("last diverting", users.first()), ("first diverting", users.last())] {
            let said = expectation.split(", ").find_map(|part| part.strip_prefix(who));
            if let Some(said) = said.and_then(|said| said.strip_prefix(" = ")) {
                assert_eq!(user.map(AsRef::as_ref), Some(said.split(';').next().expect("one")));
                told += 1;
            }
        }
        if expectation.contains("not E.164") || expectation.contains("non-numeric") {
            let number = identity::e164(&named[0], &DialPlan::NONE);
            assert!(number.is_none() && users.len() == 1, "{value}: {number:?}");
            told += 1;
        }
        assert!(told > 0, "{expectation}: nothing of it is checked");
    }
    assert_eq!(samples.len(), 3);
}

fn words(parsed: &sip::Invite<'_>) -> Vec<&'static str> {
    parsed.faults.words().collect()
}

/// `expected` is a value, `decoded (raw value)`, `start...`, `word x5`, or a remark that nothing
/// can be said for sure.
fn expect(name: &str, expected: &str, found: &str) {
    if let Some((_, raw)) = expected.split_once("(raw ") {
        assert_eq!(found, raw.trim_end_matches(')'), "{name}");
    } else if let Some(start) = expected.strip_suffix("...") {
        assert!(found.starts_with(start), "{name}: {found} should start with {start}");
    } else if let Some((word, times)) = expected.split_once(" x") {
        assert_eq!(found, word.repeat(times.parse().expect("number")), "{name}");
    } else if expected == "(missing)" {
        assert_eq!(found, "", "{name}");
    } else if !expected.starts_with('(') && !expected.starts_with("AMBIGUOUS") {
        assert_eq!(found, expected, "{name}");
    }
}
