//! The store across restarts, full, damaged, in use.

use std::{fs, os::unix::fs::PermissionsExt};

use super::*;

const NOW: Timestamp = Timestamp::new(1_700_000_000, 0);

fn entry(digits: &str, expires: Option<i64>) -> Block {
    Block {
        number: Number::from_ascii(digits.as_bytes()).expect("digits"),
        expires: expires.map(|seconds| Timestamp::new(seconds, 0)),
        reason: "wangiri".to_owned(),
        added: NOW,
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
        store.block(&entries, 10).expect("block");
        store.set_limit(Some(Some(rate))).expect("limit");
    }
    assert_eq!(fs::metadata(&path).expect("made").permissions().mode() & 0o777, 0o700);
    let store = Store::open(&path).expect("open");
    assert_eq!(store.entries(), 2);
    assert_eq!(store.page(None, 10).expect("page"), entries);
    assert_eq!(store.entry(entries[1].number).expect("entry").as_ref(), Some(&entries[1]));
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
    store.block(&entries, 100).expect("block");
    let (mut after, mut read) = (None, Vec::new());
    loop {
        let page = store.page(after, 10).expect("page");
        let Some(last) = page.last() else { break };
        after = Some(last.number);
        read.extend(page);
    }
    assert_eq!(read, entries);
}

#[test]
fn a_change_can_be_taken_back() {
    let directory = directory();
    let store = Store::open(directory.path()).expect("open");
    let before = entry("14155550001", Some(1_800_000_000));
    store.block(std::slice::from_ref(&before), 10).expect("block");
    let undo = store
        .block(
            &[
                entry("14155550001", Some(1_900_000_000)),
                entry("14155550002", None),
                entry("14155550001", None),
            ],
            10,
        )
        .expect("block");
    assert_eq!(store.entries(), 2);
    // Of two with one number the later one counts.
    assert_eq!(store.entry(before.number).expect("entry").and_then(|entry| entry.expires), None);
    assert_eq!(undo.replaced, std::slice::from_ref(&before));
    store.undo(&undo).expect("undo");
    assert_eq!(store.page(None, 10).expect("page"), [before]);
    assert_eq!(store.entries(), 1);
}

#[test]
fn a_full_list_takes_nothing() {
    let directory = directory();
    let store = Store::open(directory.path()).expect("open");
    store.block(&[entry("14155550001", None)], 2).expect("block");
    let error = store
        .block(&[entry("14155550002", None), entry("14155550003", None)], 2)
        .expect_err("no room");
    assert_eq!(
        error.to_string(),
        "the block list holds 1 of 2 numbers and has no room for 2 more: remove some, or raise \
         `lists.max_blocked` and restart"
    );
    assert_eq!(store.entries(), 1);
    assert_eq!(store.page(None, 10).expect("page").len(), 1);
    // Replacing needs no room.
    store.block(&[entry("14155550001", Some(1_800_000_000))], 1).expect("block");
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
    store.block(&entries, 10).expect("block");
    assert_eq!(store.expire(NOW).expect("expire"), [entries[0].number]);
    assert_eq!(store.expire(NOW).expect("expire"), []);
    assert_eq!(store.entries(), 2);
    assert_eq!(store.unblock(&[entries[0].number, entries[1].number]).expect("unblock").len(), 1);
}

#[test]
fn a_damaged_database_is_named_and_left_alone() {
    let directory = directory();
    let file = directory.path().join(FILE);
    fs::write(&file, vec![b'x'; 8_192]).expect("write");
    let error = Store::open(directory.path()).expect_err("damaged").to_string();
    assert!(error.starts_with(&format!("{} is damaged (", file.display())), "{error}");
    assert!(error.ends_with("or move it away to start with an empty block list"), "{error}");
    assert_eq!(fs::read(&file).expect("still there"), vec![b'x'; 8_192]);
}

#[test]
fn pages_overwritten_within_are_found_at_the_start() {
    let directory = directory();
    let file = directory.path().join(FILE);
    {
        let store = Store::open(directory.path()).expect("open");
        let entries: Vec<_> = (0..2_000).map(|n| entry(&format!("1415555{n:04}"), None)).collect();
        store.block(&entries, 10_000).expect("block");
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
    assert!(error.contains("written by a newer ani (schema 7, this one knows 2)"), "{error}");
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

#[test]
fn a_database_of_the_first_version_gets_what_the_second_has() {
    let directory = directory();
    let file = directory.path().join(FILE);
    Store::open(directory.path())
        .and_then(|store| store.block(&[entry("14155550001", None)], 1))
        .expect("a database");
    Connection::open(&file)
        .and_then(|old| old.execute_batch("DROP TABLE habit; PRAGMA user_version = 1"))
        .expect("an old one");
    for _ in 0..2 {
        let store = Store::open(directory.path()).expect("open");
        assert_eq!((store.entries(), store.habits().expect("habits")), (1, Vec::new()));
    }
}

#[test]
fn a_store_has_one_daemon() {
    let directory = directory();
    let store = Store::open(directory.path()).expect("open");
    assert!(matches!(Store::open(directory.path()), Err(Error::InUse { .. })));
    drop(store);
    Store::open(directory.path()).expect("open");
}
