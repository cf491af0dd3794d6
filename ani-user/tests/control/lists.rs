//! Lists: built-in and named ones, prefixes, ranges and scopes, files they are read from.

use std::fs;

use ani_ebpf::abi::{
    list::{Action, Rule},
    number::Number,
};
use ani_user::{answer::Stopped, capture::By, config::Config};
use serde_json::{Value, json};

use crate::{
    config,
    metrics::{samples, scrape},
    rig::{Rig, ani},
};

#[test]
fn built_in_lists_take_prefixes_ranges_and_scopes() {
    let mut rig = Rig::new(&config(""));
    assert_eq!(
        rig.text(&["allow", "add", "+14155550001", "--trunk", "carrier-a", "--attestation", "A"]),
        "allowed +14155550001 over carrier-a attested A\n"
    );
    assert_eq!(rig.text(&["gray", "add", "+1415555*"]), "marked +1415555*\n");
    assert_eq!(
        rig.text(&["block", "add", "+14155550000-+14155550999", "--attestation", "none|C"]),
        "blocked +14155550000-+14155550999 attested C|none\n"
    );
    let listed = ["1 +14155550001 0 2", "2 +14155550000-+14155550999 - 9", "3 +1415555* - 15"];
    assert_eq!(rig.listed(), listed);
    rig.restart();
    assert_eq!(rig.listed(), listed, "after a restart too");
    assert_eq!(
        rig.text(&["allow", "list"]),
        "number        calls                      added (UTC)          expires (UTC)  reason\n\
         +14155550001  over carrier-a attested A  2023-11-14 22:13:20  -              -\n"
    );
    assert_eq!(
        rig.text(&["list"]),
        "list   action  mode     entries  decided  would have  file\n\
         allow  allow   enforce        1        0           0  -\n\
         block  block   enforce        1        0           0  -\n\
         gray   gray    enforce        1        0           0  -\n"
            .replace("  -\n", "\n")
    );
    let caller = rig.text(&["caller", "+14155550001"]);
    assert!(
        caller.contains("until removed by +14155550000-+14155550999 attested C|none\n"),
        "{caller}"
    );
    assert!(caller.contains("on list        gray (+1415555*)\n"), "{caller}");
    // Another scope is another entry.
    assert_eq!(rig.text(&["allow", "rm", "+14155550001"]), "not on the list: +14155550001\n");
    rig.text(&["allow", "rm", "+14155550001", "--trunk", "carrier-a", "--attestation", "A"]);
    rig.text(&["gray", "rm", "+1415555*"]);
    let file = rig.path("list.csv");
    let exported = rig.text(&["block", "export"]);
    assert!(exported.starts_with("number,trunk,attestation,expires,reason,added\n"), "{exported}");
    fs::write(&file, &exported).expect("write");
    rig.text(&["block", "rm", "+14155550000-+14155550999", "--attestation", "C|none"]);
    assert!(rig.listed().is_empty());
    rig.text(&["block", "import", &file]);
    assert_eq!(rig.listed(), listed[1..2]);
    assert_eq!(rig.text(&["block", "export"]), exported);
}

#[test]
fn an_entry_for_a_trunk_that_is_not_there_is_kept_and_comes_in_force_with_it() {
    let rig = Rig::new(&config(""));
    let added = rig.text(&["block", "add", "+14155550001", "--trunk", "carrier-b"]);
    assert_eq!(
        added,
        "blocked +14155550001 over carrier-b\n  \
         not in force: no trunk is named carrier-b; name a [[trunk]] of the configuration\n"
    );
    assert!(rig.listed().is_empty());
    let two = "[[trunk]]\nname = 'carrier-b'\nsources = ['198.51.100.0/24']\n";
    let third = "[[trunk]]\nname = 'carrier-c'\nsources = ['203.0.113.0/24']\n";
    // The trunk keeps its index wherever it stands in the file, and when it comes back.
    for (text, expected) in [
        (config(two), &["2 +14155550001 1 15"][..]),
        (format!("{two}{}", config("")), &["2 +14155550001 1 15"]),
        (format!("{third}{two}"), &["2 +14155550001 1 15"]),
        (format!("{third}{}", config("")), &[]),
        (format!("{two}{third}"), &["2 +14155550001 1 15"]),
        (config(""), &[]),
    ] {
        let config = Config::parse(&text, "ani.toml").expect("a configuration");
        rig.daemon().reload(config).expect("reload");
        assert_eq!(rig.listed(), expected);
    }
    rig.text(&["block", "rm", "+14155550001", "--trunk", "carrier-b"]);
    assert_eq!(rig.json(&["block", "list"])["total"], 0);
}

#[test]
fn a_slip_is_told_without_a_daemon() {
    for (arguments, expected) in [
        (
            &["block", "add", "banana"][..],
            "ani: `banana` is no telephone number; write one such as",
        ),
        (&["allow", "add", "+1415555*x"], "ani: `+1415555*x` is no telephone number"),
        (&["gray", "rm", "+0*"], "ani: `+0*` is no prefix"),
        (&["block", "add", "1", "--country", "XX"], "ani: country `XX` is not known"),
        (&["list", "add", "+14155550001"], "ani: which list? write its name first"),
        (&["list", "feed", "mode", "feed", "observe"], "ani: write `ani list mode feed observe`"),
    ] {
        let refused = ani(&[&["--socket", "/nowhere/ani.sock"], arguments].concat());
        assert_eq!(refused.code, 2, "{arguments:?}");
        assert!(refused.stderr.starts_with(expected), "{}", refused.stderr);
    }
    assert_eq!(ani(&["block", "add", "+14155550001", "--attestation", "D"]).code, 2);
    assert_eq!(ani(&["list", "mode", "feed", "sometimes"]).code, 2);
    assert_eq!(ani(&["--socket", "/nowhere/ani.sock", "block", "add", "+14155550001"]).code, 3);
}

const NAMED: &str = "[[list]]\nname = 'spam'\naction = 'block'\n\
                     [[list]]\nname = 'friends'\naction = 'allow'\nmode = 'enforce'\n";

#[test]
fn named_lists_observe_until_they_are_told_otherwise() {
    let mut rig = Rig::new(&config(NAMED));
    assert_eq!(rig.rule(4), Rule::new(Action::Block, true));
    assert_eq!(rig.rule(5), Rule::new(Action::Allow, false));
    assert_eq!(rig.text(&["list", "spam", "add", "+1415555*"]), "added +1415555*\n");
    assert_eq!(rig.listed(), ["4 +1415555* - 15"]);
    assert!(rig.text(&["list", "spam"]).contains("+1415555*"));
    let by = By { observed_list: 4, list: 5, ..By::default() };
    rig.daemon().tallies.spoken.count(&by);
    let told = rig.json(&["list"]);
    assert_eq!(
        (&told["lists"][3]["decided"], &told["lists"][3]["would_have"]),
        (&0.into(), &1.into())
    );
    let samples = samples(&scrape(&rig, "GET", "/metrics").1);
    for (metric, count) in [
        ("ani_rule_would_have_decided_total{kind=\"list\",name=\"spam\"}", 1.0),
        ("ani_rule_decided_total{kind=\"list\",name=\"spam\"}", 0.0),
        ("ani_rule_decided_total{kind=\"list\",name=\"friends\"}", 1.0),
        ("ani_rule_decided_total{kind=\"limit\",name=\"per-caller\"}", 0.0),
    ] {
        assert_eq!(samples.get(metric), Some(&count), "{metric}");
    }
    assert_eq!(rig.text(&["list", "mode", "spam", "enforce"]), "list spam: enforce\n");
    assert_eq!(rig.rule(4), Rule::new(Action::Block, false));
    rig.text(&["list", "mode", "block", "observe"]);
    rig.restart();
    assert_eq!(rig.rule(4), Rule::new(Action::Block, false), "after a restart too");
    assert_eq!(rig.rule(2), Rule::new(Action::Block, true));
    rig.text(&["list", "mode", "block", "reset"]);
    assert_eq!(rig.rule(2), Rule::new(Action::Block, false));
    rig.enforce.fail(1);
    assert_eq!(rig.ani(&["list", "mode", "spam", "observe"]).code, 1);
    assert_eq!(rig.json(&["list"])["lists"][3]["mode"], "enforce");
    let unknown = rig.ani(&["list", "spma", "add", "+14155550001"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.stderr.starts_with("ani: no list is named `spma`; `ani list` shows"));
}

#[test]
fn a_name_keeps_its_id_over_reloads_and_no_other_gets_it() {
    let rig = Rig::new(&config(NAMED));
    rig.text(&["list", "friends", "add", "+14155550001"]);
    let reload = |text: &str| {
        let config = Config::parse(&config(text), "ani.toml").expect("a configuration");
        rig.daemon().reload(config).expect("reload");
    };
    reload("[[list]]\nname = 'new'\naction = 'gray'\n");
    assert_eq!((rig.rule(4), rig.rule(5)), (Rule::NONE, Rule::NONE));
    assert_eq!(rig.rule(6), Rule::new(Action::Gray, true));
    assert!(rig.listed().is_empty(), "kept, and not in force");
    assert_eq!(rig.ani(&["list", "friends"]).code, 1);
    reload("[[list]]\nname = 'friends'\naction = 'allow'\n");
    assert_eq!(rig.listed(), ["5 +14155550001 - 15"]);
    assert_eq!((rig.rule(5), rig.rule(6)), (Rule::new(Action::Allow, true), Rule::NONE));
}

#[test]
fn an_import_may_make_the_file_the_whole_list() {
    let rig = Rig::new(&config(""));
    let file = rig.path("list.txt");
    rig.text(&["block", "add", "+14155550001", "+14155550002"]);
    fs::write(&file, "+14155550002\n+14155550003\n").expect("write");
    let relists = rig.relists();
    assert_eq!(
        rig.text(&["block", "import", "--replace", &file]),
        "imported 2 numbers: 1 new, 1 replaced, 1 removed; 2 numbers on the list\n"
    );
    assert_eq!(rig.enforced(), ["14155550002", "14155550003"]);
    assert_eq!(rig.relists(), relists + 1, "in one step");
    rig.enforce.fail(1);
    fs::write(&file, "+14155550009\n").expect("write");
    let refused = rig.ani(&["block", "import", "--replace", &file]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("so it was not made: the map is gone"), "{}", refused.stderr);
    assert_eq!(rig.json(&["block", "list"])["total"], 2);
    fs::write(&file, "+14155550009\nbanana\n").expect("write");
    assert_eq!(rig.ani(&["block", "import", "--replace", &file]).code, 2);
    assert_eq!(rig.enforced(), ["14155550002", "14155550003"]);
}

#[test]
fn a_list_with_a_file_is_what_the_file_says() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("feed.csv");
    let feed = |action: &str| {
        format!("[[list]]\nname = 'feed'\naction = '{action}'\nfile = '{}'\n", file.display())
    };
    fs::write(&file, "+14155550001\n+1415556*\n").expect("write");
    let mut rig = Rig::new(&config(&feed("block")));
    assert_eq!(rig.listed(), ["4 +14155550001 - 15", "4 +1415556* - 15"]);
    let refused = rig.ani(&["list", "feed", "add", "+14155550002"]);
    assert_eq!(refused.code, 1);
    let says = format!("ani: list `feed` is what {} says; change that file", file.display());
    assert!(refused.stderr.starts_with(&says), "{}", refused.stderr);
    let reload = |rig: &Rig, action: &str| {
        let config = Config::parse(&config(&feed(action)), "ani.toml").expect("a configuration");
        rig.daemon().reload(config)
    };
    fs::write(&file, "+14155550003\n").expect("write");
    let relists = rig.relists();
    reload(&rig, "block").expect("reload");
    assert_eq!(
        (rig.listed(), rig.relists()),
        (vec!["4 +14155550003 - 15".to_owned()], relists + 1)
    );
    // One wrong line, and all stays as it is: the other changes too.
    fs::write(&file, "+14155550004\nbanana\n").expect("write");
    let error = reload(&rig, "allow").expect_err("a wrong line").to_string();
    let names = format!("list `feed`: {}: nothing was imported: 1 line is wrong", file.display());
    assert!(error.starts_with(&names), "{error}");
    assert_eq!(rig.listed(), ["4 +14155550003 - 15"]);
    assert_eq!(rig.rule(4), Rule::new(Action::Block, true));
    // At start the last good one holds.
    rig.restart();
    assert_eq!(rig.listed(), ["4 +14155550003 - 15"]);
    let shown: Value = rig.json(&["list"]);
    assert_eq!(shown["lists"][3]["file"], json!(file.display().to_string()));
}

#[test]
fn an_entry_says_what_it_says_until_it_goes() {
    let mut rig = Rig::new(&config(
        "[answers]\nredress = { email = 'a@example.net' }\n\
         [[list]]\nname = 'spam'\naction = 'block'\nmode = 'enforce'\nanswer = '486'\n",
    ));
    assert_eq!(
        rig.text(&["block", "add", "+14155550001", "--answer", "603 Network Blocked"]),
        "blocked +14155550001, answer 603 Network Blocked\n"
    );
    rig.text(&["block", "add", "+14155550002"]);
    rig.text(&["list", "spam", "add", "+1415555*", "--answer", "drop"]);
    let own = |rig: &Rig| {
        let of = |caller: &str, list, ranged| {
            rig.says(&Stopped {
                list,
                ranged,
                caller: Number::from_ascii(caller.as_bytes()).expect(caller),
                trunk: 0,
                attestation: 0,
            })
        };
        [of("14155550001", 2, false), of("14155550002", 2, false), of("14155550002", 4, true)]
    };
    // The block list says nothing, and the last entry has its own list say nothing.
    assert_eq!(own(&rig), [Some(603), None, None]);
    let listed = rig.text(&["block", "list"]);
    assert!(
        listed.lines().nth(1).is_some_and(|line| line.ends_with("603 Network Blocked")),
        "{listed}"
    );
    assert!(listed.lines().nth(2).is_some_and(|line| !line.contains("603")), "{listed}");
    let lists = rig.text(&["list"]);
    assert!(
        lists.lines().any(|line| line.starts_with("spam") && line.contains(" 486 ")),
        "{lists}"
    );

    rig.restart();
    assert_eq!(own(&rig), [Some(603), None, None], "after a restart too");
    let exported = rig.text(&["block", "export"]);
    assert!(exported.starts_with("number,expires,reason,added,answer\n"), "{exported}");
    assert!(exported.contains(",603 Network Blocked\n"), "{exported}");
    let file = rig.path("answers.csv");
    fs::write(&file, &exported).expect("write");
    rig.text(&["block", "rm", "+14155550001"]);
    assert_eq!(own(&rig), [None, None, None]);
    rig.text(&["block", "import", &file, "--replace"]);
    assert_eq!(own(&rig), [Some(603), None, None]);
    assert_eq!(rig.text(&["block", "export"]), exported);
    rig.text(&["block", "import", &file, "--answer", "480"]);
    assert_eq!(own(&rig), [Some(603), Some(480), None]);
    // What is added again without an answer has none.
    rig.text(&["block", "add", "+14155550001"]);
    assert_eq!(own(&rig), [None, Some(480), None]);

    for (arguments, expected) in [
        (&["block", "add", "+14155550003", "--answer", "404"][..], "`404` is no answer"),
        (&["allow", "add", "+14155550003", "--answer", "603"], "stops nobody"),
    ] {
        let refused = rig.ani(arguments);
        assert!(refused.code != 0 && refused.stderr.contains(expected), "{}", refused.stderr);
    }
    rig.restart_with(&config(""));
    let refused = rig.ani(&["block", "add", "+14155550003", "--answer", "603 Network Blocked"]);
    assert!(refused.code != 0 && refused.stderr.contains("[answers]"), "{}", refused.stderr);
}
