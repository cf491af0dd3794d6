//! How long certificates are kept, and what is kept of them.

use std::{
    fs,
    sync::{Arc, Mutex},
    time::Duration,
};

use ani_user::stir::{
    Outcome,
    cache::{MAX_STALE, NotAdded, RETRY_FIRST, RETRY_LAST},
};

use crate::{
    rig::{Rig, certificate, read, until},
    server::{Reply, Server},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_restart_needs_no_fetch() {
    let server = Server::start();
    let mut rig = Rig::new(&server);
    let (url, added) = (server.url("/a.pem"), server.url("/added.pem"));
    let chain = certificate("leaf") + &certificate("issuer");
    server.seen.reply("/a.pem", Reply::ok(chain.clone()));
    assert_eq!(rig.prefetch(&url), "valid");
    rig.cache.add(&added, chain.clone().into(), rig.now()).expect("added");
    for file in rig.files() {
        let text = fs::read_to_string(file).expect("text");
        // The whole chain, not its leaf alone.
        assert!(text.starts_with("url: https://") && text.ends_with(&chain), "{text}");
    }
    rig.advance(DAY - SECOND);
    rig.restart();
    assert_eq!((rig.find(&url), rig.find(&added)), ("present", "present"));
    assert_eq!(server.seen.asked("/a.pem"), 1);
    // Outdated while it was down: still better than nothing.
    rig.advance(DAY);
    rig.restart();
    assert_eq!(rig.leaf(&url), read(chain.as_bytes()).ok());
    until("it is fetched again", || rig.count("valid") == 1);
    assert_eq!(server.seen.asked("/a.pem"), 2);
    // Too old: gone. What was added stays.
    rig.advance(DAY + MAX_STALE);
    rig.restart();
    assert_eq!(rig.files().len(), 1);
    assert_eq!(rig.find(&added), "present");
    assert_eq!(rig.find(&url), "pending");
}

#[test]
fn what_is_damaged_on_the_disk_is_fetched_again() {
    let server = Server::start();
    let mut rig = Rig::new(&server);
    server.seen.reply("/a.pem", Reply::ok(certificate("a")));
    assert_eq!(rig.prefetch(&server.url("/a.pem")), "valid");
    let file = rig.files().remove(0);
    let text = fs::read(&file).expect("a file");
    for damaged in [&text[..20], &text[..text.len() / 2], b"", &[0xff; 2000]] {
        fs::write(&file, damaged).expect("write");
        let asked = server.seen.asked("/a.pem");
        rig.restart();
        assert_eq!(rig.found(&server.url("/a.pem")), "present");
        assert_eq!(server.seen.asked("/a.pem"), asked + 1);
        until("it is kept", || fs::read(&file).is_ok_and(|now| now.len() == text.len()));
    }
}

#[test]
fn failures_are_remembered_for_longer_and_longer() {
    let server = Server::start();
    let rig = Rig::new(&server);
    let url = server.url("/a.pem");
    let mut wait = RETRY_FIRST;
    for tries in 1..=7 {
        assert_eq!(rig.find(&url), "pending");
        assert_eq!(rig.found(&url), "fetch-status");
        assert_eq!(server.seen.asked("/a.pem"), tries);
        rig.advance(wait - SECOND);
        assert_eq!(rig.find(&url), "fetch-status");
        assert_eq!(server.seen.asked("/a.pem"), tries);
        rig.advance(SECOND);
        wait = (wait * 2).min(RETRY_LAST);
    }
    server.seen.reply("/a.pem", Reply::ok(certificate("a")));
    assert_eq!(rig.find(&url), "pending");
    assert_eq!(rig.found(&url), "present");
}

#[test]
fn an_outdated_certificate_is_used_while_it_is_fetched_again() {
    let server = Server::start();
    let rig = Rig::new(&server);
    let url = server.url("/a.pem");
    let (old, new) = (certificate("old"), certificate("new"));
    server.seen.reply("/a.pem", Reply::ok(old.clone()));
    assert_eq!(rig.prefetch(&url), "valid");
    server.seen.reply("/a.pem", Reply::ok(new.clone()));
    rig.advance(DAY - SECOND);
    assert_eq!(rig.leaf(&url), read(old.as_bytes()).ok());
    assert_eq!(server.seen.asked("/a.pem"), 1);
    rig.advance(SECOND);
    assert_eq!(rig.leaf(&url), read(old.as_bytes()).ok());
    until("the new one is there", || rig.leaf(&url) == read(new.as_bytes()).ok());
    assert_eq!((server.seen.asked("/a.pem"), rig.count("stale")), (2, 1));
}

#[test]
fn a_host_in_trouble_does_not_take_its_certificate_away() {
    let server = Server::start();
    let rig = Rig::new(&server);
    let url = server.url("/a.pem");
    server.seen.reply("/a.pem", Reply::ok(certificate("a")));
    assert_eq!(rig.prefetch(&url), "valid");
    server.seen.reply("/a.pem", Reply::Whole("503 Busy", Vec::new()));
    rig.advance(DAY);
    assert_eq!(rig.find(&url), "present");
    until("it failed", || rig.count("fetch-status") == 1);
    // Used on, and not asked for with each call.
    assert_eq!((rig.find(&url), rig.find(&url)), ("present", "present"));
    rig.advance(RETRY_FIRST);
    assert_eq!(rig.find(&url), "present");
    until("it failed again", || rig.count("fetch-status") == 2);
    // Not for ever.
    rig.advance(MAX_STALE);
    assert_eq!(rig.find(&url), "pending");
    assert_eq!(rig.found(&url), "fetch-status");
    assert!(rig.files().is_empty());
}

#[test]
fn a_host_that_says_it_is_gone_does() {
    let server = Server::start();
    for (reply, word) in [
        (Reply::Whole("404 Not Found", Vec::new()), "fetch-status"),
        (Reply::Whole("410 Gone", Vec::new()), "fetch-status"),
        (Reply::ok("garbage"), "certificate-malformed"),
    ] {
        let rig = Rig::new(&server);
        let url = server.url("/a.pem");
        server.seen.reply("/a.pem", Reply::ok(certificate("a")));
        assert_eq!(rig.prefetch(&url), "valid");
        server.seen.reply("/a.pem", reply);
        rig.advance(DAY);
        assert_eq!(rig.find(&url), "present");
        until("it is gone", || rig.find(&url) == word);
        assert!(rig.files().is_empty());
    }
}

#[test]
fn caching_headers_keep_it_longer() {
    let server = Server::start();
    let rig = Rig::new(&server);
    let head = "200 OK\r\ncache-control: max-age=259200";
    server.seen.reply("/a.pem", Reply::Whole(head, certificate("a").into()));
    assert_eq!(rig.prefetch(&server.url("/a.pem")), "valid");
    rig.advance(3 * DAY - SECOND);
    assert_eq!((rig.find(&server.url("/a.pem")), rig.count("stale")), ("present", 0));
    rig.advance(SECOND);
    assert_eq!((rig.find(&server.url("/a.pem")), rig.count("stale")), ("present", 1));
}

#[test]
fn the_local_folder_goes_first_and_its_changes_are_seen() {
    let server = Server::start();
    let rig = Rig::with(&server, |settings| {
        let parent = settings.folder.as_deref().and_then(|folder| folder.parent());
        settings.local = parent.map(|parent| parent.join("local"));
    });
    let host = rig.folder.path().join(format!("local/{}_8443", server.addresses[0]));
    fs::create_dir_all(&host).expect("folders");
    let (one, two) = (certificate("one"), certificate("second"));
    let url = server.url("/a.pem");
    fs::write(host.join("a.pem"), &one).expect("write");
    assert_eq!(rig.leaf(&url), read(one.as_bytes()).ok());
    fs::write(host.join("a.pem"), &two).expect("write");
    assert_eq!(rig.leaf(&url), read(one.as_bytes()).ok(), "looked at once a second");
    rig.advance(SECOND);
    assert_eq!(rig.leaf(&url), read(two.as_bytes()).ok());
    // What cannot be read is the operator's to see, and no signature's fault.
    fs::write(host.join("a.pem"), "garbage").expect("write");
    rig.advance(SECOND);
    assert_eq!(rig.find(&url), "local-unreadable");
    rig.advance(DAY);
    assert_eq!(rig.find(&url), "local-unreadable");
    fs::write(host.join("a.pem"), &one).expect("write");
    rig.advance(SECOND);
    assert_eq!(rig.leaf(&url), read(one.as_bytes()).ok());
    assert_eq!(server.seen.asked("/a.pem"), 0);
    // Not there any more: it is fetched like others.
    fs::remove_file(host.join("a.pem")).expect("remove");
    server.seen.reply("/a.pem", Reply::ok(two.clone()));
    rig.advance(SECOND);
    assert_eq!(rig.found(&url), "present");
    assert_eq!((rig.leaf(&url), server.seen.asked("/a.pem")), (read(two.as_bytes()).ok(), 1));
}

#[test]
fn what_an_operator_adds_stays_until_it_is_removed() {
    let server = Server::start();
    let mut rig = Rig::new(&server);
    let url = server.url("/a.pem");
    let (own, theirs) = (certificate("own"), certificate("theirs"));
    server.seen.reply("/a.pem", Reply::ok(theirs.clone()));
    assert_eq!(rig.prefetch(&url), "valid");
    assert!(rig.cache.add(&url, own.clone().into(), rig.now()).expect("added"));
    assert_eq!(rig.leaf(&url), read(own.as_bytes()).ok());
    assert_eq!(rig.prefetch(&url), "valid");
    rig.advance(1000 * DAY);
    assert_eq!(rig.leaf(&url), read(own.as_bytes()).ok());
    rig.restart();
    assert_eq!(rig.leaf(&url), read(own.as_bytes()).ok());
    assert!(rig.cache.remove(&url).expect("removed"));
    assert!(!rig.cache.remove(&url).expect("nothing to remove"));
    assert!(rig.files().is_empty());
    assert_eq!(rig.found(&url), "present");
    assert_eq!(rig.leaf(&url), read(theirs.as_bytes()).ok());
    let add = |url: &str, body: &str| rig.cache.add(url, body.to_owned().into(), rig.now());
    assert!(matches!(add("http://a.example/", &own), Err(NotAdded::Url(_))));
    assert!(matches!(add(&url, "garbage"), Err(NotAdded::Unreadable(_))));
    assert!(matches!(add(&url, &own.repeat(1000)), Err(NotAdded::TooLarge(_))));
}

#[test]
fn another_reader_reads_all_again() {
    let server = Server::start();
    let rig = Rig::new(&server);
    let url = server.url("/a.pem");
    server.seen.reply("/a.pem", Reply::ok(certificate("a")));
    assert_eq!(rig.prefetch(&url), "valid");
    rig.cache.reread(Arc::new(|_| Ok(b"other".to_vec())));
    assert_eq!(rig.leaf(&url).as_deref(), Some(&b"other"[..]));
    // And what comes later.
    server.seen.reply("/b.pem", Reply::ok(certificate("b")));
    assert_eq!(rig.prefetch(&server.url("/b.pem")), "valid");
    assert_eq!(rig.leaf(&server.url("/b.pem")).as_deref(), Some(&b"other"[..]));
    rig.cache.reread(Arc::new(|_| Err(Outcome::CertificateMalformed)));
    assert_eq!(rig.cache.list(rig.now()), []);
}

#[test]
fn those_who_wait_are_told() {
    let server = Server::start();
    let rig = Rig::new(&server);
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    assert!(rig.cache.on_arrival(move |url, result| {
        tell.lock().expect("lock").push((url.to_owned(), result));
    }));
    let (good, bad) = (server.url("/a.pem"), server.url("/b.pem"));
    server.seen.reply("/a.pem", Reply::ok(certificate("a")));
    for url in [&good, &bad] {
        assert_eq!(rig.find(url), "pending");
    }
    until("both are told", || told.lock().expect("lock").len() == 2);
    let mut told = told.lock().expect("lock").clone();
    told.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(told, [(good.clone(), Ok(())), (bad.clone(), Err(Outcome::FetchStatus))]);
    assert_eq!((rig.find(&good), rig.find(&bad)), ("present", "fetch-status"));
}
