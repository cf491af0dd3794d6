//! The store across restarts, full, damaged, in use.

use std::{fs, os::unix::fs::PermissionsExt};

use ani_ebpf::abi::number::Number;

use super::*;
use crate::{
    config::Rate,
    policy::{entry::Attestations, lists::Span},
    time::Timestamp,
};

const NOW: Timestamp = Timestamp::new(1_700_000_000, 0);

const LIST: &str = "block";

fn room(entries: usize, max: usize) -> Room {
    Room { entries, max }
}

fn number(digits: &str) -> Number {
    Number::from_ascii(digits.as_bytes()).expect("digits")
}

fn entry(digits: &str, expires: Option<i64>) -> Listed {
    Listed {
        subject: Subject::number(number(digits)),
        expires: expires.map(|seconds| Timestamp::new(seconds, 0)),
        reason: "wangiri".to_owned(),
        added: NOW,
        answer: None,
    }
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().expect("a directory")
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let directory = directory();
    let path = directory.path().join("made/here");
    let entries = [entry("14155551234", None), entry("3310200123456789", Some(1_800_000_000))];
    let rate = Rate::new(10, "1m").expect("a rate");
    {
        let store = Store::open(&path).expect("open");
        assert_eq!(store.limit().expect("limit"), None);
        store.put(LIST, &entries, room(0, 10)).expect("block");
        store.set_limit(Some(Some(rate))).expect("limit");
    }
    assert_eq!(fs::metadata(&path).expect("made").permissions().mode() & 0o777, 0o700);
    let store = Store::open(&path).expect("open");
    assert_eq!(store.entries(LIST), 2);
    assert_eq!(store.page(LIST, None, 10).expect("page"), entries);
    let of = store.of(number("3310200123456789")).expect("entries");
    assert_eq!(of, [(LIST.to_owned(), entries[1].clone())]);
    assert_eq!(store.limit().expect("limit"), Some(Some(rate)));
    store.set_limit(Some(None)).expect("limit");
    assert_eq!(store.limit().expect("limit"), Some(None));
    store.set_limit(None).expect("limit");
    assert_eq!(store.limit().expect("limit"), None);
}

#[test]
fn pages_follow_each_other() {
    let directory = directory();
    let store = Store::open(directory.path()).expect("open");
    let entries: Vec<_> = (0..25).map(|n| entry(&format!("1415555{n:04}"), None)).collect();
    store.put(LIST, &entries, room(0, 100)).expect("block");
    let (mut after, mut read) = (None, Vec::new());
    loop {
        let page = store.page(LIST, after.as_ref(), 10).expect("page");
        let Some(last) = page.last() else { break };
        after = Some(last.subject.clone());
        read.extend(page);
    }
    assert_eq!(read, entries);
}

#[test]
fn a_change_can_be_taken_back() {
    let directory = directory();
    let store = Store::open(directory.path()).expect("open");
    let before = entry("14155550001", Some(1_800_000_000));
    store.put(LIST, std::slice::from_ref(&before), room(0, 10)).expect("block");
    let undo = store
        .put(
            LIST,
            &[
                entry("14155550001", Some(1_900_000_000)),
                entry("14155550002", None),
                entry("14155550001", None),
            ],
            room(1, 10),
        )
        .expect("block");
    assert_eq!(store.entries(LIST), 2);
    // Of two with one number the later one counts.
    let of = store.of(number("14155550001")).expect("entries");
    assert_eq!(of.first().and_then(|(_, entry)| entry.expires), None);
    assert_eq!(undo.replaced, std::slice::from_ref(&before));
    store.undo(LIST, &undo).expect("undo");
    assert_eq!(store.page(LIST, None, 10).expect("page"), [before]);
    assert_eq!(store.entries(LIST), 1);
}

#[test]
fn a_full_list_takes_nothing() {
    let directory = directory();
    let store = Store::open(directory.path()).expect("open");
    store.put(LIST, &[entry("14155550001", None)], room(0, 2)).expect("block");
    let error = store
        .put(LIST, &[entry("14155550002", None), entry("14155550003", None)], room(1, 2))
        .expect_err("no room");
    assert_eq!(
        error.to_string(),
        "list `block` has no room for 2 more: all lists together hold 1 of 2 entries; remove some, or \
         raise `lists.max_entries` and restart"
    );
    assert_eq!(store.entries(LIST), 1);
    assert_eq!(store.page(LIST, None, 10).expect("page").len(), 1);
    // Replacing needs no room.
    store.put(LIST, &[entry("14155550001", Some(1_800_000_000))], room(1, 1)).expect("block");
}

#[test]
fn a_full_disk_takes_nothing() {
    let directory = directory();
    let store = Store::open(directory.path()).expect("open");
    store.put(LIST, &[entry("14155550001", None)], Room::ANY).expect("block");
    // SQLite makes it the pages there are.
    store.state().connection.pragma_update(None, "max_page_count", 1).expect("a limit");
    let many: Vec<_> = (0..10_000).map(|n| entry(&format!("1415556{n:04}"), None)).collect();
    let error = store.put(LIST, &many, Room::ANY).expect_err("no space").to_string();
    let file = store.file().display();
    assert_eq!(
        error,
        format!("no space is left for {file}: nothing was changed; make room on its disk")
    );
    assert_eq!((store.entries(LIST), store.page(LIST, None, 10).expect("page").len()), (1, 1));
}

#[test]
fn what_expired_goes_and_the_rest_stays() {
    let directory = directory();
    let store = Store::open(directory.path()).expect("open");
    let entries = [
        entry("14155550001", Some(1_700_000_000)),
        entry("14155550002", Some(1_700_000_001)),
        entry("14155550003", None),
    ];
    store.put(LIST, &entries, room(0, 10)).expect("block");
    let expired = (LIST.to_owned(), entries[0].subject.clone());
    assert_eq!(store.expire(NOW).expect("expire"), [expired]);
    assert_eq!(store.expire(NOW).expect("expire"), []);
    assert_eq!(store.entries(LIST), 2);
    let subjects = [entries[0].subject.clone(), entries[1].subject.clone()];
    assert_eq!(store.take(LIST, &subjects).expect("taken").len(), 1);
    assert_eq!(store.entries(LIST), 1);
}

#[test]
fn a_damaged_database_is_named_and_left_alone() {
    let directory = directory();
    let file = directory.path().join(FILE);
    fs::write(&file, vec![b'x'; 8_192]).expect("write");
    let error = Store::open(directory.path()).expect_err("damaged").to_string();
    assert!(error.starts_with(&format!("{} is damaged (", file.display())), "{error}");
    assert!(error.ends_with("or move it away to start with empty lists"), "{error}");
    assert_eq!(fs::read(&file).expect("still there"), vec![b'x'; 8_192]);
}

#[test]
fn pages_overwritten_within_are_found_at_the_start() {
    let directory = directory();
    let file = directory.path().join(FILE);
    {
        let store = Store::open(directory.path()).expect("open");
        let entries: Vec<_> = (0..2_000).map(|n| entry(&format!("1415555{n:04}"), None)).collect();
        store.put(LIST, &entries, room(0, 10_000)).expect("block");
    }
    let mut bytes = fs::read(&file).expect("read");
    bytes[8_192..40_960].fill(0xaa);
    fs::write(&file, bytes).expect("write");
    assert!(matches!(Store::open(directory.path()), Err(Error::Damaged { .. })));
}

#[test]
fn another_programs_database_and_a_newer_one_are_refused() {
    let directory = directory();
    let file = directory.path().join(FILE);
    Connection::open(&file)
        .and_then(|other| other.execute_batch("CREATE TABLE block (a); PRAGMA user_version = 7"))
        .expect("a database");
    let error = Store::open(directory.path()).expect_err("newer").to_string();
    assert!(error.contains("written by a newer ani (schema 7, this one knows 4)"), "{error}");
    Connection::open(&file)
        .and_then(|other| other.execute_batch("PRAGMA user_version = 0"))
        .expect("a database");
    let error = Store::open(directory.path()).expect_err("foreign").to_string();
    assert!(error.contains("is damaged (its tables are not ani's)"), "{error}");
}

#[test]
fn habits_are_kept_replaced_and_forgotten() {
    let directory = directory();
    let row = |trunk: &str, state: &str| (trunk.to_owned(), state.to_owned());
    {
        let store = Store::open(directory.path()).expect("open");
        store.set_habits(&[row("b", "{}"), row("a", "{}")]).expect("kept");
        store.set_habits(&[row("a", "{\"x\":1}")]).expect("replaced");
    }
    let store = Store::open(directory.path()).expect("open");
    assert_eq!(store.habits().expect("habits"), [row("a", "{\"x\":1}"), row("b", "{}")]);
    store.forget_habits(&["a".to_owned()]).expect("forgotten");
    assert_eq!(store.habits().expect("habits"), [row("b", "{}")]);
}

/// What versions 1 and 2 made, with two numbers on the block list.
const OLD: &str = "
    CREATE TABLE block (
        number  INTEGER PRIMARY KEY,
        expires INTEGER,
        reason  TEXT NOT NULL,
        added   INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX block_expires ON block (expires) WHERE expires IS NOT NULL;
    CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    INSERT INTO block VALUES
        (3310200123456789, 1800000000000000000, 'wangiri', 1700000000000000000),
        (14155550001, NULL, 'wangiri', 1700000000000000000);
    INSERT INTO setting VALUES ('limits.per_caller', '10 per 1m');
    PRAGMA user_version = 1;
";
const OLD_HABITS: &str = "
    CREATE TABLE habit (trunk TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
    INSERT INTO habit VALUES ('a', '{}');
    PRAGMA user_version = 2;
";

#[test]
fn the_block_list_of_older_versions_is_the_list_block() {
    for scripts in [&[OLD][..], &[OLD, OLD_HABITS]] {
        let directory = directory();
        let old = Connection::open(directory.path().join(FILE)).expect("a database");
        scripts.iter().for_each(|script| old.execute_batch(script).expect("an old one"));
        drop(old);
        let entries = [entry("14155550001", None), entry("3310200123456789", Some(1_800_000_000))];
        // Once from the old one, once from what became of it.
        for _ in 0..2 {
            let store = Store::open(directory.path()).expect("open");
            assert_eq!(store.page(LIST, None, 10).expect("page"), entries);
            assert_eq!((store.entries(LIST), store.entries("allow")), (2, 0));
            assert_eq!(store.lists(), ["allow", "block", "gray"]);
            assert_eq!(store.limit().expect("limit"), Some(Rate::new(10, "1m").ok()));
            assert_eq!(store.habits().expect("habits").len(), scripts.len() - 1);
        }
        let left = Connection::open(directory.path().join(FILE)).expect("a database");
        let tables = "SELECT count(*) FROM sqlite_schema WHERE tbl_name = 'block'";
        assert_eq!(left.query_row(tables, [], |row| row.get(0)), Ok(0));
    }
}

fn some(span: Span, trunk: Option<&str>, attestations: &str) -> Listed {
    let attestations = Attestations::from_text(attestations).unwrap_or(Attestations::ANY);
    let subject = Subject { span, trunk: trunk.map(str::to_owned), attestations };
    Listed { subject, ..entry("1", None) }
}

#[test]
fn spans_and_scopes_are_kept_apart_and_found_by_number() {
    let directory = directory();
    let (low, high) = (number("14155550000"), number("14155550999"));
    // In the order of the table.
    let entries = [
        some(Span::Prefix(number("1415555")), None, ""),
        some(Span::Number(low), None, ""),
        some(Span::Number(low), None, "A|none"),
        some(Span::Number(low), Some("a"), ""),
        some(Span::Range(low, high), Some("b"), "B"),
    ];
    {
        let store = Store::open(directory.path()).expect("open");
        let mut mixed = entries.to_vec();
        mixed.rotate_left(3);
        assert_eq!(store.put("feed", &mixed, room(0, 5)).expect("put").added.len(), 5);
        store.set_observed("feed", Some(false)).expect("kept");
    }
    let store = Store::open(directory.path()).expect("open");
    assert_eq!(store.page("feed", None, 10).expect("page"), entries);
    let mut after = None;
    for entry in &entries {
        let page = store.page("feed", after.as_ref(), 1).expect("page");
        assert_eq!(page, std::slice::from_ref(entry));
        after = Some(entry.subject.clone());
    }
    assert_eq!((store.entries("feed"), store.observed("feed")), (5, Some(false)));
    let found = |digits: &str| -> Vec<_> {
        let of = store.of(number(digits)).expect("entries").into_iter();
        of.map(|(_, entry)| entry.subject.span.to_string()).collect()
    };
    assert_eq!(found("14155550999"), ["+1415555*", "+14155550000-+14155550999"]);
    assert_eq!(found("14155550000").len(), 5);
    assert_eq!(found("14155551000"), ["+1415555*"]);
    // One digit less is no number of the range.
    assert_eq!(found("1415555099"), ["+1415555*"]);
    assert!(found("14156550000").is_empty());
    assert!(store.is_scoped("feed").expect("asked") && !store.is_scoped(LIST).expect("asked"));
    assert_eq!(store.take("feed", &[entries[2].subject.clone()]).expect("taken").len(), 1);
    assert_eq!(store.entries("feed"), 4);
}

#[test]
fn a_list_is_replaced_in_one_step_or_not_at_all() {
    let directory = directory();
    let store = Store::open(directory.path()).expect("open");
    let old = ["14155550001", "14155550002", "14155550003"].map(|digits| entry(digits, None));
    store.put(LIST, &old, room(0, 10)).expect("put");
    store.put("allow", &[entry("14155550009", None)], room(3, 10)).expect("put");
    let all = ["allow".to_owned(), LIST.to_owned()];
    let new = [entry("14155550004", None), entry("14155550002", Some(1_800_000_000))];
    let changes = [(LIST.to_owned(), new.to_vec())];
    let mut seen = Vec::new();
    // Refused by whoever is to put it in force, then by the room there is, then taken.
    let refused = store.replace(&changes, &all, 10, |_| anyhow::bail!("the map is gone"));
    assert_eq!(
        refused.expect("no fault here").expect_err("refused").to_string(),
        "the map is gone"
    );
    let full = store.replace(&changes, &all, 2, |_| Ok(())).expect_err("no room").to_string();
    assert!(full.contains("all lists together hold 4 of 2 entries"), "{full}");
    assert_eq!(store.page(LIST, None, 10).expect("page"), old);
    assert_eq!(store.entries(LIST), 3);
    let counts = store.replace(&changes, &all, 3, |entries| {
        for entry in entries {
            let (list, entry) = entry?;
            seen.push(format!("{list} {}", entry.subject.span));
        }
        Ok(())
    });
    assert_eq!(
        counts.expect("room").expect("in force"),
        [Replaced { new: 1, replaced: 1, removed: 2 }]
    );
    assert_eq!(seen, ["allow +14155550009", "block +14155550002", "block +14155550004"]);
    assert_eq!(store.page(LIST, None, 10).expect("page"), [new[1].clone(), new[0].clone()]);
    assert_eq!(store.entries(LIST), 2);
}

#[test]
fn a_store_has_one_daemon() {
    let directory = directory();
    let store = Store::open(directory.path()).expect("open");
    assert!(matches!(Store::open(directory.path()), Err(Error::InUse { .. })));
    drop(store);
    Store::open(directory.path()).expect("open");
}

/// What version 3 made, with a number on the block list.
const OF_VERSION_3: &str = "
    CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE habit (trunk TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT;
    CREATE TABLE list (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, mode TEXT) STRICT;
    INSERT INTO list (id, name) VALUES (1, 'allow'), (2, 'block'), (3, 'gray');
    CREATE TABLE entry (
        list         INTEGER NOT NULL,
        first        INTEGER NOT NULL,
        kind         INTEGER NOT NULL,
        last         INTEGER NOT NULL,
        trunk        TEXT NOT NULL,
        attestations INTEGER NOT NULL,
        expires      INTEGER,
        reason       TEXT NOT NULL,
        added        INTEGER NOT NULL,
        PRIMARY KEY (list, first, kind, last, trunk, attestations)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX entry_expires ON entry (expires) WHERE expires IS NOT NULL;
    CREATE INDEX entry_range ON entry (first) WHERE kind = 2;
    INSERT INTO entry VALUES (2, 14155550001, 0, 0, '', 0, NULL, 'wangiri', 1700000000000000000);
    PRAGMA user_version = 3;
";

#[test]
fn entries_of_version_3_have_no_answer_until_they_get_one() {
    let directory = directory();
    let old = Connection::open(directory.path().join(FILE)).expect("a database");
    old.execute_batch(OF_VERSION_3).expect("an old one");
    drop(old);
    let store = Store::open(directory.path()).expect("open");
    assert_eq!(store.page(LIST, None, 10).expect("page"), [entry("14155550001", None)]);
    assert_eq!(store.answered(LIST, 10).expect("read"), []);
    let said = |digits, answer: &str| Listed {
        answer: Some(answer.parse().expect(answer)),
        ..entry(digits, None)
    };
    let own = [said("14155550001", "603 Network Blocked"), said("14155550003", "drop")];
    store.put(LIST, &own, Room::ANY).expect("kept");
    store.put(LIST, &[entry("14155550002", None)], Room::ANY).expect("kept");
    drop(store);
    let store = Store::open(directory.path()).expect("open");
    assert_eq!(store.answered(LIST, 10).expect("read"), own);
    assert_eq!(store.answered(LIST, 1).expect("read"), own[..1]);
    assert_eq!(store.answered("allow", 10).expect("read"), []);
    // Whoever is put on the list again without an answer has none.
    let undo = store.put(LIST, &[entry("14155550001", None)], Room::ANY).expect("kept");
    assert_eq!(undo.replaced, own[..1]);
    assert_eq!(store.answered(LIST, 10).expect("read"), own[1..]);
    store.undo(LIST, &undo).expect("taken back");
    assert_eq!(store.answered(LIST, 10).expect("read"), own);
}
